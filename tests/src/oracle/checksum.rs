//! The two checksums, by code that is not ours or not fast.

use aegis::aegis128l::Aegis128L;

/// The AEGIS-128L tag of an empty message with `bytes` as associated data, under a zero key and a zero
/// nonce, by the `aegis` crate.
#[must_use]
pub fn aegis128l(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(Aegis128L::<16>::new(&[0; 16], &[0; 16]).encrypt_in_place(&mut [], bytes))
}

/// CRC-64/XZ, bit by bit.
///
/// ```
/// assert_eq!(aof_tests::oracle::crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
/// ```
#[must_use]
pub fn crc64(bytes: &[u8]) -> u128 {
    // The polynomial 0x42f0e1eba9ea3693, lowest bit first.
    const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693_u64.reverse_bits();
    let mut crc = u64::MAX;
    for byte in bytes {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
        }
    }
    u128::from(!crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_format_page() {
        assert_eq!(aegis128l(b""), 0x49f1_7461_8255_402d_e6e7_e3c4_0d60_cc83);
        let zeros = [0xf7, 0x2a, 0xd4, 0x8d, 0xd0, 0x5d, 0xd1, 0x65];
        assert_eq!(aegis128l(&[0; 16]).to_le_bytes()[..8], zeros);
        assert_eq!(crc64(b""), 0);
    }
}
