//! What is done with each entry, and which may not be sent at all: [`Admission`].
//!
//! The same object looks at all entries before the first is sent (the preflight), and again at each as it
//! is sent; so what was planned is what is done. Entries go through it in the order of the chain, from
//! the first on, those that are not to be sent included.

use super::client::REPLICAS_MAX;
use super::events::Events;
use super::log::{LogEntry, Place};
use super::timeline::{self, TimeError, Timeline};
use crate::data_checksum::{DataBytes, DataChecksum};
use aof_nostd::message::{BODY_SIZE_MAX, EventsError};
use aof_nostd::wire::Operation;
use std::collections::BTreeMap;
use std::fmt;

/// What to do with pulses, which expire pending transfers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Pulses {
    /// Replay those behind a pending transfer with a time-out: the others expire nothing
    #[default]
    Auto,
    /// Replay all behind the first request
    Replay,
    /// Replay none, as the reference does: pending transfers stay pending
    Skip,
}

/// What is done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it changes no state, or none that a replay makes.
    Skip,
    /// It is sent as a request.
    Request {
        /// Accounts or transfers in it.
        events: u32,
        /// Pending transfers with a time-out among them.
        expiring: u32,
    },
    /// It is sent as a pulse, and confirmed by an operation of its own one nanosecond later.
    Pulse,
}

impl Step {
    /// The first timestamp that it uses.
    #[must_use]
    pub const fn first_timestamp(self, timestamp: u64) -> u64 {
        match self {
            Self::Request { events, .. } => timeline::first(timestamp, events),
            _ => timestamp,
        }
    }
}

/// Why an entry may not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is of another cluster than the one asked for.
    Cluster {
        /// The entry's.
        found: u128,
        /// That of the command.
        wanted: u128,
    },
    /// Operation 128: no replica writes it, and a server that is sent it ends.
    PulseStateMachine,
    /// An operation that this program does not know: it might change state.
    UnknownOperation(u8),
    /// The body is not one of its operation.
    Body(EventsError),
    /// The body is larger than any cluster takes.
    BodySize(usize),
    /// The timestamp does not grow.
    Timestamp(TimeError),
    /// It has no release.
    Release,
    /// More releases than a cluster has sessions.
    Releases,
}

/// An entry that may not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it stands.
    pub place: Place,
    /// Why.
    pub rule: Rule,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match &self.rule {
            Rule::Cluster { found, wanted } => write!(
                f,
                "the entry is of cluster {found}, not {wanted}: give --cluster {found}, or the log of that cluster"
            ),
            Rule::PulseStateMachine => write!(
                f,
                "operation 128, which no replica writes and which ends the server that is sent it: this entry was \
                 made up; --until-op {} stops before it",
                self.place.op.saturating_sub(1)
            ),
            Rule::UnknownOperation(number) => write!(
                f,
                "operation {number} is not known: it may change state, and leaving it out would lose that. A newer \
                 version of this program may know it; --until-op {} stops before it",
                self.place.op.saturating_sub(1)
            ),
            Rule::Body(error) => write!(f, "{error}, so the cluster would refuse it"),
            Rule::BodySize(size) => {
                write!(f, "a body of {size} bytes, and no cluster takes more than {BODY_SIZE_MAX}")
            }
            Rule::Timestamp(error) => {
                write!(f, "{error}. A replica that was sent it would not start again, so it is not sent")
            }
            Rule::Release => f.write_str("the release is 0, which no client has"),
            Rule::Releases => {
                write!(f, "more than {RELEASES_MAX} releases, and a cluster has no sessions for more")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Sessions of a cluster: a new one pushes out the oldest.
pub const RELEASES_MAX: usize = 64 - REPLICAS_MAX;

/// The first or the last entry of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its op.
    pub op: u64,
    /// Its timestamp, ns.
    pub timestamp: u64,
}

/// What went through.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Entries.
    pub entries: u64,
    /// Entries to be sent, by operation.
    pub sent: BTreeMap<Operation, u64>,
    /// Entries not to be sent, by operation.
    pub skipped: BTreeMap<Operation, u64>,
    /// Requests, without registers and pulses.
    pub requests: u64,
    /// Accounts and transfers in them.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Pulses to be sent.
    pub pulses: u64,
    /// Pending transfers with a time-out.
    pub expiring: u64,
    /// Requests by the release of their session, and the first of each.
    pub releases: BTreeMap<u32, (u64, Place)>,
    /// The first entry to be sent.
    pub first: Option<Mark>,
    /// The last entry to be sent.
    pub last: Option<Mark>,
    /// The largest body, and where.
    pub body_max: Option<(usize, Place)>,
    /// Operations that the cluster's log has afterwards: registers, requests, pulses and their
    /// confirmations.
    pub cluster_ops: u64,
    /// The reference's digest of what was sent.
    pub data: DataChecksum,
}

