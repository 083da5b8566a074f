//! Reading an input into the index: [`Reading`].
//!
//! Replicas' logs are long runs of entries that follow each other, in the chain and in the file. Such a
//! *stretch* is one row, and of each of its entries only what does not follow from it:
//!
//! ```text
//! file      | e0 | e1 | e2 |damage| e3 | e4 |          e0 again, after a crash: a backtrack
//! stretches   op 7, parent p, byte 0, 3 entries         op 7, parent p, ...
//! rows      | checksum, size, fingerprint | ...         28 bytes each
//! regions                   | what is damaged between two stretches
//! ```
//!
//! A stretch ends after [`STRETCH_MAX`] entries at the latest, so that each of its entries is found quickly.

use super::input::{DamageRow, Input};
use super::region::{Anchor, Boundaries, Inside, Region, Sealed};
use super::spool::Spool;
use super::work::Work;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::output::{Progress, WATCH};
use aof_nostd::wire::{EntryHead, HEAD_SIZE, Header, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Checksum, Damage, Located, Profile};
use aof_std::Source;
use aof_std::scan::{Scan, Sink};
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The most entries of a stretch.
const STRETCH_MAX: u64 = 1 << 14;

/// An entry: what does not follow from its stretch.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct EntryRow {
    /// Its checksum, which its child names.
    pub(crate) checksum: Checksum,
    /// Its bytes.
    pub(crate) fingerprint: Fingerprint,
    /// Header and body, bytes.
    size: [u8; 4],
}

impl EntryRow {
    /// Magic, header and body.
    pub(crate) fn size_disk(&self) -> u64 {
        u64::from(u32::from_ne_bytes(self.size)) + MAGIC_SIZE as u64
    }
}

/// Entries that follow each other, in the chain and in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Stretch {
    /// The op of the first.
    pub(crate) op: u64,
    /// How many there are; 0 where they are left out.
    pub(crate) count: u64,
    /// The number of the first among all rows.
    pub(crate) row: u64,
    /// The first byte of the first.
    pub(crate) offset: u64,
    /// The byte after the last.
    pub(crate) end: u64,
    /// The parent of the first.
    pub(crate) parent: Checksum,
    /// The checksum of the last.
    pub(crate) last: Checksum,
    cluster: [u8; 16],
    pub(crate) input: u32,
    state: u32,
}

/// Whether entries belong to the log: see [`membership`](super::membership).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// They begin at a boundary of the log.
    InPlace,
    /// An entry of the log names the last of them as its parent.
    Named,
    /// In place, or named, if entries are the log's of which nothing else confirms it.
    Likely,
    /// Nothing confirms it.
    Unconfirmed,
    /// They are inside of a damaged entry whose header is sealed, and nothing confirms that they belong to the log.
    Inside,
}

impl Stretch {
    pub(crate) fn state(&self) -> State {
        match self.state {
            0 => State::InPlace,
            1 => State::Named,
            2 => State::Likely,
            3 => State::Unconfirmed,
            _ => State::Inside,
        }
    }

    /// Whether nothing confirms them, and they are not left out.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.count > 0 && self.state() == State::Unconfirmed
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.state = match state {
            State::InPlace => 0,
            State::Named => 1,
            State::Likely => 2,
            State::Unconfirmed => 3,
            State::Inside => 4,
        };
    }

    /// The op of the last.
    pub(crate) fn last_op(&self) -> u64 {
        self.op.saturating_add(self.count.saturating_sub(1))
    }

    /// The cluster of all of them.
    pub(crate) fn cluster(&self) -> u128 {
        u128::from_ne_bytes(self.cluster)
    }

    /// Whether `next` continues it, in the chain and in the file.
    pub(crate) fn is_continued_by(&self, next: &Self) -> bool {
        self.input == next.input
            && self.end == next.offset
            && self.last == next.parent
            && self.last_op().checked_add(1) == Some(next.op)
    }
}

/// What all inputs hold, in the order read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Spool<EntryRow>,
    pub(crate) stretches: Spool<Stretch>,
    pub(crate) regions: Spool<Region>,
    pub(crate) sealed: Spool<Sealed>,
    pub(crate) damage: Spool<DamageRow>,
}

impl Found {
    pub(crate) fn new(work: &Work) -> Self {
        Self {
            rows: Spool::new(work, 16),
            stretches: Spool::new(work, 32),
            regions: Spool::new(work, 64),
            sealed: Spool::new(work, 64),
            damage: Spool::new(work, 32),
        }
    }
}

/// The profile of the first entry of `input`, if its head is intact enough to determine it.
pub(crate) fn first_profile(input: &Input) -> Result<Option<AnyProfile>, Failure> {
    let mut head = [0; HEAD_SIZE];
    let mut source = input.open()?;
    match io::Read::read_exact(&mut source, &mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Failure::read(&input.path, error)),
    }
    let Ok(head) = EntryHead::read_from_bytes(&head) else { return Ok(None) };
    let all = AnyProfile::all(aof_std::backend());
    let by_magic = all.iter().find(|profile| profile.magic() == head.magic);
    Ok(by_magic.or_else(|| all.iter().find(|profile| head.header.verify(*profile))).copied())
}

