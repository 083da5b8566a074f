//! The prepare header: 256 bytes, alignment 1, and the rules of its frame.
//!
//! | offset | size | field | rule |
//! |---|---|---|---|
//! | 0 | 16 | checksum | over bytes 16..256; identifies the entry |
//! | 16 | 16 | checksum_padding | 0 |
//! | 32 | 16 | checksum_body | over the body |
//! | 48 | 16 | checksum_body_padding | 0 |
//! | 64 | 16 | nonce_reserved | 0 |
//! | 80 | 16 | cluster | |
//! | 96 | 4 | size | header and body: 256 to the limit |
//! | 100 | 4 | epoch | 0 |
//! | 104 | 4 | view | |
//! | 108 | 4 | release | |
//! | 112 | 2 | protocol | 0 |
//! | 114 | 1 | command | 6: prepare |
//! | 115 | 1 | replica | |
//! | 116 | 12 | reserved_frame | 0 |
//! | 128 | 16 | parent | checksum of the prepare before it |
//! | 144 | 16 | parent_padding | 0 |
//! | 160 | 16 | request_checksum | |
//! | 176 | 16 | request_checksum_padding | 0 |
//! | 192 | 16 | checkpoint_id | |
//! | 208 | 16 | client | |
//! | 224 | 8 | op | from 1 |
//! | 232 | 8 | commit | below op |
//! | 240 | 8 | timestamp | ns |
//! | 248 | 4 | request | |
//! | 252 | 1 | operation | |
//! | 253 | 3 | reserved | 0 |

use super::{HEADER_SIZE_U32, Op, Operation, Release, View};
use crate::checksum::{Checksum, Profile};
use core::fmt;
use core::mem::{offset_of, size_of};
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a prepare header.
pub const HEADER_SIZE: usize = 256;

/// The largest prepare of a default cluster, header included: 1 MiB.
pub const MESSAGE_SIZE_MAX_DEFAULT: u32 = 1 << 20;

/// The command of every entry's header.
pub const COMMAND_PREPARE: u8 = 6;

/// A prepare header as it is stored. The fields are those of the format, in its byte order; the
/// methods give the typed forms of some.
///
/// ```
/// use aof_nostd::wire::{Header, Op, Operation};
/// let mut header = Header::new();
/// header.op = 7.into();
/// header.operation = Operation::CREATE_TRANSFERS.0;
/// assert_eq!((header.op(), header.operation()), (Op(7), Operation::CREATE_TRANSFERS));
/// assert_eq!(header.invalid(u32::MAX), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Over the header's bytes 16..256. Identifies the entry.
    pub checksum: Checksum,
    /// Zero: room for a longer checksum.
    pub checksum_padding: U128,
    /// Over the body, `size - 256` bytes.
    pub checksum_body: Checksum,
    /// Zero: room for a longer checksum.
    pub checksum_body_padding: U128,
    /// Zero.
    pub nonce_reserved: U128,
    /// The cluster that the entry belongs to.
    pub cluster: U128,
    /// Header and body, bytes: 256 to the size limit.
    pub size: U32,
    /// Zero.
    pub epoch: U32,
    /// The view in which the entry was prepared.
    pub view: U32,
    /// The release that prepared it, see [`Release`].
    pub release: U32,
    /// Zero.
    pub protocol: U16,
    /// 6: prepare.
    pub command: u8,
    /// The replica that prepared it (the primary), not the one that wrote this file.
    pub replica: u8,
    /// Zero.
    pub reserved_frame: [u8; 12],
    /// Checksum of the prepare before it: the hash chain.
    pub parent: Checksum,
    /// Zero: room for a longer checksum.
    pub parent_padding: U128,
    /// Checksum of the client's request.
    pub request_checksum: Checksum,
    /// Zero: room for a longer checksum.
    pub request_checksum_padding: U128,
    /// The checkpoint on which the entry builds.
    pub checkpoint_id: Checksum,
    /// The client that asked; 0 for the cluster itself.
    pub client: U128,
    /// The entry's number in the cluster's log, from 1.
    pub op: U64,
    /// The highest op known to be committed when the entry was prepared: below `op`.
    pub commit: U64,
    /// The cluster's time, ns since 1970.
    pub timestamp: U64,
    /// The number of the client's request.
    pub request: U32,
    /// See [`Operation`].
    pub operation: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

