//! A sector that cannot be read: the rest is verified, merged, exported and shown; the range is a finding.
//!
//! Reads are made to fail by a library that is preloaded into the command, `bad_sector.c`.

use crate::command::{AOF, Ran, aof, files, run};
use crate::environment::{has, has_strace};
use serde_json::Value;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Error numbers of disks, of file systems, and of network file systems.
const ERRORS: [i32; 3] = [libc_error::IO, libc_error::BAD_MESSAGE, libc_error::STALE];

mod libc_error {
    pub(super) const IO: i32 = 5;
    pub(super) const BAD_MESSAGE: i32 = 74;
    pub(super) const STALE: i32 = 116;
}

/// Two equal logs, and what makes reads of one of them fail.
struct Place {
    directory: tempfile::TempDir,
    library: PathBuf,
}

impl Place {
    /// `None`, and loud, where nothing can be preloaded.
    fn new(entries: u32) -> Option<Self> {
        if !has(&["gcc"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("bad_sector.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/faults/bad_sector.c");
        let words = ["-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-o"];
        let mut gcc = Command::new("gcc");
        run(gcc.args(words).arg(&library).arg(source).arg("-ldl")).code(0);
        let place = Self { directory, library };
        let entries = entries.to_string();
        let words = ["generate", "--entries", &entries, "--body", "0..512", "--output"];
        aof(words.map(PathBuf::from).into_iter().chain([place.join("r0.aof")])).code(0);
        std::fs::copy(place.join("r0.aof"), place.join("r1.aof")).unwrap();
        Some(place)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the command where these bytes of `r0.aof` cannot be read.
    fn bad(&self, error: i32, bytes: &Range<u64>, words: &[&str]) -> Ran {
        let mut command = Command::new(AOF);
        command.args(words).current_dir(self.directory.path()).env("LD_PRELOAD", &self.library);
        command.env("BAD_NAME", "/r0.aof").env("BAD_ERROR", error.to_string());
        command.env("BAD_FROM", bytes.start.to_string()).env("BAD_UNTIL", bytes.end.to_string());
        run(&mut command)
    }

    /// The entries of a log: op, first byte, bytes.
    fn entries(&self) -> Vec<(u64, Range<u64>)> {
        let listed =
            aof(["debug", "--json"].map(PathBuf::from).into_iter().chain([self.join("r1.aof")])).code(0);
        let lines = listed.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let entry = |line: Value| {
            let offset = line["offset"].as_u64()?;
            Some((line["op"].as_u64()?, offset..offset + line["size"].as_u64()? + 16))
        };
        lines.filter_map(entry).collect()
    }
}

fn sectors(bytes: &Range<u64>) -> Range<u64> {
    bytes.start / 512 * 512..bytes.end.div_ceil(512) * 512
}

#[test]
fn range_that_cannot_be_read_is_a_finding_and_the_rest_is_verified() {
    let Some(place) = Place::new(20_000) else { return };
    let entries = place.entries();
    let size = place.join("r0.aof").metadata().unwrap().len();
    let ranges = [100_000..100_001, 0..4096, 2_097_000..2_097_500, 5_000_000..5_300_000, size - 700..size];
    for (bytes, error) in ranges.iter().zip(ERRORS.iter().cycle()) {
        let ran = place.bad(*error, bytes, &["verify", "--json", "r0.aof"]).code(1);
        let survey: Value = serde_json::from_str(&ran.stdout).unwrap();
        let sectors = sectors(bytes);
        let sectors = sectors.start..sectors.end.min(size);
        let unreadable: Vec<_> =
            survey["findings"].as_array().unwrap().iter().filter(|it| it["kind"] == "unreadable").collect();
        let [finding] = unreadable.as_slice() else { panic!("{ran}") };
        assert_eq!(finding["offset"], sectors.start, "{ran}");
        assert_eq!(finding["size"], sectors.end - sectors.start, "{ran}");
        let lost = entries.iter().filter(|(_, entry)| entry.start < sectors.end && sectors.start < entry.end);
        assert_eq!(survey["entries"], entries.len() - lost.count(), "every other entry is there: {ran}");
        assert_eq!(survey["faults"], 1, "{ran}");
        ran.says(&["cannot be read", &format!("byte {}", sectors.start), "ddrescue"]);
    }
    // By ranges too, put together elsewhere.
    let bad = 100_000..100_001;
    for piece in ["1/2", "2/2"] {
        let part = format!("part{}", &piece[..1]);
        place.bad(5, &bad, &["verify", "--range", piece, "--part", &part, "r0.aof"]);
    }
    let ran = place.bad(5, &bad, &["stitch", "part1", "part2"]).code(1);
    assert!(ran.stdout.contains("byte 99840: unreadable"), "{ran}");
}

#[test]
fn whole_log_that_cannot_be_read_is_one_finding() {
    let Some(place) = Place::new(3000) else { return };
    let ran = place.bad(libc_error::STALE, &(0..u64::MAX >> 1), &["verify", "r0.aof"]).code(1);
    assert!(ran.stdout.contains("DAMAGED, 1 fault") && ran.stdout.contains("byte 0: unreadable"), "{ran}");
    assert!(!ran.stdout.contains("NOT A LOG"), "nobody knows: {ran}");
}

#[test]
fn other_copies_serve_where_one_cannot_be_read() {
    let Some(place) = Place::new(3000) else { return };
    let whole = std::fs::read(place.join("r1.aof")).unwrap();
    let bad = 100_000..101_000;
    for inputs in [["r0.aof", "r1.aof"], ["r1.aof", "r0.aof"]] {
        let words = ["merge", "--force", "--output", "whole.aof", inputs[0], inputs[1]];
        let ran = place.bad(5, &bad, &words).code(0);
        assert!(std::fs::read(place.join("whole.aof")).unwrap() == whole, "{ran}");
        assert!(ran.stdout.contains("unreadable: "), "{ran}");
        ran.says(&["r0.aof", "cannot be read"]);

        let words =
            ["export", "--what", "entries", "--format", "csv", "--force", "-o", "rows", inputs[0], inputs[1]];
        place.bad(5, &bad, &words).code(0);
        assert_eq!(std::fs::read_to_string(place.join("rows")).unwrap().lines().count(), 3001);
    }
    let ran = place.bad(5, &bad, &["merge", "--output", "alone.aof", "r0.aof"]).code(1);
    assert!(!place.join("alone.aof").exists(), "{ran}");
    let words = ["export", "--what", "entries", "--format", "csv", "-o", "alone", "r0.aof"];
    place.bad(5, &bad, &words).code(1).says(&["are not exported"]);
    let rows = std::fs::read_to_string(place.join("alone")).unwrap().lines().count();
    assert!((2990..3001).contains(&rows), "{rows}");
    let ran = place.bad(5, &bad, &["inspect", "r0.aof", "r1.aof"]).code(1);
    assert!(ran.stdout.contains("together") && ran.stdout.contains("unreadable"), "{ran}");
    place.bad(5, &bad, &["show", "--op", "1000", "r0.aof"]);
    let ran = place.bad(5, &bad, &["debug", "r0.aof"]).code(1);
    assert!(ran.stdout.contains("unreadable"), "{ran}");
}

#[test]
fn nothing_is_cut_because_of_what_cannot_be_read() {
    let Some(place) = Place::new(3000) else { return };
    let size = place.join("r0.aof").metadata().unwrap().len();
    let before = files(place.directory.path());
    for bad in [size - 100..size, 1000..2000, size / 2..size] {
        for words in [
            &["repair", "r0.aof"][..],
            &["repair", "--dry-run", "r0.aof"],
            &["repair", "--cut-zeros", "r0.aof"],
        ] {
            place.bad(5, &bad, words).code(2).says(&["r0.aof", "byte", "Input/output error", "ddrescue"]);
        }
        assert!(files(place.directory.path()) == before, "{bad:?}");
    }
}

#[test]
fn read_that_fails_once_loses_nothing_and_is_reported() {
    let Some(place) = Place::new(20_000) else { return };
    if !has_strace() {
        return;
    }
    let mut strace = Command::new("strace");
    strace.current_dir(place.directory.path()).args(["-f", "-qq", "-o", "/dev/null", "-P"]);
    strace.arg(place.join("r0.aof")).args(["-e", "inject=pread64:error=EIO:when=3", AOF, "verify", "r0.aof"]);
    let ran = run(&mut strace).code(0);
    assert!(ran.stdout.contains("sound"), "{ran}");
    ran.says(&["a read at byte", "tried again"]);
}
