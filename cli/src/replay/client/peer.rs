//! One replica, as the client sees it.

use super::error::{Closed, PeerReport};
use super::timing::{CONNECT_TIMEOUT, Jitter, Time, connect_delay};
use aof_nostd::wire::Release;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Connect at this time.
    None(Time),
    /// Give up at this time.
    Connecting(Time),
    Connected,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    link: Link,
    /// Connections since anything came.
    attempts: u32,
    /// A reply came on this connection, so the replica has read a request on it: pulses may follow.
    pub(super) introduced: bool,
    /// A request was sent on this connection.
    pub(super) asked: bool,
    /// The request in flight was sent on this connection.
    has_request: bool,
    /// The connection, or the next one, only begins with a ping: the replica then drops all others of the
    /// client, with whatever is still unread on them.
    pub(super) clears: bool,
    report: PeerReport,
}

impl Peer {
    pub(super) fn new(now: Time) -> Self {
        Self {
            link: Link::None(now),
            attempts: 0,
            introduced: false,
            asked: false,
            has_request: false,
            clears: false,
            report: PeerReport::default(),
        }
    }

    pub(super) fn report(&self) -> PeerReport {
        PeerReport { connected: self.is_connected(), ..self.report.clone() }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link == Link::Connected
    }

    /// Whether there is a connection, or one is being made.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.link, Link::None(_))
    }

    /// Whether it is time to connect; from then on it is being done.
    pub(super) fn connects(&mut self, now: Time) -> bool {
        let due = matches!(self.link, Link::None(at) if at <= now);
        if due {
            self.link = Link::Connecting(now + CONNECT_TIMEOUT);
        }
        due
    }

    /// Whether an attempt to connect takes too long.
    pub(super) fn gives_up(&self, now: Time) -> bool {
        matches!(self.link, Link::Connecting(until) if until <= now)
    }

    /// A new request is in flight.
    pub(super) fn begins_request(&mut self) {
        self.has_request = false;
        self.report.left = false;
    }

    /// The request in flight was sent on the connection.
    pub(super) fn sent_request(&mut self) {
        self.asked = true;
        self.has_request = true;
    }

    pub(super) fn connected(&mut self) {
        self.link = Link::Connected;
        self.has_request = false;
        self.introduced = false;
        self.asked = false;
    }

    pub(super) fn disconnected(&mut self, why: Option<Closed>, now: Time, jitter: &mut Jitter) {
        self.link = Link::None(now + connect_delay(self.attempts, jitter));
        self.attempts = self.attempts.saturating_add(1);
        self.introduced = false;
        self.asked = false;
        self.report.left |= std::mem::take(&mut self.has_request);
        self.report.closed = why;
    }

    /// Drops the connection for a new one, at once.
    pub(super) fn renew(&mut self, now: Time) {
        self.link = Link::None(now);
        self.has_request = false;
        self.introduced = false;
        self.asked = false;
    }

    /// Something came: the connection works.
    pub(super) fn heard(&mut self) {
        self.attempts = 0;
        self.report.heard = true;
    }

    pub(super) fn ponged(&mut self, view: u32, release: Release) {
        self.report.pong = Some((view, release));
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.link {
            Link::None(at) | Link::Connecting(at) => Some(at),
            Link::Connected => None,
        }
    }
}
