//! `aof generate`: what was put in is what the other commands find.

use crate::util::{Ran, aof, sha256};
use aof_cli::generate::{args::ContentArgs, log};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// `aof generate --json` into `output`, with options as they are typed.
fn generate(output: &Path, options: &str) -> Ran {
    let arguments = ["generate", "--json", "--output", output.to_str().unwrap()];
    aof(arguments.into_iter().chain(options.split_whitespace()))
}

/// The object that it prints.
fn made(output: &Path, options: &str) -> Value {
    generate(output, options).code(0).json().pop().unwrap()
}

/// The files, in order.
fn files(made: &Value) -> Vec<PathBuf> {
    made["files"].as_array().unwrap().iter().map(|file| file["file"].as_str().unwrap().into()).collect()
}

/// Findings without their words.
fn facts(findings: &Value) -> Vec<Value> {
    let mut findings = findings.as_array().unwrap().clone();
    for finding in &mut findings {
        finding.as_object_mut().unwrap().remove("detail");
    }
    findings
}

/// Verifies the files, and compares with what was told of each.
fn expect_told(made: &Value, options: &str) -> Vec<Value> {
    let arguments = ["verify".into(), "--json".into()].into_iter().chain(files(made));
    let surveys = aof(arguments).json();
    for (told, found) in made["files"].as_array().unwrap().iter().zip(&surveys) {
        let name = &told["file"];
        assert_eq!(facts(&found["findings"]), facts(&told["findings"]), "{name} of {options}");
        for key in ["bytes", "entries"] {
            assert_eq!(found[key], told[key], "{key} of {name} of {options}");
        }
    }
    surveys
}

/// Ways to make logs, all of them with faults of every kind.
const CONTENTS: [&str; 7] = [
    "--entries 2000 --body 0",
    "--entries 2000 --body 256",
    "--entries 2000 --body 1..700",
    "--entries 2000 --profile crc --body 0:5,240:5,8KiB:1",
    "--entries 2000 --events 1..20 --operations create_transfers:6,lookup_accounts:2,create_accounts,pulse",
    "--entries 2000 --clients 3 --accounts 20000 --view-changes 5 --cluster 77",
    "--entries 300 --body 60KiB..200KiB",
];

/// The same where an output of before may be.
fn made_anew(out: &Path, options: &str) -> Value {
    if out.is_dir() {
        fs::remove_dir_all(out).unwrap();
    }
    made(out, options)
}

