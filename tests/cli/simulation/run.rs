//! One run: clients, wires and cluster in one simulated time, and what it must come to.

use super::plan::{Batch, Entry, Plan};
use super::wires::{Arrival, Wires};
use aof_cli::replay::client::{Action, Client, ClientError, Closed, Config, Session, Submission};
use aof_nostd::message::{Command, Message, Reply, Request};
use aof_nostd::wire::Operation;
use aof_nostd::{Checksum, Profile};
use aof_tests::cluster::{self, CloseReason, Cluster, Connection, Output};
use aof_tests::random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Everything was acknowledged.
    Done,
    /// The client says that it cannot go on.
    Failed(ClientError),
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) acknowledged: usize,
    /// Requests that clients sent, repeats among them.
    pub(crate) requests: usize,
    pub(crate) crashes: usize,
    pub(crate) unbelievable: usize,
    /// Processes that went on with another's session.
    pub(crate) processes: usize,
    pub(crate) pulses: usize,
    pub(crate) pulses_lost: usize,
    /// The longest wait for a reply when nothing went wrong any more.
    pub(crate) slowest: Duration,
}

/// What waits for its acknowledgement.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    Thinking(Duration),
    Register(u64),
    Request(Submission),
}

/// What a process that did not note the last acknowledgement goes on with.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) session: Option<Session>,
    pub(super) doing: Doing,
    pub(super) op: u64,
    pub(super) entry: usize,
    pub(super) lost: u64,
    pub(super) acknowledged: usize,
    pub(super) request: Checksum,
}

/// A client and its wires, by replica.
pub(super) struct Desk {
    pub(super) client: Client,
    /// Counted over all that ever were: wires of an earlier process lead nowhere.
    pub(super) number: usize,
    pub(super) wires: BTreeMap<u8, Connection>,
}

/// One run.
pub(crate) struct Run {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) told: bool,
    pub(super) now: Duration,
    pub(crate) cluster: Cluster,
    pub(super) wires: Wires,
    pub(super) desks: Vec<Desk>,
    pub(super) clients: usize,
    pub(super) batch: usize,
    pub(super) entry: usize,
    /// Pulses of the current entry that were lost.
    pub(super) lost: u64,
    pub(super) doing: Doing,
    /// The session that the request in flight was made from.
    pub(super) session: Option<Session>,
    /// The request in flight, as it was first sent.
    pub(super) sent: Option<Checksum>,
    pub(super) op: u64,
    /// By op: the request's checksum; none for a pulse, which has its timestamp.
    pub(super) acknowledged: Vec<(Option<Checksum>, u64)>,
    pub(super) trouble_at: Option<Duration>,
    pub(super) isolated: Vec<u8>,
    /// As it was before the last acknowledgement.
    pub(super) before: Option<Before>,
    /// Since when nothing goes wrong any more.
    pub(super) calm_since: Option<Duration>,
    /// When the request in flight was submitted first.
    pub(super) asked_at: Duration,
    /// Harms and aborts that were told.
    pub(super) harms: usize,
    pub(super) registered_at: Option<Duration>,
    pub(super) restarts: Vec<(Duration, u8)>,
    /// What the plan's fate is came about.
    pub(crate) fated: bool,
    pub(crate) tally: Tally,
}

/// A run that takes longer hangs.
const TIME_MAX: Duration = Duration::from_secs(3600);
const STEPS_MAX: usize = 50_000;

