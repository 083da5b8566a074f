//! Where reading continues after damage: a state machine without I/O.
//!
//! The next magic after the damage is not always the next entry. A body may hold bytes that are a complete
//! entry (a log stored in a log). Such an entry is content of the damaged body and not part of the log. On the
//! other hand, a writer that crashed within an entry and then appended more leaves real entries inside the
//! extent that the torn entry's header states:
//!
//! ```text
//!         damaged entry at P                     E = P + 16 + size
//!   ------|magic|header|body ..................|magic|header|...
//!                             |Q ....|                a start in between, if there is one
//! ```
//!
//! Nothing is believed that no checksum vouches for. The 272 bytes at P distinguish three cases:
//!
//! 1. **The header is sealed**: its checksum matches, whatever the magic and the rules say. Its `size` is
//!    proven, and so is E. What starts inside P..E is content, unless a writer's crash is proven ([`extent`]).
//!    Reading continues at E, or, where nothing like an entry is there, at the first start after it.
//! 2. **The magic is right, the header is broken.** First the proofs: another `size` with which the header's
//!    checksum matches makes it a sealed header ([`broken`]). Then the successor: a sealed start at E that names
//!    the damaged entry as its parent. Otherwise the first start.
//! 3. **Neither**: the first start.
//!
//! A *start* is a magic and a header whose checksum and frame are right; its body is left to the reader. Of the
//! starts after damage the first is taken whose entry ends within the log, or else the first: a head that
//! claims more than is there may be planted, and would hide all that follows.
//!
//! The answer depends on nothing but P and the log's bytes. The search overlaps its windows, so that no start
//! at the edge of a window is missed.
//!
//! Memory: about 400 bytes. Time: the bytes up to the place found, and for each damaged place
//!
//! - about 50 header checksums besides those of the starts passed;
//! - a look at most one size limit ahead, which ends at the 16th magic with a right frame;
//! - four bodies, of at most 32 times the bytes that the place covers.

mod broken;
mod extent;

use self::broken::Broken;
use self::extent::Extent;
use crate::check::Checker;
use crate::checksum::{Checksum, Profile};
use crate::finder::Finder;
use crate::wire::{EntryHead, HEAD_SIZE, Header, MAGIC_SIZE};
use zerocopy::FromBytes;

/// Bytes of a window that are searched at once: those after the place found are searched without result.
const SCAN_SIZE_MAX: usize = 1 << 16;

/// The search for the next entry after the damage at an offset. See the module's source for the rules.
///
/// Drive it like this: while [`want`](Self::want) returns an offset and a size, give the bytes from that
/// offset on (at least so many, unless the log ends). Then [`found`](Self::found) is the answer.
#[derive(Clone, Debug)]
pub struct Resync<P: Profile> {
    checker: Checker<P>,
    /// P: where the damaged entry starts.
    damaged: u64,
    /// Where the log ends.
    end: u64,
    /// What is known of the damaged entry.
    case: Case<P>,
    /// Where the damaged entry ends, if a checksum vouches for that.
    covered_until: Option<u64>,
    /// The first start found, if any.
    first: Option<First>,
    /// Where bytes are needed next.
    at: u64,
    state: State,
}

/// Bytes that a [`Resync`] needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Want {
    /// Where they start, bytes from the log's beginning.
    pub offset: u64,
    /// How many are needed at least: at most 272. More are welcome.
    pub size_min: u32,
    /// Whether the search continues elsewhere after these: there is no reason to give up others for them.
    pub is_aside: bool,
}

/// What is known of the damaged entry.
#[derive(Clone, Debug)]
enum Case<P: Profile> {
    /// Nothing: the first start is the answer. Without damage, any start is.
    Open { is_damage: bool },
    /// The magic is right, and the header's checksum is not.
    Broken(Broken),
    /// A checksum vouches for the size.
    Sealed(Extent<P>),
}

/// A start, and whether its entry ends within the log.
#[derive(Clone, Copy, Debug)]
struct First {
    offset: u64,
    fits: bool,
}

