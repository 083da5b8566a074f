//! [`Flash`]: the device that the measured programs read and write.

use core::fmt;
use core::hint::black_box;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A flash that is mapped into memory, of which the compiler knows nothing: neither what it holds nor
/// whether it fails. As small as a driver can be, since what it costs is counted with the core.
#[derive(Debug)]
pub struct Flash<'a> {
    bytes: &'a mut [u8],
    position: usize,
}

impl<'a> Flash<'a> {
    /// A flash with these bytes.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Its bytes.
    pub(crate) fn into_bytes(self) -> &'a mut [u8] {
        self.bytes
    }
}

/// The flash failed, with this status.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FlashError(pub u8);

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flash failed")
    }
}

impl core::error::Error for FlashError {}

impl embedded_io::Error for FlashError {
    fn kind(&self) -> ErrorKind {
        if self.0 == 1 { ErrorKind::Interrupted } else { ErrorKind::Other }
    }
}

impl ErrorType for Flash<'_> {
    type Error = FlashError;
}

/// What a status register would say: no error, but the compiler cannot know.
fn status() -> Result<(), FlashError> {
    match black_box(0) {
        0 => Ok(()),
        error => Err(FlashError(error)),
    }
}

impl Read for Flash<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FlashError> {
        status()?;
        let rest = self.bytes.get(self.position..).unwrap_or(&[]);
        let size = rest.len().min(buffer.len());
        for (target, source) in buffer.iter_mut().zip(rest) {
            *target = *source;
        }
        self.position += size;
        Ok(size)
    }
}

impl Write for Flash<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, FlashError> {
        status()?;
        let room = self.bytes.get_mut(self.position..).unwrap_or(&mut []);
        let size = room.len().min(bytes.len());
        for (target, source) in room.iter_mut().zip(bytes) {
            *target = *source;
        }
        self.position += size;
        Ok(size)
    }

    fn flush(&mut self) -> Result<(), FlashError> {
        status()
    }
}

impl Seek for Flash<'_> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, FlashError> {
        let position = match target {
            SeekFrom::Start(offset) => usize::try_from(offset).ok(),
            SeekFrom::End(offset) => {
                isize::try_from(offset).ok().and_then(|o| self.bytes.len().checked_add_signed(o))
            }
            SeekFrom::Current(offset) => {
                isize::try_from(offset).ok().and_then(|o| self.position.checked_add_signed(o))
            }
        };
        self.position = position.ok_or(FlashError(2))?;
        Ok(self.position as u64)
    }
}

impl aof_nostd::storage::Sync for Flash<'_> {
    fn sync(&mut self) -> Result<(), FlashError> {
        status()
    }
}
