//! Limits: of an entry's size, and of open files.

use crate::util::{Ran, WHOLE_SHA256, aof, data, file, sha256};
use aof_tests::build::{PROFILES, chain};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// The command in a shell that does something before.
fn after(before: &str, arguments: &[&OsStr]) -> Ran {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{before} exec \"$@\""), "bash", env!("CARGO_BIN_EXE_aof")]);
    Ran::of(shell.args(arguments))
}

/// It was damage like any other, for which another replica's log would help.
#[test]
fn commands_that_read_name_the_limit_that_is_too_low() {
    let path = data("single/large-bodies.aof");
    let told = "large-bodies.aof: byte 800 (op 3): the entry has 1048576 bytes, above --message-size-max 4096: raise it";
    let limited = |words: &[&str]| {
        let path = path.to_str().unwrap();
        aof(words.iter().copied().chain(["--message-size-max", "4096", path])).code(1)
    };
    for words in [&["verify"][..], &["verify", "--json"], &["verify", "--range", "0..1000"]] {
        let ran = limited(words);
        assert!(ran.stderr.contains(told), "{words:?}: {}", ran.stderr);
    }
    for words in [&["debug"][..], &["debug", "--json"], &["show", "--op", "3"], &["show", "--offset", "900"]]
    {
        let ran = limited(words);
        assert_eq!(ran.stderr.matches(told).count(), 1, "{words:?}: {}", ran.stderr);
    }
    let ran = aof(["show", "--op", "2", "--message-size-max", "4096", path.to_str().unwrap()]).code(0);
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let advice =
        limited(&["inspect", "--json"]).json()[0]["verdict"]["advice"][0].as_str().unwrap().to_owned();
    assert!(advice.contains(told), "{advice}");
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out");
    let ran = limited(&["convert", "--profile", "crc", "--output", output.to_str().unwrap()]);
    assert!(ran.stderr.contains(told) && !ran.stderr.contains("Merge it"), "{}", ran.stderr);
    for format in ["jsonl", "entries"] {
        let output = directory.path().join(format);
        let ran = limited(&["export", "--format", format, "--output", output.to_str().unwrap()]);
        assert!(ran.stderr.contains(told), "{format}: {}", ran.stderr);
    }
    // Also where there is more damage than is told one by one.
    let many = file(&directory, "many.aof", &chain(PROFILES[0], &[[0, 5000]; 30].concat()).bytes);
    let output = directory.path().join("many.jsonl");
    let words = ["export", "--format", "jsonl", "--message-size-max", "4096", "--output"];
    let words = words.map(OsStr::new).into_iter().chain([output.as_os_str(), many.as_os_str()]);
    let ran = aof(words).code(1);
    for told in [
        "10 more places",
        "byte 272 (op 2): the entry has 5256 bytes, above --message-size-max 4096: raise it",
    ] {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    // Where the limit is right, damage is damage: a size that the header's checksum does not vouch for is none.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[800 + 16 + 96 + 3] = 0x7f; // the highest byte of `size`
    let damaged = file(&directory, "damaged.aof", &bytes);
    for words in [&["verify"][..], &["inspect"], &["debug"], &["show", "--op", "3"]] {
        let ran = aof(words.iter().map(OsStr::new).chain([damaged.as_os_str()])).code(1);
        assert!(!(ran.stdout + &ran.stderr).contains("--message-size-max"), "{words:?}");
    }
}

/// A merge held its first 100 inputs open, and failed where a process may have fewer files.
#[cfg(unix)]
#[test]
fn few_open_files_are_enough_for_many_logs() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        crate::inputs::rotate(folder.path(), number, 40);
    }
    for limit in [24, 64, 100, 128] {
        let output = folder.path().join("whole");
        let arguments = ["merge".as_ref(), "--force".as_ref(), "-o".as_ref(), output.as_os_str()];
        let arguments = [&arguments[..], &[folder.path().as_os_str()]].concat();
        // Also where nothing fits the memory, and all of it is in files.
        after(&format!("ulimit -n {limit}; export AOF_MERGE_MEMORY=20000;"), &arguments).code(0);
        assert_eq!(sha256(&output), WHOLE_SHA256, "{limit}");
    }
}

#[cfg(unix)]
#[test]
fn limit_of_open_files_is_raised_as_far_as_it_may_be_and_named_where_that_is_too_low() {
    let directory = tempfile::tempdir().unwrap();
    let generate = |limit: &str, output: &Path| {
        let options = "--entries 500 --body 0 --replicas 6 --pieces 64 --output";
        let arguments: Vec<_> = ["generate"].into_iter().chain(options.split(' ')).map(OsStr::new).collect();
        after(&format!("ulimit {limit};"), &[&arguments[..], &[output.as_os_str()]].concat())
    };
    generate("-Sn 64", &directory.path().join("soft")).code(0);
    let ran = generate("-n 64", &directory.path().join("hard")).code(1);
    assert!(
        ran.stderr.contains("Too many open files (raise the limit of open files: ulimit -n)"),
        "{}",
        ran.stderr
    );
}
