//! Real faults: real processes on a real file system, killed, interrupted, refused, out of room.
//!
//! | module | the fault |
//! |---|---|
//! | `killed` | `kill -9` of a writer, at any moment, again and again |
//! | `failed_sync` | `fdatasync` and other calls of a writer fail |
//! | `two_writers` | two writers of one log |
//! | `full_disk` | no room: for the writer, for a merge's output, for the bytes of a torn tail |
//! | `bad_sector` | bytes of a log that cannot be read |
//! | `misbehaves` | no threads, modes, links or locks; long names; what a kill leaves |
//! | `refused` | read-only, another user's, vanished, not a file |
//! | `pulled_away` | a log that is cut, replaced or moved away while it is written or read |
//! | `interrupted` | SIGINT and SIGTERM in the middle of a merge, a convert, a repair |
//! | `asked` | none: what a log asks of the system between its syncs |
//! | `every_call` | each system call of a command fails, and each is the last one |
//!
//! With them: `environment` (what the machine has, and what is said where it lacks something), `writer`
//! (the process that writes, in this same program), `log` (what has to be in a log), `command` (the command
//! `aof`), `sweep` (strace: every call of a program).
//!
//! What a kill cannot show is what a power loss does to unsynced pages: that is for the simulated disk.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at a surprise; the writer prints what its parent reads"
)]

mod asked;
mod bad_sector;
mod command;
mod environment;
mod every_call;
mod failed_sync;
mod full_disk;
mod interrupted;
mod killed;
mod log;
mod misbehaves;
mod pulled_away;
mod refused;
mod sweep;
mod two_writers;
mod writer;
