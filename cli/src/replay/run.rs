//! The replay itself: entries out of a log, through admission, into a sink.
//!
//! While an entry is on its way, the next two are read and checked: the sink waits for nothing but the
//! cluster.

use super::admission::{Admission, Refusal, Step};
use super::log::{Log, LogEntry};
use super::sink::{Outcome, Outgoing, Sink};
use super::state::SavedEntry;
use super::timeline::TIMESTAMP_MAX;
use crate::data_checksum::{DataBytes, DataChecksum};
use crate::failure::Failure;
use crate::fingerprint::{Digest, chained, hexadecimal};
use aof_nostd::wire::Header;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Which of a log's entries are replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Those behind this one: it was acknowledged before.
    pub after: Option<SavedEntry>,
    /// Those from this op on.
    pub from_op: Option<u64>,
    /// Those up to this op, it included.
    pub until_op: Option<u64>,
    /// Those up to this time, ns, it included.
    pub until_timestamp: Option<u64>,
}

impl Range {
    /// Whether an entry is behind the end.
    #[must_use]
    pub fn ends_before(&self, header: &Header) -> bool {
        self.until_op.is_some_and(|until| header.op.get() > until)
            || self.until_timestamp.is_some_and(|until| header.timestamp.get() > until)
    }

    /// Whether an entry is before the beginning.
    #[must_use]
    pub fn begins_behind(&self, header: &Header) -> bool {
        let op = header.op.get();
        self.after.as_ref().is_some_and(|after| op <= after.op) || self.from_op.is_some_and(|from| op < from)
    }
}

/// Why a replay ended early.
#[derive(Debug)]
pub enum RunError<E> {
    /// The log cannot be read.
    Log(Failure),
    /// An entry may not be sent.
    Refused(Refusal),
    /// The log is not the one that was begun: the entry that was acknowledged last is not in it.
    OtherLog(SavedEntry),
    /// The log has the entry that was acknowledged last, by its checksum, and is not what was sent, to the byte.
    Forged(SavedEntry),
    /// The end lies before what was acknowledged.
    EndBefore(EndBefore),
    /// The sink did not take an entry.
    Sink(E),
}

/// An end that lies before what was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndBefore {
    /// The last entry that was acknowledged.
    pub acknowledged: u64,
    /// The last entry before the end that was asked for.
    pub end: u64,
    /// The log ends there itself.
    pub is_log: bool,
}

impl fmt::Display for EndBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_log { "the end of this log" } else { "the end asked for" };
        write!(
            f,
            "the cluster is already at op {} of the log, behind {what} (op {}). It cannot go back: to have it as of \
             then, format it anew and move the progress file away",
            self.acknowledged, self.end
        )
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(failure) => failure.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::OtherLog(entry) => write!(
                f,
                "op {} with checksum {}, which was acknowledged last, is not in the log: it is not the log that \
                 this recovery began with",
                entry.op, entry.checksum
            ),
            Self::Forged(entry) => write!(
                f,
                "up to op {}, which was acknowledged last, the log has the same checksums as what was sent, and different \
                 bytes: an entry was forged, in this log or in the one that this recovery began with (checksums find \
                 accidents, not intent). Compare the two logs by 'aof inspect', which names the entry",
                entry.op
            ),
            Self::EndBefore(end) => end.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for RunError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(failure) => Some(failure),
            Self::Refused(refusal) => Some(refusal),
            Self::OtherLog(_) | Self::Forged(_) | Self::EndBefore(_) => None,
            Self::Sink(error) => Some(error),
        }
    }
}

/// Is told how it goes.
pub trait Observer {
    /// An entry was acknowledged.
    fn acknowledged(&mut self, outgoing: &Outgoing, outcome: &Outcome);

    /// Time went by. Answers whether to stop, between two entries.
    fn tick(&mut self) -> bool;

    /// Time went by while an entry is in flight. Answers whether to stop without waiting for its answer.
    fn tick_waiting(&mut self) -> bool {
        self.tick();
        false
    }
}

/// How a replay ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// Everything in the range was acknowledged; otherwise it was stopped.
    pub complete: bool,
    /// The reference's digest of all that was acknowledged, before as well.
    pub data: DataChecksum,
}

/// How often an observer is told that time goes by.
const TICK: Duration = Duration::from_millis(100);

/// Entries read ahead in a row, of those that are not sent.
const READS_MAX: usize = 1000;

