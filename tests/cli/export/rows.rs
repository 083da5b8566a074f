//! Which rows there are: each op once, what is asked for, nothing of what is damaged.

use super::bodies::{self, account, batched, transfer};
use super::{every_form, export, rows};
use crate::util::{aof, data, file, replica};
use aof_nostd::{AnyProfile, Draft, Operation};
use aof_tests::build::{Builder, PROFILES};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn ops(rows: &[Value]) -> Vec<u64> {
    let mut ops: Vec<u64> = rows.iter().map(|row| row["op"].as_u64().unwrap()).collect();
    ops.dedup();
    ops
}

#[test]
fn every_form_gives_its_events_and_nothing_else_gives_one() {
    let (_directory, path) = every_form();
    let ran = export(&["--format", "jsonl", "--output", "-"], &[path]).code(0);
    let (events, entries) = bodies::EVERY_FORM;
    assert!(ran.stderr.contains(&format!("-: {events} rows of {entries} entries")), "{}", ran.stderr);
    let unknown = format!("{} entries of unknown operations passed over", bodies::EVERY_FORM_UNKNOWN);
    let malformed = format!("{} entries passed over, whose bodies", bodies::EVERY_FORM_MALFORMED);
    assert!(ran.stderr.contains(&unknown) && ran.stderr.contains(&malformed), "{}", ran.stderr);
    assert_eq!(ran.json().len(), events);
}

#[test]
fn events_of_an_entry_are_a_nanosecond_apart_and_end_with_its_time() {
    let (_directory, path) = every_form();
    let rows = rows(&["--operation", "147", "--until-op", "256"], &[path]);
    let field = |name: &str| -> Vec<u64> { rows.iter().map(|row| row[name].as_u64().unwrap()).collect() };
    assert_eq!(field("event_index"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(field("batch_index"), [0, 2, 2, 2, 2, 2], "batch 1 is empty");
    let last = field("prepare_timestamp")[0];
    assert_eq!(field("event_timestamp"), [5, 4, 3, 2, 1, 0].map(|before| last - before));
}

/// In the recorded log of an expiry, the times of events are those that the replica told: they grow, and no
/// two are the same.
#[test]
fn times_of_a_recorded_logs_events_grow() {
    for name in ["single/large-bodies.aof", "expiry.aof"] {
        let rows = rows(&[], &[data(name)]);
        let times: Vec<u64> = rows.iter().map(|row| row["event_timestamp"].as_u64().unwrap()).collect();
        assert!(times.is_sorted_by(|one, next| one < next), "{name}");
    }
}

#[test]
fn each_op_is_exported_once_however_often_a_file_goes_back() {
    let entries = rows(&["--what", "entries"], &[replica(0)]);
    assert_eq!(entries.len(), 3084, "distinct ops of 3,888 entries");
    let listed = ops(&entries);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), 3084);
    assert!(listed.is_sorted());
    let ran = export(&["--format", "csv", "--output", "-"], &[replica(0)]).code(0);
    assert!(ran.stderr.contains("ops 823-959 are not exported: no sound entry has them"), "{}", ran.stderr);
}

#[test]
fn several_logs_are_one_whatever_their_order() {
    let all = rows(&["--what", "entries"], &[replica(2), replica(0)]);
    assert_eq!(ops(&all), (1..=3221).collect::<Vec<_>>());
    let events = rows(&[], &[replica(2), replica(0)]);
    assert_eq!(events, rows(&[], &[replica(1)]));
    assert_eq!(events, rows(&[], &[replica(1), replica(2), replica(0)]));
}

/// A gap is no fault of a log, to an export as to verify: the help says so.
#[test]
fn help_says_that_a_gap_is_told_and_ends_with_0() {
    let help = aof(["export", "--help"]).code(0).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("Exit codes: 0 done, ops may be missing by a gap, which is told; 1 damage"),
        "{help}"
    );
    assert!(help.contains("after a state sync, are told (exit code 0)"), "{help}");
    aof(["verify".as_ref(), replica(0).as_os_str()]).code(0);
    export(&["--format", "csv", "--output", "-"], &[replica(0)]).code(0);
}

