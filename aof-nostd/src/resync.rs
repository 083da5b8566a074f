//! Where reading goes on after damage: a state machine that knows no I/O.
//!
//! The next magic behind the damage is not always the next entry: a body may hold bytes that are
//! themselves a whole entry (somebody stored a log in a log). Such an entry belongs to the damaged body
//! and not to the log. On the other hand a writer that crashed within an entry and went on behind the
//! torn piece leaves real entries inside the extent that the torn header tells. So:
//!
//! ```text
//!         damaged entry at P                     E = P + 16 + size
//!   ------|magic|header|body ..................|magic|header|...
//!                             |Q ....|                the first start found in between, if any
//! ```
//!
//! 1. If something that looks like an entry (or the log's end) stands at E, the damaged entry ends there.
//!    An entry Q found inside its extent counts only if stepping from Q arrives exactly at E and the
//!    chain links the two (the log's end has no parent to name: there arriving is enough).
//! 2. If nothing stands at E but the damage may be in `size` alone, the first start Q for which
//!    `size = Q - P - 16` makes the header whole is where the damaged entry ended.
//! 3. Else reading goes on at the first start.
//!
//! A *start* is a magic with a header whose checksum and frame are right; the body is left to the
//! reader. The search overlaps its windows, so that no start at a window's edge is missed, and it
//! depends on nothing but P and the log's bytes.
//!
//! Memory: about 400 bytes. Time: reads up to the place found, plus up to one entry size beyond it; each
//! magic passed on the way costs the checksum of a header.

use crate::check::{Checked, Checker};
use crate::checksum::{Checksum, Profile};
use crate::finder::Finder;
use crate::wire::{EntryHead, HEAD_SIZE, HEADER_SIZE_U32, Header, MAGIC_SIZE};
use zerocopy::FromBytes;

/// Bytes of a window that are searched in one go: those behind the place found are searched in vain.
const SCAN_SIZE_MAX: usize = 1 << 16;

/// The search for the next entry behind the damage at an offset. See the module's source for the rules.
///
/// Drive it like this: while [`want`](Self::want) tells an offset and a size, give the bytes from that
/// offset on (at least so many, unless the device fails); at last [`found`](Self::found) answers.
#[derive(Clone, Debug)]
pub struct Resync<P> {
    checker: Checker<P>,
    /// P: where the damaged entry starts.
    damaged: u64,
    /// Where the log ends.
    end: u64,
    /// The damaged entry's header, if the log has as many bytes; its `size` is what was tried last.
    header: Option<Header>,
    /// Whether the damage may be in the head's `size` alone.
    repairable: bool,
    /// The end of the damaged entry, where something confirms it.
    extent_end: Option<u64>,
    /// The parent that the entry there names, if its header is whole.
    extent_parent: Option<Checksum>,
    /// The first start found that no extent explains.
    first: Option<u64>,
    /// Where bytes are needed next.
    at: u64,
    /// The checksum of the last entry stepped over.
    last: Checksum,
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
}

/// What is done with the bytes at `at`. Kept small: it is copied at each step.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Read the damaged entry's head.
    Head,
    /// Look at the place where the damaged entry should end.
    Extent,
    /// Search for a start.
    Scan,
    /// Step from the start `first`, found inside the extent, towards the extent's end.
    Step {
        first: u64,
    },
    Done(Option<u64>),
}

impl<P: Profile> Resync<P> {
    /// Searches behind the damage at `damaged`, in a log that ends at `end`.
    pub fn new(checker: Checker<P>, damaged: u64, end: u64) -> Self {
        Self {
            checker,
            damaged,
            end,
            header: None,
            repairable: false,
            extent_end: None,
            extent_parent: None,
            first: None,
            at: damaged,
            last: Checksum::ZERO,
            state: State::Head,
        }
    }

    /// Searches from `at` on, `at` included, without damage that explains what is there.
    pub fn from_anywhere(checker: Checker<P>, at: u64, end: u64) -> Self {
        Self { state: State::Scan, ..Self::new(checker, at, end) }
    }

    /// The bytes needed next; `None` when the search is over.
    pub fn want(&self) -> Option<Want> {
        if let State::Done(_) = self.state {
            return None;
        }
        let offset = self.at;
        let size_min = self.end.saturating_sub(offset).min(HEAD_SIZE as u64);
        #[expect(clippy::cast_possible_truncation, reason = "at most 272")]
        Some(Want { offset, size_min: size_min as u32 })
    }

    /// Where the next entry starts; `None` while the search goes on, and where no entry follows.
    #[must_use]
    pub fn found(&self) -> Option<u64> {
        match self.state {
            State::Done(found) => found,
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
            State::Extent => self.take_extent(want.offset, bytes),
            State::Scan => self.scan(want.offset, bytes),
            State::Step { first } => self.step(first, bytes),
            State::Done(found) => State::Done(found),
        };
        self.state = state;
        if let Some(found) = self.decided() {
            self.state = State::Done(found);
        }
    }