/// Replays a log's entries, from its beginning, into a sink.
///
/// # Errors
///
/// [`RunError`]. What was acknowledged before stays so.
pub fn run<S: Sink>(
    log: &mut Log,
    admission: &mut Admission,
    range: &Range,
    sink: &mut S,
    observer: &mut impl Observer,
) -> Result<Done, RunError<S::Error>> {
    let mut reading = Reading {
        log,
        admission,
        range,
        waiting: VecDeque::new(),
        passed: DataChecksum::default(),
        last_op: 0,
        digest: Digest::default(),
        ended: None,
    };
    while !reading.fill() {
        if observer.tick() {
            return Ok(Done { complete: false, data: reading.passed });
        }
    }
    let mut data = std::mem::take(&mut reading.passed);
    while let Some(outgoing) = reading.next() {
        if observer.tick() {
            return Ok(Done { complete: false, data });
        }
        sink.send(outgoing.clone()).map_err(RunError::Sink)?;
        while !reading.fill() {}
        let outcome = loop {
            if let Some(outcome) = sink.wait(TICK).map_err(RunError::Sink)? {
                break outcome;
            }
            if observer.tick_waiting() {
                return Ok(Done { complete: false, data });
            }
        };
        push(&mut data, &outgoing.entry.header);
        observer.acknowledged(&outgoing, &outcome);
    }
    match reading.ended {
        Some(Err(why)) => Err(why.into()),
        _ => Ok(Done { complete: true, data }),
    }
}

fn push(data: &mut DataChecksum, header: &Header) {
    let mut bytes = DataBytes::default();
    bytes.push(header);
    data.update(&bytes);
}

/// Reads ahead.
struct Reading<'a> {
    log: &'a mut Log,
    admission: &'a mut Admission,
    range: &'a Range,
    /// Entries to be sent, at most two.
    waiting: VecDeque<(LogEntry, Step, Digest)>,
    /// Of the entries before the range.
    passed: DataChecksum,
    /// The last op in the range that was read.
    last_op: u64,
    /// Of all entries up to that one.
    digest: Digest,
    /// How the log ended; what was read before is sent before that is told.
    ended: Option<Result<(), LogError>>,
}

/// Why no more entries come.
enum LogError {
    Log(Failure),
    Refused(Refusal),
    OtherLog(SavedEntry),
    Forged(SavedEntry),
    EndBefore(EndBefore),
}

impl<E> From<LogError> for RunError<E> {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Log(failure) => Self::Log(failure),
            LogError::Refused(refusal) => Self::Refused(refusal),
            LogError::OtherLog(entry) => Self::OtherLog(entry),
            LogError::Forged(entry) => Self::Forged(entry),
            LogError::EndBefore(end) => Self::EndBefore(end),
        }
    }
}

impl Reading<'_> {
    /// Reads ahead, some entries at most. Says whether that is done.
    fn fill(&mut self) -> bool {
        for _ in 0..READS_MAX {
            if self.waiting.len() >= 2 || self.ended.is_some() {
                return true;
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => self.ended = Some(Ok(())),
                Err(why) => self.ended = Some(Err(why)),
            }
        }
        false
    }

    /// Reads one entry. Says whether there may be more.
    fn read(&mut self) -> Result<bool, LogError> {
        let entry = self.log.next_entry().map_err(LogError::Log)?;
        let is_log = entry.is_none();
        let Some(entry) = entry.filter(|entry| !self.range.ends_before(&entry.header)) else {
            return match self.range.after.as_ref().filter(|after| after.op > self.last_op) {
                Some(after) => {
                    let (acknowledged, end) = (after.op, self.last_op);
                    Err(LogError::EndBefore(EndBefore { acknowledged, end, is_log }))
                }
                None => Ok(false),
            };
        };
        self.last_op = entry.header.op.get();
        self.digest = chained(&self.digest, &entry.header, &entry.body);
        if let Some(after) = self.range.after.as_ref().filter(|after| after.op == self.last_op) {
            if after.checksum != entry.header.checksum.to_string() {
                return Err(LogError::OtherLog(after.clone()));
            }
            if after.digest.as_ref().is_some_and(|digest| *digest != hexadecimal(&self.digest)) {
                return Err(LogError::Forged(after.clone()));
            }
        }
        let step = self.admission.admit(&entry).map_err(LogError::Refused)?;
        if self.range.begins_behind(&entry.header) {
            push(&mut self.passed, &entry.header);
        } else if step != Step::Skip {
            self.waiting.push_back((entry, step, self.digest));
        }
        Ok(true)
    }

    fn next(&mut self) -> Option<Outgoing> {
        let (entry, step, digest) = self.waiting.pop_front()?;
        let first =
            |(entry, step, _): &(LogEntry, Step, Digest)| step.first_timestamp(entry.header.timestamp.get());
        let before = self.waiting.front().map_or(TIMESTAMP_MAX, first);
        Some(Outgoing { entry, step, before, digest })
    }
}
