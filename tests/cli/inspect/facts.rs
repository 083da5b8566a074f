//! What is told of one log: on real ones the facts of `tests/data/README.md`, and always what `verify` says.

use super::inspect;
use crate::util::{data, file, replica, survey};
use aof_nostd::wire::{Header, Release};
use aof_nostd::{Draft, Operation};
use aof_tests::build::{Builder, PROFILES};
use serde_json::{Value, json};
use std::path::Path;

/// Asserts that everything that `verify` tells of a file is told here too, and the same.
fn assert_agrees_with_verify(path: &Path) -> Value {
    let (report, code) = inspect(&[path]);
    let inspected = report["files"][0].clone();
    let verified = survey(path);
    for (key, value) in verified.as_object().unwrap() {
        assert_eq!(&inspected[key], value, "{key} of {path:?}");
    }
    assert_eq!(code, if verified["sound"] == true { 0 } else { 1 }, "{path:?}");
    inspected
}

fn sum(list: &Value, key: &str) -> u64 {
    list.as_array().unwrap().iter().map(|value| value[key].as_u64().unwrap()).sum()
}

/// Every count of a log is the same, however it is broken down.
fn assert_adds_up(file: &Value) {
    let entries = file["entries"].as_u64().unwrap();
    for list in ["operations", "body_sizes", "views", "releases", "clients"] {
        assert_eq!(sum(&file[list], "entries"), entries, "{list}");
    }
    let rate = file["rate"]["buckets"].as_array().unwrap();
    let timed: u64 = rate.iter().map(|bucket| bucket[1].as_u64().unwrap()).sum();
    assert_eq!(timed + file["untimed_entries"].as_u64().unwrap(), entries);
}

#[test]
fn real_logs_say_what_verify_says_and_add_up() {
    for path in [
        replica(0),
        replica(1),
        replica(2),
        data("single/small-bodies.aof"),
        data("single/large-bodies.aof"),
        data("expiry.aof"),
    ] {
        let file = assert_agrees_with_verify(&path);
        assert_adds_up(&file);
        assert_eq!(
            sum(&file["operations"], "bytes"),
            file["bytes"].as_u64().unwrap(),
            "every byte is an entry's"
        );
    }
}

#[test]
fn recorded_replica_has_its_views_operations_and_times() {
    let (report, code) = inspect(&[&replica(0)]);
    assert_eq!(code, 0, "backtracks and gaps are no fault");
    let file = &report["files"][0];
    assert_eq!(file["repeated_entries"], 804);
    assert_eq!(file["held_ops"], json!([[1, 822], [960, 3221]]));
    let views = file["views"].as_array().unwrap();
    let view = |view: &Value| {
        let number = |key: &str| view[key].as_u64().unwrap();
        (number("view"), number("first_op"), number("last_op"), number("replica"))
    };
    assert_eq!(
        views.iter().map(view).collect::<Vec<_>>(),
        [(1, 1, 306, 1), (2, 307, 1111, 2), (4, 1112, 3221, 1)]
    );
    assert_eq!(file["releases"][0]["release"], "65535.0.0");
    assert_eq!(file["first_timestamp"], 1_795_237_346_779_730_429_u64);
    assert_eq!(file["last_timestamp"], 1_795_237_384_915_577_430_u64);
    let transfers =
        file["operations"].as_array().unwrap().iter().find(|value| value["operation"] == 147).unwrap();
    assert_eq!(
        (&transfers["operation_name"], &transfers["entries"]),
        (&json!("create_transfers"), &json!(3859))
    );
    assert_eq!(report["verdict"]["word"], "INCOMPLETE");
    assert_eq!(report["union"]["missing_ops"], json!([[823, 959]]));
}

