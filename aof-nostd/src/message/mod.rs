//! The messages between a client and a replica, viewed in place: what a replay sends and receives.
//!
//! A message is a header of 256 bytes and a body of `size - 256`; a stream is messages back to back.
//! Every header begins with the same [`Frame`]; what follows depends on the command:
//!
//! | command | type | direction | body |
//! |---|---|---|---|
//! | 3 | [`PingClient`] | to the replica | none |
//! | 4 | [`PongClient`] | to the client | none |
//! | 5 | [`Request`] | to the replica | by operation; of a register [`RegisterRequest`] |
//! | 8 | [`Reply`] | to the client | by operation; to a register [`RegisterResult`] |
//! | 18 | [`Eviction`] | to the client | none |
//!
//! An entry's prepare ([`wire::Header`](crate::wire::Header)) has the same frame, and a request the same
//! body as the prepare that a replica makes of it: a replay copies bodies, and their checksums with them.
//!
//! ```
//! use aof_nostd::message::{self, Message, Request};
//! use aof_nostd::{Checksum, TigerBeetle, wire::{Operation, Release}};
//!
//! let profile = TigerBeetle::default();
//! let mut request = Request::new(0, Release::new(65535, 0, 0), 4_294_901_760);
//! request.operation = Operation::REGISTER.0;
//! request.timestamp = 1.into();
//! message::seal(&mut request, &profile, &[0; 256])?;
//! assert_eq!(request.frame.checksum.to_string(), "36577ae8bc6cef12d2f913a8099b408f");
//! assert_eq!(request.rule(), None);
//! # Ok::<(), message::FrameError>(())
//! ```
//!
//! What the bodies of the operations that create accounts and transfers hold: [`Events`].
//!
//! # Trust
//!
//! Three steps, each on bytes from a peer that is not trusted: [`Frame::check`] says whether a header
//! may be believed, so that its size can be; [`Frame::check_body`] the same of the body; [`Message::rule`]
//! names the rule that a message breaks whose checksums are right. A replica, and a client like it, closes
//! the connection after a failure of the first two, and ignores a message that fails the third.
//!
//! Facts: the client protocol of TigerBeetle 0.17, written down in `docs/replay.md`.

mod batch;
mod event;
mod events;
mod eviction;
#[cfg(feature = "defmt")]
mod format;
mod frame;
mod layout;

pub use self::batch::{BatchError, Batches};
pub use self::event::{Account, EVENT_SIZE, Flags, Transfer};
pub use self::events::{Event, EventForm, EventKind, Events, EventsError};
pub use self::eviction::{Eviction, EvictionReason};
pub use self::frame::{Command, FRAME_SIZE, Frame, FrameError};
pub use self::layout::{
    Message, MessageRule, PingClient, PongClient, REGISTER_BODY_SIZE, RegisterRequest, RegisterResult, Reply,
    Request, reply_context, seal, seal_with,
};
pub use crate::wire::HEADER_SIZE;

/// The largest message of any cluster in production, header included: 1 MiB.
pub const MESSAGE_SIZE_MAX: u32 = 1 << 20;

/// The largest body of a request: what is left of [`MESSAGE_SIZE_MAX`].
pub const BODY_SIZE_MAX: u32 = MESSAGE_SIZE_MAX - crate::wire::HEADER_SIZE_U32;
