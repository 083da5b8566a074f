//! [`Chip`]: a NOR flash in RAM whose power can be cut, and which keeps the hardware's first rule.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// Bytes of the flash.
pub const CHIP_SIZE: u16 = 20 * 256;

/// A NOR flash in RAM. A unit is programmed once between two erases; what the power cut in the middle is half done.
#[derive(Debug)]
pub struct Chip {
    bytes: [u8; CHIP_SIZE as usize],
    /// Units that can still be programmed, and blocks erased.
    fuel: u32,
    is_on: bool,
}

impl Chip {
    /// A flash that holds something else, and has no power.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0x5a; CHIP_SIZE as usize], fuel: 0, is_on: false }
    }

    /// Switches the power on, until so many units and blocks were programmed and erased.
    pub const fn power_on(&mut self, fuel: u32) {
        (self.fuel, self.is_on) = (fuel, true);
    }

    /// Whether the power is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.is_on
    }

    fn range(&mut self, offset: u32, size: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        if !self.is_on {
            return Err(NorFlashErrorKind::Other);
        }
        let bytes = self.bytes.get_mut(offset as usize..).and_then(|bytes| bytes.get_mut(..size));
        bytes.ok_or(NorFlashErrorKind::OutOfBounds)
    }

    /// Does something to the bytes from `offset` on; if the power goes, to the second half of them only.
    fn change(
        &mut self,
        offset: u32,
        size: usize,
        to: impl Fn(usize) -> u8,
    ) -> Result<(), NorFlashErrorKind> {
        let is_cut = self.fuel == 0;
        let bytes = self.range(offset, size)?;
        let skipped = if is_cut { size / 2 } else { 0 };
        for (index, byte) in bytes.iter_mut().enumerate().skip(skipped) {
            *byte = to(index);
        }
        if is_cut {
            self.is_on = false;
            return Err(NorFlashErrorKind::Other);
        }
        self.fuel -= 1;
        Ok(())
    }
}

impl Default for Chip {
    fn default() -> Self {
        Self::new()
    }
}

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.copy_from_slice(self.range(offset, bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        for block in (from..to).step_by(Self::ERASE_SIZE) {
            self.change(block, Self::ERASE_SIZE, |_| 0xff)?;
        }
        Ok(())
    }

    /// [`NorFlashErrorKind::NotAligned`] also where a unit was programmed before: with the power on, which is how
    /// that is told.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        for (at, unit) in (offset..).step_by(Self::WRITE_SIZE).zip(bytes.chunks(Self::WRITE_SIZE)) {
            if unit.len() < Self::WRITE_SIZE || self.range(at, unit.len())?.iter().any(|byte| *byte != 0xff) {
                return Err(NorFlashErrorKind::NotAligned);
            }
            self.change(at, unit.len(), |index| unit.get(index).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}