#[test]
fn verify_finds_what_was_told_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut kinds = std::collections::BTreeMap::<String, u32>::new();
    for content in CONTENTS {
        for (seed, faults) in [
            (1, "--damage 20 --backtracks 3 --gaps 3 --forks 2 --torn-tail"),
            (2, "--replicas 3 --damage 8 --backtracks 1 --gaps 1 --torn-tail"),
            (3, "--replicas 2 --pieces 3 --damage 9 --lost-ranges 2 --torn-tail"),
            (4, ""),
        ] {
            let options = format!("{content} {faults} --seed {seed} --force");
            let output = directory.path().join(format!("{seed}"));
            let made = made_anew(&output, &options);
            for survey in expect_told(&made, &options) {
                for finding in survey["findings"].as_array().unwrap() {
                    *kinds.entry(finding["kind"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    }
    let expected = ["backtrack", "body-checksum", "fork", "gap", "header-checksum", "magic", "torn-tail"];
    assert!(kinds.keys().eq(expected), "{kinds:?}");
    assert!(kinds.values().all(|&times| times >= 10), "{kinds:?}");
}

#[test]
fn shuffled_logs_are_told_too() {
    let directory = tempfile::tempdir().unwrap();
    for faults in ["", "--replicas 2 --damage 20 --backtracks 10 --torn-tail", "--replicas 2 --pieces 4"] {
        let options = format!("--entries 30000 --body 0..64 --shuffle {faults} --force");
        let made = made(&directory.path().join(format!("out{}", faults.len())), &options);
        let surveys = expect_told(&made, &options);
        let backtracks = facts(&surveys[0]["findings"]);
        assert!(backtracks.iter().any(|finding| finding["kind"] == "backtrack"), "{options}");
        assert_eq!(made["whole"], true, "{options}");
    }
}

#[test]
fn merged_the_replicas_logs_are_the_log_without_faults() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for content in CONTENTS {
        for (seed, faults) in
            [(5, "--damage 8 --backtracks 2 --gaps 2 --torn-tail"), (6, "--pieces 4 --damage 2 --gaps 4")]
        {
            let content = format!("{content} --replicas 3 --seed {seed} --force");
            let without = made_anew(&path("without"), &content);
            let with = made_anew(&path("with"), &format!("{content} {faults}"));
            assert_eq!((&with["whole"], &with["lost_ops"]), (&true.into(), &Value::Array(vec![])));
            let out = path("merged.aof");
            let merge = ["merge".into(), "--force".into(), "--output".into(), out.clone()];
            aof(merge.into_iter().chain(files(&with))).code(0);
            let clean = &files(&without)[0];
            assert!(fs::read(&out).unwrap() == fs::read(clean).unwrap(), "{content} {faults}");
            assert_eq!(fs::read(clean).unwrap(), fs::read(&files(&without)[2]).unwrap());
        }
    }
}

#[test]
fn what_no_log_has_is_told_and_found_by_inspect_and_merge() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("lost");
    let made_lost = made(&out, "--replicas 3 --entries 3000 --lost-ranges 3 --damage 2 --gaps 2");
    assert_eq!(made_lost["whole"], false);
    assert_eq!(made_lost["lost_ops"].as_array().unwrap().len(), 3);
    let inspect = |made: &Value| {
        let arguments = ["inspect".into(), "--json".into()].into_iter().chain(files(made));
        aof(arguments).json().pop().unwrap()
    };
    assert_eq!(inspect(&made_lost)["union"]["missing_ops"], made_lost["lost_ops"]);
    let merge = |made: &Value| {
        let merge = ["merge".into(), "--output".into(), directory.path().join("merged.aof")];
        aof(merge.into_iter().chain(files(made))).code(1).stderr
    };
    let range = &made_lost["lost_ops"][0];
    let (first, last) = (range[0].as_u64().unwrap(), range[1].as_u64().unwrap());
    let told =
        if first == last { format!("op {first} is missing") } else { format!("{first}-{last} are missing") };
    let stderr = merge(&made_lost);
    assert!(stderr.contains(&told), "{told}: {stderr}");

    let forked = made(&directory.path().join("forked"), "--replicas 2 --entries 3000 --forks 1");
    assert_eq!((&forked["whole"], forked["forked_ops"].as_array().unwrap().len()), (&false.into(), 1));
    let stderr = merge(&forked);
    assert!(
        stderr.contains(&format!("op {}", forked["forked_ops"][0])) && stderr.contains("fork"),
        "{stderr}"
    );

    let alone = made(&directory.path().join("alone.aof"), "--entries 900 --gaps 2 --damage 3 --seed 4");
    assert_eq!(inspect(&alone)["union"]["missing_ops"], alone["lost_ops"]);
}

/// On every machine, and in every release: whoever has measured with a log can make it again.
#[test]
fn same_options_give_the_same_bytes_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    for (options, digest) in [
        ("--entries 500", "c17c78063410350c502d11f996892b0630cf442af3643f729a03dd545e9c9d09"),
        (
            "--entries 500 --profile crc --body 0..300:3,4KiB --seed 9",
            "511b8edcc725a417d9e94f6a338c7544230710e926dacf341b1a1c0fd71afaa3",
        ),
        (
            "--entries 500 --events 0..9 --operations create_transfers,lookup_transfers,create_accounts_unbatched,noop --clients 4 --view-changes 3 --rate 7 --start @1",
            "ec0f87a74e764088d9795eaeae7190584f18b24643b451aa3820a99fdfdeeac3",
        ),
        (
            "--entries 500 --damage 20 --backtracks 4 --gaps 4 --forks 1 --torn-tail",
            "65a70d7a2b59dd577cde35075c88a3e10952e73249e1a4c9dc72e203d40876f0",
        ),
    ] {
        let out = directory.path().join("out.aof");
        made(&out, &format!("{options} --force"));
        assert_eq!(sha256(&out), digest, "{options}");
    }
}

#[test]
fn another_seed_gives_another_log_and_the_library_gives_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (name, options) in [("a", ""), ("b", "--seed 1")] {
        made(&path(name), &format!("--entries 2000 {options}"));
    }
    let (a, b) = (fs::read(path("a")).unwrap(), fs::read(path("b")).unwrap());
    assert!(a.len() == b.len() && a != b);
    let args = ContentArgs { entries: 2000, seed: 1, ..ContentArgs::default() };
    assert!(log(&args).unwrap() == b);
}

