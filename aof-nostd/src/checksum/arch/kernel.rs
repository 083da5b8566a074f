//! AEGIS-128L over any machine's AES round. Facts: draft-irtf-cfrg-aegis-aead, "AEGIS-128L".
//!
//! ```text
//! state            S0 .. S7, eight AES blocks
//! update(M0, M1)   S'i = round(Si-1, Si), with M0 added at S0 and M1 at S4 (indices modulo 8)
//! absorb           update by 32 bytes of associated data at a time, the last piece padded by zeros
//! tag              T = S2 ^ (LE64(bits of associated data) || LE64(0)); 7 x update(T, T); S0 ^ .. ^ S6
//! ```
//!
//! An update is eight independent AES rounds: the processor works on all of them at once.

/// The eight AES blocks of the state, as bytes.
pub(in crate::checksum) type State = [[u8; 16]; 8];

/// Bytes absorbed by one update.
pub(in crate::checksum) const RATE: usize = 32;

/// One AES block in the form that the machine computes with.
pub(in crate::checksum) trait Block: Copy {
    fn load(bytes: &[u8; 16]) -> Self;
    fn store(self) -> [u8; 16];
    fn xor(self, other: Self) -> Self;
    /// One AES round: `MixColumns(ShiftRows(SubBytes(self))) ^ key`.
    fn round(self, key: Self) -> Self;
}

#[inline(always)]
fn update<B: Block>(s: [B; 8], m0: B, m1: B) -> [B; 8] {
    [
        s[7].round(s[0].xor(m0)),
        s[0].round(s[1]),
        s[1].round(s[2]),
        s[2].round(s[3]),
        s[3].round(s[4].xor(m1)),
        s[4].round(s[5]),
        s[5].round(s[6]),
        s[6].round(s[7]),
    ]
}

#[inline(always)]
fn absorb_blocks<B: Block>(mut s: [B; 8], pieces: &[[u8; RATE]]) -> [B; 8] {
    for piece in pieces {
        let ([m0, m1], _) = piece.as_chunks::<16>() else { continue };
        s = update(s, B::load(m0), B::load(m1));
    }
    s
}

/// The state after whole 32-byte pieces.
#[inline(always)]
pub(in crate::checksum) fn absorb<B: Block>(state: &State, pieces: &[[u8; RATE]]) -> State {
    absorb_blocks(state.each_ref().map(B::load), pieces).map(B::store)
}

/// The tag after `state`, the last `rest` bytes (fewer than 32), and `size` bytes absorbed in all.
#[inline(always)]
pub(in crate::checksum) fn finish<B: Block>(state: &State, rest: &[u8], size: u64) -> [u8; 16] {
    finish_blocks(state.each_ref().map(B::load), rest, size)
}

/// The tag of `bytes`, from the state that key and nonce leave, without leaving registers.
#[inline(always)]
pub(in crate::checksum) fn digest<B: Block>(state: &State, bytes: &[u8]) -> [u8; 16] {
    let (pieces, rest) = bytes.as_chunks::<RATE>();
    finish_blocks(absorb_blocks(state.each_ref().map(B::load), pieces), rest, bytes.len() as u64)
}

#[inline(always)]
fn finish_blocks<B: Block>(mut s: [B; 8], rest: &[u8], size: u64) -> [u8; 16] {
    if !rest.is_empty() {
        let mut padded = [0; RATE];
        for (target, source) in padded.iter_mut().zip(rest) {
            *target = *source;
        }
        s = absorb_blocks(s, &[padded]);
    }
    let t = s[2].xor(B::load(&u128::from(size.wrapping_mul(8)).to_le_bytes()));
    for _ in 0..7 {
        s = update(s, t, t);
    }
    s[0].xor(s[1]).xor(s[2]).xor(s[3]).xor(s[4]).xor(s[5]).xor(s[6]).store()
}

/// The state that an all-zero key and an all-zero nonce leave, computed rather than looked up: what
/// [`INITIAL`](super::super::aegis::INITIAL) is checked against.
#[cfg(test)]
pub(in crate::checksum) fn initial<B: Block>() -> State {
    const C0: u128 = 0x6279_e990_5937_2215_0d08_0503_0201_0100;
    const C1: u128 = 0xdd28_b573_4231_1120_f12f_c26d_5518_3ddb;
    let (zero, c0, c1) = ([0; 16], C0.to_le_bytes(), C1.to_le_bytes());
    let mut s = [zero, c1, c0, c1, zero, c0, c1, c0].map(|block| B::load(&block));
    for _ in 0..10 {
        s = update(s, B::load(&zero), B::load(&zero));
    }
    s.map(B::store)
}
