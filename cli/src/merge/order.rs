//! All entries of all inputs by op: [`Order`], and [`Groups`] walks through it.
//!
//! ```text
//! ops          1   2   3   4   5   6   7   8
//! stretches    |---------------|               open from their first op to their last; each op's entries
//!                      |-----------------|     are one of each that is open
//!                                  |-----|
//! ```
//!
//! So entries need not be sorted, only stretches, and those are few where logs are nearly in order. A log that
//! is shuffled has as many stretches as entries, and one that is repeated has all open at once. What does
//! not fit the memory, the stretches or a window for each that is open, is sorted in a file instead, entry by
//! entry: see `sort`.

use super::index::{Entries, Index, Record, STOP_EVERY};
use super::judge::Witness;
use super::read::{EntryRow, Stretch};
use super::sort::{RecordRow, sort};
use super::spool::{Cursor, Spool};
use super::work::Work;
use crate::failure::Failure;
use crate::output;

/// The least window of an open stretch, and the largest, in rows.
const WINDOW_MIN: usize = 200;
const WINDOW_MAX: usize = 3000;

/// All entries, by op.
#[derive(Debug)]
pub(crate) enum Order {
    /// Stretches, by their first op.
    Stretches(Vec<Stretch>),
    /// Each entry for itself.
    Sorted(Spool<RecordRow>),
}

/// Finds the order of all entries.
pub(crate) fn order(
    stretches: &Spool<Stretch>,
    rows: &Spool<EntryRow>,
    work: &Work,
) -> Result<Order, Failure> {
    let stretches_max = work.share(8, size_of::<Stretch>());
    let mut sorted = Vec::new();
    let mut walk = stretches.walk();
    while let Some(stretch) = walk.next()? {
        if sorted.len() >= stretches_max {
            drop(sorted);
            return sort(stretches, rows, work).map(Order::Sorted);
        }
        if stretch.count > 0 {
            sorted.push(stretch);
        }
    }
    sorted.sort_unstable_by_key(|stretch| (stretch.op, stretch.row));
    if open_max(&sorted) > open_allowed(work) {
        return sort(stretches, rows, work).map(Order::Sorted);
    }
    Ok(Order::Stretches(sorted))
}

/// How many may be open at once.
fn open_allowed(work: &Work) -> usize {
    work.share(4, WINDOW_MIN * size_of::<EntryRow>())
}

/// How many are open at once at most.
fn open_max(stretches: &[Stretch]) -> usize {
    let mut ends: Vec<u64> = stretches.iter().map(Stretch::last_op).collect();
    ends.sort_unstable();
    let mut over = 0;
    let mut most = 0;
    for (begun, stretch) in stretches.iter().enumerate() {
        while ends.get(over).is_some_and(|end| *end < stretch.op) {
            over += 1;
        }
        most = most.max(begun + 1 - over);
    }
    most
}

/// A walk over the ops that entries have, upwards.
#[derive(Debug)]
pub(crate) struct Groups<'a> {
    index: &'a Index,
    form: Form<'a>,
    steps: u64,
}

#[derive(Debug)]
enum Form<'a> {
    Stretches {
        /// Those to come.
        stretches: &'a [Stretch],
        open: Vec<Entries>,
        /// The op that all that are open have next.
        op: u64,
        spare: Vec<Cursor<EntryRow>>,
        window: usize,
    },
    Sorted {
        records: &'a Spool<RecordRow>,
        cursor: Cursor<RecordRow>,
        next: Option<Record>,
    },
}

impl<'a> Groups<'a> {
    /// A walk from `op` on.
    pub(crate) fn new(index: &'a Index, op: u64) -> Result<Self, Failure> {
        let form = match &index.order {
            Order::Stretches(stretches) => {
                let (begun, stretches) =
                    stretches.split_at(stretches.partition_point(|stretch| stretch.op < op));
                let open_most = open_max(begun).max(open_max(stretches)).max(1) * 2;
                let window = index.work.share(4, size_of::<EntryRow>()) / open_most;
                let window = window.clamp(WINDOW_MIN / 2, WINDOW_MAX);
                let mut open = Vec::new();
                for stretch in begun.iter().filter(|stretch| op <= stretch.last_op()) {
                    let mut entries = Entries::new(stretch, Cursor::new(0..0, window));
                    entries.skip_to(op, &index.rows)?;
                    open.push(entries);
                }
                Form::Stretches { stretches, open, op, spare: Vec::new(), window }
            }
            Order::Sorted(records) => {
                let first = records.partition_point(|record| record.op() < op)?;
                let mut cursor = Cursor::new(first..records.len(), WINDOW_MAX);
                let next = cursor.next(records)?.map(|row| row.record());
                Form::Sorted { records, cursor, next }
            }
        };
        Ok(Self { index, form, steps: 0 })
    }

    /// Shows the witness all entries of the next op, which is given.
    pub(crate) fn next(&mut self, witness: &mut impl Witness) -> Result<Option<u64>, Failure> {
        self.steps += 1;
        if self.steps.is_multiple_of(STOP_EVERY) && output::stopped() {
            return Err(Failure::Interrupted);
        }
        match &mut self.form {
            Form::Stretches { stretches, open, op, spare, window } => {
                if open.is_empty() {
                    let Some(next) = stretches.first() else { return Ok(None) };
                    *op = next.op;
                }
                while let Some((next, rest)) = stretches.split_first().filter(|(next, _)| next.op == *op) {
                    let rows = spare.pop().unwrap_or_else(|| Cursor::new(0..0, *window));
                    open.push(Entries::new(next, rows));
                    *stretches = rest;
                }
                let mut at = 0;
                while let Some(entries) = open.get_mut(at) {
                    if let Some(record) = entries.next(&self.index.rows)? {
                        witness.push(&record);
                    }
                    if entries.is_over() {
                        spare.push(open.swap_remove(at).into_rows());
                    } else {
                        at += 1;
                    }
                }
                let shown = *op;
                *op = op.saturating_add(1);
                Ok(Some(shown))
            }
            Form::Sorted { records, cursor, next } => {
                let Some(op) = next.map(|record| record.op) else { return Ok(None) };
                while let Some(record) = next.filter(|record| record.op == op) {
                    witness.push(&record);
                    *next = cursor.next(records)?.map(|row| row.record());
                    self.steps += 1;
                    if self.steps.is_multiple_of(STOP_EVERY) && output::stopped() {
                        return Err(Failure::Interrupted);
                    }
                }
                Ok(Some(op))
            }
        }
    }
}
