//! The hash chain: how an entry stands to those before it.
//!
//! In one cluster's log `entry[n].parent == entry[n - 1].checksum` and op grows by one. A replica's file
//! is looser. After a restart the replica replays its journal and writes entries again: the file goes
//! *back*. After a state sync it jumps *forward*: ops are missing. Both are normal. Two different
//! entries with one op, or two children of one parent, are not: that is a *fork*, two histories.
//!
//! [`Chain`] says which of these an entry is. What it can compare with is its [`History`]: nothing but
//! the last entry ([`NoHistory`]), the last N ops ([`Window`], for devices), or all (`aof-std`).

use crate::checksum::Checksum;
use crate::wire::{Header, Op};
use core::fmt;

/// An entry's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChainLink {
    /// Its number.
    pub op: Op,
    /// Its identity.
    pub checksum: Checksum,
    /// The identity of the prepare before it.
    pub parent: Checksum,
}

impl From<&Header> for ChainLink {
    fn from(header: &Header) -> Self {
        Self { op: header.op(), checksum: header.checksum, parent: header.parent }
    }
}

/// How an entry stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Relation {
    /// Nothing came before it.
    First,
    /// Its parent is the last entry; behind a jump, an entry that came before.
    Linked,
    /// The last entry once more.
    Repeated,
    /// The file goes back: `from` is the op of the entry before.
    Backtrack {
        /// The last op before going back.
        from: Op,
    },
    /// Ops are missing between the last entry and this one.
    Gap {
        /// The first op that is missing.
        first: Op,
        /// The last op that is missing.
        last: Op,
    },
    /// It contradicts `known`: both have one op, or this entry names another parent for its op than the
    /// history has. Two histories.
    Fork {
        /// The op of which there are two entries.
        op: Op,
        /// The checksum that the history has for that op: of an entry, or as another entry's parent.
        known: Checksum,
    },
}

impl Relation {
    /// Whether an unbroken chain may go on like this.
    #[must_use]
    pub const fn is_linked(self) -> bool {
        matches!(self, Self::First | Self::Linked)
    }

    /// The stable name: `first`, `linked`, `repeated`, `backtrack`, `gap` or `fork`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Linked => "linked",
            Self::Repeated => "repeated",
            Self::Backtrack { .. } => "backtrack",
            Self::Gap { .. } => "gap",
            Self::Fork { .. } => "fork",
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("the first entry"),
            Self::Linked => f.write_str("linked to its parent"),
            Self::Repeated => f.write_str("the entry before it once more"),
            Self::Backtrack { from } => write!(f, "goes back from op {from}"),
            Self::Gap { first, last } if first == last => write!(f, "op {first} is missing before it"),
            Self::Gap { first, last } => write!(f, "ops {first} to {last} are missing before it"),
            Self::Fork { op, known } => write!(f, "another entry for op {op} has checksum {known}"),
        }
    }
}

/// What a [`Chain`] remembers of the entries before the last.
pub trait History {
    /// The entry seen for `op`, if it is still known.
    fn get(&self, op: Op) -> Option<ChainLink>;

    /// Remembers an entry. The first one seen for an op is kept.
    fn insert(&mut self, link: ChainLink);

    /// Remembers entries that follow `last`, the entry seen last: the first of `checksums` is its child, each
    /// other the child of the one before. Takes them from the front as long as no checksum is that of the entry
    /// before it, and nothing remembered contradicts them; gives how many. For [`Chain::follow`]. Unless
    /// overridden it takes none, which is always right.
    fn follow(&mut self, last: ChainLink, checksums: &[Checksum]) -> usize {
        let _ = (last, checksums);
        0
    }

    /// Forgets everything.
    fn clear(&mut self);
}

/// Remembers nothing: forks are seen between neighbours only.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoHistory;

impl History for NoHistory {
    fn get(&self, _op: Op) -> Option<ChainLink> {
        None
    }

    fn insert(&mut self, _link: ChainLink) {}

    fn clear(&mut self) {}
}

