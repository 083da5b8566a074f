//! Why a cluster does not take an entry: what, at which entry, what to do.

use super::client::{ClientError, Closed, PeerReport, ReplyField};
use super::events::ResultsError;
use super::log::Place;
use super::network::reason;
use super::state::StateError;
use aof_nostd::message::EvictionReason;
use aof_nostd::wire::{Header, Release};
use std::fmt;
use std::io;
use std::time::Duration;

/// What an operation means that is none of a replay's, and what to do.
pub const FOREIGN: &str = "Was a replica started without --aof-recovery since the replay began? Its primary then wrote \
                           an operation of its own, with today's time, and nothing can be sent behind that: a replica \
                           would not start again. What the cluster holds up to there is right. To have more, format it \
                           anew, move the progress file away, start all replicas with --experimental --aof-recovery, \
                           and leave it at that until the recovery is done";

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing was ever acknowledged: the very first request was not answered.
    NeverTaken {
        /// How long was waited.
        waited: Duration,
        /// What is known of each replica.
        peers: Vec<PeerReport>,
    },
    /// No answer, and all replicas went away after the request was sent: it may be what ended them.
    WentAway {
        /// How long was waited.
        waited: Duration,
        /// What is known of each replica.
        peers: Vec<PeerReport>,
    },
    /// The client cannot go on.
    Client(ClientError),
    /// A reply has another op than the next one.
    Op {
        /// The next op.
        expected: u64,
        /// The reply's.
        found: u64,
    },
    /// The last request that was sent before is not the last operation that the cluster has.
    Others {
        /// The request's op.
        op: u64,
        /// The cluster's last.
        held: u64,
    },
    /// The cluster's limit is below what will have to be sent.
    Limit {
        /// The limit, bytes.
        limit: u32,
        /// The largest body, bytes.
        size: usize,
        /// Its entry.
        place: Place,
    },
    /// The request was executed, and the results in the reply are not those of its events.
    Results(ResultsError),
    /// A pulse was lost again and again, or there is no time left between its neighbours.
    PulseLost {
        /// How many times it was sent.
        attempts: u32,
    },
    /// There is no timestamp left for a register between two entries.
    NoTime,
    /// The progress file cannot be written.
    State(StateError),
    /// The progress file holds a session that is none.
    MalformedState,
    /// The operating system's poller failed.
    Poll(io::Error),
}

/// Why a cluster does not take an entry.
#[derive(Debug)]
pub struct ClusterError {
    /// The entry that was being sent.
    pub entry: Option<Box<(Place, Header)>>,
    /// What went wrong.
    pub trouble: Trouble,
}

impl ClusterError {
    pub(super) fn new(entry: Option<(Place, Header)>, trouble: Trouble) -> Self {
        Self { entry: entry.map(Box::new), trouble }
    }

    fn release(&self) -> Release {
        self.entry.as_ref().map_or(Release(0), |entry| entry.1.release())
    }
}

impl std::error::Error for ClusterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.trouble {
            Trouble::Client(error) => Some(error),
            Trouble::State(error) => Some(error),
            Trouble::Results(error) => Some(error),
            Trouble::Poll(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = &self.entry {
            let (place, header) = &**entry;
            write!(f, "{place}: {}: ", header.operation())?;
        }
        match &self.trouble {
            Trouble::Client(ClientError::Evicted { reason, release }) => self.evicted(f, *reason, *release),
            Trouble::NeverTaken { waited, peers } => {
                write!(f, "no answer for {} s. {}", waited.as_secs(), Diagnosis { peers, begun: false })
            }
            Trouble::WentAway { waited, peers } => {
                write!(f, "no answer for {} s. {WENT_AWAY}", waited.as_secs())?;
                let op = self.entry.as_ref().map_or(0, |entry| entry.1.op.get());
                write!(f, "{}", Remedy { last_op: op.saturating_sub(1) })?;
                list(f, peers)
            }
            Trouble::Client(ClientError::Timeout { waited, peers }) => {
                write!(f, "no answer for {} s. {}", waited.as_secs(), Diagnosis { peers, begun: true })
            }
            Trouble::Client(
                error @ ClientError::Reply {
                    field:
                        ReplyField::Request
                        | ReplyField::RequestChecksum
                        | ReplyField::Operation
                        | ReplyField::Timestamp,
                    ..
                },
            ) => write!(
                f,
                "{error}. Somebody else uses this session: another recovery, or a client, is probably running. Stop \
                 it; what the cluster holds may have gaps: format it anew and run one only"
            ),
            Trouble::Client(error) => error.fmt(f),
            Trouble::Op { expected, found } => write!(
                f,
                "it became op {found} of the cluster, and op {expected} was the next: something else writes there \
                 (another recovery, or a replica that was started without --aof-recovery), or an operation was lost. \
                 What the cluster holds is not what the log says: format it anew"
            ),
            Trouble::Others { op, held } => write!(
                f,
                "it is op {op} of the cluster, and the cluster has op {held}, which this log did not send. {FOREIGN}"
            ),
            Trouble::Limit { limit, size, place } => write!(
                f,
                "the cluster takes requests with bodies of at most {limit} bytes, and {place} has one of {size}: \
                 format the cluster anew and start its replicas with a higher --limit-request (and without \
                 --development)"
            ),
            Trouble::Results(error) => write!(
                f,
                "{error}. The cluster executed it, and which of its events it rejected is not known. A correct server \
                 does not answer so: check which program and which release listens there. The same command continues \
                 after this entry; to be certain of all results, format the cluster again, move the progress file away, \
                 and begin again"
            ),
            Trouble::PulseLost { attempts } => write!(
                f,
                "the pulse was lost {attempts} times, and there is no time left before the next entry: \
                 format the cluster anew and try again while no replica is restarted"
            ),
            Trouble::NoTime => f.write_str(
                "there is no timestamp left between this entry and what the cluster holds, for its session to begin: \
                 format the cluster anew",
            ),
            Trouble::State(error) => error.fmt(f),
            Trouble::MalformedState => {
                f.write_str("the progress file holds a session that is none: move it away")
            }
            Trouble::Poll(error) => write!(f, "the sockets cannot be waited for: {}", reason(error)),
        }
    }
}

