//! The tables of an AES round, and a column computed from them.

/// The byte of each byte: its inverse in GF(2^8), then the affine map of the standard.
pub(super) const S_BOX: [u8; 256] = s_box();

/// SubBytes and MixColumns of the byte of row 0; those of the other rows are rotations of it.
#[cfg(not(feature = "small"))]
static MIXED: [u32; 256] = mixed();

#[cfg(feature = "small")]
static SMALL: [u8; 256] = S_BOX;

/// SubBytes and MixColumns of a column's bytes, row 0 first.
#[cfg(not(feature = "small"))]
#[inline]
pub(super) fn column(rows: [u8; 4]) -> u32 {
    let mixed = |row: u8| MIXED[usize::from(row)];
    mixed(rows[0])
        ^ mixed(rows[1]).rotate_left(8)
        ^ mixed(rows[2]).rotate_left(16)
        ^ mixed(rows[3]).rotate_left(24)
}

/// SubBytes and MixColumns of a column's bytes, row 0 first.
#[cfg(feature = "small")]
pub(super) fn column(rows: [u8; 4]) -> u32 {
    mix(u32::from_le_bytes(rows.map(|row| SMALL[usize::from(row)])))
}

/// MixColumns of one column: row r gets twice row r, three times row r + 1, and the other two.
const fn mix(column: u32) -> u32 {
    let twice = twice(column);
    twice ^ (twice ^ column).rotate_right(8) ^ column.rotate_right(16) ^ column.rotate_right(24)
}

/// Each byte of the word twice, in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
const fn twice(word: u32) -> u32 {
    ((word & 0x7f7f_7f7f) << 1) ^ (((word >> 7) & 0x0101_0101) * 0x1b)
}

const fn s_box() -> [u8; 256] {
    let mut table = [0; 256];
    // 0 has no inverse and maps as if it were its own.
    table[0] = 0x63;
    // 3 generates all others: `power` is 3^n, `inverse` is 3^-n (0xf6 is the inverse of 3).
    let (mut power, mut inverse) = (1_u8, 1_u8);
    let mut n = 0;
    while n < 255 {
        table[power as usize] = 0x63
            ^ inverse
            ^ inverse.rotate_left(1)
            ^ inverse.rotate_left(2)
            ^ inverse.rotate_left(3)
            ^ inverse.rotate_left(4);
        power = times(power, 3);
        inverse = times(inverse, 0xf6);
        n += 1;
    }
    table
}

/// The product in GF(2^8), bit by bit.
const fn times(mut one: u8, mut other: u8) -> u8 {
    let mut product = 0;
    while other > 0 {
        if other & 1 == 1 {
            product ^= one;
        }
        one = twice(one as u32).to_le_bytes()[0];
        other >>= 1;
    }
    product
}

#[cfg(not(feature = "small"))]
const fn mixed() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = mix(S_BOX[byte] as u32);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_the_standard() {
        assert_eq!(S_BOX[..4], [0x63, 0x7c, 0x77, 0x7b]);
        assert_eq!((S_BOX[0x53], S_BOX[0xff]), (0xed, 0x16));
        // The standard's example of MixColumns.
        assert_eq!(mix(u32::from_le_bytes([0xd4, 0xbf, 0x5d, 0x30])).to_le_bytes(), [0x04, 0x66, 0x81, 0xe5]);
        let mut seen = [false; 256];
        S_BOX.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        assert_eq!(seen, [true; 256]);
    }

    #[test]
    fn column_is_the_mix_of_the_bytes_looked_up() {
        for byte in 0..=255_u8 {
            let rows = [byte, byte ^ 0x55, byte.wrapping_add(77), !byte];
            let substituted = rows.map(|row| S_BOX[usize::from(row)]);
            assert_eq!(column(rows), mix(u32::from_le_bytes(substituted)), "{byte}");
        }
    }
}
