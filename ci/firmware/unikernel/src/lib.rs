//! What a unikernel needs below a log: how it starts, its disk, its clock.
//!
//! ```text
//!   serve, read          the programs
//!   Writer, Reader       the core
//!   Blocks               bytes over blocks, the core's
//!   disk                 blocks over virtio-drivers
//!   start, map, dma      the machine
//! ```
//!
//! | module | what it is | unsafe |
//! |---|---|---|
//! | [`start`] | from reset to `main`, and what a fault prints | assembly |
//! | [`map`] | the identity map: memory that takes unaligned access, and device registers | none |
//! | [`cpu`] | which AES code runs; the timer | reads registers |
//! | [`dma`] | pages that the disk reads and writes | by the trait's contract |
//! | [`disk`] | the virtio disk as a block device, and its promise | the address of its registers |
//! | [`free_space`] | the zeros that end a device, told from damage | none |
//! | [`stop`] | why a program ended without a report | none |
//!
//! Nothing allocates.

#![no_std]

pub mod cpu;
pub mod disk;
pub mod dma;
pub mod free_space;
pub mod map;
pub mod start;
pub mod stop;

pub use self::disk::Disk;
pub use self::stop::Stop;

/// Blocks that the cache holds: 4 KiB.
pub const CACHE_BLOCKS: usize = 8;

/// The disk as a byte device.
pub type Device = aof_nostd::storage::Blocks<Disk, CACHE_BLOCKS>;

/// Makes `$run` what [`start`] calls.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        /// Called by the start-up code, once.
        #[allow(unsafe_code, reason = "the one symbol of this name")]
        #[unsafe(no_mangle)]
        extern "C" fn aof_main() -> ! {
            aof_firmware_kit::start($run)
        }
    };
}