/// Remembers the `N` ops seen last, each in the slot `op % N`: 40 bytes each. A replica goes back by at
/// most its journal's length (1,024 by default).
#[derive(Clone, Debug)]
pub struct Window<const N: usize>(heapless::Vec<Option<ChainLink>, N>);

impl<const N: usize> Window<N> {
    /// An empty window.
    #[must_use]
    pub fn new() -> Self {
        let mut slots = heapless::Vec::new();
        // Cannot fail: N is the capacity.
        let _ = slots.resize(N, None);
        Self(slots)
    }

    fn slot(op: Op) -> usize {
        usize::try_from(op.0 % (N.max(1) as u64)).unwrap_or(0)
    }
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> History for Window<N> {
    fn get(&self, op: Op) -> Option<ChainLink> {
        let link = self.0.get(Self::slot(op)).copied().flatten()?;
        (link.op == op).then_some(link)
    }

    fn insert(&mut self, link: ChainLink) {
        if self.get(link.op).is_none()
            && let Some(slot) = self.0.get_mut(Self::slot(link.op))
        {
            *slot = Some(link);
        }
    }

    fn clear(&mut self) {
        self.0.fill(None);
    }
}

/// Follows a file entry by entry and tells how each stands to those before it.
///
/// ```
/// use aof_nostd::chain::{Chain, ChainLink, NoHistory, Relation};
/// use aof_nostd::{checksum::Checksum, wire::Op};
///
/// let entry = |op: u64| ChainLink {
///     op: Op(op),
///     checksum: Checksum::new(op.into()),
///     parent: Checksum::new(u128::from(op) - 1),
/// };
/// let mut chain = Chain::new(NoHistory);
/// assert_eq!(chain.push(entry(1)), Relation::First);
/// assert_eq!(chain.push(entry(2)), Relation::Linked);
/// assert_eq!(chain.push(entry(5)), Relation::Gap { first: Op(3), last: Op(4) });
/// assert_eq!(chain.push(entry(1)), Relation::Backtrack { from: Op(5) });
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Chain<H = NoHistory> {
    last: Option<ChainLink>,
    history: H,
}

impl<H: History> Chain<H> {
    /// A chain that has seen nothing.
    pub const fn new(history: H) -> Self {
        Self { last: None, history }
    }

    /// The last entry seen.
    pub const fn last(&self) -> Option<ChainLink> {
        self.last
    }

    /// What is remembered of the entries before the last.
    pub const fn history(&self) -> &H {
        &self.history
    }

    /// Tells how the next entry stands to those before it, and takes it as the last one.
    pub fn push(&mut self, link: ChainLink) -> Relation {
        let relation = self.relation(link);
        self.last = Some(link);
        self.history.insert(link);
        relation
    }

    /// Takes entries of which the first is the child of the last one seen, and each other that of the one before,
    /// as long as they are [`Linked`](Relation::Linked) and the history tells so for many at once. Gives how many;
    /// the rest is for [`push`](Self::push). The same as to push one by one.
    pub fn follow(&mut self, checksums: &[Checksum]) -> usize {
        let Some(last) = self.last else { return 0 };
        let taken = self.history.follow(last, checksums).min(checksums.len());
        let mut newest = checksums.iter().take(taken).rev();
        if let Some(&checksum) = newest.next() {
            let parent = newest.next().copied().unwrap_or(last.checksum);
            let op = Op(last.op.0.saturating_add(taken as u64));
            self.last = Some(ChainLink { op, checksum, parent });
        }
        taken
    }

    /// How an entry would stand to those before it. Nothing changes.
    pub fn relation(&self, link: ChainLink) -> Relation {
        let Some(last) = self.last else { return Relation::First };
        if let Some(fork) = self.contradiction(link) {
            return fork;
        }
        let before = link.op.previous();
        if link.checksum == last.checksum {
            Relation::Repeated
        } else if link.op == last.op {
            Relation::Fork { op: link.op, known: last.checksum }
        } else if link.op < last.op {
            Relation::Backtrack { from: last.op }
        } else if before == Some(last.op) {
            if link.parent == last.checksum {
                Relation::Linked
            } else {
                Relation::Fork { op: last.op, known: last.checksum }
            }
        } else if before.and_then(|op| self.history.get(op)).is_some() {
            Relation::Linked // the parent came before: `contradiction` compared it
        } else {
            Relation::Gap {
                first: last.op.next().unwrap_or(last.op),
                last: link.op.previous().unwrap_or(link.op),
            }
        }
    }

