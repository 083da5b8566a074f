//! Every code, finding and rule of the header has its words.

use aof_c::error::{aof_error_message, aof_finding_name, aof_rule_message};
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::path::Path;

/// The numbers in the header whose names begin with `prefix`.
fn numbers(prefix: &str) -> Vec<i32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/aof.h");
    let text = fs::read_to_string(path).unwrap();
    let number = |line: &str| {
        let (name, value) = match line.trim().strip_prefix("#define ") {
            Some(rest) => rest.split_once(' ')?,
            None => line.trim().trim_end_matches(',').split_once(" = ")?,
        };
        if name.starts_with(prefix) { value.parse().ok() } else { None }
    };
    text.lines().filter_map(number).collect()
}

/// What `words` says of each number: all different, none that of an unknown one.
#[track_caller]
fn are_told(numbers: &[i32], count: usize, words: extern "C" fn(i32) -> *const std::ffi::c_char) {
    #[allow(unsafe_code, reason = "the library's strings, which end with a zero and stay")]
    // SAFETY: as said.
    let words = |number| unsafe { CStr::from_ptr(words(number)) }.to_str().unwrap();
    assert_eq!(numbers.len(), count, "{numbers:?}");
    let told: BTreeSet<_> = numbers.iter().map(|number| words(*number)).collect();
    assert_eq!(told.len(), count, "{told:?}");
    assert!(!told.contains(words(-1)), "{told:?}");
}

#[test]
fn every_code_has_a_message() {
    let mut codes = numbers("AOF_ERROR_");
    codes.extend(numbers("AOF_OK"));
    codes.extend(numbers("AOF_END"));
    are_told(&codes, 29, aof_error_message);
}

#[test]
fn every_finding_and_every_rule_has_a_name() {
    are_told(&numbers("AOF_FINDING_"), 8, aof_finding_name);
    are_told(&numbers("AOF_RULE_"), 9, aof_rule_message);
}
