//! The C program of `ci/firmware/c`, over files by stdio and with sanitizers: it has to find what `aof verify`
//! finds, and `aof verify` has to take what it wrote.

use crate::util::{data, file, replica, survey};
use aof_nostd::{Crc, TigerBeetle};
use aof_tests::build::{Builder, chain};
use aof_tests::c;
use aof_tests::damage::Harm;
use aof_tests::random::Random;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The program, built into `directory`.
fn program(directory: &Path) -> PathBuf {
    let sources = ["log.c", "guide.c", "host.c"].map(|name| c::firmware().join(name));
    let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
    // It remembers as much as the desktop does.
    let room = ["-DHISTORY=4096", "-DFINDINGS_MAX=4096"];
    c::program(Path::new(env!("CARGO_TARGET_TMPDIR")), &sources, directory, &room)
}

/// What the program has to print for the log that `survey` is about.
fn expected(survey: &Value) -> String {
    let mut text = String::new();
    for name in
        ["profile", "bytes", "entries", "first_checksum", "last_checksum", "first_op", "last_op", "sound"]
    {
        match &survey[name] {
            Value::Null => {}
            Value::String(value) => writeln!(text, "{name} {value}").unwrap(),
            value => writeln!(text, "{name} {value}").unwrap(),
        }
    }
    for finding in survey["findings"].as_array().unwrap() {
        let kind = finding["kind"].as_str().unwrap();
        if kind == "time-back" {
            continue; // the C interface does not compare times
        }
        let what = if matches!(kind, "backtrack" | "gap" | "fork") { "chain" } else { "damage" };
        writeln!(text, "{what} {kind} {}", finding["offset"]).unwrap();
    }
    text
}

/// Has the program and the command read the log at `path`.
#[track_caller]
fn agree(program: &Path, path: &Path, what: &str) {
    let output = c::run(program, &[Path::new("read"), path]);
    let survey = survey(path);
    let mut printed = c::text(&output);
    if survey["profile"].is_null() {
        // Without a magic the program names the first profile that there is.
        printed = printed.lines().skip(1).fold(String::new(), |text, line| text + line + "\n");
    }
    assert!(output.status.success(), "{what}: {}\n{printed}", output.status);
    assert_eq!(printed, expected(&survey), "{what}");
}

#[test]
fn c_and_the_command_agree_on_recorded_logs() {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let single = ["single/small-bodies.aof", "single/large-bodies.aof", "expiry.aof"].map(data);
    for path in single.into_iter().chain([0, 1, 2].map(replica)) {
        agree(&program, &path, &path.display().to_string());
    }
}

#[test]
fn c_and_the_command_agree_on_damaged_logs() {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let recorded = fs::read(data("single/small-bodies.aof")).unwrap();
    let sizes = [0, 1, 15, 300, 64, 2000, 0, 40, 512, 7];
    let logs = [
        recorded,
        chain(TigerBeetle::default(), &sizes).bytes,
        chain(Crc, &sizes).bytes,
        Builder::new(Crc).chain(&sizes).repeat(2..5).gap(3).entry(b"behind").fork(4).build().bytes,
        // An entry that was begun and not finished, and a writer that went on: no torn tail.
        Builder::new(Crc).chain(&sizes).torn(&[7; 9000], 600).entry(b"one").entry(b"two").build().bytes,
    ];
    for (number, log) in logs.iter().enumerate() {
        let path = file(&directory, "harmless.aof", log);
        agree(&program, &path, &format!("log {number}"));
    }
    let mut compared = 0;
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let mut log = logs[random.below(logs.len())].clone();
        let harms: Vec<Harm> = (0..=random.below(3)).map(|_| Harm::random(&mut random, log.len())).collect();
        harms.iter().for_each(|harm| harm.apply(&mut log));
        let path = file(&directory, "damaged.aof", &log);
        // A device's free space is the desktop's own: a reader on a device is told where its log ends.
        if survey(&path)["zeros"] == 0 {
            agree(&program, &path, &format!("seed {seed}: {harms:?}"));
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn c_appends_behind_a_torn_tail_what_the_command_takes() {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let recorded = fs::read(data("single/small-bodies.aof")).unwrap();
    for (name, profile, log, kept) in [
        ("whole", "tigerbeetle", recorded.clone(), 300),
        ("torn", "tigerbeetle", recorded[..recorded.len() - 9].to_vec(), 299),
        ("torn-in-its-magic", "tigerbeetle", recorded[..recorded.len() - 520].to_vec(), 299),
        ("empty", "crc", Vec::new(), 0),
        ("crc", "crc", chain(Crc, &[10, 20]).bytes, 2),
    ] {
        let path = file(&directory, name, &log);
        let output = c::run(&program, &["append", path.to_str().unwrap(), profile, "20"]);
        assert!(output.status.success(), "{name}: {}", c::text(&output));
        let survey = survey(&path);
        assert_eq!(c::text(&output), expected(&survey), "{name}");
        assert_eq!((&survey["entries"], &survey["sound"]), (&Value::from(kept + 20), &true.into()), "{name}");
        assert_eq!(survey["last_op"], kept + 20, "{name}");
        // The program's times are the ops.
        let mut findings = survey["findings"].as_array().unwrap().iter();
        assert!(findings.all(|finding| finding["kind"] == "time-back"), "{name}: {survey}");
    }
}

#[test]
fn c_refuses_to_append_where_the_middle_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let mut log = fs::read(data("single/small-bodies.aof")).unwrap();
    log[100_000] ^= 1;
    let path = file(&directory, "middle.aof", &log);
    let output = c::run(&program, &["append", path.to_str().unwrap(), "tigerbeetle", "1"]);
    let finding = &survey(&path)["findings"][0];
    let told = format!("byte {} (op {}): body-checksum: damage", finding["offset"], finding["op"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(c::text(&output).starts_with(&told), "{told}\n{}", c::text(&output));
    assert_eq!(fs::read(&path).unwrap(), log, "nothing was changed");
}

#[test]
fn code_of_the_c_guide_logs() {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let path = file(&directory, "guide.aof", b"");
    for entries in 1..=3 {
        let output = c::run(&program, &[Path::new("guide"), &path]);
        assert!(output.status.success(), "{}", c::text(&output));
        let survey = survey(&path);
        assert_eq!((&survey["entries"], &survey["sound"]), (&Value::from(entries), &true.into()));
    }
}