impl Run {
    pub(crate) fn new(plan: Plan, told: bool) -> Self {
        let mut random = Random::new(!plan.seed);
        let trouble_at = plan.trouble.map(|trouble| trouble.pick(&mut random));
        if told {
            eprintln!("{:#?}", Plan { batches: Vec::new(), ..plan.clone() });
        }
        Self {
            cluster: Cluster::new(plan.config.clone()),
            wires: Wires::new(plan.weather),
            random,
            told,
            now: Duration::ZERO,
            desks: Vec::new(),
            clients: 0,
            batch: 0,
            entry: 0,
            lost: 0,
            doing: Doing::Thinking(Duration::ZERO),
            session: None,
            sent: None,
            op: 0,
            acknowledged: Vec::new(),
            trouble_at,
            isolated: Vec::new(),
            before: None,
            calm_since: None,
            asked_at: Duration::ZERO,
            harms: 0,
            registered_at: None,
            restarts: Vec::new(),
            fated: false,
            tally: Tally::default(),
            plan,
        }
    }

    pub(super) fn tell(&self, text: impl FnOnce() -> String) {
        if self.told {
            eprintln!("{:>12.3} ms  {}", self.now.as_secs_f64() * 1000.0, text());
        }
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) -> End {
        loop {
            self.tally.steps += 1;
            let next =
                self.deadline().unwrap_or_else(|| panic!("nothing will ever happen: {:?}", self.doing));
            self.now = self.now.max(next);
            assert!(self.now < TIME_MAX && self.tally.steps < STEPS_MAX, "it hangs: {:?}", self.doing);
            match self.step() {
                Ok(false) => {}
                Ok(true) => return End::Done,
                Err(error) => {
                    self.tell(|| format!("the client gives up: {error}"));
                    return End::Failed(error);
                }
            }
        }
    }

    fn deadline(&self) -> Option<Duration> {
        let clients = self.desks.iter().map(|desk| desk.client.deadline());
        let thinking = match self.doing {
            Doing::Thinking(until) => Some(until),
            _ => None,
        };
        let restarts = self.restarts.iter().map(|&(at, _)| at);
        let others = [self.wires.deadline(), self.cluster.deadline(), self.trouble_at, thinking];
        clients.chain(restarts).chain(others.into_iter().flatten()).min()
    }

    /// Everything that is due.
    fn step(&mut self) -> Result<bool, ClientError> {
        let now = self.now;
        self.cluster.advance(now);
        self.obey_cluster();
        if self.trouble_at.is_some_and(|at| at <= now) {
            self.make_trouble();
            self.obey_cluster();
        }
        self.restart_due();
        while let Some((connection, arrival)) = self.wires.next(now) {
            self.arrived(connection, arrival)?;
            self.obey_cluster();
            self.obey_clients();
        }
        for desk in &mut self.desks {
            if desk.client.deadline() <= now {
                desk.client.elapsed(now)?;
            }
        }
        self.obey_clients();
        if matches!(self.doing, Doing::Thinking(until) if until <= now) && self.next_request()? {
            return Ok(true);
        }
        self.obey_clients();
        Ok(false)
    }

    /// Carries out what the replicas want.
    pub(super) fn obey_cluster(&mut self) {
        let now = self.now;
        let harms = self.cluster.aborts().len() + self.cluster.harms().len();
        if harms > std::mem::replace(&mut self.harms, harms) {
            self.tell(|| format!("harm is done: {:?} {:?}", self.cluster.harms(), self.cluster.aborts()));
        }
        while let Some(output) = self.cluster.next_output() {
            match output {
                Output::Send { connection, packet } => {
                    self.tell(|| format!("{connection:?} <- {}", show(&packet)));
                    self.wires.send_to_client(connection, &packet, now, &mut self.random);
                }
                Output::Close { connection, why: CloseReason::Crash } => {
                    self.wires.cut(connection, now, &mut self.random);
                }
                Output::Close { connection, why } => {
                    self.tell(|| format!("{connection:?} closed: {why:?}"));
                    let end = Arrival::ClientEnd(Closed::ByReplica);
                    self.wires.tell_client(connection, end, now, &mut self.random);
                }
                Output::Committed { op } => self.tell(|| format!("op {op} committed")),
                Output::Silent { replica, why } => self.tell(|| format!("replica {replica} drops: {why:?}")),
            }
        }
    }

