//! AES rounds by AESE and AESMC of aarch64.

use core::arch::aarch64::{uint8x16_t, vaeseq_u8, vaesmcq_u8, vdupq_n_u8, veorq_u8};

#[inline]
#[target_feature(enable = "neon,aes")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    zerocopy::transmute!(*bytes)
}

#[inline]
#[target_feature(enable = "neon,aes")]
fn store(block: uint8x16_t) -> [u8; 16] {
    zerocopy::transmute!(block)
}

#[inline]
#[target_feature(enable = "neon,aes")]
fn add(sum: &mut uint8x16_t, other: &uint8x16_t) {
    *sum = veorq_u8(*sum, *other);
}

/// AESE adds its key before SubBytes and ShiftRows: it gets zero, and the key is added after AESMC.
#[inline]
#[target_feature(enable = "neon,aes")]
fn round(block: &uint8x16_t, key: &mut uint8x16_t) {
    *key = veorq_u8(vaesmcq_u8(vaeseq_u8(*block, vdupq_n_u8(0))), *key);
}

super::kernel::kernel!(uint8x16_t, target_feature(enable = "neon,aes"));
super::kernel::in_registers!(uint8x16_t, target_feature(enable = "neon,aes"));
