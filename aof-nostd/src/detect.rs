//! The profile of a log that is not known: a state machine without I/O, the one owner of this decision.
//!
//! 1. The log's first magic, if it is a profile's.
//! 2. Otherwise the profile in which the 256 bytes after it are a sealed header: the magic alone is damaged.
//! 3. Otherwise the profile of the nearest start, of either profile.
//!
//! The answer depends on the log's bytes alone, and not on how many are given at a time.

use crate::check::Checker;
use crate::checksum::{AnyProfile, Backend};
use crate::resync::{Resync, Want};
use crate::wire::{EntryHead, HEAD_SIZE, MAGIC_SIZE};
use zerocopy::FromBytes;

/// Finds the profile of a log.
///
/// Drive it like a [`Resync`]: while [`want`](Self::want) returns an offset and a size, give the bytes from that
/// offset on. Then [`profile`](Self::profile) is the answer.
///
/// ```
/// use aof_nostd::{Backend, Crc, Detect, Profile};
///
/// let log = Crc.magic();
/// let mut detect = Detect::new(Backend::default(), log.len() as u64);
/// while let Some(want) = detect.want() {
///     detect.give(&log[want.offset as usize..]);
/// }
/// assert_eq!(detect.profile().map(|profile| profile.name()), Some("crc"));
/// ```
#[derive(Clone, Debug)]
pub struct Detect {
    backend: Backend,
    /// Where the log ends.
    end: u64,
    /// Where the search for a start begins.
    from: u64,
    state: State,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the search is the most of it, and nothing allocates")]
enum State {
    /// Read the log's first head.
    Head,
    /// Search for a start of the profile, nearer than what was found; then for one of the other profile.
    Search {
        search: Resync<AnyProfile>,
        nearest: Option<(u64, AnyProfile)>,
        other: Option<AnyProfile>,
    },
    Done(Option<AnyProfile>),
}

impl Detect {
    /// For a log that ends at `end`.
    #[must_use]
    pub const fn new(backend: Backend, end: u64) -> Self {
        Self { backend, end, from: 0, state: State::Head }
    }

    /// Leaves out what is before `offset`: no start is there.
    #[must_use]
    pub const fn with_no_start_before(self, offset: u64) -> Self {
        Self { from: offset, ..self }
    }

    /// The bytes needed next; `None` when the search is over.
    #[must_use]
    pub fn want(&self) -> Option<Want> {
        match &self.state {
            State::Head => {
                #[expect(clippy::cast_possible_truncation, reason = "at most 272")]
                let size_min = self.end.min(HEAD_SIZE as u64) as u32;
                Some(Want { offset: 0, size_min, is_aside: false })
            }
            State::Search { search, .. } => search.want(),
            State::Done(_) => None,
        }
    }

    /// Takes bytes from the wanted offset on. Fewer than wanted mean that the log ends there.
    pub fn give(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Head => {
                let bytes = bytes.get(..HEAD_SIZE).unwrap_or(bytes);
                self.end = if bytes.len() < HEAD_SIZE { self.end.min(bytes.len() as u64) } else { self.end };
                self.state = match self.by_head(bytes) {
                    Some(profile) => State::Done(Some(profile)),
                    None => self.begin_search(),
                };
            }
            State::Search { search, .. } => {
                search.give(bytes);
                if search.want().is_none() {
                    self.next_search();
                }
            }
            State::Done(_) => {}
        }
    }

    /// The profile; `None` while the search is not over, and where no entry of either profile starts.
    #[must_use]
    pub const fn profile(&self) -> Option<AnyProfile> {
        match self.state {
            State::Done(profile) => profile,
            _ => None,
        }
    }

    /// The profile that the first head has, by its magic or by its header's checksum.
    fn by_head(&self, bytes: &[u8]) -> Option<AnyProfile> {
        let magic = bytes.get(..MAGIC_SIZE)?;
        AnyProfile::from_magic(magic, self.backend).or_else(|| {
            let head = EntryHead::ref_from_bytes(bytes).ok()?;
            AnyProfile::all(self.backend).into_iter().find(|profile| head.header.verify(profile))
        })
    }

    fn begin_search(&self) -> State {
        let [first, second] = AnyProfile::all(self.backend);
        State::Search { search: self.search(first, None), nearest: None, other: Some(second) }
    }

    /// The search for a start of `profile` that is nearer than `nearest`.
    fn search(&self, profile: AnyProfile, nearest: Option<(u64, AnyProfile)>) -> Resync<AnyProfile> {
        // The head of a nearer one may reach over the start that was found.
        let end = nearest.map_or(self.end, |(offset, _)| {
            offset.saturating_add(HEAD_SIZE as u64).saturating_sub(1).min(self.end)
        });
        // The limit is not known yet.
        let checker = Checker::new(profile).with_message_size_max(u32::MAX);
        Resync::from_anywhere(checker, self.from, end)
    }

    /// Takes what the search found, and begins the next one.
    fn next_search(&mut self) {
        let State::Search { search, nearest, other } = &mut self.state else { return };
        let found = search.found().map(|offset| (offset, *search.profile()));
        // More bytes may have been given than were wanted: a start after the nearest one does not count.
        let nearest = match (found, *nearest) {
            (Some(found), Some(nearest)) if found.0 >= nearest.0 => Some(nearest),
            (found, nearest) => found.or(nearest),
        };
        self.state = match other.take() {
            Some(profile) => State::Search { search: self.search(profile, nearest), nearest, other: None },
            None => State::Done(nearest.map(|(_, profile)| profile)),
        };
    }
}
