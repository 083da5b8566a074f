//! What follows the frame, by command, and the rules of each.

use super::frame::covered;
use super::{BODY_SIZE_MAX, Command, Frame, FrameError, HEADER_SIZE};
use crate::checksum::{Checksum, Profile};
use crate::wire::{HEADER_SIZE_U32, Op, Operation, Release};
use core::fmt;
use core::mem::{offset_of, size_of};
use zerocopy::little_endian::{U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A rule that a message with right checksums breaks. Such a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MessageRule {
    /// The fields of the frame that are reserved are 0, and the release is not.
    Frame,
    /// The command is the one of the type.
    Command,
    /// The size is right for the command and the operation.
    Size,
    /// Paddings and reserved fields are 0.
    Reserved,
    /// The client is not 0, but in a pulse.
    Client,
    /// The request number is 0 in a register, and in nothing else.
    Request,
    /// Session and parent are 0 in a register, and the session in nothing else.
    Session,
    /// The op of a reply is its commit, and not 0.
    Op,
    /// The timestamp of a reply is not 0.
    Timestamp,
    /// The reason of an eviction is 1 to 8.
    Reason,
}

impl fmt::Display for MessageRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame => "a reserved field of the frame is not 0, or the release is",
            Self::Command => "the command is another one",
            Self::Size => "the size is not right for the command",
            Self::Reserved => "a reserved field is not 0",
            Self::Client => "the client is 0",
            Self::Request => "the request number does not suit the operation",
            Self::Session => "session or parent do not suit the operation",
            Self::Op => "op is 0, or not the commit",
            Self::Timestamp => "the timestamp is 0",
            Self::Reason => "the reason is unknown",
        })
    }
}

/// A message header: 256 bytes, viewed in place.
pub trait Message:
    FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Clone + fmt::Debug + PartialEq
{
    /// The command in the frame.
    const COMMAND: Command;

    /// Its first half.
    fn frame(&self) -> &Frame;

    /// Its first half.
    fn frame_mut(&mut self) -> &mut Frame;

    /// The first rule of the second half that it breaks.
    #[doc(hidden)]
    fn rule_of_command(&self) -> Option<MessageRule>;

    /// The first rule that it breaks, `None` if it keeps all. Checksums are not looked at.
    fn rule(&self) -> Option<MessageRule> {
        if !self.frame().is_valid() {
            return Some(MessageRule::Frame);
        }
        if self.frame().command() != Self::COMMAND {
            return Some(MessageRule::Command);
        }
        self.rule_of_command()
    }

    /// The header as bytes.
    fn header(&self) -> [u8; HEADER_SIZE] {
        const { assert!(size_of::<Self>() == HEADER_SIZE, "a header has 256 bytes") };
        let mut header = [0; HEADER_SIZE];
        header.copy_from_slice(self.as_bytes());
        header
    }

    /// Views a header's bytes. Any bytes will do: see [`rule`](Self::rule).
    #[must_use]
    fn view(header: &[u8; HEADER_SIZE]) -> &Self {
        const { assert!(size_of::<Self>() == HEADER_SIZE, "a header has 256 bytes") };
        zerocopy::transmute_ref!(header)
    }
}

/// Fills in size and checksums for `body`; nothing else changes.
///
/// # Errors
///
/// [`FrameError::Size`]: the body is larger than [`BODY_SIZE_MAX`]. The message is as it was.
pub fn seal<M: Message, P: Profile>(message: &mut M, profile: &P, body: &[u8]) -> Result<(), FrameError> {
    let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if size > BODY_SIZE_MAX {
        return Err(FrameError::Size(size.saturating_add(HEADER_SIZE_U32)));
    }
    seal_with(message, profile, size, profile.checksum(body))
}

