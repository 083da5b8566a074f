//! A reader without its device: what is decided, without what is read.
//!
//! ```text
//!              step(&mut Reading) ----> Ok(Ok(..)), Ok(Err(damage))     done
//!   driver  <----- Err(Need)        the window lacks bytes
//!     |                                      ^
//!     +--> seek, read -----------------------+                          and the same step once more
//! ```
//!
//! A *step* does all that it can with the bytes in the window. Where it lacks some, it stops with a [`Need`].
//! Driven again, it goes on where it was: what it has done so far is in the step, and the position changes when
//! it is done and not before. So it makes no difference whether the driver waits for the device
//! ([`blocking`](super::blocking)), gives up the processor meanwhile (`asynch`), or never comes back.

use super::window::{Need, View, Window};
use super::{ChainBreak, LocatedHeader, ReadError};
use crate::chain::{Chain, ChainLink, NoHistory, Relation};
use crate::check::{BodyCheck, Checked, Checker, Fault};
use crate::checksum::{AnyProfile, Checksum, Profile};
use crate::damage::Damage;
use crate::detect::Detect;
use crate::resync::Resync;
use crate::slice::Located;
use crate::wire::{Entry, EntryHead, HEAD_SIZE, Header};
use zerocopy::FromBytes;

/// What a step comes to: its result, or what it lacks. In this order, since steps are taken often, and errors
/// are large.
pub(crate) type Step<T, E> = Result<Result<T, E>, Need>;

#[derive(Debug)]
pub(crate) struct Reading<B, P> {
    pub(super) window: Window<B>,
    pub(super) checker: Checker<P>,
    /// Where the next entry is looked for.
    pub(super) offset: u64,
    chain: Chain<NoHistory>,
    /// Where reading was resumed from, if the chain starts there rather than at an entry.
    resumed: Option<Checksum>,
    pub(super) chain_check: bool,
    /// The entry at the position is whole and breaks the chain.
    pub(super) at_break: bool,
}

impl<B: AsMut<[u8]>, P: Profile> Reading<B, P> {
    /// `None` if the buffer is too small for any step.
    pub(super) fn new(buffer: B, profile: P) -> Option<Self> {
        Some(Self {
            window: Window::new(buffer)?,
            checker: Checker::new(profile),
            offset: 0,
            chain: Chain::new(NoHistory),
            resumed: None,
            chain_check: false,
            at_break: false,
        })
    }

    /// The log's bytes from `offset` on: at least `size_min` (at most the buffer's), unless the log ends
    /// before. The position stays.
    pub(crate) fn peek(&mut self, offset: u64, size_min: usize) -> Result<&[u8], Need> {
        Ok(self.window.view(offset, size_min)?.bytes)
    }

    /// Step: passes the entry at the position, verified whole, which [`located`](Self::located) then gives.
    /// False at the log's end. `needed` are the bytes known to be needed, a head's at first.
    pub(super) fn entry<E>(&mut self, needed: &mut usize) -> Step<bool, ReadError<E>> {
        let (link, size) = loop {
            let view = self.window.view(self.offset, *needed)?;
            match self.checker.entry(view.bytes, view.rest) {
                Checked::Whole(entry) => break (ChainLink::from(&entry.header), entry.header.size_disk()),
                Checked::Need(size) => *needed = size as usize,
                Checked::Fault(fault) => return Ok(Err(self.damage(fault))),
                Checked::End => return Ok(Ok(false)),
            }
        };
        Ok(self.pass(link, size).map(|()| true))
    }

    /// Passes entries as long as they start before `until`, are whole and valid, and the window holds them.
    pub(super) fn held(&mut self, until: u64, mut each: impl FnMut(Located<'_>)) {
        if self.chain_check {
            return; // one by one
        }
        let Ok(View { mut bytes, mut rest }) = self.window.view(self.offset, HEAD_SIZE) else { return };
        let mut last = None;
        while self.offset < until
            && let Checked::Whole(entry) = self.checker.entry(bytes, rest)
        {
            let header = &entry.header;
            each(Located { offset: self.offset, entry });
            let size_disk = header.size_disk();
            let size = usize::try_from(size_disk).unwrap_or(usize::MAX);
            self.offset = self.offset.saturating_add(size_disk);
            bytes = bytes.get(size..).unwrap_or_default();
            rest = rest.saturating_sub(size_disk);
            last = Some(header);
        }
        if let Some(last) = last {
            self.resumed = None;
            self.chain.push(last.into());
        }
    }

    /// The entry just passed, which is still in the window.
    pub(super) fn located(&mut self) -> Option<Located<'_>> {
        let (offset, bytes) = self.window.current();
        Some(Located { offset, entry: Entry::from_prefix(bytes)? })
    }

    /// Step: whether there is an entry at the position. Its head, which [`located_header`] then gives, is
    /// verified.
    ///
    /// [`located_header`]: Self::located_header
    pub(super) fn head<E>(&mut self) -> Step<bool, ReadError<E>> {
        let view = self.window.view(self.offset, HEAD_SIZE)?;
        Ok(match self.checker.head(view.bytes, view.rest) {
            Checked::Whole(_) => Ok(true),
            Checked::Fault(fault) => Err(self.damage(fault)),
            Checked::Need(_) | Checked::End => Ok(false),
        })
    }

