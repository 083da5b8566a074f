//! The chain that the inputs make, or what is in its way, by walking from child to child: [`Plan`].

use super::index::Index;
use aof_cli::merge::index::{Copies, Record};
use aof_cli::merge::plan::{Obstacle, Ranges, Root};
use aof_nostd::Checksum;

/// The chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// A copy of each entry, in order, up to the first obstacle.
    pub chain: Vec<Record>,
    /// What is in the way behind it.
    pub obstacle: Option<Obstacle>,
}

impl Plan {
    /// Plans the merge of the inputs.
    #[must_use]
    pub fn of(index: &Index, root: Root) -> Self {
        let Some(lowest) = index.records().first() else {
            return Self { chain: Vec::new(), obstacle: Some(Obstacle::Empty) };
        };
        let first = match root {
            Root::LowestOp => index.at(lowest.op).iter().collect(),
            Root::ChildOf(parent) => {
                index.records().iter().filter(|record| record.parent == parent).collect()
            }
        };
        let mut walk = Walk { index, chain: Vec::new() };
        let obstacle = match walk.choose(first) {
            Choice::None => {
                let parent = if let Root::ChildOf(parent) = root { parent } else { Checksum::ZERO };
                Some(Obstacle::NoRoot(parent))
            }
            Choice::Fork(fork) => Some(fork),
            Choice::One(record) => {
                walk.chain.push(record);
                walk.down()
            }
        };
        let mut plan = Self { chain: walk.chain, obstacle };
        plan.find_others(index);
        plan
    }

    /// Looks for entries that are not on the chain, and cuts the chain before the first that contradicts
    /// it.
    fn find_others(&mut self, index: &Index) {
        let Some(first) = self.chain.first().map(|record| record.op) else { return };
        for (at, record) in self.chain.iter().enumerate() {
            let other = index.at(record.op).iter().filter(|other| !is_copy(other, record));
            // What might lie in a damaged entry's body does not contradict what stands in a log.
            if let Some(other) = other.filter(|other| !other.island || record.island).min() {
                let sides = [copies(index, record), copies(index, other)];
                self.obstacle = Some(Obstacle::Fork { op: record.op, sides });
                self.chain.truncate(at);
                return;
            }
        }
        if self.obstacle.is_some() {
            return;
        }
        // An entry that names another parent than the tip: where the tip might lie in a damaged entry's
        // body, it is the tip that is wrong.
        while let Some(tip) = self.chain.last() {
            let next = tip.op.checked_add(1).map_or(&[][..], |op| index.at(op));
            let Some(other) = next.first() else { break };
            let tip_is_island = copies(index, tip).kept.iter().all(|copy| copy.island);
            if !tip_is_island {
                let sides = [copies(index, tip), copies(index, other)];
                self.obstacle = Some(Obstacle::Fork { op: tip.op, sides });
                return;
            }
            self.chain.pop();
        }
        let tip = self.chain.last().map_or(first.saturating_sub(1), |tip| tip.op);
        let behind = index.records().partition_point(|record| record.op <= tip);
        if let Some(behind) = index.records().get(behind) {
            self.obstacle = Some(Obstacle::Gap {
                missing: Ranges { kept: missing(index, tip), omitted: 0 },
                before: self.chain.last().map(|tip| copies(index, tip)).unwrap_or_default(),
                behind: copies(index, behind),
            });
        }
    }
}

/// Adds to a chain that ends at a gap what stands behind it, op by op, up to a fork.
///
/// An island might lie in a damaged entry's body. It is taken as a child of the last entry, and behind a gap if
/// an entry that stands in a log names it. It gives way to one that contradicts it.
pub fn go_on(index: &Index, plan: &mut Plan) {
    let tip = plan.chain.last().map_or(0, |record| record.op);
    let start = index.records().partition_point(|record| record.op <= tip);
    plan.obstacle = None;
    for copies in index.records().get(start..).unwrap_or(&[]).chunk_by(|one, other| one.op == other.op) {
        let is_firm = copies.iter().any(|record| !record.island);
        let tip = plan.chain.last().copied();
        let is_child = |record: &Record| tip.is_some_and(|tip| follows(&tip, record) && names(record, &tip));
        let mut meant =
            copies.iter().filter(|record| if is_firm { !record.island } else { is_child(record) });
        let Some(first) = meant.next() else { continue };
        let mut fork = meant.find(|record| !is_copy(record, first)).map(|other| (*first, *other));
        let mut run = vec![*first];
        if is_firm && fork.is_none() {
            fork = join(index, &mut plan.chain, &mut run);
        }
        if let Some((one, other)) = fork {
            let sides = [one, other].map(|side| Copies { kept: vec![side], omitted: 0 });
            plan.obstacle = Some(Obstacle::Fork { op: first.op, sides });
            return;
        }
        plan.chain.extend(run.iter().rev());
    }
}

