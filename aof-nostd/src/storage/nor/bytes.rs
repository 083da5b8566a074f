//! Bytes over the flash: what is read at a place of the log, and how what is written gets there.
//!
//! ```text
//!   0                                   base         base + len
//!   | units on the flash                | the buffer |ffffffffffffffffffffffffffffff|
//!          a block of it from its copy,
//!          while it is being put back
//! ```
//!
//! One picture for two times. After an opening the buffer has the last bytes that were found, as they were read
//! then: up to as many as are programmed in one call, and so all that a power cut may have left unstable. After
//! a cut it has the bytes that are not programmed yet. Behind the buffer the flash is not asked: what is not
//! entered was not touched since its erase, and a unit there that reads as erased need not be.

use super::geometry::index;
use super::{ERASED, NorError, NorRegion, Phase};
use crate::storage::Sync;
use embedded_io::{ErrorType, Read, Seek, SeekFrom, Write};
use embedded_storage::nor_flash::NorFlash;

impl<F: NorFlash, const N: usize> NorRegion<F, N> {
    /// A size below that of the buffer as an offset.
    pub(super) fn offset(size: usize) -> u32 {
        u32::try_from(size).unwrap_or(Self::BUFFER)
    }

    /// The first byte behind what was found or written.
    pub(super) fn end(&self) -> u32 {
        self.base + Self::offset(self.len)
    }

    pub(super) const fn ready(&self) -> Result<(), NorError<F::Error>> {
        match self.phase {
            Phase::Failed => Err(NorError::Failed),
            Phase::Found | Phase::Open => Ok(()),
        }
    }

    /// Ready to be written to.
    const fn open_for_writes(&self) -> Result<(), NorError<F::Error>> {
        match self.phase {
            Phase::Failed => Err(NorError::Failed),
            Phase::Found => Err(NorError::NotCut),
            Phase::Open => Ok(()),
        }
    }

    /// Reads from `at` of the flash on, whatever units it reads.
    pub(super) fn read_flash(&mut self, mut at: u32, mut bytes: &mut [u8]) -> Result<(), F::Error> {
        while !bytes.is_empty() {
            let skipped = at % Self::READ;
            let whole = bytes.len() - bytes.len() % index(Self::READ);
            let size = if skipped == 0 && whole > 0 {
                let (now, _) = bytes.split_at_mut(whole);
                self.flash.read(at, now)?;
                whole
            } else {
                let mut unit = [ERASED; N];
                let unit = unit.get_mut(..index(Self::READ)).unwrap_or(&mut []);
                self.flash.read(at - skipped, unit)?;
                copy(bytes, unit.get(index(skipped)..).unwrap_or(&[]))
            };
            at = at.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
            bytes = bytes.get_mut(size..).unwrap_or(&mut []);
        }
        Ok(())
    }

    /// Reads what the log has from `at` on, a byte at least; more than `bytes` takes is left.
    fn view(&mut self, at: u32, bytes: &mut [u8]) -> Result<usize, F::Error> {
        if at >= self.base {
            let known = self.buffer.get(index(at - self.base)..self.len).unwrap_or(&[]);
            if known.is_empty() {
                bytes.fill(ERASED);
                return Ok(bytes.len());
            }
            return Ok(copy(bytes, known));
        }
        let (mut from, mut until) = (self.log_at(at), self.base);
        if let Some(block) = self.state.block {
            let kept = Self::kept(block, self.state.end);
            if at < kept.start {
                until = kept.start;
            } else if at < kept.end {
                from = self.copy_at() + (at - kept.start);
                until = kept.end;
            } else {
                let size = index(self.base - at).min(bytes.len());
                bytes.get_mut(..size).unwrap_or(&mut []).fill(ERASED);
                return Ok(size);
            }
        }
        let size = index(until - at).min(bytes.len());
        self.read_flash(from, bytes.get_mut(..size).unwrap_or(&mut []))?;
        Ok(size)
    }

    /// Reads what the log has from `at` on, all of `bytes`.
    pub(super) fn view_exact(&mut self, mut at: u32, mut bytes: &mut [u8]) -> Result<(), F::Error> {
        while !bytes.is_empty() {
            let size = self.view(at, bytes)?;
            at = at.saturating_add(Self::offset(size));
            bytes = bytes.get_mut(size..).unwrap_or(&mut []);
        }
        Ok(())
    }

    /// Takes blocks for entered that hold something, whatever the newest record says. A block is recorded before it
    /// is touched, so it was, and that record has rotted; or one of the erased bytes has. Believed to be free, the
    /// block would be programmed again, over entries that a checkpoint covered.
    pub(super) fn enter_found(&mut self) -> Result<(), F::Error> {
        while self.state.block.is_none() && self.state.entered < self.place.blocks {
            let start = self.state.entered * Self::BLOCK;
            if self.last_set(start, start + Self::BLOCK)? == start {
                break;
            }
            self.state.entered += 1;
        }
        Ok(())
    }

    /// Takes the last bytes that stand in the log into the buffer, as they read now.
    pub(super) fn freeze(&mut self) -> Result<(), F::Error> {
        let partial = self.state.end % Self::UNIT;
        self.base = self.state.end - partial;
        self.len = index(partial);
        self.synced = self.len;
        if self.state.block.is_some() {
            return Ok(()); // the copy, and what the record holds: nothing is unstable
        }
        let found = self.last_set(self.base, self.state.entered * Self::BLOCK)?;
        if found == self.base {
            return Ok(());
        }
        // What stands in whole units up to the record's was programmed to its end before the record.
        let start = found.saturating_sub(Self::BUFFER).max(self.base);
        let mut bytes = [ERASED; N];
        self.len = index(found - start);
        let frozen = bytes.get_mut(..self.len).unwrap_or(&mut []);
        self.read_flash(self.log_at(start), frozen)?;
        // The unit that the record holds may be the one that was cut short: the record tells what is in it.
        if start == self.base {
            copy(frozen, self.buffer.get(..self.synced).unwrap_or(&[]));
        } else {
            self.synced = 0;
        }
        self.buffer = bytes;
        self.base = start;
        Ok(())
    }

