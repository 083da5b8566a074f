//! Checksums: what is stored, how it is computed, and which of the two profiles a log has.
//!
//! A log's *profile* is a magic number together with a checksum function. Everything above this
//! module is generic over [`Profile`]:
//!
//! | profile | function | stored | says nothing about |
//! |---|---|---|---|
//! | [`TigerBeetle`] | AEGIS-128L tag, zero key and nonce, input as associated data | 16 bytes | a forger: the key is public |
//! | [`Crc`] | CRC-64/XZ | 8 bytes, then 8 zero bytes | a forger |
//!
//! Both detect accidents. Neither proves who wrote an entry.
//!
//! Every [`Hasher`] takes its input in pieces of any size and needs constant memory: a device with
//! 1 KiB to spare checks an entry of 1 MiB.

mod aegis;
mod arch;
mod backend;
mod crc;
mod profile;

pub use self::aegis::Aegis128L;
pub use self::backend::Backend;
pub use self::crc::Crc64;
pub use self::profile::MAGIC_LEGACY;
#[cfg(test)]
pub(crate) use self::profile::counting;
pub use self::profile::{AnyHasher, AnyProfile, Crc, Magic, Profile, TigerBeetle};

use core::fmt;
use zerocopy::little_endian::U128;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A checksum as it is stored: 16 bytes, a little-endian 128-bit number.
///
/// The checksum of an entry's header is the entry's identity; [`parent`](crate::wire::Header::parent)
/// fields refer to it.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Checksum(U128);

impl Checksum {
    /// The all-zero checksum: the parent of op 1 in logs that this crate begins. In a cluster's logs op 1's
    /// parent is the checksum of the cluster's root prepare, which no file holds.
    pub const ZERO: Self = Self::new(0);

    /// The checksum with this value.
    #[must_use]
    pub const fn new(value: u128) -> Self {
        Self(U128::from_bytes(value.to_le_bytes()))
    }

    /// The value as a number; its hexadecimal form is how tools print checksums.
    #[must_use]
    pub const fn get(self) -> u128 {
        u128::from_le_bytes(self.0.to_bytes())
    }

    /// The 16 bytes as stored.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    /// The checksum stored as these 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(U128::from_bytes(bytes))
    }
}

impl PartialOrd for Checksum {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Checksum {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.get().cmp(&other.get())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.get())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Checksum {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u128:032x}", self.get());
    }
}

/// The text is not a checksum: 1 to 32 hexadecimal digits, with or without a leading `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseChecksumError;

impl fmt::Display for ParseChecksumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a checksum is 1 to 32 hexadecimal digits")
    }
}

impl core::error::Error for ParseChecksumError {}

impl core::str::FromStr for Checksum {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Self, ParseChecksumError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseChecksumError); // from_str_radix would take a sign
        }
        u128::from_str_radix(digits, 16).map(Self::new).map_err(|_| ParseChecksumError)
    }
}

/// A checksum in the making: bytes go in, in pieces of any size, a [`Checksum`] comes out.
pub trait Hasher: Clone {
    /// Takes the next bytes of the input.
    fn update(&mut self, bytes: &[u8]);

    /// The checksum of all bytes taken.
    #[must_use]
    fn finish(mut self) -> Checksum {
        self.finish_in_place()
    }

    /// The same without moving the hasher, which may be most of the stack that a device has. The hasher is
    /// spent: what it gives after this means nothing.
    #[must_use]
    fn finish_in_place(&mut self) -> Checksum;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_stored_little_endian_and_printed_as_a_number() {
        let checksum = Checksum::new(0x0102);
        assert_eq!(checksum.to_bytes()[..3], [2, 1, 0]);
        assert_eq!(Checksum::from_bytes(checksum.to_bytes()), checksum);
        assert_eq!(format_args!("{checksum}").as_str(), None);
        let mut text = heapless::String::<32>::new();
        fmt::Write::write_fmt(&mut text, format_args!("{checksum}")).unwrap();
        assert_eq!(text, "00000000000000000000000000000102");
        assert_eq!(text.parse::<Checksum>(), Ok(checksum));
        assert_eq!("0x102".parse::<Checksum>(), Ok(checksum));
        for bad in ["", "0x", "+1", "g", "100000000000000000000000000000000"] {
            assert_eq!(bad.parse::<Checksum>(), Err(ParseChecksumError), "{bad}");
        }
    }
}