/// [`seal`] for a body whose checksum is known, as a prepare's is: the body is not read.
///
/// # Errors
///
/// [`FrameError::Size`]: the body is larger than [`BODY_SIZE_MAX`]. The message is as it was.
pub fn seal_with<M: Message, P: Profile>(
    message: &mut M,
    profile: &P,
    body_size: u32,
    checksum_body: Checksum,
) -> Result<(), FrameError> {
    let size = body_size.saturating_add(HEADER_SIZE_U32);
    if body_size > BODY_SIZE_MAX {
        return Err(FrameError::Size(size));
    }
    message.frame_mut().size = size.into();
    message.frame_mut().checksum_body = checksum_body;
    let checksum = profile.checksum(covered(&message.header()));
    message.frame_mut().checksum = checksum;
    Ok(())
}

fn new<M: Message>(cluster: u128, release: Release) -> M {
    let mut message = M::new_zeroed();
    let frame = message.frame_mut();
    frame.cluster = cluster.into();
    frame.size = HEADER_SIZE_U32.into();
    frame.release = release.0.into();
    frame.command = M::COMMAND.0;
    message
}

/// A client asks for an operation.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 128 | frame | |
/// | 128 | 16 | parent | `context` of the reply before; 0 in a register |
/// | 144 | 16 | parent_padding | 0 |
/// | 160 | 16 | client | not 0, but in a pulse |
/// | 176 | 8 | session | `commit` of the reply to the register; 0 in that |
/// | 184 | 8 | timestamp | ns; in recovery not 0 |
/// | 192 | 4 | request | from 1, one by one; 0 in a register |
/// | 196 | 1 | operation | |
/// | 197 | 3 | padding | 0 |
/// | 200 | 4 | previous_request_latency | µs; in a replay 0 |
/// | 204 | 52 | reserved | 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Request {
    /// See [`Frame`].
    pub frame: Frame,
    /// `context` of the reply before: the session's hash chain.
    pub parent: Checksum,
    /// Zero: room for a longer checksum.
    pub parent_padding: U128,
    /// Who asks.
    pub client: U128,
    /// `commit` of the reply to the register.
    pub session: U64,
    /// In recovery the timestamp that the operation is to have, ns; otherwise 0.
    pub timestamp: U64,
    /// The request's number in the session.
    pub request: U32,
    /// See [`Operation`].
    pub operation: u8,
    /// Zero.
    pub padding: [u8; 3],
    /// Statistics, µs. In a replay 0, as it goes into the checksum.
    pub previous_request_latency: U32,
    /// Zero.
    pub reserved: [u8; 52],
}

const _: () = {
    assert!(size_of::<Request>() == HEADER_SIZE);
    assert!(offset_of!(Request, parent) == 128);
    assert!(offset_of!(Request, client) == 160);
    assert!(offset_of!(Request, session) == 176);
    assert!(offset_of!(Request, timestamp) == 184);
    assert!(offset_of!(Request, request) == 192);
    assert!(offset_of!(Request, operation) == 196);
    assert!(offset_of!(Request, previous_request_latency) == 200);
    assert!(offset_of!(Request, reserved) == 204);
};

impl Request {
    /// A request with all else zero, and not sealed.
    #[must_use]
    pub fn new(cluster: u128, release: Release, client: u128) -> Self {
        let mut request: Self = new(cluster, release);
        request.client = client.into();
        request
    }

    /// See [`Operation`].
    #[must_use]
    pub const fn operation(&self) -> Operation {
        Operation(self.operation)
    }
}

impl Message for Request {
    const COMMAND: Command = Command::REQUEST;

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    fn rule_of_command(&self) -> Option<MessageRule> {
        let zeros = self.parent_padding == U128::ZERO && self.padding == [0; 3] && self.reserved == [0; 52];
        if !zeros {
            return Some(MessageRule::Reserved);
        }
        let begun = self.session != U64::ZERO || self.parent != Checksum::ZERO;
        match self.operation() {
            Operation::PULSE if self.client == U128::ZERO => {
                let numbered = begun || self.request != U32::ZERO;
                if numbered { Some(MessageRule::Request) } else { None }
            }
            _ if self.client == U128::ZERO => Some(MessageRule::Client),
            Operation::REGISTER if begun => Some(MessageRule::Session),
            Operation::REGISTER if self.request != U32::ZERO => Some(MessageRule::Request),
            Operation::REGISTER if self.frame.body_size() != REGISTER_BODY_SIZE => Some(MessageRule::Size),
            Operation::REGISTER => None,
            _ if self.session == U64::ZERO => Some(MessageRule::Session),
            _ if self.request == U32::ZERO => Some(MessageRule::Request),
            _ => None,
        }
    }
}

