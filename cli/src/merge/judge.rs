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
    /// Those that belong to the log, and those of which nothing confirms it.
    confirmed: Sides,
    unconfirmed: Sides,
    /// The same of those that can come next.
    confirmed_next: Sides,
    unconfirmed_next: Sides,
    /// Of these, the one that is stored directly after the last entry taken.
    confirmed_adjacent: Option<Record>,
    unconfirmed_adjacent: Option<Record>,
    /// Whether a copy of those that can come next belongs to the log for sure.
    is_sure: bool,
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
    pub(crate) fn other_than(&self, record: &Record) -> Option<Record> {
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
            confirmed: sides,
            unconfirmed: sides,
            confirmed_next: sides,
            unconfirmed_next: sides,
            confirmed_adjacent: None,
            unconfirmed_adjacent: None,
            is_sure: false,
        }
    }

    /// The least entry.
    pub(crate) fn first(&self) -> Option<Record> {
        match (self.confirmed.first, self.unconfirmed.first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The least entry that belongs to the log.
    pub(crate) fn confirmed(&self) -> Option<Record> {
        self.confirmed.first
    }

    /// What comes next: an entry that belongs to the log before one of which nothing confirms it. Of several copies,
    /// which are equal to the byte ([`Record::is_copy_of`]), the one after the last entry taken makes the longest reads.
    pub(crate) fn choose(&self) -> Choice {
        let (next, adjacent) = match self.confirmed_next.first {
            Some(_) => (&self.confirmed_next, self.confirmed_adjacent),
            None => (&self.unconfirmed_next, self.unconfirmed_adjacent),
        };
        match (next.first, next.other) {
            (None, _) => Choice::None,
            (Some(first), Some(other)) => Choice::Fork(first, other),
            (Some(first), None) => {
                let one = adjacent.unwrap_or(first);
                Choice::One(Record { likely: one.likely && !self.is_sure, ..one })
            }
        }
    }

    /// The least entry that contradicts the one that was chosen, of equal standing or above.
    pub(crate) fn contradiction(&self, chosen: &Record) -> Option<Record> {
        let confirmed = self.confirmed.other_than(chosen);
        if chosen.unconfirmed { confirmed.or(self.unconfirmed.other_than(chosen)) } else { confirmed }
    }

    /// The least unconfirmed entry that is another one than the chosen entry of the log.
    pub(crate) fn passed_over(&self, chosen: &Record) -> Option<Record> {
        self.unconfirmed.other_than(chosen).filter(|_| !chosen.unconfirmed)
    }
}

impl Witness for Judge {
    fn push(&mut self, record: &Record) {
        let is_next = match self.wanted {
            Wanted::Any => true,
            Wanted::ChildOf(parent) => record.parent == parent,
        };
        let (all, next, adjacent) = if record.unconfirmed {
            (&mut self.unconfirmed, &mut self.unconfirmed_next, &mut self.unconfirmed_adjacent)
        } else {
            (&mut self.confirmed, &mut self.confirmed_next, &mut self.confirmed_adjacent)
        };
        all.push(record);
        if is_next {
            next.push(record);
            self.is_sure |= !record.unconfirmed && !record.likely;
            if self.end == Some((record.input, record.offset)) {
                *adjacent = Some(*record);
            }
        }
    }
}