/// Joins an entry that stands in a log to the chain: puts the islands that it names, and those that they name,
/// behind it in `run`, and takes off the chain those that contradict it. Gives the fork, if it is one.
fn join(index: &Index, chain: &mut Vec<Record>, run: &mut Vec<Record>) -> Option<(Record, Record)> {
    loop {
        let tip = chain.last().copied();
        while let Some(head) = run.last()
            && let Some(op) = head.op.checked_sub(1)
            && tip.is_none_or(|tip| tip.op < op)
            && let Some(parent) = index.at(op).iter().find(|record| names(head, record))
        {
            run.push(*parent);
        }
        let head = run.last()?;
        let tip = tip.filter(|tip| follows(tip, head) && !names(head, tip))?;
        if !tip.island {
            return Some((*head, tip));
        }
        // With it goes what stands before it in the same body.
        let mut behind = tip;
        while let Some(last) = chain.pop_if(|last| {
            *last == behind || last.island && last.end() == behind.offset && last.input == behind.input
        }) {
            behind = last;
        }
    }
}

/// Whether an entry's op is the one behind another's.
fn follows(before: &Record, record: &Record) -> bool {
    before.op.checked_add(1) == Some(record.op)
}

/// Whether an entry names another as its parent.
fn names(record: &Record, parent: &Record) -> bool {
    record.parent == parent.checksum
}

/// Whether two entries have the same bytes.
fn is_copy(one: &Record, other: &Record) -> bool {
    (one.checksum, one.fingerprint) == (other.checksum, other.fingerprint)
}

/// All copies of an entry.
fn copies(index: &Index, record: &Record) -> Copies {
    let copies = index.at(record.op).iter().filter(|copy| is_copy(copy, record));
    Copies { kept: copies.copied().collect(), omitted: 0 }
}

/// The ops above `tip` that no input has, up to the highest.
fn missing(index: &Index, tip: u64) -> Vec<(u64, u64)> {
    let mut missing = Vec::new();
    let mut last = tip;
    let start = index.records().partition_point(|record| record.op <= tip);
    for record in index.records().get(start..).unwrap_or(&[]) {
        if record.op - last > 1 {
            missing.push((last + 1, record.op - 1));
        }
        last = record.op;
    }
    if missing.is_empty() {
        // The ops are all there, but the first of them does not follow on what is left of the chain.
        missing.push((tip.saturating_add(1), tip.saturating_add(1)));
    }
    missing
}

/// Down the chain, child by child.
struct Walk<'a> {
    index: &'a Index,
    chain: Vec<Record>,
}

enum Choice {
    None,
    One(Record),
    Fork(Obstacle),
}

impl Walk<'_> {
    fn down(&mut self) -> Option<Obstacle> {
        while let Some(last) = self.chain.last() {
            match self.choose(self.index.children(last.op, last.checksum).collect()) {
                Choice::None => return None,
                Choice::One(record) => self.chain.push(record),
                Choice::Fork(fork) => return Some(fork),
            }
        }
        None
    }

    /// One copy of the entry that comes next, out of all candidates.
    fn choose(&self, mut candidates: Vec<&Record>) -> Choice {
        if candidates.iter().any(|record| !record.island) {
            // What might lie in a damaged entry's body gives way to what stands in a log.
            candidates.retain(|record| !record.island);
        }
        let Some(first) = candidates.first() else { return Choice::None };
        if let Some(other) = candidates.iter().find(|record| !is_copy(record, first)) {
            let sides = [copies(self.index, first), copies(self.index, other)];
            return Choice::Fork(Obstacle::Fork { op: first.op, sides });
        }
        // Copies are equal to the bit. The one behind the last entry taken makes the longest reads.
        let behind = |record: &&&Record| {
            self.chain.last().is_some_and(|last| record.input == last.input && record.offset == last.end())
        };
        Choice::One(**candidates.iter().find(behind).unwrap_or(first))
    }
}
