//! `aof show`: one entry whole.

use crate::export::bodies;
use crate::util::{Ran, aof, data, file, replica};
use aof_nostd::AnyProfile;
use aof_tests::build::{Builder, PROFILES};
use serde_json::Value;
use std::path::Path;

fn show(path: &Path, arguments: &[&str]) -> Ran {
    let arguments = arguments.iter().map(AsRef::as_ref);
    aof(["show".as_ref(), path.as_os_str()].into_iter().chain(arguments))
}

#[track_caller]
fn shown(path: &Path, arguments: &[&str]) -> Vec<Value> {
    show(path, &[arguments, &["--json"]].concat()).code(0).json()
}

#[test]
fn header_is_shown_by_field_with_both_forms_of_the_time() {
    let ran = show(&data("single/small-bodies.aof"), &["--op", "300"]).code(0);
    let header = aof(["debug".as_ref(), data("single/small-bodies.aof").as_os_str()]).code(0);
    let line = header.stdout.lines().rfind(|line| line.contains(" op=300 ")).unwrap();
    for field in line.split_whitespace() {
        let (name, value) = field.split_once('=').unwrap();
        let is_told = |line: &&str| {
            line.strip_prefix("  ").and_then(|line| line.strip_prefix(name)).is_some_and(|rest| {
                rest.starts_with(' ') && rest.trim_start().split(' ').next() == Some(value)
            })
        };
        assert!(
            // The time is beside the nanoseconds, in parentheses.
            name == "offset"
                || name == "time" && ran.stdout.contains(&format!(" ({value})"))
                || ran.stdout.lines().any(|line| is_told(&line)),
            "{field}:\n{}",
            ran.stdout
        );
    }
    let time = ran.stdout.lines().find(|line| line.starts_with("  timestamp")).unwrap();
    assert!(time.contains("(2026-") && time.ends_with("Z)"), "{time}");
}

#[test]
fn an_entry_is_found_by_op_checksum_byte_and_time() {
    let path = data("single/small-bodies.aof");
    let entry = &shown(&path, &["--op", "150"])[0];
    let offset = entry["offset"].as_u64().unwrap();
    let last = offset + 16 + entry["size"].as_u64().unwrap() - 1;
    let time = entry["timestamp"].as_u64().unwrap();
    for arguments in [
        ["--checksum", entry["checksum"].as_str().unwrap()],
        ["--offset", &offset.to_string()],
        ["--offset", &last.to_string()],
        ["--at", &time.to_string()],
        ["--at", entry["time"].as_str().unwrap()],
        ["--at", entry["time"].as_str().unwrap().trim_end_matches('Z')],
    ] {
        assert_eq!(&shown(&path, &arguments)[0], entry, "{arguments:?}");
    }
    assert_eq!(shown(&path, &["--offset", &(last + 1).to_string()])[0]["op"], 151);
    assert_eq!(shown(&path, &["--at", &(time - 1).to_string()])[0]["op"], 149);
    assert_eq!(shown(&path, &["--at", "2100-01-01"])[0]["op"], 300, "the last one up to then");
    let ran = show(&path, &["--at", &time.to_string()]).code(0);
    assert!(ran.stdout.contains("Z, at that time\n"), "{}", ran.stdout);
    let ran = show(&path, &["--at", &(time + 5).to_string()]).code(0);
    assert!(ran.stdout.contains("the last entry up to ") && ran.stdout.contains(", 5 ns before it"));
}

#[test]
fn exactly_one_entry_is_asked_for() {
    let path = data("single/small-bodies.aof");
    show(&path, &[]).code(2);
    show(&path, &["--op", "1", "--offset", "0"]).code(2);
}

