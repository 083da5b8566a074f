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
    assert!(advice.contains("normal after a crash"), "{advice}");
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
