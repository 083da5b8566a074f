//! A reader without its device: what is decided, without what is read.
//!
//! ```text
//!              step(&mut Reading) ----> Ok(...)               done
//!   driver  <----- Err(Device(Need))    the window lacks bytes
//!     |                                      ^
//!     +--> seek, read -----------------------+                and the same step once more
//! ```
//!
//! A *step* does all that it can with the bytes in the window. Where it lacks some, it stops with
//! [`ReadError::Device`]: the device of a step is whoever drives it, and all that it can fail with is a
//! [`Need`]. Driven again, it goes on where it was: what it has done so far is in the step, and the position
//! changes when it is done and not before. So it makes no difference whether the driver waits for the device
//! ([`blocking`](super::blocking)), gives up the processor meanwhile (`asynch`), or never comes back.

use super::window::{Need, Window};
use super::{ChainBreak, LocatedHeader, ReadError};
use crate::chain::{Chain, ChainLink, NoHistory, Relation};
use crate::check::{Checked, Checker, Fault};
use crate::checksum::{Checksum, Profile};
use crate::damage::Damage;
use crate::resync::Resync;
use crate::slice::Located;
use crate::wire::{Entry, HEAD_SIZE, Header};

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
    pub(crate) fn peek(&mut self, offset: u64, size_min: usize) -> Result<&[u8], ReadError<Need>> {
        Ok(self.window.view(offset, size_min)?.bytes)
    }

    /// Step: passes the entry at the position, verified whole, which [`located`](Self::located) then gives.
    /// False at the log's end. `needed` are the bytes known to be needed, a head's at first.
    pub(super) fn entry(&mut self, needed: &mut usize) -> Result<bool, ReadError<Need>> {
        let (link, size) = loop {
            let view = self.window.view(self.offset, *needed)?;
            match self.checker.entry(view.bytes, view.rest) {
                Checked::Whole(entry) => break (ChainLink::from(&entry.header), entry.header.size_disk()),
                Checked::Need(size) => *needed = size as usize,
                Checked::Fault(fault) => return Err(self.damage(fault)),
                Checked::End => return Ok(false),
            }
        };
        self.follow(link)?;
        self.offset = self.offset.saturating_add(size);
        Ok(true)
    }

    /// The entry just passed, which is still in the window.
    pub(super) fn located(&mut self) -> Option<Located<'_>> {
        let (offset, bytes) = self.window.current();
        Some(Located { offset, entry: Entry::from_prefix(bytes)? })
    }

    /// Step: the head at the position, verified; `None` at the end.
    pub(super) fn head(&mut self) -> Result<Option<LocatedHeader>, ReadError<Need>> {
        let offset = self.offset;
        let view = self.window.view(offset, HEAD_SIZE)?;
        match self.checker.head(view.bytes, view.rest) {
            Checked::Whole(head) => Ok(Some(LocatedHeader { offset, header: head.header })),
            Checked::Fault(fault) => Err(self.damage(fault)),
            Checked::Need(_) | Checked::End => Ok(None),
        }
    }

    /// Step: passes the entry at the position, of which only the header is verified, and gives that.
    pub(super) fn header(&mut self) -> Result<Option<LocatedHeader>, ReadError<Need>> {
        let Some(located) = self.head()? else { return Ok(None) };
        self.pass(&located.header)?;
        Ok(Some(located))
    }

    /// The search behind damage at the position.
    pub(super) fn resync(&self) -> Resync<P> {
        Resync::new(self.checker, self.offset, self.window.end())
    }

    /// Step: goes on where the search finds an entry, else at the log's end.
    pub(super) fn skip(&mut self, search: &mut Resync<P>) -> Result<u64, ReadError<Need>> {
        if !self.at_break {
            let found = self.window.drive(search)?;
            self.offset = found.unwrap_or(self.window.end());
        }
        self.set_last_checksum(None);
        Ok(self.offset)
    }
}

impl<B, P: Profile> Reading<B, P> {
    /// Moves behind the entry at the position.
    pub(super) fn pass(&mut self, header: &Header) -> Result<(), ReadError<Need>> {
        self.follow(header.into())?;
        self.offset = self.offset.saturating_add(header.size_disk());
        Ok(())
    }

    /// Takes the entry at the position as the chain's last, if it may be.
    fn follow(&mut self, link: ChainLink) -> Result<(), ReadError<Need>> {
        if let Some(expected) = self.last_checksum()
            && self.chain_check
            && (link.parent != expected || !(self.resumed.is_some() || self.chain.relation(link).is_linked()))
        {
            let relation = match self.chain.relation(link) {
                Relation::First => Relation::Fork { op: link.op, known: expected },
                relation => relation,
            };
            self.at_break = true;
            let broken =
                ChainBreak { offset: self.offset, op: link.op, parent: link.parent, expected, relation };
            return Err(ReadError::Chain(broken));
        }
        self.resumed = None;
        self.chain.push(link);
        Ok(())
    }

    pub(super) fn damage(&self, fault: Fault) -> ReadError<Need> {
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
