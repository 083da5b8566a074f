//! The entries of one or more logs in the order of the chain: [`Log`].
//!
//! Planned: the inputs were read whole and merged, as `aof merge` does; entries are then read one by one
//! from where they stand, and checked again, since what is sent must be what was planned. Streamed: one
//! log is read from its beginning, and the first break of the chain ends it.

use crate::failure::{Failure, shown};
use crate::fingerprint::Fingerprint;
use crate::merge::chain::{Chain, Link, Walk};
use crate::merge::index::Index;
use aof_nostd::wire::{Entry, Header, HeaderRule};
use aof_nostd::{AnyProfile, Checksum, Damage, DamageKind, Profile, ReadError, TigerBeetle};
use aof_std::{LogReader, Source};
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its op.
    pub op: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {} (op {})", shown(&self.file), self.offset, self.op)
    }
}

/// An entry, whole and valid.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its header.
    pub header: Header,
    /// Its body, shared with the request that is made of it.
    pub body: Arc<Vec<u8>>,
    /// Where it stands.
    pub place: Place,
}

/// Entries in the order of the chain.
pub struct Log {
    form: Form,
    bodies: Bodies,
}

enum Form {
    Planned(Box<Planned>),
    Streamed { reader: Box<LogReader>, file: Arc<Path>, zeros: u64 },
}

/// The chain that inputs make together.
struct Planned {
    index: Index,
    chain: Chain,
    next: Walk,
    /// The input that was read last, by its number.
    open: Option<(u32, Source)>,
    buffer: Vec<u8>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Log {
    /// The chain that inputs make together.
    #[must_use]
    pub fn planned(index: Index, chain: Chain) -> Self {
        let next = Walk::new(&chain);
        let form = Form::Planned(Box::new(Planned { index, chain, next, open: None, buffer: Vec::new() }));
        Self { form, bodies: Bodies::default() }
    }

    /// One log, read as it goes.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`].
    pub fn streamed(path: &Path, message_size_max: u32) -> Result<Self, Failure> {
        let failed = |error| Failure::read(path, error);
        let zeros = Source::open(path).and_then(|source| source.zeros_begin()).map_err(failed)?;
        let reader = aof_std::open(path, aof_std::backend()).map_err(failed)?;
        let reader = Box::new(reader.with_message_size_max(message_size_max).with_chain_check(true));
        Ok(Self { form: Form::Streamed { reader, file: path.into(), zeros }, bodies: Bodies::default() })
    }

    /// Entries in the whole chain, if that is known.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match &self.form {
            Form::Planned(planned) => Some(planned.chain.entries()),
            Form::Streamed { .. } => None,
        }
    }

    /// The next entry.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`]; [`Failure::Log`] where a streamed log is damaged or a planned one changed.
    pub fn next_entry(&mut self) -> Result<Option<LogEntry>, Failure> {
        match &mut self.form {
            Form::Planned(planned) => planned.next_entry(&mut self.bodies),
            Form::Streamed { reader, file, zeros } => read_streamed(reader, file, *zeros, &mut self.bodies),
        }
    }

    /// The first entry with this op. What comes next is not defined: [`rewind`](Self::rewind).
    ///
    /// # Errors
    ///
    /// As of [`next_entry`](Self::next_entry).
    pub fn find(&mut self, op: u64) -> Result<Option<LogEntry>, Failure> {
        self.rewind();
        self.skip_to(op)?;
        while let Some(entry) = self.next_entry()? {
            match entry.header.op.get() {
                found if found == op => return Ok(Some(entry)),
                found if found > op => break,
                _ => {}
            }
        }
        Ok(None)
    }

    /// Goes to the first entry with this op or a higher one, where the log is planned.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn skip_to(&mut self, op: u64) -> Result<(), Failure> {
        if let Form::Planned(planned) = &mut self.form {
            planned.next = Walk::from(&planned.index, &planned.chain, op)?;
        }
        Ok(())
    }

    /// Begins again with the first entry.
    pub fn rewind(&mut self) {
        match &mut self.form {
            Form::Planned(planned) => planned.next = Walk::new(&planned.chain),
            Form::Streamed { reader, .. } => reader.reset(),
        }
    }
}

impl Planned {
    fn next_entry(&mut self, bodies: &mut Bodies) -> Result<Option<LogEntry>, Failure> {
        match self.next.next(&self.index, &self.chain)? {
            Some(link) => self.read(&link, bodies).map(Some),
            None => Ok(None),
        }
    }

    fn read(&mut self, link: &Link, bodies: &mut Bodies) -> Result<LogEntry, Failure> {
        let Some(input) = self.index.inputs.get(link.input as usize) else {
            return Err(Failure::Log("an entry of no input".into()));
        };
        let place = Place { file: input.path.as_path().into(), offset: link.offset, op: link.op };
        let source = match self.open.take().filter(|(number, _)| *number == link.input) {
            Some((_, source)) => source,
            None => input.open()?,
        };
        let source = &mut self.open.insert((link.input, source)).1;
        let (size_disk, profile) = (link.size_disk, input.profile);
        let entry = read_entry(source, &place, size_disk, profile, link.checksum, &mut self.buffer)?;
        if Fingerprint::of(entry) != link.fingerprint {
            return Err(changed(&place)); // another entry with the same checksum
        }
        Ok(LogEntry { header: entry.header, body: bodies.copy(&entry.body), place })
    }
}

