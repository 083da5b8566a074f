//! AES rounds by the AES-NI instructions of x86-64, in their three-operand (AVX) form.
#![allow(unsafe_code)]

use super::kernel::{self, Block, RATE, State};
use core::arch::x86_64::{__m128i, _mm_aesenc_si128, _mm_xor_si128};

/// A block in a vector register. Private to this file: blocks exist only inside the functions below,
/// which can be reached only where the CPU has the instructions.
#[derive(Clone, Copy)]
struct Aes(__m128i);

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
        // SSE2 is part of every x86-64 target.
        // SAFETY: needs SSE2, which the target guarantees.
        Self(unsafe { _mm_xor_si128(self.0, other.0) })
    }

    #[inline(always)]
    fn round(self, key: Self) -> Self {
        // SAFETY: needs AES-NI. An `Aes` is made only inside this file's `target_feature` functions, and
        // who calls those has shown that the CPU has the instructions.
        Self(unsafe { _mm_aesenc_si128(self.0, key.0) })
    }
}

/// See [`kernel::absorb`].
#[target_feature(enable = "aes,avx")]
pub(in crate::checksum) fn absorb(state: &State, pieces: &[[u8; RATE]]) -> State {
    kernel::absorb::<Aes>(state, pieces)
}

/// See [`kernel::finish`].
#[target_feature(enable = "aes,avx")]
pub(in crate::checksum) fn finish(state: &State, rest: &[u8], size: u64) -> [u8; 16] {
    kernel::finish::<Aes>(state, rest, size)
}

/// See [`kernel::digest`].
#[target_feature(enable = "aes,avx")]
pub(in crate::checksum) fn digest(state: &State, bytes: &[u8]) -> [u8; 16] {
    kernel::digest::<Aes>(state, bytes)
}
