//! The identity map: every address is itself.
//!
//! ```text
//!   0            1 GiB            2 GiB
//!   | registers  | memory         | nothing: a fault
//! ```
//!
//! Without a map all memory counts as device registers, where an unaligned access is a fault. An entry can
//! begin at any byte, and so do the loads of its fields. Building with strict alignment would avoid such
//! loads at the cost of one per byte; a map of two entries costs 4 KiB and lets the caches work too.

/// One level of translation: 512 blocks of 1 GiB.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Table([u64; 512]);

/// A valid block, accessed before (no fault to set that), for EL1 to read and write.
const BLOCK: u64 = 0b01 | 1 << 10;
/// Never executed, neither by EL1 nor by EL0.
const NO_EXECUTE: u64 = 1 << 53 | 1 << 54;
/// Shared between CPUs and devices that look into caches, as virtio devices do.
const INNER_SHAREABLE: u64 = 0b11 << 8;
/// The kind of memory: which byte of MAIR_EL1.
const fn attribute(index: u64) -> u64 {
    index << 2
}

/// What MAIR_EL1 has to be: kind 0 is device registers, kind 1 memory with write-back caches.
pub const MAIR: u64 = 0xff00;

/// What TCR_EL1 has to be: 39-bit addresses below (25 from the top), table walks through the caches, pages
/// of 4 KiB; nothing above.
pub const TCR: u64 = 25 | 0b01 << 8 | 0b01 << 10 | 0b11 << 12 | 1 << 23;

/// The map.
pub static TABLE: Table = Table(table());

const fn table() -> [u64; 512] {
    let mut table = [0; 512];
    table[0] = BLOCK | NO_EXECUTE | attribute(0);
    table[1] = 1 << 30 | BLOCK | INNER_SHAREABLE | attribute(1);
    table
}