#[test]
fn bodies_are_exported_row_by_row() {
    let directory = tempfile::tempdir().unwrap();
    let (log, rows) = (directory.path().join("log.aof"), directory.path().join("rows.csv"));
    made(&log, "--entries 302 --events 7 --accounts 50 --clients 1");
    let export = |operation: &str| {
        let arguments = ["export", "--force", "--format", "csv", "--operation", operation, "--output"];
        aof(arguments.iter().map(AsRef::as_ref).chain([rows.as_os_str(), log.as_os_str()])).code(0);
        fs::read_to_string(&rows).unwrap().lines().count() - 1
    };
    // One client registers, one entry creates all accounts.
    assert_eq!((export("create_accounts"), export("create_transfers")), (50, 300 * 7));
    let ran = aof(["recover", "--cluster", "0", "--dry-run", log.to_str().unwrap()]).code(0);
    assert!(ran.stdout.contains("events               2150"), "{}", ran.stdout);
}

#[test]
fn outputs_that_exist_are_replaced_only_on_demand_and_never_with_what_is_somebodys() {
    let directory = tempfile::tempdir().unwrap();
    let (file, logs) = (directory.path().join("log.aof"), directory.path().join("logs"));
    made(&file, "--entries 9");
    let before = fs::read(&file).unwrap();
    let stderr = generate(&file, "--entries 8").code(2).stderr;
    assert!(stderr.contains("exists: choose another output, or replace it by --force"), "{stderr}");
    assert_eq!(fs::read(&file).unwrap(), before);
    made(&file, "--entries 8 --force");
    assert!(fs::read(&file).unwrap().len() < before.len());

    made(&logs, "--entries 90 --replicas 2 --pieces 2");
    let names = |directory: &Path| {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&logs), ["r0-00.aof", "r0-01.aof", "r1-00.aof", "r1-01.aof"]);
    // Real logs have the same names: they were replaced, and one of them removed.
    let stderr = generate(&logs, "--entries 90 --replicas 2 --force").code(2).stderr;
    assert!(stderr.contains("holds more than what may be replaced"), "{stderr}");
    assert!(stderr.contains("choose another directory"), "{stderr}");
    generate(&logs, "--entries 90 --replicas 2").code(2);
    assert_eq!(names(&logs), ["r0-00.aof", "r0-01.aof", "r1-00.aof", "r1-01.aof"]);
    // An empty one holds nothing of anybody.
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    made(&logs, "--entries 90 --replicas 2");
    assert_eq!(names(&logs), ["r0.aof", "r1.aof"]);
    assert_eq!(names(directory.path()), ["log.aof", "logs"], "nothing half-done is left");
}

