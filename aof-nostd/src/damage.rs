//! Damage: what is wrong with bytes that should be an entry, and where.
//!
//! Damage is a finding about data, not a failure of the reader: reading goes on after it, see
//! [`Reader::skip`](crate::Reader::skip).

use crate::checksum::Magic;
use crate::wire::{HeaderRule, Op};
use core::fmt;

/// Bytes at which an entry should start and does not, or not a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Damage {
    /// Where the entry should start, bytes from the log's beginning.
    pub offset: u64,
    /// The entry's op, where its header can be trusted.
    pub op: Option<Op>,
    /// The first rule that is broken.
    pub kind: DamageKind,
}

/// The first rule that an entry breaks, in the order in which they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DamageKind {
    /// The bytes are not the log's magic.
    Magic(ForeignMagic),
    /// The header's checksum does not match: nothing in the header can be trusted.
    HeaderChecksum,
    /// The header's checksum matches, but the header breaks a rule of the frame.
    HeaderInvalid(HeaderRule),
    /// The header is whole, the body's checksum does not match.
    BodyChecksum,
    /// The log ends inside the entry: `missing` bytes are not there.
    TornTail {
        /// Bytes missing; as far as the header tells, where it is whole.
        missing: u64,
    },
    /// Bytes of the entry cannot be read: a device's error, where the reader continues past it. This crate's readers stop
    /// with the device's error; those of `aof-std` for files continue.
    Unreadable {
        /// Bytes that cannot be read, of this entry and of what follows it up to the next one.
        size: u64,
    },
}

/// What stands where the magic should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ForeignMagic {
    /// Nothing known.
    Unknown,
    /// The magic of the other profile: a log holds one profile only.
    OtherProfile,
    /// The magic of TigerBeetle's layout before 0.16.21, which is not read.
    Legacy,
}

impl ForeignMagic {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let other = |magic: &Magic| bytes.starts_with(magic);
        if other(&crate::checksum::MAGIC_LEGACY) {
            Self::Legacy
        } else if crate::checksum::AnyProfile::from_magic(bytes, crate::checksum::Backend::SOFTWARE).is_some()
        {
            Self::OtherProfile
        } else {
            Self::Unknown
        }
    }
}

impl DamageKind {
    /// The kind's stable name: `magic`, `header-checksum`, `header-invalid`, `newer-layout`,
    /// `body-checksum`, `torn-tail` or `unreadable`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Magic(_) => "magic",
            Self::HeaderChecksum => "header-checksum",
            Self::HeaderInvalid(HeaderRule::NewerLayout) => "newer-layout",
            Self::HeaderInvalid(_) => "header-invalid",
            Self::BodyChecksum => "body-checksum",
            Self::TornTail { .. } => "torn-tail",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(ForeignMagic::Unknown) => f.write_str("no entry starts here: wrong magic"),
            Self::Magic(ForeignMagic::OtherProfile) => f.write_str("the magic of the other profile"),
            Self::Magic(ForeignMagic::Legacy) => {
                f.write_str("an entry of the layout before TigerBeetle 0.16.21, which is not read")
            }
            Self::HeaderChecksum => f.write_str("the header's checksum does not match"),
            Self::HeaderInvalid(HeaderRule::NewerLayout) => {
                f.write_str("an entry of a newer layout, which this version does not read")
            }
            Self::HeaderInvalid(rule) => write!(f, "the header is invalid: {rule}"),
            Self::BodyChecksum => f.write_str("the body's checksum does not match"),
            Self::TornTail { missing } => write!(f, "the log ends inside an entry: {missing} bytes missing"),
            Self::Unreadable { size } => write!(f, "{size} bytes cannot be read from the device"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(op) = self.op {
            write!(f, " (op {op})")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl core::error::Error for Damage {}
