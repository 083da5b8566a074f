//! AES rounds in plain code, by a table: runs everywhere.
//!
//! A block is four columns of four bytes, each column a little-endian word: row 0 is the low byte. A
//! round takes, for row r of column c, the byte of row r of column c + r (ShiftRows), looks it up (SubBytes),
//! and mixes the four rows (MixColumns):
//!
//! | table | size | a round | for whom |
//! |---|---|---|---|
//! | `MIXED` | 1 KiB | 16 look-ups, each of a byte already mixed into a column, and rotations | the default |
//! | `S_BOX` | 256 bytes | 16 look-ups of a byte, then each column is mixed | feature `small` |
//!
//! Other implementations hold four rotated copies of the first table. A rotation costs nothing on Arm and
//! next to nothing elsewhere. The tables are computed by the compiler. Facts: FIPS 197.

mod table;

use super::kernel::State;

/// A block: its columns.
type Block = [u32; 4];

#[cfg_attr(not(feature = "small"), inline)]
const fn load(bytes: &[u8; 16]) -> Block {
    let value = u128::from_le_bytes(*bytes);
    #[expect(clippy::cast_possible_truncation, reason = "each column a part of it")]
    [value as u32, (value >> 32) as u32, (value >> 64) as u32, (value >> 96) as u32]
}

#[inline]
fn store(block: Block) -> [u8; 16] {
    zerocopy::transmute!(block.map(u32::to_le_bytes))
}

#[inline]
fn add(sum: &mut Block, other: &Block) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum ^= other;
    }
}

/// One AES round, `MixColumns(ShiftRows(SubBytes(block))) ^ key`, in the key's place.
#[cfg_attr(not(feature = "small"), inline)]
fn round(block: &Block, key: &mut Block) {
    for (column, sum) in key.iter_mut().enumerate() {
        let row = |row: usize| block[(column + row) % 4].to_le_bytes()[row];
        *sum ^= table::column([row(0), row(1), row(2), row(3)]);
    }
}

super::kernel::kernel!(Block);

// The state is words in memory already, and is worked on where it lies.

/// Takes whole 32-byte pieces into the state.
pub(in crate::checksum) fn absorb(state: &mut State, pieces: &[[u8; RATE]]) {
    absorb_blocks(state, pieces);
}

/// The tag after `state`, the last `rest` bytes (fewer than 32), and `size` bytes absorbed in all.
pub(in crate::checksum) fn finish(state: &mut State, rest: &[u8], size: u64) -> [u8; 16] {
    finish_blocks(state, rest, size)
}

/// The tag of `bytes`, from the state that key and nonce leave.
pub(in crate::checksum) fn digest(state: &State, bytes: &[u8]) -> [u8; 16] {
    let (pieces, rest) = bytes.as_chunks::<RATE>();
    let mut state = *state;
    absorb_blocks(&mut state, pieces);
    finish_blocks(&mut state, rest, bytes.len() as u64)
}

/// The columns of a block whose bytes are written as one number, first byte first.
pub(in crate::checksum) const fn columns(block: u128) -> Block {
    load(&block.to_be_bytes())
}

/// The state that an all-zero key and an all-zero nonce leave, computed rather than looked up: what the
/// constant is checked against.
#[cfg(test)]
pub(in crate::checksum) fn initial() -> State {
    const C0: u128 = 0x6279_e990_5937_2215_0d08_0503_0201_0100;
    const C1: u128 = 0xdd28_b573_4231_1120_f12f_c26d_5518_3ddb;
    let (zero, c0, c1) = ([0; 16], C0.to_le_bytes(), C1.to_le_bytes());
    let mut s = [zero, c1, c0, c1, zero, c0, c1, c0].map(|bytes| load(&bytes));
    for _ in 0..10 {
        update(&mut s, &load(&zero), &load(&zero));
    }
    s
}
