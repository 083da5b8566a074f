//! Programs that are measured: how much flash, RAM and stack the core takes in somebody's firmware.
//!
//! ```text
//! bin/baseline      runtime, an empty `main`                    what every firmware has
//! bin/verify-P      the same, and `job::verify` for a profile   - baseline = what verifying costs
//! bin/salvage-P     the same, and `job::salvage`                - baseline = going on behind damage, too
//! bin/recover-P     the same, and `job::recover`                - baseline = what opening safely costs
//! bin/append-P      the same, and `job::append`                 - baseline = what writing costs
//! bin/J_async-P    the same, and `asynch::J`                    - baseline = over devices to be waited for
//! bin/both-P        the same, and `guide::run`                  - baseline = what a logging device costs
//! bin/both_nor-P    the same, and `nor::run`                    - baseline = one that logs to raw NOR flash
//! bin/checksums     instructions of each checksum
//! ```
//!
//! The compiler must not see what a program reads or where it writes, or it would compute the answer and
//! throw the core away: everything goes through [`Flash`], a device of which it knows nothing.
//!
//! With the feature `measure` the same programs get a log with damage in it, run in an emulator and print
//! how deep the stack was. Without it they are linked and not run.
//!
//! No program but one built with the feature `panicking` contains a panic: [`panicked`] is what the check
//! looks for.

#![no_std]

pub mod asynch;
mod chip;
mod device;
pub mod guide;
pub mod job;
#[cfg(feature = "defmt")]
mod logger;
#[cfg(feature = "measure")]
pub mod measure;
pub mod nor;
mod sizes;

pub use self::device::{Flash, FlashError};

/// Bytes of the buffer that the reading programs are given.
pub const BUFFER_SIZE: usize = 512;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    panicked()
}

/// Where every panic ends. No program may contain it; its name is what `cargo xtask ci figures` looks for.
#[inline(never)]
fn panicked() -> ! {
    loop {
        core::hint::black_box(());
    }
}

/// An index that can panic, for the check to find.
#[cfg(feature = "panicking")]
#[doc(hidden)]
pub fn index(bytes: &[u8]) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "what the check is tested with")]
    bytes[bytes.len() / 2]
}

/// Makes a job what the board starts: `program!(job, profile, log)`.
#[macro_export]
macro_rules! program {
    ($job:path, $profile:expr, $log:literal) => {
        #[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
        #[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
        fn main() -> ! {
            #[cfg(feature = "measure")]
            $crate::measure::run(*include_bytes!(concat!(env!("OUT_DIR"), "/", $log)), |log, buffer| {
                $job($crate::Flash::new(log), buffer, $profile)
            });
            #[cfg(not(feature = "measure"))]
            loop {
                let (log, buffer) = (&mut [0; 0], &mut [0; $crate::BUFFER_SIZE]);
                let log = core::hint::black_box(&mut log[..]);
                let buffer = core::hint::black_box(&mut buffer[..]);
                #[cfg(feature = "panicking")]
                core::hint::black_box($crate::index(buffer));
                core::hint::black_box($job($crate::Flash::new(log), buffer, $profile));
            }
        }
    };
}
