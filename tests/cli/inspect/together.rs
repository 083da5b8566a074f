//! What is told of several logs together.

use super::inspect;
use crate::util::{aof, data, file, replica};
use aof_nostd::wire::Header;
use aof_tests::build::{Builder, PROFILES, chain};
use serde_json::{Value, json};

fn lacks(report: &Value, file: usize) -> Vec<(u64, u64, Value)> {
    let lack = |lack: &Value| {
        (lack["first_op"].as_u64().unwrap(), lack["last_op"].as_u64().unwrap(), lack["held_by"].clone())
    };
    report["union"]["lacks"][file].as_array().unwrap().iter().map(lack).collect()
}

#[test]
fn recorded_cluster_is_whole_and_its_gaps_have_fillers() {
    let (report, code) = inspect(&[&replica(0), &replica(1), &replica(2)]);
    assert_eq!(code, 0);
    assert_eq!(report["verdict"]["word"], "WHOLE");
    let union = &report["union"];
    assert_eq!(
        (&union["first_op"], &union["last_op"], &union["distinct_ops"]),
        (&json!(1), &json!(3221), &json!(3221))
    );
    assert_eq!(
        (&union["missing_ops"], &union["forks"], &union["whole"]),
        (&json!([]), &json!([]), &json!(true))
    );
    assert_eq!(lacks(&report, 0), [(823, 959, json!([1, 2]))]);
    assert_eq!(lacks(&report, 1), []);
    assert_eq!(lacks(&report, 2), [(1112, 2879, json!([0, 1]))]);
    let command = report["verdict"]["command"].as_str().unwrap();
    assert!(command.starts_with("aof merge --output whole.aof "), "{command}");
}

#[test]
fn command_that_is_advised_gives_the_whole_log() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..3 {
        std::fs::copy(replica(number), directory.path().join(format!("r{number}.aof"))).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = crate::util::command();
        command.args(arguments).current_dir(directory.path()).output().unwrap()
    };
    let told = run(&["inspect", "--json", "r0.aof", "r2.aof"]);
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    let advised = report["verdict"]["command"].as_str().unwrap();
    let arguments: Vec<_> = advised.split(' ').skip(1).collect();
    assert!(run(&arguments).status.success(), "{advised}");
    assert_eq!(crate::util::sha256(&directory.path().join("whole.aof")), crate::util::WHOLE_SHA256);
}

#[test]
fn hole_that_nobody_fills_is_told_and_is_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    let one = file(&directory, "one.aof", &Builder::new(PROFILES[0]).chain(&[5; 3]).build().bytes);
    // The same chain from op 7 on: its parent is in no log.
    let whole = chain(PROFILES[0], &[5; 9]);
    let other = file(&directory, "other.aof", &whole.bytes[whole.entries[6].offset..]);
    let (report, code) = inspect(&[&one, &other]);
    assert_eq!((code, &report["verdict"]["word"]), (0, &json!("INCOMPLETE")));
    assert_eq!(report["union"]["missing_ops"], json!([[4, 6]]));
    assert_eq!(lacks(&report, 0), [(4, 6, json!([])), (7, 9, json!([1]))]);
    assert_eq!(lacks(&report, 1), [(1, 3, json!([0])), (4, 6, json!([]))]);
    let told = aof([std::ffi::OsStr::new("inspect"), one.as_os_str(), other.as_os_str()]).code(0).stdout;
    assert!(told.starts_with("INCOMPLETE: ops 4-6 are in none of the 2 logs\n"), "{told}");
    // What is lost comes first, and once; then what another log fills.
    let place = |words: &str| told.find(words).unwrap();
    assert!(place("\n  in none of the logs: 4-6\n") < place(" lacks 7-9: in "), "{told}");
    assert_eq!(told.matches("4-6").count(), 2, "{told}");
    let html = std::fs::read_to_string(super::page(directory.path(), &[&one, &other])).unwrap();
    assert_eq!(html.matches("In none of the logs: 4-6").count(), 1);
    assert!(html.contains("<details open><summary>2 ranges that a log lacks and another has</summary>"));
    assert!(told.contains("aof merge --partial "), "{told}");
}