/// What is done with the bytes at `at`. Kept small: it is copied at each step.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Read the damaged entry's head.
    Head,
    /// Look for starts.
    Scan,
    /// Check whether the entry at E names the damaged one, whose header is broken, as its parent.
    Successor,
    /// Check what is at the end of a sealed extent.
    End,
    /// Follow a run of linked heads inside a sealed extent.
    Run(Run),
    /// Verify the body of the run's last entry, which reaches over the extent's end.
    Body(Run),
    Done(Option<u64>),
}

/// Entries inside a sealed extent, each the parent of the next.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Where the first starts.
    first: u64,
    /// Where the last starts.
    last: u64,
    /// The last one's checksum.
    checksum: Checksum,
}

impl<P: Profile> Resync<P> {
    /// Searches after the damage at `damaged`, in a log that ends at `end`.
    pub fn new(checker: Checker<P>, damaged: u64, end: u64) -> Self {
        let case = Case::Open { is_damage: true };
        Self {
            checker,
            damaged,
            end,
            case,
            covered_until: None,
            first: None,
            at: damaged,
            state: State::Head,
        }
    }

    /// Searches from `at` on, `at` included, for any start.
    pub fn from_anywhere(checker: Checker<P>, at: u64, end: u64) -> Self {
        let case = Case::Open { is_damage: false };
        Self { case, state: State::Scan, ..Self::new(checker, at, end) }
    }

    pub(crate) const fn profile(&self) -> &P {
        self.checker.profile()
    }

    /// The bytes needed next; `None` when the search is over.
    pub fn want(&self) -> Option<Want> {
        let size = match self.state {
            State::Done(_) => return None,
            State::Body(_) => self.extent().map_or(0, Extent::body_remaining),
            _ => HEAD_SIZE as u64,
        };
        let size = size.min(HEAD_SIZE as u64).min(self.end.saturating_sub(self.at));
        #[expect(clippy::cast_possible_truncation, reason = "at most 272")]
        Some(Want {
            offset: self.at,
            size_min: size as u32,
            is_aside: matches!(self.state, State::Successor),
        })
    }

    /// Where the next entry starts; `None` while the search is not over, and where no entry follows.
    #[must_use]
    pub fn found(&self) -> Option<u64> {
        match self.state {
            State::Done(found) => found,
            _ => None,
        }
    }

    /// Whether what is left to do is to look for starts at `until` or after it, outside of any extent.
    pub(crate) fn is_scanning_from(&self, until: u64) -> bool {
        let is_inside = matches!(self.case, Case::Sealed(_)) || matches!(self.state, State::Head);
        !is_inside && self.at >= until
    }

    /// Where the damaged entry ends, if a checksum vouches for that, once the search is over. An entry found
    /// before that place was written after a crash; all else before it is content of the damaged entry.
    #[must_use]
    pub const fn covered_until(&self) -> Option<u64> {
        self.covered_until
    }

    const fn extent(&self) -> Option<&Extent<P>> {
        match &self.case {
            Case::Sealed(extent) => Some(extent),
            _ => None,
        }
    }

    const fn extent_mut(&mut self) -> Option<&mut Extent<P>> {
        match &mut self.case {
            Case::Sealed(extent) => Some(extent),
            _ => None,
        }
    }

    /// Takes bytes from the wanted offset on. Fewer than wanted mean that the log ends there.
    pub fn give(&mut self, bytes: &[u8]) {
        let Some(want) = self.want() else { return };
        if bytes.len() < want.size_min as usize {
            self.end = want.offset.saturating_add(bytes.len() as u64);
        }
        let state = match self.state {
            State::Head => self.take_head(bytes),
            State::Scan => self.scan(want.offset, bytes),
            State::Successor => self.take_successor(bytes),
            State::End => self.take_end(bytes),
            State::Run(run) => self.take_next_of_run(run, bytes),
            State::Body(run) => self.take_body(run, bytes),
            State::Done(found) => State::Done(found),
        };
        self.state = match state {
            State::Scan if self.is_passed(self.at) => self.conclude(),
            state => state,
        };
    }

