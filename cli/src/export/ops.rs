//! The ops that an export of one log has taken: [`Ops`], ranges that agree with each other at their ends.
//!
//! ```text
//! ops        1 2 3 ... 9   12 ... 20
//! parent     p             q             of a range's first entry
//! checksum             c           d     of its last entry
//! ```
//!
//! An op that goes on behind a range must name `c` as its parent, one directly before a range must be what
//! `q` names: else it is of another history. So a fork is seen where the two histories meet, however far the
//! file went back to it, and memory grows with the ranges and not with the ops. Only ops that are asked for are
//! kept: of the others those next to them, so that what is missing at the edges is known.

use aof_nostd::Checksum;
use aof_nostd::chain::ChainLink;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A set of ops.
#[derive(Debug)]
pub struct Ops {
    /// By the first op of each range.
    ranges: BTreeMap<u64, Range>,
    /// The first and the last op that are asked for.
    asked: (u64, u64),
    /// The last op before those that are asked for, and the first one behind them.
    before: Option<u64>,
    behind: Option<u64>,
}

/// Ops without a gap, and how they end on both sides.
#[derive(Clone, Copy, Debug)]
struct Range {
    last: u64,
    /// The last entry's.
    checksum: Checksum,
    /// Of the first entry.
    parent: Checksum,
}

/// What an op is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It did not come before.
    New,
    /// It came before.
    Known,
    /// It is not asked for.
    Outside,
    /// It contradicts the entry beside it: of `op` there are two, one with the checksum `known`.
    Fork {
        /// The op of which there are two entries.
        op: u64,
        /// The checksum that the earlier history has for it.
        known: Checksum,
    },
}

impl Ops {
    /// None yet; these are asked for, both ends included.
    #[must_use]
    pub const fn new(asked: (u64, u64)) -> Self {
        Self { ranges: BTreeMap::new(), asked, before: None, behind: None }
    }

    /// Adds an op, unless it is of another history than those beside it.
    pub fn insert(&mut self, link: ChainLink) -> Place {
        let op = link.op.0;
        if op < self.asked.0 {
            self.before = self.before.max(Some(op));
            return Place::Outside;
        }
        if op > self.asked.1 {
            self.behind = Some(self.behind.map_or(op, |behind| behind.min(op)));
            return Place::Outside;
        }
        let before = self.ranges.range(..=op).next_back().map(|(first, range)| (*first, *range));
        if before.is_some_and(|(_, range)| op <= range.last) {
            return Place::Known;
        }
        let before = before.filter(|(_, range)| op - range.last == 1);
        let behind = op.checked_add(1).and_then(|next| self.ranges.get(&next).copied());
        if let Some((_, range)) = before.filter(|(_, range)| range.checksum != link.parent) {
            return Place::Fork { op: range.last, known: range.checksum };
        }
        if let Some(range) = behind.filter(|range| range.parent != link.checksum) {
            return Place::Fork { op, known: range.parent };
        }
        let (first, parent) = before.map_or((op, link.parent), |(first, range)| (first, range.parent));
        let (last, checksum) = behind.map_or((op, link.checksum), |range| (range.last, range.checksum));
        if behind.is_some()
            && let Entry::Occupied(joined) = self.ranges.entry(op.saturating_add(1))
        {
            joined.remove();
        }
        self.ranges.insert(first, Range { last, checksum, parent });
        Place::New
    }

    /// Whether it came before.
    #[must_use]
    pub fn holds(&self, op: u64) -> bool {
        self.ranges.range(..=op).next_back().is_some_and(|(_, range)| op <= range.last)
    }

    /// How many ranges there are.
    #[must_use]
    pub fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// The ops between the first and the last of the log that are asked for and not there.
    #[must_use]
    pub fn missing(&self) -> Vec<(u64, u64)> {
        let before = self.before.map(|op| (op, op));
        let behind = self.behind.map(|op| (op, op));
        let held = self.ranges.iter().map(|(first, range)| (*first, range.last));
        let mut missing = Vec::new();
        let mut last: Option<u64> = None;
        for (first, end) in before.into_iter().chain(held).chain(behind) {
            if let Some(from) = last.and_then(|last| last.checked_add(1)).filter(|from| *from < first) {
                let (from, until) = (from.max(self.asked.0), (first - 1).min(self.asked.1));
                missing.extend((from <= until).then_some((from, until)));
            }
            last = Some(end);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::Op;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The entry with this op in the history of this number.
    fn link(op: u64, history: u128) -> ChainLink {
        let checksum = |op: u64| Checksum::new(u128::from(op) + (history << 64));
        ChainLink { op: Op(op), checksum: checksum(op), parent: checksum(op.wrapping_sub(1)) }
    }

    fn some_op() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..30, u64::MAX - 3..=u64::MAX]
    }

    proptest! {
        #[test]
        fn ranges_agree_with_a_set(
            list in prop::collection::vec(some_op(), 0..60),
            first in prop_oneof![Just(0), some_op()],
            last in prop_oneof![Just(u64::MAX), some_op()],
        ) {
            let asked = first..=last;
            let (mut ops, mut set) = (Ops::new((first, last)), BTreeSet::new());
            for op in list {
                let place = if set.insert(op) { Place::New } else { Place::Known };
                let place = if asked.contains(&op) { place } else { Place::Outside };
                prop_assert_eq!(ops.insert(link(op, 0)), place);
            }
            let held: Vec<u64> = ops.ranges.iter().flat_map(|(first, range)| *first..=range.last).collect();
            prop_assert_eq!(held, set.iter().copied().filter(|op| asked.contains(op)).collect::<Vec<_>>());
            let gaps: Vec<(u64, u64)> = set.iter().zip(set.iter().skip(1))
                .filter(|(a, b)| *b - *a > 1)
                .map(|(a, b)| ((a + 1).max(first), (b - 1).min(last)))
                .filter(|(a, b)| a <= b).collect();
            prop_assert_eq!(ops.missing(), gaps);
        }
    }

    #[test]
    fn an_op_beside_one_of_another_history_is_a_fork_on_either_side() {
        let mut ops = Ops::new((0, u64::MAX));
        for op in [1, 2, 3, 7, 8] {
            assert_eq!(ops.insert(link(op, 0)), Place::New);
        }
        let (three, six) = (link(3, 0).checksum, link(6, 0).checksum);
        assert_eq!(ops.insert(link(4, 1)), Place::Fork { op: 3, known: three });
        assert_eq!(ops.insert(link(6, 1)), Place::Fork { op: 6, known: six });
        assert_eq!(ops.insert(link(2, 1)), Place::Known, "inside a range nothing is remembered");
        // Where two ranges join, the ends of both are looked at, and those of the joined one stay.
        assert_eq!(ops.insert(link(4, 0)), Place::New);
        assert_eq!(ops.insert(link(5, 0)), Place::New);
        assert_eq!(
            ops.insert(ChainLink { parent: three, ..link(6, 0) }),
            Place::Fork { op: 5, known: link(5, 0).checksum }
        );
        assert_eq!(ops.insert(link(6, 0)), Place::New);
        assert_eq!(ops.ranges(), 1);
        assert!(matches!(ops.insert(link(0, 1)), Place::Fork { op: 0, .. }));
        assert!(matches!(ops.insert(link(9, 1)), Place::Fork { op: 8, .. }));
    }
}
