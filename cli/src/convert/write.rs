//! The output: sealed anew beside its place, surveyed, then made to appear.
//!
//! All cores read, verify and compute the checksums of bodies; one thread takes the segments in order, seals the
//! headers, which depend on each other, and writes.

use super::reseal::{Reseal, Unlinked};
use crate::args::ConvertArgs;
use crate::data_checksum::{DataBytes, DataChecksum};
use crate::destination;
use crate::failure::{Failure, shown};
use crate::output::{Progress, WATCH};
use crate::survey::{Finding, Kind, Survey};
use aof_nostd::wire::{HEAD_SIZE, Header, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Damage, Located, Profile};
use aof_std::scan::{Scan, Sink};
use aof_std::{NewFile, Source};
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of the input that a worker seals at a time: as much memory.
const SEGMENT_SIZE_MAX: u64 = 8 << 20;

/// Writes the log, and gives what reading it back has found.
///
/// # Errors
///
/// See [`Failure`]. The output is as it was.
pub fn write(
    args: &ConvertArgs,
    source: &Source,
    input: &Survey,
    profile: AnyProfile,
) -> Result<Survey, Failure> {
    let failed = |error| Failure::write(&args.output, error);
    let mut file = destination::create(&args.output, std::slice::from_ref(&args.file))?;
    let mut output = Output {
        args,
        file: &mut file,
        reseal: Reseal::new(profile),
        data: DataChecksum::default(),
        last: None,
        failure: None,
    };
    let progress = Progress::new("convert", source.size());
    let scan = Scan::detect(source, aof_std::backend()).map_err(|error| Failure::read(&args.file, error))?;
    let scan = scan
        .with_message_size_max(args.limits.message_size_max)
        .with_segment_size_max(SEGMENT_SIZE_MAX)
        .with_watch(&WATCH);
    let read = scan.run(
        || Part { profile, ..Part::default() },
        |part| {
            output.take(part);
            progress.show();
        },
    );
    let Output { data, last, failure, .. } = output;
    // It may have stopped the scan itself.
    if let Some(failure) = failure {
        return Err(failure);
    }
    read.map_err(|error| Failure::read(&args.file, error))?;
    drop(progress);
    let found = Source::new(file.handle())
        .and_then(|source| Survey::of_source(&source, &args.output, args.limits.message_size_max))
        .map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Failure::Interrupted,
            _ => failed(error),
        })?;
    let last = last.map(|header| header.checksum.to_string());
    let is_as_planned = is_the_same_chain(input, &found)
        && found.profile == Some(profile.name())
        && found.last_checksum == last
        && found.data_checksum_chain == data.finish().to_string();
    if !is_as_planned {
        return Err(Failure::changed(&args.output));
    }
    destination::commit(file, &args.output, args.force)?;
    Ok(found)
}

/// Whether the output holds what the input holds, by everything but checksums.
fn is_the_same_chain(input: &Survey, output: &Survey) -> bool {
    fn findings(survey: &Survey) -> impl Iterator<Item = &Finding> {
        survey.findings.iter().filter(|finding| finding.kind != Kind::ZeroTail)
    }
    let facts = |survey: &Survey| {
        (survey.entries, survey.distinct_ops, survey.first_op, survey.last_op, survey.bytes - survey.zeros)
    };
    output.sound && facts(input) == facts(output) && findings(input).eq(findings(output))
}

/// Takes what the workers sealed, in order.
struct Output<'a> {
    args: &'a ConvertArgs,
    file: &'a mut NewFile,
    reseal: Reseal,
    /// The output's data checksum, of what the input holds.
    data: DataChecksum,
    last: Option<Header>,
    failure: Option<Failure>,
}

impl Output<'_> {
    fn take(&mut self, part: Part) {
        if self.failure.is_none()
            && let Err(failure) = self.write(part)
        {
            self.failure = Some(failure);
            // What is read from here on is of no use.
            WATCH.stop.store(true, Ordering::Relaxed);
        }
    }

    fn write(&mut self, mut part: Part) -> Result<(), Failure> {
        if part.damaged {
            return Err(Failure::changed(&self.args.output)); // it was sound before
        }
        let mut rest = part.bytes.as_mut_slice();
        for (size, offset) in part.entries {
            let Some((entry, behind)) = rest.split_at_mut_checked(size) else { break };
            rest = behind;
            let header = entry.get_mut(MAGIC_SIZE..HEAD_SIZE).map(Header::mut_from_bytes);
            let Some(Ok(header)) = header else { break };
            self.reseal.seal(header).map_err(|unlinked| self.unlinked(unlinked, header, offset))?;
            self.last = Some(*header);
            let mut data = DataBytes::default();
            data.push(header);
            self.data.update(&data);
        }
        self.file.write_all(&part.bytes).map_err(|error| Failure::write(&self.args.output, error))
    }

    /// An entry that a sound file without gaps may have all the same: an earlier part of the log behind a later
    /// one.
    fn unlinked(&self, unlinked: Unlinked, header: &Header, offset: u64) -> Failure {
        let (file, op) = (shown(&self.args.file), header.op);
        let what = match unlinked {
            Unlinked::Gap => "its parent does not come before it",
            Unlinked::Fork => "it contradicts an entry before it",
        };
        Failure::Log(format!(
            "nothing was written: {file}: byte {offset} (op {op}): {what}. Bring the entries in order first: \
             aof merge --output WHOLE {file}"
        ))
    }
}

/// What a segment holds: entries with the new magic and the new checksum of the body.
#[derive(Debug, Default)]
struct Part {
    profile: AnyProfile,
    bytes: Vec<u8>,
    /// Each entry's bytes, and where it stands in the input.
    entries: Vec<(usize, u64)>,
    damaged: bool,
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let entry = located.entry;
        let mut header = entry.header;
        header.checksum_body = self.profile.checksum(&entry.body);
        self.bytes.extend_from_slice(&self.profile.magic());
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(&entry.body);
        self.entries.push((HEAD_SIZE + entry.body.len(), located.offset));
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {
        self.damaged = true;
    }
}