/// Bytes of the body of a register.
pub const REGISTER_BODY_SIZE: u32 = 256;

/// The body of a register: all zero. Servers abort on anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RegisterRequest {
    /// Zero: the replica fills in the limit.
    pub batch_size_limit: U32,
    /// Zero.
    pub reserved: [u8; 252],
}

/// The body of the reply to a register.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 4 | batch_size_limit | bytes, 1 to [`BODY_SIZE_MAX`]: bounds the body of every request |
/// | 4 | 60 | reserved | 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RegisterResult {
    /// The largest body of a request, bytes.
    pub batch_size_limit: U32,
    /// Zero.
    pub reserved: [u8; 60],
}

const _: () = {
    assert!(size_of::<RegisterRequest>() == REGISTER_BODY_SIZE as usize);
    assert!(size_of::<RegisterResult>() == 64);
};

/// A replica answers a request.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 128 | frame | `release` is the session's |
/// | 128 | 16 | request_checksum | the request's checksum |
/// | 144 | 16 | request_checksum_padding | 0 |
/// | 160 | 16 | context | the next request's parent, see [`reply_context`] |
/// | 176 | 16 | context_padding | 0 |
/// | 192 | 16 | client | not 0 |
/// | 208 | 8 | op | the entry's in the cluster's log, from 1 |
/// | 216 | 8 | commit | `op` |
/// | 224 | 8 | timestamp | the entry's, ns; not 0 |
/// | 232 | 4 | request | |
/// | 236 | 1 | operation | |
/// | 237 | 19 | reserved | 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Reply {
    /// See [`Frame`].
    pub frame: Frame,
    /// Checksum of the request.
    pub request_checksum: Checksum,
    /// Zero: room for a longer checksum.
    pub request_checksum_padding: U128,
    /// The next request's parent.
    pub context: Checksum,
    /// Zero: room for a longer checksum.
    pub context_padding: U128,
    /// Who asked.
    pub client: U128,
    /// The entry's number in the cluster's log.
    pub op: U64,
    /// The same.
    pub commit: U64,
    /// The entry's timestamp, ns. In recovery the request's.
    pub timestamp: U64,
    /// The request's number.
    pub request: U32,
    /// See [`Operation`].
    pub operation: u8,
    /// Zero.
    pub reserved: [u8; 19],
}

const _: () = {
    assert!(size_of::<Reply>() == HEADER_SIZE);
    assert!(offset_of!(Reply, request_checksum) == 128);
    assert!(offset_of!(Reply, context) == 160);
    assert!(offset_of!(Reply, client) == 192);
    assert!(offset_of!(Reply, op) == 208);
    assert!(offset_of!(Reply, commit) == 216);
    assert!(offset_of!(Reply, timestamp) == 224);
    assert!(offset_of!(Reply, request) == 232);
    assert!(offset_of!(Reply, operation) == 236);
};

impl Reply {
    /// A reply with all else zero, and not sealed.
    #[must_use]
    pub fn new(cluster: u128, release: Release, client: u128) -> Self {
        let mut reply: Self = new(cluster, release);
        reply.client = client.into();
        reply
    }

    /// See [`Op`].
    #[must_use]
    pub const fn op(&self) -> Op {
        Op(self.op.get())
    }

    /// See [`Operation`].
    #[must_use]
    pub const fn operation(&self) -> Operation {
        Operation(self.operation)
    }
}

/// The `context` of a sealed reply: the checksum of its header with this field zero.
#[must_use]
pub fn reply_context<P: Profile>(reply: &Reply, profile: &P) -> Checksum {
    let mut reply = *reply;
    reply.context = Checksum::ZERO;
    profile.checksum(covered(&reply.header()))
}

