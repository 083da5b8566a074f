//! Integration tests of `aof-nostd`, by hazard:
//!
//! | module | question |
//! |---|---|
//! | [`checksums`] | are they those of the format, in every backend and any pieces? |
//! | [`real_files`] | are the facts of the files that a cluster wrote found? |
//! | [`cuts`], [`flips`], [`ranges`] | is every undamaged entry found, and damage told where it is? |
//! | [`sizes`] | does a hostile `size`, or a file that is no log, do harm? |
//! | [`nested`] | are entries inside of bodies told from entries of the log? |
//! | [`forms`], [`devices`], [`position`] | do all forms of reading agree, on any device, from any place? |
//! | [`bounds`] | is what reading costs bounded? |
//! | [`dropped`] | is a future that is dropped, wherever it waits, without harm? |
//! | [`writer`], [`memory`] | does the log hold what was acknowledged, wherever the device fails? |
//! | [`blocks`] | does a block device hold what was synced, whenever the power is cut? |
//! | [`nor`] | does a NOR flash hold what was synced, whenever the power is cut? |
//! | [`tail`] | where does a log end on a larger device, and may a writer go on there? |
//! | [`message`] | are the messages of a recorded replay understood, and made the same? |
//! | [`chain`] | are backtracks, gaps and forks told apart? |
//!
//! What reading should find is told by the kit's oracle. Nothing reads a file at run time, so that the
//! tests run on emulated machines too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at a surprise, as tests do"
)]

mod blocks;
mod bounds;
mod chain;
mod checksums;
mod cuts;
mod devices;
mod dropped;
mod flips;
mod forms;
mod memory;
mod message;
mod nested;
mod nor;
mod position;
mod ranges;
mod real_files;
mod sizes;
mod tail;
mod writer;

use aof_nostd::{AnyProfile, Checker};
use aof_tests::events::{Seen, assert_cover, by_entries};
use aof_tests::oracle::{MESSAGE_SIZE_MAX, Oracle};
use proptest::test_runner::Config;

/// A replica's file of 300 entries.
const SMALL_BODIES: &[u8] = include_bytes!("../data/single/small-bodies.aof");
/// A replica's file of 5 entries, some of 1 MiB.
const LARGE_BODIES: &[u8] = include_bytes!("../data/single/large-bodies.aof");

/// What reading `log` finds, after making sure that it is what the oracle says.
fn read(log: &[u8], profile: AnyProfile, context: &dyn std::fmt::Debug) -> Vec<Seen> {
    let seen = by_entries(log, Checker::new(profile));
    let expected = Oracle::new(profile, MESSAGE_SIZE_MAX).read(log);
    assert_eq!(seen, expected, "{} log, {context:?}", aof_nostd::Profile::name(&profile));
    assert_cover(&seen, log.len() as u64);
    seen
}

/// Properties are tried `cases` times, and no file is written when one fails. A CPU that puts the high byte first is
/// emulated, and slow: a quarter there.
fn cases(cases: u32) -> Config {
    let cases = if cfg!(target_endian = "big") { cases.div_ceil(4) } else { cases };
    Config { cases, failure_persistence: None, ..Config::default() }
}