#[test]
fn behind_a_gap_of_all_logs_an_export_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[0, 0, 0]).gap(4).chain(&[0, 0]).build();
    let path = file(&directory, "a.aof", &log.bytes);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path, &path]).code(0);
    assert_eq!(ops(&ran.json()), [1, 2, 3, 8, 9]);
    assert!(ran.stderr.contains("ops 4-7 are not exported"), "{}", ran.stderr);
}

/// Of a log that begins late nothing was said, and its export looked like all that there is.
#[test]
fn ops_before_the_first_log_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[0; 8]).build();
    let late = file(&directory, "late.aof", &log.bytes[log.entries[4].offset..]);
    let whole = file(&directory, "whole.aof", &log.bytes);
    let note = "the chain begins at op 5: what ops 1 to 4 did is in no input; an older log";
    let run = |arguments: &[&str], files: &[&PathBuf]| {
        let arguments = [&["--format", "entries", "--output", "-"], arguments].concat();
        export(&arguments, files).code(0).stderr
    };
    for files in [&[&late][..], &[&late, &late]] {
        assert!(run(&[], files).contains(note), "{files:?}");
        assert!(run(&["--from-op", "4"], files).contains(note));
        assert!(!run(&["--from-op", "5"], files).contains("begins at"), "not asked for");
    }
    assert!(!run(&[], &[&whole]).contains("begins at"));
    assert!(!run(&[], &[&late, &whole]).contains("begins at"));
}

#[test]
fn filters_choose_by_op_time_operation_ledger_and_account() {
    let (_directory, path) = every_form();
    let all = rows(&[], &[&path]);
    let chosen = |arguments: &[&str]| rows(arguments, &[&path]);
    let expect = |arguments: &[&str], is_meant: &dyn Fn(&Value) -> bool| {
        let expected: Vec<Value> = all.iter().filter(|row| is_meant(row)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{arguments:?} tells something apart");
        assert_eq!(chosen(arguments), expected, "{arguments:?}");
    };
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    expect(&["--from-op", "140"], &|row| number(row, "op") >= 140);
    expect(&["--until-op", "139"], &|row| number(row, "op") <= 139);
    let time = 1_795_236_810_000_000_000 + 139 * 1000;
    expect(&["--from", &time.to_string()], &|row| number(row, "prepare_timestamp") >= time);
    expect(&["--until", &time.to_string()], &|row| number(row, "prepare_timestamp") <= time);
    expect(&["--operation", "create_accounts"], &|row| row["event"] == "account");
    expect(&["--operation", "create_transfers_sparse,129"], &|row| {
        matches!(number(row, "operation"), 129 | 139)
    });
    expect(&["--ledger", "2"], &|row| number(row, "ledger") == 2);
    expect(&["--ledger", "1,7"], &|row| matches!(number(row, "ledger"), 1 | 7));
    let touches = |row: &Value, id: &str| match row["event"].as_str() {
        Some("account") => row["id"] == id,
        _ => row["debit_account_id"] == id || row["credit_account_id"] == id,
    };
    expect(&["--account", "3"], &|row| touches(row, "3"));
    expect(&["--account", "0x2", "--ledger", "7"], &|row| touches(row, "2") && number(row, "ledger") == 7);
    assert!(chosen(&["--account", "3", "--until-op", "2"]).is_empty());
}

/// A post or a void may have 0 as its ledger and its accounts: those of the pending transfer. Filters left them out in
/// silence.
#[test]
fn posts_and_voids_that_do_not_say_what_they_are_about_are_left_out_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let event = |number: u128, flags: u8, zeros: &[std::ops::Range<usize>]| {
        let mut bytes = transfer(number, 1);
        bytes[118] = flags;
        zeros.iter().for_each(|range| bytes[range.clone()].fill(0));
        bytes
    };
    let (accounts, ledger) = (16..48, 112..116);
    // Transfer 1 is of ledger 1, from account 1 to 2; 5 is of ledger 2.
    let body = [
        event(1, 2, &[]),
        event(1, 4, &[accounts.clone(), ledger.clone()]),
        event(1, 8, std::slice::from_ref(&accounts)),
        event(5, 4, std::slice::from_ref(&accounts)),
        event(5, 0, &[accounts, ledger]),
    ];
    let draft = Draft { operation: Operation(130), ..Draft::default() };
    let log = Builder::new(AnyProfile::default()).draft(draft).entry(&body.concat()).build();
    let path = file(&directory, "posts.aof", &log.bytes);
    for (arguments, indices, unsaid) in [
        (&[][..], &[0, 1, 2, 3, 4][..], None),
        (&["--ledger", "1"], &[0, 2], Some("1 transfer left out that may be about")),
        (&["--account", "2"], &[0], Some("3 transfers left out")),
        (&["--account", "2", "--ledger", "1"], &[0], Some("2 transfers left out")),
        (&["--account", "9", "--ledger", "9"], &[], Some("1 transfer left out")),
    ] {
        let ran = export(&[&["--format", "jsonl", "--output", "-"], arguments].concat(), &[&path]).code(0);
        let told: Vec<u64> = ran.json().iter().map(|row| row["event_index"].as_u64().unwrap()).collect();
        assert_eq!(told, indices, "{arguments:?}");
        match unsaid {
            Some(text) => assert!(ran.stderr.contains(text), "{arguments:?}: {}", ran.stderr),
            None => assert!(!ran.stderr.contains("left out"), "{}", ran.stderr),
        }
    }
}

