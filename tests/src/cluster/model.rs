//! The cluster: inputs, time, outputs.

use super::commit::Prepare;
use super::config::{Config, Mode};
use super::log::{Abort, Committed, Harm, Log};
use super::machine::Machine;
use super::output::{CloseReason, Output, Silence};
use super::packet::Packet;
use super::peers::{Connection, Peers};
use super::replica::{Replica, Status};
use super::request::Forward;
use super::sessions::Sessions;
use super::views::Change;
use crate::random::Random;
use aof_nostd::message::{
    Command, EvictionReason, Frame, HEADER_SIZE, MESSAGE_SIZE_MAX, Message, PingClient, PongClient, Request,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A cluster of replicas with one log. See the [module](super) for the picture.
///
/// Every input brings the time, which never goes back; what was due until then happens first. Outputs
/// are to be taken after every input.
///
/// ```
/// use aof_nostd::message::{Message, PingClient, PongClient};
/// use aof_tests::cluster::{Cluster, Config, Connection, Output, Packet};
/// use std::time::Duration;
///
/// let config = Config::default();
/// let ping = PingClient::new(config.cluster, config.release, 77);
/// let ping = Packet::seal(ping, &config.profile, b"");
///
/// let mut cluster = Cluster::new(config);
/// let now = Duration::from_secs(1);
/// assert!(cluster.opened(0, Connection(1), now));
/// cluster.message(Connection(1), &ping.header, &ping.body, now);
/// let Some(Output::Send { packet, .. }) = cluster.next_output() else { panic!("a pong") };
/// assert_eq!(packet.view::<PongClient>().frame.view.get(), 1);
/// ```
#[derive(Debug)]
pub struct Cluster {
    pub(super) config: Config,
    pub(super) random: Random,
    pub(super) now: Duration,
    pub(super) replicas: Vec<Replica>,
    connections: BTreeMap<Connection, u8>,
    /// The view of the last view change that began.
    pub(super) view: u32,
    pub(super) change: Option<Change>,
    pub(super) pipeline: VecDeque<Prepare>,
    pub(super) log: Log,
    /// By op, from 1; none for client 0.
    pub(super) replies: Vec<Option<Packet>>,
    pub(super) sessions: Sessions,
    pub(super) machine: Machine,
    /// On their way from backups to the primary, by time of arrival.
    pub(super) forwards: BTreeMap<(Duration, u64), Forward>,
    pub(super) forward_count: u64,
    pub(super) outputs: VecDeque<Output>,
    aborts: Vec<(u8, Abort)>,
}

impl Cluster {
    /// A formatted cluster, just started, in view 1.
    ///
    /// # Panics
    ///
    /// If it is not to have 1 to 6 replicas.
    #[must_use]
    pub fn new(config: Config) -> Self {
        assert!((1..=6).contains(&config.replica_count), "a cluster has 1 to 6 replicas");
        let mut random = Random::new(config.seed);
        let clock_at = config.clock_time.pick(&mut random);
        let peers = Peers::new(config.registers_late);
        let mut cluster = Self {
            replicas: (0..config.replica_count).map(|_| Replica::new(1, clock_at, peers.clone())).collect(),
            machine: Machine::new(config.failures.clone()),
            config,
            random,
            now: Duration::ZERO,
            connections: BTreeMap::new(),
            view: 1,
            change: None,
            pipeline: VecDeque::new(),
            log: Log::default(),
            replies: Vec::new(),
            sessions: Sessions::default(),
            forwards: BTreeMap::new(),
            forward_count: 0,
            outputs: VecDeque::new(),
            aborts: Vec::new(),
        };
        cluster.begin_term();
        cluster.advance(Duration::ZERO);
        cluster
    }

    /// What it was told.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Starts that follow are in this mode. (A real cluster is stopped and started as a whole.)
    pub const fn set_mode(&mut self, mode: Mode) {
        self.config.mode = mode;
    }

    /// The view of the last view change that began.
    #[must_use]
    pub const fn view(&self) -> u32 {
        self.view
    }

    /// The primary of that view. It may be down.
    #[must_use]
    pub fn primary(&self) -> u8 {
        self.primary_of(self.view)
    }

    pub(super) fn primary_of(&self, view: u32) -> u8 {
        u8::try_from(view % u32::from(self.config.replica_count)).unwrap_or(0)
    }

    /// Whether a replica takes connections.
    #[must_use]
    pub fn is_up(&self, replica: u8) -> bool {
        self.replica(replica).status != Status::Down
    }

    /// Whether requests are being committed: a primary works, and enough backups.
    #[must_use]
    pub fn is_available(&self) -> bool {
        let working = self.replicas.iter().filter(|replica| replica.works()).count();
        let primary = self.replica(self.primary());
        primary.works() && primary.view == self.view && working >= self.quorum()
    }

    pub(super) fn quorum(&self) -> usize {
        self.replicas.len() / 2 + 1
    }

    /// What was committed, in order.
    #[must_use]
    pub fn log(&self) -> &[Committed] {
        self.log.committed()
    }

    /// The reply to an operation, as the primary made it; none where a client did not ask for it.
    #[must_use]
    pub fn reply(&self, op: u64) -> Option<&Packet> {
        let index = usize::try_from(op.checked_sub(1)?).ok()?;
        self.replies.get(index)?.as_ref()
    }

    /// Damage that was done and not refused.
    #[must_use]
    pub fn harms(&self) -> &[Harm] {
        self.log.harms()
    }

    /// Replicas that aborted, and why.
    #[must_use]
    pub fn aborts(&self) -> &[(u8, Abort)] {
        &self.aborts
    }

    /// What it does, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn replica(&self, replica: u8) -> &Replica {
        &self.replicas[usize::from(replica)]
    }

    pub(super) fn replica_mut(&mut self, replica: u8) -> &mut Replica {
        &mut self.replicas[usize::from(replica)]
    }

    /// A client connected to a replica. False if that is down: then there is no connection.
    ///
    /// # Panics
    ///
    /// If the number was used before.
    pub fn opened(&mut self, replica: u8, connection: Connection, now: Duration) -> bool {
        self.advance(now);
        if !self.is_up(replica) {
            return false;
        }
        let used = self.connections.insert(connection, replica);
        assert_eq!(used, None, "{connection:?} is used twice");
        self.replica_mut(replica).peers.opened(connection);
        true
    }

    /// A client closed a connection, or it broke. One that is closed already is no mistake.
    pub fn closed(&mut self, connection: Connection, now: Duration) {
        self.advance(now);
        if let Some(replica) = self.connections.remove(&connection) {
            self.replica_mut(replica).peers.closed(connection);
        }
    }

    /// A message came on a connection. One on a closed connection is lost.
    pub fn message(
        &mut self,
        connection: Connection,
        header: &[u8; HEADER_SIZE],
        body: &[u8],
        now: Duration,
    ) {
        self.advance(now);
        let Some(&replica) = self.connections.get(&connection) else { return };
        let profile = self.config.profile;
        let checked = Frame::check(header, &profile, self.config.cluster, MESSAGE_SIZE_MAX)
            .and_then(|frame| frame.check_body(&profile, body).map(|()| frame));
        match checked.map(Frame::command) {
            Err(error) => self.close(connection, CloseReason::Frame(error)),
            Ok(Command::PING_CLIENT) => self.ping(replica, connection, PingClient::view(header)),
            Ok(Command::REQUEST) => self.requested(replica, connection, Request::view(header), body),
            Ok(_) => self.silent(replica, Silence::Command),
        }
        self.advance(now);
    }

    fn ping(&mut self, replica: u8, connection: Connection, ping: &PingClient) {
        let client = ping.client.get();
        let session = ping.session.get();
        if let Some(rule) = ping.rule() {
            return self.silent(replica, Silence::Rule(rule));
        }
        let verdict = self.replica_mut(replica).peers.ping(connection, client);
        if !self.obey(replica, connection, verdict) {
            return;
        }
        if self.replica(replica).status == Status::Starting {
            return self.silent(replica, Silence::Starting);
        }
        if session != 0 && self.config.release < super::RELEASE_SESSION_PINGS {
            return self.silent(replica, Silence::PingSession);
        }
        if session != 0 && self.lacks_session(replica, client, session) {
            return self.evict(replica, client, EvictionReason::NoSession);
        }
        let release = ping.frame.release();
        let unsupported = if release < self.config.release_min {
            Some(EvictionReason::ClientReleaseTooLow)
        } else {
            (release > self.config.release).then_some(EvictionReason::ClientReleaseTooHigh)
        };
        if let Some(reason) = unsupported {
            return if self.is_primary(replica) {
                self.evict(replica, client, reason);
            } else {
                self.silent(replica, Silence::PingRelease);
            };
        }
        let mut pong = PongClient::new(self.config.cluster, self.config.release);
        pong.frame.view = self.replica(replica).view.into();
        pong.frame.replica = replica;
        pong.ping_timestamp_monotonic = ping.ping_timestamp_monotonic;
        self.send_to_client(replica, client, Packet::seal(pong, &self.config.profile, b""));
    }

    /// Whether the replica, as a primary that has committed the session's op, does not know the client.
    fn lacks_session(&self, replica: u8, client: u128, session: u64) -> bool {
        let commit = self.replica(replica).commit;
        self.is_primary(replica) && commit >= session && self.sessions.at(client, commit).is_none()
    }

    fn is_primary(&self, replica: u8) -> bool {
        let Replica { status, view, .. } = *self.replica(replica);
        status == Status::Normal && self.primary_of(view) == replica
    }

    pub(super) fn silent(&mut self, replica: u8, why: Silence) {
        self.outputs.push_back(Output::Silent { replica, why });
    }

    /// Sends to the connection registered for a client, if there is one.
    pub(super) fn send_to_client(&mut self, replica: u8, client: u128, packet: Packet) {
        if let Some(connection) = self.replica(replica).peers.registered(client) {
            self.outputs.push_back(Output::Send { connection, packet });
        }
    }

    pub(super) fn close(&mut self, connection: Connection, why: CloseReason) {
        if let Some(replica) = self.connections.remove(&connection) {
            self.replica_mut(replica).peers.closed(connection);
            self.outputs.push_back(Output::Close { connection, why });
        }
    }

    pub(super) fn close_all(&mut self, replica: u8, why: CloseReason) {
        for connection in self.replica_mut(replica).peers.drain() {
            self.connections.remove(&connection);
            self.outputs.push_back(Output::Close { connection, why });
        }
    }

    pub(super) fn abort(&mut self, replica: u8, why: Abort) {
        self.aborts.push((replica, why));
        self.stop(replica);
    }

    /// When [`advance`](Self::advance) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let change = self.change.as_ref().filter(|_| self.can_change()).map(|change| change.at);
        let commit = self.pipeline.front().filter(|_| self.is_available()).map(|prepare| prepare.commit_at);
        let forward = self.forwards.keys().next().map(|&(at, _)| at);
        let replicas = self.replicas.iter().filter_map(Replica::deadline);
        replicas.chain(change).chain(commit).chain(forward).min()
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Duration) {
        while let Some(due) = self.deadline().filter(|&due| due <= now) {
            self.now = self.now.max(due);
            self.change_due();
            self.replicas_due();
            self.commit_due();
            self.forward_due();
        }
        self.now = self.now.max(now);
    }
}
