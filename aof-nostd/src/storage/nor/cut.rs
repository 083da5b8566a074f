//! The only time that bytes of the log are erased: what is behind its end goes, before the first append.
//!
//! A torn tail stands in the erase block in which the log ends, and no byte of that block can be programmed
//! anew without erasing all of it. So the block's good beginning is kept beside it meanwhile:
//!
//! ```text
//!             log, block k                    copy              journal                a reader sees
//!   found     |good good|torn????....|        |...........|     ready                  good, torn
//!   1         |good good|torn????....|        |good good..|     ready                  good, torn
//!   2         |good good|torn????....|        |good good..|     put back k, checksum   good, from the copy
//!   3         |......................|        |good good..|     put back k, checksum   good, from the copy
//!   4         |good good.............|        |good good..|     put back k, checksum   good, from the copy
//!   5         |good good.............|        |good good..|     ready                  good
//! ```
//!
//! What a cut leaves of 1 to 5 is one of these lines: the record of 2 takes the torn tail away at one moment,
//! together with all that is behind it, and as long as it stands the log's block may hold anything. An opening
//! that finds it reads the copy in the block's place, and the next [`cut`](NorRegion::cut) goes on at 3. The
//! copy's checksum is compared before the record, and again before each erase.
//!
//! The bytes copied are those that the opening has seen, not those that the flash would give now: see
//! [the module](super).

use super::geometry::index;
use super::journal::checksum;
use super::{ERASED, NorError, NorRegion, Phase};
use crate::checksum::{Crc64, Hasher};
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;

impl<F: NorFlash, const N: usize> NorRegion<F, N> {
    /// Cuts off what is behind the log's `end`, makes what is before it durable, and lets the log go on there.
    ///
    /// To be called once after [`open`](Self::open), with what [`Recovery`](crate::Recovery) found
    /// ([`Tail::end`](crate::Tail::end)), in place of `Tail::clean`. It erases a block of the log, one of the
    /// journal, the copy, and blocks that only torn entries had: the only erases beside the format's, and those
    /// of the journal each time that a block of it is full.
    ///
    /// # Errors
    ///
    /// [`NorError::Seek`] where the log cannot end there; nothing was done then. [`NorError::Flash`] and
    /// [`NorError::Copy`]: open the region anew.
    pub fn cut(&mut self, end: u64) -> Result<(), NorError<F::Error>> {
        self.ready()?;
        let at = u32::try_from(end).ok().filter(|end| *end <= self.capacity()).ok_or(NorError::Seek)?;
        let done = self.cut_at(at);
        self.phase = if done.is_ok() { Phase::Open } else { Phase::Failed };
        self.position = end;
        done
    }

    fn cut_at(&mut self, end: u32) -> Result<(), NorError<F::Error>> {
        // Whether all that stands there was programmed to its end.
        let mut settled = self.phase == Phase::Open || self.state.entered == 0;
        if self.phase == Phase::Open {
            self.settle()?;
        } else {
            self.renew()?;
        }
        if self.state.block.is_some() {
            self.put_back()?;
            settled = true;
        }
        if settled && end == self.end() {
            return Ok(());
        }
        self.set_aside(end)?;
        self.put_back()
    }

    /// What of block `block` is kept where the log ends at `end`: whole units of it.
    pub(super) fn kept(block: u32, end: u32) -> Range<u32> {
        let start = block * Self::BLOCK;
        let whole = end - end % Self::UNIT;
        start..whole.min(start + Self::BLOCK).max(start) // `clamp` has a panic
    }

    /// Copies what is kept of the last block before `end`, and records that it is to be put back.
    fn set_aside(&mut self, end: u32) -> Result<(), NorError<F::Error>> {
        // Behind what was found all is erased: if the log ends there, it ends with what erased bytes read as.
        let block = end.min(self.end()).saturating_sub(1) / Self::BLOCK;
        let kept = Self::kept(block, end);
        self.erase(self.copy_at())?;
        let mut hasher = Crc64::new();
        let mut at = kept.start;
        while at < kept.end {
            let mut bytes = [ERASED; N];
            let bytes = Self::piece(&mut bytes, at..kept.end);
            self.view_exact(at, bytes).map_err(NorError::Flash)?;
            hasher.update(bytes);
            self.flash.write(self.copy_at() + (at - kept.start), bytes).map_err(NorError::Flash)?;
            at += Self::offset(bytes.len());
        }
        let sum = checksum(hasher);
        if self.copy_checksum(&kept).map_err(NorError::Flash)? != sum {
            return Err(NorError::Copy { offset: kept.start });
        }
        let whole = end - end % Self::UNIT;
        let mut partial = [ERASED; N];
        self.view_exact(whole, Self::piece(&mut partial, whole..end)).map_err(NorError::Flash)?;
        // From here on the log ends at `end`, for a reader too.
        self.buffer = partial;
        self.base = whole;
        self.len = index(end - whole);
        self.synced = self.len;
        self.state.block = Some(block);
        self.state.kept = sum;
        self.record()
    }

    /// Erases what the log has from the recorded block on, and puts back what is kept of it.
    pub(super) fn put_back(&mut self) -> Result<(), NorError<F::Error>> {
        let Some(block) = self.state.block else { return Ok(()) };
        let kept = Self::kept(block, self.state.end);
        if self.copy_checksum(&kept).map_err(NorError::Flash)? != self.state.kept {
            return Err(NorError::Copy { offset: kept.start });
        }
        for block in block..self.state.entered.max(block + 1) {
            self.erase(self.log_at(block * Self::BLOCK))?;
        }
        let mut at = kept.start;
        while at < kept.end {
            let mut bytes = [ERASED; N];
            let bytes = Self::piece(&mut bytes, at..kept.end);
            self.read_flash(self.copy_at() + (at - kept.start), bytes).map_err(NorError::Flash)?;
            self.flash.write(self.log_at(at), bytes).map_err(NorError::Flash)?;
            at += Self::offset(bytes.len());
        }
        self.state.entered = if kept.is_empty() { block } else { block + 1 };
        self.state.block = None;
        self.state.kept = 0;
        // Twice: if the only such record rotted, the one before it would have the copy put back once more, over all
        // that was appended since.
        self.record()?;
        self.record()
    }

    fn copy_checksum(&mut self, kept: &Range<u32>) -> Result<u64, F::Error> {
        let mut hasher = Crc64::new();
        let mut at = kept.start;
        while at < kept.end {
            let mut bytes = [ERASED; N];
            let bytes = Self::piece(&mut bytes, at..kept.end);
            self.read_flash(self.copy_at() + (at - kept.start), bytes)?;
            hasher.update(bytes);
            at += Self::offset(bytes.len());
        }
        Ok(checksum(hasher))
    }

    /// As much of `buffer` as `range` has bytes.
    fn piece(buffer: &mut [u8; N], range: Range<u32>) -> &mut [u8] {
        let size = index(range.end.saturating_sub(range.start)).min(N);
        buffer.get_mut(..size).unwrap_or(&mut [])
    }

    /// Erases the block at `at` of the flash.
    pub(super) fn erase(&mut self, at: u32) -> Result<(), NorError<F::Error>> {
        self.flash.erase(at, at + Self::BLOCK).map_err(NorError::Flash)
    }
}