/// One log has another entry for op 5 behind its end. The command that was advised named it too, and wrote
/// nothing.
#[test]
fn log_with_two_histories_is_left_out_of_the_advised_merge_if_the_others_hold_every_op() {
    let directory = tempfile::tempdir().unwrap();
    let forked = Builder::new(PROFILES[0]).chain(&[4; 10]).fork(3).chain(&[4; 1]).build();
    let whole = &forked.bytes[..forked.entries[9].end()];
    for (name, bytes) in [
        ("w.aof", whole),
        ("f.aof", &forked.bytes),
        ("start.aof", &whole[..forked.entries[6].end()]),
        ("end.aof", &whole[forked.entries[5].offset..]),
    ] {
        file(&directory, name, bytes);
    }
    let run = |arguments: &[&str]| {
        let mut command = crate::util::command();
        command.args(arguments).current_dir(directory.path()).output().unwrap()
    };
    for (logs, advised) in [
        (&["w.aof", "f.aof"][..], Some("aof merge --output whole.aof w.aof")),
        (&["f.aof", "end.aof", "start.aof"], Some("aof merge --output whole.aof end.aof start.aof")),
        (&["f.aof", "start.aof"], None),
    ] {
        let told = run(&[&["inspect", "--json"], logs].concat());
        let report: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(report["verdict"]["word"], "FORKED");
        assert_eq!(report["verdict"]["command"].as_str(), advised, "{logs:?}");
        if let Some(advised) = advised {
            assert!(run(&advised.split(' ').skip(1).collect::<Vec<_>>()).status.success(), "{advised}");
            assert_eq!(std::fs::read(directory.path().join("whole.aof")).unwrap(), whole);
            std::fs::remove_file(directory.path().join("whole.aof")).unwrap();
        }
    }
}

/// A log of another cluster in the damaged body that a log begins with: the log was said to be of that cluster, and
/// to be looked at alone, while a merge of the two succeeds.
#[test]
fn log_in_a_damaged_body_makes_no_logs_of_two_clusters() {
    let directory = tempfile::tempdir().unwrap();
    let (log, bytes) = crate::export::rows::planted(100);
    let sound = file(&directory, "sound.aof", &log.bytes);
    let planted = file(&directory, "planted.aof", &bytes);
    let (sound, planted) = (sound.as_path(), planted.as_path());
    for logs in [[sound, planted], [planted, sound]] {
        let (report, code) = inspect(&logs);
        assert_eq!((code, &report["union"]["conflict"]), (1, &Value::Null), "{report:#}");
        assert_eq!((&report["union"]["forks"], &report["union"]["distinct_ops"]), (&json!([]), &json!(5)));
        assert_eq!(report["union"]["whole"], true);
        let command = report["verdict"]["command"].as_str().unwrap();
        assert!(command.ends_with("sound.aof") && !command.contains("planted"), "{command}");
    }
    // Logs of two clusters are, all the same.
    let mut header = Header::new();
    header.cluster = 9.into();
    let other = Builder::new(PROFILES[0]).start_with(header).chain(&[0, 0]).build();
    let other = file(&directory, "other.aof", &other.bytes);
    let (report, _) = inspect(&[planted, &other]);
    assert_eq!(report["verdict"]["word"], "MIXED");
}