#[test]
fn filters_that_leave_nothing_between_them_are_refused() {
    for arguments in
        [["--from-op", "3", "--until-op", "2"], ["--from", "2026-11-22", "--until", "2026-11-21"]]
    {
        let arguments = [&["--format", "csv", "--output", "-"], &arguments[..]].concat();
        let ran = export(&arguments, &[replica(0)]).code(2);
        assert!(ran.stderr.contains("nothing between them"), "{}", ran.stderr);
    }
    let ran = export(&["--format", "entries", "--output", "-", "--ledger", "1"], &[replica(0)]).code(2);
    assert!(ran.stderr.contains("entries have no ledger"), "{}", ran.stderr);
}

/// A log with a flipped bit in the body of op 150, and where that entry stands.
fn damaged(directory: &tempfile::TempDir) -> (PathBuf, usize) {
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let whole = rows(&["--what", "entries"], &[data("single/small-bodies.aof")]);
    let offset = usize::try_from(whole[149]["offset"].as_u64().unwrap()).unwrap();
    bytes[offset + 300] ^= 1;
    (file(directory, "damaged.aof", &bytes), offset)
}

#[test]
fn damage_is_told_and_what_is_sound_is_exported() {
    let directory = tempfile::tempdir().unwrap();
    let (path, offset) = damaged(&directory);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path]).code(1);
    let expected: Vec<u64> = (1..=300).filter(|op| *op != 150).collect();
    assert_eq!(ops(&ran.json()), expected);
    let told = format!("byte {offset} (op 150): body-checksum");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert!(ran.stderr.contains("op 150 is not exported: no sound entry has it"), "{}", ran.stderr);
    // Another log that has it makes up for it.
    let both = [path, data("single/small-bodies.aof")];
    let ran = export(&["--format", "entries", "--output", "-"], &both).code(0);
    assert_eq!(ops(&ran.json()), (1..=300).collect::<Vec<_>>());
    assert!(
        ran.stderr.contains(&format!("byte {offset}")),
        "the damage is told all the same: {}",
        ran.stderr
    );
}

