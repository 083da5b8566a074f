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
    /// All that is to be done, see [`clean`](Self::clean); nothing but the ends where nothing is torn. An array:
    /// of chained iterators the compiler makes a copy of the loop for each.
    pub(super) fn acts(&self) -> [Option<Act>; 7] {
        // Entries found may still be in the device's cache. And a device that makes nothing durable says so
        // before anything on it changes.
        let (first, last) = (Some(Act::Sync), Some(Act::Seek(self.end)));
        let Some(Torn { start, end }) = self.torn else { return [first, None, None, None, None, None, last] };
        // The torn entry's body and what is behind it, then its head: the header tells as long as it stands
        // what is in its body. The magic at the very last: the first entry's tells that a log stands here.
        let middle = self.end.saturating_add(HEAD_SIZE as u64).clamp(start, end.max(start));
        let magic_end = self.end.saturating_add(MAGIC_SIZE as u64).max(start).min(middle);
        let zero = |start, end| Some(Act::Zero(Zeros { start, end }));
        let sync = Some(Act::Sync);
        [first, zero(middle, end), sync, zero(magic_end, middle), zero(start, magic_end), sync, last]
    }
}
