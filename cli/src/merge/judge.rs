//! What the entries of one op say, in memory that does not grow with them: [`Judge`].
//!
//! Every entry of the op is shown to it, in any order; there may be as many as there are entries at all. What
//! it keeps are the least of each kind, by [`Record`]'s order: so the inputs' order does not matter.

use super::index::Record;
use aof_nostd::Checksum;

/// Which entries can come next in the chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// All: the chain begins here.
    Any,
    /// The children of this one.
    ChildOf(Checksum),
}

/// The entries of one op.
#[derive(Debug)]
pub(crate) struct Judge {
    wanted: Wanted,
    /// The input, and the byte there, at which the last entry taken ends.
    end: Option<(u32, u64)>,
    /// Those that stand in a log, and those that might lie in a damaged entry's body.
    firm: Sides,
    islands: Sides,
    /// The same of those that can come next.
    firm_next: Sides,
    islands_next: Sides,
    /// Of these, the one that stands directly behind the last entry taken.
    firm_behind: Option<Record>,
    islands_behind: Option<Record>,
}

/// What is shown all entries of an op.
pub(crate) trait Witness {
    /// Shows it one of them.
    fn push(&mut self, record: &Record);
}

/// The least entry, and the least that is another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sides {
    pub(crate) first: Option<Record>,
    pub(crate) other: Option<Record>,
}

impl Sides {
    /// Shows it an entry.
    pub(crate) fn push(&mut self, record: &Record) {
        let Some(first) = &mut self.first else {
            self.first = Some(*record);
            return;
        };
        let is_other = !record.is_copy_of(first);
        if record < first {
            if is_other {
                self.other = Some(*first);
            }
            *first = *record;
        } else if is_other && self.other.is_none_or(|other| *record < other) {
            self.other = Some(*record);
        }
    }

    /// The least entry that is not this one.
    fn other_than(&self, record: &Record) -> Option<Record> {
        self.first.filter(|first| !first.is_copy_of(record)).or(self.other)
    }
}

/// What can come next.
#[derive(Debug)]
pub(crate) enum Choice {
    /// Nothing.
    None,
    /// One entry: one of its copies.
    One(Record),
    /// One of several, of which these are two.
    Fork(Record, Record),
}

impl Judge {
    /// A judge of nothing yet.
    pub(crate) fn new(wanted: Wanted, last: Option<&Record>) -> Self {
        let sides = Sides::default();
        let end = last.map(|last| (last.input, last.end()));
        Self {
            wanted,
            end,
            firm: sides,
            islands: sides,
            firm_next: sides,
            islands_next: sides,
            firm_behind: None,
            islands_behind: None,
        }
    }

    /// The least entry.
    pub(crate) fn first(&self) -> Option<Record> {
        match (self.firm.first, self.islands.first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What comes next: what might lie in a damaged entry's body gives way to what stands in a log. Copies are
    /// equal to the bit, see [`Record::is_copy_of`]; the one behind the last entry taken makes the longest reads.
    pub(crate) fn choose(&self) -> Choice {
        let (next, behind) = match self.firm_next.first {
            Some(_) => (&self.firm_next, self.firm_behind),
            None => (&self.islands_next, self.islands_behind),
        };
        match (next.first, next.other) {
            (None, _) => Choice::None,
            (Some(first), Some(other)) => Choice::Fork(first, other),
            (Some(first), None) => Choice::One(behind.unwrap_or(first)),
        }
    }

    /// The least entry that contradicts the one that was chosen. What might lie in a damaged entry's body does
    /// not contradict what stands in a log.
    pub(crate) fn contradiction(&self, chosen: &Record) -> Option<Record> {
        let firm = self.firm.other_than(chosen);
        let island = self.islands.other_than(chosen).filter(|_| chosen.island);
        match (firm, island) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether the chosen entry, which nothing contradicts, stands in no log.
    pub(crate) fn is_island(&self) -> bool {
        self.firm.first.is_none()
    }
}

impl Witness for Judge {
    fn push(&mut self, record: &Record) {
        let is_next = match self.wanted {
            Wanted::Any => true,
            Wanted::ChildOf(parent) => record.parent == parent,
        };
        let (all, next, behind) = if record.island {
            (&mut self.islands, &mut self.islands_next, &mut self.islands_behind)
        } else {
            (&mut self.firm, &mut self.firm_next, &mut self.firm_behind)
        };
        all.push(record);
        if is_next {
            next.push(record);
            if self.end == Some((record.input, record.offset)) {
                *behind = Some(*record);
            }
        }
    }
}
