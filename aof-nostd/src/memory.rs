//! A log in RAM: [`MemoryLog`].

use crate::chain::ChainLink;
use crate::check::{Checked, Checker, Fault};
use crate::checksum::{AnyProfile, Checksum, Profile};
use crate::damage::Damage;
use crate::slice::Entries;
use crate::wire::{Entry, EntryHead, HEAD_SIZE, Header, HeaderRule, Op};
use crate::writer::{Draft, Next};
use core::fmt;
use zerocopy::{FromZeros, IntoBytes};

/// A log in `N` bytes of RAM, for tests, simulators and devices that keep their last entries at hand.
///
/// Entries are as in a file, without gaps between. Nothing is lost: a full log refuses the next entry.
#[derive(Clone, Debug)]
pub struct MemoryLog<const N: usize, P = AnyProfile> {
    store: heapless::Vec<u8, N>,
    checker: Checker<P>,
    next: Next,
}

/// Why an entry was not written. Nothing of it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MemoryError {
    /// The log has `free` bytes, the entry needs `needed`.
    Full {
        /// The entry's bytes.
        needed: u64,
        /// The log's free bytes.
        free: u64,
    },
    /// The entry given is not one that a reader would take.
    Invalid(Fault),
    /// The header to be sealed breaks a rule.
    Header(HeaderRule),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { needed, free } => {
                write!(f, "the log is full: {free} bytes are free, {needed} are needed")
            }
            Self::Invalid(fault) => write!(f, "not a valid entry: {}", fault.kind),
            Self::Header(rule) => write!(f, "cannot be sealed: {rule}"),
        }
    }
}

impl core::error::Error for MemoryError {}

/// What [`MemoryLog::validate`] found in a log without fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Validation {
    /// Entries, repeated ones included.
    pub entries: u64,
    /// Entries whose parent is not in the log: ops are missing before them, after a state sync.
    pub gaps: u64,
}

/// Why a log is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValidateError {
    /// The log is damaged.
    Damage(Damage),
    /// An entry's parent was not seen before it, though an entry with the parent's op was.
    UnknownParent {
        /// Where the entry stands.
        offset: u64,
        /// Its op.
        op: Op,
        /// The parent that it names.
        parent: Checksum,
    },
    /// Another entry with the same op came before: two histories.
    Fork {
        /// Where the entry stands.
        offset: u64,
        /// Its op.
        op: Op,
        /// The checksum of the entry before it.
        known: Checksum,
    },
    /// The last entry is not the one asked for.
    LastChecksum {
        /// The one asked for.
        expected: Checksum,
        /// The last entry's; `None` where the log is empty.
        found: Option<Checksum>,
    },
}

impl fmt::Display for ValidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(damage) => fmt::Display::fmt(damage, f),
            Self::UnknownParent { offset, op, parent } => {
                write!(f, "byte {offset} (op {op}): the parent {parent} was not seen before it")
            }
            Self::Fork { offset, op, known } => {
                write!(f, "byte {offset} (op {op}): a fork: another entry for op {op} has checksum {known}")
            }
            Self::LastChecksum { expected, found: Some(found) } => {
                write!(f, "the last entry has checksum {found}, not {expected}")
            }
            Self::LastChecksum { expected, found: None } => {
                write!(f, "the log is empty, its last checksum should be {expected}")
            }
        }
    }
}

impl core::error::Error for ValidateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Damage(damage) => Some(damage),
            _ => None,
        }
    }
}

impl<const N: usize, P: Profile> MemoryLog<N, P> {
    /// An empty log of `profile`. The first entry sealed will have op 1, all else zero.
    pub fn init(profile: P) -> Self {
        Self { store: heapless::Vec::new(), checker: Checker::new(profile), next: Next::new() }
    }

    /// Gives the header of the first entry that is sealed: its op, parent, cluster, view, release and
    /// replica.
    #[must_use]
    pub fn start_with(mut self, first: Header) -> Self {
        self.next.start_with(&first);
        self
    }

