//! Where the chain has no end or no beginning, and what is written all the same.

use super::{assert_nothing_in, chain, merge};
use crate::util::{WHOLE_SHA256, file, replica, sha256, survey};
use aof_nostd::{Crc, Entry, Header, TigerBeetle};
use serde_json::json;
use std::fs;

#[test]
fn gap_is_refused_with_the_missing_ops_and_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let ran = merge(&["--json"], &output, &[&replica(2)]).code(1);
    assert_eq!(ran.json()[0]["missing_ops"], json!([[1112, 2879]]));
    assert_eq!(ran.json()[0]["written"], false);
    for fact in ["1112-2879", "op 1111", "693088", "op 2880", "693616", "r2.aof", "--partial"] {
        assert!(ran.stderr.contains(fact), "{fact} in {}", ran.stderr);
    }
    assert_nothing_in(&directory, 0);
}

#[test]
fn first_gap_stands_between_its_neighbours_and_the_others_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let bodies: Vec<&[u8]> = vec![b"body"; 200];
    let entries = chain(TigerBeetle::new(aof_std::backend()), Header::new(), &bodies);
    let without = |gone: &dyn Fn(usize) -> bool| {
        let left = entries.iter().zip(1..).filter(|(_, op)| !gone(*op)).map(|(entry, _)| entry.as_slice());
        left.collect::<Vec<_>>().concat()
    };
    let gapped =
        file(&directory, "gapped.aof", &without(&|op| op == 30 || (50..60).contains(&op) || op == 70));
    let ran = merge(&["--json"], &output, &[&gapped]).code(1);
    assert!(
        ran.stderr.contains("a gap: op 30 is missing, between op 29 (")
            && ran.stderr.contains(" and op 31 ("),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("). Further on ops 50-59, 70 are missing too. "), "{}", ran.stderr);
    assert!(ran.stderr.contains("Another replica's log with these ops would help"), "{}", ran.stderr);
    assert_eq!(ran.json()[0]["missing_ops"], json!([[30, 30], [50, 59], [70, 70]]));

    let gapped = file(&directory, "one.aof", &without(&|op| op == 30));
    let ran = merge(&[], &output, &[&gapped]).code(1);
    assert!(ran.stderr.contains("Another replica's log with op 30 would help"), "{}", ran.stderr);

    let gapped = file(&directory, "many.aof", &without(&|op| op % 3 == 0));
    let ran = merge(&[], &output, &[&gapped]).code(1);
    assert!(ran.stderr.contains("op 3 is missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Further on ops 6, 9, 12, "), "{}", ran.stderr);
    assert!(ran.stderr.contains(", 63 and 45 more ranges are missing too"), "{}", ran.stderr);
}

#[test]
fn partial_writes_the_chain_up_to_the_gap() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("part.aof");
    let ran = merge(&["--partial"], &output, &[&replica(2)]).code(0);
    assert!(ran.stdout.contains("PARTIAL") && ran.stdout.contains("1112-2879"), "{}", ran.stdout);
    let part = survey(&output);
    assert_eq!(
        (&part["first_op"], &part["last_op"], &part["entries"]),
        (&json!(1), &json!(1111), &json!(1111))
    );
    assert_eq!(fs::read(&output).unwrap(), fs::read(replica(2)).unwrap()[..693_616]);
}

#[test]
fn root_begins_the_chain_at_a_child_of_that_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("end.aof");
    let bytes = fs::read(replica(2)).unwrap();
    let behind_gap = Entry::from_prefix(&bytes[693_616..]).unwrap();
    let root = behind_gap.header.parent.to_string();
    merge(&["--root", &root], &output, &[&replica(2)]).code(0);
    assert_eq!(fs::read(&output).unwrap(), bytes[693_616..]);
    let nobody = "0123456789abcdef0123456789abcdef";
    let ran = merge(&["--force", "--root", nobody], &output, &[&replica(2)]).code(1);
    assert!(ran.stderr.contains(nobody), "{}", ran.stderr);
    assert_eq!(fs::read(&output).unwrap(), bytes[693_616..], "the output is as it was");
}