const _: () = {
    assert!(size_of::<Header>() == HEADER_SIZE);
    assert!(align_of::<Header>() == 1);
    assert!(offset_of!(Header, checksum) == 0);
    assert!(offset_of!(Header, checksum_padding) == 16);
    assert!(offset_of!(Header, checksum_body) == 32);
    assert!(offset_of!(Header, checksum_body_padding) == 48);
    assert!(offset_of!(Header, nonce_reserved) == 64);
    assert!(offset_of!(Header, cluster) == 80);
    assert!(offset_of!(Header, size) == 96);
    assert!(offset_of!(Header, epoch) == 100);
    assert!(offset_of!(Header, view) == 104);
    assert!(offset_of!(Header, release) == 108);
    assert!(offset_of!(Header, protocol) == 112);
    assert!(offset_of!(Header, command) == 114);
    assert!(offset_of!(Header, replica) == 115);
    assert!(offset_of!(Header, reserved_frame) == 116);
    assert!(offset_of!(Header, parent) == 128);
    assert!(offset_of!(Header, parent_padding) == 144);
    assert!(offset_of!(Header, request_checksum) == 160);
    assert!(offset_of!(Header, request_checksum_padding) == 176);
    assert!(offset_of!(Header, checkpoint_id) == 192);
    assert!(offset_of!(Header, client) == 208);
    assert!(offset_of!(Header, op) == 224);
    assert!(offset_of!(Header, commit) == 232);
    assert!(offset_of!(Header, timestamp) == 240);
    assert!(offset_of!(Header, request) == 248);
    assert!(offset_of!(Header, operation) == 252);
    assert!(offset_of!(Header, reserved) == 253);
};

/// A rule of the frame that a header with a right checksum breaks, by the field it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderRule {
    /// `size` is 256 to the size limit.
    Size,
    /// `command` is 6.
    Command,
    /// `epoch` is 0.
    Epoch,
    /// `protocol` is 0.
    Protocol,
    /// `checksum_padding`, `checksum_body_padding`, `parent_padding` and `request_checksum_padding` are 0.
    Padding,
    /// `nonce_reserved`, `reserved_frame` and `reserved` are 0.
    Reserved,
    /// `op` is at least 1.
    Op,
    /// `commit` is below `op`.
    Commit,
    /// The body's checksum is in `checksum_body`. Here that field is zero and `checksum_body_padding` is not: so
    /// `TigerBeetle` drafts a newer layout, which is recognised and not read.
    NewerLayout,
}

impl HeaderRule {
    /// The rule in words, as a sentence about the header.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Size => "size is below 256 or above the size limit",
            Self::Command => "command is not prepare (6)",
            Self::Epoch => "epoch is not 0",
            Self::Protocol => "protocol is not 0",
            Self::Padding => "a checksum's padding is not 0",
            Self::Reserved => "a reserved field is not 0",
            Self::Op => "op is 0",
            Self::Commit => "commit is not below op",
            Self::NewerLayout => "the layout is a newer one",
        }
    }
}

impl fmt::Display for HeaderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl Header {
    /// A header of a prepare without body: command 6, size 256, op 1, all else zero; not sealed.
    #[must_use]
    pub fn new() -> Self {
        let mut header = Self::new_zeroed();
        header.command = COMMAND_PREPARE;
        header.size = U32::new(HEADER_SIZE_U32);
        header.op = U64::new(1);
        header
    }

    /// See [`Op`].
    #[must_use]
    pub const fn op(&self) -> Op {
        Op(self.op.get())
    }

    /// See [`View`].
    #[must_use]
    pub const fn view(&self) -> View {
        View(self.view.get())
    }

    /// See [`Release`].
    #[must_use]
    pub const fn release(&self) -> Release {
        Release(self.release.get())
    }

    /// See [`Operation`].
    #[must_use]
    pub const fn operation(&self) -> Operation {
        Operation(self.operation)
    }

    /// Bytes of the body; 0 where `size` is out of range.
    #[must_use]
    pub const fn body_size(&self) -> u32 {
        self.size.get().saturating_sub(HEADER_SIZE_U32)
    }

