//! `aof merge`: the three replicas' logs, in every order, damaged, alone; what is refused, and how.

use crate::util::{Ran, WHOLE_SHA256, aof, command, data, file, replica, sha256, survey};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Backend, Crc, Draft, Entries, Entry, Header, Profile, TigerBeetle};
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
    assert_eq!(report["notes"].as_array().unwrap().len(), 1);
    assert_eq!(report["notes"][0]["kind"], "lost-beginning");
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

/// Logs in whose third entry's body lies a whole, valid entry of its own.
fn nested(inner: &Header, at_end: bool) -> (Vec<Vec<u8>>, usize) {
    let mut body = vec![7; 100];
    body.extend_from_slice(&chain(TigerBeetle::default(), *inner, &[b"inner"]).concat());
    if !at_end {
        body.extend_from_slice(&[7; 100]);
    }
    let bodies: &[&[u8]] = &[b"a", b"b", &body, b"d", b"e"];
    let bodies = &bodies[..if at_end { 3 } else { 5 }];
    let entries = chain(TigerBeetle::default(), Header::new(), bodies);
    let third = entries[0].len() + entries[1].len();
    (entries, third)
}

#[test]
fn entry_inside_the_body_of_a_damaged_one_is_not_taken() {
    let second = {
        let entries = chain(TigerBeetle::default(), Header::new(), &[b"a", b"b"]);
        Entry::from_prefix(&entries[1]).unwrap().header
    };
    let inners = [
        Header { op: 999.into(), ..Header::new() },
        Header { op: 1.into(), ..Header::new() },
        Header { op: 3.into(), cluster: 9.into(), ..Header::new() },
        // A forged sibling of the damaged entry itself.
        Header { op: 3.into(), parent: second.checksum, ..Header::new() },
        // A forged child of the first entry, where the chain goes another way.
        Header { op: 2.into(), parent: second.parent, ..Header::new() },
    ];
    for (number, inner) in inners.iter().enumerate() {
        let (entries, third) = nested(inner, false);
        let whole = entries.concat();
        let size = entries[2].len();
        // Magic, header checksum, size, the whole head, the body before and behind the inner entry.
        let damages = [third, third + 16, third + 16 + 96, third + HEAD_SIZE + 50, third + size - 1];
        for at in damages {
            for span in [1, 4, 272] {
                if at > third && span == 272 {
                    continue;
                }
                let directory = tempfile::tempdir().unwrap();
                let mut damaged = whole.clone();
                damaged[at..(at + span).min(third + size)].fill(0xfd);
                let damaged = file(&directory, "damaged.aof", &damaged);
                let intact = file(&directory, "intact.aof", &whole);
                let output = directory.path().join("whole.aof");
                for inputs in [[&*damaged, &*intact], [&*intact, &*damaged]] {
                    merge(&["--force"], &output, &inputs).code(0);
                    assert_eq!(fs::read(&output).unwrap(), whole, "inner {number}, {span} bytes at {at}");
                }
                fs::remove_file(&output).unwrap();
                // Alone, the damaged log has a gap, whatever lies in the body.
                merge(&[], &output, &[&damaged]).code(1);
                merge(&["--partial"], &output, &[&damaged]).code(0);
                let partial = fs::read(&output).unwrap();
                assert_eq!(partial, entries[..2].concat(), "inner {number}, {span} bytes at {at}");
            }
        }
    }
}

#[test]
fn entry_at_the_end_of_the_last_body_is_not_taken_either() {
    let inner = Header { op: 999.into(), cluster: 0.into(), ..Header::new() };
    let (entries, third) = nested(&inner, true);
    let whole = entries.concat();
    for at in [third, third + 16, third + 16 + 96, third + HEAD_SIZE + 50] {
        let directory = tempfile::tempdir().unwrap();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        let damaged = file(&directory, "damaged.aof", &damaged);
        let intact = file(&directory, "intact.aof", &whole);
        let output = directory.path().join("whole.aof");
        merge(&[], &output, &[&damaged, &intact]).code(0);
        assert_eq!(fs::read(&output).unwrap(), whole, "byte {at}");
    }
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
fn existing_output_is_kept_unless_forced_and_inputs_are_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let output = file(&directory, "precious", b"precious");
    let ran = merge(&[], &output, &[&replica(1)]).code(2);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(fs::read(&output).unwrap(), b"precious");
    merge(&["--force"], &output, &[&replica(2)]).code(1);
    assert_eq!(fs::read(&output).unwrap(), b"precious", "refused for its gap");
    merge(&["--force"], &output, &[&replica(1)]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);

    let input = file(&directory, "input.aof", &fs::read(replica(1)).unwrap());
    let link = directory.path().join("link.aof");
    std::os::unix::fs::symlink(&input, &link).unwrap();
    for output in [&input, &link] {
        let ran = merge(&["--force"], output, &[&input]).code(2);
        assert!(ran.stderr.contains("is the input"), "{}", ran.stderr);
    }
    assert_eq!(fs::read(&input).unwrap(), fs::read(replica(1)).unwrap());
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

#[test]
fn output_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let ran = merge(&[], &directory.path().join("no/such/directory"), &[&replica(1)]).code(1);
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    merge(&["--force"], directory.path(), &[&replica(1)]).code(1);
    let precious = file(&directory, "precious", b"precious");
    let ran = merge(&[], &precious.join("out"), &[&replica(1)]).code(1);
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    assert_nothing_in(&directory, 1);
}