#[test]
fn an_entry_that_is_not_there_is_told_with_what_is() {
    let path = data("single/small-bodies.aof");
    let told = |arguments: &[&str]| show(&path, arguments).code(1).stderr;
    assert!(told(&["--op", "301"]).contains("has no op 301: its ops go from 1 to 300"));
    let zero = "0".repeat(32);
    assert!(told(&["--checksum", &zero]).contains("its ops go from 1 to 300"));
    assert!(
        told(&["--offset", "183616"]).contains("byte 183616 belongs to no entry: the file has 183616 bytes")
    );
    assert!(
        show(&replica(0), &["--op", "823"])
            .code(1)
            .stderr
            .contains("has no op 823: ops 823 to 959 are missing there; its ops go from 1 to 3221")
    );
    let told = told(&["--at", "1970-01-02"]);
    assert!(
        told.contains("has no entry up to 1970-01-02T00:00:00.000000000Z")
            && told.contains("the first is of")
    );
    let directory = tempfile::tempdir().unwrap();
    let empty = file(&directory, "empty.aof", b"");
    assert!(show(&empty, &["--op", "1"]).code(1).stderr.contains("holds no entry"));
}

#[test]
fn neighbours_and_copies_are_told_with_their_places() {
    let entry = &shown(&replica(0), &["--op", "804"])[0];
    assert_eq!(entry["copies_count"], 2, "once more after the restart");
    assert_eq!(entry["copies"].as_array().unwrap().len(), 2);
    assert_eq!(entry["parent_offsets"].as_array().unwrap().len(), 2);
    let children = entry["children"].as_array().unwrap();
    assert_eq!(children.len(), 1, "op 805 was written once: {children:?}");
    assert_eq!(children[0]["op"], 805);
    let ran = show(&replica(0), &["--op", "960"]).code(0);
    assert!(ran.stdout.contains("parent            op 959, checksum "), "{}", ran.stdout);
    assert!(ran.stdout.contains(": not in this file"), "{}", ran.stdout);
    let ran = show(&replica(0), &["--op", "1"]).code(0);
    assert!(ran.stdout.contains("copies            1 more at byte 492608\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("parent            none: the log begins here"), "{}", ran.stdout);
}

#[test]
fn both_sides_of_a_fork_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[1, 1, 1]).fork(0).chain(&[1, 1]).build();
    let path = file(&directory, "forked.aof", &log.bytes);
    let entries = shown(&path, &["--op", "2"]);
    let offsets: Vec<_> = entries.iter().map(|entry| entry["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [1, 3].map(|index| log.entries[index].offset as u64));
    assert!(show(&path, &["--op", "2"]).code(0).stderr.contains("2 different entries of op 2: a fork"));
    let ran = show(&path, &["--op", "1"]).code(0);
    assert_eq!(ran.stdout.matches("(a fork)").count(), 2, "{}", ran.stdout);
}

#[test]
fn transfers_and_accounts_are_shown_by_field_with_flags_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "every-form.aof", &bodies::every_form().bytes);
    let ran = show(&path, &["--op", "148"]).code(0); // operation 147
    assert!(ran.stdout.contains("body: 896 bytes, 6 transfers, in 3 batches: 1, 0, 5; trailer 128 bytes"));
    assert!(ran.stdout.contains("    amount             340282366920938463463374607431768211455\n"));
    assert!(ran.stdout.contains("    flags              2 (pending)\n"));
    assert!(ran.stdout.contains("    timeout            66\n"));
    assert!(!ran.stdout.contains("debits_posted"), "a transfer has none");
    let ran = show(&path, &["--op", "130"]).code(0); // operation 129
    assert!(ran.stdout.contains("body: 768 bytes, 6 accounts, plain\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("    flags              32776 (history|0x8000)\n"));

    let body = &shown(&path, &["--op", "148"])[0]["body"];
    assert_eq!((&body["kind"], &body["layout"]), (&Value::from("events"), &Value::from("multi-batch")));
    assert_eq!(body["batches"], serde_json::json!([1, 0, 5]));
    assert_eq!(body["events"][5]["amount"], u128::MAX.to_string());
    assert_eq!(body["events"][1]["batch_index"], 2);
    assert_eq!(body["events"][0]["flag_names"], serde_json::json!(["pending"]));
}

/// The events of an entry are those of an export.
#[test]
fn events_shown_are_those_exported() {
    let path = data("single/large-bodies.aof");
    let exported = crate::export::rows(&["--operation", "create_transfers"], &[&path]);
    let op = exported[0]["op"].as_u64().unwrap();
    let entry = &shown(&path, &["--op", &op.to_string()])[0];
    let events = entry["body"]["events"].as_array().unwrap();
    assert!(events.len() > 8000);
    for (event, exported) in events.iter().zip(&exported) {
        for (name, value) in event.as_object().unwrap() {
            assert!(name == "flag_names" || exported[name] == *value, "{name}: {event} {exported}");
        }
    }
    let ran = show(&path, &["--op", &op.to_string()]).code(0);
    assert!(ran.stdout.contains("more events: --all shows them"));
    let all = show(&path, &["--op", &op.to_string(), "--all"]).code(0);
    assert_eq!(all.stdout.matches("\n  event ").count(), events.len());
}

#[test]
fn a_body_that_is_not_known_is_bytes() {
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        let log = Builder::new(profile).entry(b"temperature 21.5").entry(&[7; 5000]).entry(&[]).build();
        let path = file(&directory, "firmware.aof", &log.bytes);
        let ran = show(&path, &["--op", "1"]).code(0);
        assert!(ran.stdout.contains("body: 16 bytes: no events: "), "{}", ran.stdout);
        assert!(ran.stdout.contains("|temperature 21.5|"), "{}", ran.stdout);
        let ran = show(&path, &["--op", "2"]).code(0);
        assert!(ran.stdout.contains("and 3976 more bytes: --all shows them"), "{}", ran.stdout);
        let all = show(&path, &["--op", "2", "--all"]).code(0);
        assert!(all.stdout.contains("\n  00001380  07 "), "{}", all.stdout);
        let body = &shown(&path, &["--op", "1"])[0]["body"];
        assert_eq!(body["hex"], "74656d70657261747572652032312e35");
        assert!(body["error"].is_string());
    }
}

#[test]
fn damage_where_an_entry_may_have_stood_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let offset = shown(&data("single/small-bodies.aof"), &["--op", "150"])[0]["offset"].as_u64().unwrap();
    bytes[usize::try_from(offset).unwrap() + 300] ^= 1;
    let path = file(&directory, "damaged.aof", &bytes);
    let ran = show(&path, &["--op", "150"]).code(1);
    let told = format!("bytes {offset} to {} are damaged. The entry may have been there", offset + 528);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert!(ran.stderr.contains("run 'aof merge --output OUT "), "{}", ran.stderr);
    let ran = show(&path, &["--offset", &(offset + 5).to_string()]).code(1);
    assert!(ran.stderr.contains("(op 150) are damaged"), "{}", ran.stderr);
    let ran = show(&path, &["--op", "149"]).code(0);
    assert!(ran.stdout.contains("child             not in this file"), "{}", ran.stdout);
    assert!(ran.stderr.contains("is damaged at 1 place"), "{}", ran.stderr);
}