/// A scan of `source`, which is `input`. What is found first in a log whose first head is lost may be content of a body:
/// then the profile is `expected`, that of the other inputs.
fn scan<'a>(input: &Input, source: &'a Source, expected: Option<AnyProfile>) -> Result<Scan<'a>, Failure> {
    match expected {
        Some(expected) if first_profile(input)?.is_none() => Ok(Scan::new(source, expected)),
        _ => Scan::detect(source, aof_std::backend()).map_err(|error| Failure::read(&input.path, error)),
    }
}

/// Reads `input`, number `number`, whole. If its own beginning does not tell its profile, `expected` is tried first.
pub(crate) fn read(
    input: &mut Input,
    number: u32,
    expected: Option<AnyProfile>,
    message_size_max: u32,
    work: &Work,
    found: &mut Found,
    progress: &Progress,
) -> Result<(), Failure> {
    let source = input.open()?;
    let scan = scan(input, &source, expected)?;
    let scan = work.limit(scan, message_size_max).with_watch(&WATCH);
    let first = (found.damage.len(), found.stretches.len(), found.regions.len());
    let boundaries = Boundaries::new(&source, scan.profile(), message_size_max);
    let mut reading =
        Reading { found, number, boundaries, stretch: None, region: None, is_unsure: false, entries: 0 };
    let mut zeros = None;
    let mut failure = None;
    let scanned = scan.run(Part::default, |part| {
        zeros = part.zeros.or(zeros);
        if failure.is_none()
            && let Err(error) = reading.take(&part)
        {
            // Nothing that is read from here on could be kept.
            WATCH.stop.store(true, Ordering::Relaxed);
            failure = Some(error);
        }
        progress.show();
    });
    if let Some(failure) = failure {
        WATCH.stop.store(false, Ordering::Relaxed);
        return Err(failure.into_failure(&input.path));
    }
    scanned.map_err(|error| Failure::read(&input.path, error))?;
    input.entries = reading.close()?;
    input.profile = scan.profile();
    input.zeros = zeros;
    input.damage = first.0..found.damage.len();
    input.stretches = first.1..found.stretches.len();
    input.regions = first.2..found.regions.len();
    Ok(())
}

/// Why an input cannot be taken into the index.
pub(super) enum Untaken {
    /// The input cannot be read.
    Input(io::Error),
    Other(Failure),
}

impl Untaken {
    fn into_failure(self, path: &Path) -> Failure {
        match self {
            Self::Input(error) => Failure::read(path, error),
            Self::Other(failure) => failure,
        }
    }
}

impl From<io::Error> for Untaken {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

impl From<Failure> for Untaken {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

/// An input that is being read.
struct Reading<'a> {
    found: &'a mut Found,
    number: u32,
    boundaries: Boundaries,
    /// The stretch that may continue.
    stretch: Option<Stretch>,
    /// What is damaged since the last entry.
    region: Option<Region>,
    /// Whether the place of the last entry is not known to be one of the log.
    is_unsure: bool,
    entries: u64,
}

impl Reading<'_> {
    /// Takes what the next segment holds.
    fn take(&mut self, part: &Part) -> Result<(), Untaken> {
        let mut damage = part.damage.iter().peekable();
        let mut row = self.found.rows.len();
        self.found.rows.extend(&part.rows)?;
        for piece in &part.pieces {
            while let Some((damage, until)) = damage.next_if(|(damage, _)| damage.offset < piece.offset) {
                self.damage(*damage, *until)?;
            }
            self.piece(piece, row)?;
            row += piece.count;
        }
        for (damage, until) in damage {
            self.damage(*damage, *until)?;
        }
        Ok(())
    }

    fn damage(&mut self, damage: Damage, until: u64) -> Result<(), Untaken> {
        self.found.damage.push(DamageRow::new(damage, until))?;
        let last = self.stretch.map(|stretch| Anchor { op: stretch.last_op(), checksum: stretch.last });
        self.close_stretch()?;
        let sealed = self.found.sealed.len();
        let mut region =
            self.region.take().unwrap_or_else(|| Region::new(self.number, damage.offset, last, sealed));
        // What is before a sealed header may be of unknown sizes: its own place can be found out all the same.
        if !region.is_proven() && self.boundaries.is_sealed(damage.offset, until)? {
            self.split(region)?;
            region = Region::new(self.number, damage.offset, None, sealed);
        }
        if let Some(header) = self.boundaries.pass(&mut region, damage.offset, until)? {
            self.found.sealed.push(Sealed::new(damage.offset, &header))?;
        }
        let is_proven = region.is_proven();
        self.region = Some(region);
        // This region or an earlier one may have led into a body. What a header says there of its size may be a lie,
        // told to hide entries of the log.
        self.is_unsure |= !is_proven;
        if self.is_unsure {
            self.search(damage.offset, until)?;
        }
        Ok(())
    }