/// What the filters leave out and is damaged, forked or missing counted all the same: exit code 1 for an export
/// that has every op that was asked for.
#[test]
fn what_the_filters_leave_out_is_no_loss() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let offset = |op: usize| {
        let entries =
            rows(&["--what", "entries", "--from-op", &op.to_string()], &[data("single/small-bodies.aof")]);
        usize::try_from(entries[0]["offset"].as_u64().unwrap()).unwrap()
    };
    let damaged = |name: &str, places: &[usize]| {
        let mut bytes = whole.clone();
        places.iter().for_each(|place| bytes[*place] ^= 1);
        file(&directory, name, &bytes)
    };
    let (last, middle) = (offset(300), offset(150));
    let forked = Builder::new(AnyProfile::default()).chain(&[1; 20]).fork(9).chain(&[1; 3]).build();
    let logs = [
        (damaged("body-of-300.aof", &[last + 300]), 300),
        (damaged("head-of-300.aof", &[last + 40]), 300),
        (damaged("head-of-150.aof", &[middle + 40]), 150),
        (file(&directory, "fork-at-11.aof", &forked.bytes), 11),
    ];
    for (log, op) in &logs {
        for logs in [&[log][..], &[log, log]] {
            let ran = |arguments: &[&str]| {
                export(&[&["--format", "entries", "--output", "-"], arguments].concat(), logs)
            };
            let all = ran(&[]).code(1);
            assert!(all.stderr.contains("byte"), "{}", all.stderr);
            ran(&["--until-op", &op.to_string()]).code(1);
            let before = ran(&["--until-op", &(op - 2).to_string()]).code(0);
            assert_eq!(ops(&before.json()), (1..=op - 2).collect::<Vec<u64>>(), "{}", log.display());
            assert!(
                !before.stderr.contains("fork") && !before.stderr.contains("not exported"),
                "{}",
                before.stderr
            );
        }
    }
    let log = &logs[2].0;
    let ran = export(&["--format", "entries", "--output", "-", "--from-op", "151"], &[log]).code(0);
    assert_eq!(ops(&ran.json()), (151..=300).collect::<Vec<u64>>());
    export(&["--format", "entries", "--output", "-", "--from-op", "150"], &[log]).code(1);
}

#[test]
fn several_damaged_logs_that_do_not_make_up_for_each_other_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = damaged(&directory);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path, &path]).code(1);
    assert_eq!(ops(&ran.json()).len(), 299);
    assert!(ran.stderr.contains("op 150 is not exported"), "{}", ran.stderr);
}

/// Images of devices are told to end with zeros, and are sound: with two of them the exit code was 1.
#[test]
fn free_space_of_devices_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    bytes.extend([0; 4096]);
    let [a, b] = ["a.img", "b.img"].map(|name| file(&directory, name, &bytes));
    for images in [&[&a][..], &[&a, &b]] {
        let ran = export(&["--format", "entries", "--output", "-"], images).code(0);
        assert_eq!(ops(&ran.json()), (1..=300).collect::<Vec<_>>());
    }
}

