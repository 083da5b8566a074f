//! What is to go wrong, and when.

use super::link::Outgoing;
use crate::cluster::packet::Packet;
use aof_nostd::TigerBeetle;
use aof_nostd::message::{EvictionReason, Reply};
use std::time::Duration;

/// Whom it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// This replica.
    Replica(u8),
    /// The primary of the moment.
    Primary,
}

/// Something that goes wrong. Requests and replies are counted from 0, over all connections, in the order
/// in which they come and go; pings, pongs and evictions are not counted, repeats are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first `size` bytes of a reply are sent, and the connection is closed.
    CutReply {
        /// Which reply.
        reply: usize,
        /// Bytes of it.
        size: usize,
    },
    /// A bit of a reply is flipped.
    FlipReply {
        /// Which reply.
        reply: usize,
        /// Which bit, counted from the reply's first byte.
        bit: usize,
    },
    /// Before a reply the one before it is sent again.
    OlderFirst {
        /// Which reply.
        reply: usize,
    },
    /// A reply is sent twice.
    Twice {
        /// Which reply.
        reply: usize,
    },
    /// A reply is not sent.
    SwallowReply {
        /// Which reply.
        reply: usize,
    },
    /// A reply has another body, with the checksums of it.
    Results {
        /// Which reply.
        reply: usize,
        /// Its body.
        body: Vec<u8>,
    },
    /// A request does not reach the replica.
    SwallowRequest {
        /// Which request.
        request: usize,
    },
    /// A request is refused, whatever it is, and does not reach the replica.
    Evict {
        /// Which request.
        request: usize,
        /// The reason given.
        reason: EvictionReason,
    },
    /// Everything is written one byte at a time.
    ByteByByte,
    /// Each reply waits before it is written.
    DelayReplies(Duration),
    /// The first connections, of whatever replica, are closed as soon as they are accepted.
    CloseAtOnce {
        /// How many.
        connections: usize,
    },
    /// Connections are accepted, and whatever comes is received and not looked at.
    Silent,
    /// A replica dies as soon as an operation is committed.
    Kill {
        /// Which operation.
        op: u64,
        /// Which replica.
        victim: Victim,
        /// Whether it sends the reply before.
        answered: bool,
        /// When it starts again.
        restart_after: Option<Duration>,
    },
}

/// The faults of a server, and how far it has counted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<Fault>,
    replies: usize,
    requests: usize,
    connections: usize,
    last_reply: Option<Packet>,
}

/// What becomes of a request.
pub(super) enum RequestFate {
    Arrives,
    Lost,
    Refused(EvictionReason),
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::default() }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Whether a connection that was accepted is to be closed.
    pub(super) fn closes_connection(&mut self) -> bool {
        let index = self.connections;
        self.connections += 1;
        let closes =
            |fault: &Fault| matches!(fault, Fault::CloseAtOnce { connections } if index < *connections);
        self.faults.iter().any(closes)
    }

    /// Whether everything that comes is ignored.
    pub(super) fn is_silent(&self) -> bool {
        self.faults.contains(&Fault::Silent)
    }

    pub(super) fn request(&mut self) -> RequestFate {
        let index = self.requests;
        self.requests += 1;
        for fault in &self.faults {
            match *fault {
                Fault::SwallowRequest { request } if request == index => return RequestFate::Lost,
                Fault::Evict { request, reason } if request == index => return RequestFate::Refused(reason),
                _ => {}
            }
        }
        RequestFate::Arrives
    }

    /// The deaths that follow a commit.
    pub(super) fn kills(&self, committed: u64) -> Vec<Fault> {
        let kills = |fault: &&Fault| matches!(fault, Fault::Kill { op, .. } if *op == committed);
        self.faults.iter().filter(kills).cloned().collect()
    }

    /// How a message other than a reply is written.
    pub(super) fn message(&self, packet: &Packet) -> Outgoing {
        Outgoing {
            bytes: packet.bytes(),
            delay: Duration::ZERO,
            byte_by_byte: self.faults.contains(&Fault::ByteByByte),
            close: false,
        }
    }

    /// What is written in a reply's place.
    pub(super) fn reply(&mut self, packet: &Packet) -> Vec<Outgoing> {
        let index = self.replies;
        self.replies += 1;
        let older = self.last_reply.replace(packet.clone());
        let mut writes = vec![self.message(packet)];
        for fault in &self.faults {
            match *fault {
                Fault::CutReply { reply, size } if reply == index => {
                    for write in writes.iter_mut().rev().take(1) {
                        write.bytes.truncate(size);
                        write.close = true;
                    }
                }
                Fault::FlipReply { reply, bit } if reply == index => {
                    for write in writes.iter_mut().rev().take(1) {
                        write.bytes[bit / 8] ^= 1 << (bit % 8);
                    }
                }
                Fault::OlderFirst { reply } if reply == index => {
                    writes.splice(..0, older.as_ref().map(|older| self.message(older)));
                }
                Fault::Twice { reply } if reply == index => writes.push(self.message(packet)),
                Fault::SwallowReply { reply } if reply == index => writes.clear(),
                _ => {}
            }
            if let Fault::Results { reply, body } = fault
                && *reply == index
            {
                let header = *packet.view::<Reply>();
                writes = vec![self.message(&Packet::seal(header, &TigerBeetle::default(), body))];
            }
        }
        for fault in &self.faults {
            if let (Fault::DelayReplies(delay), Some(first)) = (fault, writes.first_mut()) {
                first.delay = *delay;
            }
        }
        writes
    }
}
