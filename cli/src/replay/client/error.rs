//! Why a client cannot go on: a peer's refusal, an answer that is none, or silence.

use aof_nostd::message::{EvictionReason, FrameError};
use aof_nostd::wire::Release;
use std::fmt;
use std::time::Duration;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Nothing listens there: no replica has anything that was sent to it before.
    Refused,
    /// It could not be made, or broke: the operating system's reason.
    Failed(String),
    /// The replica closed it.
    ByReplica,
    /// What came could not be believed.
    Unbelievable(FrameError),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("Connection refused"),
            Self::Failed(reason) => f.write_str(reason),
            Self::ByReplica => f.write_str("closed by the replica"),
            Self::Unbelievable(error) => error.fmt(f),
        }
    }
}

/// What is known of a replica that was to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerReport {
    /// There is a connection.
    pub connected: bool,
    /// Anything at all ever came from it.
    pub heard: bool,
    /// Its view and release, as of its last pong.
    pub pong: Option<(u32, Release)>,
    /// Why the last connection ended.
    pub closed: Option<Closed>,
    /// A connection ended after the request in flight was sent on it.
    pub left: bool,
}

/// The field of a reply that is not as the request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyField {
    /// The release is not the session's.
    Release,
    /// The number is above that of the request in flight.
    Request,
    /// It answers another request with this number: somebody else uses the session.
    RequestChecksum,
    /// It is of another operation.
    Operation,
    /// The operation was given another time than the one asked for.
    Timestamp,
    /// The limit in the reply to a register is zero or above what a message can hold.
    BatchSizeLimit,
}

impl fmt::Display for ReplyField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Release => "its release is not the session's",
            Self::Request => "its request number has not been sent yet",
            Self::RequestChecksum => "it answers another request with the same number",
            Self::Operation => "its operation is another one",
            Self::Timestamp => "its timestamp is not the one asked for",
            Self::BatchSizeLimit => "the request limit in it is out of range",
        })
    }
}

/// Why a client cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// The cluster refuses the client.
    Evicted {
        /// Why.
        reason: EvictionReason,
        /// The cluster's release.
        release: Release,
    },
    /// A reply that no correct cluster sends.
    Reply {
        /// What is wrong with it.
        field: ReplyField,
        /// The request it came for.
        request: u32,
    },
    /// No answer within the limit.
    Timeout {
        /// How long was waited.
        waited: Duration,
        /// What is known of each replica.
        peers: Vec<PeerReport>,
    },
    /// The body is larger than the cluster takes.
    BodyTooLarge {
        /// Bytes.
        size: usize,
        /// The limit, bytes.
        limit: u32,
    },
    /// A request is in flight already, or there is no session for it.
    Busy,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicted { reason, release } => {
                write!(f, "the cluster (release {release}) refuses: {reason}")
            }
            Self::Reply { field, request } => write!(f, "the reply to request {request} is wrong: {field}"),
            Self::Timeout { waited, peers } => {
                write!(f, "no answer for {} s", waited.as_secs())?;
                for (index, peer) in peers.iter().enumerate() {
                    write!(f, "; replica {index}: {peer}")?;
                }
                Ok(())
            }
            Self::BodyTooLarge { size, limit } => {
                write!(f, "a body of {size} bytes, where the cluster takes {limit}")
            }
            Self::Busy => f.write_str("one request at a time"),
        }
    }
}

impl std::error::Error for ClientError {}

impl fmt::Display for PeerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.connected, self.pong, &self.closed) {
            (true, Some((view, release)), _) => write!(f, "connected, in view {view}, release {release}"),
            (true, None, _) => f.write_str("connected, silent"),
            (false, _, Some(closed)) => closed.fmt(f),
            (false, _, None) => f.write_str("no connection"),
        }
    }
}
