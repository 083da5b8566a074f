//! [`Backend`]: which code computes AES rounds, and the one place where this crate opens `unsafe`.
//!
//! A function compiled for AES instructions may be called only where the CPU has them. Who makes a hardware
//! backend vouches for that, once; the calls rest on it. Where the crate has no code for AES instructions
//! there is nothing to vouch for, and `unsafe` is forbidden for the whole of it.
#![cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")),
    allow(unsafe_code)
)]

use super::arch::kernel::{RATE, State};
use super::arch::soft;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::arch::aarch64 as hardware;
#[cfg(target_arch = "x86_64")]
use super::arch::x86_64 as hardware;

/// How AES rounds are computed. Every backend gives the same checksums.
///
/// The default is the best that the *compiler* was told of (`-C target-feature=+aes,+avx`, or
/// `target-cpu`): the core detects nothing at run time. `aof-std` does, and hands its finding in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    Software,
    #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
    Hardware,
}

impl Backend {
    /// Table look-ups: runs everywhere.
    pub const SOFTWARE: Self = Self(Kind::Software);

    /// The best backend that the compiler was told the CPU has.
    #[must_use]
    pub const fn compiled() -> Self {
        #[cfg(any(
            all(target_arch = "x86_64", target_feature = "aes", target_feature = "avx"),
            all(
                target_arch = "aarch64",
                target_endian = "little",
                target_feature = "aes",
                target_feature = "neon"
            )
        ))]
        return Self(Kind::Hardware);
        #[allow(unreachable_code, reason = "reached where the features above are missing")]
        Self::SOFTWARE
    }

    /// The AES instructions of the CPU. Always `Some` here; elsewhere a safe function that gives `None`.
    ///
    /// # Safety
    ///
    /// The CPU has the instructions: on x86-64 `aes` and `avx`, on aarch64 `neon` and `aes`. Where the
    /// standard library is there, `is_x86_feature_detected!` and its like tell; `aof_std::backend()`
    /// does that.
    #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
    #[must_use]
    pub const unsafe fn hardware() -> Option<Self> {
        Some(Self(Kind::Hardware))
    }

    /// `None`: this crate has no code for AES instructions of this architecture.
    #[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))))]
    #[must_use]
    pub const fn hardware() -> Option<Self> {
        None
    }

    /// Whether AES instructions are used.
    #[must_use]
    pub fn is_hardware(self) -> bool {
        self != Self::SOFTWARE
    }

    pub(super) fn absorb(self, state: &mut State, pieces: &[[u8; RATE]]) {
        match self.0 {
            Kind::Software => soft::absorb(state, pieces),
            // SAFETY: `Kind::Hardware` is made where the compiler or the caller of `Backend::hardware`
            // vouches for the instructions.
            #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
            Kind::Hardware => unsafe { hardware::absorb(state, pieces) },
        }
    }

    pub(super) fn finish(self, state: &mut State, rest: &[u8], size: u64) -> [u8; 16] {
        match self.0 {
            Kind::Software => soft::finish(state, rest, size),
            // SAFETY: as for `absorb`.
            #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
            Kind::Hardware => unsafe { hardware::finish(state, rest, size) },
        }
    }

    pub(super) fn digest(self, state: &State, bytes: &[u8]) -> [u8; 16] {
        match self.0 {
            Kind::Software => soft::digest(state, bytes),
            // SAFETY: as for `absorb`.
            #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
            Kind::Hardware => unsafe { hardware::digest(state, bytes) },
        }
    }
}

impl Default for Backend {
    fn default() -> Self {
        Self::compiled()
    }
}
