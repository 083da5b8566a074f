//! The test kit of `aof`: what the tests of all crates and the fuzz targets share.
//!
//! | module | what it gives |
//! |---|---|
//! | [`asynch`] | futures polled by hand, and devices that have to be waited for |
//! | [`build`] | logs to order: chains, repeats, gaps, forks, logs in bodies, torn pieces |
//! | [`c`] | C programs with the library for C: compiled strictly, run with sanitizers |
//! | [`cluster`] | replicas to order: what they answer to a client, in simulated time or behind sockets |
//! | [`damage`] | damage to order: flips, cuts, zeroed and random ranges, deleted and spliced ones |
//! | [`dear`] | logs made to be slow to read |
//! | [`device`] | devices over memory that are slow, interrupted, broken, shrinking, counted |
//! | [`disk`] | a block device whose power can be cut |
//! | [`flash`] | a NOR flash that keeps the hardware's rules, and whose power can be cut |
//! | [`events`] | what a reader found, as a list to compare; every form of reading as a function |
//! | [`oracle`] | the same list by code that is slow and obvious and shares nothing with the readers |
//! | [`forge`] | forged entries: other bytes under the same checksums |
//! | [`random`] | numbers from a seed |
//! | [`truth`] | logs of a cluster whose truth is known, with entries planted in the bodies |
//!
//! Everything is deterministic: one seed, one result, on every machine. The kit is for tests and stops
//! at a mistake of its caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a mistake in the use of the kit should stop the test"
)]

pub mod asynch;
pub mod build;
pub mod c;
pub mod cluster;
pub mod damage;
pub mod dear;
pub mod device;
pub mod disk;
pub mod events;
pub mod flash;
pub mod forge;
pub mod oracle;
pub mod random;
pub mod truth;

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../aof-nostd/README.md")]
#[doc = include_str!("../../aof-std/README.md")]
struct Readme;