impl Summary {
    /// Pulses behind op 1 that are not sent.
    #[must_use]
    pub fn pulses_skipped(&self) -> u64 {
        self.skipped.get(&Operation::PULSE).copied().unwrap_or(0)
    }
}

/// Decides on entries, in the order of the chain.
#[derive(Clone, Debug)]
pub struct Admission {
    cluster: u128,
    pulses: Pulses,
    timeline: Timeline,
    summary: Summary,
}

impl Admission {
    /// An admission to an empty cluster.
    #[must_use]
    pub fn new(cluster: u128, pulses: Pulses) -> Self {
        Self { cluster, pulses, timeline: Timeline::default(), summary: Summary::default() }
    }

    /// What went through so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The last timestamp used so far, ns.
    #[must_use]
    pub const fn last_timestamp(&self) -> u64 {
        self.timeline.last()
    }

    /// Decides on the next entry.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it may not be sent, and so nothing behind it.
    pub fn admit(&mut self, entry: &LogEntry) -> Result<Step, Refusal> {
        let refuse = |rule| Refusal { place: entry.place.clone(), rule };
        let step = self.decide(entry).map_err(refuse)?;
        self.place(entry, step).map_err(refuse)?;
        self.count(entry, step);
        Ok(step)
    }

    /// What is to be done with an entry, whatever came before.
    fn decide(&self, entry: &LogEntry) -> Result<Step, Rule> {
        let found = entry.header.cluster.get();
        if found != self.cluster {
            return Err(Rule::Cluster { found, wanted: self.cluster });
        }
        let operation = entry.header.operation();
        match operation {
            Operation::PULSE_STATE_MACHINE => return Err(Rule::PulseStateMachine),
            Operation::PULSE => {
                let replayed = match self.pulses {
                    Pulses::Auto => self.summary.expiring > 0,
                    Pulses::Replay => self.summary.requests > 0,
                    Pulses::Skip => false,
                };
                return Ok(if replayed { Step::Pulse } else { Step::Skip });
            }
            _ if !operation.is_replayable() => {
                let known = operation.name().is_some();
                return if known { Ok(Step::Skip) } else { Err(Rule::UnknownOperation(operation.0)) };
            }
            _ => {}
        }
        if entry.header.release.get() == 0 {
            return Err(Rule::Release);
        }
        if entry.body.len() > BODY_SIZE_MAX as usize {
            return Err(Rule::BodySize(entry.body.len()));
        }
        let Events { count, expiring } = Events::of(operation, &entry.body).map_err(Rule::Body)?;
        Ok(Step::Request { events: count, expiring })
    }

    /// Finds room for an entry in the order of time, and for the register before it.
    fn place(&mut self, entry: &LogEntry, step: Step) -> Result<(), Rule> {
        let timestamp = entry.header.timestamp.get();
        let mut timeline = self.timeline;
        match step {
            Step::Skip => return Ok(()),
            Step::Request { events, .. } => {
                let release = entry.header.release.get();
                if !self.summary.releases.contains_key(&release) {
                    if self.summary.releases.len() >= RELEASES_MAX {
                        return Err(Rule::Releases);
                    }
                    timeline.take(timeline.last() + 1, 0).map_err(Rule::Timestamp)?;
                }
                timeline.take(timestamp, events).map_err(Rule::Timestamp)?;
            }
            Step::Pulse => {
                timeline.take(timestamp, 0).map_err(Rule::Timestamp)?;
                timeline.take(timestamp.saturating_add(1), 0).map_err(Rule::Timestamp)?;
            }
        }
        self.timeline = timeline;
        Ok(())
    }

    fn count(&mut self, entry: &LogEntry, step: Step) {
        let summary = &mut self.summary;
        let operation = entry.header.operation();
        summary.entries += 1;
        let mut data = DataBytes::default();
        data.push(&entry.header);
        summary.data.update(&data);
        if step == Step::Skip {
            *summary.skipped.entry(operation).or_default() += 1;
            return;
        }
        *summary.sent.entry(operation).or_default() += 1;
        let mark = Mark { op: entry.header.op.get(), timestamp: entry.header.timestamp.get() };
        summary.first.get_or_insert(mark);
        summary.last = Some(mark);
        let Step::Request { events, expiring } = step else {
            summary.pulses += 1;
            summary.cluster_ops += 2;
            return;
        };
        summary.requests += 1;
        summary.events += u64::from(events);
        summary.bytes += entry.body.len() as u64;
        summary.expiring += u64::from(expiring);
        let release = entry.header.release.get();
        summary.cluster_ops += if summary.releases.contains_key(&release) { 1 } else { 2 };
        summary.releases.entry(release).or_insert_with(|| (0, entry.place.clone())).0 += 1;
        if summary.body_max.as_ref().is_none_or(|(size, _)| entry.body.len() > *size) {
            summary.body_max = Some((entry.body.len(), entry.place.clone()));
        }
    }
}
