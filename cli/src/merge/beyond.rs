//! What is stored after a gap: an export continues there, a merge does not. [`go_on`].
//!
//! ```text
//! op              4    5    6    7    8    9
//! chain           d .. gap  f    g    h?   i      f, g and i belong to the log, h is unconfirmed: taken, as i
//!                                                 does not contradict it; if i named another parent, h would go
//! ```
//!
//! At each op an entry of the log is taken, or else an unconfirmed one, if there is only one: its row is as true as
//! without the gap. Entries that contradict one of the log are left out and reported.

use super::chain::{Chain, End};
use super::index::{Copies, Index, Record};
use super::judge::{Sides, Witness};
use super::order::Groups;
use super::plan::{Obstacle, Plan, Ranges};
use crate::failure::Failure;

/// Adds to a chain that ends at a gap what is stored after it, op by op, up to a fork. Returns the ops that are
/// missing in the chain then.
pub(super) fn go_on(index: &Index, plan: &mut Plan) -> Result<Ranges, Failure> {
    if !matches!(plan.obstacle, Some(Obstacle::Gap { .. })) {
        return Ok(Ranges::default());
    }
    plan.obstacle = None;
    // Where the unconfirmed entries begin that the chain ends with, linked to each other.
    let mut loose: Option<End> = None;
    let mut groups = Groups::new(index, plan.chain.last().map_or(0, |last| last.op.saturating_add(1)))?;
    loop {
        let mut entries = Entries { last: plan.chain.last().copied(), ..Entries::default() };
        if groups.next(&mut entries)?.is_none() {
            break;
        }
        let sides = entries.sides();
        let Some(next) = sides.first else { continue };
        let unconfirmed = entries.unconfirmed.other_than(&next);
        if let Some(other) = sides.other.or(unconfirmed.filter(|_| next.unconfirmed)) {
            cut(plan, loose.filter(|_| next.unconfirmed));
            plan.obstacle = Some(fork(&next, &other));
            break;
        }
        if let Some(other) = unconfirmed {
            plan.unconfirmed.leave_out(&next, &other);
        }
        let last = plan.chain.last().copied();
        let contradicted = last.filter(|last| follows(last, &next) && next.parent != last.checksum);
        let mut continues = last.is_some_and(|last| last.unconfirmed && next.parent == last.checksum);
        if let Some(last) = contradicted {
            continues = false;
            match (last.unconfirmed, next.unconfirmed) {
                (true, false) => {
                    cut(plan, loose.take());
                    plan.unconfirmed.leave_out(&next, &last);
                }
                (false, true) => {
                    plan.unconfirmed.leave_out(&last, &next);
                    continue;
                }
                _ => {
                    cut(plan, loose);
                    plan.obstacle = Some(fork(&next, &last));
                    break;
                }
            }
        }
        if !next.unconfirmed {
            loose = None;
        } else if !continues {
            loose = Some(plan.chain.end());
        }
        push(plan, &next)?;
    }
    plan.chain.missing()
}

/// Cuts off the unconfirmed entries that the chain ends with, which are contradicted.
fn cut(plan: &mut Plan, loose: Option<End>) {
    if let Some(end) = loose {
        plan.chain.cut(end);
        plan.unconfirmed.taken = None;
    }
}

fn push(plan: &mut Plan, record: &Record) -> Result<(), Failure> {
    plan.unconfirmed.take(record);
    let chain: &mut Chain = &mut plan.chain;
    chain.push(record)
}

fn fork(one: &Record, other: &Record) -> Obstacle {
    let sides = [one, other].map(|side| Copies { kept: vec![*side], omitted: 0 });
    Obstacle::Fork { op: one.op, sides }
}

/// The entries of an op.
#[derive(Debug, Default)]
struct Entries {
    /// The last entry of the chain.
    last: Option<Record>,
    /// Those that belong to the log.
    confirmed: Sides,
    /// Those of which nothing confirms that, and of them the children of the last entry.
    unconfirmed: Sides,
    children: Sides,
}

impl Entries {
    /// Those that can be on the chain.
    fn sides(&self) -> &Sides {
        let all = [&self.confirmed, &self.children];
        all.into_iter().find(|sides| sides.first.is_some()).unwrap_or(&self.unconfirmed)
    }
}

impl Witness for Entries {
    fn push(&mut self, record: &Record) {
        if !record.unconfirmed {
            self.confirmed.push(record);
            return;
        }
        self.unconfirmed.push(record);
        if self.last.is_some_and(|last| follows(&last, record) && record.parent == last.checksum) {
            self.children.push(record);
        }
    }
}

/// Whether an entry's op is the one after another's.
fn follows(before: &Record, record: &Record) -> bool {
    before.op.checked_add(1) == Some(record.op)
}