    /// A region continues as another one.
    fn split(&mut self, mut region: Region) -> Result<(), Failure> {
        region.end_before(self.found.stretches.len(), self.found.sealed.len());
        region.set_continued();
        self.found.regions.push(region)
    }

    /// Looks for entries inside a damaged entry.
    fn search(&mut self, offset: u64, until: u64) -> Result<(), Untaken> {
        let mut at = offset + 1;
        while let Some(inside) = self.boundaries.next_inside(at, until)? {
            let part = match inside {
                Inside::Entry(part) => part,
                Inside::Sealed(sealed, header) => {
                    self.sealed_inside(sealed, &header, until)?;
                    at = sealed + 1;
                    continue;
                }
            };
            let mut row = self.found.rows.len();
            self.found.rows.extend(&part.rows)?;
            for piece in &part.pieces {
                self.add(piece, row, State::Inside)?;
                row += piece.count;
                at = piece.end;
            }
        }
        self.close_stretch()?;
        Ok(())
    }

    /// A damaged entry inside of another one: if its place is one of the log, so is its end.
    fn sealed_inside(&mut self, offset: u64, header: &Header, until: u64) -> Result<(), Untaken> {
        self.close_stretch()?;
        if let Some(region) = self.region.take() {
            self.split(region)?;
        }
        self.region = Some(Region::inside(self.number, offset, header, until, self.found.sealed.len()));
        self.found.sealed.push(Sealed::new(offset, header))?;
        Ok(())
    }

    fn piece(&mut self, piece: &Piece, row: u64) -> Result<(), Untaken> {
        if let Some(mut region) = self.region.take() {
            self.close_stretch()?;
            region.end_before(self.found.stretches.len(), self.found.sealed.len());
            self.found.regions.push(region)?;
        }
        self.add(piece, row, State::InPlace)?;
        Ok(())
    }

    fn add(&mut self, piece: &Piece, row: u64, state: State) -> Result<(), Failure> {
        self.entries += piece.count;
        let mut next = piece.stretch(row, self.number);
        next.set_state(state);
        match &mut self.stretch {
            Some(stretch)
                if stretch.is_continued_by(&next)
                    && stretch.cluster == next.cluster
                    && stretch.row + stretch.count == next.row
                    && stretch.count + next.count <= STRETCH_MAX =>
            {
                stretch.count += next.count;
                (stretch.end, stretch.last) = (next.end, next.last);
            }
            _ => {
                self.close_stretch()?;
                self.stretch = Some(next);
            }
        }
        Ok(())
    }

    fn close_stretch(&mut self) -> Result<(), Failure> {
        match self.stretch.take() {
            Some(stretch) => self.found.stretches.push(stretch),
            None => Ok(()),
        }
    }

    /// The input is over.
    fn close(mut self) -> Result<u64, Failure> {
        self.close_stretch()?;
        if let Some(mut region) = self.region.take() {
            region.end_before(self.found.stretches.len(), self.found.sealed.len());
            self.found.regions.push(region)?;
        }
        Ok(self.entries)
    }
}

/// What a segment of an input holds.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) rows: Vec<EntryRow>,
    pub(super) pieces: Vec<Piece>,
    damage: Vec<(Damage, u64)>,
    zeros: Option<u64>,
}

/// Entries of one cluster that follow each other in a segment.
#[derive(Debug)]
pub(super) struct Piece {
    op: u64,
    count: u64,
    offset: u64,
    end: u64,
    parent: Checksum,
    last: Checksum,
    cluster: u128,
}

impl Piece {
    fn stretch(&self, row: u64, input: u32) -> Stretch {
        Stretch {
            op: self.op,
            count: self.count,
            row,
            offset: self.offset,
            end: self.end,
            parent: self.parent,
            last: self.last,
            cluster: self.cluster.to_ne_bytes(),
            input,
            state: 0,
        }
    }
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        let (op, parent, cluster) = (header.op.get(), header.parent, header.cluster.get());
        let end = located.offset.saturating_add(header.size_disk());
        self.rows.push(EntryRow {
            checksum: header.checksum,
            fingerprint: Fingerprint::of(located.entry),
            size: header.size.get().to_ne_bytes(),
        });
        match self.pieces.last_mut() {
            Some(piece)
                if piece.end == located.offset
                    && piece.last == parent
                    && piece.op.checked_add(piece.count) == Some(op)
                    && piece.cluster == cluster
                    && piece.count < STRETCH_MAX =>
            {
                piece.count += 1;
                (piece.end, piece.last) = (end, header.checksum);
            }
            _ => {
                let (offset, last) = (located.offset, header.checksum);
                self.pieces.push(Piece { op, count: 1, offset, end, parent, last, cluster });
            }
        }
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.damage.push((damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.zeros = Some(from);
    }
}
