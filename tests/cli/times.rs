//! Times that go back: found along the chain, and no reason to say that ops are missing.

use crate::util::{Ran, aof, data, file, survey};
use aof_nostd::{Checksum, Header, Profile, TigerBeetle};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn run(words: &[&str], paths: &[&Path]) -> Ran {
    aof(words.iter().map(OsStr::new).chain(paths.iter().map(|path| path.as_os_str())))
}

/// A chain whose entries have these times, each entry by itself.
fn entries(times: &[u64]) -> Vec<Vec<u8>> {
    let profile = TigerBeetle::default();
    let mut parent = Checksum::new(1);
    let entry = |(op, time): (u64, &u64)| {
        let mut header = Header::new();
        (header.op, header.parent, header.timestamp) = (op.into(), parent, (*time).into());
        header.seal(&profile, b"").unwrap();
        parent = header.checksum;
        [&profile.magic(), zerocopy::IntoBytes::as_bytes(&header)].concat()
    };
    (1..).zip(times).map(entry).collect()
}

/// A file of these ops of it, in this order.
fn log(directory: &TempDir, times: &[u64], ops: &[usize]) -> PathBuf {
    let entries = entries(times);
    let bytes: Vec<u8> = ops.iter().flat_map(|op| entries[op - 1].clone()).collect();
    file(directory, "log.aof", &bytes)
}

/// What `show --at` says is missing; the exit code says whether anything is.
fn missing(path: &Path, at: u64) -> Vec<(u64, u64)> {
    let at = format!("{at}ns");
    let ran = run(&["show", "--json", "--at", &at], &[path]);
    let shown = ran.json().remove(0);
    let missing: Vec<(u64, u64)> = serde_json::from_value(shown["missing_ops"].clone()).unwrap();
    assert_eq!(shown["missing_behind"], missing.first().map_or(Value::Null, |range| json!(range)));
    assert_eq!(ran.stderr.contains("missing"), !missing.is_empty(), "{}", ran.stderr);
    ran.code(i32::from(!missing.is_empty()));
    missing
}

#[test]
fn show_at_says_that_ops_are_missing_only_where_they_are() {
    let directory = TempDir::new().unwrap();
    let uptime: Vec<u64> = std::iter::once(10).chain([1; 97]).chain([20]).collect();
    let all: Vec<usize> = (1..=uptime.len()).collect();
    assert_eq!(missing(&log(&directory, &uptime, &all), 15), []);
    for (times, ops, expected) in [
        (&[10, 1, 20][..], &[1, 2, 3][..], &[][..]),
        (&[10, 0, 20], &[1, 2, 3], &[]),
        (&[10, 5, 4], &[1, 2, 3], &[]),
        (&[10, 12, 5, 20], &[1, 3, 4], &[(2, 2)]),
        (&[10, 5, 12, 6, 20], &[1, 2, 4, 5], &[(3, 3)]),
        (&[5, 6, 10, 12, 20], &[1, 3, 5], &[(4, 4)]),
        (&[10, 20, 25, 30], &[1, 2, 4], &[]),
        (&[20, 12, 10, 30], &[1, 3, 4], &[(2, 2)]),
        (&[10, 12, 5, 12, 20], &[1, 3, 5], &[(2, 2), (4, 4)]),
        (&[10, 11, 12, 20], &[1, 4, 2, 3, 1], &[]),
        (&[10, 11, 12, 13, 20], &[1, 2, 5, 1, 2, 3], &[(4, 4)]),
        (&[10, 0, 0, 20], &[1, 3, 4], &[(2, 2)]),
    ] {
        assert_eq!(missing(&log(&directory, times, ops), 15), expected, "{times:?} {ops:?}");
    }
}

#[test]
fn show_at_names_every_range_that_is_missing() {
    let directory = TempDir::new().unwrap();
    let path = log(&directory, &[10, 12, 5, 12, 20], &[1, 3, 5]);
    let ran = run(&["show", "--at", "15ns"], &[&path]).code(1);
    assert!(
        ran.stderr.contains("ops 2, 4 are missing; the entry of that time may be one of them"),
        "{}",
        ran.stderr
    );
}