/// A byte of free space was told as one among entries.
#[test]
fn byte_of_free_space_is_told_as_that() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(PROFILES[0]).chain(&[8; 3]).raw(&[0; 4096]).build();
    let path = file(&directory, "device.img", &log.bytes);
    let end = log.entries[2].end();
    let told = show(&path, &["--offset", &(end + 5).to_string()]).code(1).stderr;
    assert!(told.contains(&format!("zeros from byte {end} to the end at byte ")), "{told}");
    assert!(told.contains("on a device's image it is free space"), "{told}");
    let zeros = file(&directory, "zeros.img", &[0; 4096]);
    let told = show(&zeros, &["--offset", "0"]).code(1).stderr;
    assert!(told.contains("NOT A LOG: all zeros"), "{told}");
}

/// What is asked for may be in zeros that end the file, or in damage before its first entry: neither was named.
#[test]
fn zeros_and_damage_where_an_entry_may_have_been_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let log = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let (begin, end) = (100_000, log.len());
    let cut = file(&directory, "cut.aof", &[&log[..99_664], &vec![0; end - 99_664][..]].concat());
    let zeros = "from byte 99664 to the end there are zeros (in a log file, what was there is lost;";
    let told = show(&cut, &["--op", "142"]).code(1).stderr;
    assert!(told.contains("has no op 142: its ops go from 1 to 141; "), "{told}");
    assert!(told.contains(zeros) && told.contains("run 'aof merge --output OUT "), "{told}");
    // The answer that there is comes with a note; of an earlier time nothing is in doubt.
    let ran = show(&cut, &["--at", "2100-01-01"]).code(0);
    assert!(ran.stdout.starts_with("op 141 in "), "{}", ran.stdout);
    let note = format!("op 141 is the last, and {zeros}");
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let earlier = shown(&cut, &["--op", "100"])[0]["timestamp"].as_u64().unwrap() + 1;
    assert_eq!(show(&cut, &["--at", &earlier.to_string()]).code(0).stderr, "");
    // A writer's zeros ahead of its log are no loss.
    let ahead =
        file(&directory, "ahead.aof", &[&log[..99_664], &vec![0; 512 * 300 - 1 - 99_664][..]].concat());
    assert_eq!(show(&ahead, &["--at", "2100-01-01"]).code(0).stderr, "");
    assert!(!show(&ahead, &["--op", "142"]).code(1).stderr.contains("zeros"));
    let late = file(&directory, "late.aof", &[&vec![0; begin][..], &log[99_664..]].concat());
    let told = show(&late, &["--at", "2026-01-01"]).code(1).stderr;
    assert!(
        told.contains("has no entry up to 2026-01-01") && told.contains("bytes 0 to 100000 are damaged"),
        "{told}"
    );
}

