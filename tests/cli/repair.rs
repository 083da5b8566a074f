//! `aof repair`: torn tails of real logs, what is told of them, and what is left.

use crate::util::{Ran, aof, command, data, file, findings, replica, sha256, survey};
use aof_nostd::AnyProfile;
use aof_tests::build::Builder;
use serde_json::json;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Ops 1 to 300; the last entry has 528 bytes.
const WHOLE: u64 = 183_616;
const LAST: u64 = WHOLE - 528;

fn small() -> Vec<u8> {
    fs::read(data("single/small-bodies.aof")).unwrap()
}

fn repair(flags: &[&str], path: &Path) -> Ran {
    let mut words = vec!["repair".as_ref(), path.as_os_str()];
    words.extend(flags.iter().map(std::ffi::OsStr::new));
    aof(words)
}

fn names(directory: &TempDir) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn torn_tail_is_told_first_and_then_cut_and_kept() {
    let directory = TempDir::new().unwrap();
    let torn = &small()[..183_500];
    let path = file(&directory, "replica.aof", torn);
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let told = "byte 183088 (op 300): an entry cut short: at least 116 bytes are missing (412 bytes)";

    let ran = repair(&["--dry-run"], &path).code(0);
    assert!(ran.stdout.contains(": nothing was changed; the tail would be cut\n"), "{}", ran.stdout);
    for fact in [told, "to be kept in", "replica.aof.torn-at-183088", "183500, and 183088 would be left"] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    assert_eq!(fs::read(&path).unwrap(), torn);
    assert_eq!((fs::metadata(&path).unwrap().modified().unwrap(), names(&directory)), (before, 1));

    let ran = repair(&[], &path).code(0);
    for fact in [": the tail was cut\n", told, "kept in", "183088, before 183500"] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("NOTE"), "{}", ran.stdout);
    assert_eq!(fs::read(&path).unwrap(), torn[..183_088]);
    assert_eq!(fs::read(directory.path().join("replica.aof.torn-at-183088")).unwrap(), torn[183_088..]);
    let found = survey(&path);
    assert_eq!(
        (&found["sound"], &found["entries"], &found["findings"]),
        (&json!(true), &json!(299), &json!([]))
    );

    let ran = repair(&[], &path).code(0);
    assert!(ran.stdout.contains(": nothing to repair\n"), "{}", ran.stdout);
    assert_eq!(names(&directory), 2);
}

#[test]
fn json_has_every_fact_of_the_repair() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "r.aof", &small()[..183_500]);
    let planned = repair(&["--json", "--dry-run"], &path).code(0).json().pop().unwrap();
    let report = repair(&["--json"], &path).code(0).json().pop().unwrap();
    let kept = format!("{}.torn-at-{LAST}", path.display());
    assert_eq!((&planned["action"], &planned["kept"]), (&json!("planned"), &json!(kept)));
    assert_eq!((&planned["bytes"], &planned["dry_run"]), (&json!(183_500), &json!(true)));
    assert_eq!(
        report["tail"],
        json!({
            "kind": "cut-short", "offset": LAST, "size": 412, "zeros": 0, "places": 1, "op": 300, "missing": 116,
            "may_be_acknowledged": false, "detail": "an entry cut short: at least 116 bytes are missing",
        })
    );
    let facts =
        ["action", "reason", "kept", "bytes_before", "bytes", "profile", "entries", "last_op", "whole"];
    let facts: Vec<_> = facts.iter().map(|fact| report[fact].clone()).collect();
    let expected = [
        json!("cut"),
        json!(null),
        json!(kept),
        json!(183_500),
        json!(LAST),
        json!("tigerbeetle"),
        json!(299),
        json!(299),
        json!(true),
    ];
    assert_eq!(facts, expected);
    assert_eq!(report["last_checksum"], survey(&path)["last_checksum"]);
    assert_eq!((&report["damage"], &report["advice"]), (&json!([]), &json!([])));
}

