//! A file of the host as a device: `embedded_io` over semihosting.
//!
//! Semihosting knows no seek relative to the position, so the position is kept here. Offsets end at 2 GiB
//! on a 32-bit device. It knows no sync either: [`aof_nostd::storage::Sync`] is left out on purpose, since
//! an implementation that cannot keep its promise must not pretend to.

use crate::Failure;
use aof_nostd::{ReadError, WriteError};
use core::ffi::CStr;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};
use semihosting::fs::{self, File};
use semihosting::io::{self, Read as _, Seek as _, Write as _};

/// Bytes that a path may have, the closing zero among them.
const PATH_MAX: usize = 256;

/// Bytes that are copied at a time.
const COPIED_MAX: usize = 512;

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

    /// Opens the file at `path` for reading and writing.
    ///
    /// # Errors
    ///
    /// [`Failure::Open`].
    pub fn update(path: &str) -> Result<Self, Failure> {
        Self::with(path, |path| File::options().read(true).write(true).open(path))
    }

    fn with(path: &str, open: fn(&CStr) -> io::Result<File>) -> Result<Self, Failure> {
        let file = with_path(path, "", open)?.map_err(|error| Failure::Open(HostError(error)))?;
        Ok(Self { file, position: 0 })
    }
}

/// Cuts the file at `path` off behind its first `size` bytes. It must not be open.
///
/// Semihosting cannot shorten a file. So the bytes to be kept go to a new file, `path.new`, which then takes
/// the old one's place at one moment: whenever the power goes, `path` is the old file or the new one.
///
/// # Errors
///
/// [`Failure::Open`], [`Failure::Read`], [`Failure::Write`] or [`Failure::Rename`]; `path` is as it was.
pub fn cut(path: &str, size: u64) -> Result<(), Failure> {
    let mut source = HostFile::open(path)?;
    let file = with_path(path, ".new", |path| File::create(path))?;
    let mut target = HostFile { file: file.map_err(|error| Failure::Open(HostError(error)))?, position: 0 };
    let mut buffer = [0; COPIED_MAX];
    while target.position < size {
        let left = usize::try_from(size - target.position).unwrap_or(COPIED_MAX);
        let piece = buffer.get_mut(..left.min(COPIED_MAX)).unwrap_or_default();
        let count = source.read(piece).map_err(ReadError::Device)?;
        if count == 0 {
            return Err(Failure::Promise("the file became shorter while it was copied"));
        }
        target.write_all(piece.get(..count).unwrap_or_default()).map_err(WriteError::Device)?;
    }
    drop((source, target));
    with_path(path, ".new", |new| with_path(path, "", |path| fs::rename(new, path)))??
        .map_err(|error| Failure::Rename(HostError(error)))
}

/// Gives `run` the path with `suffix` behind it, as the host wants it.
fn with_path<T>(path: &str, suffix: &str, run: impl FnOnce(&CStr) -> T) -> Result<T, Failure> {
    let mut bytes = [0; PATH_MAX];
    let text = path.bytes().chain(suffix.bytes());
    for (room, byte) in bytes.iter_mut().take(PATH_MAX - 1).zip(text) {
        *room = byte;
    }
    let path_size = path.len().saturating_add(suffix.len());
    match CStr::from_bytes_until_nul(&bytes) {
        Ok(whole) if whole.count_bytes() == path_size => Ok(run(whole)),
        _ => Err(Failure::Usage("FILE of at most 250 bytes")),
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