    /// The log's bytes, as a file would hold them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.store
    }

    /// The header of the last entry.
    pub const fn last(&self) -> Option<&Header> {
        self.next.last()
    }

    /// Writes a sealed entry as it is, after verifying it.
    ///
    /// # Errors
    ///
    /// See [`MemoryError`].
    pub fn write(&mut self, entry: &Entry) -> Result<(), MemoryError> {
        let bytes = entry.as_bytes();
        match self.checker.entry(bytes, bytes.len() as u64) {
            Checked::Whole(entry) if entry.as_bytes().len() == bytes.len() => {}
            Checked::Fault(fault) => return Err(MemoryError::Invalid(fault)),
            // The header tells a smaller body than the view has.
            _ => return Err(MemoryError::Header(HeaderRule::Size)),
        }
        self.push(&[bytes])?;
        self.next.continue_after(&entry.header);
        Ok(())
    }

    /// Seals an entry that continues the last one, and writes it. Gives its place in the chain.
    ///
    /// # Errors
    ///
    /// See [`MemoryError`].
    pub fn write_new(&mut self, draft: &Draft, body: &[u8]) -> Result<ChainLink, MemoryError> {
        let mut head = EntryHead::new_zeroed();
        draft.seal(&self.checker, &self.next, body, &mut head).map_err(MemoryError::Header)?;
        self.push(&[head.as_bytes(), body])?;
        self.next.continue_after(&head.header);
        Ok(ChainLink::from(&head.header))
    }

    /// Makes everything written durable, which in RAM it is as much as it gets: calls `done` at once.
    pub fn checkpoint(&mut self, done: impl FnOnce()) {
        done();
    }

    /// The entries, in the order written.
    pub fn iterator(&self) -> Entries<'_, P> {
        Entries::with_checker(&self.store, self.checker)
    }

    /// Checks every entry and the chain; `last_checksum`, if given, must be that of the last entry.
    ///
    /// An entry's parent must have come before it, anywhere: a log may go back and repeat entries. The
    /// parent of op 1 and that of the first entry are taken as known, and so is one whose op is missing
    /// in the log, as a state sync leaves it. "Every checksum seen" is the log itself, so this takes no
    /// memory; its time grows with the entries, and where the log goes back or jumps, for each such
    /// place, with the entries before it.
    ///
    /// # Errors
    ///
    /// See [`ValidateError`].
    pub fn validate(&self, last_checksum: Option<Checksum>) -> Result<Validation, ValidateError> {
        let mut validation = Validation { entries: 0, gaps: 0 };
        let mut last: Option<ChainLink> = None;
        let mut highest: Option<Op> = None;
        for located in self.iterator() {
            let located = located.map_err(ValidateError::Damage)?;
            let link = ChainLink::from(&located.entry.header);
            if last.is_some_and(|last| last.checksum != link.parent) && link.op != Op(1) {
                match self.parent_before(link, located.offset) {
                    Parent::Seen => {}
                    Parent::Missing => validation.gaps += 1,
                    Parent::Other => {
                        let ChainLink { op, parent, .. } = link;
                        return Err(ValidateError::UnknownParent { offset: located.offset, op, parent });
                    }
                }
            }
            if highest.is_some_and(|highest| link.op <= highest)
                && let Some(known) = self.other_before(link, located.offset)
            {
                return Err(ValidateError::Fork { offset: located.offset, op: link.op, known });
            }
            highest = highest.max(Some(link.op));
            validation.entries += 1;
            last = Some(link);
        }
        let found = last.map(|last| last.checksum);
        match last_checksum {
            Some(expected) if found != Some(expected) => Err(ValidateError::LastChecksum { expected, found }),
            _ => Ok(validation),
        }
    }

    /// The headers of the entries before `offset`, all of which are whole.
    fn headers_before(&self, offset: u64) -> impl Iterator<Item = &Header> {
        let mut rest = self.store.get(..usize::try_from(offset).unwrap_or(0)).unwrap_or(&[]);
        core::iter::from_fn(move || {
            let entry = Entry::from_prefix(rest)?;
            rest = rest.get(HEAD_SIZE + entry.body.len()..).unwrap_or(&[]);
            Some(&entry.header)
        })
    }

    /// Another entry with the same op before `offset`.
    fn other_before(&self, link: ChainLink, offset: u64) -> Option<Checksum> {
        let mut headers = self.headers_before(offset);
        let other = headers.find(|header| header.op() == link.op && header.checksum != link.checksum);
        other.map(|header| header.checksum)
    }

    /// Looks for an entry's parent among those before `offset`.
    fn parent_before(&self, link: ChainLink, offset: u64) -> Parent {
        let mut found = Parent::Missing;
        for header in self.headers_before(offset) {
            if header.checksum == link.parent {
                return Parent::Seen;
            }
            if header.op().next() == Some(link.op) {
                found = Parent::Other;
            }
        }
        found
    }

    fn push(&mut self, parts: &[&[u8]]) -> Result<(), MemoryError> {
        let needed: usize = parts.iter().map(|part| part.len()).sum();
        let free = N - self.store.len();
        if needed > free {
            return Err(MemoryError::Full { needed: needed as u64, free: free as u64 });
        }
        for part in parts {
            // Cannot fail: there is room.
            let _ = self.store.extend_from_slice(part);
        }
        Ok(())
    }
}

