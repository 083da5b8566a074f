//! Entries with the checksum of another entry and different bytes: 128 chosen bytes of a body, 8 in the CRC
//! profile, are enough for it. Alone such an entry cannot be told from a true one. Beside the true one it is
//! found wherever the two would otherwise be treated as copies of each other.

use crate::util::{Ran, aof, file, findings, replica, survey};
use aof_nostd::AnyProfile;
use aof_nostd::wire::Entry;
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::forge;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Bodies large enough to be forged.
const BODIES: [usize; 5] = [200, 300, 160, 400, 200];

/// The log with its entry number `index` forged.
fn forged(log: &Log, index: usize, change: u8) -> Vec<u8> {
    let entry = log.entries[index];
    forge::log(log.profile, &log.bytes, entry.offset, entry.size_disk, change)
}

/// Runs a command on files.
fn run(flags: &[&str], files: &[&Path]) -> Ran {
    let flags = flags.iter().map(std::ffi::OsStr::new);
    aof(flags.chain(files.iter().map(|file| file.as_os_str())))
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `aof merge --json`, its output beside the first input.
fn merge(flags: &[&str], inputs: &[&Path]) -> (Ran, PathBuf) {
    let output = inputs[0].with_file_name("merged");
    let mut all = vec!["merge", "--json", "--force", "--output", name(&output)];
    all.extend(flags);
    let ran = run(&all, inputs);
    (ran, output)
}

/// All orders of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

struct Files {
    _directory: TempDir,
    log: Log,
    /// The true one, a copy of it, and one with op 3 forged.
    paths: [PathBuf; 3],
    /// Where op 3 is.
    offset: u64,
}

impl Files {
    fn all() -> impl Iterator<Item = Self> {
        PROFILES.into_iter().map(|profile| {
            let directory = tempfile::tempdir().unwrap();
            let log = chain(profile, &BODIES);
            let paths = [
                file(&directory, "true.aof", &log.bytes),
                file(&directory, "copy.aof", &log.bytes),
                file(&directory, "forged.aof", &forged(&log, 2, 1)),
            ];
            let offset = log.entries[2].offset as u64;
            Self { _directory: directory, log, paths, offset }
        })
    }

    fn in_order(&self, order: [usize; 3]) -> [&Path; 3] {
        order.map(|at| self.paths[at].as_path())
    }

    /// What tells of the two entries: both files, and where.
    fn assert_told(&self, text: &str) {
        let place = format!("at byte {}", self.offset);
        let (all, op) = (text.replace('\n', " "), "op 3");
        assert!(all.contains("true.aof") && all.contains("forged.aof") && all.contains(op), "{text}");
        assert!(all.contains(&place) && all.contains("checksums find accidents, not intent"), "{text}");
    }
}

#[test]
fn merge_refuses_copies_with_different_bytes_in_every_order() {
    for files in Files::all() {
        for order in ORDERS {
            let (ran, output) = merge(&[], &files.in_order(order));
            let ran = ran.code(1);
            assert!(!output.exists());
            files.assert_told(&ran.stderr);
            let fork = &ran.json()[0]["fork"];
            assert_eq!((&fork["op"], &fork["forged"]), (&json!(3), &json!(true)));
            assert_eq!(fork["sides"][0]["checksum"], fork["sides"][1]["checksum"]);
            let mut places: Vec<_> =
                [0, 1].map(|side| fork["sides"][side]["places"].as_array().unwrap().len()).into();
            places.sort_unstable();
            assert_eq!(places, [1, 2], "each entry with its own copies: {fork}");

            let (ran, output) = merge(&["--partial"], &files.in_order(order));
            ran.code(0);
            assert_eq!(std::fs::read(&output).unwrap(), files.log.bytes[..files.log.entries[1].end()]);
            std::fs::remove_file(output).unwrap();
        }
        // Copies are no forks.
        for inputs in [[0, 1], [1, 0]] {
            let (ran, output) = merge(&[], &inputs.map(|at| files.paths[at].as_path()));
            assert_eq!(ran.code(0).json()[0]["fork"], Value::Null);
            assert_eq!(std::fs::read(output).unwrap(), files.log.bytes);
        }
    }
}

#[test]
fn export_of_several_logs_tells_of_them_in_every_order() {
    for files in Files::all() {
        for order in ORDERS {
            let inputs = files.in_order(order);
            let ran = run(&["export", "--format", "entries", "--output", "-"], &inputs).code(1);
            files.assert_told(&ran.stderr);
            assert_eq!(ran.stdout.lines().count(), 2, "those before the fork: {}", ran.stdout);
        }
    }
}

#[test]
fn inspect_of_several_logs_tells_of_them_in_every_order() {
    for files in Files::all() {
        for order in ORDERS {
            let inputs = files.in_order(order);
            let ran = run(&["inspect", "--json"], &inputs).code(1);
            let report = &ran.json()[0];
            let fork = &report["union"]["forks"][0];
            assert_eq!(fork["forged"], json!({"offsets": [files.offset, files.offset]}), "{report}");
            assert_eq!((&fork["first_op"], &fork["last_op"]), (&json!(3), &json!(3)));
            assert_eq!(report["verdict"]["word"], "FORKED");
            assert_eq!(report["union"]["whole"], false);
            let html = inputs[0].with_file_name("page.html");
            let ran = run(&["inspect", "--force", "--html", name(&html)], &inputs).code(1);
            let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("forged") && told.contains(&format!("at byte {}", files.offset)), "{told}");
            assert!(std::fs::read_to_string(html).unwrap().contains("at least one of the two was forged"));
        }
        let ran = run(&["inspect", "--json"], &[&files.paths[0], &files.paths[1]]).code(0);
        assert_eq!(ran.json()[0]["union"]["forks"], json!([]));
    }
}

