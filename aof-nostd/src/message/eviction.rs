//! A replica refuses a client, and says why in one byte.

use super::layout::{Message, MessageRule};
use super::{Command, Frame};
use core::fmt;
use core::mem::{offset_of, size_of};
use zerocopy::little_endian::U128;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A primary's refusal. What it refuses was not logged.
///
/// | offset | size | field | rule |
/// |---|---|---|---|
/// | 0 | 128 | frame | `release` is the cluster's |
/// | 128 | 16 | client | whom it is about; not 0 |
/// | 144 | 111 | reserved | 0 |
/// | 255 | 1 | reason | see [`EvictionReason`] |
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Eviction {
    /// See [`Frame`].
    pub frame: Frame,
    /// Whom it is about. Not always the client of the connection.
    pub client: U128,
    /// Zero.
    pub reserved: [u8; 111],
    /// See [`EvictionReason`].
    pub reason: u8,
}

const _: () = {
    assert!(size_of::<Eviction>() == super::HEADER_SIZE);
    assert!(offset_of!(Eviction, client) == 128);
    assert!(offset_of!(Eviction, reason) == 255);
};

impl Eviction {
    /// Why, where the value has a meaning.
    #[must_use]
    pub const fn reason(&self) -> Option<EvictionReason> {
        EvictionReason::new(self.reason)
    }
}

impl Message for Eviction {
    const COMMAND: Command = Command::EVICTION;

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
        if self.reserved != [0; 111] {
            return Some(MessageRule::Reserved);
        }
        if self.reason().is_none() { Some(MessageRule::Reason) } else { None }
    }
}

/// Why a replica refuses a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum EvictionReason {
    /// The client has no session: it never registered, or 64 others did since.
    NoSession = 1,
    /// The client's release is older than what the cluster accepts.
    ClientReleaseTooLow = 2,
    /// The client's release is newer than the cluster's.
    ClientReleaseTooHigh = 3,
    /// The cluster's release does not know the operation.
    InvalidRequestOperation = 4,
    /// The body does not have the form that its operation asks for.
    InvalidRequestBody = 5,
    /// The body is larger than the cluster's request limit.
    InvalidRequestBodySize = 6,
    /// The session was replaced by a newer one of the same client.
    SessionTooLow = 7,
    /// The request's release is not the one that the session was registered with.
    SessionReleaseMismatch = 8,
}

impl EvictionReason {
    /// The reason with this number, 1 to 8.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::NoSession,
            2 => Self::ClientReleaseTooLow,
            3 => Self::ClientReleaseTooHigh,
            4 => Self::InvalidRequestOperation,
            5 => Self::InvalidRequestBody,
            6 => Self::InvalidRequestBodySize,
            7 => Self::SessionTooLow,
            8 => Self::SessionReleaseMismatch,
            _ => return None,
        })
    }

    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::ClientReleaseTooLow => "client_release_too_low",
            Self::ClientReleaseTooHigh => "client_release_too_high",
            Self::InvalidRequestOperation => "invalid_request_operation",
            Self::InvalidRequestBody => "invalid_request_body",
            Self::InvalidRequestBodySize => "invalid_request_body_size",
            Self::SessionTooLow => "session_too_low",
            Self::SessionReleaseMismatch => "session_release_mismatch",
        }
    }
}

impl fmt::Display for EvictionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