/// Ops 1 to 3 in one log, and in another, behind a gap, op 8, whose head is damaged so that nobody knows how
/// long it is, and sound ones from op 9 on. What is planted in its body was exported as true, and where it has
/// op 8 the true op 9 was a fork with it, which ended the export.
#[test]
fn behind_a_gap_what_may_be_planted_is_exported_with_a_note_and_a_contradiction_is_a_fork() {
    let directory = tempfile::tempdir().unwrap();
    let plant = |op: u64| {
        let mut header = aof_nostd::Header::new();
        header.op = op.into();
        let log = Builder::new(AnyProfile::default()).start_with(header).chain(&[3]).build();
        assert_eq!(log.entries[0].op.0, op);
        // Something behind it, or the run would reach to the next entry.
        [log.bytes, vec![7; 100]].concat()
    };
    let builder = Builder::new(AnyProfile::default()).chain(&[0, 0, 0]).gap(4);
    for planted in [6, 8, 9, 20] {
        let log = builder.clone().entry(&plant(planted)).chain(&[0, 0, 0, 0]).build();
        let (first, behind) = log.bytes.split_at(log.entries[3].offset);
        let mut behind = behind.to_vec();
        behind[40] ^= 1;
        aof_tests::build::set_size(&mut behind, 0, u32::MAX);
        let inputs = [file(&directory, "first.aof", first), file(&directory, "isl.aof", &behind)];
        let ran = export(&["--format", "entries", "--output", "-"], &inputs).code(1);
        let (rows, note): (&[u64], _) = match planted {
            6 => (&[1, 2, 3, 6, 9, 10, 11, 12], "ops 6 to 12 are taken from"),
            8 => (&[1, 2, 3], "a fork: two histories at op 9"),
            9 => (&[1, 2, 3], "a fork: two histories at op 9"),
            _ => (&[1, 2, 3, 9, 10, 11, 12, 20], "ops 9 to 20 are taken from"),
        };
        assert_eq!(ops(&ran.json()), rows, "planted {planted}: {}", ran.stderr);
        assert!(ran.stderr.contains(note), "{}", ran.stderr);
    }
}

/// Between two damaged entries of each of two copies everything was passed over, as if it might have been planted,
/// and "no sound entry has them" was told of it.
#[test]
fn what_stands_between_damage_is_exported_where_its_ops_tell_that_it_is_the_logs_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = Builder::new(AnyProfile::default()).chain(&[0; 40]).build();
    for op in [11, 32] {
        log.bytes[log.entries[op - 1].offset + 40] ^= 1;
    }
    let inputs = ["one.aof", "other.aof"].map(|name| file(&directory, name, &log.bytes));
    let ran = export(&["--format", "entries", "--output", "-"], &inputs).code(1);
    let expected: Vec<u64> = (1..=40).filter(|op| ![11, 32].contains(op)).collect();
    assert_eq!(ops(&ran.json()), expected, "{}", ran.stderr);
    assert!(ran.stderr.contains("ops 11, 32 are not exported"), "{}", ran.stderr);
}

/// Op 6 stands behind a gap, and in the damaged op 7 somebody has planted a child of it. The sound op 8 names another
/// parent: what was planted goes off again, and nothing is a fork.
#[test]
fn behind_a_gap_what_is_planted_as_the_next_entry_is_a_fork_where_another_one_contradicts_it() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Builder::new(AnyProfile::default()).chain(&[0, 0, 0]).gap(2).chain(&[0]);
    let tip = builder.clone().build().entries[3];
    let mut header = aof_nostd::Header::new();
    (header.op, header.parent) = (7.into(), tip.checksum);
    let planted = Builder::new(AnyProfile::default()).start_with(header).chain(&[3, 3]).build();
    let log = builder.entry(&[planted.bytes, vec![7; 100]].concat()).chain(&[0, 0, 0]).build();
    let (first, behind) = log.bytes.split_at(log.entries[3].offset);
    let mut behind = behind.to_vec();
    let damaged = log.entries[4].offset - first.len();
    behind[damaged + 40] ^= 1;
    aof_tests::build::set_size(&mut behind, damaged, u32::MAX);
    let inputs = [file(&directory, "first.aof", first), file(&directory, "islands.aof", &behind)];
    let ran = export(&["--format", "entries", "--output", "-"], &inputs).code(1);
    // Of one log nothing tells which of the two for op 8 is content of the damaged body.
    assert_eq!(ops(&ran.json()), [1, 2, 3, 6], "{}", ran.stderr);
    assert!(ran.stderr.contains("a fork: two histories at op 8"), "{}", ran.stderr);
}

