//! Append-only log files on an operating system, over the core of [`aof_nostd`].
//!
//! | module | what it is |
//! |---|---|
//! | [`OpenOptions`] | create or open a log for appending, under a lock |
//! | [`file`](mod@file) | [`LogFile`]: write, checkpoint off the caller's thread, rotation |
//! | [`group`] | [`GroupLog`]: many threads append, and one sync serves all that wait |
//! | [`source`] | reading a file by position, shared between threads; [`open`] gives an iterator on a path |
//! | [`scan`] | reading a whole file on all cores, results in order |
//! | [`follow`] | reading a file that grows, over rotations |
//! | [`mod@repair`] | a log that a writer can go on with after a crash |
//! | [`replace`] | a new file that appears whole or not at all |
//! | [`directory`] | the same of a directory |
//! | [`beside`] | files in the making, and what a run that was killed left of them |
//! | [`fs`] | what is asked of the operating system, as traits: the seam for simulated faults |
//! | [`sync`] | which system call means durable |
//! | [`unreadable`] | bytes that the system cannot read, and how reading continues after them |
//! | [`history`] | the chain's memory of all ops, for [`aof_nostd::Chain`] |
//!
//! # What durable means
//!
//! | | data | file created, renamed | a directory's entry |
//! |---|---|---|---|
//! | Linux, BSD | `fdatasync` | `fsync` | `fsync` of the directory |
//! | macOS | `F_FULLFSYNC` | `F_FULLFSYNC` | `F_FULLFSYNC` of the directory |
//! | Windows | `FlushFileBuffers` | `FlushFileBuffers` | not to be had: NTFS journals it |
//!
//! Linux is what the tests run on; the others are kept compiling.

mod ahead;
pub mod beside;
mod checkpoint;
pub mod directory;
pub mod file;
pub mod follow;
pub mod fs;
pub mod group;
pub mod history;
mod open;
pub mod repair;
pub mod replace;
mod rotate;
pub mod scan;
pub mod source;
pub mod sync;
pub mod unreadable;
mod zeros;

pub use crate::checkpoint::{Checkpointed, Job};
pub use crate::directory::NewDirectory;
pub use crate::file::{FileError, LogFile, TornTail};
pub use crate::follow::Follower;
pub use crate::group::{Durable, GroupLog};
pub use crate::history::Runs;
pub use crate::open::{OpenError, OpenOptions};
pub use crate::repair::{Repair, RepairError, Repaired, repair};
pub use crate::replace::NewFile;
pub use crate::rotate::{LockRefused, Rotation};
pub use crate::source::{LogReader, Source, open};
pub use aof_nostd;

use aof_nostd::Backend;

/// The fastest backend of this machine: its AES instructions, if it has them.
///
/// ```
/// use aof_nostd::{Profile, TigerBeetle};
/// let profile = TigerBeetle::new(aof_std::backend());
/// assert_eq!(profile.checksum(b"x"), TigerBeetle::default().checksum(b"x"));
/// ```
#[must_use]
pub fn backend() -> Backend {
    if hardware_is_there() {
        // SAFETY: the CPU was asked for just the features that `Backend::hardware` names.
        #[expect(unsafe_code, reason = "hands the run-time detection to the core, which has none")]
        #[allow(unused_unsafe, reason = "safe where the core has no code for AES instructions")]
        let backend = unsafe { Backend::hardware() };
        backend.unwrap_or_default()
    } else {
        Backend::default()
    }
}

#[cfg(target_arch = "x86_64")]
fn hardware_is_there() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("avx")
}

#[cfg(target_arch = "aarch64")]
fn hardware_is_there() -> bool {
    std::arch::is_aarch64_feature_detected!("neon") && std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn hardware_is_there() -> bool {
    false
}
