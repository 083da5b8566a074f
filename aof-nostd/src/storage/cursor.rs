//! Memory as a device that can be read, written and sought.

use super::Sync;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A slice, or anything that is one, as a device: `Read + Seek`, and `Write + Sync` where it is mutable.
///
/// ```
/// use aof_nostd::storage::Cursor;
/// use embedded_io::{Read, Seek, SeekFrom};
/// let mut cursor = Cursor::new(b"abcdef");
/// cursor.seek(SeekFrom::End(-2)).unwrap();
/// let mut two = [0; 2];
/// cursor.read_exact(&mut two).unwrap();
/// assert_eq!(&two, b"ef");
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cursor<T> {
    inner: T,
    position: u64,
}

impl<T> Cursor<T> {
    /// A device with the bytes of `inner`, positioned at the first.
    pub const fn new(inner: T) -> Self {
        Self { inner, position: 0 }
    }

    /// The bytes.
    pub const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The bytes back.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Where the next byte is read or written.
    pub const fn position(&self) -> u64 {
        self.position
    }

    fn index(&self) -> usize {
        usize::try_from(self.position).unwrap_or(usize::MAX)
    }
}

/// A [`Cursor`] was sent before its first byte, or has no room for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CursorError {
    /// A seek to before the first byte, or beyond the last 64-bit offset.
    Seek,
    /// The slice is full.
    Full,
}

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seek => "seek to before the first byte",
            Self::Full => "no room left",
        })
    }
}

impl core::error::Error for CursorError {}

impl embedded_io::Error for CursorError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Seek => ErrorKind::InvalidInput,
            Self::Full => ErrorKind::OutOfMemory,
        }
    }
}

impl<T> ErrorType for Cursor<T> {
    type Error = CursorError;
}

impl<T: AsRef<[u8]>> Read for Cursor<T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CursorError> {
        let rest = self.inner.as_ref().get(self.index()..).unwrap_or(&[]);
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        self.position = self.position.saturating_add(size as u64);
        Ok(size)
    }
}

impl<T: AsRef<[u8]>> Seek for Cursor<T> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, CursorError> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => (self.inner.as_ref().len() as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(CursorError::Seek)?;
        Ok(self.position)
    }
}

impl<T: AsMut<[u8]>> Write for Cursor<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, CursorError> {
        let index = self.index();
        let room = self.inner.as_mut().get_mut(index..).unwrap_or(&mut []);
        let size = room.len().min(bytes.len());
        if size == 0 && !bytes.is_empty() {
            return Err(CursorError::Full);
        }
        for (target, source) in room.iter_mut().zip(bytes) {
            *target = *source;
        }
        self.position = self.position.saturating_add(size as u64);
        Ok(size)
    }

    fn flush(&mut self) -> Result<(), CursorError> {
        Ok(())
    }
}

impl<T> Sync for Cursor<T> {
    /// Memory is as durable as it gets at once.
    fn sync(&mut self) -> Result<(), CursorError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_end_at_the_last_byte_and_seeks_go_beyond() {
        let mut cursor = Cursor::new([1, 2, 3]);
        let mut buffer = [0; 2];
        assert_eq!(cursor.read(&mut buffer), Ok(2));
        assert_eq!(cursor.read(&mut buffer), Ok(1));
        assert_eq!(buffer, [3, 2]);
        assert_eq!(cursor.read(&mut buffer), Ok(0));
        assert_eq!(cursor.seek(SeekFrom::Start(10)), Ok(10));
        assert_eq!(cursor.read(&mut buffer), Ok(0));
        assert_eq!(cursor.seek(SeekFrom::Current(-11)), Err(CursorError::Seek));
        assert_eq!(cursor.position(), 10);
    }

    #[test]
    fn writes_stop_where_the_slice_does() {
        let mut cursor = Cursor::new([0; 3]);
        assert_eq!(cursor.write(&[1, 2]), Ok(2));
        assert_eq!(cursor.write(&[3, 4]), Ok(1));
        assert_eq!(cursor.write(&[4]), Err(CursorError::Full));
        assert_eq!(cursor.into_inner(), [1, 2, 3]);
    }
}
