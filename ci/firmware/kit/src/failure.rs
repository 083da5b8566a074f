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
    /// A file of the host could not be put in another's place.
    Rename(HostError),
    /// The reader stopped at something other than damage.
    Read(ReadError<HostError>),
    /// An entry was not appended, or a checkpoint failed.
    Write(WriteError<HostError>),
    /// The log in RAM took no entry.
    Memory(MemoryError),
    /// The log in RAM is not valid.
    Invalid(ValidateError),
    /// There is more wrong with the log than a torn tail: nothing was changed.
    NotRecovered(ReadError<HostError>),
    /// The core did something else than it promises.
    Promise(&'static str),
    /// There are more findings than a report has room for.
    TooManyFindings,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "command line: no {what}: see the program's first line"),
            Self::Open(error) => write!(f, "open: {error}: is the file in QEMU's working directory?"),
            Self::Rename(error) => write!(f, "rename: {error}: the log is as it was"),
            Self::Read(error) => write!(f, "read: {error}"),
            Self::Write(error) => write!(f, "write: {error}"),
            Self::Memory(error) => write!(f, "memory log: {error}"),
            Self::Invalid(error) => write!(f, "memory log: not valid: {error}"),
            Self::NotRecovered(error) => {
                write!(f, "recover: {error}: more than a torn tail, nothing was changed: see `aof verify`")
            }
            Self::Promise(what) => write!(f, "broken promise: {what}"),
            Self::TooManyFindings => {
                f.write_str("report: too many findings: raise FINDINGS_MAX in report.rs")
            }
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
