//! The command `aof` as a process, on real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may stop at a surprise"
)]

mod convert;
mod damaged;
mod debug;
mod device;
#[cfg(unix)]
mod documented;
mod everyday;
mod export;
mod follow;
mod forged;
mod forged_copies;
mod from_c;
mod generate;
mod inputs;
mod inspect;
mod limits;
mod man;
mod memory;
mod merge;
mod preallocated;
mod recover;
mod repair;
mod show;
mod simulation;
mod stitch;
mod times;
mod truth;
mod util;
mod verdict;
mod verify;
