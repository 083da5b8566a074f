//! What is told as lost though the chain is whole.

use super::{chain, merge};
use crate::util::{WHOLE_SHA256, file, replica, sha256};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Backend, Entries, Entry, Header, TigerBeetle};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// A copy of a replica's log, whose last entry's body is damaged; gives where that entry stands.
fn with_a_bad_end(directory: &tempfile::TempDir, name: &str, number: u8) -> (PathBuf, u64) {
    let mut bytes = fs::read(replica(number)).unwrap();
    let mut last = 0;
    for located in Entries::detect(&bytes, Backend::default()) {
        let located = located.unwrap();
        if located.entry.header.op().0 == 3221 {
            last = usize::try_from(located.offset).unwrap();
        }
    }
    bytes[last + HEAD_SIZE] ^= 1;
    (file(directory, name, &bytes), last as u64)
}

#[test]
fn lost_end_is_told_where_a_damaged_entry_names_its_op() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let (one, one_at) = with_a_bad_end(&directory, "d0.aof", 0);
    let (other, other_at) = with_a_bad_end(&directory, "d1.aof", 1);
    let ran = merge(&["--json"], &output, &[&one, &other]).code(0);
    let report = &ran.json()[0];
    assert_eq!((&report["complete"], &report["chain"]["last_op"]), (&json!(true), &json!(3220)));
    let notes = report["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!((&notes[0]["kind"], &notes[0]["ops"]), (&json!("damaged-end"), &json!([[3221, 3221]])));
    assert_eq!(
        notes[0]["places"],
        json!([
            {"op": 3221, "file": one.to_str().unwrap(), "offset": one_at},
            {"op": 3221, "file": other.to_str().unwrap(), "offset": other_at},
        ])
    );
    let ran = merge(&["--force"], &output, &[&one, &other]).code(0);
    let expected = format!(
        "NOTE: op 3221 is damaged wherever it is ({} at byte {one_at}, {} at byte {other_at}): the chain ends \
         before it\n",
        one.display(),
        other.display()
    );
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);

    // Whole in one log: then nothing is lost.
    let ran = merge(&["--force", "--json"], &output, &[&one, &replica(1)]).code(0);
    assert_eq!(ran.json()[0]["notes"], json!([]));
    assert_eq!(sha256(&output), WHOLE_SHA256);

    // Several ops.
    let entries = chain(TigerBeetle::default(), Header::new(), &[b"a", b"b", b"c", b"d"]);
    let mut bytes = entries.concat();
    for entry in [3, 4] {
        bytes[entry * (HEAD_SIZE + 1) - 1] ^= 1;
    }
    let short = file(&directory, "short.aof", &bytes);
    let ran = merge(&["--force"], &output, &[&short]).code(0);
    let expected = format!(
        "NOTE: ops 3-4 are damaged wherever they are (op 3 in {0} at byte 546, op 4 in {0} at byte 819): the \
         chain ends before them\n",
        short.display()
    );
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
}

#[test]
fn lost_beginning_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let entries = chain(TigerBeetle::default(), Header::new(), &[b"a", b"b", b"c", b"d"]);
    let mut bytes = entries.concat();
    bytes[..2 * (HEAD_SIZE + 1)].fill(0);
    let rest = file(&directory, "rest.aof", &bytes);
    let ran = merge(&[], &output, &[&rest]).code(0);
    let note = "NOTE: the chain begins at op 3: what ops 1 to 2 did is in no input\n";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
    let ran = merge(&["--force", "--json"], &output, &[&rest]).code(0);
    let report = &ran.json()[0];
    assert_eq!((&report["complete"], &report["reason"]), (&json!(true), &json!(null)));
    let kinds: Vec<_> = report["notes"].as_array().unwrap().iter().map(|note| &note["kind"]).collect();
    assert_eq!(
        kinds,
        ["lost-beginning", "unconfirmed"],
        "nothing tells that they are no content of op 2's body"
    );
    assert_eq!(
        (&report["notes"][1]["ops"], &report["notes"][1]["places"][0]["offset"]),
        (&json!([[3, 4]]), &json!(546))
    );
    assert_eq!(report["notes"][0]["ops"], json!([[1, 2]]));
    assert_eq!(report["notes"][0]["detail"], "the chain begins at op 3: what ops 1 to 2 did is in no input");

    let second = file(&directory, "second.aof", &entries[1..].concat());
    let ran = merge(&["--force"], &output, &[&second]).code(0);
    assert!(ran.stdout.contains("begins at op 2: what op 1 did is in no input\n"), "{}", ran.stdout);

    // Whoever names the beginning knows of it.
    let whole = file(&directory, "whole-input.aof", &entries.concat());
    let root = Entry::from_prefix(&entries[1]).unwrap().header.checksum.to_string();
    let ran = merge(&["--force", "--json", "--root", &root], &output, &[&whole]).code(0);
    assert_eq!(ran.json()[0]["notes"], json!([]));
    let ran = merge(&["--force", "--json"], &output, &[&whole]).code(0);
    assert_eq!(ran.json()[0]["notes"], json!([]));
}
