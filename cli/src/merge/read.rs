//! Reading an input into the index: [`Reading`].
//!
//! Replicas' logs are long runs of entries that follow each other, in the chain and in the file. Such a
//! *stretch* is one row, and of each of its entries only what does not follow from it:
//!
//! ```text
//! file      | e0 | e1 | e2 |damage| e3 | e4 |          e0 once more, after a crash: a backtrack
//! stretches   op 7, parent p, byte 0, 3 entries         op 7, parent p, ...
//! rows      | checksum, size, fingerprint | ...         28 bytes each
//! runs      | e0 .. e2       |      | e3 ...            entries without damage between them
//! ```
//!
//! A stretch ends after [`STRETCH_MAX`] entries at the latest, so that one entry of it is found soon.

use super::input::{DamageRow, Input};
use super::spool::Spool;
use super::work::Work;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::output::{Progress, WATCH};
use aof_nostd::wire::MAGIC_SIZE;
use aof_nostd::{Checksum, Damage, Located};
use aof_std::scan::{Scan, Sink};
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

/// Entries that follow each other.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Stretch {
    /// The op of the first.
    pub(crate) op: u64,
    /// How many there are; none where they are left out.
    pub(crate) count: u64,
    /// The number of the first among all rows.
    pub(crate) row: u64,
    /// The first byte of the first.
    pub(crate) offset: u64,
    /// The parent of the first.
    pub(crate) parent: Checksum,
    pub(crate) input: u32,
    /// 1 where they are in an island.
    pub(crate) island: u32,
}

impl Stretch {
    /// The op of the last.
    pub(crate) fn last_op(&self) -> u64 {
        self.op.saturating_add(self.count.saturating_sub(1))
    }
}

/// Entries without damage between them.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Run {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) entries: u64,
    /// Its stretches, by number.
    pub(crate) stretch: u64,
    pub(crate) stretches: u64,
    /// The op of its last entry.
    pub(crate) last_op: u64,
    /// The lowest and the highest op in it.
    op_min: u64,
    op_max: u64,
    /// The bytes of that entry's largest child, if damage stands behind it.
    pub(crate) child_size: u64,
    /// The first entry of another cluster than `cluster`, if there is one.
    pub(crate) other_at: u64,
    /// The last entry's identity.
    pub(crate) last: Checksum,
    cluster: [u8; 16],
    other: [u8; 16],
    pub(crate) input: u32,
    flags: u32,
}

impl Run {
    const BEFORE: u32 = 1;
    const BEHIND: u32 = 2;
    const OTHER: u32 = 4;
    const ABOVE: u32 = 8;
    const BELOW: u32 = 16;

    /// The cluster of the first entry.
    pub(crate) fn cluster(&self) -> u128 {
        u128::from_ne_bytes(self.cluster)
    }

    /// Where the first entry of another cluster stands, and that cluster.
    pub(crate) fn other_cluster(&self) -> Option<(u64, u128)> {
        (self.flags & Self::OTHER != 0).then_some((self.other_at, u128::from_ne_bytes(self.other)))
    }

    pub(crate) fn damage_before(&self) -> bool {
        self.flags & Self::BEFORE != 0
    }

    pub(crate) fn damage_behind(&self) -> bool {
        self.flags & Self::BEHIND != 0
    }

    /// Whether damage stands directly before and behind it.
    pub(crate) fn is_enclosed(&self) -> bool {
        self.damage_before() && self.damage_behind()
    }

    /// Whether it might lie inside the body of a damaged entry: it is enclosed, and its ops do not tell where it
    /// stands.
    pub(crate) fn is_island(&self) -> bool {
        self.is_enclosed() && self.flags & (Self::ABOVE | Self::BELOW) != Self::ABOVE | Self::BELOW
    }

    /// Compares it with the highest op before it in its log, and gives the highest so far.
    pub(crate) fn compare_before(&mut self, before: Option<u64>) -> u64 {
        if before.is_some_and(|before| has_room(before, self.op_min)) {
            self.flags |= Self::ABOVE;
        }
        before.unwrap_or(0).max(self.op_max)
    }

    /// Compares it with the lowest op behind it in its log, and gives the lowest so far.
    pub(crate) fn compare_behind(&mut self, behind: Option<u64>) -> u64 {
        if behind.is_some_and(|behind| has_room(self.op_max, behind)) {
            self.flags |= Self::BELOW;
        }
        behind.unwrap_or(u64::MAX).min(self.op_min)
    }
}

/// Whether another entry, a damaged one, has room between two.
fn has_room(before: u64, behind: u64) -> bool {
    before.checked_add(2).is_some_and(|least| least <= behind)
}

/// What all inputs hold, in the order read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Spool<EntryRow>,
    pub(crate) stretches: Spool<Stretch>,
    pub(crate) runs: Spool<Run>,
    pub(crate) damage: Spool<DamageRow>,
}