#[test]
fn firmware_with_operations_of_its_own_inspects_without_complaint() {
    let directory = tempfile::tempdir().unwrap();
    let draft =
        |operation, timestamp_ns| Draft { operation: Operation(operation), timestamp_ns, ..Draft::default() };
    let log = Builder::new(PROFILES[1])
        .draft(draft(200, 0)) // no clock yet
        .chain(&[3, 0])
        .draft(draft(33, 1_795_237_346_779_730_429))
        .release(Release(0x0001_0203))
        .chain(&[17, 1])
        .build();
    let path = file(&directory, "device.aof", &log.bytes);
    let file = assert_agrees_with_verify(&path);
    assert_adds_up(&file);
    assert_eq!(file["profile"], "crc");
    assert_eq!(file["untimed_entries"], 1, "the second has 1 ns");
    let operations: Vec<_> =
        file["operations"].as_array().unwrap().iter().map(|value| &value["operation"]).collect();
    assert_eq!(operations, [33, 200]);
    assert!(file["operations"][0].get("operation_name").is_none(), "it has none");
    assert_eq!(file["releases"][1]["release"], "1.2.3");
    assert_eq!(inspect(&[&path]).0["verdict"]["word"], "SOUND");
}

#[test]
fn damage_is_told_with_exit_code_1_and_the_rest_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    bytes[100_000] ^= 1;
    bytes.truncate(bytes.len() - 7);
    let path = file(&directory, "damaged.aof", &bytes);
    let found = assert_agrees_with_verify(&path);
    assert_adds_up(&found);
    assert_eq!(found["entries"], 298);
    let (report, code) = inspect(&[&path]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("DAMAGED")));
    assert_eq!(report["verdict"]["level"], "bad");

    let torn = file(&directory, "torn.aof", &bytes[..2000]);
    let (report, _) = inspect(&[&torn]);
    let advice = report["verdict"]["advice"].to_string();
    assert!(advice.contains("normal after a crash") && advice.contains("'aof repair'"), "{advice}");
    let place = |words: &str| advice.find(words).unwrap();
    assert!(place("other replicas' logs") < place("'aof repair'"), "the other logs come first: {advice}");
    assert!(!advice.contains("Keep it as it is"), "that is no advice beside one to repair it: {advice}");
}

#[test]
fn empty_file_and_file_of_something_else_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let empty = file(&directory, "empty.aof", b"");
    assert_agrees_with_verify(&empty);
    assert_eq!(inspect(&[&empty]).0["verdict"]["word"], "EMPTY");
    let other = file(&directory, "other.txt", b"something else entirely".repeat(40).as_slice());
    let found = assert_agrees_with_verify(&other);
    assert_eq!(
        (&found["operations"], &found["views"], &found["rate"]["buckets"]),
        (&json!([]), &json!([]), &json!([]))
    );
    let zeros = file(&directory, "zeros.img", &[0; 70_000]);
    assert_agrees_with_verify(&zeros);
}

#[test]
fn extreme_header_fields_are_counted_and_not_obeyed() {
    let directory = tempfile::tempdir().unwrap();
    let mut header = Header::new();
    header.op = (u64::MAX - 1).into();
    header.commit = 7.into();
    header.view = u32::MAX.into();
    header.release = u32::MAX.into();
    header.client = u128::MAX.into();
    header.cluster = u128::MAX.into();
    header.timestamp = u64::MAX.into();
    let mut first = Header::new();
    first.timestamp = 1.into();
    first.cluster = u128::MAX.into();
    let log = Builder::new(PROFILES[0]).sealed(first, b"").sealed(header, b"x").build();
    let path = file(&directory, "extreme.aof", &log.bytes);
    let found = assert_agrees_with_verify(&path);
    assert_adds_up(&found);
    assert_eq!(found["missing_ops"], json!([[2, u64::MAX - 2]]));
    assert_eq!(found["clients"][1]["client"], u128::MAX.to_string());
    crate::util::aof(["inspect".as_ref(), path.as_os_str()]).code(0);
    super::page(directory.path(), &[&path]);
}