    fn take_head(&mut self, bytes: &[u8]) -> State {
        self.at = self.damaged.saturating_add(1);
        let Ok((head, _)) = EntryHead::ref_from_prefix(bytes) else { return State::Scan };
        let profile = self.checker.profile();
        if head.header.verify(profile) {
            return self.sealed(&head.header);
        }
        if head.magic == profile.magic() {
            let mut broken = Broken::new(&self.checker, &head.header);
            let rest = self.end.saturating_sub(self.damaged);
            if broken.has_one_bit_flipped(&self.checker) || broken.ends_at(&self.checker, rest) {
                return self.sealed(broken.header());
            }
            self.case = Case::Broken(broken);
            self.at = self.damaged.saturating_add(MAGIC_SIZE as u64);
        }
        State::Scan
    }

    /// The damaged entry's size is that of `header`: a checksum vouches for it.
    fn sealed(&mut self, header: &Header) -> State {
        let extent = Extent::new(self.damaged, header);
        self.at = extent.end;
        self.covered_until = Some(extent.end);
        self.case = Case::Sealed(extent);
        if self.at < self.end { State::End } else { self.scan_inside() }
    }

    /// Whether no start at `at` or after it matters.
    fn is_passed(&self, at: u64) -> bool {
        let is_out = match &self.case {
            Case::Open { .. } => false,
            Case::Broken(broken) => {
                let distance = at.saturating_sub(self.damaged);
                self.first.is_some_and(|first| first.fits) && broken.is_out_of_reach(&self.checker, distance)
            }
            Case::Sealed(extent) => at >= extent.end || !extent.may_try(),
        };
        is_out || at >= self.end
    }

    /// Ends a search for starts.
    fn conclude(&mut self) -> State {
        let first = self.first.map(|first| first.offset);
        match &self.case {
            Case::Open { .. } => State::Done(first),
            Case::Broken(broken) => match broken.claimed_end(&self.checker, self.damaged) {
                Some(end) if end < self.end && first.is_some_and(|first| first != end) => {
                    self.at = end;
                    State::Successor
                }
                // Not a start, or the answer already.
                _ => State::Done(first),
            },
            Case::Sealed(extent) => {
                if extent.end >= self.end {
                    return State::Done(None);
                }
                if extent.is_followed {
                    return State::Done(Some(extent.end));
                }
                self.at = extent.end;
                self.case = Case::Open { is_damage: true };
                self.scan_from(self.at)
            }
        }
    }

    /// Looks for starts in `bytes`, which begin at `at`.
    fn scan(&mut self, at: u64, bytes: &[u8]) -> State {
        let magic = self.checker.profile().magic();
        let bytes = bytes.get(..SCAN_SIZE_MAX).unwrap_or(bytes);
        let finder = Finder::new(&magic);
        let mut passed = 0;
        while let Some(found) = bytes.get(passed..).and_then(|bytes| finder.find(bytes)) {
            let index = passed.saturating_add(found);
            passed = index.saturating_add(MAGIC_SIZE); // no magic begins inside another
            let offset = at.saturating_add(index as u64);
            let Some((head, _)) = bytes.get(index..).and_then(|bytes| EntryHead::ref_from_prefix(bytes).ok())
            else {
                // The window ends inside the head. Ask again from here, unless the log ends there too.
                return self.scan_from(offset);
            };
            self.at = offset;
            if self.is_passed(offset) {
                return State::Scan;
            }
            if let Some(state) = self.take_magic(offset, &head.header) {
                return state;
            }
        }
        // A magic may begin in the last 15 bytes.
        let passed = bytes.len().saturating_sub(MAGIC_SIZE - 1).max(1) as u64;
        self.scan_from(at.saturating_add(passed))
    }

    /// Continues the search for starts at `offset`, or at the log's end if no complete head fits after it.
    fn scan_from(&mut self, offset: u64) -> State {
        self.at = if self.end.saturating_sub(offset) < HEAD_SIZE as u64 { self.end } else { offset };
        State::Scan
    }