    /// The head just verified, which is still in the window.
    pub(super) fn located_header(&mut self) -> Option<LocatedHeader> {
        let (offset, bytes) = self.window.current();
        let (head, _) = EntryHead::ref_from_prefix(bytes).ok()?;
        Some(LocatedHeader { offset, header: head.header })
    }

    /// What [`body`](Self::body) starts with.
    pub(super) fn body_check(&self, located: &LocatedHeader) -> BodyCheck<P> {
        self.checker.body(&located.header)
    }

    /// Step: passes the entry of this head, its body verified as it is given to `piece`.
    pub(super) fn body<E>(
        &mut self,
        located: &LocatedHeader,
        body: &mut BodyCheck<P>,
        piece: &mut impl FnMut(&[u8]),
    ) -> Step<(), ReadError<E>> {
        let end = self.offset.wrapping_add(located.header.size_disk()); // which `head` looked at
        while body.remaining() > 0 {
            let at = end.wrapping_sub(body.remaining().into());
            let taken = body.absorb(self.window.view(at, 1)?.bytes);
            if taken.is_empty() {
                break; // the device shrank: `finish` tells the torn tail
            }
            piece(taken);
        }
        Ok(match body.finish_in_place() {
            Ok(()) => self.pass_header(&located.header),
            Err(fault) => Err(self.damage(fault)),
        })
    }

    /// The search after damage at the position.
    pub(crate) fn resync(&self) -> Resync<P> {
        Resync::new(self.checker, self.offset, self.window.end())
    }

    /// Step: drives `search`, but does not look for a start at `until` or after it.
    pub(crate) fn drive_until(&mut self, search: &mut Resync<P>, until: u64) -> Result<(), Need> {
        while let Some(want) = search.want()
            && !search.is_scanning_from(until)
        {
            search.give(self.window.view(want.offset, want.size_min as usize)?.bytes);
        }
        Ok(())
    }

    /// Step: goes on where the search finds an entry, else at the log's end.
    pub(super) fn skip(&mut self, search: &mut Resync<P>) -> Result<u64, Need> {
        if !self.at_break {
            let found = self.window.drive(search)?;
            self.offset = found.unwrap_or(self.window.end());
        }
        self.set_last_checksum(None);
        Ok(self.offset)
    }
}

impl<B: AsMut<[u8]>> Reading<B, AnyProfile> {
    /// Step: makes the reader one of the profile that the log has; without an entry it stays what it is.
    pub(super) fn detect(&mut self, detect: &mut Detect) -> Result<(), Need> {
        while let Some(want) = detect.want() {
            detect.give(self.window.view(want.offset, want.size_min as usize)?.bytes);
        }
        if let Some(profile) = detect.profile() {
            self.checker = Checker::new(profile);
        }
        Ok(())
    }
}

impl<B, P: Profile> Reading<B, P> {
    /// Moves behind the entry at the position, if the chain allows it.
    pub(super) fn pass_header<E>(&mut self, header: &Header) -> Result<(), ReadError<E>> {
        self.pass(header.into(), header.size_disk())
    }

    fn pass<E>(&mut self, link: ChainLink, size_disk: u64) -> Result<(), ReadError<E>> {
        self.follow(link).map_err(ReadError::Chain)?;
        self.offset = self.offset.saturating_add(size_disk);
        Ok(())
    }

    /// Takes the entry at the position as the chain's last, if it may be.
    fn follow(&mut self, link: ChainLink) -> Result<(), ChainBreak> {
        if let Some(expected) = self.last_checksum()
            && self.chain_check
            && (link.parent != expected || !(self.resumed.is_some() || self.chain.relation(link).is_linked()))
        {
            let relation = match self.chain.relation(link) {
                Relation::First => Relation::Fork { op: link.op, known: expected },
                relation => relation,
            };
            self.at_break = true;
            let (offset, parent) = (self.offset, link.parent);
            return Err(ChainBreak { offset, op: link.op, parent, expected, relation });
        }
        self.resumed = None;
        self.chain.push(link);
        Ok(())
    }

    pub(super) fn damage<E>(&self, fault: Fault) -> ReadError<E> {
        ReadError::Damage(Damage { offset: self.offset, op: fault.op, kind: fault.kind })
    }

    pub(super) const fn set_position(&mut self, offset: u64) {
        self.offset = offset;
        self.at_break = false;
    }

    pub(super) fn last_checksum(&self) -> Option<Checksum> {
        self.resumed.or_else(|| self.chain.last().map(|link| link.checksum))
    }

    /// Sets the checksum that the next entry's parent has to be; with `None` any entry is taken, one that
    /// broke the chain too.
    pub(crate) fn set_last_checksum(&mut self, checksum: Option<Checksum>) {
        self.chain.clear();
        self.resumed = checksum;
        self.at_break = false;
    }

    pub(crate) fn set_message_size_max(&mut self, message_size_max: u32) {
        self.checker = self.checker.with_message_size_max(message_size_max);
    }

    /// Where the log ends.
    pub(crate) const fn end(&self) -> u64 {
        self.window.end()
    }
}
