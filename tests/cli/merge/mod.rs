//! `aof merge`: the three replicas' logs, in every order, damaged, alone; what is refused, and how.

mod lost;
mod nested;
mod output;
mod refused;

use crate::util::{Ran, WHOLE_SHA256, aof, file, replica, sha256, survey};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Backend, Draft, Entries, Entry, Header, Profile, TigerBeetle};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Merges `inputs` into `output`.
fn merge(flags: &[&str], output: &Path, inputs: &[&Path]) -> Ran {
    let mut arguments: Vec<&OsStr> = vec!["merge".as_ref(), "--output".as_ref(), output.as_os_str()];
    arguments.extend(flags.iter().map(OsStr::new));
    arguments.extend(inputs.iter().map(|input| input.as_os_str()));
    aof(arguments)
}

/// Expects that nothing was written, and that nothing was left beside it.
#[track_caller]
fn assert_nothing_in(directory: &tempfile::TempDir, but: usize) {
    let names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), but, "{names:?}");
}

/// A chain of `count` entries after `last`, each of its own body.
fn chain<P: Profile>(profile: P, first: Header, bodies: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut last: Option<Header> = None;
    let mut entries = Vec::new();
    for (body, timestamp_ns) in bodies.iter().zip(1..) {
        let draft = Draft { timestamp_ns, ..Draft::default() };
        let header = last.map_or(draft.fill(first), |last| draft.after(&last).unwrap());
        let mut buffer = vec![0; HEAD_SIZE];
        buffer.extend_from_slice(body);
        last = Some(Entry::seal(&profile, header, &mut buffer).unwrap().header);
        entries.push(buffer);
    }
    entries
}

#[test]
fn three_logs_in_every_order_give_the_same_whole_log() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("whole.aof");
        let inputs = order.map(replica);
        merge(&[], &output, &inputs.each_ref().map(PathBuf::as_path)).code(0);
        assert_eq!(sha256(&output), WHOLE_SHA256, "{order:?}");
        assert_nothing_in(&directory, 1);
    }
}

#[test]
fn two_logs_that_fill_each_others_gaps_are_enough() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let ran = merge(&["--json"], &output, &[&replica(0), &replica(2)]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);
    let report = &ran.json()[0];
    assert_eq!(report["chain"]["entries"], 3221);
    assert_eq!((&report["chain"]["first_op"], &report["chain"]["last_op"]), (&json!(1), &json!(3221)));
    assert_eq!(report["data_checksum_chain"], "254168008140277647743347717767394335539");
    assert_eq!(report["inputs"][0]["entries"], 3888);
    let taken = report["inputs"].as_array().unwrap().iter().map(|input| input["taken"].as_u64().unwrap());
    assert_eq!(taken.sum::<u64>(), 3221);
    let whole = survey(&output);
    assert_eq!(whole["findings"], json!([]));
    assert_eq!(whole["last_checksum"], report["chain"]["last_checksum"]);
}

#[test]
fn one_log_with_a_backtrack_is_put_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    merge(&[], &output, &[&replica(1)]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);
}

#[test]
fn damaged_logs_are_merged_as_long_as_another_has_what_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let mut damaged = Vec::new();
    for number in [0, 1, 2] {
        let mut bytes = fs::read(replica(number)).unwrap();
        // Another place in each, and a torn tail in all but one.
        let at = 200_000 + usize::from(number) * 100_000;
        bytes[at..at + 700].fill(0xee);
        bytes.truncate(bytes.len() - usize::from(number) * 100);
        damaged.push(file(&directory, &format!("d{number}.aof"), &bytes));
    }
    let output = directory.path().join("whole.aof");
    let ran = merge(&["--json"], &output, &damaged.iter().map(PathBuf::as_path).collect::<Vec<_>>()).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);
    let damage = |input: usize| ran.json()[0]["inputs"][input]["damage"].as_array().unwrap().len();
    assert_eq!((damage(0), damage(1), damage(2)), (1, 2, 2));
}

#[test]
fn log_of_more_entries_than_a_journal_is_merged() {
    // The reference tool stops at 1,024.
    let bodies: Vec<&[u8]> = (0..5000).map(|_| &b"body"[..]).collect();
    let entries = chain(TigerBeetle::new(aof_std::backend()), Header::new(), &bodies);
    let directory = tempfile::tempdir().unwrap();
    let first = file(&directory, "1.aof", &entries[..3000].concat());
    let second = file(&directory, "2.aof", &entries[2000..].concat());
    let output = directory.path().join("whole.aof");
    merge(&[], &output, &[&second, &first]).code(0);
    assert_eq!(fs::read(&output).unwrap(), entries.concat());
}

#[test]
fn merged_log_is_one_unbroken_chain_by_the_core_too() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    merge(&[], &output, &[&replica(0), &replica(1)]).code(0);
    let bytes = fs::read(&output).unwrap();
    let mut parent = None;
    for (located, op) in Entries::detect(&bytes, Backend::default()).zip(1..) {
        let header = &located.unwrap().entry.header;
        assert_eq!(header.op().0, op);
        assert!(parent.is_none_or(|parent| parent == header.parent));
        parent = Some(header.checksum);
    }
}
