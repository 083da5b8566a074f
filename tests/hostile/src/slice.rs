//! Any bytes as a log in a slice: what is found is what the oracle finds, and covers every byte once.

use crate::input::Input;
use aof_nostd::Checker;
use aof_tests::events::{assert_cover, by_detect, by_entries};
use aof_tests::oracle::{self, MESSAGE_SIZE_MAX, Oracle};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
struct Case {
    /// A size limit that entries exceed, or the default.
    message_size_max: Option<u16>,
    input: Input,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let (profile, log) = case.input.log();
    let limit = case.message_size_max.map_or(MESSAGE_SIZE_MAX, u32::from);
    let seen = by_entries(&log, Checker::new(profile).with_message_size_max(limit));
    assert_cover(&seen, log.len() as u64);
    assert_eq!(seen, Oracle::new(profile, limit).read(&log));

    let detected = by_detect(&log);
    assert_cover(&detected, log.len() as u64);
    assert_eq!(detected, Oracle::new(oracle::detect(&log), MESSAGE_SIZE_MAX).read(&log));
}