    /// Bytes of the whole entry in a file: magic, header and body.
    #[must_use]
    pub const fn size_disk(&self) -> u64 {
        super::MAGIC_SIZE as u64 + self.size.get() as u64
    }

    /// The bytes that `checksum` covers: all behind it.
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        self.as_bytes().get(size_of::<Checksum>()..).unwrap_or_default()
    }

    /// Whether `checksum` is that of the header's other bytes.
    #[must_use]
    pub fn verify<P: Profile>(&self, profile: &P) -> bool {
        profile.checksum(self.covered()) == self.checksum
    }

    /// The first rule of the frame that the header breaks, `None` if it keeps all. `size_max` is the
    /// largest `size` allowed. Checksums are not looked at.
    #[must_use]
    pub fn invalid(&self, size_max: u32) -> Option<HeaderRule> {
        let zero = U128::ZERO;
        if !(HEADER_SIZE_U32..=size_max).contains(&self.size.get()) {
            return Some(HeaderRule::Size);
        }
        if self.command != COMMAND_PREPARE {
            return Some(HeaderRule::Command);
        }
        if self.epoch.get() != 0 {
            return Some(HeaderRule::Epoch);
        }
        if self.protocol.get() != 0 {
            return Some(HeaderRule::Protocol);
        }
        if self.is_newer_layout() {
            return Some(HeaderRule::NewerLayout);
        }
        if self.checksum_padding != zero
            || self.checksum_body_padding != zero
            || self.parent_padding != zero
            || self.request_checksum_padding != zero
        {
            return Some(HeaderRule::Padding);
        }
        if self.nonce_reserved != zero || self.reserved_frame != [0; 12] || self.reserved != [0; 3] {
            return Some(HeaderRule::Reserved);
        }
        if self.op.get() == 0 {
            return Some(HeaderRule::Op);
        }
        if self.commit.get() >= self.op.get() {
            return Some(HeaderRule::Commit);
        }
        None
    }

    /// The body's checksum in the layout that is drafted for later versions: there the first 80 bytes are laid out anew,
    /// and the fields at 16, 32 and 64 are zero in a log.
    #[must_use]
    pub const fn newer_checksum_body(&self) -> Checksum {
        Checksum::new(self.checksum_body_padding.get())
    }

    /// Whether the checksums are where the newer layout has them; the body's own is not compared.
    fn is_newer_layout(&self) -> bool {
        let is_zero_elsewhere = self.checksum_padding == U128::ZERO
            && self.checksum_body == Checksum::ZERO
            && self.nonce_reserved == U128::ZERO;
        is_zero_elsewhere && self.newer_checksum_body() != Checksum::ZERO
    }

    /// Turns the header into that of the entry after it: op one higher, itself as parent and committed. `None`
    /// after the last op there is; then nothing changes. Not sealed.
    pub(crate) fn follow(&mut self) -> Option<()> {
        let op = self.op().next()?;
        self.commit = self.op;
        self.parent = self.checksum;
        self.op = op.0.into();
        Some(())
    }

    /// Computes `size`, `checksum_body` and `checksum` for `body`; nothing else changes.
    ///
    /// # Errors
    ///
    /// The body does not fit a 32-bit `size`; the header is as it was.
    pub fn seal<P: Profile>(&mut self, profile: &P, body: &[u8]) -> Result<(), HeaderRule> {
        let size = body.len().checked_add(HEADER_SIZE).and_then(|size| u32::try_from(size).ok());
        self.size = size.ok_or(HeaderRule::Size)?.into();
        self.checksum_body = profile.checksum(body);
        self.checksum = profile.checksum(self.covered());
        Ok(())
    }
}

