//! AES rounds by table look-ups: runs everywhere. The tables are those of the `softaes` crate.

use softaes::unprotected::{Block, SoftAes};

#[inline]
fn load(bytes: &[u8; 16]) -> Block {
    Block::from_bytes(bytes)
}

#[inline]
fn store(block: Block) -> [u8; 16] {
    block.to_bytes()
}

#[inline]
fn xor(one: Block, other: Block) -> Block {
    one.xor(&other)
}

/// One AES round: `MixColumns(ShiftRows(SubBytes(block))) ^ key`.
#[inline]
fn round(block: Block, key: Block) -> Block {
    SoftAes::block_encrypt(&block, &key)
}

super::kernel::kernel!(Block);

/// The state that an all-zero key and an all-zero nonce leave, computed rather than looked up: what the
/// constant is checked against.
#[cfg(test)]
pub(in crate::checksum) fn initial() -> State {
    const C0: u128 = 0x6279_e990_5937_2215_0d08_0503_0201_0100;
    const C1: u128 = 0xdd28_b573_4231_1120_f12f_c26d_5518_3ddb;
    let (zero, c0, c1) = ([0; 16], C0.to_le_bytes(), C1.to_le_bytes());
    let mut s = load_state(&[zero, c1, c0, c1, zero, c0, c1, c0]);
    for _ in 0..10 {
        s = update(s, load(&zero), load(&zero));
    }
    store_state(s)
}