/// Where an entry's parent is.
enum Parent {
    Seen,
    /// No entry with the parent's op.
    Missing,
    /// Another entry with the parent's op.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Crc;

    fn log(entries: u64) -> MemoryLog<2048, Crc> {
        let mut log = MemoryLog::init(Crc);
        for timestamp_ns in 1..=entries {
            log.write_new(&Draft { timestamp_ns, ..Draft::default() }, b"body").unwrap();
        }
        log
    }

    #[test]
    fn full_log_refuses_an_entry_and_keeps_nothing_of_it() {
        let mut full = log(7);
        assert_eq!(full.as_bytes().len(), 7 * 276);
        let error = full.write_new(&Draft::default(), b"body");
        assert_eq!(error, Err(MemoryError::Full { needed: 276, free: 116 }));
        assert_eq!(full.as_bytes().len(), 7 * 276);
        assert_eq!(full.last().unwrap().op(), Op(7));
        assert_eq!(full.validate(None).unwrap().entries, 7);
    }

    #[test]
    fn backtracks_and_repeats_are_valid() {
        let source = log(3);
        let mut target = log(3);
        for located in source.iterator() {
            target.write(located.unwrap().entry).unwrap();
        }
        assert_eq!(target.validate(None), Ok(Validation { entries: 6, gaps: 0 }));
        let last = target.last().unwrap().checksum;
        assert_eq!(target.validate(Some(last)), Ok(Validation { entries: 6, gaps: 0 }));
    }

    #[test]
    fn last_entry_must_be_the_one_asked_for() {
        let log = log(2);
        let expected = Checksum::new(1);
        let found = Some(log.last().unwrap().checksum);
        assert_eq!(log.validate(Some(expected)), Err(ValidateError::LastChecksum { expected, found }));
        let empty = MemoryLog::<16, Crc>::init(Crc);
        let found = None;
        assert_eq!(empty.validate(Some(expected)), Err(ValidateError::LastChecksum { expected, found }));
        assert_eq!(empty.validate(None), Ok(Validation { entries: 0, gaps: 0 }));
    }

    #[test]
    fn gap_is_counted_and_fork_is_an_error() {
        let source = log(5);
        let mut target = MemoryLog::<2048, Crc>::init(Crc);
        for located in source.iterator().filter(|e| ![2, 3].contains(&e.unwrap().entry.header.op().0)) {
            target.write(located.unwrap().entry).unwrap();
        }
        assert_eq!(target.validate(None), Ok(Validation { entries: 3, gaps: 1 }));

        let other = Header { op: 4.into(), parent: Checksum::new(9), ..Header::new() };
        let mut fork = MemoryLog::<512, Crc>::init(Crc).start_with(other);
        fork.write_new(&Draft::default(), b"").unwrap();
        let mut target = log(4);
        target.write(fork.iterator().next().unwrap().unwrap().entry).unwrap();
        assert!(matches!(target.validate(None), Err(ValidateError::UnknownParent { op: Op(4), .. })));

        // Another op 2, whose parent is known, and one behind a step back to op 1.
        let other = Header { op: 2.into(), ..*log(2).last().unwrap() };
        let mut fork = MemoryLog::<512, Crc>::init(Crc).start_with(other);
        fork.write_new(&Draft::default(), b"other").unwrap();
        let fork = fork.iterator().next().unwrap().unwrap();
        for back in [false, true] {
            let mut target = log(3);
            if back {
                target.write(log(1).iterator().next().unwrap().unwrap().entry).unwrap();
            }
            target.write(fork.entry).unwrap();
            assert!(matches!(target.validate(None), Err(ValidateError::Fork { op: Op(2), .. })));
        }
    }
}
