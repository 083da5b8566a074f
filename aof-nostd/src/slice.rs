//! Entries straight out of a byte slice: no copy, no device.

use crate::check::{Checked, Checker};
use crate::checksum::{AnyProfile, Backend, Profile};
use crate::damage::Damage;
use crate::detect::Detect;
use crate::resync::Resync;
use crate::wire::Entry;

/// An entry and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Located<'a> {
    /// Its first byte, from the log's beginning.
    pub offset: u64,
    /// The entry, whole and valid.
    pub entry: &'a Entry,
}

/// What a log holds at an offset: an entry, or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<'a> {
    /// An entry, whole and valid.
    Entry(Located<'a>),
    /// Damage, and where the next entry starts (or the log ends): the bytes between belong to no entry.
    Damage(Damage, u64),
}

/// Iterates over the entries of a log that lies in memory.
///
/// The iterator gives each whole entry, and each damage once, going on behind it:
///
/// ```
/// use aof_nostd::{Entries, checksum::TigerBeetle, wire::{Entry, Header, HEAD_SIZE}};
/// # let profile = TigerBeetle::default();
/// # let mut log = [0; 2 * HEAD_SIZE];
/// # Entry::seal(&profile, Header::new(), &mut log[..HEAD_SIZE]).unwrap();
/// # Entry::seal(&profile, Header::new(), &mut log[HEAD_SIZE..]).unwrap();
/// log[100] ^= 1; // in the first entry's header
/// let mut entries = Entries::new(&log, profile);
/// let damage = entries.next().unwrap().unwrap_err();
/// assert_eq!((damage.offset, damage.kind.name()), (0, "header-checksum"));
/// assert_eq!(entries.next().unwrap().unwrap().offset, 272);
/// assert!(entries.next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Entries<'a, P = AnyProfile> {
    bytes: &'a [u8],
    offset: u64,
    checker: Checker<P>,
    /// Damage at `offset` was told: go on behind it.
    damaged: bool,
}

impl<'a> Entries<'a, AnyProfile> {
    /// The entries of `bytes`, in the profile that the log has, see [`Detect`].
    #[must_use]
    pub fn detect(bytes: &'a [u8], backend: Backend) -> Self {
        let mut detect = Detect::new(backend, bytes.len() as u64);
        while let Some(want) = detect.want() {
            detect.give(from(bytes, want.offset));
        }
        Self::new(bytes, detect.profile().unwrap_or_default())
    }
}

impl<'a, P: Profile> Entries<'a, P> {
    /// The entries of `bytes`, a log of `profile`, of at most 1 MiB each.
    pub const fn new(bytes: &'a [u8], profile: P) -> Self {
        Self::with_checker(bytes, Checker::new(profile))
    }

    /// The entries of `bytes`, up to the size limit of `checker`.
    pub const fn with_checker(bytes: &'a [u8], checker: Checker<P>) -> Self {
        Self { bytes, offset: 0, checker, damaged: false }
    }

    /// Where the next entry is looked for.
    pub const fn position(&self) -> u64 {
        self.offset
    }

    /// Goes on at `offset`.
    pub const fn set_position(&mut self, offset: u64) {
        self.offset = offset;
        self.damaged = false;
    }

    /// The profile.
    pub const fn profile(&self) -> &P {
        self.checker.profile()
    }

    fn rest(&self) -> &'a [u8] {
        from(self.bytes, self.offset)
    }

    /// The next entry, or the damage in its place: then the position stays, see
    /// [`skip_damage`](Self::skip_damage).
    ///
    /// # Errors
    ///
    /// The bytes at the position are no entry.
    pub fn next_entry(&mut self) -> Result<Option<Located<'a>>, Damage> {
        let bytes = self.rest();
        let offset = self.offset;
        match self.checker.entry(bytes, bytes.len() as u64) {
            Checked::Whole(entry) => {
                self.offset += entry.header.size_disk();
                Ok(Some(Located { offset, entry }))
            }
            Checked::Fault(fault) => Err(Damage { offset, op: fault.op, kind: fault.kind }),
            // All bytes are here, so none can be needed.
            Checked::End | Checked::Need(_) => Ok(None),
        }
    }

    /// Goes on at the next place behind the position where an entry starts, else at the end; gives it.
    /// (Not `skip`, which is an iterator's.)
    pub fn skip_damage(&mut self) -> u64 {
        let end = self.bytes.len() as u64;
        let search = Resync::new(self.checker, self.offset, end);
        self.offset = drive(search, self.bytes).unwrap_or(end);
        self.damaged = false;
        self.offset
    }

    /// The next entry, or damage together with where reading goes on behind it; `None` at the end.
    #[must_use]
    pub fn next_event(&mut self) -> Option<Event<'a>> {
        match self.next_entry() {
            Ok(Some(located)) => Some(Event::Entry(located)),
            Ok(None) => None,
            Err(damage) => Some(Event::Damage(damage, self.skip_damage())),
        }
    }
}

impl<'a, P: Profile> Iterator for Entries<'a, P> {
    type Item = Result<Located<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.damaged {
            self.skip_damage();
        }
        let next = self.next_entry();
        self.damaged = next.is_err();
        next.transpose()
    }
}

impl<P: Profile> core::iter::FusedIterator for Entries<'_, P> {}

/// Gives a search all the bytes that it wants.
fn drive<P: Profile>(mut search: Resync<P>, bytes: &[u8]) -> Option<u64> {
    while let Some(want) = search.want() {
        search.give(from(bytes, want.offset));
    }
    search.found()
}

/// The bytes from `offset` on.
fn from(bytes: &[u8], offset: u64) -> &[u8] {
    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default()
}