/// An entry between two damaged ones looks like a planted one. What a sound entry names as its parent is true.
#[test]
fn behind_a_gap_entries_between_damage_are_exported_where_a_sound_one_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[0, 0, 0]).gap(4).chain(&[0; 8]).build();
    // Ops 8 to 15. Of one log 8 and 11 are damaged, of the other all but 11 and 12.
    let (first, _) = log.bytes.split_at(log.entries[3].offset);
    let damaged = |ops: &[usize]| {
        let mut bytes = log.bytes.clone();
        ops.iter().for_each(|op| bytes[log.entries[op - 5].offset + 40] ^= 1);
        bytes[first.len()..].to_vec()
    };
    let inputs = [
        file(&directory, "first.aof", first),
        file(&directory, "a.aof", &damaged(&[8, 11, 14])),
        file(&directory, "b.aof", &damaged(&[8, 9, 10, 13, 14])),
    ];
    let ran = export(&["--format", "entries", "--output", "-"], &inputs).code(1);
    // 15 stands behind all damage, and by its ops the piece with 12 and 13 stands where it should. It names 11 of the
    // other log, which names 10.
    assert_eq!(ops(&ran.json()), [1, 2, 3, 9, 10, 11, 12, 13, 15], "{}", ran.stderr);
    let inputs = [
        file(&directory, "first.aof", first),
        file(&directory, "a.aof", &damaged(&[8, 11, 14])),
        file(&directory, "b.aof", &damaged(&[8, 9, 10, 12])),
    ];
    let ran = export(&["--format", "entries", "--output", "-"], &inputs).code(1);
    assert_eq!(ops(&ran.json()), [1, 2, 3, 9, 10, 11, 12, 13, 14, 15], "{}", ran.stderr);
}

#[test]
fn a_fork_ends_the_export() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(AnyProfile::default()).chain(&[1, 1, 1]).fork(0).chain(&[1, 1, 1]).build();
    let path = file(&directory, "forked.aof", &log.bytes);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path]).code(1);
    assert_eq!(ops(&ran.json()), [1, 2, 3], "and not op 4 of the other history");
    let told = format!("byte {} (op 2): a fork", log.entries[3].offset);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path, &path]).code(1);
    assert_eq!(ops(&ran.json()), [1], "a merge knows of the fork before it");
    assert!(ran.stderr.contains("not exported"), "{}", ran.stderr);
}

/// A file that goes back farther than checksums are remembered, and on in another history: every op of the
/// second one that the first one has too was taken for a repeat, and what it has beyond was exported behind
/// the first one's, with exit code 0.
#[test]
fn a_fork_far_back_ends_the_export_where_its_history_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Builder::new(AnyProfile::default()).chain(&[0; 10_000]).fork(99);
    let log = builder.chain(&[0; 11_900]).build();
    let path = file(&directory, "forked.aof", &log.bytes);
    let ran = export(&["--format", "entries", "--output", "-"], &[&path]).code(1);
    assert_eq!(ops(&ran.json()), (1..=10_000).collect::<Vec<_>>());
    let first_beyond = log.entries.iter().find(|entry| entry.op.0 == 10_001).unwrap();
    let told = format!("byte {} (op 10001): a fork: another entry for op 10000", first_beyond.offset);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
}

#[test]
fn entries_of_another_cluster_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let ours = aof_tests::build::chain(AnyProfile::default(), &[0, 0]);
    let mut header = aof_nostd::Header::new();
    header.cluster = 9.into();
    let theirs = Builder::new(AnyProfile::default()).start_with(header).chain(&[0, 0, 0]).build();
    let path = file(&directory, "mixed.aof", &[ours.bytes, theirs.bytes].concat());
    let ran = export(&["--format", "entries", "--output", "-"], &[path]).code(1);
    assert_eq!(ops(&ran.json()), [1, 2]);
    assert!(ran.stderr.contains("an entry of cluster 9 in a log of cluster 0"), "{}", ran.stderr);
}