    /// Takes the magic at `offset`, which this header follows. `None` to continue the search.
    ///
    /// In the order of cost: a hostile log has a magic every 16 bytes, and a start every 272. The frame costs
    /// nothing, and a header's checksum is computed only where it matters.
    fn take_magic(&mut self, offset: u64, header: &Header) -> Option<State> {
        if !self.checker.frame_is_right(header) {
            return None;
        }
        if let Case::Broken(broken) = &mut self.case
            && broken.may_end_at(&self.checker, offset.saturating_sub(self.damaged))
        {
            let header = *broken.header();
            return Some(self.sealed(&header));
        }
        if self.first.is_some_and(|first| first.fits) || !header.verify(self.checker.profile()) {
            return None;
        }
        if let Case::Sealed(_) = self.case {
            return Some(self.begin_run(offset, header));
        }
        let fits = offset.saturating_add(header.size_disk()) <= self.end;
        match self.case {
            Case::Open { is_damage } if fits || !is_damage => return Some(State::Done(Some(offset))),
            _ if fits || self.first.is_none() => self.first = Some(First { offset, fits }),
            _ => {}
        }
        None
    }

    /// The damaged entry's header is broken, and its `size` leads to `bytes`. A successor that names it vouches
    /// for that.
    fn take_successor(&mut self, bytes: &[u8]) -> State {
        let successor = self.start(bytes);
        let is_named = match (&mut self.case, successor) {
            (Case::Broken(broken), Some(header)) => broken.is_parent_of(&self.checker, header),
            _ => false,
        };
        State::Done(if is_named { Some(self.at) } else { self.first.map(|first| first.offset) })
    }

    /// The header of the start that `bytes` begin with.
    fn start<'a>(&self, bytes: &'a [u8]) -> Option<&'a Header> {
        let (head, _) = EntryHead::ref_from_prefix(bytes).ok()?;
        let profile = self.checker.profile();
        let is_start = head.magic == profile.magic()
            && self.checker.frame_is_right(&head.header)
            && head.header.verify(profile);
        is_start.then_some(&head.header)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use crate::check::Checker;
    use crate::checksum::counting::{Counting, take_counts};
    use crate::checksum::{Crc, Profile, TigerBeetle};
    use crate::slice::Entries;
    use aof_tests::dear::KINDS;

    /// What a checksum costs beside its bytes, as bytes: the beginning and the end of an AEGIS computation.
    const CHECKSUM_COST: u64 = 256;

    /// What reading `log` costs, in bytes hashed.
    fn work<P: Profile>(profile: P, log: &[u8], limit: u32) -> u64 {
        let checker = Checker::new(Counting(profile)).with_message_size_max(limit);
        take_counts();
        let mut entries = Entries::with_checker(log, checker);
        while entries.next_event().is_some() {}
        let (checksums, bytes) = take_counts();
        checksums * CHECKSUM_COST + bytes
    }

    fn assert_bounded<P: Profile>(profile: P, number: usize) {
        let limit = 1 << 16;
        let sound = KINDS.first().map_or(0, |(_, make)| {
            work(profile, &make(aof_tests::build::PROFILES[number], 4 << 16, limit), limit)
        });
        for (name, make) in KINDS {
            let [once, twice] = [4 << 16, 8 << 16]
                .map(|size| work(profile, &make(aof_tests::build::PROFILES[number], size, limit), limit));
            std::println!(
                "{} {name}: {} times a sound log, and {twice} of twice the size",
                profile.name(),
                once / sound
            );
            assert!(once <= 16 * sound, "{name}: {once}, and a sound log {sound}");
            assert!(
                twice <= once * 9 / 4 + 40 * u64::from(limit),
                "{name}: {once}, and of twice the size {twice}"
            );
        }
    }

    /// No file costs more than 16 times the work of a sound one of its size, whatever its bytes. (In time it is more:
    /// a sound one is read once, and in order.)
    #[test]
    fn work_is_bounded_whatever_the_bytes() {
        assert_bounded(TigerBeetle::default(), 0);
        assert_bounded(Crc, 1);
    }
}
