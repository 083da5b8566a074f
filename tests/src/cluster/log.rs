//! What a cluster committed, and what a client must never bring about.

use aof_nostd::Checksum;
use aof_nostd::wire::{Operation, Release};
use std::collections::HashMap;
use std::time::Duration;

/// The largest timestamp that a server bears, ns.
pub const TIMESTAMP_MAX: u64 = u64::MAX >> 1;

/// An operation of the cluster's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its number: 1, 2, 3 and so on.
    pub op: u64,
    /// The view in which it was prepared.
    pub view: u32,
    /// Who asked; 0 for the cluster itself.
    pub client: u128,
    /// The session; of a register 0.
    pub session: u64,
    /// The request's number in the session.
    pub request: u32,
    /// What it does.
    pub operation: Operation,
    /// Its timestamp, ns.
    pub timestamp: u64,
    /// The session's release.
    pub release: Release,
    /// The request's checksum; zero for an operation of the cluster's own.
    pub request_checksum: Checksum,
    /// Of the body.
    pub checksum_body: Checksum,
    /// Bytes of the body.
    pub body_size: usize,
    /// Events in the body. They take as many timestamps, up to the operation's.
    pub events: u64,
    /// When it was committed.
    pub time: Duration,
}

/// Damage that a server does not refuse. Some of it shows only at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The timestamp is not above the one before: replicas abort at a start or in a view change.
    TimestampNotGrowing {
        /// The operation.
        op: u64,
    },
    /// The timestamps of the operation's events overlap those before.
    TimestampsOverlap {
        /// The operation.
        op: u64,
    },
    /// The same request was committed before.
    Twice {
        /// The operation.
        op: u64,
        /// The first one.
        first: u64,
    },
}

/// Why a replica aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// A request of client 0 was a connection's first message.
    RequestWithoutClient,
    /// The state machine's own pulse, 128, was executed.
    PulseStateMachine,
    /// A register's body is not all zero.
    RegisterBody,
    /// A timestamp is above [`TIMESTAMP_MAX`].
    Timestamp,
    /// The headers of the last operations were verified, at a start or in a view change, and the
    /// timestamps do not grow.
    HeadersNotGrowing,
}

/// Operations whose headers a replica verifies when it starts.
const HEADERS_VERIFIED: usize = 9;

/// The log, with a look at each operation as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    committed: Vec<Committed>,
    /// The op of each request.
    requests: HashMap<Checksum, u64>,
    harms: Vec<Harm>,
}

impl Log {
    pub(super) fn committed(&self) -> &[Committed] {
        &self.committed
    }

    pub(super) fn harms(&self) -> &[Harm] {
        &self.harms
    }

    pub(super) fn size(&self) -> u64 {
        self.committed.len() as u64
    }

    pub(super) fn timestamp(&self) -> u64 {
        self.committed.last().map_or(0, |last| last.timestamp)
    }

    pub(super) fn push(&mut self, entry: Committed) {
        assert_eq!(entry.op, self.size() + 1, "operations are committed in order");
        let op = entry.op;
        if let Some(last) = self.committed.last() {
            let first = entry.timestamp.saturating_sub(entry.events.max(1) - 1);
            if entry.timestamp <= last.timestamp {
                self.harms.push(Harm::TimestampNotGrowing { op });
            } else if first <= last.timestamp {
                self.harms.push(Harm::TimestampsOverlap { op });
            }
        }
        if entry.request_checksum != Checksum::ZERO {
            let first = *self.requests.entry(entry.request_checksum).or_insert(op);
            if first != op {
                self.harms.push(Harm::Twice { op, first });
            }
        }
        self.committed.push(entry);
    }

    /// What a replica that starts, or changes its view, verifies. In normal mode it is all that follows
    /// the last checkpoint; the model has none.
    pub(super) fn headers_grow(&self, all: bool) -> bool {
        let count = if all { self.committed.len() } else { HEADERS_VERIFIED };
        let last = &self.committed[self.committed.len().saturating_sub(count)..];
        last.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(op: u64, timestamp: u64, events: u64) -> Committed {
        Committed {
            op,
            view: 1,
            client: 7,
            session: 1,
            request: 1,
            operation: Operation::CREATE_TRANSFERS,
            timestamp,
            release: Release::new(1, 0, 0),
            request_checksum: Checksum::new(u128::from(timestamp)),
            checksum_body: Checksum::ZERO,
            body_size: 0,
            events,
            time: Duration::ZERO,
        }
    }

    #[test]
    fn each_harm_is_seen() {
        let mut log = Log::default();
        log.push(entry(1, 10, 1));
        log.push(entry(2, 20, 10));
        assert_eq!(log.harms(), []);
        log.push(entry(3, 25, 6));
        assert_eq!(log.harms(), [Harm::TimestampsOverlap { op: 3 }]);
        assert!(log.headers_grow(false));
        log.push(entry(4, 25, 0));
        assert_eq!(log.harms()[1..], [Harm::TimestampNotGrowing { op: 4 }, Harm::Twice { op: 4, first: 3 }]);
        assert!(!log.headers_grow(false));
        for op in 5..13 {
            log.push(entry(op, op * 10, 1));
        }
        assert!(log.headers_grow(false));
        assert!(!log.headers_grow(true));
    }
}
