//! Entries that somebody forged: their checksums are right, and what they say is not. Whatever they say, each
//! command ends with an answer, and what others wrote is told apart from them as far as it can be.

use crate::util::{Ran, aof, file, findings, survey};
use aof_nostd::wire::{HEAD_SIZE, Header};
use aof_nostd::{AnyProfile, Checksum, Crc, Draft};
use aof_std::OpenOptions;
use aof_tests::build::{Builder, PROFILES, body, chain, entry_bytes, forge_crc, reseal, set_size};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An entry of the TigerBeetle profile with these fields.
fn forged(op: u64, parent: Checksum, timestamp: u64, cluster: u128) -> (Checksum, Vec<u8>) {
    let mut header = Header { op: op.into(), parent, ..Header::new() };
    (header.timestamp, header.cluster) = (timestamp.into(), cluster.into());
    header.seal(&PROFILES[0], &[]).unwrap();
    (header.checksum, entry_bytes(PROFILES[0], &header, &[]))
}

/// Entries with these ops, each the child of the one before it.
fn linked(ops: &[u64]) -> Vec<u8> {
    let mut parent = Checksum::ZERO;
    let mut bytes = Vec::new();
    for op in ops {
        let (checksum, entry) = forged(*op, parent, 1, 0);
        bytes.extend(entry);
        parent = checksum;
    }
    bytes
}

/// `aof merge --json` of `inputs` in their order, its output beside the first.
fn merge(flags: &[&str], inputs: &[&Path]) -> (Ran, PathBuf) {
    let output = inputs[0].with_extension("merged");
    let mut arguments = vec!["merge".into(), "--json".into(), "--force".into(), "--output".into()];
    arguments.push(output.clone().into_os_string());
    arguments.extend(flags.iter().map(Into::into));
    arguments.extend(inputs.iter().map(|input| input.as_os_str().to_owned()));
    (aof(arguments), output)
}

/// Runs every command that reads a log on `bytes`: each has to end with an answer. Gives the survey.
fn every_command_ends(bytes: &[u8]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "forged.aof", bytes);
    let survey = survey(&path);
    let name = path.to_str().unwrap();
    for arguments in [
        &["verify", name][..],
        &["debug", name],
        &["debug", "--all", "--json", name],
        &["recover", "--cluster", "0", "--dry-run", name],
        &["recover", "--cluster", "0", "--to", "jsonl", "--no-preflight", "--partial", name],
    ] {
        let ran = aof(arguments);
        assert!(matches!(ran.code, Some(0..=2)), "{arguments:?}: {:?}\n{}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{arguments:?}: {}", ran.stderr);
    }
    let (merged, _) = merge(&["--partial"], &[&path]);
    assert!(matches!(merged.code, Some(0 | 1)), "{}", merged.stderr);
    survey
}

/// The entries' count, and the kinds and offsets of all findings.
fn told(survey: &Value) -> (u64, Vec<(String, u64)>) {
    (survey["entries"].as_u64().unwrap(), findings(survey))
}

fn finding(kind: &str, offset: usize) -> (String, u64) {
    (kind.to_owned(), offset as u64)
}

#[test]
fn next_entry_planted_in_a_body_is_none_of_the_logs() {
    let honest = chain(PROFILES[0], &[10, 20, 30]);
    // Whoever knows the log's last entry can forge a child of it, and put it into a body.
    let planted = Builder::new(PROFILES[0]).sealed(honest.entry(1).header, &body(2, 20)).chain(&[7]).build();
    let planted = planted.entry_bytes(1).to_vec();
    let log =
        Builder::new(PROFILES[0]).chain(&[10, 20]).entry(&[&planted[..], b"."].concat()).chain(&[4]).build();
    assert_eq!(told(&every_command_ends(&log.bytes)), (4, vec![]));

    // The body that holds it rots: it is still none of the log's, and the gap is told.
    let mut damaged = log.bytes.clone();
    let outer = log.entries[2];
    damaged[outer.end() - 1] ^= 1;
    assert_eq!(told(&every_command_ends(&damaged)).0, 3);

    // Even its head rots, with all that told where it ends. Another replica's log settles it.
    damaged[outer.offset..outer.offset + HEAD_SIZE].fill(0xa5);
    let directory = tempfile::tempdir().unwrap();
    let one = file(&directory, "one", &damaged);
    let other = file(&directory, "other", &log.bytes);
    for inputs in [[&*one, &*other], [&*other, &*one]] {
        let (ran, output) = merge(&[], &inputs);
        let ran = ran.code(0);
        assert_eq!(std::fs::read(output).unwrap(), log.bytes, "{}", ran.stdout);
    }
}

