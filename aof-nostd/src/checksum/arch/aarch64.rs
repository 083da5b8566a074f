//! AES rounds by AESE and AESMC of aarch64.
#![allow(unsafe_code)]

use super::kernel::{self, Block, RATE, State};
use core::arch::aarch64::{uint8x16_t, vaeseq_u8, vaesmcq_u8, vdupq_n_u8, veorq_u8};

/// A block in a vector register. Private to this file: blocks exist only inside the functions below,
/// which can be reached only where the CPU has the instructions.
#[derive(Clone, Copy)]
struct Aes(uint8x16_t);

impl Block for Aes {
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> Self {
        Self(zerocopy::transmute!(*bytes))
    }

    #[inline(always)]
    fn store(self) -> [u8; 16] {
        zerocopy::transmute!(self.0)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: needs NEON. An `Aes` is made only inside this file's `target_feature` functions, and
        // who calls those has shown that the CPU has NEON and AES.
        Self(unsafe { veorq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn round(self, key: Self) -> Self {
        // AESE adds its key before SubBytes and ShiftRows: give it zero, and add the key after AESMC.
        // SAFETY: as for `xor`.
        Self(unsafe { veorq_u8(vaesmcq_u8(vaeseq_u8(self.0, vdupq_n_u8(0))), key.0) })
    }
}

/// See [`kernel::absorb`].
#[target_feature(enable = "neon,aes")]
pub(in crate::checksum) fn absorb(state: &State, pieces: &[[u8; RATE]]) -> State {
    kernel::absorb::<Aes>(state, pieces)
}

/// See [`kernel::finish`].
#[target_feature(enable = "neon,aes")]
pub(in crate::checksum) fn finish(state: &State, rest: &[u8], size: u64) -> [u8; 16] {
    kernel::finish::<Aes>(state, rest, size)
}

/// See [`kernel::digest`].
#[target_feature(enable = "neon,aes")]
pub(in crate::checksum) fn digest(state: &State, bytes: &[u8]) -> [u8; 16] {
    kernel::digest::<Aes>(state, bytes)
}