impl Default for Header {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("checksum", &self.checksum)
            .field("checksum_body", &self.checksum_body)
            .field("cluster", &self.cluster.get())
            .field("size", &self.size.get())
            .field("view", &self.view.get())
            .field("release", &format_args!("{}", self.release()))
            .field("replica", &self.replica)
            .field("parent", &self.parent)
            .field("op", &self.op.get())
            .field("commit", &self.commit.get())
            .field("timestamp", &self.timestamp.get())
            .field("client", &self.client.get())
            .field("request", &self.request.get())
            .field("operation", &format_args!("{}", self.operation()))
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Header {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Header {{ op: {=u64}, size: {=u32}, view: {=u32}, operation: {=u8}, timestamp: {=u64}, checksum: {}, parent: {} }}",
            self.op.get(),
            self.size.get(),
            self.view.get(),
            self.operation,
            self.timestamp.get(),
            self.checksum,
            self.parent
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::{Crc, TigerBeetle};

    #[test]
    fn fields_are_little_endian_at_their_offsets() {
        let mut bytes = [0_u8; HEADER_SIZE];
        bytes[96..100].copy_from_slice(&[0x00, 0x02, 0, 0]);
        bytes[108..112].copy_from_slice(&[0, 0, 0xff, 0xff]);
        bytes[224..232].copy_from_slice(&[1, 2, 0, 0, 0, 0, 0, 0]);
        bytes[252] = 147;
        let header = Header::ref_from_bytes(&bytes).unwrap();
        assert_eq!(header.size_disk(), 16 + 512);
        assert_eq!(header.body_size(), 256);
        assert_eq!(header.release(), Release::new(65535, 0, 0));
        assert_eq!(header.op(), Op(513));
        assert_eq!(header.operation(), Operation::CREATE_TRANSFERS);
    }

    #[test]
    fn each_rule_is_named_when_broken() {
        let broken = |change: fn(&mut Header)| {
            let mut header = Header::new();
            assert_eq!(header.invalid(1024), None);
            change(&mut header);
            header.invalid(1024)
        };
        assert_eq!(broken(|h| h.size = 255.into()), Some(HeaderRule::Size));
        assert_eq!(broken(|h| h.size = 1025.into()), Some(HeaderRule::Size));
        assert_eq!(broken(|h| h.command = 5), Some(HeaderRule::Command));
        assert_eq!(broken(|h| h.epoch = 1.into()), Some(HeaderRule::Epoch));
        assert_eq!(broken(|h| h.protocol = 1.into()), Some(HeaderRule::Protocol));
        assert_eq!(broken(|h| h.checksum_padding = 1.into()), Some(HeaderRule::Padding));
        assert_eq!(broken(|h| h.checksum_body_padding = 1.into()), Some(HeaderRule::NewerLayout));
        let with_checksum =
            broken(|h| (h.checksum_body, h.checksum_body_padding) = (Checksum::new(1), 1.into()));
        assert_eq!(with_checksum, Some(HeaderRule::Padding));
        assert_eq!(broken(|h| h.parent_padding = 1.into()), Some(HeaderRule::Padding));
        assert_eq!(broken(|h| h.request_checksum_padding = 1.into()), Some(HeaderRule::Padding));
        assert_eq!(broken(|h| h.nonce_reserved = 1.into()), Some(HeaderRule::Reserved));
        assert_eq!(broken(|h| h.reserved_frame[11] = 1), Some(HeaderRule::Reserved));
        assert_eq!(broken(|h| h.reserved[2] = 1), Some(HeaderRule::Reserved));
        assert_eq!(broken(|h| h.op = 0.into()), Some(HeaderRule::Op));
        assert_eq!(broken(|h| h.commit = 1.into()), Some(HeaderRule::Commit));
    }

    #[test]
    fn sealed_header_verifies_and_any_flip_is_seen() {
        fn check<P: Profile>(profile: &P) {
            let mut header = Header::new();
            header.seal(profile, b"body").unwrap();
            assert_eq!(header.size.get(), 260);
            assert!(header.verify(profile));
            for bit in 0..HEADER_SIZE * 8 {
                let mut damaged = header;
                damaged.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
                assert!(!damaged.verify(profile), "bit {bit}");
            }
        }
        check(&TigerBeetle::default());
        check(&Crc);
    }

    #[test]
    fn empty_bodies_have_the_checksums_of_the_format_pages() {
        let mut header = Header::new();
        header.seal(&TigerBeetle::default(), b"").unwrap();
        assert_eq!(header.checksum_body.get(), 0x49f1_7461_8255_402d_e6e7_e3c4_0d60_cc83);
        header.seal(&Crc, b"").unwrap();
        assert_eq!(header.checksum_body, Checksum::ZERO);
    }
}