    /// What the search has found, where that needs no more bytes.
    fn decided(&mut self) -> Option<Option<u64>> {
        let at = self.at;
        match (self.state, self.extent_end) {
            (State::Scan, Some(extent_end)) if at >= extent_end => Some(self.resume_at(extent_end)),
            (State::Scan, None) if self.repair_is_out_of_reach(at) => Some(self.first),
            (State::Scan, None) if at >= self.end => {
                Some(if self.repairs(self.end) { None } else { self.first })
            }
            (State::Step { first }, Some(extent_end)) if at >= extent_end => {
                // The log's end names no parent: arriving there exactly is enough.
                let linked = extent_end == self.end || self.extent_parent == Some(self.last);
                let belongs = at == extent_end && linked;
                Some(if belongs { Some(first) } else { self.resume_at(extent_end) })
            }
            _ => None,
        }
    }

    fn resume_at(&self, offset: u64) -> Option<u64> {
        (offset < self.end).then_some(offset)
    }

    fn take_head(&mut self, bytes: &[u8]) -> State {
        self.at = self.damaged.saturating_add(1);
        let Ok((head, _)) = EntryHead::ref_from_prefix(bytes) else { return State::Scan };
        self.header = Some(head.header);
        let profile = self.checker.profile();
        self.repairable = head.magic == profile.magic() && !head.header.verify(profile);
        let size = head.header.size.get();
        if !(HEADER_SIZE_U32..=self.checker.message_size_max()).contains(&size) {
            return State::Scan;
        }
        let end = self.damaged.saturating_add(head.header.size_disk());
        if end > self.end {
            return State::Scan;
        }
        if end == self.end {
            self.extent_end = Some(end);
            return State::Scan;
        }
        self.at = end;
        State::Extent
    }

    fn take_extent(&mut self, end: u64, bytes: &[u8]) -> State {
        let magic = self.checker.profile().magic();
        let head = EntryHead::ref_from_prefix(bytes).ok().map(|(head, _)| head);
        let whole = head.filter(|head| head.header.verify(self.checker.profile()));
        if bytes.starts_with(&magic) || whole.is_some() {
            self.extent_end = Some(end);
            self.extent_parent = whole.map(|head| head.header.parent);
        }
        self.at = self.damaged.saturating_add(1);
        State::Scan
    }

    /// Looks for a start in `bytes`, which begin at `at`.
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
            if self.is_start(offset, &head.header)
                && let Some(state) = self.start(offset, head)
            {
                return state;
            }
            if self.repair_is_out_of_reach(offset) {
                return State::Scan;
            }
            if self.extent_end.is_some_and(|extent_end| offset >= extent_end) {
                return State::Scan;
            }
        }
        // A magic may begin in the last 15 bytes.
        let passed = bytes.len().saturating_sub(MAGIC_SIZE - 1).max(1) as u64;
        self.scan_from(at.saturating_add(passed))
    }

    /// Goes on searching at `offset`, or at the log's end if no whole head fits behind it.
    fn scan_from(&mut self, offset: u64) -> State {
        self.at = if self.end.saturating_sub(offset) < HEAD_SIZE as u64 { self.end } else { offset };
        State::Scan
    }

    /// Whether the magic at `offset`, with this header behind it, is a start that matters.
    ///
    /// In the order of cost: a hostile log has a magic every 16 bytes, and a start every 272. The frame costs
    /// nothing. Once a first start is known, another matters only if it repairs the damaged header, which
    /// nearly none does: then its own checksum need not be computed.
    fn is_start(&mut self, offset: u64, header: &Header) -> bool {
        let decided_by_repair = self.extent_end.is_none() && self.first.is_some();
        self.checker.frame_is_right(header)
            && (!decided_by_repair || self.repairs(offset))
            && header.verify(self.checker.profile())
    }

    /// A start at `offset`: what follows from it, `None` to go on searching.
    fn start(&mut self, offset: u64, head: &EntryHead) -> Option<State> {
        if let Some(extent_end) = self.extent_end {
            if offset >= extent_end {
                return None;
            }
            self.step_over(offset, head);
            return Some(State::Step { first: offset });
        }
        if self.repairs(offset) {
            return Some(State::Done(Some(offset)));
        }
        self.first = self.first.or(Some(offset));
        None
    }

    /// Goes on behind the entry with this head.
    fn step_over(&mut self, offset: u64, head: &EntryHead) {
        self.at = offset.saturating_add(head.header.size_disk());
        self.last = head.header.checksum;
    }

    /// Whether the damaged header is whole once `size` says that the entry ends at `end`.
    fn repairs(&mut self, end: u64) -> bool {
        let Some(header) = &mut self.header else { return false };
        let size = end.checked_sub(self.damaged).and_then(|size| size.checked_sub(MAGIC_SIZE as u64));
        let Some(size) = size.and_then(|size| u32::try_from(size).ok()) else { return false };
        if size > self.checker.message_size_max() {
            return false; // no window reaches farther
        }
        header.size = size.into();
        header.verify(self.checker.profile())
    }

    /// Whether a start was found and no later one can be the damaged entry's end.
    fn repair_is_out_of_reach(&self, at: u64) -> bool {
        let reach = self.damaged.saturating_add(self.checker.entry_size_max().into());
        self.first.is_some() && (!self.repairable || at > reach)
    }

    fn step(&mut self, first: u64, bytes: &[u8]) -> State {
        let at = self.at;
        match (self.checker.head(bytes, self.end.saturating_sub(at)), self.extent_end) {
            (Checked::Whole(head), _) if head.header.parent == self.last => {
                self.step_over(at, head);
                State::Step { first }
            }
            (_, Some(extent_end)) => State::Done(self.resume_at(extent_end)),
            (_, None) => State::Done(Some(first)),
        }
    }
}
