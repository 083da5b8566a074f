//! Instructions of each checksum, counted on a Cortex-M3: QEMU lets time pass by one nanosecond an
//! instruction (`-icount shift=0`), and the system timer ticks every 40 of them (25 MHz).
//!
//! It prints `NAME SIZE INSTRUCTIONS`, each for one checksum, and last a loop whose instructions are known.

#![no_std]
#![no_main]

use aof_firmware_figures as _; // the panic handler
use aof_nostd::{Crc, Profile, TigerBeetle};
use core::hint::black_box;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use semihosting::println;

/// Nanoseconds, and so instructions, between two ticks of the system timer.
const INSTRUCTIONS_PER_TICK: u32 = 40;
/// The timer counts down from here.
const TICKS_MAX: u32 = 0x00ff_ffff;
/// Each checksum is computed so many times: a tick is then too little to be seen.
const TIMES: u32 = 50;
/// What a header's checksum covers, and a body.
const SIZES: [usize; 2] = [240, 4096];
/// Instructions of the known loop.
const KNOWN: u32 = 1_000_000;

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(peripherals) = cortex_m::Peripherals::take() else { semihosting::process::exit(1) };
    let mut timer = peripherals.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICKS_MAX);
    timer.clear_current();
    timer.enable_counter();
    let bytes = [0x5a; 4096];
    for size in SIZES {
        let bytes = bytes.get(..size).unwrap_or(&bytes);
        checksum("tigerbeetle", TigerBeetle::default(), bytes);
        checksum("crc", Crc, bytes);
    }
    // Two instructions a turn, half as many turns as asked for.
    println!("known {KNOWN} {}", instructions(|| cortex_m::asm::delay(KNOWN)));
    semihosting::process::exit(0)
}

fn checksum(name: &str, profile: impl Profile, bytes: &[u8]) {
    let all = instructions(|| {
        for _ in 0..TIMES {
            black_box(profile.checksum(black_box(bytes)));
        }
    });
    println!("{name} {} {}", bytes.len(), all / TIMES);
}

/// Instructions that `work` takes, to a tick.
fn instructions(work: impl FnOnce()) -> u32 {
    let before = SYST::get_current();
    work();
    before.wrapping_sub(SYST::get_current()) % (TICKS_MAX + 1) * INSTRUCTIONS_PER_TICK
}
