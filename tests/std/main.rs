//! Log files: opening, the lock, torn tails, checkpoints, group commit, rotation, replacing, scanning on all cores.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests may stop at a surprise")]

mod callbacks;
mod disk;
mod files;
mod follow;
mod group;
mod new_file;
mod preallocate;
mod repair;
mod repair_steps;
mod scanning;
