//! `aof verify` on real logs: exactly the facts of `tests/data/README.md`.

use crate::util::{aof, data, file, findings, replica, survey};
use serde_json::json;

#[test]
fn single_replicas_are_one_unbroken_chain() {
    let small = survey(&data("single/small-bodies.aof"));
    assert_eq!(small["profile"], "tigerbeetle");
    assert_eq!(small["bytes"], 183_616);
    assert_eq!((&small["entries"], &small["distinct_ops"]), (&json!(300), &json!(300)));
    assert_eq!((&small["first_op"], &small["last_op"]), (&json!(1), &json!(300)));
    assert_eq!(small["missing_ops"], json!([]));
    assert_eq!(small["data_checksum_chain"], "297885640538300671883383348009515472968");
    assert_eq!(small["findings"], json!([]));
    assert_eq!(small["sound"], true);
    let large = survey(&data("single/large-bodies.aof"));
    assert_eq!((&large["bytes"], &large["entries"]), (&json!(2_330_192), &json!(5)));
    assert_eq!(large["data_checksum_chain"], "251557991900487969148415115181468186314");
}

#[test]
fn replica_killed_twice_has_a_backtrack_and_a_gap() {
    let survey = survey(&replica(0));
    assert_eq!((&survey["entries"], &survey["distinct_ops"]), (&json!(3888), &json!(3084)));
    assert_eq!((&survey["first_op"], &survey["last_op"]), (&json!(1), &json!(3221)));
    assert_eq!(survey["missing_ops"], json!([[823, 959]]));
    assert_eq!(survey["sound"], true);
    let findings = survey["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    assert_eq!(
        (&findings[0]["kind"], &findings[0]["offset"], &findings[0]["op"]),
        (&json!("backtrack"), &json!(492_608), &json!(1))
    );
    assert_eq!(
        (&findings[1]["kind"], &findings[1]["offset"], &findings[1]["op"]),
        (&json!("gap"), &json!(997_024), &json!(960))
    );
    assert_eq!(findings[1]["missing"], json!([823, 959]));
}

#[test]
fn replica_killed_once_has_a_backtrack_and_all_ops() {
    let survey = survey(&replica(1));
    assert_eq!((&survey["entries"], &survey["distinct_ops"]), (&json!(3527), &json!(3221)));
    assert_eq!(survey["missing_ops"], json!([]));
    assert_eq!(findings(&survey), [("backtrack".to_owned(), 163_744)]);
}

#[test]
fn state_synced_replica_has_a_gap() {
    let survey = survey(&replica(2));
    assert_eq!((&survey["entries"], &survey["distinct_ops"]), (&json!(1453), &json!(1453)));
    assert_eq!(survey["missing_ops"], json!([[1112, 2879]]));
    assert_eq!(findings(&survey), [("gap".to_owned(), 693_616)]);
}

#[test]
fn backtracks_and_gaps_fail_only_when_strict() {
    aof(["verify".as_ref(), replica(0).as_os_str()]).code(0);
    aof(["verify".as_ref(), "--strict".as_ref(), replica(0).as_os_str()]).code(1);
    let small = data("single/small-bodies.aof");
    aof(["verify".as_ref(), "--strict".as_ref(), small.as_os_str()]).code(0);
}

#[test]
fn every_file_has_its_line_and_the_worst_one_decides_the_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let torn = file(&directory, "torn.aof", &whole[..whole.len() - 1]);
    let missing = directory.path().join("missing.aof");
    let sound = data("single/small-bodies.aof");
    let verify = |files: &[&std::path::Path]| {
        aof(["verify", "--json"].iter().map(std::ffi::OsStr::new).chain(files.iter().map(|f| f.as_os_str())))
    };
    assert_eq!(verify(&[&sound, &torn]).code(1).json().len(), 2, "JSON has no line that counts");
    let ran = verify(&[&missing, &torn, &sound]).code(2);
    assert_eq!(ran.json().len(), 2, "a file that cannot be read does not stop the others");
    assert!(ran.stderr.contains("missing.aof"), "{}", ran.stderr);
}

#[test]
fn last_line_counts_the_files_where_there_are_several() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let torn = file(&directory, "torn.aof", &whole[..whole.len() - 1]);
    let text = file(&directory, "text.txt", b"Dear diary, nothing was logged today, and nobody minded.\n");
    let missing = directory.path().join("missing.aof");
    let sound = data("single/small-bodies.aof");
    let last = |files: &[&std::path::Path], code| {
        let files = files.iter().map(|path| path.as_os_str());
        let ran = aof(std::iter::once("verify".as_ref()).chain(files)).code(code);
        ran.stdout.lines().next_back().unwrap().to_owned()
    };
    assert_eq!(last(&[&sound, &torn, &sound, &sound], 1), "4 logs: 3 sound, 1 damaged");
    assert_eq!(last(&[&sound, &sound], 0), "2 logs: 2 sound");
    let all = last(&[&missing, &torn, &text, &sound], 2);
    assert_eq!(all, "4 files: 1 sound, 1 damaged, 1 not a log, 1 not readable");
    assert!(!last(&[&sound], 0).contains("log"), "one file has its verdict in its first line");
}

#[test]
fn person_is_told_what_the_json_says() {
    let ran = aof(["verify".as_ref(), replica(0).as_os_str()]).code(0);
    for fact in [
        "sound, with 1 backtrack, 1 gap",
        "3888",
        "823-959",
        "byte 492608 (op 1): backtrack: goes back from op 804",
        "byte 997024 (op 960): gap: ops 823 to 959 are missing before it",
    ] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
}

#[test]
fn faults_are_told_before_what_is_harmless_and_counted_apart() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let last = bytes[bytes.len() - 528..].to_vec();
    for _ in 0..299 {
        bytes.extend_from_slice(&last); // the same entry once more: a backtrack
    }
    let fault = bytes.len();
    bytes.extend_from_slice(&last);
    bytes[fault + 300] ^= 1;
    let path = file(&directory, "damaged.aof", &bytes);
    let ran = aof(["verify".as_ref(), path.as_os_str()]).code(1);
    assert!(ran.stdout.contains(": DAMAGED, 1 fault, 299 backtracks\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("  byte {fault} (op 300): body-checksum")), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches(": backtrack: ").count(), 49);
    assert!(ran.stdout.ends_with("  and 250 more backtracks (--json has them)\n"), "{}", ran.stdout);
    let found = survey(&path);
    assert_eq!((&found["faults"], &found["findings_omitted"]), (&json!(1), &json!(0)));
    assert_eq!(findings(&found).len(), 300);

    // Faults alone, more than are shown.
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let end = bytes.len();
    for entry in 1..=120 {
        bytes[end - entry * 2 * 528 + 300] ^= 1;
    }
    let path = file(&directory, "faulty.aof", &bytes);
    let ran = aof(["verify".as_ref(), path.as_os_str()]).code(1);
    assert!(ran.stdout.contains(": DAMAGED, 120 faults, 120 gaps\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains(": gap: "), "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("  and 70 more faults, 120 more gaps (--json has them)\n"),
        "{}",
        ran.stdout
    );

    let torn = file(&directory, "torn.aof", &bytes[..1000]);
    let ran = aof(["verify".as_ref(), torn.as_os_str()]).code(1);
    assert!(ran.stdout.contains(": DAMAGED, 1 fault\n"), "{}", ran.stdout);
}
