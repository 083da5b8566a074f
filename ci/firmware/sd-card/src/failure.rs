//! Why one of the programs ended without a report.

use crate::error::CardError;
use crate::recover::RecoverError;
use aof_firmware_kit::Failure;
use aof_nostd::{ReadError, WriteError};
use core::fmt;
use embedded_sdmmc::SdCardError;

/// Why one of the programs ended without a report.
#[derive(Debug)]
pub enum CardFailure {
    /// The command line, or a promise that was broken.
    Program(Failure),
    /// The card in the socket does not answer.
    NoCard(SdCardError),
    /// The card, or its file system.
    Card(CardError<SdCardError>),
    /// The log cannot be gone on with.
    Recover(RecoverError<SdCardError>),
    /// The reader stopped at something other than damage.
    Read(ReadError<CardError<SdCardError>>),
    /// An entry was not appended, or a checkpoint failed.
    Write(WriteError<CardError<SdCardError>>),
}

impl fmt::Display for CardFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(failure) => fmt::Display::fmt(failure, f),
            Self::NoCard(error) => {
                write!(f, "no card: {error}: is there one in the socket (-drive if=sd,format=raw,file=...)?")
            }
            Self::Card(error) => fmt::Display::fmt(error, f),
            Self::Recover(error) => fmt::Display::fmt(error, f),
            Self::Read(error) => write!(f, "read: {error}"),
            Self::Write(error) => write!(f, "write: {error}"),
        }
    }
}

impl core::error::Error for CardFailure {}

/// Makes `?` work for the parts that a failure is made of.
macro_rules! from {
    ($($part:ty => $variant:ident),* $(,)?) => {
        $(impl From<$part> for CardFailure {
            fn from(part: $part) -> Self {
                Self::$variant(part)
            }
        })*
    };
}

from! {
    Failure => Program,
    SdCardError => NoCard,
    CardError<SdCardError> => Card,
    RecoverError<SdCardError> => Recover,
    ReadError<CardError<SdCardError>> => Read,
    WriteError<CardError<SdCardError>> => Write,
}
