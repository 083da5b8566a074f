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
use crate::wire::{EntryHead, HEAD_SIZE, HEADER_SIZE_U32, MAGIC_SIZE};
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
    /// The damaged entry's head, if the log has as many bytes.
    head: Option<EntryHead>,
    /// Whether the damage may be in the head's `size` alone.
    repairable: bool,
    extent: Option<Extent>,
    first: Option<u64>,
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

/// The end of the damaged entry, where something confirms it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    end: u64,
    /// The parent that the entry there names, if its header is whole.
    parent: Option<Checksum>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Read the damaged entry's head.
    Head,
    /// Look at the place where the damaged entry should end.
    Extent {
        end: u64,
    },
    /// Search for a start from `at` on.
    Scan {
        at: u64,
    },
    /// Step from the start `first`, found inside the extent, towards the extent's end.
    Step {
        first: u64,
        at: u64,
        last: Checksum,
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
            head: None,
            repairable: false,
            extent: None,
            first: None,
            state: State::Head,
        }
    }

    /// Searches from `at` on, `at` included, without damage that explains what is there.
    pub fn from_anywhere(checker: Checker<P>, at: u64, end: u64) -> Self {
        Self { state: State::Scan { at }, ..Self::new(checker, at, end) }
    }

    /// The bytes needed next; `None` when the search is over.
    pub fn want(&self) -> Option<Want> {
        let offset = match self.state {
            State::Head => self.damaged,
            State::Extent { end } => end,
            State::Scan { at } | State::Step { at, .. } => at,
            State::Done(_) => return None,
        };
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
        if let Some(want) = self.want()
            && bytes.len() < want.size_min as usize
        {
            self.end = want.offset.saturating_add(bytes.len() as u64);
        }
        self.state = match self.state {
            State::Head => self.take_head(bytes),
            State::Extent { end } => self.take_extent(end, bytes),
            State::Scan { at } => self.scan(at, bytes),
            State::Step { first, at, last } => self.step(first, at, last, bytes),
            State::Done(found) => State::Done(found),
        };
        // States that need no bytes go on at once.
        loop {
            self.state = match (self.state, self.extent) {
                (State::Scan { at }, Some(extent)) if at >= extent.end => {
                    State::Done(self.resume_at(extent.end))
                }
                (State::Scan { at }, None) if self.repair_is_out_of_reach(at) => State::Done(self.first),
                (State::Scan { at }, None) if at >= self.end => {
                    State::Done(if self.repairs(self.end) { None } else { self.first })
                }
                (State::Step { first, at, last }, Some(extent)) if at >= extent.end => {
                    // The log's end names no parent: arriving there exactly is enough.
                    let linked = extent.end == self.end || extent.parent == Some(last);
                    let belongs = at == extent.end && linked;
                    State::Done(if belongs { Some(first) } else { self.resume_at(extent.end) })
                }
                (state, _) => {
                    self.state = state;
                    return;
                }
            };
        }
    }

    fn resume_at(&self, offset: u64) -> Option<u64> {
        (offset < self.end).then_some(offset)
    }

    fn take_head(&mut self, bytes: &[u8]) -> State {
        let scan = State::Scan { at: self.damaged.saturating_add(1) };
        let Ok((head, _)) = EntryHead::ref_from_prefix(bytes) else { return scan };
        self.head = Some(*head);
        let profile = self.checker.profile();
        self.repairable = head.magic == profile.magic() && !head.header.verify(profile);
        let size = head.header.size.get();
        if !(HEADER_SIZE_U32..=self.checker.message_size_max()).contains(&size) {
            return scan;
        }
        let end = self.damaged.saturating_add(head.header.size_disk());
        if end > self.end {
            return scan;
        }
        if end == self.end {
            self.extent = Some(Extent { end, parent: None });
            return scan;
        }
        State::Extent { end }
    }

    fn take_extent(&mut self, end: u64, bytes: &[u8]) -> State {
        let magic = self.checker.profile().magic();
        let head = EntryHead::ref_from_prefix(bytes).ok().map(|(head, _)| head);
        let whole = head.filter(|head| head.header.verify(self.checker.profile()));
        if bytes.starts_with(&magic) || whole.is_some() {
            self.extent = Some(Extent { end, parent: whole.map(|head| head.header.parent) });
        }
        State::Scan { at: self.damaged.saturating_add(1) }
    }

    /// Looks for a start in `bytes`, which begin at `at`.
    fn scan(&mut self, at: u64, bytes: &[u8]) -> State {
        let magic = self.checker.profile().magic();
        let bytes = bytes.get(..SCAN_SIZE_MAX).unwrap_or(bytes);
        let finder = memchr::memmem::Finder::new(&magic);
        for index in finder.find_iter(bytes) {
            let offset = at.saturating_add(index as u64);
            let Some((head, _)) = bytes.get(index..).and_then(|bytes| EntryHead::ref_from_prefix(bytes).ok())
            else {
                // The window ends inside the head. Ask again from here, unless the log ends there too.
                return State::Scan {
                    at: if self.end.saturating_sub(offset) < HEAD_SIZE as u64 { self.end } else { offset },
                };
            };
            if self.checker.is_start(head) {
                if let Some(state) = self.start(offset, head) {
                    return state;
                }
                if self.repair_is_out_of_reach(offset) {
                    return State::Scan { at: offset };
                }
            }
            if self.extent.is_some_and(|extent| offset >= extent.end) {
                return State::Scan { at: offset };
            }
        }
        // A magic may begin in the last 15 bytes.
        let passed = bytes.len().saturating_sub(MAGIC_SIZE - 1).max(1) as u64;
        let next = at.saturating_add(passed);
        State::Scan { at: if self.end.saturating_sub(next) < HEAD_SIZE as u64 { self.end } else { next } }
    }

    /// A start at `offset`: what follows from it, `None` to go on searching.
    fn start(&mut self, offset: u64, head: &EntryHead) -> Option<State> {
        if let Some(extent) = self.extent {
            return (offset < extent.end).then(|| State::Step {
                first: offset,
                at: offset.saturating_add(head.header.size_disk()),
                last: head.header.checksum,
            });
        }
        if self.repairs(offset) {
            return Some(State::Done(Some(offset)));
        }
        self.first = self.first.or(Some(offset));
        None
    }

    /// Whether the damaged header is whole once `size` says that the entry ends at `end`.
    fn repairs(&self, end: u64) -> bool {
        let Some(head) = self.head else { return false };
        let size = end.checked_sub(self.damaged).and_then(|size| size.checked_sub(MAGIC_SIZE as u64));
        let Some(size) = size.and_then(|size| u32::try_from(size).ok()) else { return false };
        if size > self.checker.message_size_max() {
            return false; // no window reaches farther
        }
        let mut header = head.header;
        header.size = size.into();
        header.verify(self.checker.profile())
    }

    /// Whether a start was found and no later one can be the damaged entry's end.
    fn repair_is_out_of_reach(&self, at: u64) -> bool {
        let reach = self.damaged.saturating_add(self.checker.entry_size_max().into());
        self.first.is_some() && (!self.repairable || at > reach)
    }

    fn step(&mut self, first: u64, at: u64, last: Checksum, bytes: &[u8]) -> State {
        let rest = self.end.saturating_sub(at);
        match (self.checker.head(bytes, rest), self.extent) {
            (Checked::Whole(head), _) if head.header.parent == last => State::Step {
                first,
                at: at.saturating_add(head.header.size_disk()),
                last: head.header.checksum,
            },
            (_, Some(extent)) => State::Done(self.resume_at(extent.end)),
            (_, None) => State::Done(Some(first)),
        }
    }
}