/// The count of places where the time goes back, and the first of them.
fn back(surveyed: &Value) -> (u64, Value) {
    let kinds =
        surveyed["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == "time-back");
    assert_eq!(kinds.count() as u64, surveyed["times_back"].as_u64().unwrap());
    (surveyed["times_back"].as_u64().unwrap(), surveyed["first_time_back"].clone())
}

#[test]
fn times_that_go_back_are_found_and_fail_only_under_strict() {
    let directory = TempDir::new().unwrap();
    let second = 1_000_000_000;
    let path = log(&directory, &[5 * second, 4 * second, 3 * second, 9 * second], &[1, 2, 3, 4]);
    let surveyed = survey(&path);
    assert_eq!(back(&surveyed), (2, json!({"op": 2, "offset": 272, "by": second})));
    assert_eq!((&surveyed["sound"], &surveyed["faults"]), (&json!(true), &json!(0)));
    let ran = run(&["verify"], &[&path]).code(0);
    assert!(ran.stdout.contains(": sound, one unbroken chain, the time goes back\n"), "{}", ran.stdout);
    let told = "time                 goes back at 2 places, first at op 2 (byte 272), by 1 s";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    assert!(ran.stdout.contains("byte 272 (op 2): time-back: the time goes back by 1 s"), "{}", ran.stdout);
    run(&["verify", "--strict"], &[&path]).code(1);
    let report = run(&["inspect", "--json"], &[&path]).code(0).json().pop().unwrap();
    assert_eq!(back(&report["files"][0]), (2, json!({"op": 2, "offset": 272, "by": second})));
    assert!(report["verdict"]["advice"][0].as_str().unwrap().contains("The time goes back at 2 places"));
    let ran = run(&["inspect", "--color", "never"], &[&path]).code(0);
    assert!(ran.stdout.contains("goes back at 2 places, first at op 2 (byte 272), by 1 s"), "{}", ran.stdout);
    let sound = survey(&data("cluster/r0.aof"));
    assert_eq!(back(&sound), (0, Value::Null), "a replica's log, with repeats");
}

#[test]
fn repeats_gaps_and_late_ops_are_compared_along_the_chain() {
    let directory = TempDir::new().unwrap();
    for (times, ops, count, first) in [
        (&[1, 2, 3, 4][..], &[1, 2, 3, 1, 2, 3, 4][..], 0, Value::Null),
        (&[9, 2, 3, 4], &[1, 2, 3, 1, 2, 3, 4], 1, json!({"op": 2, "offset": 272, "by": 7})),
        (&[9, 8, 3, 4], &[1, 3, 4], 0, Value::Null),
        (&[1, 5, 3, 4, 6], &[1, 2, 5, 3, 4], 1, json!({"op": 3, "offset": 816, "by": 2})),
        (&[1, 2, 3, 9, 6], &[1, 2, 5, 3, 4], 1, json!({"op": 5, "offset": 544, "by": 3})),
        (&[5, 0, 0, 4], &[1, 2, 3, 4], 1, json!({"op": 4, "offset": 816, "by": 1})),
        (&[0, 0, 0, 0], &[1, 2, 3, 4], 0, Value::Null),
    ] {
        assert_eq!(back(&survey(&log(&directory, times, ops))), (count, first), "{times:?} {ops:?}");
    }
}

/// Larger than a segment of the scan, so that several threads read it, and in ranges.
#[test]
fn segments_and_ranges_find_the_same_as_one_thread() {
    let directory = TempDir::new().unwrap();
    let times: Vec<u64> =
        (0..30_000_u64).map(|op| 1_000_000 + op * 10 - u64::from(op % 7 == 3) * 15).collect();
    let expected = times.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
    let ops: Vec<usize> = (1..=20_000).chain(15_001..=30_000).collect();
    let path = log(&directory, &times, &ops);
    let surveyed = survey(&path);
    let (count, first) = back(&surveyed);
    assert_eq!((count, &first["op"]), (expected, &json!(4)));
    let parts: Vec<_> = (1..=5).map(|number| directory.path().join(format!("{number}.part"))).collect();
    for (number, part) in (1..=5).zip(&parts) {
        run(&["verify", "--range", &format!("{number}/5"), "--part"], &[part, &path]).code(0);
    }
    let parts: Vec<_> = parts.iter().map(PathBuf::as_path).collect();
    assert_eq!(run(&["stitch", "--json"], &parts).code(0).json()[0], surveyed);
}

#[test]
fn one_entry_has_a_rate_of_one_time() {
    let directory = TempDir::new().unwrap();
    let path = log(&directory, &[1_795_236_810_352_835_628], &[1]);
    let ran = run(&["inspect", "--color", "never"], &[&path]).code(0);
    assert!(ran.stdout.contains("1 entry at one time") && !ran.stdout.contains("in 0 ns"), "{}", ran.stdout);
}

/// Every argument that is a time is read by one parser.
#[test]
fn time_arguments_are_alike_everywhere() {
    let log = data("single/small-bodies.aof");
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("out");
    let commands: [&[&str]; 4] = [
        &["show", "--at"],
        &["export", "--format", "jsonl", "--force", "--output", out.to_str().unwrap(), "--from"],
        &["export", "--format", "jsonl", "--force", "--output", out.to_str().unwrap(), "--until"],
        &["recover", "--cluster", "0", "--dry-run", "--until"],
    ];
    for words in commands {
        for text in ["20261121T235960Z", "20261121T050260", "2026-11-21T05:02:27+25:00", "20261321", "202611"]
        {
            let words: Vec<_> = words.iter().copied().chain([text]).collect();
            let ran = run(&words, &[&log]).code(2);
            assert!(ran.stderr.contains("invalid value"), "{words:?}: {}", ran.stderr);
        }
        for text in
            ["20261122", "20261122T0000", "20261122T000000Z", "+002026-11-22", "2026-11-22T01:00+01:00"]
        {
            let ran = run(&words.iter().copied().chain([text]).collect::<Vec<_>>(), &[&log]);
            assert_ne!(ran.code, Some(2), "{words:?} {text}: {}", ran.stderr);
        }
    }
    let rows = |from: &str| {
        run(&["export", "--format", "jsonl", "--output", "-", "--from", from], &[&log]).stdout.lines().count()
    };
    assert_eq!(rows("20261121"), rows("2026-11-21"));
    assert_eq!((rows("20270101"), rows("19700101") > 0), (0, true));
}