    /// The end of the last unit in `from..until` that does not read as erased; `from` where all do.
    fn last_set(&mut self, from: u32, until: u32) -> Result<u32, F::Error> {
        let mut end = until;
        while end > from {
            let mut bytes = [ERASED; N];
            let size = (end - from).min(Self::BUFFER);
            let bytes = bytes.get_mut(..index(size)).unwrap_or(&mut []);
            self.read_flash(self.log_at(end - size), bytes)?;
            if let Some(last) = bytes.iter().rposition(|byte| *byte != ERASED) {
                return Ok((end - size + Self::offset(last) + 1).next_multiple_of(Self::UNIT));
            }
            end -= size;
        }
        Ok(from)
    }

    /// Programs the first `size` bytes of the buffer: whole units of one block. Durable when it returns.
    fn program(&mut self, size: usize) -> Result<(), NorError<F::Error>> {
        let block = self.base / Self::BLOCK;
        if block >= self.state.entered {
            self.state.entered = block + 1;
            self.record()?;
        }
        let bytes = self.buffer.get(..size).unwrap_or(&self.buffer);
        self.flash.write(self.log_at(self.base), bytes).map_err(NorError::Flash)?;
        self.base += Self::offset(size);
        self.len -= size;
        self.synced = 0;
        // Less than a unit is left, where anything is.
        for at in 0..self.len {
            if let Some(byte) = self.buffer.get(size + at).copied()
                && let Some(target) = self.buffer.get_mut(at)
            {
                *target = byte;
            }
        }
        Ok(())
    }

    /// Appends from `bytes` what goes into the buffer, and programs it when it is full.
    fn append(&mut self, bytes: &[u8]) -> Result<usize, NorError<F::Error>> {
        // A call programs no units of two blocks.
        let full = index(Self::BLOCK - self.base % Self::BLOCK).min(N);
        let size = copy(self.buffer.get_mut(self.len..full).unwrap_or(&mut []), bytes);
        self.len += size;
        if self.len == full {
            self.program(full)?;
        }
        Ok(size)
    }

    /// Programs what is in whole units, and records the rest.
    pub(super) fn settle(&mut self) -> Result<(), NorError<F::Error>> {
        let whole = self.len - self.len % index(Self::UNIT);
        if whole > 0 {
            self.program(whole)?;
        }
        if self.len == self.synced {
            return Ok(());
        }
        self.synced = self.len;
        self.record()
    }

    /// Whatever failed leaves half of it done.
    fn latched<T>(&mut self, done: Result<T, NorError<F::Error>>) -> Result<T, NorError<F::Error>> {
        if done.is_err() {
            self.phase = Phase::Failed;
        }
        done
    }
}

/// Copies as many bytes as there are and go in.
fn copy(target: &mut [u8], source: &[u8]) -> usize {
    let size = target.len().min(source.len());
    for (target, source) in target.iter_mut().zip(source) {
        *target = *source;
    }
    size
}

impl<F: NorFlash, const N: usize> ErrorType for NorRegion<F, N> {
    type Error = NorError<F::Error>;
}

impl<F: NorFlash, const N: usize> Read for NorRegion<F, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.ready()?;
        let left = u64::from(self.capacity()).saturating_sub(self.position);
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (Ok(at), true) = (u32::try_from(self.position), size > 0) else { return Ok(0) };
        let buffer = buffer.get_mut(..size).unwrap_or(&mut []);
        let size = self.view(at, buffer).map_err(NorError::Flash)?;
        self.position = self.position.saturating_add(size as u64);
        Ok(size)
    }
}

impl<F: NorFlash, const N: usize> Write for NorRegion<F, N> {
    /// Appends to the log, wherever the position is; it stands behind what was written then.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.open_for_writes()?;
        let size = index(self.capacity() - self.end()).min(bytes.len());
        if size == 0 && !bytes.is_empty() {
            return Err(NorError::Full);
        }
        let mut rest = bytes.get(..size).unwrap_or(bytes);
        while !rest.is_empty() {
            let done = self.append(rest);
            let taken = self.latched(done)?;
            rest = rest.get(taken..).unwrap_or(&[]);
        }
        self.position = self.end().into();
        Ok(size)
    }

    /// Does nothing: what is not in a whole buffer waits for more, or for a sync.
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.ready()
    }
}

impl<F: NorFlash, const N: usize> Seek for NorRegion<F, N> {
    /// The end is that of the region's log blocks, as a device's is. Where the log ends, [`Recovery`] finds.
    ///
    /// [`Recovery`]: crate::Recovery
    fn seek(&mut self, target: SeekFrom) -> Result<u64, Self::Error> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => u64::from(self.capacity()).checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(NorError::Seek)?;
        Ok(self.position)
    }
}

impl<F: NorFlash, const N: usize> Sync for NorRegion<F, N> {
    /// Programs what is left, and records what does not fill a unit: the flash has no cache.
    fn sync(&mut self) -> Result<(), Self::Error> {
        self.open_for_writes()?;
        let done = self.settle();
        self.latched(done)
    }
}
