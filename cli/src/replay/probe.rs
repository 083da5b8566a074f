//! Questions that change nothing: who is there, and what the cluster holds. Asked before anything is sent.
//!
//! A `ping_client` without a session is answered by any replica, in any mode, with its view and release.
//! One with session `s` of a client that has none is answered by the primary with the eviction
//! `no_session` if op `s` is committed, else with a pong; of a client that has a session always with a
//! pong. So an id that nobody uses finds the last op by bisection, and one's own id tells whether it was
//! used before. Replicas older than 0.17.6 do not answer these.
//!
//! A ping whose release the cluster does not take is answered by the primary with an eviction that names
//! the cluster's release, and by other replicas not at all.
//!
//! A connection belongs to the first id seen on it, so each id has one of its own; it is closed afterwards.

use super::addresses::Addresses;
use super::client::Closed;
use super::decoder::Decoder;
use super::network::reason;
use crate::output;
use aof_nostd::TigerBeetle;
use aof_nostd::message::{self, Command, Eviction, EvictionReason, Frame, Message, PingClient, PongClient};
use aof_nostd::wire::Release;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use zerocopy::FromBytes;

/// The first release whose replicas answer a ping with a session.
pub const RELEASE_OF_SESSIONS_IN_PINGS: Release = Release::new(0, 17, 6);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A pong.
    Pong {
        /// The replica's view.
        view: u32,
        /// Its release.
        release: Release,
        /// Its index in the cluster.
        replica: u8,
    },
    /// A refusal.
    Evicted {
        /// Why.
        reason: EvictionReason,
        /// The cluster's release.
        release: Release,
    },
    /// The connection was made, and closed without an answer: another cluster's id, or no replica at all.
    Closed(Closed),
    /// No connection.
    Unreachable(String),
    /// The connection was made, and nothing came.
    Silent,
    /// The connection was made, and what came is no answer of a replica.
    Foreign,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pong { view, release, replica } => {
                write!(f, "replica {replica}, view {view}, release {release}")
            }
            Self::Evicted { reason, .. } => write!(f, "refuses: {reason}"),
            Self::Closed(why) => write!(f, "accepts and closes ({why})"),
            Self::Unreachable(reason) => f.write_str(reason),
            Self::Silent => f.write_str("accepts and is silent: does it hang?"),
            Self::Foreign => f.write_str("accepts, and answers what no replica answers"),
        }
    }
}

/// Asks the replicas of a cluster.
#[derive(Clone, Debug)]
pub struct Probe {
    addresses: Addresses,
    cluster: u128,
    release: Release,
    profile: TigerBeetle,
    /// How long one answer may take.
    patience: Duration,
}

impl Probe {
    /// A probe whose pings carry this release.
    #[must_use]
    pub fn new(addresses: &Addresses, cluster: u128, release: Release, patience: Duration) -> Self {
        let profile = TigerBeetle::new(aof_std::backend());
        Self { addresses: addresses.clone(), cluster, release, profile, patience }
    }

    /// The release of its pings.
    #[must_use]
    pub const fn release(&self) -> Release {
        self.release
    }

    /// The same probe with another release.
    #[must_use]
    pub fn with_release(&self, release: Release) -> Self {
        Self { release, ..self.clone() }
    }

