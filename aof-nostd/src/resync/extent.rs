//! What a sealed header covers, and the proofs that it does not: entries that a writer appended after a crash.
//!
//! A header whose checksum matches proves `size`: the entry was to end at E. What starts inside is content of its
//! body, unless the entry was never completely written. That is proven by a *run* inside: starts, each the parent
//! of the next and contiguous, of which the last
//!
//! - is an entry that reaches over E and is complete, header and body: two complete entries cannot overlap. Where
//!   its body would cost too much to verify, its own successor has to name it, and nothing may be at E;
//! - or ends at E exactly, where a sealed start names it as its parent;
//! - or has the damaged entry's own checksum and is complete: it is the same entry, written again. No body holds the
//!   checksum of its own header by accident.
//!
//! A start inside that names the damaged entry's own checksum as its parent proves it too, and needs no run: bytes
//! of the damaged body are gone, and the log continues sooner than its size says.
//!
//! Arriving at the log's end is no proof: a body that holds a log may end with the file.

use super::{Resync, Run, State};
use crate::check::BodyCheck;
use crate::checksum::{Checksum, Profile};
use crate::wire::{EntryHead, HEAD_SIZE, HEADER_SIZE_U32, Header, MAGIC_SIZE};
use zerocopy::FromBytes;

/// Runs that are followed. Each begins after the last head of the one before.
const RUNS_MAX: u8 = 16;
/// Bodies that are verified.
const BODIES_MAX: u8 = 4;
/// Bytes of them, as a multiple of the extent: what a place costs is bounded by what it covers.
const BODY_BYTES_MAX: u64 = 32;

/// What a sealed header covers.
#[derive(Clone, Debug)]
pub(super) struct Extent<P: Profile> {
    /// E: where the entry was to end.
    pub(super) end: u64,
    /// The damaged entry's checksum.
    checksum: Checksum,
    /// Whether something like an entry is at E: a magic, or a sealed header.
    pub(super) is_followed: bool,
    /// The parent that the start at E names, if there is one.
    parent_at_end: Option<Checksum>,
    /// Runs that were followed.
    runs: u8,
    /// Bodies that were verified.
    bodies: u8,
    /// Bytes of bodies that may still be verified.
    body_bytes: u64,
    /// The body that is being verified.
    body: Option<BodyCheck<P>>,
}

impl<P: Profile> Extent<P> {
    /// The extent of the entry at `damaged` with this header, whose checksum matches.
    pub(super) fn new(damaged: u64, header: &Header) -> Self {
        let end = end_of(damaged, header);
        Self {
            end,
            checksum: header.checksum,
            is_followed: false,
            parent_at_end: None,
            runs: 0,
            bodies: 0,
            body_bytes: end.saturating_sub(damaged).saturating_mul(BODY_BYTES_MAX),
            body: None,
        }
    }

    /// Whether another run is followed.
    pub(super) const fn may_try(&self) -> bool {
        self.runs < RUNS_MAX
    }

    /// Bytes of the body that is being verified which were not seen yet.
    pub(super) fn body_remaining(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.remaining().into())
    }
}

/// Where the entry at `offset` ends whose header this is. A `size` below the smallest still covers the header.
fn end_of(offset: u64, header: &Header) -> u64 {
    let size = header.size.get().max(HEADER_SIZE_U32);
    offset.saturating_add(MAGIC_SIZE as u64).saturating_add(size.into())
}

impl<P: Profile> Resync<P> {
    /// Looks for starts inside the extent. The header itself holds none: all its bytes are proven.
    pub(super) fn scan_inside(&mut self) -> State {
        self.scan_from(self.damaged.saturating_add(HEAD_SIZE as u64))
    }

    /// Takes the bytes at the extent's end.
    pub(super) fn take_end(&mut self, bytes: &[u8]) -> State {
        let parent = self.start(bytes).map(|header| header.parent);
        let profile = *self.checker.profile();
        let head = EntryHead::ref_from_prefix(bytes);
        let is_followed =
            bytes.starts_with(&profile.magic()) || head.is_ok_and(|(head, _)| head.header.verify(&profile));
        let Some(extent) = self.extent_mut() else { return State::Done(None) };
        if parent == Some(extent.checksum) {
            // The log went on with the damaged entry as it was sealed: it was complete.
            return State::Done(Some(extent.end));
        }
        (extent.is_followed, extent.parent_at_end) = (is_followed, parent);
        self.scan_inside()
    }

    /// Follows a run from the start at `offset`.
    pub(super) fn begin_run(&mut self, offset: u64, header: &Header) -> State {
        if let Some(extent) = self.extent_mut() {
            extent.runs = extent.runs.saturating_add(1);
            if header.parent == extent.checksum {
                // No body holds the checksum of its own header by accident.
                return State::Done(Some(offset));
            }
        }
        self.follow(offset, offset, header)
    }

    /// Takes the bytes where the last entry of `run` ends.
    pub(super) fn take_next_of_run(&mut self, run: Run, bytes: &[u8]) -> State {
        let at = self.at;
        match self.start(bytes).copied() {
            Some(header) if header.parent == run.checksum => {
                if self.extent_mut().is_some_and(|extent| at > extent.end) {
                    return State::Done(Some(run.first)); // the successor of one that reaches over the end
                }
                self.follow(run.first, at, &header)
            }
            _ => self.give_up(run.last),
        }
    }

    /// Takes the entry at `offset` into the run that begins at `first`.
    fn follow(&mut self, first: u64, offset: u64, header: &Header) -> State {
        let (checker, log_end) = (self.checker, self.end);
        let Some(extent) = self.extent_mut() else { return State::Done(None) };
        let run = Run { first, last: offset, checksum: header.checksum };
        let next = offset.saturating_add(header.size_disk());
        let is_again = header.checksum == extent.checksum;
        if next == extent.end && extent.parent_at_end == Some(header.checksum) {
            return State::Done(Some(first));
        }
        if (next == extent.end && !is_again) || next > log_end {
            return self.give_up(offset);
        }
        let body_size = u64::from(header.body_size());
        let may_verify = extent.bodies < BODIES_MAX && body_size <= extent.body_bytes;
        if (next > extent.end || is_again) && may_verify {
            extent.bodies = extent.bodies.saturating_add(1);
            extent.body_bytes = extent.body_bytes.saturating_sub(body_size);
            extent.body = Some(checker.body(header));
            self.at = offset.saturating_add(HEAD_SIZE as u64);
            return State::Body(run);
        }
        if is_again || (next > extent.end && extent.is_followed) {
            return self.give_up(offset);
        }
        self.at = next;
        State::Run(run)
    }

    /// Takes bytes of the body of the run's last entry, which proves the crash if it is complete.
    pub(super) fn take_body(&mut self, run: Run, bytes: &[u8]) -> State {
        let Some(extent) = self.extent_mut() else { return State::Done(None) };
        let Some(body) = &mut extent.body else { return self.give_up(run.last) };
        let taken = body.absorb(bytes).len();
        if body.remaining() > 0 && taken > 0 {
            self.at = self.at.saturating_add(taken as u64);
            return State::Body(run);
        }
        match body.finish_in_place() {
            Ok(()) => State::Done(Some(run.first)),
            Err(_) => self.give_up(run.last),
        }
    }

    /// The run whose last entry is at `last` proves nothing. Those that begin before that one's end share its fate.
    fn give_up(&mut self, last: u64) -> State {
        self.scan_from(last.saturating_add(HEAD_SIZE as u64))
    }
}
