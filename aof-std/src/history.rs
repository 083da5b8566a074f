//! The chain's memory of all ops: [`Runs`].

use aof_nostd::chain::{ChainLink, History};
use aof_nostd::{Checksum, Op};
use std::collections::BTreeMap;

/// Remembers the first entry seen for every op, as runs of consecutive ops that are linked by the chain:
/// 16 bytes an entry, and about 100 bytes a run. A log of a replica is a handful of runs.
///
/// ```
/// use aof_nostd::chain::{Chain, ChainLink};
/// use aof_nostd::{Checksum, Op};
/// let mut chain = Chain::new(aof_std::Runs::default());
/// for op in [1_u64, 2, 3, 8, 9] {
///     chain.push(ChainLink {
///         op: Op(op),
///         checksum: Checksum::new(op.into()),
///         parent: Checksum::new(u128::from(op) - 1),
///     });
/// }
/// assert_eq!(chain.history().missing(), [(Op(4), Op(7))]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// First op to run. Runs do not overlap.
    runs: BTreeMap<u64, Run>,
    ops: u64,
}

#[derive(Clone, Debug)]
struct Run {
    /// The parent that the first entry names.
    parent: Checksum,
    /// The entries' checksums; each but the last is the next one's parent.
    checksums: Vec<Checksum>,
}

impl Runs {
    /// How many ops were seen.
    #[must_use]
    pub fn ops(&self) -> u64 {
        self.ops
    }

    /// The lowest op seen.
    #[must_use]
    pub fn first_op(&self) -> Option<Op> {
        self.runs.keys().next().map(|&op| Op(op))
    }

    /// The highest op seen.
    #[must_use]
    pub fn last_op(&self) -> Option<Op> {
        self.runs.iter().next_back().map(|(&first, run)| Op(run.last(first)))
    }

    /// The ops not seen between the lowest and the highest, as ranges with both ends.
    #[must_use]
    pub fn missing(&self) -> Vec<(Op, Op)> {
        let ranges = self.runs.iter().map(|(&first, run)| (first, run.last(first)));
        let mut missing = Vec::new();
        let mut expected: Option<u64> = None;
        for (first, last) in ranges {
            if let Some(expected) = expected
                && expected < first
            {
                missing.push((Op(expected), Op(first - 1)));
            }
            expected = last.checked_add(1);
        }
        missing
    }

    /// The runs, by op: each one's first op, the parent that its first entry names, and its entries'
    /// checksums, each but the last the next one's parent. Runs do not overlap; one can begin where another
    /// ends.
    pub fn iter(&self) -> impl Iterator<Item = (Op, Checksum, &[Checksum])> {
        self.runs.iter().map(|(&first, run)| (Op(first), run.parent, run.checksums.as_slice()))
    }

    /// The checksums from `op` on, to the end of the run that holds it; empty where no entry has this op.
    #[must_use]
    pub fn from(&self, op: Op) -> &[Checksum] {
        let Some((first, run)) = self.run_at(op.0) else { return &[] };
        usize::try_from(op.0 - first).ok().and_then(|at| run.checksums.get(at..)).unwrap_or(&[])
    }

    /// The first op of the next run that begins above `op`.
    #[must_use]
    pub fn next_run(&self, op: Op) -> Option<Op> {
        let above = (std::ops::Bound::Excluded(op.0), std::ops::Bound::Unbounded);
        self.runs.range(above).next().map(|(&first, _)| Op(first))
    }

    /// The run that holds `op`, or would if it went on: the one with the highest first op up to `op`.
    fn run_at(&self, op: u64) -> Option<(u64, &Run)> {
        self.runs.range(..=op).next_back().map(|(&first, run)| (first, run))
    }
}

impl Run {
    fn last(&self, first: u64) -> u64 {
        first.saturating_add((self.checksums.len() as u64).saturating_sub(1))
    }
}

