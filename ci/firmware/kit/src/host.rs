//! A file of the host as a device: `embedded_io` over semihosting.
//!
//! Semihosting knows no seek relative to the position, so the position is kept here. Offsets end at 2 GiB
//! on a 32-bit device. It knows no sync either: [`aof_nostd::storage::Sync`] is left out on purpose, since
//! an implementation that cannot keep its promise must not pretend to.

use crate::Failure;
use core::ffi::CStr;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};
use semihosting::fs::File;
use semihosting::io::{self, Read as _, Seek as _, Write as _};

/// Bytes that a path may have, the closing zero among them.
const PATH_MAX: usize = 256;

/// A file of the host.
#[derive(Debug)]
pub struct HostFile {
    file: File,
    position: u64,
}

impl HostFile {
    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    ///
    /// [`Failure::Open`].
    pub fn open(path: &str) -> Result<Self, Failure> {
        Self::with(path, |path| File::open(path))
    }

    /// Creates the file at `path`, or empties it, for writing.
    ///
    /// # Errors
    ///
    /// [`Failure::Open`].
    pub fn create(path: &str) -> Result<Self, Failure> {
        Self::with(path, |path| File::create(path))
    }

    fn with(path: &str, open: fn(&CStr) -> io::Result<File>) -> Result<Self, Failure> {
        let mut bytes = [0; PATH_MAX];
        let path = bytes
            .get_mut(..path.len())
            .map(|room| room.copy_from_slice(path.as_bytes()))
            .and_then(|()| CStr::from_bytes_until_nul(&bytes).ok())
            .ok_or(Failure::Usage("FILE of at most 255 bytes"))?;
        let file = open(path).map_err(|error| Failure::Open(HostError(error)))?;
        Ok(Self { file, position: 0 })
    }
}

/// The host could not do what was asked.
#[derive(Debug)]
pub struct HostError(io::Error);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host says {:?}", self.0)
    }
}

impl core::error::Error for HostError {}

impl embedded_io::Error for HostError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for HostFile {
    type Error = HostError;
}

impl Read for HostFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, HostError> {
        let size = self.file.read(buffer).map_err(HostError)?;
        self.position = self.position.saturating_add(size as u64);
        Ok(size)
    }
}

impl Write for HostFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, HostError> {
        let size = self.file.write(bytes).map_err(HostError)?;
        self.position = self.position.saturating_add(size as u64);
        Ok(size)
    }

    fn flush(&mut self) -> Result<(), HostError> {
        self.file.flush().map_err(HostError)
    }
}

impl Seek for HostFile {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, HostError> {
        let target = match target {
            SeekFrom::Start(offset) => io::SeekFrom::Start(offset),
            SeekFrom::End(offset) => io::SeekFrom::End(offset),
            // Beyond either end the host refuses, as it should.
            SeekFrom::Current(offset) => {
                io::SeekFrom::Start(self.position.checked_add_signed(offset).unwrap_or(u64::MAX))
            }
        };
        self.position = self.file.seek(target).map_err(HostError)?;
        Ok(self.position)
    }
}
