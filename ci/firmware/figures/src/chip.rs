//! [`Chip`]: the NOR flash that the measured programs log to; and the build script, which makes its content.

use core::hint::black_box;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// Bytes of the logs' buffers.
pub(crate) const BUFFER_SIZE: usize = 64;

/// A NOR flash in memory, of which the compiler does not know whether it fails. As small as a driver can be, since
/// what it costs is counted with the core.
#[derive(Debug)]
pub(crate) struct Chip<'a>(pub(crate) &'a mut [u8]);

impl Chip<'_> {
    fn bytes(&mut self, offset: u32, size: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let bytes = self.0.get_mut(offset as usize..).and_then(|bytes| bytes.get_mut(..size));
        bytes.filter(|_| black_box(true)).ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for Chip<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let stored = self.bytes(offset, bytes.len())?;
        for (target, source) in bytes.iter_mut().zip(stored) {
            *target = *source;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Chip<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        for byte in self.bytes(from, to.saturating_sub(from) as usize)? {
            *byte = 0xff;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        for (target, source) in self.bytes(offset, bytes.len())?.iter_mut().zip(bytes) {
            *target &= *source;
        }
        Ok(())
    }
}