    /// The same probe, with less time for an answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience: self.patience.min(patience), ..self }
    }

    /// Pings all replicas at once, as nobody.
    #[must_use]
    pub fn survey(&self) -> Vec<Answer> {
        let ask = |&address: &SocketAddr| self.ask_once(address, unused_client(), 0);
        std::thread::scope(|scope| {
            let spawn = |address| std::thread::Builder::new().spawn_scoped(scope, move || ask(address));
            let asked: Vec<_> =
                self.addresses.as_slice().iter().map(|address| spawn(address).map_err(|_| address)).collect();
            let answer = |asked: Result<std::thread::ScopedJoinHandle<'_, Answer>, _>| match asked {
                Ok(asked) => asked.join().unwrap_or(Answer::Silent),
                // There is no thread to be had: one after the other.
                Err(address) => ask(address),
            };
            asked.into_iter().map(answer).collect()
        })
    }

    /// Pings one replica, on a connection of its own.
    #[must_use]
    pub fn ask(&self, replica: u8, client: u128, session: u64) -> Answer {
        match self.addresses.as_slice().get(usize::from(replica)) {
            Some(&address) => self.ask_once(address, client, session),
            None => Answer::Unreachable(format!("there is no address for replica {replica}")),
        }
    }

    fn ask_once(&self, address: SocketAddr, client: u128, session: u64) -> Answer {
        match Line::open(self, address) {
            Ok(mut line) => line.ask(self, client, session),
            Err(error) => Answer::Unreachable(reason(&error)),
        }
    }

    /// The number of the last committed op, as this replica, the primary, knows it; by bisection. An
    /// answer that is neither yes nor no ends the search.
    ///
    /// # Errors
    ///
    /// The answer.
    pub fn last_op(&self, primary: u8) -> Result<u64, Answer> {
        let address = self.addresses.as_slice().get(usize::from(primary));
        let no_address = || Answer::Unreachable(format!("there is no address for replica {primary}"));
        let address = *address.ok_or_else(no_address)?;
        let client = unused_client();
        let mut line = Line::open(self, address).map_err(|error| Answer::Unreachable(reason(&error)))?;
        let mut is_committed = |op| match line.ask(self, client, op) {
            Answer::Pong { .. } => Ok(false),
            Answer::Evicted { reason: EvictionReason::NoSession, .. } => Ok(true),
            // Some replicas close the connection behind an eviction.
            Answer::Closed(_) => {
                line = Line::open(self, address).map_err(|error| Answer::Unreachable(reason(&error)))?;
                match line.ask(self, client, op) {
                    Answer::Pong { .. } => Ok(false),
                    Answer::Evicted { reason: EvictionReason::NoSession, .. } => Ok(true),
                    other => Err(other),
                }
            }
            other => Err(other),
        };
        // Everything up to `low` is committed, nothing from `high` on.
        let (mut low, mut high) = (0, 1);
        while is_committed(high)? {
            low = high;
            high = high.saturating_mul(2);
            if high == u64::MAX {
                return Err(Answer::Evicted { reason: EvictionReason::NoSession, release: self.release });
            }
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_committed(middle)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// A client id that nobody uses.
#[must_use]
pub fn unused_client() -> u128 {
    let random = || RandomState::new().hash_one(Instant::now());
    (u128::from(random()) << 64 | u128::from(random())) | 1 << 127
}

/// One connection, asked one question at a time.
struct Line {
    stream: TcpStream,
    decoder: Decoder,
}

impl Line {
    fn open(probe: &Probe, address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, probe.patience)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(probe.patience))?;
        Ok(Self { stream, decoder: Decoder::new(probe.profile, probe.cluster) })
    }

    fn ask(&mut self, probe: &Probe, client: u128, session: u64) -> Answer {
        let mut ping = PingClient::new(probe.cluster, probe.release, client);
        ping.session = session.into();
        ping.ping_timestamp_monotonic = session.into();
        if message::seal(&mut ping, &probe.profile, b"").is_err() {
            return Answer::Silent;
        }
        if let Err(error) = self.stream.write_all(&ping.header()) {
            return ended(&error);
        }
        let until = Instant::now() + probe.patience;
        let mut heard = false;
        loop {
            match self.answer(client, session) {
                Err(why) => return Answer::Closed(why),
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
            }
            // Looked at now and then: a signal ends the waiting.
            let rest = until.saturating_duration_since(Instant::now()).min(LOOK_INTERVAL);
            if rest.is_zero() || output::stopped() || self.stream.set_read_timeout(Some(rest)).is_err() {
                return if heard { Answer::Foreign } else { Answer::Silent };
            }
            match self.stream.read(self.decoder.space()) {
                Ok(0) if heard => return Answer::Foreign,
                Ok(0) => return Answer::Closed(Closed::ByReplica),
                Ok(count) => {
                    heard = true;
                    self.decoder.filled(count);
                }
                Err(error) if is_later(&error) => {}
                Err(error) => return ended(&error),
            }
        }
    }

    /// The answer to the question, if it has come.
    fn answer(&mut self, client: u128, session: u64) -> Result<Option<Answer>, Closed> {
        while let Some((header, _)) = self.decoder.next().map_err(Closed::Unbelievable)? {
            let Ok((frame, _)) = Frame::ref_from_prefix(header) else { continue };
            if frame.command() == Command::PONG_CLIENT {
                let pong = PongClient::view(header);
                if pong.rule().is_none() && pong.ping_timestamp_monotonic.get() == session {
                    let (view, release) = (pong.frame.view.get(), pong.frame.release());
                    return Ok(Some(Answer::Pong { view, release, replica: pong.frame.replica }));
                }
            } else if frame.command() == Command::EVICTION {
                let eviction = Eviction::view(header);
                if let Some(reason) = eviction.reason()
                    && eviction.rule().is_none()
                    && eviction.client.get() == client
                {
                    return Ok(Some(Answer::Evicted { reason, release: eviction.frame.release() }));
                }
            }
        }
        Ok(None)
    }
}

/// How often a waiting is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Whether something may come later.
fn is_later(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn ended(error: &io::Error) -> Answer {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Answer::Silent,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Answer::Closed(Closed::ByReplica)
        }
        _ => Answer::Closed(Closed::Failed(reason(error))),
    }
}
