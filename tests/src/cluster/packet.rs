//! A message as it goes over a connection.

use aof_nostd::message::{self, Command, Frame, HEADER_SIZE, Message};
use aof_nostd::{Checksum, TigerBeetle};
use std::fmt;
use std::sync::Arc;

/// A header and its body, shared by those who hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// The header's bytes.
    pub header: [u8; HEADER_SIZE],
    /// The body's bytes.
    pub body: Arc<[u8]>,
}

impl Packet {
    /// Seals a message with this body.
    ///
    /// # Panics
    ///
    /// If the body is larger than a message can be.
    #[must_use]
    pub fn seal<M: Message>(mut message: M, profile: &TigerBeetle, body: &[u8]) -> Self {
        message::seal(&mut message, profile, body).expect("a body fits a message");
        Self { header: message.header(), body: body.into() }
    }

    /// Looks at the header as a message of one kind.
    #[must_use]
    pub fn view<M: Message>(&self) -> &M {
        M::view(&self.header)
    }

    fn frame(&self) -> &Frame {
        // Any message has the frame first.
        self.view::<message::PongClient>().frame()
    }

    /// What the message is.
    #[must_use]
    pub fn command(&self) -> Command {
        self.frame().command()
    }

    /// The header's checksum: the message's identity.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        self.frame().checksum
    }

    /// Header and body, one behind the other.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [&self.header, &self.body[..]].concat()
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet(command {}, {} bytes)", self.command().0, HEADER_SIZE + self.body.len())
    }
}

/// The messages of a stream. Checksums are not looked at.
///
/// # Panics
///
/// If the stream does not end with a message.
#[must_use]
pub fn packets(stream: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut rest = stream;
    while let Some((header, behind)) = rest.split_first_chunk::<HEADER_SIZE>() {
        let body_size = message::PongClient::view(header).frame.body_size() as usize;
        let (body, behind) = behind.split_at(body_size);
        packets.push(Packet { header: *header, body: body.into() });
        rest = behind;
    }
    assert!(rest.is_empty(), "the stream ends within a header");
    packets
}