/// Inputs may take hours to read.
#[test]
fn place_for_the_output_is_looked_at_before_the_inputs() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.aof");
    let ran = merge(&[], &directory.path().join("nodir/out"), &[&missing]).code(1);
    assert!(ran.stderr.contains("nodir/out"), "{}", ran.stderr);
    assert!(ran.stderr.contains("No such file or directory; nothing was left there"), "{}", ran.stderr);
    let ran = merge(&[], &directory.path().join("out"), &[&missing]).code(2);
    assert!(ran.stderr.contains("cannot read"), "{}", ran.stderr);
    assert_nothing_in(&directory, 0);
}

/// Runs a merge where no file may grow beyond 100 KiB.
#[cfg(unix)]
fn merge_on_a_full_disk(flags: &[&str], output: &Path) -> String {
    let mut shell = std::process::Command::new("bash");
    shell.args([
        "-c",
        "trap '' XFSZ; ulimit -f 100; exec \"$@\"",
        "bash",
        env!("CARGO_BIN_EXE_aof"),
        "merge",
    ]);
    let ran = shell.args(flags).arg("-o").arg(output).arg(replica(1)).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    stderr
}

#[cfg(unix)]
#[test]
fn full_disk_leaves_the_output_as_it_was_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let stderr = merge_on_a_full_disk(&[], &directory.path().join("out"));
    assert!(stderr.contains("nothing was left there"), "{stderr}");
    assert_nothing_in(&directory, 0);
    let precious = file(&directory, "precious", b"precious");
    let stderr = merge_on_a_full_disk(&["--force"], &precious);
    assert!(stderr.contains("precious is as it was"), "{stderr}");
    assert!(!stderr.contains("nothing was left"), "{stderr}");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    assert_nothing_in(&directory, 1);
}

#[cfg(unix)]
#[test]
fn replaced_output_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let output = file(&directory, "secret", b"secret");
    fs::set_permissions(&output, fs::Permissions::from_mode(0o600)).unwrap();
    merge(&["--force"], &output, &[&replica(1)]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);
    assert_eq!(output.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn interrupted_merge_leaves_nothing() {
    // Signals at many moments; each run ends whole or leaves nothing.
    let directory = tempfile::tempdir().unwrap();
    let large = fs::read(data("single/large-bodies.aof")).unwrap();
    let input = file(&directory, "input.aof", &large.repeat(20));
    let output = directory.path().join("whole.aof");
    for delay_ms in 0..30 {
        let mut merge = command();
        merge.args(["merge".as_ref(), "--output".as_ref(), output.as_os_str(), input.as_os_str()]);
        let mut merge =
            merge.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay_ms * 2));
        let killed = std::process::Command::new("kill").args(["-INT", &merge.id().to_string()]).status();
        let _ = killed.unwrap();
        let status = merge.wait().unwrap();
        if output.exists() {
            assert_eq!(fs::read(&output).unwrap(), large, "after {status}");
            fs::remove_file(&output).unwrap();
        }
        assert_nothing_in(&directory, 1);
    }
}

/// As `timeout` of the coreutils sends them: to the process, and at once to its group.
#[test]
fn two_signals_in_quick_succession_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let body = vec![7; 1 << 19];
    let bodies: Vec<&[u8]> = vec![&body; 200];
    let profile = TigerBeetle::new(aof_std::backend());
    let input = file(&directory, "input.aof", &chain(profile, Header::new(), &bodies).concat());
    let output = directory.path().join("out").join("whole.aof");
    fs::create_dir(output.parent().unwrap()).unwrap();
    let names = || fs::read_dir(output.parent().unwrap()).unwrap().map(|name| name.unwrap().file_name());
    let mut interrupted = 0;
    for signal in ["TERM", "INT", "TERM", "INT"] {
        let mut merge = command();
        merge.args(["merge".as_ref(), "--output".as_ref(), output.as_os_str(), input.as_os_str()]);
        let mut merge =
            merge.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let size = || names().find_map(|name| output.with_file_name(name).metadata().ok()).map(|it| it.len());
        while size().is_none_or(|size| size == 0) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let kill = format!("kill -{signal} {0}; kill -{signal} {0}; kill -{signal} {0}", merge.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let status = merge.wait().unwrap();
        if status.code() == Some(0) {
            fs::remove_file(&output).unwrap(); // it was faster than the signals
        } else {
            assert_eq!(status.code(), Some(130), "{status}");
            interrupted += 1;
        }
        assert_eq!(names().count(), 0, "{:?}", names().collect::<Vec<_>>());
    }
    assert!(interrupted > 0);
}

/// For whoever does not want to wait for the clean-up.
#[test]
fn signal_a_second_after_the_first_ends_the_command_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("hole.aof");
    // An entry is looked for in all of it; without the last byte it would be a device's free space.
    std::os::unix::fs::FileExt::write_all_at(&fs::File::create(&input).unwrap(), b"x", 1 << 40).unwrap();
    let mut merge = command();
    merge.args([
        "merge".as_ref(),
        "-o".as_ref(),
        directory.path().join("out").as_os_str(),
        input.as_os_str(),
    ]);
    let mut merge = merge.stderr(std::process::Stdio::null()).spawn().unwrap();
    let kill = || std::process::Command::new("kill").arg(merge.id().to_string()).status();
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(1200));
        assert!(kill().unwrap().success());
    }
    assert_eq!(merge.wait().unwrap().code(), Some(130));
    assert_nothing_in(&directory, 1);
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