#[test]
fn logs_that_fork_are_told_with_op_logs_and_checksums() {
    let directory = tempfile::tempdir().unwrap();
    let both = Builder::new(PROFILES[0]).chain(&[4; 5]).fork(2).chain(&[4; 2]).build();
    let entries =
        |range: std::ops::Range<usize>| aof_tests::damage::reorder(&both, &range.collect::<Vec<_>>());
    let one = file(&directory, "one.aof", &entries(0..5));
    let mut other = entries(0..3);
    other.extend(entries(5..7));
    let other = file(&directory, "other.aof", &other);
    let (report, code) = inspect(&[&one, &other]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("FORKED")));
    assert_eq!(report["files"][0]["sound"], true, "each by itself is sound");
    let forks = report["union"]["forks"].as_array().unwrap();
    assert_eq!(forks.len(), 1);
    assert_eq!(
        (&forks[0]["first_op"], &forks[0]["last_op"], &forks[0]["files"]),
        (&json!(4), &json!(5), &json!([0, 1]))
    );
    assert_eq!(forks[0]["checksums"][0], both.entries[3].checksum.to_string());
    assert_eq!(forks[0]["checksums"][1], both.entries[5].checksum.to_string());
    assert_eq!(report["verdict"]["command"], Value::Null, "a merge would refuse");
    // It is on the map, and in words with its range and checksums.
    let paths = [std::ffi::OsStr::new("inspect"), one.as_os_str(), other.as_os_str()];
    let told = aof(paths).code(1).stdout;
    let together = told.lines().skip_while(|line| !line.starts_with("  together "));
    let bars: Vec<_> = together.take(2).collect();
    let mark = bars[1].chars().position(|mark| mark == '!').unwrap();
    let bar = bars[0].chars().count() - bars[0].split(' ').next_back().unwrap().chars().count();
    assert_eq!(mark - bar, 3, "op 4 is the fourth column: {told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let sum = |entry: usize| both.entries[entry].checksum;
    assert!(told.contains("two histories: ops 4-5. With op 4 "), "{told}");
    assert!(told.contains(&format!("one.aof has checksum {}, ", sum(3))), "{told}");
    assert!(told.contains(&format!("other.aof has checksum {} ", sum(5))), "{told}");

    let within = file(&directory, "within.aof", &both.bytes);
    let (report, code) = inspect(&[&within]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("FORKED")));
}

#[test]
fn damaged_op_that_another_log_holds_is_no_loss() {
    let directory = tempfile::tempdir().unwrap();
    let sound = data("single/small-bodies.aof");
    let mut bytes = std::fs::read(&sound).unwrap();
    bytes[100_000] ^= 1;
    let damaged = file(&directory, "damaged.aof", &bytes);
    let (report, code) = inspect(&[&damaged, &sound]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("DAMAGED")));
    assert_eq!((&report["verdict"]["level"], &report["union"]["whole"]), (&json!("care"), &json!(true)));
    assert_eq!(lacks(&report, 0).len(), 1);
    assert_eq!(lacks(&report, 0)[0].2, json!([1]));
    // The last entry, damaged in both: nobody can know what came behind.
    let end = bytes.len();
    bytes[end - 10] ^= 1;
    let damaged = file(&directory, "end.aof", &bytes);
    let again = file(&directory, "again.aof", &bytes);
    let (report, _) = inspect(&[&damaged, &again]);
    let advice = report["verdict"]["advice"].to_string();
    assert!(advice.contains("Op 300 is damaged wherever it is"), "{advice}");
}

#[test]
fn logs_of_two_clusters_or_profiles_are_not_put_together() {
    let directory = tempfile::tempdir().unwrap();
    let of = |cluster: u128, profile: usize| {
        let mut first = Header::new();
        first.cluster = cluster.into();
        Builder::new(PROFILES[profile]).start_with(first).chain(&[8; 4]).build().bytes
    };
    let one = file(&directory, "one.aof", &of(1, 0));
    let other = file(&directory, "other.aof", &of(2, 0));
    let device = file(&directory, "device.aof", &of(1, 1));
    let (report, code) = inspect(&[&one, &other]);
    assert_eq!((code, &report["verdict"]["word"]), (1, &json!("MIXED")));
    assert_eq!(report["union"]["conflict"], json!(["two-clusters", 0, 1]));
    assert_eq!(report["union"]["whole"], false);
    let (report, code) = inspect(&[&one, &device]);
    assert_eq!((code, &report["union"]["conflict"]), (1, &json!(["two-profiles", 0, 1])));
    let empty = file(&directory, "empty.aof", b"");
    let (report, code) = inspect(&[&empty, &one]);
    assert_eq!((code, &report["union"]["conflict"]), (0, &Value::Null), "nothing contradicts nothing");
}