    /// Carries out what the clients want.
    fn obey_clients(&mut self) {
        let now = self.now;
        for desk in &mut self.desks {
            while let Some(action) = desk.client.next_action() {
                match action {
                    Action::Connect(replica) => {
                        let config = desk.client.config();
                        let connection = self.wires.connect(
                            (desk.number, replica),
                            (config.profile, config.cluster),
                            now,
                            &mut self.random,
                        );
                        if let Some(old) = desk.wires.insert(replica, connection) {
                            self.wires.hang_up(old, now, &mut self.random);
                        }
                    }
                    Action::Close(replica) => {
                        if let Some(connection) = desk.wires.remove(&replica) {
                            self.wires.hang_up(connection, now, &mut self.random);
                        }
                    }
                    Action::Send(replica, packet) => {
                        let request: &Request = Message::view(&packet.header);
                        if request.frame.command() == Command::REQUEST {
                            self.tally.requests += 1;
                            if request.client.get() != 0 {
                                // A request that goes again is the same, bit for bit.
                                let first = *self.sent.get_or_insert(request.frame.checksum);
                                assert_eq!(first, request.frame.checksum, "another request in its place");
                            }
                        }
                        let connection = *desk.wires.get(&replica).expect("it sends where it is connected");
                        if self.told {
                            let packet = cluster::Packet {
                                header: packet.header,
                                body: packet.body.as_slice().into(),
                            };
                            eprintln!(
                                "{:>12.3} ms  {connection:?} -> {replica}: {}",
                                now.as_secs_f64() * 1000.0,
                                show(&packet)
                            );
                        }
                        self.wires.send_to_replica(connection, &packet, now, &mut self.random);
                    }
                }
            }
        }
    }

