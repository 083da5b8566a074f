//! Why nothing was appended, or made durable.

use crate::check::Fault;
use crate::wire::HeaderRule;
use core::fmt;

/// Why nothing was appended or made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The device failed, now. Part of the entry may be on it; the writer is failed for good.
    Device(E),
    /// The device took no bytes: it is full. Part of the entry may be on it; failed for good.
    Full,
    /// The device claims to have taken more bytes than it was given. Nobody knows what is on it; failed for
    /// good.
    Count,
    /// The device failed before. Reopen the log and look at its tail.
    Failed,
    /// So many entries are unsynced as may be: checkpoint first.
    Unsynced {
        /// The limit.
        max: u32,
    },
    /// A checkpoint is under way already.
    Checkpointing,
    /// No checkpoint is under way that could end.
    NotCheckpointing,
    /// The entry given is not one that a reader would take. Nothing was written.
    Invalid(Fault),
    /// The header to be sealed breaks a rule, such as the size limit. Nothing was written.
    Header(HeaderRule),
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "the device failed: {error}"),
            Self::Full => f.write_str("the device is full"),
            Self::Count => f.write_str(
                "the device claims to have written more bytes than it was given: look at its driver, and at the \
                 log's tail",
            ),
            Self::Failed => f.write_str("the device failed before: reopen the log"),
            Self::Unsynced { max } => write!(f, "{max} entries are unsynced: checkpoint first"),
            Self::Checkpointing => f.write_str("a checkpoint is under way"),
            Self::NotCheckpointing => f.write_str("no checkpoint is under way"),
            Self::Invalid(fault) => write!(f, "not a valid entry: {}", fault.kind),
            Self::Header(rule) => write!(f, "cannot be sealed: {rule}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}
