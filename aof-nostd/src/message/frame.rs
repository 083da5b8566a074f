//! The first 128 bytes of every message header, and whether a header may be believed.
//!
//! | offset | size | field | rule |
//! |---|---|---|---|
//! | 0 | 16 | checksum | over the header's bytes 16..256 |
//! | 16 | 16 | checksum_padding | 0 |
//! | 32 | 16 | checksum_body | over the body |
//! | 48 | 16 | checksum_body_padding | 0 |
//! | 64 | 16 | nonce_reserved | 0 |
//! | 80 | 16 | cluster | that of the connection |
//! | 96 | 4 | size | header and body: 256 to the limit |
//! | 100 | 4 | epoch | 0 |
//! | 104 | 4 | view | |
//! | 108 | 4 | release | not 0 |
//! | 112 | 2 | protocol | 0 |
//! | 114 | 1 | command | see [`Command`] |
//! | 115 | 1 | replica | |
//! | 116 | 12 | reserved_frame | 0 |

use crate::checksum::{Checksum, Profile};
use crate::wire::{HEADER_SIZE, HEADER_SIZE_U32, Release};
use core::fmt;
use core::mem::{offset_of, size_of};
use zerocopy::little_endian::{U16, U32, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a [`Frame`].
pub const FRAME_SIZE: usize = 128;

/// What a message is. Values without a name stay representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Command(pub u8);

impl Command {
    /// A client shows that it is there.
    pub const PING_CLIENT: Self = Self(3);
    /// A replica answers a ping.
    pub const PONG_CLIENT: Self = Self(4);
    /// A client asks for an operation.
    pub const REQUEST: Self = Self(5);
    /// A replica's primary made an entry of a request.
    pub const PREPARE: Self = Self(crate::wire::COMMAND_PREPARE);
    /// A replica answers a request.
    pub const REPLY: Self = Self(8);
    /// A replica refuses a client.
    pub const EVICTION: Self = Self(18);
}

/// The first half of a message header, the same for every command.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Frame {
    /// Over the header's bytes 16..256. Identifies the message.
    pub checksum: Checksum,
    /// Zero: room for a longer checksum.
    pub checksum_padding: U128,
    /// Over the body.
    pub checksum_body: Checksum,
    /// Zero: room for a longer checksum.
    pub checksum_body_padding: U128,
    /// Zero.
    pub nonce_reserved: U128,
    /// The cluster that both sides belong to.
    pub cluster: U128,
    /// Header and body, bytes.
    pub size: U32,
    /// Zero.
    pub epoch: U32,
    /// The sender's view, as far as it knows; zero in a ping.
    pub view: U32,
    /// The session's release, or the replica's; not zero.
    pub release: U32,
    /// Zero.
    pub protocol: U16,
    /// See [`Command`].
    pub command: u8,
    /// The replica that made the message, by its place in the cluster; zero from a client.
    pub replica: u8,
    /// Zero.
    pub reserved_frame: [u8; 12],
}

const _: () = {
    assert!(size_of::<Frame>() == FRAME_SIZE);
    assert!(align_of::<Frame>() == 1);
    assert!(offset_of!(Frame, checksum_body) == 32);
    assert!(offset_of!(Frame, nonce_reserved) == 64);
    assert!(offset_of!(Frame, cluster) == 80);
    assert!(offset_of!(Frame, size) == 96);
    assert!(offset_of!(Frame, view) == 104);
    assert!(offset_of!(Frame, release) == 108);
    assert!(offset_of!(Frame, command) == 114);
    assert!(offset_of!(Frame, replica) == 115);
    assert!(offset_of!(Frame, reserved_frame) == 116);
};

/// Why a header or a body cannot be believed. Nothing behind it in the stream can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrameError {
    /// The header's checksum is not that of its bytes.
    HeaderChecksum,
    /// The size is below 256, or above the limit.
    Size(u32),
    /// The message is of another cluster.
    Cluster(u128),
    /// The body's checksum is not that of its bytes.
    BodyChecksum,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderChecksum => f.write_str("a message's header does not have its checksum"),
            Self::Size(size) => write!(f, "a message's size of {size} bytes is out of range"),
            Self::Cluster(cluster) => write!(f, "a message is of cluster {cluster}"),
            Self::BodyChecksum => f.write_str("a message's body does not have its checksum"),
        }
    }
}

impl core::error::Error for FrameError {}

impl Frame {
    /// Whether the header that these bytes are may be believed: checksum, cluster, and a size of 256 to
    /// `size_max`. Gives its frame.
    ///
    /// # Errors
    ///
    /// [`FrameError`], but not `BodyChecksum`.
    pub fn check<'a, P: Profile>(
        header: &'a [u8; HEADER_SIZE],
        profile: &P,
        cluster: u128,
        size_max: u32,
    ) -> Result<&'a Self, FrameError> {
        let Ok((frame, _)) = Self::ref_from_prefix(header.as_slice()) else {
            return Err(FrameError::HeaderChecksum); // a frame is shorter than a header, and unaligned
        };
        if profile.checksum(covered(header)) != frame.checksum {
            return Err(FrameError::HeaderChecksum);
        }
        if !(HEADER_SIZE_U32..=size_max).contains(&frame.size.get()) {
            return Err(FrameError::Size(frame.size.get()));
        }
        if frame.cluster.get() != cluster {
            return Err(FrameError::Cluster(frame.cluster.get()));
        }
        Ok(frame)
    }

    /// Whether a body is the one that a believed header announces.
    ///
    /// # Errors
    ///
    /// [`FrameError::BodyChecksum`].
    pub fn check_body<P: Profile>(&self, profile: &P, body: &[u8]) -> Result<(), FrameError> {
        let matches = profile.checksum(body) == self.checksum_body;
        if matches { Ok(()) } else { Err(FrameError::BodyChecksum) }
    }

    /// See [`Command`].
    #[must_use]
    pub const fn command(&self) -> Command {
        Command(self.command)
    }

    /// See [`Release`].
    #[must_use]
    pub const fn release(&self) -> Release {
        Release(self.release.get())
    }

    /// Bytes of the body; 0 where `size` is out of range.
    #[must_use]
    pub const fn body_size(&self) -> u32 {
        self.size.get().saturating_sub(HEADER_SIZE_U32)
    }

    /// Whether the fields that must be zero are, and the release is not.
    pub(super) fn is_valid(&self) -> bool {
        self.checksum_padding == U128::ZERO
            && self.checksum_body_padding == U128::ZERO
            && self.nonce_reserved == U128::ZERO
            && self.epoch == U32::ZERO
            && self.protocol == U16::ZERO
            && self.reserved_frame == [0; 12]
            && self.release != U32::ZERO
    }
}

/// The bytes of a header that its checksum covers: all behind it.
pub(super) fn covered(header: &[u8; HEADER_SIZE]) -> &[u8] {
    &header[size_of::<Checksum>()..]
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("checksum", &self.checksum)
            .field("checksum_body", &self.checksum_body)
            .field("cluster", &self.cluster.get())
            .field("size", &self.size.get())
            .field("view", &self.view.get())
            .field("release", &format_args!("{}", self.release()))
            .field("command", &self.command)
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Frame {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Frame {{ command: {=u8}, size: {=u32}, view: {=u32}, replica: {=u8}, checksum: {} }}",
            self.command,
            self.size.get(),
            self.view.get(),
            self.replica,
            self.checksum
        );
    }
}
