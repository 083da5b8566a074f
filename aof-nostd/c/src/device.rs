//! [`Device`]: `embedded_io` over the callbacks of an `aof_device`.
//!
//! What a callback says is looked at: a count that it did not set, or one above what it was asked for, is
//! an error, and nothing of it is believed. A code of the caller's own is kept as it is.

#![allow(unsafe_code, reason = "calls functions of C")]

use crate::error::aof_error;
use crate::types::aof_device;
use core::ffi::c_int;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A count, or a size, that a callback did not set.
const NOT_SET: usize = usize::MAX;
const SIZE_NOT_SET: u64 = u64::MAX;

/// The caller's device.
#[derive(Debug)]
pub(crate) struct Device(aof_device);

/// Why a device did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The callback returned this code.
    Code(c_int),
    /// There is no callback for it.
    Missing,
    /// The callback claims more than it was asked for, or says nothing.
    Count,
}

impl Device {
    /// The device for reading.
    ///
    /// # Safety
    ///
    /// Its callbacks are functions of their types, which may be called with its context as long as this
    /// value lives.
    pub(crate) unsafe fn reading(device: aof_device) -> Result<Self, aof_error> {
        let needed = device.read.is_some() && device.seek.is_some() && device.size.is_some();
        if needed { Ok(Self(device)) } else { Err(aof_error::AOF_ERROR_NULL) }
    }

    /// The device for writing.
    ///
    /// # Safety
    ///
    /// As [`reading`](Self::reading).
    pub(crate) unsafe fn writing(device: aof_device) -> Result<Self, aof_error> {
        let needed = device.write.is_some() && device.seek.is_some() && device.sync.is_some();
        if needed { Ok(Self(device)) } else { Err(aof_error::AOF_ERROR_NULL) }
    }
}

/// What a callback returned.
fn done(code: c_int) -> Result<(), DeviceError> {
    if code == 0 { Ok(()) } else { Err(DeviceError::Code(code)) }
}

/// The count that a callback set, of at most `size`.
fn counted(count: usize, size: usize) -> Result<usize, DeviceError> {
    if count <= size { Ok(count) } else { Err(DeviceError::Count) }
}

impl Read for Device {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DeviceError> {
        let read = self.0.read.ok_or(DeviceError::Missing)?;
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut count = NOT_SET;
        // SAFETY: the callback may be called, as was promised; the buffer has so many bytes.
        done(unsafe { read(self.0.context, buffer.as_mut_ptr().cast(), buffer.len(), &raw mut count) })?;
        counted(count, buffer.len())
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, DeviceError> {
        let write = self.0.write.ok_or(DeviceError::Missing)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut count = NOT_SET;
        // SAFETY: the callback may be called, as was promised; there are so many bytes.
        done(unsafe { write(self.0.context, bytes.as_ptr().cast(), bytes.len(), &raw mut count) })?;
        counted(count, bytes.len())
    }

    /// Nothing: what has to be durable is synced.
    fn flush(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }
}

impl Seek for Device {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, DeviceError> {
        let offset = match target {
            SeekFrom::Start(offset) => offset,
            SeekFrom::End(0) => self.size()?,
            // The core asks for neither.
            SeekFrom::End(_) | SeekFrom::Current(_) => return Err(DeviceError::Missing),
        };
        let seek = self.0.seek.ok_or(DeviceError::Missing)?;
        // SAFETY: the callback may be called, as was promised.
        done(unsafe { seek(self.0.context, offset) })?;
        Ok(offset)
    }
}

impl Device {
    fn size(&mut self) -> Result<u64, DeviceError> {
        let size = self.0.size.ok_or(DeviceError::Missing)?;
        let mut bytes = SIZE_NOT_SET;
        // SAFETY: the callback may be called, as was promised.
        done(unsafe { size(self.0.context, &raw mut bytes) })?;
        if bytes == SIZE_NOT_SET { Err(DeviceError::Count) } else { Ok(bytes) }
    }
}

impl aof_nostd::storage::Sync for Device {
    fn sync(&mut self) -> Result<(), DeviceError> {
        let sync = self.0.sync.ok_or(DeviceError::Missing)?;
        // SAFETY: the callback may be called, as was promised.
        done(unsafe { sync(self.0.context) })
    }
}

impl ErrorType for Device {
    type Error = DeviceError;
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "the callback returned {code}"),
            Self::Missing => f.write_str("a callback is missing"),
            Self::Count => f.write_str("a callback claims more than it was asked for, or says nothing"),
        }
    }
}

impl core::error::Error for DeviceError {}

impl embedded_io::Error for DeviceError {
    /// Never `Interrupted`: a callback that was interrupted tries again itself, or fails.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
