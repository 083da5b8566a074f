//! CRC-64/XZ by the `crc` crate, for devices on which AEGIS in software costs too much.
//!
//! Table sizes follow the machine, the result does not: 16 tables (32 KiB) where pointers have 64
//! bits, one table (2 KiB of flash) elsewhere.

use super::{Checksum, Hasher};
use crc::{CRC_64_XZ, Digest, Table};

#[cfg(target_pointer_width = "64")]
type Tables = Table<16>;
#[cfg(not(target_pointer_width = "64"))]
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
#[derive(Clone)]
pub struct Crc64(Digest<'static, u64, Tables>);

impl Crc64 {
    /// A hasher that has taken no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self(CRC.digest())
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Crc64")
    }
}

impl Hasher for Crc64 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Checksum {
        Checksum::new(u128::from(self.0.finalize()))
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