/// A fork of which one side may be content of a damaged body was reported like any other.
#[test]
fn side_of_a_fork_that_may_be_content_of_a_body_is_named() {
    let honest = chain(PROFILES[0], &[10, 20, 30]);
    let child = |op: usize| {
        let parent = honest.entry(op - 2).header;
        let planted = Builder::new(PROFILES[0]).sealed(parent, &body(2, 20)).chain(&[7]).build();
        planted.entry_bytes(1).to_vec()
    };
    let directory = tempfile::tempdir().unwrap();
    // The last entries are longer than any body if none may be larger than 4 KiB: then they belong to the log.
    for (planted_op, size_max, which) in [
        (3, "1MiB", "both entries follow damage whose end is not proven"),
        (2, "1MiB", "this entry follows damage whose end is not proven"),
        (3, "4KiB", "that other entry follows damage whose end is not proven"),
    ] {
        let outer_body = [&child(planted_op)[..], b"."].concat();
        let log = Builder::new(PROFILES[0]).chain(&[10, 20]).entry(&outer_body).chain(&[300; 20]).build();
        let outer = log.entries[2];
        let mut damaged = log.bytes.clone();
        damaged[outer.offset..outer.offset + HEAD_SIZE].fill(0xa5);
        let path = file(&directory, "log", &damaged);
        let path = path.to_str().unwrap();
        let run = |words: &[&str]| {
            aof(words.iter().copied().chain(["--message-size-max", size_max, path])).code(1).stdout
        };
        for words in
            [&["verify"][..], &["verify", "--json"], &["inspect"], &["inspect", "--json"], &["repair"]]
        {
            let told = run(words).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(told.matches(which).count(), 1, "{words:?}: {told}");
            assert!(told.contains("content of the damaged body"), "{told}");
        }
    }
    // A fork before any damage is one of two entries of the log.
    let log = Builder::new(PROFILES[0]).chain(&[1, 1, 1]).fork(0).chain(&[1, 1]).build();
    let path = file(&directory, "fork", &[&log.bytes[..], &[0xa5; 300], log.entry_bytes(4)].concat());
    let ran = aof(["verify".as_ref(), path.as_os_str()]).code(1);
    let forks: Vec<_> = ran.stdout.lines().filter(|line| line.contains(": fork: ")).collect();
    let may_be_content: Vec<_> = forks.iter().map(|line| line.contains("content of")).collect();
    assert_eq!(may_be_content, [false, false, true], "{}", ran.stdout);
}

#[test]
fn merge_names_the_side_of_a_fork_that_may_be_content_of_a_body() {
    let honest = chain(PROFILES[0], &[10, 20, 30]);
    let planted = Builder::new(PROFILES[0]).sealed(honest.entry(1).header, &body(2, 20)).chain(&[7]).build();
    let outer_body = [planted.entry_bytes(1), b"."].concat();
    let log = Builder::new(PROFILES[0]).chain(&[10, 20]).entry(&outer_body).chain(&[4]).build();
    let mut damaged = log.bytes.clone();
    let outer = log.entries[2];
    damaged[outer.offset..outer.offset + HEAD_SIZE].fill(0xa5);
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "log", &damaged);
    let (ran, _) = merge(&[], &[&path]);
    let ran = ran.code(1);
    let told = "(after damage whose end is not proven: it may be content of the damaged body)";
    assert_eq!(ran.stderr.matches(told).count(), 2, "{}", ran.stderr);
    let sides = ran.json()[0]["fork"]["sides"].clone();
    assert_eq!((&sides[0]["unconfirmed"], &sides[1]["unconfirmed"]), (&true.into(), &true.into()));
    // Between two logs without damage neither is.
    let fork = Builder::new(PROFILES[0]).chain(&[1, 1, 1]).fork(0).chain(&[1, 1]).build();
    let (ran, _) = merge(&[], &[&file(&directory, "fork", &fork.bytes)]);
    let ran = ran.code(1);
    assert!(!ran.stderr.contains("content of the damaged body"), "{}", ran.stderr);
    assert_eq!(ran.json()[0]["fork"]["sides"][1]["unconfirmed"], false);
}

#[test]
fn entry_of_another_cluster_is_a_fault_and_no_merge_takes_it() {
    let (checksum, first) = forged(1, Checksum::ZERO, 1, 0);
    let (_, second) = forged(2, checksum, 2, 9);
    let log = [first, second].concat();
    assert_eq!(told(&every_command_ends(&log)), (2, vec![finding("fork", HEAD_SIZE)]));
    let directory = tempfile::tempdir().unwrap();
    let (ran, output) = merge(&["--partial"], &[&file(&directory, "log", &log)]);
    let ran = ran.code(1);
    assert!(ran.stderr.contains("two clusters: "), "{}", ran.stderr);
    assert!(!output.exists());
}

