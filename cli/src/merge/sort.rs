//! All entries sorted in files, for logs that are shuffled: [`sort`].
//!
//! ```text
//! stretches --as many entries as fit, sorted--> run 0, run 1, ... run n
//! runs      --WAYS at a time, side by side----> longer runs, until there is one
//! ```
//!
//! 72 bytes an entry, twice while runs become one.

use super::index::{Entries, Record};
use super::read::{EntryRow, Stretch};
use super::spool::{Cursor, Spool};
use super::work::Work;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::output;
use aof_nostd::Checksum;
use aof_nostd::wire::MAGIC_SIZE;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A [`Record`] as a row.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct RecordRow {
    op: u64,
    offset: u64,
    row: u64,
    checksum: Checksum,
    parent: Checksum,
    fingerprint: Fingerprint,
    /// Its input, four times; one more where it is unconfirmed, and two more where it is likely.
    input: u32,
    /// Without the magic.
    size: u32,
}

impl RecordRow {
    fn new(record: &Record) -> Self {
        Self {
            op: record.op,
            offset: record.offset,
            row: record.row,
            checksum: record.checksum,
            parent: record.parent,
            fingerprint: record.fingerprint,
            input: record.input << 2 | u32::from(record.likely) << 1 | u32::from(record.unconfirmed),
            size: u32::try_from(record.size_disk - MAGIC_SIZE as u64).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn op(&self) -> u64 {
        self.op
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            op: self.op,
            checksum: self.checksum,
            parent: self.parent,
            input: self.input >> 2,
            unconfirmed: self.input & 1 == 1,
            likely: self.input & 2 == 2,
            offset: self.offset,
            size_disk: u64::from(self.size) + MAGIC_SIZE as u64,
            row: self.row,
            fingerprint: self.fingerprint,
        }
    }
}

/// Runs that become one at a time, at most; each has a window.
const WAYS: usize = 256;

/// Sorts the entries of all stretches.
pub(crate) fn sort(
    stretches: &Spool<Stretch>,
    rows: &Spool<EntryRow>,
    work: &Work,
) -> Result<Spool<RecordRow>, Failure> {
    let (mut spool, mut runs) = sorted_runs(stretches, rows, work)?;
    let ways = work.share(4, 16 * size_of::<RecordRow>()).clamp(2, WAYS);
    while runs.len() > 1 {
        let mut merged = Spool::new(work, 32);
        let mut longer = VecDeque::new();
        while !runs.is_empty() {
            let some: Vec<_> = runs.drain(..ways.min(runs.len())).collect();
            let begin = merged.len();
            merge(&spool, &some, &mut merged, work)?;
            longer.push_back(begin..merged.len());
        }
        (spool, runs) = (merged, longer);
    }
    Ok(spool)
}

/// All entries, in runs that are sorted each.
fn sorted_runs(
    stretches: &Spool<Stretch>,
    rows: &Spool<EntryRow>,
    work: &Work,
) -> Result<(Spool<RecordRow>, VecDeque<Range<u64>>), Failure> {
    let run_max = work.share(4, size_of::<Record>());
    let mut spool = Spool::new(work, 32);
    let mut runs = VecDeque::new();
    let mut run: Vec<Record> = Vec::with_capacity(run_max);
    let mut flush = |run: &mut Vec<Record>| -> Result<(), Failure> {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        run.sort_unstable();
        let begin = spool.len();
        for record in run.drain(..) {
            spool.push(RecordRow::new(&record))?;
        }
        runs.push_back(begin..spool.len());
        Ok(())
    };
    let mut walk = stretches.walk();
    let mut cursor: Cursor<EntryRow> = Cursor::new(0..0, 3000);
    while let Some(stretch) = walk.next()? {
        let mut entries = Entries::new(&stretch, cursor);
        while let Some(record) = entries.next(rows)? {
            run.push(record);
            if run.len() >= run_max {
                flush(&mut run)?;
            }
        }
        cursor = entries.into_rows();
    }
    if !run.is_empty() {
        flush(&mut run)?;
    }
    Ok((spool, runs))
}

/// Appends some runs to `merged`, as one.
fn merge(
    spool: &Spool<RecordRow>,
    runs: &[Range<u64>],
    merged: &mut Spool<RecordRow>,
    work: &Work,
) -> Result<(), Failure> {
    let window = work.share(4, size_of::<RecordRow>()) / runs.len().max(1);
    let cursors = runs.iter().map(|run| Cursor::new(run.clone(), window));
    let mut cursors: Vec<_> = cursors.collect();
    let mut heads = BinaryHeap::new();
    for (number, cursor) in cursors.iter_mut().enumerate() {
        if let Some(row) = cursor.next(spool)? {
            heads.push(Reverse((row.record(), number)));
        }
    }
    let mut steps = 0_u64;
    while let Some(mut head) = heads.peek_mut() {
        let Reverse((record, number)) = *head;
        merged.push(RecordRow::new(&record))?;
        match cursors.get_mut(number).map_or(Ok(None), |cursor| cursor.next(spool))? {
            Some(row) => *head = Reverse((row.record(), number)),
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        steps += 1;
        if steps.is_multiple_of(1 << 16) && output::stopped() {
            return Err(Failure::Interrupted);
        }
    }
    Ok(())
}
