//! The chain that the inputs make, or what is in its way: [`Plan`]. A pure function of the [`Index`].
//!
//! ```text
//! op        1    2    3    4    5    6    7
//! input 0   a -- b -- c         e -- f            op by op upwards from the root: a b c
//! input 1        b -- c -- d -- e                 d e f, then nobody has a child of f ...
//! input 2                                  h      ... but h is there: op 7 is missing: a gap
//! ```
//!
//! Every entry of the inputs must be on the chain. One that is not, with an op beyond the chain's end, is
//! behind a *gap*; with an op that the chain has, or would have next, it is of another history: a *fork*.
//!
//! Nothing confirms that an *unconfirmed* entry belongs to the log
//! (`membership`). It is taken where the chain continues with it and no other entry claims its
//! op; the plan reports that. Against an entry that belongs to the log it is left out, and the plan reports that too.
//! Where an entry of the log names another parent than the unconfirmed end of the chain, that end is cut off.
//!
//! One pass over all entries by op; at each op a judge is shown all of it, and the chain is a [`Chain`] of
//! pieces: memory grows with neither.

use super::beyond;
use super::chain::{Chain, End};
use super::index::{Copies, Index, Record};
use super::judge::{Choice, Judge, Wanted};
use super::order::Groups;
use crate::failure::Failure;
use aof_nostd::Checksum;

/// Where the chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// At the lowest op that any input holds.
    LowestOp,
    /// At the entry whose parent has this checksum.
    ChildOf(Checksum),
}

/// Ranges of ops, with both ends; the first of them, where there are very many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// The first.
    pub kept: Vec<(u64, u64)>,
    /// How many there are beyond them.
    pub omitted: u64,
}

/// Ranges that are kept: a hostile log may lack every second op.
const RANGES_MAX: usize = 100_000;

impl Obstacle {
    /// Whether it is a fork of two entries with one checksum and different bytes: one of them was forged.
    #[must_use]
    pub fn is_forged(&self) -> bool {
        let Self::Fork { sides: [one, other], .. } = self else { return false };
        let pair = one.first().zip(other.first());
        pair.is_some_and(|(one, other)| one.op == other.op && one.checksum == other.checksum)
    }
}

impl Ranges {
    fn push(&mut self, first: u64, last: u64) {
        if self.kept.len() < RANGES_MAX {
            self.kept.push((first, last));
        } else {
            self.omitted += 1;
        }
    }

    /// What lies between two ops, if anything does.
    pub(super) fn push_between(&mut self, before: u64, behind: u64) {
        let (first, last) = (before.saturating_add(1), behind.saturating_sub(1));
        if first <= last {
            self.push(first, last);
        }
    }
}

/// What keeps the chain from being whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No input holds a valid entry.
    Empty,
    /// No entry has the root as parent.
    NoRoot(Checksum),
    /// Ops are missing.
    Gap {
        /// All ops that no input has, between the chain's first and the inputs' last.
        missing: Ranges,
        /// The chain's last entry before the gap.
        before: Copies,
        /// The first entry behind it.
        behind: Copies,
    },
    /// Two histories.
    Fork {
        /// The first op of which there are two entries, or whose entry is not the parent of the next.
        op: u64,
        /// The entry of one side and all its copies, then that of the other.
        sides: [Copies; 2],
    },
}

/// What nothing confirms: see [`notes`](super::notes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The first unconfirmed entry at the chain's end, and the last.
    pub taken: Option<(Record, Record)>,
    /// Entries of the log and the unconfirmed ones that contradict them, which are left out: the first of them.
    pub left_out: Vec<(Record, Record)>,
    /// How many there are beyond them.
    pub omitted: u64,
}

impl Unconfirmed {
    pub(super) fn leave_out(&mut self, chosen: &Record, other: &Record) {
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push((*chosen, *other));
        } else {
            self.omitted += 1;
        }
    }

    /// Takes an entry at the end of the chain.
    pub(super) fn take(&mut self, record: &Record) {
        self.taken = (record.unconfirmed || record.likely)
            .then(|| (self.taken.map_or(*record, |(first, _)| first), *record));
    }
}

/// Contradictions that are kept: a hostile log may have one at each op.
const LEFT_OUT_MAX: usize = 1000;

/// The chain.
#[derive(Debug)]
pub struct Plan {
    /// A copy of each entry, in order, up to the first obstacle.
    pub chain: Chain,
    /// What is in the way behind it.
    pub obstacle: Option<Obstacle>,
    /// What nothing confirms.
    pub unconfirmed: Unconfirmed,
}

/// The end of the chain before its unconfirmed end.
struct Confirmed {
    end: End,
    last: Option<Record>,
    /// The first entry after it.
    next: Record,
}

