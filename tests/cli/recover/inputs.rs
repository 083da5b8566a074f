//! What is said of inputs that are damaged, of ends that are not in the log, and of wrong arguments.

use super::logs::{Did, START, STEP, log, usual};
use super::{place, recover};
use crate::util::{Ran, aof, data, file};
use aof_tests::cluster::Config;
use aof_tests::cluster::tcp::Server;
use std::path::Path;
use tempfile::TempDir;

/// What would be sent of logs, and what is said of them.
fn dry_run(files: &[&Path], more: &[&str]) -> Ran {
    let files = files.iter().map(|path| path.to_str().unwrap());
    aof(["recover", "--cluster", "0", "--dry-run"].into_iter().chain(more.iter().copied()).chain(files))
}

fn merge(directory: &TempDir, path: &Path) -> Ran {
    let output = directory.path().join("merged.aof");
    let _ = std::fs::remove_file(&output);
    aof(["merge", "--output", output.to_str().unwrap(), path.to_str().unwrap()])
}

#[test]
fn torn_tails_are_told() {
    let log = log(&usual(12));
    let last = log.entries.last().unwrap().offset;
    let directory = tempfile::tempdir().unwrap();
    // The header is whole and tells the op; or it is not.
    for (size, note) in
        [(last + 300, "op 15 is damaged wherever it is"), (last + 100, "after op 14, the last")]
    {
        let path = file(&directory, "torn.aof", &log.bytes[..size]);
        let ran = dry_run(&[&path], &[]).code(0);
        let damage = format!("torn.aof: 14 entries, damaged at 1 place\n    byte {last}");
        assert!(ran.stderr.contains(&damage), "{}", ran.stderr);
        assert!(ran.stderr.contains("torn-tail"), "{}", ran.stderr);
        assert!(ran.stderr.contains("NOTE: ") && ran.stderr.contains(note), "{}", ran.stderr);
        let ran = merge(&directory, &path).code(0);
        assert!(ran.stdout.contains("NOTE: ") && ran.stdout.contains(note), "{}", ran.stdout);
    }
    // Another input has it: nothing is lost.
    let torn = file(&directory, "torn.aof", &log.bytes[..last + 100]);
    let whole = file(&directory, "whole.aof", &log.bytes);
    let ran = dry_run(&[&torn, &whole], &[]).code(0);
    assert!(ran.stderr.contains("damaged at 1 place") && !ran.stderr.contains("NOTE"), "{}", ran.stderr);
}

#[test]
fn gap_names_the_damaged_places_of_what_is_missing() {
    let mut log = log(&usual(12));
    let at = log.entries[6].offset;
    log.bytes[at + 300] ^= 1;
    let (directory, path) = place(&log);
    let words = format!("op 7 in {} at byte {at} (body-checksum)", path.display());
    let ran = dry_run(&[&path], &[]).code(1);
    assert!(ran.stderr.contains("a gap: op 7 is missing") && ran.stderr.contains(&words), "{}", ran.stderr);
    let ran = merge(&directory, &path).code(1);
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
}