impl ClusterError {
    fn evicted(&self, f: &mut fmt::Formatter<'_>, why: EvictionReason, cluster: Release) -> fmt::Result {
        let release = self.release();
        write!(f, "the cluster (release {cluster}) refuses: {why}: ")?;
        match why {
            EvictionReason::NoSession => f.write_str(
                "it does not know the session that this replay began. It was formatted anew, or is another \
                 cluster: move the progress file away to begin anew",
            ),
            EvictionReason::ClientReleaseTooLow => write!(
                f,
                "the entry's release {release} is older than what the cluster takes: recover with a server of an \
                 older release, and upgrade it afterwards"
            ),
            EvictionReason::ClientReleaseTooHigh => write!(
                f,
                "the entry's release {release} is newer than the cluster's: start the replicas with a server of \
                 that release or a newer one"
            ),
            EvictionReason::InvalidRequestOperation => {
                f.write_str("its release does not know the operation: start the replicas with a newer server")
            }
            EvictionReason::InvalidRequestBody => f.write_str(
                "the body is not one of its operation. The replica that wrote the log took it: is its release \
                 newer than the cluster's?",
            ),
            EvictionReason::InvalidRequestBodySize => f.write_str(
                "the body is larger than its limit: restart the replicas with a higher --limit-request and go on",
            ),
            EvictionReason::SessionTooLow => f.write_str(
                "another client with the same id has registered since: is another recovery running? Format the \
                 cluster anew and run one only",
            ),
            EvictionReason::SessionReleaseMismatch => write!(
                f,
                "the session was registered with another release than {release}: move the progress file away and \
                 recover into an empty cluster"
            ),
        }
    }
}

/// What silence means, by what is known of the replicas.
struct Diagnosis<'a> {
    peers: &'a [PeerReport],
    /// Something was acknowledged before, so the cluster was in recovery.
    begun: bool,
}

impl fmt::Display for Diagnosis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers = self.peers;
        let heard = peers.iter().any(|peer| peer.heard);
        let connected = peers.iter().filter(|peer| peer.connected).count();
        let closes = peers.iter().any(|peer| peer.closed == Some(Closed::ByReplica) && !peer.heard);
        f.write_str(if connected == 0 && !heard && closes {
            "The replicas accept connections and close them: is the cluster id right?"
        } else if connected == 0 {
            "No replica can be reached: are they running, and are the addresses right? Once they are back, with \
             --experimental --aof-recovery as before, the same command goes on"
        } else if connected * 2 <= peers.len() {
            "Most replicas are not there, and the others cannot decide alone: start them, with --experimental \
             --aof-recovery as before; the same command goes on"
        } else if !self.begun {
            "The replicas are there and do not take the first request: were they all started with --experimental \
             --aof-recovery, from the first time on? One that was not has written an operation of its own: then \
             format all anew. Otherwise: are the addresses those of all replicas, in the cluster's order?"
        } else {
            "The replicas are there and do not take the request: was one restarted without --experimental \
             --aof-recovery? Then nothing more can be sent, since it writes an operation of its own: format the \
             cluster anew. Are the addresses those of all replicas, in the cluster's order? Is one frozen, or its \
             disk? Once that is mended, the same command goes on"
        })?;
        list(f, peers)
    }
}

fn list(f: &mut fmt::Formatter<'_>, peers: &[PeerReport]) -> fmt::Result {
    for (index, peer) in peers.iter().enumerate() {
        write!(f, "\n  replica {index}: {peer}")?;
    }
    Ok(())
}

const WENT_AWAY: &str = "No replica can be reached: they went away after this request was sent. ";

/// What to do about a request that may have ended the replicas.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// The last op of the log before the request.
    pub last_op: u64,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Look at the replicas' own output. If they ended at this request, a start ends at it again: format the \
             cluster again with a newer server, move the progress file away and recover from the beginning; or with \
             the same server and --until-op {}, which leaves out this request and all that follows. If they ended for \
             another reason, start them with --experimental --aof-recovery as before, and give the same command again",
            self.last_op
        )
    }
}