#[test]
fn fork_is_refused_with_both_sides_and_partial_stops_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let profile = TigerBeetle::default();
    let one = chain(profile, Header::new(), &[b"a", b"b", b"c", b"d"]);
    let other = chain(profile, Header::new(), &[b"a", b"b", b"C", b"D"]);
    let one_path = file(&directory, "one.aof", &one.concat());
    let other_path = file(&directory, "other.aof", &other.concat());
    let output = directory.path().join("whole.aof");
    let ran = merge(&["--json"], &output, &[&one_path, &other_path]).code(1);
    assert_eq!(ran.json()[0]["fork"]["op"], 3);
    assert_eq!(ran.json()[0]["fork"]["sides"].as_array().unwrap().len(), 2);
    for fact in ["fork", "one.aof", "other.aof", "byte 546", "op 3", "Leave out the logs", "--partial"] {
        assert!(ran.stderr.contains(fact), "{fact} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("--root"), "it does not help: {}", ran.stderr);
    assert_nothing_in(&directory, 2);
    merge(&["--partial"], &output, &[&one_path, &other_path]).code(0);
    assert_eq!(fs::read(&output).unwrap(), one[..2].concat());
}

/// "Leave out the logs of the history that you do not want", where there was one log, or both stood in one.
#[test]
fn fork_within_a_log_is_told_with_what_helps_there() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let profile = TigerBeetle::default();
    let one = chain(profile, Header::new(), &[b"a", b"b", b"c", b"d"]);
    let other = chain(profile, Header::new(), &[b"a", b"b", b"C", b"D"]);
    let both = file(&directory, "both.aof", &[one.concat(), other[2..].concat()].concat());
    let one = file(&directory, "one.aof", &one.concat());
    let both_stand = format!("Both stand in {}: find out which is the right one, and ", both.display());
    for (inputs, advice) in [
        (&[both.as_path()][..], "merge another replica's log that holds it alone"),
        (&[&one, &both], "put in its place another replica's log that holds it alone"),
    ] {
        let ran = merge(&[], &output, inputs).code(1);
        assert!(ran.stderr.contains(&format!("{both_stand}{advice}")), "{}", ran.stderr);
        assert!(!ran.stderr.contains("Leave out the logs"), "{}", ran.stderr);
    }
}

#[test]
fn histories_that_part_before_the_first_common_op_are_a_fork() {
    let directory = tempfile::tempdir().unwrap();
    let profile = TigerBeetle::default();
    let one = chain(profile, Header::new(), &[b"a", b"b", b"c"]);
    let other = chain(profile, Header::new(), &[b"A", b"B", b"C", b"D"]);
    let one_path = file(&directory, "one.aof", &one.concat());
    // The other log lost its beginning: its op 4 comes next after op 3, and is no child of it.
    let other_path = file(&directory, "other.aof", &other[3]);
    let output = directory.path().join("whole.aof");
    let ran = merge(&[], &output, &[&one_path, &other_path]).code(1);
    assert!(ran.stderr.contains("fork"), "{}", ran.stderr);
    merge(&["--partial"], &output, &[&one_path, &other_path]).code(0);
    assert_eq!(fs::read(&output).unwrap(), one.concat());
}

#[test]
fn two_clusters_and_two_profiles_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let profile = TigerBeetle::default();
    let here = file(&directory, "here.aof", &chain(profile, Header::new(), &[b"a"]).concat());
    let cluster = Header { cluster: 7.into(), ..Header::new() };
    let there = file(&directory, "there.aof", &chain(profile, cluster, &[b"a"]).concat());
    let crc = file(&directory, "crc.aof", &chain(Crc, Header::new(), &[b"a"]).concat());
    let output = directory.path().join("whole.aof");
    for flags in [&[][..], &["--partial"]] {
        let ran = merge(flags, &output, &[&here, &there]).code(1);
        assert!(ran.stderr.contains("two clusters") && ran.stderr.contains("cluster 7"), "{}", ran.stderr);
        let ran = merge(flags, &output, &[&here, &crc]).code(1);
        assert!(ran.stderr.contains("two profiles"), "{}", ran.stderr);
    }
    assert_nothing_in(&directory, 3);
    merge(&[], &output, &[&crc]).code(0);
    assert_eq!(fs::read(&output).unwrap(), fs::read(&crc).unwrap());
}

#[test]
fn inputs_without_an_entry_give_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let empty = file(&directory, "empty.aof", b"");
    let zeros = file(&directory, "zeros.aof", &[0; 5000]);
    let output = directory.path().join("whole.aof");
    let ran = merge(&[], &output, &[&empty, &zeros]).code(1);
    assert!(ran.stderr.contains("no input holds a valid entry"), "{}", ran.stderr);
    merge(&[], &output, &[&empty, &directory.path().join("missing.aof")]).code(2);
    assert_nothing_in(&directory, 2);
    merge(&[], &output, &[&empty, &zeros, &replica(1)]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256, "and do no harm beside one that has");
}