#[test]
fn log_that_cannot_be_read_is_told_and_the_others_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.aof");
    let ran =
        aof(["inspect".as_ref(), "--json".as_ref(), missing.as_os_str(), replica(1).as_os_str()]).code(2);
    let report = &ran.json()[0];
    assert_eq!(report["files"].as_array().unwrap().len(), 1);
    assert_eq!(report["unreadable"][0]["file"], missing.to_str().unwrap());
    assert!(ran.stderr.contains("missing.aof"), "{}", ran.stderr);
    let ran = aof(["inspect".as_ref(), missing.as_os_str()]).code(2);
    assert_eq!(ran.stdout, "");
}

/// It was SOUND, and `good`, with exit code 2.
#[test]
fn verdict_is_never_good_where_a_log_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.aof");
    let log = chain(PROFILES[0], &[8; 6]);
    let sound = file(&directory, "sound.aof", &log.bytes);
    let start = file(&directory, "start.aof", &log.bytes[..log.entries[2].end()]);
    let torn = file(&directory, "torn.aof", &log.bytes[..log.bytes.len() - 3]);
    for (logs, word, text) in [
        (&[&sound][..], "UNREADABLE", "1 of 2 logs cannot be read; "),
        (
            &[&sound, &start],
            "UNREADABLE",
            "1 of 3 logs cannot be read; together the 2 logs hold every op from 1 to 6",
        ),
        (&[&torn], "DAMAGED", "1 of 2 logs cannot be read; "),
    ] {
        let logs: Vec<_> = logs.iter().map(|log| log.as_path()).chain([missing.as_path()]).collect();
        let (report, code) = inspect(&logs);
        let verdict = &report["verdict"];
        assert_eq!((code, &verdict["word"], &verdict["level"]), (2, &json!(word), &json!("bad")));
        assert!(verdict["text"].as_str().unwrap().starts_with(text), "{verdict}");
        let advice =
            format!("Nothing here is about {}: look at all logs when it can be read.", missing.display());
        assert_eq!(verdict["advice"][0], json!(advice));
    }
    assert_eq!(inspect(&[&sound]).0["verdict"]["word"], "SOUND");
    let (report, code) = inspect(&[&missing]);
    let verdict = &report["verdict"];
    assert_eq!(
        (code, &verdict["word"]),
        (2, &json!("UNREADABLE")),
        "nothing is known of it: it is not empty"
    );
    assert_eq!(verdict["text"], "no log could be read");
}

/// Two files without an entry were `EMPTY`, though one of them held something.
#[test]
fn word_for_files_without_an_entry_is_that_of_the_worst() {
    let directory = tempfile::tempdir().unwrap();
    let empty = file(&directory, "empty.aof", b"");
    let text = file(&directory, "text.aof", b"Dear diary, nothing was logged today, and nobody minded.\n");
    let log = chain(PROFILES[0], &[8; 2]);
    let torn = file(&directory, "torn.aof", &log.bytes[..log.entries[0].end() - 3]);
    let word = |logs: &[&std::path::Path]| inspect(logs).0["verdict"]["word"].clone();
    assert_eq!(word(&[&empty, &empty]), "EMPTY");
    assert_eq!(word(&[&empty, &text]), "NOT A LOG");
    assert_eq!(word(&[&empty, &torn]), "DAMAGED");
    assert_eq!(word(&[&text, &text]), "NOT A LOG");
}