impl Plan {
    /// Plans the merge of the inputs.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Interrupted`].
    pub fn of(index: &Index, root: Root) -> Result<Self, Failure> {
        let mut chain = Chain::new(&index.work);
        let mut unconfirmed = Unconfirmed::default();
        let obstacle = match root {
            Root::LowestOp => up(index, &mut chain, &mut unconfirmed, 0, Wanted::Any)?,
            Root::ChildOf(parent) => {
                let mut judge = Judge::new(Wanted::ChildOf(parent), None);
                let mut groups = Groups::new(index, 0)?;
                while groups.next(&mut judge)?.is_some() {}
                match judge.choose() {
                    Choice::None if judge.first().is_none() => Some(Obstacle::Empty),
                    Choice::None => Some(Obstacle::NoRoot(parent)),
                    Choice::Fork(one, other) => Some(fork(index, one.op, &one, &other)?),
                    Choice::One(first) => {
                        up(index, &mut chain, &mut unconfirmed, first.op, Wanted::ChildOf(parent))?
                    }
                }
            }
        };
        Ok(Self { chain, obstacle, unconfirmed })
    }

    /// Goes on behind a gap, op by op, up to a fork. Gives the ops that are missing in the chain then.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Interrupted`].
    pub fn go_on(&mut self, index: &Index) -> Result<Ranges, Failure> {
        beyond::go_on(index, self)
    }
}

/// Up the ops from `start` on, child by child. Returns what is in the way.
fn up(
    index: &Index,
    chain: &mut Chain,
    unconfirmed: &mut Unconfirmed,
    start: u64,
    first: Wanted,
) -> Result<Option<Obstacle>, Failure> {
    let mut groups = Groups::new(index, start)?;
    let mut confirmed: Option<Confirmed> = None;
    loop {
        let last = chain.last().copied();
        let wanted = last.map_or(first, |last| Wanted::ChildOf(last.checksum));
        let mut judge = Judge::new(wanted, last.as_ref());
        let Some(op) = groups.next(&mut judge)? else {
            return Ok(last.is_none().then_some(Obstacle::Empty));
        };
        let Some(least) = judge.first() else { return Ok(None) };
        if let Some(last) = last.filter(|last| op - last.op > 1) {
            let mut missing = Ranges::default();
            missing.push_between(last.op, op);
            let (before, behind) = (index.copies(&last)?, index.copies(&least)?);
            return gap(missing, op, groups, before, behind).map(Some);
        }
        let next = match judge.choose() {
            Choice::Fork(one, other) => return fork(index, one.op, &one, &other).map(Some),
            Choice::One(next) => judge.confirmed().filter(|_| next.unconfirmed).map_or(Ok(next), Err),
            Choice::None => Err(judge.confirmed().unwrap_or(least)),
        };
        match next {
            Ok(next) => {
                if let Some(other) = judge.contradiction(&next) {
                    return fork(index, next.op, &next, &other).map(Some);
                }
                if let Some(other) = judge.passed_over(&next) {
                    unconfirmed.leave_out(&next, &other);
                }
                if next.unconfirmed {
                    confirmed.get_or_insert(Confirmed { end: chain.end(), last, next });
                } else {
                    confirmed = None;
                }
                unconfirmed.take(&next);
                chain.push(&next)?;
            }
            // The entry has another parent than the chain's last one.
            Err(other) => {
                let tip = last.unwrap_or(other);
                let Some(confirmed) = confirmed.take() else {
                    return fork(index, tip.op, &tip, &other).map(Some);
                };
                chain.cut(confirmed.end);
                unconfirmed.taken = None;
                if other.unconfirmed {
                    return fork(index, tip.op, &tip, &other).map(Some);
                }
                unconfirmed.leave_out(&other, &confirmed.next);
                let Some(last) = confirmed.last else {
                    // Nothing before it belongs to the log: the chain begins here.
                    if let Some(second) = judge.contradiction(&other) {
                        return fork(index, other.op, &other, &second).map(Some);
                    }
                    chain.push(&other)?;
                    continue;
                };
                let mut missing = Ranges::default();
                missing.push_between(last.op, op);
                if missing.kept.is_empty() {
                    return fork(index, last.op, &last, &other).map(Some);
                }
                let (before, behind) = (index.copies(&last)?, index.copies(&other)?);
                return gap(missing, op, groups, before, behind).map(Some);
            }
        }
    }
}

/// A gap, and all that is missing behind `op`.
fn gap(
    mut missing: Ranges,
    mut op: u64,
    mut groups: Groups<'_>,
    before: Copies,
    behind: Copies,
) -> Result<Obstacle, Failure> {
    while let Some(next) = groups.next(&mut Judge::new(Wanted::Any, None))? {
        missing.push_between(op, next);
        op = next;
    }
    Ok(Obstacle::Gap { missing, before, behind })
}

fn fork(index: &Index, op: u64, one: &Record, other: &Record) -> Result<Obstacle, Failure> {
    Ok(Obstacle::Fork { op, sides: [index.copies(one)?, index.copies(other)?] })
}