    fn arrived(&mut self, connection: Connection, arrival: Arrival) -> Result<(), ClientError> {
        let now = self.now;
        let Some(wire) = self.wires.wires.get_mut(&connection) else { return Ok(()) };
        let (number, replica) = (wire.client, wire.replica);
        let at_client = self.desks.iter().position(|desk| {
            desk.number == number && desk.wires.get(&replica).is_some_and(|&current| current == connection)
        });
        match arrival {
            Arrival::Knock => {
                let answer = if self.cluster.opened(replica, connection, now) {
                    Arrival::Connected
                } else {
                    Arrival::ClientEnd(Closed::Refused)
                };
                self.wires.tell_client(connection, answer, now, &mut self.random);
            }
            Arrival::ReplicaEnd => self.cluster.closed(connection, now),
            Arrival::ToReplica(packet) => {
                self.cluster.message(connection, &packet.header, &packet.body, now);
            }
            Arrival::Connected => {
                if let Some(index) = at_client {
                    self.desks[index].client.connected(replica, now);
                }
            }
            Arrival::ClientEnd(why) => {
                if let Some(index) = at_client {
                    self.tell(|| format!("{connection:?} of replica {replica} ends: {why}"));
                    let desk = &mut self.desks[index];
                    desk.wires.remove(&replica);
                    desk.client.closed(replica, why, now);
                    self.wires.hang_up(connection, now, &mut self.random);
                }
            }
            Arrival::ToClient(bytes) => {
                if let Some(index) = at_client {
                    self.bytes(index, connection, &bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Bytes reach a client: through the decoder, as from a socket.
    fn bytes(&mut self, index: usize, connection: Connection, bytes: &[u8]) -> Result<(), ClientError> {
        let now = self.now;
        let Some(wire) = self.wires.wires.get_mut(&connection) else { return Ok(()) };
        let replica = wire.replica;
        let mut rest = bytes;
        let mut replies = Vec::new();
        let desk = &mut self.desks[index];
        let mut end = None;
        while !rest.is_empty() && end.is_none() {
            let space = wire.decoder.space();
            let count = rest.len().min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            wire.decoder.filled(count);
            rest = &rest[count..];
            end = loop {
                match wire.decoder.next() {
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                    Ok(Some((header, body))) => {
                        if let Some(reply) = desk.client.message(replica, header, body, now)? {
                            replies.push((reply, body.to_vec()));
                        }
                    }
                }
            };
        }
        if let Some(error) = end {
            self.tally.unbelievable += 1;
            desk.wires.remove(&replica);
            desk.client.closed(replica, Closed::Unbelievable(error), now);
            self.tell(|| format!("{connection:?} is not believed: {error}"));
            self.wires.hang_up(connection, now, &mut self.random);
        }
        for (reply, body) in replies {
            assert_eq!(index, self.desks.len() - 1, "a client that is done was answered");
            self.answered(&reply, &body);
        }
        Ok(())
    }

    /// Sends what is next. True if there is nothing more.
    fn next_request(&mut self) -> Result<bool, ClientError> {
        let now = self.now;
        let Some(Batch { register, entries, .. }) = self.plan.batches.get(self.batch) else {
            return Ok(true);
        };
        if self.desks.len() <= self.batch {
            let register = *register;
            self.new_client(None);
            self.before = None;
            self.registered_at = None;
            self.doing = Doing::Register(register);
        } else if let Some(entry) = entries.get(self.entry) {
            self.doing = Doing::Request(self.submission(entry));
        } else {
            (self.batch, self.entry) = (self.batch + 1, 0);
            return self.next_request();
        }
        self.asked_at = now;
        self.session = self.desks.last().and_then(|desk| desk.client.session());
        self.submit(now)?;
        Ok(false)
    }

    pub(super) fn submit(&mut self, now: Duration) -> Result<(), ClientError> {
        let Some(desk) = self.desks.last_mut() else { return Ok(()) };
        match &self.doing {
            Doing::Thinking(_) => Ok(()),
            Doing::Register(timestamp) => desk.client.register(*timestamp, now),
            Doing::Request(submission) => desk.client.submit(submission.clone(), now),
        }
    }

    fn submission(&self, entry: &Entry) -> Submission {
        let timestamp = entry.timestamp + self.lost * 2;
        if entry.is_pulse() {
            return Submission {
                operation: Operation::NOOP,
                timestamp: timestamp + 1,
                body: Arc::default(),
                checksum_body: self.plan.config.profile.checksum(b""),
                pulse: Some(timestamp),
            };
        }
        Submission {
            operation: entry.operation,
            timestamp,
            body: Arc::clone(&entry.body),
            checksum_body: entry.checksum_body,
            pulse: None,
        }
    }

    pub(super) fn new_client(&mut self, session: Option<Session>) {
        let release = self.plan.batches[self.batch].release;
        let config = Config {
            cluster: self.plan.cluster,
            client: u128::from(release.0),
            release,
            replica_count: self.plan.config.replica_count,
            pings: self.plan.pings,
            timeout: self.plan.timeout,
            profile: self.plan.config.profile,
            seed: self.random.next_u64(),
        };
        let view = if self.random.one_in(2) { 0 } else { self.cluster.view() };
        let client = Client::new(config, session, view, self.now);
        self.clients += 1;
        self.desks.push(Desk { client, number: self.clients, wires: BTreeMap::new() });
    }
}

/// A message in a line.
fn show(packet: &cluster::Packet) -> String {
    match packet.command() {
        Command::REQUEST => {
            let request = packet.view::<Request>();
            let (number, view) = (request.request.get(), request.frame.view.get());
            format!("request {number} of {}, {}, view {view}", request.client.get(), request.operation())
        }
        Command::REPLY => {
            let reply = packet.view::<Reply>();
            format!(
                "reply to request {} of {}, op {}, view {}",
                reply.request.get(),
                reply.client.get(),
                reply.op.get(),
                reply.frame.view.get()
            )
        }
        Command::PING_CLIENT => "ping".into(),
        Command::PONG_CLIENT => "pong".into(),
        command => format!("command {}", command.0),
    }
}