/// A log that repeats ops 2 to 5, op 4 of them forged; and where that one is, and the true one.
fn with_forged_repeat(profile: AnyProfile) -> (Log, u64, u64) {
    let mut log = Builder::new(profile).chain(&BODIES).repeat(1..5).chain(&[200]).build();
    let (first, again) = (log.entries[3], log.entries[7]);
    assert_eq!(first.op, again.op);
    log.bytes = forge::log(profile, &log.bytes, again.offset, again.size_disk, 1);
    (log, first.offset as u64, again.offset as u64)
}

#[test]
fn repeat_with_different_bytes_within_one_log_is_a_fork() {
    let directory = tempfile::tempdir().unwrap();
    for profile in PROFILES {
        let (log, first, again) = with_forged_repeat(profile);
        let path = file(&directory, "log.aof", &log.bytes);
        let told = survey(&path);
        let backtrack = ("backtrack".to_owned(), log.entries[5].offset as u64);
        assert_eq!(findings(&told), [backtrack, ("fork".to_owned(), again)]);
        assert_eq!(told["findings"][1]["forged"], json!({"first_offset": first}));
        assert_eq!((&told["sound"], &told["distinct_ops"]), (&json!(false), &json!(6)));
        let ran = run(&["verify"], &[&path]).code(1);
        let expected =
            format!("byte {again} (op 4): fork: the entry of this op at byte {first} has the same checksum");
        assert!(ran.stdout.contains(&expected), "{}", ran.stdout);

        let ran = run(&["inspect", "--json"], &[&path]).code(1);
        let inspected = &ran.json()[0]["files"][0];
        assert_eq!(inspected["findings"], told["findings"]);
        assert_eq!(inspected["contradicting_entries"], 1);
        assert_eq!(inspected["repeated_entries"], 3);

        let (ran, _) = merge(&[], &[&path]);
        let ran = ran.code(1);
        for place in [first, again] {
            assert!(ran.stderr.contains(&format!("log.aof at byte {place}")), "{}", ran.stderr);
        }

        let ran = run(&["show", "--json", "--op", "4"], &[&path]).code(0);
        let offsets: Vec<_> = ran.json().iter().map(|entry| entry["offset"].clone()).collect();
        assert_eq!(offsets, [first, again], "each for itself");
        assert!(ran.stderr.contains("2 different entries of op 4: a fork"), "{}", ran.stderr);

        let export = ["export", "--format", "entries", "--output", "-"];
        let ran = run(&export, &[&path]).code(1);
        assert_eq!(ran.stdout.lines().count(), 5, "nothing behind the fork: {}", ran.stdout);
        let expected = format!(
            "byte {again} (op 4): a fork: the entry of this op at byte {first} has the same checksum"
        );
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
        run(&[&export[..], &["--until-op", "3"]].concat(), &[&path]).code(0);

        // The same entries once more are none.
        let log = Builder::new(profile).chain(&BODIES).repeat(1..5).chain(&[200]).build();
        let told = survey(&file(&directory, "log.aof", &log.bytes));
        assert_eq!((findings(&told).len(), &told["sound"]), (1, &json!(true)));
        let ran = run(&export, &[&path]).code(0);
        assert_eq!(ran.stdout.lines().count(), 6);
    }
}