/// `--at` in a gap gave the entry before the gap, and no word of what is missing there.
#[test]
fn answer_right_before_a_gap_is_doubted() {
    let at = "2026-11-21T05:02:34.05Z";
    let ran = show(&replica(0), &["--at", at]).code(1);
    assert!(ran.stdout.starts_with("op 822 in "), "{}", ran.stdout);
    assert!(
        ran.stderr.contains(
            "ops 823 to 959 are missing right behind op 822; the entry of that time may be one of them: another \
             replica's log may have it"
        ),
        "{}",
        ran.stderr
    );
    let ran = show(&replica(0), &["--at", at, "--json"]).code(1);
    assert_eq!(ran.json()[0]["missing_behind"], serde_json::json!([823, 959]));
    // The replica that has them, the entry's own time, and the time behind the gap leave no doubt.
    assert_eq!(shown(&replica(1), &["--at", at])[0]["op"], 919);
    let last = &shown(&replica(0), &["--op", "822"])[0];
    let exact = &shown(&replica(0), &["--at", last["time"].as_str().unwrap()])[0];
    assert_eq!((&exact["op"], &exact["missing_behind"]), (&Value::from(822), &Value::Null));
    let behind = &shown(&replica(0), &["--op", "960"])[0];
    assert_eq!(shown(&replica(0), &["--at", behind["time"].as_str().unwrap()])[0]["op"], 960);
    let none = show(&replica(0), &["--at", "2100-01-01"]).code(0);
    assert_eq!(none.stderr, "", "nothing is known to be behind the last");
}

/// `--at` where the right entry is damaged gave the one before it, and spoke of neighbours and copies only.
#[test]
fn answer_right_before_damage_is_doubted() {
    let directory = tempfile::tempdir().unwrap();
    let sound = data("single/small-bodies.aof");
    let damaged = |op: u64| {
        let entry = &shown(&sound, &["--op", &op.to_string()])[0];
        let mut bytes = std::fs::read(&sound).unwrap();
        bytes[usize::try_from(entry["offset"].as_u64().unwrap()).unwrap() + 300] ^= 1;
        (file(&directory, "damaged.aof", &bytes), entry["time"].as_str().unwrap().to_owned())
    };
    let (path, time) = damaged(150);
    let ran = show(&path, &["--at", &time, "--json"]).code(1);
    let entry = &ran.json()[0];
    assert_eq!((&entry["op"], &entry["missing_behind"]), (&Value::from(149), &serde_json::json!([150, 150])));
    assert_eq!(entry["damaged_behind"], true);
    let text = "op 150 is missing right behind op 149; the entry of that time may be that one: it may have stood at \
                the place that is damaged";
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
    assert_eq!(shown(&path, &["--at", "2100-01-01"])[0]["op"], 300, "far from the damage");
    // At the end nothing tells that an op is missing, but for the damage.
    let (path, time) = damaged(300);
    let ran = show(&path, &["--at", &time]).code(1);
    let text =
        "op 299 is the last, and something behind it is damaged; the entry of that time may be another";
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
    assert_eq!(
        shown(&path, &["--op", "299"])[0]["damaged_behind"],
        false,
        "what is asked for by op is there"
    );
}