#[test]
fn options_that_do_not_go_together_are_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    for (options, told) in [
        (
            "--entries 100 --body 0 --damage 20",
            "--entries 100 is too few for 20 faults, each with room of its own: 160 at least",
        ),
        ("--entries 100 --damage 20", "162 at least, after the 2 that register clients and create accounts"),
        (
            "--entries 5 --body 0 --damage 1",
            "--entries 5 is too few for 1 fault, each with room of its own: 8 at",
        ),
        // "for 0 faults".
        (
            "--entries 1 --body 0 --torn-tail",
            "--entries 1 is too few for a torn tail behind an entry: 2 at least",
        ),
        ("--entries 4000 --body 0 --shuffle", "4096 at least"),
        ("--entries 5 --body 0 --pieces 9", "too few for 9 pieces"),
        ("--body 1MiB", "a body has at most 1048320 bytes"),
        ("--events 9000", "room for at most 8189"),
        ("--entries 3 --accounts 100000", "takes 13 entries before the first transfer"),
        ("--events 1 --operations register", "with --body bodies are random bytes"),
        ("--events 2000 --rate 1000000", "there are 1000 between two entries"),
    ] {
        let stderr = generate(&directory.path().join("out"), options).code(2).stderr;
        assert!(stderr.contains(told), "{options}: {stderr}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn shortest_log_with_a_torn_tail_is_found_as_it_was_told() {
    let directory = tempfile::tempdir().unwrap();
    for options in
        ["--body 0", "--body 0 --replicas 2", "--body 0 --pieces 2 --replicas 3", "--body 9 --profile crc"]
    {
        let options = format!("--entries 2 --torn-tail {options}");
        let made = made_anew(&directory.path().join(options.replace(' ', "")), &options);
        expect_told(&made, &options);
    }
}

/// "exists: choose another output, or replace it by --force", which is refused just so; "invalid input parameter".
#[test]
fn directories_are_no_logs_and_need_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let here = |options: &str| {
        let mut command = crate::util::command();
        let words = ["generate", "--entries", "9", "--output"].into_iter().chain(options.split(' '));
        Ran::of(command.args(words).current_dir(directory.path())).code(2).stderr
    };
    for options in [".", ". --force", "trail/"] {
        let stderr = here(options);
        assert!(stderr.contains("is a directory: give the name of a file in it"), "{options}: {stderr}");
    }
    for options in [". --replicas 2", ".. --replicas 2 --force"] {
        let stderr = here(options);
        assert!(stderr.contains("give the name of a new one, such as ."), "{options}: {stderr}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    fs::create_dir(directory.path().join("full")).unwrap();
    fs::write(directory.path().join("full/mine"), "").unwrap();
    let stderr = here("full --replicas 2");
    assert!(stderr.contains("move away full/mine, or choose another directory"), "{stderr}");
    for options in ["full/mine --replicas 2", "full/mine --replicas 2 --force"] {
        let stderr = here(options);
        assert!(stderr.contains("has to be a directory, and full/mine is none: choose another"), "{stderr}");
    }
    made(&directory.path().join("trail/"), "--entries 9 --replicas 2");
}

#[test]
fn people_get_each_fault_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("log.aof");
    let options = ["--entries", "500", "--body", "256", "--damage", "2", "--backtracks", "1", "--torn-tail"];
    let arguments = ["generate".as_ref(), "--output".as_ref(), out.as_os_str()];
    let ran = aof(arguments.into_iter().chain(options.iter().map(AsRef::as_ref))).code(0);
    let lines = |text: &str| -> Vec<String> {
        let place = |line: &str| line.split(": ").take(2).collect::<Vec<_>>().join(": ");
        text.lines().filter(|line| line.starts_with("  byte ")).map(place).collect()
    };
    let verified = aof(["verify".as_ref(), out.as_os_str()]).code(1);
    assert_eq!(lines(&ran.stdout), lines(&verified.stdout));
    assert!(lines(&ran.stdout).len() > 4, "{}", ran.stdout);
    assert!(ran.stdout.contains("missing ops"), "{}", ran.stdout);
}