/// The text report on one log, each run of white space as one space: however it is wrapped.
fn told(path: &Path) -> String {
    let ran = crate::util::aof(["inspect".as_ref(), path.as_os_str()]);
    ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Five other entries for ops 6 to 10 were told as "5 of them repeated".
#[test]
fn second_history_is_not_taken_for_repeats() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Builder::new(PROFILES[0]).chain(&[8; 10]).fork(4).chain(&[8; 5]);
    let path = file(&directory, "forked.aof", &builder.clone().build().bytes);
    let found = assert_agrees_with_verify(&path);
    assert_eq!((&found["repeated_entries"], &found["contradicting_entries"]), (&json!(0), &json!(5)));
    let text = told(&path);
    assert!(text.contains(" entries 15, 5 of them contradict another of the same op ops 1 to 10"), "{text}");
    assert_eq!(text.to_lowercase().matches("keep it as it is").count(), 1, "{text}");
    // Nothing is damaged that another log could mend: what it can tell is which history is the right one.
    assert!(text.contains("logs here too, to see which history they have."), "{text}");
    assert!(!text.contains("hold what is damaged"), "{text}");
    let path = file(&directory, "both.aof", &builder.repeat(0..2).build().bytes);
    let found = assert_agrees_with_verify(&path);
    assert_eq!((&found["repeated_entries"], &found["contradicting_entries"]), (&json!(2), &json!(5)));
    assert_eq!(assert_agrees_with_verify(&replica(0))["contradicting_entries"], 0);
}

/// It was told as two histories, and its cluster stood below among the findings.
#[test]
fn entry_of_another_cluster_is_told_as_that() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(PROFILES[0]).chain(&[8; 4]).build();
    let mut strange = log.entry(3).header;
    strange.cluster = 5.into();
    strange.op = 5.into();
    strange.parent = log.entries[3].checksum;
    let mut bytes = log.bytes.clone();
    bytes.extend(Builder::new(PROFILES[0]).sealed(strange, b"strange").build().bytes);
    let path = file(&directory, "strange.aof", &bytes);
    let (report, code) = inspect(&[&path]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("MIXED")));
    let text = report["verdict"]["text"].as_str().unwrap();
    let place = format!("an entry of cluster 5 in a log of cluster 0 at byte {} (op 5); ", log.bytes.len());
    assert!(text.starts_with(&place), "{text}");
    let sound = file(&directory, "sound.aof", &log.bytes);
    let (report, _) = inspect(&[&sound, &path]);
    assert_eq!(report["verdict"]["word"], "MIXED");
    assert!(report["verdict"]["text"].as_str().unwrap().contains(&place), "{report}");
}

/// "and 1016 more (--json has them)" of 3,000 views, of which JSON had 1,024.
#[test]
fn names_left_out_are_told_with_their_entries() {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(PROFILES[1]);
    for number in 1..=3000 {
        builder = builder.view(number).release(Release(number)).chain(&[0]);
    }
    let path = file(&directory, "many.aof", &builder.build().bytes);
    let found = assert_agrees_with_verify(&path);
    assert_adds_up_to(&found, 1024, 1976);
    let text = told(&path);
    let views = "and 1,016 more (--json has them), and 1,976 entries of further ones releases ";
    assert!(text.contains(views), "{text}");
    let releases = "and 248 more (--json has them), and 2,744 entries of further ones clients ";
    assert!(text.contains(releases), "{text}");
}

fn assert_adds_up_to(file: &Value, views: usize, others: u64) {
    assert_eq!(file["views"].as_array().unwrap().len(), views);
    assert_eq!(file["views_omitted_entries"], others);
}

/// "without time2 entries".
#[test]
fn entries_without_a_time_are_told_in_words_that_do_not_run_together() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Header::new();
    first.timestamp = 0.into();
    let path = file(&directory, "device.aof", &Builder::new(PROFILES[1]).sealed(first, b"").build().bytes);
    assert!(told(&path).contains(" no time 1 entry "), "{}", told(&path));
}