impl Found {
    pub(crate) fn new(work: &Work) -> Self {
        Self {
            rows: Spool::new(work, 16),
            stretches: Spool::new(work, 32),
            runs: Spool::new(work, 32),
            damage: Spool::new(work, 32),
        }
    }
}

/// Reads `input`, number `number`, whole.
pub(crate) fn read(
    input: &mut Input,
    number: u32,
    message_size_max: u32,
    work: &Work,
    found: &mut Found,
    progress: &Progress,
) -> Result<(), Failure> {
    let source = input.open()?;
    let scan =
        Scan::detect(&source, aof_std::backend()).map_err(|error| Failure::read(&input.path, error))?;
    let scan = work.limit(scan, message_size_max).with_watch(&WATCH);
    let first = found.damage.len();
    let mut reading = Reading { found, number, stretch: None, run: None, damaged: false, entries: 0 };
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
        return Err(failure);
    }
    scanned.map_err(|error| Failure::read(&input.path, error))?;
    reading.close_run()?;
    input.entries = reading.entries;
    input.profile = scan.profile();
    input.zeros = zeros;
    input.damage = first..found.damage.len();
    Ok(())
}

/// An input that is being read.
struct Reading<'a> {
    found: &'a mut Found,
    number: u32,
    /// The stretch that may go on, where it ends, and its last entry.
    stretch: Option<(Stretch, u64, Checksum)>,
    run: Option<Run>,
    /// Whether damage was found since the last entry.
    damaged: bool,
    entries: u64,
}

impl Reading<'_> {
    /// Takes what the next segment holds.
    fn take(&mut self, part: &Part) -> Result<(), Failure> {
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

    fn damage(&mut self, damage: Damage, until: u64) -> Result<(), Failure> {
        self.damaged = true;
        self.found.damage.push(DamageRow::new(damage, until))
    }

    fn piece(&mut self, piece: &Piece, row: u64) -> Result<(), Failure> {
        if self.damaged || self.run.is_none() {
            self.begin_run(piece)?;
        }
        self.entries += piece.count;
        if let Some(run) = &mut self.run {
            run.end = piece.end;
            run.entries += piece.count;
            (run.last, run.last_op) = (piece.last, piece.op.saturating_add(piece.count - 1));
            (run.op_min, run.op_max) = (run.op_min.min(piece.op), run.op_max.max(run.last_op));
            if piece.cluster != run.cluster() && run.flags & Run::OTHER == 0 {
                run.flags |= Run::OTHER;
                (run.other_at, run.other) = (piece.offset, piece.cluster.to_ne_bytes());
            }
        }
        match &mut self.stretch {
            Some((stretch, end, last))
                if *end == piece.offset
                    && *last == piece.parent
                    && stretch.op.checked_add(stretch.count) == Some(piece.op)
                    && stretch.count + piece.count <= STRETCH_MAX =>
            {
                stretch.count += piece.count;
                (*end, *last) = (piece.end, piece.last);
            }
            _ => {
                self.close_stretch()?;
                let stretch = Stretch {
                    op: piece.op,
                    count: piece.count,
                    row,
                    offset: piece.offset,
                    parent: piece.parent,
                    input: self.number,
                    island: 0,
                };
                self.stretch = Some((stretch, piece.end, piece.last));
            }
        }
        Ok(())
    }

    fn begin_run(&mut self, piece: &Piece) -> Result<(), Failure> {
        let damaged = self.damaged;
        self.close_run()?;
        self.damaged = false;
        self.run = Some(Run {
            start: piece.offset,
            end: piece.offset,
            entries: 0,
            stretch: self.found.stretches.len(),
            stretches: 0,
            last_op: 0,
            op_min: u64::MAX,
            op_max: 0,
            child_size: 0,
            other_at: 0,
            last: piece.last,
            cluster: piece.cluster.to_ne_bytes(),
            other: [0; 16],
            input: self.number,
            flags: if damaged { Run::BEFORE } else { 0 },
        });
        Ok(())
    }

    fn close_stretch(&mut self) -> Result<(), Failure> {
        match self.stretch.take() {
            Some((stretch, ..)) => self.found.stretches.push(stretch),
            None => Ok(()),
        }
    }

    fn close_run(&mut self) -> Result<(), Failure> {
        self.close_stretch()?;
        let Some(mut run) = self.run.take() else { return Ok(()) };
        run.stretches = self.found.stretches.len() - run.stretch;
        run.flags |= if self.damaged { Run::BEHIND } else { 0 };
        self.found.runs.push(run)
    }
}

/// What a segment of an input holds.
#[derive(Debug, Default)]
struct Part {
    rows: Vec<EntryRow>,
    pieces: Vec<Piece>,
    damage: Vec<(Damage, u64)>,
    zeros: Option<u64>,
}

/// Entries of one cluster that follow each other in a segment.
#[derive(Debug)]
struct Piece {
    op: u64,
    count: u64,
    offset: u64,
    end: u64,
    parent: Checksum,
    last: Checksum,
    cluster: u128,
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
