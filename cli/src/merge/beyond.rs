//! What stands behind a gap: an export goes on there, a merge does not. [`go_on`].
//!
//! ```text
//! op        4    5    6    7    8    9
//! chain     d .. gap  f    g              f and g stand in a log
//! island                        h         a child of g: taken
//! island                        x    i'   nobody who stands in a log names them
//! log                                i    names h; if it named x, h would go and x be taken
//! ```
//!
//! An island might lie in a damaged entry's body. It is taken as a child of the last entry, and behind a gap if
//! an entry that stands in a log names it. It gives way to one that contradicts it.

use super::chain::{Chain, End};
use super::index::{Copies, Index, Record};
use super::judge::{Sides, Witness};
use super::order::Groups;
use super::plan::{Obstacle, Plan, Ranges};
use crate::failure::Failure;
use aof_nostd::Checksum;
use std::collections::VecDeque;

/// Islands that are remembered until an entry names them, and of one op.
const PASSED_MAX: usize = 1 << 16;
const PASSED_OF_OP_MAX: usize = 64;

/// Bodies of islands at the chain's end that can be taken off one by one; the others go together.
const BODIES_MAX: usize = 1 << 10;

/// Adds to a chain that ends at a gap what stands behind it, op by op, up to a fork. Gives the ops that are
/// missing in the chain then.
pub(super) fn go_on(index: &Index, plan: &mut Plan) -> Result<Ranges, Failure> {
    if !matches!(plan.obstacle, Some(Obstacle::Gap { .. })) {
        return Ok(Ranges::default());
    }
    plan.obstacle = None;
    let mut end = Islands::default();
    let mut groups = Groups::new(index, plan.chain.last().map_or(1, |last| last.op.saturating_add(1)))?;
    loop {
        let mut entries = Entries::behind(plan.chain.last());
        if groups.next(&mut entries)?.is_none() {
            break;
        }
        let Some(first) = entries.meant().first else {
            end.pass(entries.islands);
            continue;
        };
        let mut fork = entries.meant().other.map(|other| (first, other));
        let mut run = vec![first];
        if !first.island && fork.is_none() {
            fork = end.join(&mut plan.chain, &mut run)?;
        }
        if let Some((one, other)) = fork {
            let sides = [one, other].map(|side| Copies { kept: vec![side], omitted: 0 });
            plan.obstacle = Some(Obstacle::Fork { op: first.op, sides });
            break;
        }
        for record in run.iter().rev() {
            end.push(&mut plan.chain, record)?;
        }
        if first.island {
            end.pass(entries.islands);
        }
    }
    plan.chain.missing()
}

/// The entries of an op.
#[derive(Debug)]
struct Entries {
    /// The last entry of the chain.
    last: Option<Record>,
    /// Those that stand in a log.
    firm: Sides,
    /// Islands that follow on the last entry.
    children: Sides,
    /// Islands, the least of each entry.
    islands: Vec<Record>,
}

impl Entries {
    fn behind(last: Option<&Record>) -> Self {
        Self { last: last.copied(), firm: Sides::default(), children: Sides::default(), islands: Vec::new() }
    }

    /// Those that can be on the chain.
    fn meant(&self) -> &Sides {
        if self.firm.first.is_some() { &self.firm } else { &self.children }
    }
}

impl Witness for Entries {
    fn push(&mut self, record: &Record) {
        if !record.island {
            self.firm.push(record);
            return;
        }
        if self.last.is_some_and(|last| follows(&last, record) && record.parent == last.checksum) {
            self.children.push(record);
        }
        if let Some(island) = self.islands.iter_mut().find(|island| island.is_copy_of(record)) {
            *island = *record.min(island);
        } else if self.islands.len() < PASSED_OF_OP_MAX {
            self.islands.push(*record);
        }
    }
}

/// The islands behind the last entry that stands in a log.
#[derive(Debug, Default)]
struct Islands {
    /// Where those on the chain begin, body by body.
    bodies: Vec<End>,
    /// All of them, by op.
    passed: VecDeque<Record>,
}

impl Islands {
    /// Remembers the islands of the next op.
    fn pass(&mut self, islands: Vec<Record>) {
        self.passed.extend(islands);
        let more = self.passed.len().saturating_sub(PASSED_MAX);
        self.passed.drain(..more);
    }

    /// The least one with this op and checksum.
    fn find(&self, op: u64, checksum: Checksum) -> Option<Record> {
        let from = self.passed.partition_point(|record| record.op < op);
        let of_op = self.passed.range(from..).take_while(|record| record.op == op);
        of_op.filter(|record| record.checksum == checksum).min().copied()
    }

    /// Puts an entry on the chain.
    fn push(&mut self, chain: &mut Chain, record: &Record) -> Result<(), Failure> {
        if !record.island {
            *self = Self::default();
        } else if self.bodies.len() < BODIES_MAX
            && !chain.last().is_some_and(|last| !self.bodies.is_empty() && is_behind(last, record))
        {
            self.bodies.push(chain.end());
        }
        chain.push(record)
    }

    /// Joins an entry that stands in a log to the chain: puts the islands that it names, and those that they
    /// name, behind it in `run`, and takes off the chain those that contradict it, with what stands before them
    /// in the same body. Gives the fork, if it is one.
    fn join(
        &mut self,
        chain: &mut Chain,
        run: &mut Vec<Record>,
    ) -> Result<Option<(Record, Record)>, Failure> {
        loop {
            let tip = chain.last().copied();
            while let Some(head) = run.last()
                && let Some(op) = head.op.checked_sub(1)
                && tip.is_none_or(|tip| tip.op < op)
                && let Some(parent) = self.find(op, head.parent)
            {
                run.push(parent);
            }
            let Some(head) = run.last() else { return Ok(None) };
            let Some(tip) = tip.filter(|tip| follows(tip, head) && head.parent != tip.checksum) else {
                return Ok(None);
            };
            match self.bodies.pop() {
                Some(body) => chain.cut(body),
                None => return Ok(Some((*head, tip))),
            }
        }
    }
}

/// Whether an entry's op is the one behind another's.
fn follows(before: &Record, record: &Record) -> bool {
    before.op.checked_add(1) == Some(record.op)
}

/// Whether two islands stand behind each other in one body.
fn is_behind(before: &Record, record: &Record) -> bool {
    before.island && before.input == record.input && before.end() == record.offset
}
