//! What hostile bytes may do: the bodies of the fuzz targets, on a stable compiler.
//!
//! ```text
//! fuzzer's bytes --arbitrary--> a case (logs by recipe, limits, devices) --> what is tested = what an oracle says
//!                                                                            else: panic, the finding
//! ```
//!
//! | target | reader of outside bytes | compared with |
//! |---|---|---|
//! | [`mod@slice`] | `Entries` | the kit's oracle |
//! | [`reader`] | `Reader` over a bad device, in any buffer | `Entries` |
//! | [`writer`] | `Writer` over a device that fails | what was acknowledged |
//! | [`verify`] | `Scan` with threads and tiny segments, `Survey` | `Entries`, and counting in plain code |
//! | [`merge`] | index, plan and output of several logs | a merge that is slow and obvious |
//! | [`tail`] | `Recovery` on a raw device, and cleaning it | the kit's oracle |
//! | [`convert`] | a log sealed anew in the other profile | itself, after going back |
//! | [`client`] | a replay's client, from replicas | what a client may do |
//!
//! The fuzzer (`tests/fuzz`, a nightly compiler) and the test `replay` call the same functions. What the
//! fuzzer found worth keeping lies in `corpus`, one [`pack`] a target.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a target tells what it found"
)]
#![allow(clippy::needless_pass_by_value, reason = "a case is made for one call")]

pub mod client;
pub mod convert;
pub mod input;
pub mod merge;
pub mod pack;
pub mod reader;
pub mod slice;
pub mod tail;
pub mod truth;
pub mod verify;
pub mod writer;

/// A target: its name, and what it does with a fuzzer's bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("slice", slice::run),
    ("reader", reader::run),
    ("writer", writer::run),
    ("verify", verify::run),
    ("merge", merge::run),
    ("tail", tail::run),
    ("convert", convert::run),
    ("client", client::run),
];

/// Reads a fuzzer's bytes as a case and hands it on. Bytes that are none are passed over.
fn with_case<'a, C: arbitrary::Arbitrary<'a>>(bytes: &'a [u8], check: impl FnOnce(C)) {
    if let Ok(case) = C::arbitrary_take_rest(arbitrary::Unstructured::new(bytes)) {
        check(case);
    }
}

/// A directory in memory, where there is one: targets write thousands of files a second.
fn memory() -> std::path::PathBuf {
    let memory = std::path::PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
