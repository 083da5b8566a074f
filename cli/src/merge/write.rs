//! The output: written beside its place, read back and verified, then made to appear.

use super::chain::{Chain, Piece, Walk};
use super::index::Index;
use crate::args::MergeArgs;
use crate::data_checksum::{DataBytes, DataChecksum};
use crate::destination;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::output::{self, Progress, WATCH};
use aof_nostd::{Damage, Located};
use aof_std::scan::{Scan, Sink};
use aof_std::source::became_shorter;
use aof_std::{NewFile, Source};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// What was written, as it was read back.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file's bytes.
    pub bytes: u64,
    /// The reference's digest of what a replay sends.
    pub data_checksum: u128,
    /// Entries that it is over.
    pub replayed: u64,
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
pub fn write(mut file: NewFile, args: &MergeArgs, index: &Index, chain: &Chain) -> Result<Written, Failure> {
    let bytes = chain.bytes();
    let progress = Progress::new("write", bytes);
    let mut taken = vec![0; index.inputs.len()];
    let mut copy = Copy { target: &mut file, output: &args.output, small: Vec::new(), progress: &progress };
    let mut walk = Walk::new(chain);
    let mut open: Option<(u32, Source)> = None;
    while let Some(piece) = walk.next_piece(chain)? {
        walk.skip_piece();
        let Some(input) = index.inputs.get(piece.input as usize) else { continue };
        if let Some(taken) = taken.get_mut(piece.input as usize) {
            *taken += piece.count;
        }
        let source = match open.take().filter(|(number, _)| *number == piece.input) {
            Some((_, source)) => source,
            None => input.open()?,
        };
        let source = &mut open.insert((piece.input, source)).1;
        copy.piece(&piece, &input.path, source)?;
    }
    copy.flush().map_err(|error| Failure::write(&args.output, error))?;
    drop(copy);
    drop(progress);
    let (data_checksum, replayed) = read_back(args, index, chain, &file)?;
    destination::commit(file, &args.output, args.force)?;
    Ok(Written { bytes, data_checksum, replayed, taken })
}

/// Copies pieces behind each other: large ones from file to file, small ones together.
struct Copy<'a> {
    target: &'a mut NewFile,
    output: &'a Path,
    /// Small pieces that wait to be written.
    small: Vec<u8>,
    progress: &'a Progress,
}

/// Pieces below this many bytes are small: a shuffled log has one for each entry.
const SMALL: u64 = 64 << 10;

/// Bytes of small pieces that are written at once.
const SMALL_TOGETHER: usize = 1 << 20;

impl Copy<'_> {
    fn piece(&mut self, piece: &Piece, path: &Path, source: &mut Source) -> Result<(), Failure> {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        source.seek(SeekFrom::Start(piece.offset)).map_err(|error| Failure::read(path, error))?;
        let copied = if piece.size < SMALL { self.small(piece, source) } else { self.large(piece, source) };
        copied.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Failure::Interrupted,
            _ => Failure::copy(path, self.output, error),
        })?;
        self.progress.show();
        Ok(())
    }

    fn small(&mut self, piece: &Piece, source: &mut Source) -> io::Result<()> {
        let begin = self.small.len();
        let size = usize::try_from(piece.size).unwrap_or(usize::MAX);
        self.small.resize(begin.saturating_add(size), 0);
        source.read_exact(self.small.get_mut(begin..).unwrap_or_default())?;
        if self.small.len() >= SMALL_TOGETHER { self.flush() } else { Ok(()) }
    }

    fn large(&mut self, piece: &Piece, source: &mut Source) -> io::Result<()> {
        self.flush()?;
        let mut rest = piece.size;
        while rest > 0 {
            if output::stopped() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let copied = self.target.copy_from(source, rest.min(STEP))?;
            if copied == 0 {
                return Err(became_shorter());
            }
            rest -= copied;
            WATCH.bytes.fetch_add(copied, Ordering::Relaxed);
            self.progress.show();
        }
        Ok(())
    }

    /// Writes the small pieces that wait.
    fn flush(&mut self) -> io::Result<()> {
        self.target.write_all(&self.small)?;
        WATCH.bytes.fetch_add(self.small.len() as u64, Ordering::Relaxed);
        self.small.clear();
        Ok(())
    }
}

/// Reads the new file whole and compares it with the plan, entry by entry. Returns its data checksum, and how
/// many entries that is over.
fn read_back(args: &MergeArgs, index: &Index, chain: &Chain, file: &NewFile) -> Result<(u128, u64), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::Interrupted,
        _ => Failure::write(&args.output, error),
    };
    let changed = || Failure::changed(&args.output);
    let source = Source::new(file.handle()).map_err(failed)?;
    if source.size() != chain.bytes() {
        return Err(changed());
    }
    let progress = Progress::new("verify", chain.bytes());
    let scan = Scan::detect(&source, aof_std::backend()).map_err(failed)?;
    if scan.profile().is_none() {
        return Err(changed());
    }
    let scan = index.work.limit(scan, args.limits.message_size_max);
    let (mut data, mut replayed) = (DataChecksum::default(), 0);
    let mut planned = Planned { index, chain, walk: Walk::new(chain), goes_on: Ok(true) };
    scan.with_watch(&WATCH)
        .run(Part::default, |part| {
            data.update(&part.data);
            replayed += part.data.entries();
            planned.compare(&part);
            progress.show();
        })
        .map_err(failed)?;
    if !planned.finish()? {
        return Err(changed());
    }
    Ok((data.finish(), replayed))
}

/// What the output has to hold.
struct Planned<'a> {
    index: &'a Index,
    chain: &'a Chain,
    walk: Walk,
    /// Whether all was as planned up to here.
    goes_on: Result<bool, Failure>,
}

impl Planned<'_> {
    fn compare(&mut self, part: &Part) {
        if part.damaged {
            self.goes_on = Ok(false);
        }
        for fingerprint in &part.fingerprints {
            if !matches!(self.goes_on, Ok(true)) {
                return;
            }
            let link = self.walk.next(self.index, self.chain);
            self.goes_on = link.map(|link| link.is_some_and(|link| link.fingerprint == *fingerprint));
        }
    }

    /// Whether all of it was there, and nothing else.
    fn finish(mut self) -> Result<bool, Failure> {
        Ok(self.goes_on? && self.walk.next(self.index, self.chain)?.is_none())
    }
}

/// What a segment of the output holds.
#[derive(Default)]
struct Part {
    fingerprints: Vec<Fingerprint>,
    data: DataBytes,
    damaged: bool,
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        self.fingerprints.push(Fingerprint::of(located.entry));
        self.data.push(&located.entry.header);
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {
        self.damaged = true;
    }
}
