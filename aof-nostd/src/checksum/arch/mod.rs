//! One AES round per kind of machine, and AEGIS-128L over it.
//!
//! The algorithm stands once, in [`kernel`], over the four operations it needs. Each backend is a thin
//! file that supplies them: [`soft`] by table look-ups, `x86_64` by AES-NI,
//! `aarch64` by AESE and AESMC. The input and the zero key are public, so table look-ups leak nothing.

pub(super) mod kernel;
pub(super) mod soft;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(super) mod aarch64;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86_64;