impl History for Runs {
    fn get(&self, op: Op) -> Option<ChainLink> {
        let (first, run) = self.run_at(op.0)?;
        let index = usize::try_from(op.0 - first).ok()?;
        let checksum = *run.checksums.get(index)?;
        let parent = match index.checked_sub(1) {
            Some(before) => *run.checksums.get(before)?,
            None => run.parent,
        };
        Some(ChainLink { op, checksum, parent })
    }

    fn insert(&mut self, link: ChainLink) {
        if self.get(link.op).is_some() {
            return;
        }
        self.ops += 1;
        if let Some((&first, run)) = self.runs.range_mut(..=link.op.0).next_back()
            && link.op.0 - first == run.checksums.len() as u64
            && run.checksums.last() == Some(&link.parent)
        {
            run.checksums.push(link.checksum);
        } else {
            let run = Run { parent: link.parent, checksums: vec![link.checksum] };
            self.runs.insert(link.op.0, run);
        }
    }

    /// Takes entries behind the end of the last one's run, or such as the run holds already.
    fn follow(&mut self, last: ChainLink, checksums: &[Checksum]) -> usize {
        let next_run = self.next_run(last.op);
        let Some((&first, run)) = self.runs.range_mut(..=last.op.0).next_back() else { return 0 };
        let known = usize::try_from(last.op.0 - first).ok().and_then(|at| run.checksums.get(at..));
        let mut before = last.checksum;
        let mut differs = |checksum: &Checksum| std::mem::replace(&mut before, *checksum) != *checksum;
        match known {
            Some([checksum]) if *checksum == last.checksum => {
                // The next run's first entry names a parent: the entry before it is compared with that one.
                let end = next_run.map_or(u64::MAX, |op| op.0.saturating_sub(1));
                let room =
                    usize::try_from(end.saturating_sub(last.op.0).saturating_sub(1)).unwrap_or(usize::MAX);
                let (room, _) = checksums.split_at_checked(room).unwrap_or((checksums, &[]));
                let taken = room.iter().take_while(|checksum| differs(checksum)).count();
                run.checksums.extend_from_slice(room.get(..taken).unwrap_or_default());
                self.ops += taken as u64;
                taken
            }
            // The run's last entry is left: a run may begin behind it.
            Some([checksum, known @ .., _]) if *checksum == last.checksum => {
                let same = known.iter().zip(checksums);
                same.take_while(|(known, checksum)| differs(checksum) && known == checksum).count()
            }
            _ => 0,
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::chain::{Chain, Relation};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn link(op: u64, checksum: u128, parent: u128) -> ChainLink {
        ChainLink { op: Op(op), checksum: Checksum::new(checksum), parent: Checksum::new(parent) }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(entries in prop::collection::vec((0_u64..20, 0_u128..3, 0_u128..3), 0..60)) {
            let mut runs = Runs::default();
            let mut map = BTreeMap::new();
            for (op, checksum, parent) in entries {
                runs.insert(link(op, checksum, parent));
                map.entry(op).or_insert_with(|| link(op, checksum, parent));
            }
            for op in 0..22 {
                prop_assert_eq!(runs.get(Op(op)), map.get(&op).copied());
            }
            prop_assert_eq!(runs.ops(), map.len() as u64);
            prop_assert_eq!(runs.first_op().map(|op| op.0), map.keys().next().copied());
            prop_assert_eq!(runs.last_op().map(|op| op.0), map.keys().next_back().copied());
            let ops: BTreeSet<u64> = map.keys().copied().collect();
            let missing: BTreeSet<u64> = runs.missing().iter().flat_map(|(a, b)| a.0..=b.0).collect();
            let range = ops.first().copied().unwrap_or(1)..=ops.last().copied().unwrap_or(0);
            prop_assert_eq!(missing, range.filter(|op| !ops.contains(op)).collect::<BTreeSet<_>>());
        }
    }

    proptest! {
        /// Stretches of a chain or of another one, again and again, with checksums that repeat: told at once where
        /// that can be, they are told as one by one.
        #[test]
        fn chain_that_follows_many_at_once_tells_the_same(
            stretches in prop::collection::vec((0_u64..30, 1_u64..12, 0_u128..8), 0..12),
        ) {
            let checksum = |op: u64, kind: u128| match kind {
                0 => u128::from(op / 2), // two neighbours have one checksum
                1 => 1000 + u128::from(op),
                _ => u128::from(op) * 10,
            };
            let mut chain = Chain::new(Runs::default());
            let mut oracle = Chain::new(Runs::default());
            for (first, count, kind) in stretches {
                let links: Vec<_> = (first..first + count)
                    .map(|op| link(op, checksum(op, kind), checksum(op.saturating_sub(1), kind)))
                    .collect();
                let expected: Vec<_> = links.iter().map(|link| oracle.push(*link)).collect();
                let sums: Vec<_> = links.iter().map(|link| link.checksum).collect();
                let (mut seen, mut at) = (Vec::new(), 0);
                while at < links.len() {
                    seen.push(chain.push(links[at]));
                    let taken = chain.follow(&sums[at + 1..]);
                    seen.extend(std::iter::repeat_n(Relation::Linked, taken));
                    at += 1 + taken;
                }
                prop_assert_eq!(seen, expected);
                prop_assert_eq!(chain.last(), oracle.last());
            }
            let all = |chain: &Chain<Runs>| {
                chain.history().iter().map(|(op, parent, sums)| (op, parent, sums.to_vec())).collect::<Vec<_>>()
            };
            prop_assert_eq!(all(&chain), all(&oracle));
            prop_assert_eq!(chain.history().ops(), oracle.history().ops());
        }
    }

    #[test]
    fn entries_that_continue_a_run_or_stand_in_it_are_followed_at_once() {
        let sums: Vec<_> = (1..=9_u128).map(Checksum::new).collect();
        let mut chain = Chain::new(Runs::default());
        chain.push(link(1, 1, 0));
        assert_eq!(chain.follow(&sums[1..]), 8);
        chain.push(link(3, 3, 2));
        assert_eq!(chain.follow(&sums[3..]), 5, "up to the run's last but one");
        assert_eq!(chain.last(), Some(link(8, 8, 7)));
        chain.push(link(20, 20, 19));
        chain.push(link(15, 15, 14));
        let more: Vec<_> = (16..=19_u128).map(Checksum::new).collect();
        assert_eq!(chain.follow(&more), 3, "op 19 is compared with the parent that op 20 names");
    }

    #[test]
    fn runs_are_told_in_order_and_from_any_op_on() {
        let mut runs = Runs::default();
        for (op, checksum, parent) in [(7, 7, 6), (8, 8, 7), (2, 2, 1)] {
            runs.insert(link(op, checksum, parent));
        }
        let sum = Checksum::new;
        let all: Vec<_> = runs.iter().map(|(op, parent, sums)| (op.0, parent, sums.to_vec())).collect();
        assert_eq!(all, [(2, sum(1), vec![sum(2)]), (7, sum(6), vec![sum(7), sum(8)])]);
        assert_eq!(runs.from(Op(8)), [sum(8)]);
        assert_eq!((runs.from(Op(1)), runs.from(Op(3)), runs.from(Op(9))), (&[][..], &[][..], &[][..]));
        assert_eq!((runs.next_run(Op(2)), runs.next_run(Op(7))), (Some(Op(7)), None));
    }

    #[test]
    fn highest_op_there_is_does_not_overflow() {
        let mut runs = Runs::default();
        runs.insert(link(u64::MAX, 1, 0));
        runs.insert(link(0, 1, 0));
        assert_eq!(runs.missing(), [(Op(1), Op(u64::MAX - 1))]);
        assert_eq!(runs.last_op(), Some(Op(u64::MAX)));
    }
}
