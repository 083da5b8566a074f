//! Why a program ended without a report.

use crate::disk::DiskError;
use aof_firmware_kit::Failure;
use aof_nostd::storage::BlockError;
use aof_nostd::{ReadError, TailError, WriteError};
use core::fmt;

/// What reading and writing the disk's bytes can end with.
type DeviceError = BlockError<DiskError>;

/// Why a program ended without a report.
#[derive(Debug)]
pub enum Stop {
    /// What any program may end with.
    Kit(Failure),
    /// There is no disk to work on.
    Open(DiskError),
    /// The reader stopped at something other than damage.
    Read(ReadError<DeviceError>),
    /// The log must not go on.
    Recover(TailError<DeviceError>),
    /// The torn tail was not cleaned, an entry not appended, or a checkpoint failed.
    Write(WriteError<DeviceError>),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kit(failure) => fmt::Display::fmt(failure, f),
            Self::Open(error) => write!(f, "open: {error}"),
            Self::Read(error) => write!(f, "read: {error}"),
            Self::Recover(error) => write!(f, "recover: {error}"),
            Self::Write(error) => write!(f, "write: {error}"),
        }
    }
}

impl core::error::Error for Stop {}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Kit(failure)
    }
}

impl From<DiskError> for Stop {
    fn from(error: DiskError) -> Self {
        Self::Open(error)
    }
}

impl From<ReadError<DeviceError>> for Stop {
    fn from(error: ReadError<DeviceError>) -> Self {
        Self::Read(error)
    }
}

impl From<TailError<DeviceError>> for Stop {
    fn from(error: TailError<DeviceError>) -> Self {
        Self::Recover(error)
    }
}

impl From<WriteError<DeviceError>> for Stop {
    fn from(error: WriteError<DeviceError>) -> Self {
        Self::Write(error)
    }
}