/// `--checksum 936a` was taken for 28 zeros and 936a.
#[test]
fn checksum_has_all_its_digits() {
    let path = data("single/small-bodies.aof");
    let told = show(&path, &["--checksum", "936a"]).code(2).stderr;
    assert!(told.contains("a checksum has 32 hexadecimal digits, and this has 4"), "{told}");
    show(&path, &["--checksum", &"g".repeat(32)]).code(2);
    show(&path, &["--checksum", &"0".repeat(33)]).code(2);
    let merge = aof(["merge", "--output", "none.aof", "--root", "936a", "none"]).code(2);
    assert!(merge.stderr.contains("a checksum has 32 hexadecimal digits"), "{}", merge.stderr);
}

#[test]
fn events_of_an_entry_without_a_time_have_none() {
    let directory = tempfile::tempdir().unwrap();
    let draft = aof_nostd::Draft { operation: aof_nostd::Operation(130), ..Default::default() };
    let body = [bodies::transfer(1, 1), bodies::transfer(2, 1), bodies::transfer(3, 1)].concat();
    let log = Builder::new(AnyProfile::default()).draft(draft).entry(&body).build();
    let path = file(&directory, "device.aof", &log.bytes);
    let events = shown(&path, &["--op", "1"])[0]["body"]["events"].clone();
    let times: Vec<&Value> = events.as_array().unwrap().iter().map(|it| &it["event_timestamp"]).collect();
    assert_eq!(times, [0, 0, 0]);
}

/// A device without a clock writes 0, which is no time: the first hundred entries of such a log were the last
/// ones up to this day, all of them of 1970.
#[test]
fn entries_without_a_time_are_not_the_last_ones_up_to_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(AnyProfile::default());
    for timestamp_ns in [0, 0, 700, 0] {
        builder = builder.draft(aof_nostd::Draft { timestamp_ns, ..Default::default() }).entry(b"");
    }
    let path = file(&directory, "some.aof", &builder.build().bytes);
    let ran = show(&path, &["--at", "2026-11-21", "--json"]).code(0);
    assert_eq!(ran.json().iter().map(|entry| entry["op"].as_u64()).collect::<Vec<_>>(), [Some(3)]);
    assert!(ran.stderr.contains("3 entries passed over that have no time"), "{}", ran.stderr);
    let mut builder = Builder::new(AnyProfile::default());
    for _ in 0..3 {
        builder = builder.draft(aof_nostd::Draft::default()).entry(b"");
    }
    let path = file(&directory, "none.aof", &builder.build().bytes);
    let ran = show(&path, &["--at", "2026-11-21"]).code(1);
    assert!(ran.stderr.contains("no entry with a time: 3 entries with timestamp 0"), "{}", ran.stderr);
}

/// More than a hundred were told to be a hundred.
#[test]
fn entries_that_are_not_shown_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    for (forks, told) in [
        (100, "100 different entries of op 2: a fork\n"),
        (150, "150 different entries of op 2: a fork: the first 100 are shown"),
        (1500, "more than 1000 different entries of op 2: a fork: the first 100 are shown"),
    ] {
        let mut builder = Builder::new(AnyProfile::default()).chain(&[0]);
        for number in 0..forks {
            builder = builder.fork(0).entry(&u32::to_le_bytes(number));
        }
        let path = file(&directory, "forks.aof", &builder.build().bytes);
        let ran = show(&path, &["--op", "2", "--json"]).code(0);
        assert_eq!(ran.json().len(), 100);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}