/// Reads an entry that was found before, into `buffer`, and checks it again: header, body, and that it is the one
/// with this checksum.
///
/// # Errors
///
/// [`Failure::Read`]; [`Failure::Log`] where something else stands there by now.
pub fn read_entry<'b>(
    source: &mut Source,
    place: &Place,
    size_disk: u64,
    profile: Option<AnyProfile>,
    checksum: Checksum,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b Entry, Failure> {
    let changed = || changed(place);
    buffer.resize(usize::try_from(size_disk).map_err(|_| changed())?, 0);
    let read = source.seek(SeekFrom::Start(place.offset)).and_then(|_| source.read_exact(buffer));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(changed()),
        Err(error) => return Err(Failure::read(&place.file, error)),
    }
    let entry = Entry::from_prefix(buffer).ok_or_else(changed)?;
    let profile = profile.unwrap_or(AnyProfile::TigerBeetle(TigerBeetle::new(aof_std::backend())));
    let is_the_same = entry.header.checksum == checksum
        && entry.header.verify(&profile)
        && profile.checksum(&entry.body) == entry.header.checksum_body;
    if is_the_same { Ok(entry) } else { Err(changed()) }
}

fn changed(place: &Place) -> Failure {
    Failure::Log(format!("{place}: it is not any more what it was a moment ago: does something write there?"))
}

fn read_streamed(
    reader: &mut LogReader,
    file: &Arc<Path>,
    zeros: u64,
    bodies: &mut Bodies,
) -> Result<Option<LogEntry>, Failure> {
    match reader.next() {
        Ok(None) => Ok(None),
        // A device's free space.
        Err(ReadError::Damage(damage)) if damage.offset >= zeros => Ok(None),
        Ok(Some(located)) => {
            let header = located.entry.header;
            let place = Place { file: Arc::clone(file), offset: located.offset, op: header.op.get() };
            Ok(Some(LogEntry { header, body: bodies.copy(&located.entry.body), place }))
        }
        Err(ReadError::Device(error)) => Err(Failure::Read { path: PathBuf::from(&**file), error }),
        Err(error) => {
            let is_size = matches!(
                &error,
                ReadError::Damage(Damage { kind: DamageKind::HeaderInvalid(HeaderRule::Size), .. })
            );
            let advice = if is_size {
                "Is it above --message-size-max? Then raise it"
            } else {
                "Everything before it was read; without --no-preflight the log is merged with itself first, which \
                 passes over repeated entries"
            };
            Err(Failure::Log(format!("{}: {error}. {advice}", shown(file))))
        }
    }
}

/// Buffers of bodies, used again once nobody else holds them.
#[derive(Debug, Default)]
struct Bodies(Vec<Arc<Vec<u8>>>);

/// An entry is read while the one before it is in flight, and one waits between them.
const BODIES: usize = 4;

impl Bodies {
    fn copy(&mut self, bytes: &[u8]) -> Arc<Vec<u8>> {
        for body in &mut self.0 {
            if let Some(free) = Arc::get_mut(body) {
                free.clear();
                free.extend_from_slice(bytes);
                return Arc::clone(body);
            }
        }
        let body = Arc::new(bytes.to_vec());
        if self.0.len() < BODIES {
            self.0.push(Arc::clone(&body));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_tests::build::{PROFILES, chain};

    /// Only the header was compared by the command that shows an entry: a body that had changed was shown as true.
    #[test]
    fn entry_whose_header_or_body_has_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        for profile in PROFILES {
            let log = chain(profile, &[5, 300]);
            let second = log.entries[1];
            let place = Place { file: path.as_path().into(), offset: second.offset as u64, op: 2 };
            let size = second.size_disk as u64;
            for (changed, cut) in [(None, 0), (Some(20), 0), (Some(272), 0), (Some(571), 0), (None, 1)] {
                let mut bytes = log.bytes.clone();
                if let Some(at) = changed {
                    bytes[second.offset + at] ^= 1;
                }
                bytes.truncate(bytes.len() - cut);
                std::fs::write(&path, &bytes).unwrap();
                let mut source = Source::open(&path).unwrap();
                let mut buffer = Vec::new();
                let read = read_entry(&mut source, &place, size, Some(profile), second.checksum, &mut buffer);
                let is_whole = changed.is_none() && cut == 0;
                assert_eq!(read.is_ok(), is_whole, "{changed:?}, {cut} bytes cut");
                let told = read.err().map(|failure| failure.to_string()).unwrap_or_default();
                assert!(is_whole || told.contains("not any more what it was"), "{told}");
            }
        }
    }
}