#[test]
fn two_forged_repeats_are_told_apart_from_the_first_each() {
    let directory = tempfile::tempdir().unwrap();
    for profile in PROFILES {
        let log = chain(profile, &BODIES);
        let variants = [1, 2].map(|change| forge::entry(profile, log.entry_bytes(4), change));
        let bytes = [&log.bytes[..], &variants[0], &variants[0], &variants[1], log.entry_bytes(4)].concat();
        let told = survey(&file(&directory, "log.aof", &bytes));
        let size = log.entries[4].size_disk;
        let places = [0, 1, 2].map(|number| (log.bytes.len() + number * size) as u64);
        let forks = places.map(|place| ("fork".to_owned(), place));
        assert_eq!(findings(&told)[..3], forks, "{told}");
        assert_eq!(findings(&told)[3].0, "backtrack", "the true one once more: {told}");
    }
}

#[test]
fn stitched_parts_tell_of_them_like_the_whole_log() {
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        let (log, first, again) = with_forged_repeat(profile);
        let path = file(&directory, "log.aof", &log.bytes);
        let cut = log.entries[6].offset;
        let mut parts = Vec::new();
        for (number, range) in [format!("0..{cut}"), format!("{cut}..")].iter().enumerate() {
            let part = directory.path().join(format!("{number}.part"));
            run(&["verify", "--range", range, "--part", name(&part)], &[&path]);
            parts.push(part);
        }
        let ran = run(&["stitch", "--json"], &[&parts[1], &parts[0]]).code(1);
        let told = ran.json().pop().unwrap();
        assert_eq!(told, survey(&path));
        assert_eq!(told["findings"][1]["forged"], json!({"first_offset": first}));
        assert_eq!(told["findings"][1]["offset"], again);

        // A log in two files, of which the second one has the forged entry.
        let files = [(0, "1.aof"), (1, "2.aof")].map(|(number, name)| {
            let bytes = if number == 0 { &log.bytes[..cut] } else { &log.bytes[cut..] };
            file(&directory, name, bytes)
        });
        for (path, part) in files.iter().zip(&parts) {
            run(&["verify", "--range", "0..", "--force", "--part", name(part)], &[path]);
        }
        let ran = run(&["stitch"], &[&parts[0], &parts[1]]).code(1);
        let expected = format!("the entry of this op at byte {first} of {}", name(&files[0]));
        assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
        assert!(
            ran.stdout.contains(&format!("byte {} (op 4): fork: ", again - cut as u64)),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn part_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "log.aof", &chain(PROFILES[0], &[10]).bytes);
    let part = directory.path().join("part");
    run(&["verify", "--range", "0..", "--part", name(&part)], &[&path]).code(0);
    let mut bytes = std::fs::read(&part).unwrap();
    assert_eq!(&bytes[..16], b"aof range, v.2\r\n");
    for version in [b'1', b'3'] {
        bytes[13] = version;
        std::fs::write(&part, &bytes).unwrap();
        let ran = run(&["stitch"], &[&part]).code(2);
        assert!(
            ran.stderr.contains("another version of aof") && ran.stderr.contains("verify that range again"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn neighbours_with_one_checksum_and_different_bytes_are_told_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    for profile in PROFILES {
        let log = chain(profile, &BODIES);
        let last = log.entry_bytes(4);
        for (copy, kind, code) in
            [(forge::entry(profile, last, 1), "fork", 1), (last.to_vec(), "backtrack", 0)]
        {
            let path = file(&directory, "log.aof", &[&log.bytes[..], &copy].concat());
            let ran = run(&["debug", "--json", "--all"], &[&path]).code(code);
            let found: Vec<_> = ran.json().into_iter().filter(|line| line["kind"].is_string()).collect();
            assert_eq!(found.len(), 1, "{}", ran.stdout);
            assert_eq!(
                (found[0]["kind"].as_str(), found[0]["offset"].as_u64()),
                (Some(kind), Some(log.bytes.len() as u64))
            );
            assert_eq!(found[0]["detail"].as_str().unwrap().contains("forged"), code == 1);
        }
    }
}

/// The bytes of the entry with this op that is last in a recorded log, and where it is.
fn last_of_op(bytes: &[u8], op: u64) -> (usize, usize) {
    let (mut at, mut found) = (0, None);
    while let Some(entry) = Entry::from_prefix(&bytes[at..]) {
        let size = usize::try_from(entry.header.size_disk()).unwrap();
        if entry.header.op.get() == op {
            found = Some((at, size));
        }
        at += size;
    }
    found.unwrap()
}

/// An amount of a recorded log was changed, and everything that is printed of the log stayed as it was.
#[test]
fn forged_amount_in_a_recorded_log_is_found_beside_the_true_one() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(replica(1)).unwrap();
    let (offset, size) = last_of_op(&bytes, 1001);
    let path = file(&directory, "forged.aof", &forge::log(PROFILES[0], &bytes, offset, size, 0x40));
    let (mut one, mut other) = (survey(&replica(1)), survey(&path));
    for survey in [&mut one, &mut other] {
        survey.as_object_mut().unwrap().remove("file");
    }
    assert_eq!(one, other, "alone it cannot be told");
    let honest = [replica(0), replica(1), replica(2)];
    for order in ORDERS {
        let output = directory.path().join("merged");
        let mut words = vec!["merge".to_owned(), "--output".into(), name(&output).into()];
        let mut inputs: Vec<_> = order.map(|at| honest[at].clone()).into();
        inputs.insert(order[0], path.clone());
        words.extend(inputs.iter().map(|input| name(input).to_owned()));
        let ran = aof(&words).code(1);
        assert!(ran.stderr.contains("a fork by forgery: op 1001 in "), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("forged.aof at byte {offset}")), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("r1.aof at byte {offset}")), "{}", ran.stderr);
        assert!(!output.exists());
    }
    let cluster = one["cluster"].as_str().unwrap();
    for inputs in [[&replica(1), &path], [&path, &replica(1)]] {
        let inputs = inputs.map(PathBuf::as_path);
        let ran = run(&["recover", "--cluster", cluster, "--dry-run"], &inputs).code(1);
        assert!(ran.stderr.contains("a fork by forgery: op 1001 in "), "{}", ran.stderr);
        assert!(ran.stderr.contains("--until-op 1000"), "{}", ran.stderr);
    }
    let ran = run(&["inspect", "--json"], &[&replica(1), &path]).code(1);
    assert_eq!(ran.json()[0]["union"]["forks"][0]["forged"], json!({"offsets": [offset, offset]}));
}
