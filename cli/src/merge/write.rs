//! The output: written beside its place, read back and verified, then made to appear.

use super::index::Index;
use super::plan::Plan;
use crate::args::MergeArgs;
use crate::data_checksum::{DataBytes, DataChecksum};
use crate::failure::Failure;
use crate::output::{self, Progress, WATCH};
use crate::destination;
use aof_nostd::{AnyProfile, Checksum, Damage, Located};
use aof_std::scan::{Scan, Sink};
use aof_std::source::became_shorter;
use aof_std::{NewFile, Source};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;

/// What was written, as it was read back.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file's bytes.
    pub bytes: u64,
    /// The reference's digest of what a replay sends.
    pub data_checksum: u128,
    /// Entries taken from each input.
    pub taken: Vec<u64>,
}

/// Bytes copied between two looks at whether to stop.
const STEP: u64 = 8 << 20;

/// Writes the chain into `file`, which becomes the output.
///
/// # Errors
///
/// See [`Failure`]. The output is as it was.
pub fn write(mut file: NewFile, args: &MergeArgs, index: &Index, plan: &Plan) -> Result<Written, Failure> {
    let bytes = plan.chain.iter().map(|record| record.size_disk).sum();
    let progress = Progress::new("write", bytes);
    let mut taken = vec![0; index.inputs.len()];
    for piece in pieces(plan) {
        let Some(input) = index.inputs.get(piece.input as usize) else { continue };
        if let Some(taken) = taken.get_mut(piece.input as usize) {
            *taken += piece.entries;
        }
        copy(&piece, &input.path, &input.source, &mut file, &args.output, &progress)?;
    }
    drop(progress);
    let data_checksum = read_back(args, plan, bytes, &file)?;
    destination::commit(file, &args.output, args.force)?;
    Ok(Written { bytes, data_checksum, taken })
}

/// Entries that stand behind each other in one input.
struct Piece {
    input: u32,
    offset: u64,
    size: u64,
    entries: u64,
}

fn pieces(plan: &Plan) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for record in &plan.chain {
        match pieces.last_mut() {
            Some(last) if last.input == record.input && last.offset + last.size == record.offset => {
                last.size += record.size_disk;
                last.entries += 1;
            }
            _ => pieces.push(Piece {
                input: record.input,
                offset: record.offset,
                size: record.size_disk,
                entries: 1,
            }),
        }
    }
    pieces
}

fn copy(
    piece: &Piece,
    path: &Path,
    source: &Source,
    target: &mut NewFile,
    output: &Path,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut source = source.clone();
    source.seek(SeekFrom::Start(piece.offset)).map_err(|error| Failure::read(path, error))?;
    let mut rest = piece.size;
    while rest > 0 {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        let copied = target
            .copy_from(&mut source, rest.min(STEP))
            .map_err(|error| Failure::copy(path, output, error))?;
        if copied == 0 {
            return Err(Failure::read(path, became_shorter()));
        }
        rest -= copied;
        WATCH.bytes.fetch_add(copied, Ordering::Relaxed);
        progress.show();
    }
    Ok(())
}

/// Reads the new file whole and compares it with the plan. Gives its data checksum.
fn read_back(args: &MergeArgs, plan: &Plan, bytes: u64, file: &NewFile) -> Result<u128, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::Interrupted,
        _ => Failure::write(&args.output, error),
    };
    let changed = || Failure::changed(&args.output);
    let source = Source::new(file.handle()).map_err(failed)?;
    if source.size() != bytes {
        return Err(changed());
    }
    let progress = Progress::new("verify", bytes);
    let scan = Scan::detect(&source, aof_std::backend()).map_err(failed)?;
    let profile: AnyProfile = scan.profile().ok_or_else(changed)?;
    let scan =
        Scan::new(&source, profile).with_message_size_max(args.limits.message_size_max).with_watch(&WATCH);
    let mut data = DataChecksum::default();
    let mut expected = plan.chain.iter();
    let mut as_planned = true;
    scan.run(Part::default, |part| {
        data.update(&part.data);
        as_planned &= !part.damaged;
        for checksum in &part.checksums {
            as_planned &= expected.next().is_some_and(|record| record.checksum == *checksum);
        }
        progress.show();
    })
    .map_err(failed)?;
    if !as_planned || expected.next().is_some() {
        return Err(changed());
    }
    Ok(data.finish())
}

/// What a segment of the output holds.
#[derive(Default)]
struct Part {
    checksums: Vec<Checksum>,
    data: DataBytes,
    damaged: bool,
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        self.checksums.push(located.entry.header.checksum);
        self.data.push(&located.entry.header);
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {
        self.damaged = true;
    }
}
