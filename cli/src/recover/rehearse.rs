//! `--dry-run` with addresses: what a recovery would do with this cluster.
//!
//! It asks what [`begin`](super::begin) asks, with the same answers and refusals, and then runs the replay up to the
//! first request, which it does not send. No progress file is made, and none is changed.

use super::begin::{Begun, begin};
use super::ended;
use super::preflight::Logs;
use crate::args::RecoverArgs;
use crate::failure::Failure;
use crate::output;
use crate::replay::addresses::Addresses;
use crate::replay::admission::{Admission, Summary};
use crate::replay::run::{Observer, Range, RunError, run as replay};
use crate::replay::sink::{Outcome, Outgoing, Sink};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a recovery would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The cluster's last op, unless it cannot be asked for it.
    pub last_op: Option<u64>,
    /// The op of the log that it would continue after; none if it would begin.
    pub after: Option<u64>,
    /// The first op of the log that it would send; none if nothing is left.
    pub first: Option<u64>,
    /// The progress file that it would use.
    pub progress_file: PathBuf,
}

impl fmt::Display for Prospect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.last_op, self.after) {
            (Some(0), None) => f.write_str("empty: the recovery would begin")?,
            (Some(op), None) => write!(f, "at op {op}: the recovery would begin")?,
            (Some(op), Some(after)) => {
                write!(f, "at op {op}: the recovery would continue after op {after} of the log")?;
            }
            (None, None) => f.write_str("of a release that cannot be asked: the recovery would begin")?,
            (None, Some(after)) => write!(
                f,
                "of a release that cannot be asked: the recovery would continue after op {after} of the log"
            )?,
        }
        match self.first {
            Some(first) => write!(f, ", with op {first}"),
            None => f.write_str(", and nothing is left to be sent"),
        }
    }
}

/// Finds out what a recovery would do.
///
/// # Errors
///
/// [`Failure`]: that of the recovery.
pub fn rehearse(
    args: &RecoverArgs,
    addresses: &Addresses,
    logs: &mut Logs,
    summary: Option<&Summary>,
    range: &Range,
) -> Result<Prospect, Failure> {
    let Begun { state, path, last_op, .. } = begin(args, addresses, logs, summary)?;
    let after = state.entry.as_ref().map(|entry| entry.op);
    let range = Range { after: state.entry, from_op: None, ..range.clone() };
    let mut admission = Admission::new(args.cluster, args.pulses);
    let mut first = First(None);
    match replay(logs.log(), &mut admission, &range, &mut first, &mut Nobody) {
        Ok(done) if !done.complete => return Err(Failure::Interrupted),
        Ok(_) | Err(RunError::Sink(Reached)) => {}
        Err(error) => return Err(ended(error)),
    }
    Ok(Prospect { last_op, after, first: first.0, progress_file: path })
}

/// Takes nothing: the first entry ends the replay.
struct First(Option<u64>);

/// The first entry was reached.
#[derive(Debug)]
struct Reached;

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is sent by --dry-run")
    }
}

impl std::error::Error for Reached {}

impl Sink for First {
    type Error = Reached;

    fn send(&mut self, outgoing: Outgoing) -> Result<(), Reached> {
        self.0 = Some(outgoing.entry.header.op.get());
        Err(Reached)
    }

    fn wait(&mut self, _patience: Duration) -> Result<Option<Outcome>, Reached> {
        Err(Reached)
    }
}

struct Nobody;

impl Observer for Nobody {
    fn acknowledged(&mut self, _outgoing: &Outgoing, _outcome: &Outcome) {}

    fn tick(&mut self) -> bool {
        output::stopped()
    }
}
