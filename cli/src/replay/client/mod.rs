//! The client's side of the protocol as a state machine: messages and time in, messages and deadlines out.
//!
//! It knows no socket, no clock and no thread, so that a simulation can play network, cluster and time.
//!
//! ```text
//!               submit                     Connect(replica)
//!  connected, closed   +----------------+  Close(replica)
//!  message ----------->|     Client     |-----------------> actions
//!  elapsed             +----------------+  Send(replica, packet)
//!                        |      |
//!                 deadline      a reply, or why there will be none
//! ```
//!
//! - One request is in flight. It is answered once, or [`ClientError`] tells why not.
//! - A request goes to the primary, replica `view mod count`. Late answers make it go again, the same
//!   bytes, to the primary and in turn to another replica, which forwards it or tells its view.
//! - `view` in a request's header is that of the last reply, not of the last pong: so a request can be
//!   made again, bit for bit, from what a [`Session`] holds, by another process if need be.
//! - Each connection begins with a ping, unless it is to carry pulses. A ping takes over the client's id
//!   from connections of an earlier process, and the pong tells the view.
//! - A pulse is never answered, so nothing may overtake it: while one may be unread on a connection, the
//!   request behind it goes on that connection only. Where the connection ended, or answers are late, a
//!   new one with a ping makes the replica drop the old one; then a plain one is made.
//! - All waits end: no answer for [`Config::timeout`] is an error that tells what is known of each replica.

mod error;
mod incoming;
mod packet;
mod peer;
mod timing;

pub use self::error::{ClientError, Closed, PeerReport, ReplyField};
pub use self::packet::Packet;
pub use self::timing::Time;

use self::peer::Peer;
use self::timing::{Jitter, PING_INTERVAL, PING_INTERVAL_LATE, RoundTrip};
use aof_nostd::message::{self, BODY_SIZE_MAX, Message, PingClient, REGISTER_BODY_SIZE, Request};
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Profile, TigerBeetle};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The largest number of replicas of a cluster.
pub const REPLICAS_MAX: usize = 6;

/// What a client is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster's id.
    pub cluster: u128,
    /// The client's id, not 0.
    pub client: u128,
    /// The release that its requests carry.
    pub release: Release,
    /// Replicas of the cluster, 1 to [`REPLICAS_MAX`].
    pub replica_count: u8,
    /// Whether connections begin with a ping. A replica executes pulses only on connections without.
    pub pings: bool,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// The checksums' implementation.
    pub profile: TigerBeetle,
    /// For jitter.
    pub seed: u64,
}

/// What makes the next request: with it another process can go on where this one stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number, given by the reply to the register.
    pub number: u64,
    /// The number of the last request that was answered; 0 is the register.
    pub request: u32,
    /// The next request's parent.
    pub context: Checksum,
    /// The view of the last reply.
    pub view: u32,
    /// The largest body of a request, bytes.
    pub batch_size_limit: u32,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What to do.
    pub operation: Operation,
    /// When it is to have been done, ns; not 0.
    pub timestamp: u64,
    /// The events.
    pub body: Arc<Vec<u8>>,
    /// Of the body.
    pub checksum_body: Checksum,
    /// A pulse with this timestamp goes before it, on the same connection, at most once; not at all where
    /// the connection to the primary is new. The op of the reply tells whether it was executed.
    pub pulse: Option<u64>,
}

/// What the client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to this replica; then [`Client::connected`] or [`Client::closed`].
    Connect(u8),
    /// Drop the connection to this replica. It needs no answer.
    Close(u8),
    /// Send a message on the connection to this replica, after those before it.
    Send(u8, Arc<Packet>),
}

/// Without pings, connections are made anew after so many late answers in a row.
const ATTEMPTS_BEFORE_CLEARING: u32 = 3;

/// The request that waits for its answer.
#[derive(Clone, Debug)]
struct InFlight {
    packet: Arc<Packet>,
    /// Sent before it, once.
    pulse: Option<Arc<Packet>>,
    since: Time,
    /// Times it was sent because an answer was late.
    attempts: u32,
    resend_at: Time,
}

impl InFlight {
    fn request(&self) -> &Request {
        Request::view(&self.packet.header)
    }
}