/// Entries of another cluster after damage may be content of a body: they are left out, and reported.
#[test]
fn another_cluster_after_damage_is_left_out_and_reported() {
    let all = Builder::new(PROFILES[0]).chain(&[0, 1_500]).build();
    let [foreign, ours] = [9, 0].map(|cluster| forged(7, Checksum::ZERO, 1, cluster).1);
    // Behind op 1, damage; in it an entry of our cluster and one of theirs; damage; theirs again.
    let junk = [0xa5; 20];
    let log = [all.entry_bytes(0), &junk, &ours, &foreign, &[0xa5; 1_200], &foreign].concat();
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (file(&directory, "one", &log), file(&directory, "other", &all.bytes));
    for inputs in [[&*one, &*other], [&*other, &*one]] {
        let (ran, output) = merge(&[], &inputs);
        let ran = ran.code(0);
        assert_eq!(std::fs::read(output).unwrap(), all.bytes);
        let report = ran.json().pop().unwrap();
        let notes = report["notes"].as_array().unwrap();
        let note = notes.iter().find(|note| note["kind"] == "other-cluster").unwrap();
        assert!(note["detail"].as_str().unwrap().contains("cluster 9 in "), "{note}");
    }
}

/// Inputs were cleared of nested entries one after another, each judged by what was left of those before it.
/// So an entry that lies in a body itself told of others or did not, as the inputs were given.
#[test]
fn what_lies_in_bodies_is_judged_alike_in_every_order_of_the_inputs() {
    let main = Builder::new(PROFILES[0]).chain(&[0, 0, 0, 0, 0]).build();
    let (op_1, op_5) = (main.entry(0).header, main.entry(4).header);
    let child_of =
        |header: Header, size| Builder::new(PROFILES[0]).sealed(header, &[]).chain(&[size]).build();
    let large_2 = child_of(op_1, 3_000);
    let large_6 = child_of(op_5, 6_000);
    let small_2 = main.entry_bytes(1);
    let junk = [0xa5; 20];
    // `a` has op 5, damage, and in it a large op 2; `b` op 1, damage, and in it a small op 2; `c` the op 6 that
    // reaches over what `a` has behind its damage.
    let a = [main.entry_bytes(4), &junk, large_2.entry_bytes(1)].concat();
    let b = [main.entry_bytes(0), &junk, small_2, &junk].concat();
    let c = large_6.bytes;
    let directory = tempfile::tempdir().unwrap();
    let inputs = [("a", a), ("b", b), ("c", c)].map(|(name, bytes)| file(&directory, name, &bytes));
    let mut answers = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (ran, _) = merge(&[], &order.map(|number| &*inputs[number]));
        let report = ran.json().pop().unwrap();
        let mut nested = json!({});
        for input in report["inputs"].as_array().unwrap() {
            let name = Path::new(input["file"].as_str().unwrap()).file_name().unwrap();
            nested[name.to_str().unwrap()] = input["nested"].clone();
        }
        answers.push((nested, report["chain"].clone(), report["missing_ops"].clone()));
    }
    // Nothing tells whether the small op 2 is content: the large one is unconfirmed itself.
    assert_eq!(answers[0].0, json!({"a": 1, "b": 0, "c": 0}));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[test]
fn ops_up_to_the_highest_are_counted_without_overflow() {
    let survey = every_command_ends(&linked(&[1, u64::MAX]));
    assert_eq!(survey["missing_ops"], json!([[2, u64::MAX - 1]]));
    let survey = every_command_ends(&linked(&[u64::MAX - 1, u64::MAX, u64::MAX - 1, 1, u64::MAX]));
    assert_eq!(survey["last_op"], u64::MAX);
    for ops in [&[u64::MAX][..], &[u64::MAX, u64::MAX], &[u64::MAX, 1], &[1, 2, u64::MAX, 3]] {
        every_command_ends(&linked(ops));
    }
    // A chain up to the highest op is merged like any other.
    let directory = tempfile::tempdir().unwrap();
    let log = linked(&[u64::MAX - 2, u64::MAX - 1, u64::MAX]);
    let (ran, output) = merge(&[], &[&file(&directory, "log", &log)]);
    ran.code(0);
    assert_eq!(std::fs::read(output).unwrap(), log);
}

#[test]
fn nothing_is_appended_behind_the_highest_op() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = linked(&[u64::MAX]);
    let path = file(&directory, "log", &bytes);
    let mut log = OpenOptions::new().open(&path).unwrap();
    assert_eq!(log.last().unwrap().op().0, u64::MAX);
    log.write_new(&Draft::default(), b"one more").unwrap_err();
    drop(log);
    assert_eq!(std::fs::read(path).unwrap(), bytes);
}