/// The head of op 1 is damaged, and in its body somebody has put a log of cluster 9. Its entries come first in the
/// file: they were exported, and every true one was left out as one of another cluster.
#[test]
fn entries_in_the_damaged_body_that_a_log_begins_with_do_not_decide_its_cluster() {
    let directory = tempfile::tempdir().unwrap();
    for behind_them in [0, 100] {
        let (_, bytes) = planted(behind_them);
        let path = file(&directory, "planted.aof", &bytes);
        let ran = export(&["--format", "entries", "--output", "-"], &[&path]).code(1);
        assert_eq!(ops(&ran.json()), [2, 3, 4, 5], "{behind_them} bytes behind them: {}", ran.stderr);
        assert!(ran.stderr.contains(" inside the bodies of damaged entries left out"), "{}", ran.stderr);
    }
}

/// A log of five ops whose first one has a log of cluster 9 in its body, and some bytes behind that; and its bytes
/// with a head that does not tell where the body ends.
pub(crate) fn planted(behind_them: usize) -> (aof_tests::build::Log, Vec<u8>) {
    let mut header = aof_nostd::Header::new();
    header.cluster = 9.into();
    let theirs = Builder::new(AnyProfile::default()).start_with(header).chain(&[0, 0, 0]).build();
    let body = [theirs.bytes, vec![7; behind_them]].concat();
    let log = Builder::new(AnyProfile::default()).entry(&body).chain(&[0; 4]).build();
    let mut bytes = log.bytes.clone();
    bytes[40] ^= 1;
    aof_tests::build::set_size(&mut bytes, 0, u32::MAX);
    (log, bytes)
}

/// Firmware has operations and bodies of its own, in either profile.
#[test]
fn a_log_of_another_program_is_exported_as_entries_without_complaint() {
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        let mut builder = Builder::new(profile);
        for operation in [200, 147, 146, 255] {
            let draft = Draft { operation: Operation(operation), ..Draft::default() };
            builder = builder.draft(draft).entry(b"temperature 21.5");
        }
        let path = file(&directory, "firmware.aof", &builder.build().bytes);
        let ran = export(&["--format", "entries", "--output", "-"], &[&path]).code(0);
        assert_eq!(ran.json().len(), 4);
        assert_eq!(ran.stderr, "aof: -: 4 rows of 4 entries\n");
        let ran = export(&["--format", "jsonl", "--output", "-"], &[&path]).code(0);
        assert!(ran.stdout.is_empty());
        assert!(ran.stderr.contains("2 entries of unknown operations passed over"), "{}", ran.stderr);
        assert!(ran.stderr.contains("2 entries passed over, whose bodies"), "{}", ran.stderr);
        assert!(ran.stderr.contains("-: 0 rows of 0 entries"), "{}", ran.stderr);
    }
}

/// Hostile bodies: whatever bytes stand where a trailer should, the command ends well.
#[test]
fn hostile_bodies_are_passed_over_or_rows() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = aof_tests::random::Random::new(6);
    let good = batched(&[transfer(1, 1), transfer(2, 2), account(3)], &[1, 0, 2]);
    let mut builder = Builder::new(AnyProfile::default());
    for _ in 0..2000 {
        let mut body = good.clone();
        let from = body.len() - 12;
        for _ in 0..=random.below(3) {
            let at = from + random.below(12);
            body[at] = random.bytes(1)[0];
        }
        body.truncate(body.len() - if random.one_in(4) { random.below(512) } else { 0 });
        builder = builder.entry(&body);
    }
    let path = file(&directory, "hostile.aof", &builder.build().bytes);
    let ran = export(&["--format", "jsonl", "--output", "-"], &[&path]).code(0);
    assert!(!ran.stdout.is_empty() && ran.stderr.contains("passed over"), "{}", ran.stderr);
    for op in [1, 7, 500, 1999] {
        aof(["show".as_ref(), path.as_os_str(), "--op".as_ref(), op.to_string().as_ref()]).code(0);
    }
}
