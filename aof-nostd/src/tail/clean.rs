//! What cleaning does to the device, in which order.

use super::{Tail, Torn};
use crate::wire::{HEAD_SIZE, MAGIC_SIZE};

/// Zeros that are written at a time.
const ZEROS: [u8; 512] = [0; 512];

/// One thing to be done to the device.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Make durable what was done.
    Sync,
    /// Zero this.
    Zero(Zeros),
    /// Go there.
    Seek(u64),
}

/// A range that is zeroed, piece by piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zeros {
    pub(super) start: u64,
    end: u64,
}

impl Zeros {
    /// The next piece to be written.
    pub(super) fn next(&mut self) -> Option<&'static [u8]> {
        let left = usize::try_from(self.end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let size = left.min(ZEROS.len());
        self.start = self.start.saturating_add(size as u64);
        ZEROS.get(..size).filter(|piece| !piece.is_empty())
    }
}

impl Tail {
    /// All that is to be done, see [`clean`](Self::clean).
    pub(super) fn acts(&self) -> impl Iterator<Item = Act> + use<> {
        let cleaning = self.torn.map(|torn| self.cleaning(torn));
        // Entries found may still be in the device's cache. And a device that makes nothing durable says so
        // before anything on it changes.
        let synced = core::iter::once(Act::Sync);
        synced.chain(cleaning.into_iter().flatten()).chain(core::iter::once(Act::Seek(self.end)))
    }

    /// The torn entry's body and what is behind it, then its head: the header tells as long as it stands what
    /// is in its body. The magic at the very last: the first entry's tells that a log stands here.
    fn cleaning(&self, torn: Torn) -> [Act; 5] {
        let head_end = self.end.saturating_add(HEAD_SIZE as u64);
        let middle = head_end.clamp(torn.start, torn.end.max(torn.start));
        let magic_end = self.end.saturating_add(MAGIC_SIZE as u64).max(torn.start).min(middle);
        let zero = |start, end| Act::Zero(Zeros { start, end });
        [zero(middle, torn.end), Act::Sync, zero(magic_end, middle), zero(torn.start, magic_end), Act::Sync]
    }
}