#[test]
fn damage_in_the_middle_stays_and_is_told_with_the_remedy_and_the_tail_is_cut() {
    let directory = TempDir::new().unwrap();
    let mut bytes = small();
    bytes[100_500] ^= 1;
    bytes.truncate(183_500);
    let path = file(&directory, "r.aof", &bytes);
    let ran = repair(&[], &path).code(1);
    for fact in [
        "the tail was cut; DAMAGED in the middle at 1 place",
        "byte 100192 (op 143): body-checksum: the body's checksum does not match",
        "Damage in the middle is never cut",
        "aof merge --output OUT",
    ] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    assert_eq!(fs::read(&path).unwrap(), bytes[..183_088]);
    let report = repair(&["--json"], &path).code(1).json().pop().unwrap();
    assert_eq!((&report["action"], &report["whole"]), (&json!("none"), &json!(false)));
    assert_eq!((&report["damaged_places"], &report["damage"][0]["op"]), (&json!(1), &json!(143)));
    // The remedy works.
    let output = directory.path().join("merged.aof");
    let other = data("single/small-bodies.aof");
    aof(["merge".as_ref(), "-o".as_ref(), output.as_os_str(), path.as_os_str(), other.as_os_str()]).code(0);
    assert_eq!(sha256(&output), sha256(&other));
}

/// A forked log had `nothing to repair`.
#[test]
fn forked_log_is_reported_and_not_chosen_in() {
    let directory = TempDir::new().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[1, 1, 1]).fork(0).chain(&[1, 1]).build();
    let torn = [&log.bytes[..], &log.bytes[..100]].concat();
    for (bytes, verdict) in
        [(&log.bytes, "no torn tail; FORKED at 2 places"), (&torn, "the tail was cut; FORKED at 2 places")]
    {
        let path = file(&directory, "forked.aof", bytes);
        let ran = repair(&[], &path).code(1);
        let place =
            format!("byte {} (op 2): fork: another entry for op 2 has checksum ", log.entries[3].offset);
        for fact in [
            verdict,
            &place,
            "A repair does not choose between them",
            "aof inspect ",
            "aof merge --output OUT OTHER...",
        ] {
            assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
        }
        assert_eq!(fs::read(&path).unwrap(), log.bytes);
        let report = repair(&["--json"], &path).code(1).json().pop().unwrap();
        assert_eq!((&report["forks"][0]["op"], &report["forked_places"]), (&json!(2), &json!(2)));
        assert_eq!(report["action"], json!("none"));
    }
}

#[test]
fn last_entry_that_is_whole_in_size_may_have_been_acknowledged_and_that_is_said() {
    for (at, what) in [(400, "whose body does not match"), (100, "whose header does not match")] {
        let directory = TempDir::new().unwrap();
        let mut bytes = small();
        bytes[183_088 + at] ^= 1;
        let path = file(&directory, "r.aof", &bytes);
        let dry = repair(&["--dry-run"], &path).code(0).stdout;
        assert!(
            dry.contains(what) && dry.contains("Before the repair, ask the other replicas' logs"),
            "{dry}"
        );
        let ran = repair(&[], &path).code(0).stdout;
        assert!(
            ran.contains("NOTE: the tail may be more than a crash's leftover: an entry that was"),
            "{ran}"
        );
        assert_eq!(fs::metadata(&path).unwrap().len(), LAST);
    }
}

#[test]
fn zeros_behind_a_log_are_cut_from_a_file_and_left_on_an_image() {
    let directory = TempDir::new().unwrap();
    let mut bytes = small();
    bytes.resize(bytes.len() + 77, 0);
    let path = file(&directory, "grown.aof", &bytes);
    let ran = repair(&[], &path).code(0);
    assert!(ran.stdout.contains("byte 183616: zeros (77 bytes)"), "{}", ran.stdout);
    assert_eq!((fs::read(&path).unwrap(), names(&directory)), (small(), 1));

    bytes.resize(1 << 20, 0);
    let path = file(&directory, "disk.img", &bytes);
    let ran = repair(&[], &path).code(1);
    for fact in ["the tail was LEFT", "864960 zeros end the file", "aof repair --cut-zeros"] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    assert_eq!(repair(&["--json"], &path).code(1).json()[0]["reason"], "maybe-image");
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
    repair(&["--cut-zeros"], &path).code(0);
    assert_eq!((fs::read(&path).unwrap(), names(&directory)), (small(), 2));
}