impl Message for Reply {
    const COMMAND: Command = Command::REPLY;

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    fn rule_of_command(&self) -> Option<MessageRule> {
        let zeros = self.request_checksum_padding == U128::ZERO
            && self.context_padding == U128::ZERO
            && self.reserved == [0; 19];
        if !zeros {
            return Some(MessageRule::Reserved);
        }
        if self.client == U128::ZERO {
            return Some(MessageRule::Client);
        }
        if self.op != self.commit || self.op == U64::ZERO {
            return Some(MessageRule::Op);
        }
        if self.timestamp == U64::ZERO {
            return Some(MessageRule::Timestamp);
        }
        let is_register = self.operation() == Operation::REGISTER;
        if is_register && self.frame.body_size() as usize != size_of::<RegisterResult>() {
            return Some(MessageRule::Size);
        }
        if is_register != (self.request == U32::ZERO) { Some(MessageRule::Request) } else { None }
    }
}

/// A client shows a replica that it is there. The connection is the client's from then on.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 128 | frame | `view` 0, `replica` 0, no body |
/// | 128 | 16 | client | not 0 |
/// | 144 | 8 | ping_timestamp_monotonic | ns, any clock of the client's |
/// | 152 | 8 | session | 0 where there is none |
/// | 160 | 96 | reserved | 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct PingClient {
    /// See [`Frame`].
    pub frame: Frame,
    /// Who pings.
    pub client: U128,
    /// The pong brings it back.
    pub ping_timestamp_monotonic: U64,
    /// The client's session.
    pub session: U64,
    /// Zero.
    pub reserved: [u8; 96],
}

const _: () = {
    assert!(size_of::<PingClient>() == HEADER_SIZE);
    assert!(offset_of!(PingClient, client) == 128);
    assert!(offset_of!(PingClient, ping_timestamp_monotonic) == 144);
    assert!(offset_of!(PingClient, session) == 152);
    assert!(offset_of!(PingClient, reserved) == 160);
};

impl PingClient {
    /// A ping with all else zero, and not sealed.
    #[must_use]
    pub fn new(cluster: u128, release: Release, client: u128) -> Self {
        let mut ping: Self = new(cluster, release);
        ping.client = client.into();
        ping
    }
}

impl Message for PingClient {
    const COMMAND: Command = Command::PING_CLIENT;

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    fn rule_of_command(&self) -> Option<MessageRule> {
        if self.frame.body_size() != 0 {
            return Some(MessageRule::Size);
        }
        if self.client == U128::ZERO {
            return Some(MessageRule::Client);
        }
        if self.reserved != [0; 96] { Some(MessageRule::Reserved) } else { None }
    }
}

/// A replica answers a ping.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 128 | frame | `view` and `release` are the replica's; no body |
/// | 128 | 8 | ping_timestamp_monotonic | the ping's |
/// | 136 | 120 | reserved | 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct PongClient {
    /// See [`Frame`].
    pub frame: Frame,
    /// The ping's.
    pub ping_timestamp_monotonic: U64,
    /// Zero.
    pub reserved: [u8; 120],
}

const _: () = {
    assert!(size_of::<PongClient>() == HEADER_SIZE);
    assert!(offset_of!(PongClient, ping_timestamp_monotonic) == 128);
    assert!(offset_of!(PongClient, reserved) == 136);
};

impl PongClient {
    /// A pong with all else zero, and not sealed.
    #[must_use]
    pub fn new(cluster: u128, release: Release) -> Self {
        new(cluster, release)
    }
}

impl Message for PongClient {
    const COMMAND: Command = Command::PONG_CLIENT;

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    fn rule_of_command(&self) -> Option<MessageRule> {
        if self.frame.body_size() != 0 {
            return Some(MessageRule::Size);
        }
        if self.reserved != [0; 120] { Some(MessageRule::Reserved) } else { None }
    }
}