/// With a blank or a quote in a name the command was `aof merge ... FILE...`.
#[test]
fn command_that_is_advised_can_be_copied_whatever_the_names_are() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["it's my $(log).aof", "-r1.aof", "two\nlines \u{1b}[2J \\ \u{65e5}.aof"];
    for (number, name) in (0..).zip(names) {
        std::fs::copy(replica(number), directory.path().join(name)).unwrap();
    }
    let mut command = crate::util::command();
    let told = command.args(["inspect", "--json", "--"]).args(names).current_dir(directory.path()).output();
    let report: Value = serde_json::from_slice(&told.unwrap().stdout).unwrap();
    let advised = report["verdict"]["command"].as_str().unwrap();
    assert!(!advised.contains(['\n', '\u{1b}']), "{advised}");
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", &format!("aof() {{ \"$AOF\" \"$@\"; }}\n{advised}")]).current_dir(directory.path());
    let ran = bash.env("AOF", env!("CARGO_BIN_EXE_aof")).output().unwrap();
    assert!(ran.status.success(), "{advised}\n{ran:?}");
    assert_eq!(crate::util::sha256(&directory.path().join("whole.aof")), crate::util::WHOLE_SHA256);
}

/// A log with a torn tail that holds all that there is was told as if it did not.
#[test]
fn log_with_a_torn_tail_may_hold_all_alone() {
    let directory = tempfile::tempdir().unwrap();
    let log = chain(PROFILES[0], &[8; 6]);
    let torn = file(&directory, "torn.aof", &log.bytes[..log.bytes.len() - 3]);
    let short = file(&directory, "short.aof", &log.bytes[..log.entries[2].end()]);
    let (report, code) = inspect(&[&short, &torn]);
    assert_eq!(code, 1);
    let advice = report["verdict"]["advice"].to_string();
    assert!(advice.contains("torn.aof alone holds them all"), "{advice}");
    assert!(advice.contains("torn.aof is not all there: normal after a crash"), "{advice}");
    assert!(advice.contains("A merge needs no repair before it"), "{advice}");
    assert!(!advice.contains("'aof repair'"), "a merge loses nothing, and a cut is for ever: {advice}");
}

/// The same file under two names was two logs, to be merged with each other.
#[test]
fn one_file_under_two_names_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(replica(2), directory.path().join("r2.aof")).unwrap();
    std::os::unix::fs::symlink("r2.aof", directory.path().join("link.aof")).unwrap();
    let mut command = crate::util::command();
    command.args(["inspect", "--json", "r2.aof", "./r2.aof", "link.aof"]).current_dir(directory.path());
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["files"].as_array().unwrap().len(), 1);
    assert_eq!(report["verdict"]["word"], "INCOMPLETE");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.matches("r2.aof and ./r2.aof are one file: it is read once").count(), 1, "{told}");
    assert_eq!(told.matches("r2.aof and link.aof are one file: it is read once").count(), 1, "{told}");
    // A copy is another log.
    std::fs::copy(replica(2), directory.path().join("copy.aof")).unwrap();
    let (report, _) = inspect(&[&directory.path().join("r2.aof"), &directory.path().join("copy.aof")]);
    assert_eq!(report["files"].as_array().unwrap().len(), 2);
}

#[test]
fn one_op_is_told_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let log = chain(PROFILES[0], &[8; 9]);
    let without = |lacking: &[usize]| {
        let left: Vec<_> = (0..9).filter(|at| !lacking.contains(at)).collect();
        aof_tests::damage::reorder(&log, &left)
    };
    let one = file(&directory, "one.aof", &without(&[6]));
    let other = file(&directory, "other.aof", &without(&[2, 6]));
    let text = |report: &Value| report["verdict"]["text"].as_str().unwrap().to_owned();
    assert_eq!(text(&inspect(&[&one, &other]).0), "op 7 is in none of the 2 logs");
    assert_eq!(text(&inspect(&[&one]).0), "every byte is sound, but op 7 is missing of 1 to 9");
    assert_eq!(text(&inspect(&[&other]).0), "every byte is sound, but ops 3, 7 are missing of 1 to 9");
}