    /// The fork that an entry makes with what is remembered of its op and of the ops beside it.
    fn contradiction(&self, link: ChainLink) -> Option<Relation> {
        let known = |op: Option<Op>| op.and_then(|op| self.history.get(op));
        if let Some(same) = known(Some(link.op))
            && same.checksum != link.checksum
        {
            return Some(Relation::Fork { op: link.op, known: same.checksum });
        }
        if let Some(before) = known(link.op.previous())
            && before.checksum != link.parent
        {
            return Some(Relation::Fork { op: before.op, known: before.checksum });
        }
        if let Some(after) = known(link.op.next())
            && after.parent != link.checksum
        {
            return Some(Relation::Fork { op: link.op, known: after.parent });
        }
        None
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.last = None;
        self.history.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entry with this op in the history number `history`.
    fn entry(op: u64, history: u128) -> ChainLink {
        let checksum = |op: u64| Checksum::new(u128::from(op) + (history << 64));
        ChainLink { op: Op(op), checksum: checksum(op), parent: checksum(op.wrapping_sub(1)) }
    }

    fn relations<H: History>(history: H, ops: &[(u64, u128)]) -> heapless::Vec<Relation, 16> {
        let mut chain = Chain::new(history);
        ops.iter().map(|&(op, history)| chain.push(entry(op, history))).collect()
    }

    #[test]
    fn restart_and_state_sync_are_told_apart() {
        use Relation::*;
        let seen = relations(NoHistory, &[(1, 0), (2, 0), (2, 0), (1, 0), (2, 0), (7, 0), (8, 0)]);
        let gap = Gap { first: Op(3), last: Op(6) };
        assert_eq!(seen, [First, Linked, Repeated, Backtrack { from: Op(2) }, Linked, gap, Linked]);
    }

    #[test]
    fn neighbours_of_two_histories_are_a_fork_without_history() {
        let known = entry(2, 0).checksum;
        let seen = relations(NoHistory, &[(1, 0), (2, 0), (2, 1)]);
        assert_eq!(seen[2], Relation::Fork { op: Op(2), known });
        let seen = relations(NoHistory, &[(1, 0), (2, 0), (3, 1)]);
        assert_eq!(seen[2], Relation::Fork { op: Op(2), known });
    }

    #[test]
    fn fork_after_a_backtrack_needs_history() {
        let ops = [(1, 0), (2, 0), (3, 0), (4, 0), (2, 1)];
        assert_eq!(relations(NoHistory, &ops)[4], Relation::Backtrack { from: Op(4) });
        assert_eq!(
            relations(Window::<8>::new(), &ops)[4],
            Relation::Fork { op: Op(2), known: entry(2, 0).checksum }
        );
    }

    #[test]
    fn child_and_parent_known_from_before_are_compared() {
        // Op 3 of another history comes before its child in this one.
        let seen = relations(Window::<8>::new(), &[(1, 0), (5, 0), (4, 1)]);
        assert_eq!(seen[2], Relation::Fork { op: Op(4), known: entry(4, 0).checksum });
        // Back to a parent that is known, then on from it: linked although the last entry is another.
        let seen = relations(Window::<8>::new(), &[(1, 0), (2, 0), (4, 0), (3, 0), (5, 0)]);
        assert_eq!(seen[4], Relation::Linked);
    }

    #[test]
    fn extreme_ops_do_not_overflow() {
        let mut chain = Chain::new(Window::<2>::new());
        for op in [u64::MAX, 0, u64::MAX, 1] {
            chain.push(entry(op, 0));
        }
        let mut none = Chain::new(Window::<0>::new());
        assert_eq!(none.push(entry(1, 0)), Relation::First);
    }
}