#[test]
fn real_logs_that_go_back_and_jump_ahead_are_cut_only_at_their_end() {
    for number in 0..3 {
        let directory = TempDir::new().unwrap();
        let bytes = fs::read(replica(number)).unwrap();
        let path = file(&directory, "r.aof", &bytes);
        repair(&[], &path).code(0);
        assert_eq!((fs::read(&path).unwrap() == bytes, names(&directory)), (true, 1));
        let whole = survey(&path);
        let (path, cut) = (file(&directory, "cut.aof", &bytes[..bytes.len() - 3]), bytes.len() as u64 - 528);
        let report = repair(&["--json"], &path).code(0).json().pop().unwrap();
        assert_eq!(
            (&report["bytes"], &report["entries"]),
            (&json!(cut), &json!(whole["entries"].as_u64().unwrap() - 1))
        );
        assert_eq!(findings(&survey(&path)), findings(&whole));
    }
}

#[test]
fn what_is_no_log_is_refused_with_advice_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let text = file(&directory, "notes.txt", b"precious");
    let ran = repair(&[], &text).code(2);
    assert!(
        ran.stderr.contains("holds not a single whole entry") && ran.stderr.contains("move it away"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read(&text).unwrap(), b"precious");

    let missing = directory.path().join("missing.aof");
    let ran = repair(&[], &missing).code(2);
    assert!(ran.stderr.contains("cannot read") && !missing.exists(), "{}", ran.stderr);
    repair(&[], directory.path()).code(2);
    if cfg!(unix) {
        let ran = repair(&[], Path::new("/dev/null")).code(2);
        assert!(ran.stderr.contains("is no file: only files are cut"), "{}", ran.stderr);
    }
    repair(&["--message-size-max", "100"], &text).code(2);
    assert_eq!(names(&directory), 1);
}

#[test]
fn live_writer_keeps_repair_out() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "r.aof", &small());
    let writer = aof_std::LogFile::open(&path).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(183_500).unwrap();
    for flags in [&[][..], &["--dry-run"]] {
        let ran = repair(flags, &path).code(2);
        assert!(
            ran.stderr.contains("another process writes this log") && ran.stdout.is_empty(),
            "{}",
            ran.stderr
        );
    }
    assert_eq!((fs::metadata(&path).unwrap().len(), names(&directory)), (183_500, 1));
    drop(writer);
    repair(&[], &path).code(0);
}

#[cfg(unix)]
#[test]
fn tail_that_cannot_be_kept_is_not_cut() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "r.aof", &small()[..183_500]);
    // No byte more may be written to any file.
    let ran = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 0; exec \"$0\" repair \"$1\""])
        .arg(command().get_program())
        .arg(&path)
        .output()
        .unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the tail cannot be kept in") && stderr.contains("torn-at-183088"), "{stderr}");
    assert_eq!((fs::metadata(&path).unwrap().len(), names(&directory)), (183_500, 1));
}

#[test]
fn entry_above_the_size_limit_is_not_taken_for_a_torn_tail() {
    let directory = TempDir::new().unwrap();
    let bytes = small();
    let path = file(&directory, "r.aof", &bytes);
    let ran = repair(&["--message-size-max", "500"], &path);
    let ran = ran.code(1);
    for fact in ["LEFT", "No crash leaves this", "--message-size-max"] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    assert_eq!((fs::read(&path).unwrap() == bytes, names(&directory)), (true, 1));
}
