//! Why a program ended without a report.

use crate::host::HostError;
use aof_nostd::{MemoryError, ReadError, ValidateError, WriteError};
use core::fmt;

/// Why a program ended without a report.
#[derive(Debug)]
pub enum Failure {
    /// The command line lacks this.
    Usage(&'static str),
    /// A file of the host could not be opened.
    Open(HostError),
    /// The reader stopped at something other than damage.
    Read(ReadError<HostError>),
    /// An entry was not appended, or a checkpoint failed.
    Write(WriteError<HostError>),
    /// The log in RAM took no entry.
    Memory(MemoryError),
    /// The log in RAM is not valid.
    Invalid(ValidateError),
    /// The core did something else than it promises.
    Promise(&'static str),
    /// There is more damage than a report has room for.
    TooMuchDamage,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "command line: no {what}: call it as PROGRAM FILE [PROFILE]"),
            Self::Open(error) => write!(f, "open: {error}: is the file in QEMU's working directory?"),
            Self::Read(error) => write!(f, "read: {error}"),
            Self::Write(error) => write!(f, "write: {error}"),
            Self::Memory(error) => write!(f, "memory log: {error}"),
            Self::Invalid(error) => write!(f, "memory log: not valid: {error}"),
            Self::Promise(what) => write!(f, "broken promise: {what}"),
            Self::TooMuchDamage => f.write_str("report: too much damage: raise DAMAGES_MAX in report.rs"),
        }
    }
}

impl core::error::Error for Failure {}

impl From<ReadError<HostError>> for Failure {
    fn from(error: ReadError<HostError>) -> Self {
        Self::Read(error)
    }
}

impl From<WriteError<HostError>> for Failure {
    fn from(error: WriteError<HostError>) -> Self {
        Self::Write(error)
    }
}

impl From<MemoryError> for Failure {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<ValidateError> for Failure {
    fn from(error: ValidateError) -> Self {
        Self::Invalid(error)
    }
}
