//! How deep the stack was: painted before a job, looked at after it.
//!
//! ```text
//! higher  | main: the log, the caller's buffer |
//!         +------------------------------------+ <- top
//!         | the job's frames                   |      peak = top - lowest byte no longer painted
//!         | paint, untouched                   |
//! lower   | ...
//! ```
#![allow(unsafe_code, reason = "writes and reads memory below the stack pointer")]

use crate::BUFFER_SIZE;

/// Bytes that are painted: more than any job takes, and less than a board with 16 KiB has left.
const PAINTED: usize = 6 << 10;
/// Bytes below the top that are not: the painting itself runs there.
const MARGIN: usize = 256;
/// The paint. A job that happens to write it as its deepest word measures four bytes less.
const PAINT: u32 = 0xa0f0_5afe;

/// Runs a job on a log, prints how many entries it counted and the peak of its stack, and ends.
pub fn run<const N: usize>(mut log: [u8; N], job: impl FnOnce(&mut [u8], &mut [u8]) -> Option<u32>) -> ! {
    let mut buffer = [0; BUFFER_SIZE];
    let (entries, peak) = peak(|| job(&mut log, &mut buffer));
    match entries {
        Some(entries) if peak < PAINTED => {
            semihosting::println!("entries {entries}");
            semihosting::println!("stack {peak}");
            semihosting::process::exit(0)
        }
        Some(_) => semihosting::eprintln!("the job took all of the {PAINTED} bytes painted: paint more"),
        None => semihosting::eprintln!("the job failed"),
    }
    semihosting::process::exit(1)
}

/// Runs `job` and gives the bytes of stack that it took.
#[inline(never)]
fn peak<T>(job: impl FnOnce() -> T) -> (T, usize) {
    let top = top();
    paint(top);
    let result = call(job);
    (result, top - lowest(top))
}

/// Where the frames of what the caller calls begin, to 16 bytes: that of this function is one of them.
#[inline(never)]
fn top() -> usize {
    let mark = 0_u32;
    core::hint::black_box(&raw const mark) as usize
}

#[inline(never)]
fn call<T>(job: impl FnOnce() -> T) -> T {
    job()
}

#[inline(never)]
fn paint(top: usize) {
    for address in (top - PAINTED..top - MARGIN).step_by(4) {
        // SAFETY: below the stack pointer, where nothing lives, and above all statics: the boards have more
        // RAM than is painted, and no interrupt is on.
        unsafe { (address as *mut u32).write_volatile(PAINT) };
    }
}

/// The lowest address that is no longer painted.
#[inline(never)]
fn lowest(top: usize) -> usize {
    let mut painted = (top - PAINTED..top - MARGIN).step_by(4);
    // SAFETY: as in `paint`; what is read was written there.
    let touched = painted.find(|address| unsafe { (*address as *const u32).read_volatile() } != PAINT);
    touched.unwrap_or(top - MARGIN)
}
