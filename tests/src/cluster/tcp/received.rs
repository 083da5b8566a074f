//! What a server was sent.

use crate::cluster::packet::Packet;
use crate::cluster::peers::Connection;
use aof_nostd::message::Command;
use std::time::Duration;

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The replica that it came to.
    pub replica: u8,
    /// The connection that it came on.
    pub connection: Connection,
    /// When, since the start.
    pub time: Duration,
    /// The message.
    pub packet: Packet,
}

/// Everything that came, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received(pub Vec<Arrival>);

impl Received {
    fn of(&self, command: Command) -> impl Iterator<Item = &Arrival> {
        self.0.iter().filter(move |arrival| arrival.packet.command() == command)
    }

    /// The requests, repeats among them.
    pub fn requests(&self) -> impl Iterator<Item = &Arrival> {
        self.of(Command::REQUEST)
    }

    /// The pings.
    pub fn pings(&self) -> impl Iterator<Item = &Arrival> {
        self.of(Command::PING_CLIENT)
    }

    /// The bytes of all requests.
    #[must_use]
    pub fn request_bytes(&self) -> Vec<u8> {
        self.requests().flat_map(|arrival| arrival.packet.bytes()).collect()
    }

    /// The bytes of the requests on one connection.
    #[must_use]
    pub fn request_bytes_on(&self, connection: Connection) -> Vec<u8> {
        let on = self.requests().filter(|arrival| arrival.connection == connection);
        on.flat_map(|arrival| arrival.packet.bytes()).collect()
    }

    /// The connections on which something came, in the order of their first messages.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        let mut connections = Vec::new();
        for arrival in &self.0 {
            if !connections.contains(&arrival.connection) {
                connections.push(arrival.connection);
            }
        }
        connections
    }
}
