//! Where replayed entries go: [`Sink`]. The loop that replays knows nothing else of it.

use super::admission::Step;
use super::events::Rejected;
use super::log::LogEntry;
use crate::fingerprint::Digest;
use std::time::Duration;

/// An entry to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The entry.
    pub entry: LogEntry,
    /// What it is sent as: never [`Step::Skip`].
    pub step: Step,
    /// The first timestamp that the next one uses, ns: what is made up to confirm this one must be below.
    pub before: u64,
    /// The digest of the log's entries up to this one, see [`chained`](crate::fingerprint::chained).
    pub digest: Digest,
}

/// What became of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its op in the cluster that took it, if it is a cluster.
    pub op: Option<u64>,
    /// The events that were not created.
    pub rejected: Vec<Rejected>,
}

/// Takes entries, one after another.
///
/// ```
/// use aof_cli::replay::sink::{Outcome, Outgoing, Sink};
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// /// Counts.
/// struct Count(u64);
///
/// impl Sink for Count {
///     type Error = Infallible;
///     fn send(&mut self, _outgoing: Outgoing) -> Result<(), Infallible> {
///         self.0 += 1;
///         Ok(())
///     }
///     fn wait(&mut self, _patience: Duration) -> Result<Option<Outcome>, Infallible> {
///         Ok(Some(Outcome::default()))
///     }
/// }
/// ```
pub trait Sink {
    /// Why an entry could not be taken.
    type Error: std::error::Error + 'static;

    /// Begins to send an entry. The one before it has been waited for.
    ///
    /// # Errors
    ///
    /// The entry was not taken, or nobody knows whether it was; nothing may follow.
    fn send(&mut self, outgoing: Outgoing) -> Result<(), Self::Error>;

    /// Waits until the entry was taken, for `patience` at most: `None` if it was not yet.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    fn wait(&mut self, patience: Duration) -> Result<Option<Outcome>, Self::Error>;
}
