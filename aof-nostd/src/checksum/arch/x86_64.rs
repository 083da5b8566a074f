//! AES rounds by the AES-NI instructions of x86-64, in their three-operand (AVX) form.

use core::arch::x86_64::{__m128i, _mm_aesenc_si128, _mm_xor_si128};

#[inline]
#[target_feature(enable = "aes,avx")]
fn load(bytes: &[u8; 16]) -> __m128i {
    zerocopy::transmute!(*bytes)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn store(block: __m128i) -> [u8; 16] {
    zerocopy::transmute!(block)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn add(sum: &mut __m128i, other: &__m128i) {
    *sum = _mm_xor_si128(*sum, *other);
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn round(block: &__m128i, key: &mut __m128i) {
    *key = _mm_aesenc_si128(*block, *key);
}

super::kernel::kernel!(__m128i, target_feature(enable = "aes,avx"));
super::kernel::in_registers!(__m128i, target_feature(enable = "aes,avx"));