#[test]
fn junk_beside_a_good_log_is_told() {
    let (directory, path) = place(&log(&usual(3)));
    let junk = file(&directory, "junk.aof", &[7; 5000]);
    let ran = dry_run(&[&path, &junk], &[]).code(0);
    assert!(ran.stderr.contains("junk.aof: 0 entries, damaged at 1 place"), "{}", ran.stderr);
    assert!(ran.stderr.contains("junk.aof (5000 bytes; NOT A LOG: "), "{}", ran.stderr);
    let ran = dry_run(&[&junk], &[]).code(1);
    assert!(ran.stderr.contains("no input holds a valid entry: "), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("junk.aof (5000 bytes; NOT A LOG: no entry is found in it)"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("junk.aof"), "{}", ran.stderr);
}

/// It was told as a gap, or as damage, for which another replica's log would help.
#[test]
fn limit_that_is_too_low_is_told_as_that() {
    let mut did = usual(3);
    did.insert(3, Did::Transfers((0..22).map(|id| 500 + id).collect()));
    let log = log(&did);
    let (directory, path) = place(&log);
    let at = log.entries[3].offset;
    let ran = dry_run(&[&path], &["--message-size-max", "2000"]).code(2);
    let words =
        format!("byte {at} (op 4): the entry has 3200 bytes, above --message-size-max 2000: raise it");
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    assert!(!ran.stderr.contains("would help"), "{}", ran.stderr);
    let output = directory.path().join("out.aof");
    let arguments = ["merge", "--message-size-max", "2000", "--output", output.to_str().unwrap()];
    let ran = aof(arguments.into_iter().chain([path.to_str().unwrap()])).code(1);
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    let server = Server::start(Config::default(), vec![]);
    let ran = recover(&server.addresses(), &path, &["--no-preflight", "--message-size-max", "2000"]).code(1);
    assert!(ran.stderr.contains("Is it above --message-size-max?"), "{}", ran.stderr);
}

#[test]
fn ends_outside_of_the_log_are_told() {
    let (_directory, path) = place(&log(&usual(5)));
    let first = START + STEP;
    for (factor, unit) in [(1_000_000_000, "seconds"), (1_000_000, "milliseconds"), (1000, "microseconds")] {
        let until = (first / factor + 60).to_string();
        let ran = dry_run(&[&path], &["--until", &until]).code(2);
        assert!(ran.stderr.contains(&format!("Write @{until} for seconds")), "{}", ran.stderr);
        // Nobody means that; but somebody's program may write it.
        let ran = dry_run(&[&path], &["--until", &format!("{until}ns")]).code(1);
        assert!(ran.stderr.contains("lies before the log's first entry (op 1, "), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("Is it in {unit}?")), "{}", ran.stderr);
    }
    let ran = dry_run(&[&path], &["--until", "2020-01-01T00:00:00Z"]).code(1);
    assert!(
        ran.stderr.contains("lies before the log's first") && !ran.stderr.contains("Is it"),
        "{}",
        ran.stderr
    );
    let ran = dry_run(&[&path], &["--until-op", "0"]).code(1);
    assert!(ran.stderr.contains("the log begins at op 1"), "{}", ran.stderr);
    for more in [["--until-op", "9"], ["--until", "2100-01-01T00:00:00Z"]] {
        let ran = dry_run(&[&path], &more).code(0);
        assert!(
            ran.stderr.contains("the log ends before the end asked for: its last entry is op 8"),
            "{more:?}"
        );
    }
    for more in [["--until-op", "8"], ["--until-op", "7"]] {
        assert!(dry_run(&[&path], &more).code(0).stderr.is_empty());
    }
}

#[test]
fn fork_at_the_first_op_has_no_end_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let one = file(&directory, "one.aof", &log(&usual(3)).bytes);
    let mut did = usual(3);
    did[0] = Did::Lookup;
    let other = file(&directory, "other.aof", &log(&did).bytes);
    let ran = dry_run(&[&one, &other], &[]).code(1);
    assert!(ran.stderr.contains("a fork: two histories at op 1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--until-op"), "{}", ran.stderr);
}

/// The parser shows values as they are given, and a terminal would obey them.
#[test]
fn errors_of_arguments_show_what_a_terminal_obeys() {
    for arguments in [["--cluster", "1\u{1b}[31m\n2"], ["--addresses", "1\u{1b}]0;x\u{7}"]] {
        let ran = aof(["recover"].into_iter().chain(arguments)).code(2);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{:?}", ran.stderr);
        assert!(ran.stderr.contains("\\u{1b}"), "{}", ran.stderr);
    }
    let ran = aof(["recover", "--cluster", "x", "--addresses", "1", "log.aof"]).code(2);
    assert!(ran.stderr.contains("a cluster's id is a whole number"), "{}", ran.stderr);
}

/// By default the system ends a process that writes beyond the limit of file sizes, and half a file stays.
#[cfg(unix)]
#[test]
fn limit_of_file_sizes_is_an_error_that_is_cleaned_up() {
    let directory = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_aof");
    let output = directory.path().join("whole.aof");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -f 8; exec \"$@\"", "sh", program, "merge", "--output"]).arg(&output);
    shell.args(["r0.aof", "r1.aof", "r2.aof"].map(|name| data(&format!("cluster/{name}"))));
    let ran = shell.output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.contains("File too large") && told.contains("nothing was left there"), "{told}");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