/// A pulse that may be unread on a connection to this replica.
#[derive(Clone, Copy, Debug)]
struct InDoubt {
    replica: u8,
    /// In a higher view the replica is not the primary that it was, and the pulse comes to nothing.
    view: u32,
}

/// The state machine. See the module for the picture.
#[derive(Clone, Debug)]
pub struct Client {
    config: Config,
    session: Option<Session>,
    /// The highest view heard of: tells the primary.
    view: u32,
    peers: Vec<Peer>,
    in_flight: Option<InFlight>,
    in_doubt: Option<InDoubt>,
    actions: VecDeque<Action>,
    round_trip: RoundTrip,
    jitter: Jitter,
    ping_at: Time,
}

impl Client {
    /// A client that connects to all replicas. `session` goes on with one that was begun before; without,
    /// the first submission is to be a [`register`](Self::register). `view` is what is known of the
    /// cluster's view: it tells where to ask first.
    #[must_use]
    pub fn new(config: Config, session: Option<Session>, view: u32, now: Time) -> Self {
        let jitter = Jitter::new(config.seed);
        let peers = (0..config.replica_count).map(|_| Peer::new(now)).collect();
        let view = session.map_or(view, |session| session.view.max(view));
        let mut client = Self {
            session,
            view,
            peers,
            in_flight: None,
            in_doubt: None,
            actions: VecDeque::new(),
            round_trip: RoundTrip::default(),
            jitter,
            ping_at: now + PING_INTERVAL,
            config,
        };
        if let Some(session) = session.filter(|_| !client.config.pings) {
            // The process before this one may have left a pulse behind.
            client.in_doubt = Some(InDoubt { replica: client.replica_of(session.view), view: session.view });
            client.peers.iter_mut().for_each(|peer| peer.clears = true);
        }
        client.connect(now);
        client
    }

    /// What it was told.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What the next request would be made from, `None` before the register was answered.
    #[must_use]
    pub const fn session(&self) -> Option<Session> {
        self.session
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.in_flight.is_some()
    }

