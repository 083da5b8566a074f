//! Whose connection it is: a replica knows its peers only from what they send.
//!
//! | the connection is | a ping of X | a request of X | a request of another (or of client 0) |
//! |---|---|---|---|
//! | nobody's | X's, for certain | likely X's | likely the other's; of client 0: the replica aborts |
//! | likely X's | X's, for certain | stays | is executed, and the reply goes elsewhere |
//! | X's for certain | stays | stays | closed |
//!
//! A ping of another client than the connection's closes it too. Replies go to the connection registered
//! for the client: the first *likely* one, until a ping makes another one *certain*, which closes the one
//! before. Whether a likely connection that came second is registered later, with a request that comes
//! when the first is gone, is not known: see [`Config::registers_late`](super::Config::registers_late).

use std::collections::BTreeMap;

/// A connection's number. Never used twice, whatever the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Unknown,
    Likely(u128),
    Certain(u128),
}

/// What a message means for the connection it came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Keep it, and close the client's other one.
    Replace(Connection),
    Close,
    /// The replica takes a request without client for a client's first.
    Abort,
}

/// The connections of one replica.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    connections: BTreeMap<Connection, Peer>,
    clients: BTreeMap<u128, Connection>,
    registers_late: bool,
}

impl Peers {
    pub(super) fn new(registers_late: bool) -> Self {
        Self { registers_late, ..Self::default() }
    }

    pub(super) fn opened(&mut self, connection: Connection) {
        self.connections.insert(connection, Peer::Unknown);
    }

    pub(super) fn closed(&mut self, connection: Connection) {
        self.connections.remove(&connection);
        self.clients.retain(|_, registered| *registered != connection);
    }

    /// Forgets all connections and gives them.
    pub(super) fn drain(&mut self) -> Vec<Connection> {
        self.clients.clear();
        std::mem::take(&mut self.connections).into_keys().collect()
    }

    /// Where replies to this client go.
    pub(super) fn registered(&self, client: u128) -> Option<Connection> {
        self.clients.get(&client).copied()
    }

    pub(super) fn ping(&mut self, connection: Connection, client: u128) -> Verdict {
        match self.connections.get(&connection) {
            Some(&Peer::Certain(own)) if own == client => return Verdict::Keep,
            Some(&(Peer::Likely(own) | Peer::Certain(own))) if own != client => return Verdict::Close,
            _ => {}
        }
        self.connections.insert(connection, Peer::Certain(client));
        match self.clients.insert(client, connection).filter(|&old| old != connection) {
            Some(old) => {
                self.connections.remove(&old);
                Verdict::Replace(old)
            }
            None => Verdict::Keep,
        }
    }

    pub(super) fn request(&mut self, connection: Connection, client: u128) -> Verdict {
        match self.connections.get(&connection) {
            Some(&Peer::Likely(own)) => {
                if self.registers_late && own == client {
                    self.clients.entry(client).or_insert(connection);
                }
                Verdict::Keep
            }
            Some(&Peer::Certain(own)) if own == client => Verdict::Keep,
            Some(Peer::Certain(_)) => Verdict::Close,
            Some(Peer::Unknown) | None if client == 0 => Verdict::Abort,
            Some(Peer::Unknown) | None => {
                self.connections.insert(connection, Peer::Likely(client));
                self.clients.entry(client).or_insert(connection);
                Verdict::Keep
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Connection = Connection(1);
    const B: Connection = Connection(2);

    fn peers() -> Peers {
        let mut peers = Peers::default();
        peers.opened(A);
        peers.opened(B);
        peers
    }

    #[test]
    fn likely_does_not_replace_and_certain_does() {
        let mut peers = peers();
        assert_eq!(peers.request(A, 7), Verdict::Keep);
        assert_eq!(peers.request(B, 7), Verdict::Keep);
        assert_eq!(peers.registered(7), Some(A));
        assert_eq!(peers.ping(B, 7), Verdict::Replace(A));
        assert_eq!((peers.registered(7), peers.connections.contains_key(&A)), (Some(B), false));
        assert_eq!(peers.ping(B, 7), Verdict::Keep);
    }

    #[test]
    fn second_likely_connection_stays_without_replies_until_it_pings() {
        let mut peers = peers();
        peers.request(A, 7);
        peers.request(B, 7);
        peers.closed(A);
        peers.request(B, 7);
        assert_eq!(peers.registered(7), None);
        peers.ping(B, 7);
        assert_eq!(peers.registered(7), Some(B));

        let mut peers = Peers { registers_late: true, ..self::peers() };
        peers.request(A, 7);
        peers.request(B, 7);
        assert_eq!(peers.registered(7), Some(A));
        peers.closed(A);
        peers.request(B, 7);
        assert_eq!(peers.registered(7), Some(B));
    }

    #[test]
    fn another_client_is_borne_on_a_likely_connection_only() {
        let mut peers = peers();
        peers.request(A, 7);
        assert_eq!(peers.request(A, 0), Verdict::Keep);
        assert_eq!(peers.request(A, 8), Verdict::Keep);
        assert_eq!(peers.registered(8), None);
        assert_eq!(peers.ping(A, 8), Verdict::Close);
        peers.ping(B, 9);
        assert_eq!(peers.request(B, 9), Verdict::Keep);
        assert_eq!(peers.request(B, 0), Verdict::Close);
        assert_eq!(peers.ping(B, 7), Verdict::Close);
    }

    #[test]
    fn no_client_as_the_first_is_fatal() {
        assert_eq!(peers().request(A, 0), Verdict::Abort);
    }
}
