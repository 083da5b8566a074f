//! What the CPU has: AES instructions, and a timer.
#![allow(unsafe_code, reason = "system registers are read by assembly")]

use aof_nostd::Backend;
use core::arch::asm;

/// The AES code that this CPU can run, as it says itself.
///
/// Nothing has to be said at build time: one image runs with the instructions and without.
#[must_use]
pub fn backend() -> Backend {
    let features: u64;
    // SAFETY: reads an identification register, which EL1 may; it has no effect.
    unsafe {
        asm!("mrs {}, ID_AA64ISAR0_EL1", out(reg) features, options(nomem, nostack, preserves_flags));
    }
    // Bits 4 to 7: 0 is none, 1 and above are AESE and AESMC.
    if (features >> 4) & 0xf == 0 {
        return Backend::SOFTWARE;
    }
    // SAFETY: the CPU says that it has `aes`; `neon` is part of the target, and the start-up code let it in.
    unsafe { Backend::hardware() }.unwrap_or(Backend::SOFTWARE)
}

/// A steady pace by the generic timer, which counts at a fixed rate whatever the CPU does.
#[derive(Debug)]
pub struct Pace {
    step: u64,
    next: u64,
}

impl Pace {
    /// A beat every `step_us` microseconds; 0 for no waiting at all.
    #[must_use]
    pub fn new(step_us: u32) -> Self {
        let frequency_hz: u64;
        // SAFETY: reads the timer's frequency, which EL1 may; it has no effect.
        unsafe {
            asm!("mrs {}, CNTFRQ_EL0", out(reg) frequency_hz, options(nomem, nostack, preserves_flags));
        }
        let step = frequency_hz.saturating_mul(step_us.into()) / 1_000_000;
        Self { step, next: now() }
    }

    /// Waits for the next beat. A beat that was missed is not made up for.
    pub fn wait(&mut self) {
        if self.step == 0 {
            return;
        }
        self.next = self.next.saturating_add(self.step).max(now());
        while now() < self.next {
            core::hint::spin_loop();
        }
    }
}

fn now() -> u64 {
    let ticks: u64;
    // SAFETY: reads the timer, which EL1 may; it has no effect.
    unsafe { asm!("isb", "mrs {}, CNTVCT_EL0", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks
}