    /// What is known of each replica.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerReport> {
        self.peers.iter().map(Peer::report).collect()
    }

    /// Begins a session, as an operation with this timestamp, ns: 1 in an empty cluster, else above the
    /// last operation's.
    ///
    /// # Errors
    ///
    /// [`ClientError::Busy`]: there is a session, or a register in flight.
    pub fn register(&mut self, timestamp: u64, now: Time) -> Result<(), ClientError> {
        if self.session.is_some() || self.in_flight.is_some() {
            return Err(ClientError::Busy);
        }
        let body = Arc::new(vec![0; REGISTER_BODY_SIZE as usize]);
        let checksum_body = self.config.profile.checksum(&body);
        let mut request = self.new_request(self.config.client);
        request.operation = Operation::REGISTER.0;
        request.timestamp = timestamp.into();
        let packet = self.seal(&mut request, body, checksum_body)?;
        self.launch(packet, None, now);
        Ok(())
    }

    /// Makes a request.
    ///
    /// # Errors
    ///
    /// [`ClientError::Busy`] or [`ClientError::BodyTooLarge`]: nothing was sent.
    pub fn submit(&mut self, submission: Submission, now: Time) -> Result<(), ClientError> {
        let Some(session) = self.session.filter(|_| self.in_flight.is_none()) else {
            return Err(ClientError::Busy);
        };
        if submission.body.len() > session.batch_size_limit as usize {
            return Err(ClientError::BodyTooLarge {
                size: submission.body.len(),
                limit: session.batch_size_limit,
            });
        }
        let pulse = submission.pulse.map(|timestamp| self.pulse(timestamp, session)).transpose()?;
        let mut request = self.new_request(self.config.client);
        request.frame.view = session.view.into();
        request.parent = session.context;
        request.session = session.number.into();
        request.request = session.request.saturating_add(1).into();
        request.timestamp = submission.timestamp.into();
        request.operation = submission.operation.0;
        let packet = self.seal(&mut request, submission.body, submission.checksum_body)?;
        self.launch(packet, pulse, now);
        Ok(())
    }

    fn pulse(&self, timestamp: u64, session: Session) -> Result<Arc<Packet>, ClientError> {
        let mut pulse = self.new_request(0);
        pulse.frame.view = session.view.into();
        pulse.operation = Operation::PULSE.0;
        pulse.timestamp = timestamp.into();
        self.seal(&mut pulse, Arc::default(), self.config.profile.checksum(b""))
    }

    fn new_request(&self, client: u128) -> Request {
        Request::new(self.config.cluster, self.config.release, client)
    }

    fn seal(
        &self,
        request: &mut Request,
        body: Arc<Vec<u8>>,
        checksum_body: Checksum,
    ) -> Result<Arc<Packet>, ClientError> {
        let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        message::seal_with(request, &self.config.profile, size, checksum_body)
            .map_err(|_| ClientError::BodyTooLarge { size: body.len(), limit: BODY_SIZE_MAX })?;
        Ok(Arc::new(Packet { header: request.header(), body }))
    }

    fn launch(&mut self, packet: Arc<Packet>, pulse: Option<Arc<Packet>>, now: Time) {
        let resend_at = now + self.round_trip.resend_delay(0, &mut self.jitter);
        // Where the primary was asked and another replica answered, its connection is not the client's.
        let primary = self.peers.get(usize::from(self.primary()));
        if pulse.is_some() && primary.is_some_and(|peer| peer.asked && !peer.introduced) {
            self.clear_all(now);
            self.connect(now);
        }
        self.peers.iter_mut().for_each(Peer::begins_request);
        self.in_flight = Some(InFlight { packet, pulse, since: now, attempts: 0, resend_at });
        self.send_to(self.primary());
    }

    /// The replica that should be the primary.
    fn primary(&self) -> u8 {
        self.replica_of(self.view)
    }

    /// The primary of a view.
    fn replica_of(&self, view: u32) -> u8 {
        // The count is at most 6.
        u8::try_from(view % u32::from(self.config.replica_count.max(1))).unwrap_or(0)
    }

    fn peer(&mut self, replica: u8) -> Option<&mut Peer> {
        self.peers.get_mut(usize::from(replica))
    }

    /// Sends the request in flight, if there is a connection that it may go on.
    fn send_to(&mut self, replica: u8) {
        let primary = self.primary();
        let Some(in_flight) = &mut self.in_flight else { return };
        let Some(peer) = self.peers.get_mut(usize::from(replica)) else { return };
        let overtakes = self.in_doubt.is_some_and(|doubt| doubt.replica != replica);
        if !peer.is_connected() || peer.clears || overtakes {
            return;
        }
        // A replica aborts if a pulse is the first that it sees on a connection. One that is no primary
        // drops it. And one that was perhaps executed is never repeated: it would be executed again.
        if let Some(pulse) = in_flight.pulse.take().filter(|_| replica == primary && peer.introduced) {
            self.in_doubt = Some(InDoubt { replica, view: self.view });
            self.actions.push_back(Action::Send(replica, pulse));
        }
        peer.sent_request();
        self.actions.push_back(Action::Send(replica, Arc::clone(&in_flight.packet)));
    }

    fn ping(&mut self, replica: u8, now: Time) {
        let mut ping = PingClient::new(self.config.cluster, self.config.release, self.config.client);
        ping.ping_timestamp_monotonic = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).into();
        ping.session = self.session.map_or(0, |session| session.number).into();
        if message::seal(&mut ping, &self.config.profile, b"").is_ok() {
            let packet = Packet { header: ping.header(), body: Arc::default() };
            self.actions.push_back(Action::Send(replica, Arc::new(packet)));
        }
    }

    /// There is a connection to this replica.
    pub fn connected(&mut self, replica: u8, now: Time) {
        let Some(peer) = self.peer(replica) else { return };
        peer.connected();
        if peer.clears || self.config.pings {
            self.ping(replica, now);
        }
        if replica == self.primary() {
            self.send_to(replica);
        }
    }

    /// There is no connection to this replica any more, or none came about.
    pub fn closed(&mut self, replica: u8, why: Closed, now: Time) {
        let doubtful = self.in_doubt.is_some_and(|doubt| doubt.replica == replica);
        let refused = why == Closed::Refused;
        let Some(peer) = self.peers.get_mut(usize::from(replica)) else { return };
        peer.disconnected(Some(why), now, &mut self.jitter);
        if refused {
            peer.clears = false; // nobody is there to have anything
            self.cleared(replica);
        } else if doubtful && !peer.clears {
            self.clear_all(now);
        }
    }

    /// Makes all replicas drop the client's connections, by new ones that begin with a ping.
    fn clear_all(&mut self, now: Time) {
        for (replica, peer) in (0..).zip(&mut self.peers) {
            if peer.is_open() {
                self.actions.push_back(Action::Close(replica));
                peer.renew(now);
            }
            peer.clears = true;
        }
    }

    /// Nothing is unread at this replica.
    fn cleared(&mut self, replica: u8) {
        if self.in_doubt.is_some_and(|doubt| doubt.replica == replica) {
            self.in_doubt = None;
            self.send_to(self.primary());
        }
    }

    /// Time went on: to be called at the [`deadline`](Self::deadline), and as often as one likes.
    ///
    /// # Errors
    ///
    /// [`ClientError::Timeout`].
    pub fn elapsed(&mut self, now: Time) -> Result<(), ClientError> {
        self.connect(now);
        let Some(in_flight) = &mut self.in_flight else {
            self.ping_all(now, PING_INTERVAL);
            return Ok(());
        };
        let waited = now.saturating_sub(in_flight.since);
        if waited >= self.config.timeout {
            return Err(ClientError::Timeout { waited, peers: self.peers() });
        }
        let late = in_flight.attempts > 0;
        if now >= in_flight.resend_at {
            in_flight.attempts += 1;
            let attempts = in_flight.attempts;
            in_flight.resend_at = now + self.round_trip.resend_delay(attempts, &mut self.jitter);
            self.send_again(attempts, now);
        }
        self.ping_all(now, if late { PING_INTERVAL_LATE } else { PING_INTERVAL });
        Ok(())
    }

    /// Sends the request in flight to the primary and in turn to another replica. Without pings it may be
    /// that a connection from before is taken for the client's, and answered; so that is cleared.
    fn send_again(&mut self, attempts: u32, now: Time) {
        if !self.config.pings && attempts.is_multiple_of(ATTEMPTS_BEFORE_CLEARING) {
            self.clear_all(now);
            self.connect(now);
        }
        for replica in 0..self.config.replica_count {
            if self.peer(replica).is_some_and(|peer| peer.clears && peer.is_connected()) {
                self.ping(replica, now);
            }
        }
        let primary = self.primary();
        self.send_to(primary);
        if let Some(other) = self.another(primary, attempts) {
            self.send_to(other);
        }
    }

    /// A replica other than the primary, another one with each attempt.
    fn another(&self, primary: u8, attempts: u32) -> Option<u8> {
        let count = u32::from(self.config.replica_count);
        let others = count.checked_sub(1).filter(|&others| others > 0)?;
        let step = (attempts - 1) % others + 1;
        u8::try_from((u32::from(primary) + step) % count).ok()
    }

    fn ping_all(&mut self, now: Time, interval: Duration) {
        self.ping_at = self.ping_at.min(now + interval);
        if !self.config.pings || now < self.ping_at {
            return;
        }
        self.ping_at = now + interval;
        for replica in 0..self.config.replica_count {
            if self.peer(replica).is_some_and(|peer| peer.is_connected()) {
                self.ping(replica, now);
            }
        }
    }

    /// Connects where it is time to, and gives up what takes too long.
    fn connect(&mut self, now: Time) {
        for (replica, peer) in (0..).zip(&mut self.peers) {
            if peer.gives_up(now) {
                self.actions.push_back(Action::Close(replica));
                let why = Closed::Failed("no answer to the attempt to connect".into());
                peer.disconnected(Some(why), now, &mut self.jitter);
            }
            if peer.connects(now) {
                self.actions.push_back(Action::Connect(replica));
            }
        }
    }

    /// When [`elapsed`](Self::elapsed) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let peers = self.peers.iter().filter_map(Peer::deadline);
        let in_flight = self.in_flight.as_ref();
        let request = in_flight.map(|request| request.resend_at.min(request.since + self.config.timeout));
        let ping = self.config.pings.then_some(self.ping_at);
        peers.chain(request).chain(ping).min().unwrap_or(Time::MAX)
    }

    /// What to do next. To be asked until there is nothing, after every call that changes the client.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}

#[cfg(test)]
mod tests;
