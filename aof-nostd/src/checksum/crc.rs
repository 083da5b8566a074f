//! CRC-64/XZ by the `crc` crate, for devices on which AEGIS in software costs too much.
//!
//! The table follows the machine and the feature `small`, the result does not:
//!
//! | | table |
//! |---|---|
//! | pointers have 64 bits | 16 tables, 32 KiB: 16 bytes at a time |
//! | elsewhere | one table, 2 KiB of flash: a byte at a time |
//! | feature `small` | none: a bit at a time |

use super::{Checksum, Hasher};
use crc::{CRC_64_XZ, Table};

#[cfg(feature = "small")]
type Tables = Table<0>;
#[cfg(all(not(feature = "small"), target_pointer_width = "64"))]
type Tables = Table<16>;
#[cfg(all(not(feature = "small"), not(target_pointer_width = "64")))]
type Tables = Table<1>;

static CRC: crc::Crc<u64, Tables> = crc::Crc::<u64, Tables>::new(&CRC_64_XZ);

/// CRC-64/XZ as a [`Hasher`]: the value in the low 8 bytes, the high 8 bytes zero.
///
/// ```
/// use aof_nostd::checksum::{Crc64, Hasher};
/// let mut hasher = Crc64::new();
/// hasher.update(b"12345");
/// hasher.update(b"6789");
/// assert_eq!(hasher.finish().get(), 0x995d_c9bb_df19_39fa); // the catalogue's check value
/// ```
#[derive(Clone, Debug, Default)]
pub struct Crc64 {
    /// The checksum of the bytes taken so far. Not the `crc` crate's `Digest`: that carries a reference to
    /// the algorithm, and then the compiler no longer knows which one it is.
    value: u64,
}

impl Crc64 {
    /// A hasher that has taken no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: 0 }
    }
}

impl Hasher for Crc64 {
    fn update(&mut self, bytes: &[u8]) {
        // A digest starts from the value that it would have to be told in the catalogue's notation, where
        // this algorithm is reflected: the compiler sees that the two reversals cancel out.
        let initial = (self.value ^ CRC_64_XZ.xorout).reverse_bits();
        let mut digest = CRC.digest_with_initial(initial);
        digest.update(bytes);
        self.value = digest.finalize();
    }

    fn finish_in_place(&mut self) -> Checksum {
        Checksum::new(self.value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_input_is_zero() {
        assert_eq!(Crc64::new().finish(), Checksum::ZERO);
    }

    #[test]
    fn pieces_of_any_size_give_the_same_checksum() {
        let bytes: [u8; 100] = core::array::from_fn(|i| u8::try_from(i * 7 % 251).unwrap());
        let mut whole = Crc64::new();
        whole.update(&bytes);
        for cut in 0..=bytes.len() {
            let mut pieces = Crc64::new();
            pieces.update(&bytes[..cut]);
            pieces.update(&bytes[cut..]);
            assert_eq!(pieces.finish(), whole.clone().finish(), "cut at {cut}");
        }
    }
}