/// The chain a, b, a, b: in the CRC profile a checksum can be had on order.
#[test]
fn parents_that_form_a_loop_end_where_the_file_does() {
    let (a, b) = (7_u64, 8_u64);
    let entry = |op: u64, checksum: u64, parent: u64| {
        let parent = Checksum::new(parent.into());
        let mut header = Header { op: op.into(), parent, ..Header::new() };
        forge_crc(&mut header, &[], checksum);
        entry_bytes(AnyProfile::Crc(Crc), &header, &[])
    };
    let round = [entry(1, a, b), entry(2, b, a), entry(3, a, b), entry(4, b, a)].concat();
    assert_eq!(told(&every_command_ends(&round)), (4, vec![]));
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "r", &round);
    let (ran, output) = merge(&[], &[&path]);
    ran.code(0);
    assert_eq!(std::fs::read(&output).unwrap(), round);
    std::fs::remove_file(&output).unwrap();
    // Ops 1 and 3 have one checksum and are no copies: the root has two children.
    let (ran, output) = merge(&["--root", &Checksum::new(b.into()).to_string()], &[&path]);
    let ran = ran.code(1);
    assert!(ran.stderr.contains("a fork: two histories at op 1; op 1 with checksum "), "{}", ran.stderr);
    assert!(ran.stderr.contains("; op 3 with checksum ") && !output.exists(), "{}", ran.stderr);

    // Each other's parent, and one that is its own, at one op and at two.
    for log in [
        [entry(1, a, b), entry(1, b, a)].concat(),
        [entry(2, a, b), entry(1, b, a)].concat(),
        entry(1, a, a),
        [entry(1, a, a), entry(2, a, a), entry(1, a, a), entry(3, a, a)].concat(),
    ] {
        every_command_ends(&log);
    }
}

#[test]
fn sizes_at_both_limits_are_right_and_beyond_them_wrong() {
    let largest = (1 << 20) - 256;
    let log = chain(PROFILES[0], &[0, largest, 0]);
    assert_eq!(told(&every_command_ends(&log.bytes)), (3, vec![]));
    let log = chain(PROFILES[0], &[0, largest + 1, 0]);
    let large = log.entries[1].offset;
    let behind = finding("gap", log.entries[2].offset);
    assert_eq!(told(&every_command_ends(&log.bytes)), (2, vec![finding("header-invalid", large), behind]));
    for size in [0, 255, u32::MAX] {
        let log = chain(PROFILES[0], &[0, 0, 0]);
        let (mut bytes, hit) = (log.bytes.clone(), log.entries[1].offset);
        set_size(&mut bytes, hit, size);
        reseal(&mut bytes, hit, PROFILES[0]);
        assert_eq!(told(&every_command_ends(&bytes)).1[0], finding("header-invalid", hit));
    }
}

#[test]
fn times_at_both_ends_are_printed() {
    let (checksum, first) = forged(1, Checksum::ZERO, 0, 0);
    let (_, second) = forged(2, checksum, u64::MAX, 0);
    assert_eq!(told(&every_command_ends(&[first, second].concat())), (2, vec![]));
}

#[test]
fn a_hundred_thousand_forks_at_one_op_are_counted() {
    let count = 100_000;
    let mut log = Vec::with_capacity(count * HEAD_SIZE);
    for number in 0..count as u64 {
        log.extend(forged(1, Checksum::ZERO, number, 0).1);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "forks", &log);
    let survey = survey(&path);
    assert_eq!((&survey["entries"], &survey["faults"]), (&json!(count), &json!(count - 1)));
    assert_eq!((&survey["distinct_ops"], &survey["findings_omitted"]), (&json!(1), &json!(0)));
    let (ran, output) = merge(&[], &[&path, &path]);
    let ran = ran.code(1);
    assert_eq!(ran.json()[0]["fork"]["op"], 1);
    assert!(ran.stdout.len() < 4_096, "two sides are told, and no more: {} bytes", ran.stdout.len());
    assert!(!output.exists());
}

#[test]
fn header_whose_body_is_the_rest_of_the_file_covers_it() {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let log = chain(PROFILES[0], &[5, 6, 7, 8]);
    let rest = &log.bytes[log.entries[1].offset..];
    let swallowed = Builder::new(PROFILES[0]).chain(&[5]).entry(rest).build();
    assert_eq!(told(&every_command_ends(&swallowed.bytes)), (2, vec![]));
    // The same header before a body that is damaged: what is in its extent is content all the same.
    let mut bytes = swallowed.bytes.clone();
    let hit = swallowed.entries[1].offset;
    bytes[hit + 48] ^= 1;
    reseal(&mut bytes, hit, PROFILES[0]);
    let survey = survey(&file(&directory, "rest", &bytes));
    assert_eq!(told(&survey), (1, vec![finding("body-checksum", hit)]));
}
