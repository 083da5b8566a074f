//! The model against what a real server answered, and against each rule that it is made of.

mod recorded;
mod rules;
mod views;

use super::machine::batches_of;
use super::*;
use aof_nostd::message::{Command, Eviction, EvictionReason, Message, PingClient, REGISTER_BODY_SIZE};
use aof_nostd::message::{Reply, Request};
use aof_nostd::wire::Operation;
use std::time::Duration;

const CLIENT: u128 = 4_294_901_760;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Somebody who sends by hand and looks at everything.
struct Hand {
    cluster: Cluster,
    now: Duration,
    connections: u64,
    /// What is not yet looked at.
    outputs: Vec<Output>,
}

/// A session, by hand.
#[derive(Clone, Copy)]
struct Sender {
    client: u128,
    session: u64,
    request: u32,
    parent: aof_nostd::Checksum,
    timestamp: u64,
    view: u32,
}

impl Sender {
    fn new(client: u128) -> Self {
        let parent = aof_nostd::Checksum::ZERO;
        Self { client, session: 0, request: 0, parent, timestamp: 1, view: 0 }
    }

    /// The next request. A register, if there is no session.
    fn request(&self, config: &Config) -> Request {
        let mut request = Request::new(config.cluster, config.release, self.client);
        request.frame.view = self.view.into();
        request.parent = self.parent;
        request.session = self.session.into();
        request.request = self.request.into();
        request.timestamp = self.timestamp.into();
        request.operation =
            if self.session == 0 { Operation::REGISTER } else { Operation::CREATE_TRANSFERS }.0;
        request
    }

    fn packet(&self, config: &Config) -> Packet {
        let body = if self.session == 0 { vec![0; REGISTER_BODY_SIZE as usize] } else { self.body(1) };
        Packet::seal(self.request(config), &config.profile, &body)
    }

    /// Transfers with ids of their own.
    fn body(&self, count: u64) -> Vec<u8> {
        let mut events = Vec::new();
        for event in 0..count {
            let id = (self.client << 64) + (u128::from(self.request) << 16) + u128::from(event);
            events.extend(id.to_le_bytes());
            events.extend([0; 112]);
        }
        batches_of(&[events], 128)
    }

    fn accept(&mut self, reply: &Packet) {
        let reply = reply.view::<Reply>();
        self.session = self.session.max(if reply.request.get() == 0 { reply.op.get() } else { 0 });
        self.request = reply.request.get() + 1;
        self.parent = reply.context;
        self.timestamp += 10;
        self.view = reply.frame.view.get();
    }
}

impl Hand {
    fn new(config: Config) -> Self {
        Self { cluster: Cluster::new(config), now: ms(0), connections: 0, outputs: Vec::new() }
    }

    fn config(&self) -> Config {
        self.cluster.config().clone()
    }

    fn open(&mut self, replica: u8) -> Connection {
        self.connections += 1;
        let connection = Connection(self.connections);
        assert!(self.cluster.opened(replica, connection, self.now));
        connection
    }

    fn send(&mut self, connection: Connection, packet: &Packet) {
        self.cluster.message(connection, &packet.header, &packet.body, self.now);
        self.collect();
    }

    fn ping(&mut self, connection: Connection, client: u128, session: u64) {
        let config = self.config();
        let mut ping = PingClient::new(config.cluster, config.release, client);
        ping.session = session.into();
        self.send(connection, &Packet::seal(ping, &config.profile, b""));
    }

    fn collect(&mut self) {
        while let Some(output) = self.cluster.next_output() {
            self.outputs.push(output);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.cluster.advance(self.now);
        self.collect();
    }

    fn outputs(&mut self) -> Vec<Output> {
        self.collect();
        std::mem::take(&mut self.outputs)
    }

    /// What was sent, and where to.
    fn sent(&mut self) -> Vec<(Connection, Packet)> {
        let sent = |output| match output {
            Output::Send { connection, packet } => Some((connection, packet)),
            _ => None,
        };
        self.outputs().into_iter().filter_map(sent).collect()
    }

    /// The one answer.
    #[track_caller]
    fn answer(&mut self) -> Packet {
        let [(_, packet)] = self.sent().try_into().expect("one answer");
        packet
    }

    #[track_caller]
    fn reply(&mut self) -> Packet {
        let reply = self.answer();
        assert_eq!(reply.command(), Command::REPLY);
        reply
    }

    #[track_caller]
    fn evicted(&mut self, reason: EvictionReason) {
        let answer = self.answer();
        assert_eq!(answer.command(), Command::EVICTION);
        assert_eq!(answer.view::<Eviction>().rule(), None);
        assert_eq!(answer.view::<Eviction>().reason(), Some(reason));
    }

    #[track_caller]
    fn silent(&mut self, expected: Silence) {
        let outputs = self.outputs();
        let [Output::Silent { why, .. }] = outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(why, expected);
    }

    #[track_caller]
    fn closed(&mut self, expected: CloseReason) {
        let outputs = self.outputs();
        let [Output::Close { why, .. }] = outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(why, expected);
    }

    /// A registered client on a connection of its own, which has not pinged.
    fn register(&mut self, client: u128, timestamp: u64) -> (Sender, Connection) {
        let connection = self.open(self.cluster.primary());
        let mut sender = Sender::new(client);
        sender.timestamp = timestamp;
        self.send(connection, &sender.packet(&self.config()));
        let reply = self.reply();
        sender.accept(&reply);
        (sender, connection)
    }
}
