//! Outputs appear whole or not at all.

use super::{every_form, export};
use crate::util::{command, data, replica};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_output_that_exists_is_refused_and_replaced_by_force() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    fs::write(&out, "mine").unwrap();
    let arguments = ["--format", "csv", "--output", text(&out)];
    let ran = export(&arguments, &[replica(1)]).code(2);
    assert!(ran.stderr.contains("exists: choose another output, or replace it by --force"), "{}", ran.stderr);
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    export(&[&arguments[..], &["--force"]].concat(), &[replica(1)]).code(0);
    assert!(fs::read_to_string(&out).unwrap().starts_with("op,prepare_timestamp,"));
    assert_eq!(names(directory.path()), ["out.csv"]);
}

#[test]
fn an_output_that_is_the_input_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.aof");
    fs::copy(replica(2), &log).unwrap();
    let ran = export(&["--format", "csv", "--force", "--output", text(&log)], &[&log]).code(2);
    assert!(ran.stderr.contains("choose another"), "{}", ran.stderr);
    assert_eq!(fs::read(&log).unwrap(), fs::read(replica(2)).unwrap());
}

#[test]
fn parquet_does_not_go_to_standard_output() {
    let ran = export(&["--format", "parquet", "--output", "-"], &[replica(1)]).code(2);
    assert!(ran.stderr.contains("cannot be written to standard output"), "{}", ran.stderr);
    let ran = export(&["--format", "csv", "--output", "-", "--rows-per-file", "9"], &[replica(1)]).code(2);
    assert!(ran.stderr.contains("choose one"), "{}", ran.stderr);
}

#[test]
fn files_of_a_directory_are_named_by_their_ops_and_hold_all_rows_once() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("parts");
    let arguments = ["--format", "csv", "--rows-per-file", "700", "--output", text(&out)];
    let ran = export(&arguments, &[replica(1)]).code(0);
    let files = names(&out);
    assert!(files.len() > 3 && ran.stdout.contains(&format!("{} files", files.len())), "{}", ran.stdout);
    let mut rows = 0;
    let mut before = 0;
    for name in &files {
        let stem = name.strip_prefix("ops-").and_then(|name| name.strip_suffix(".csv")).unwrap();
        let (first, last) = stem.split_once('-').unwrap();
        let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
        assert!(before < first && first <= last, "{name}");
        before = last;
        let text = fs::read_to_string(out.join(name)).unwrap();
        let ops: Vec<u64> =
            text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!((ops.iter().min(), ops.iter().max()), (Some(&first), Some(&last)));
        assert!(ops.len() >= 700 || Some(name) == files.last());
        rows += ops.len();
    }
    assert_eq!(rows, 4080);
    assert_eq!(names(directory.path()), ["parts"], "nothing is left beside it");
}

#[test]
fn a_directory_is_replaced_by_force_only_if_it_is_an_earlier_export() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("parts");
    let arguments = ["--format", "jsonl", "--rows-per-file", "1000", "--output", text(&out)];
    export(&arguments, &[replica(1)]).code(0);
    let before = names(&out);
    export(&arguments, &[replica(1)]).code(2);
    let forced = [&arguments[..], &["--force", "--until-op", "50"]].concat();
    export(&forced, &[replica(1)]).code(0);
    assert_ne!(names(&out), before);
    fs::write(out.join("thesis.tex"), "years of work").unwrap();
    let ran = export(&forced, &[replica(1)]).code(2);
    assert!(ran.stderr.contains("holds more than an earlier export"), "{}", ran.stderr);
    assert!(out.join("thesis.tex").exists());
    // What has the name of an earlier export and is none.
    fs::rename(out.join("thesis.tex"), directory.path().join("thesis.tex")).unwrap();
    fs::create_dir(out.join("ops-x.csv")).unwrap();
    let ran = export(&forced, &[replica(1)]).code(2);
    assert!(ran.stderr.contains("move away") && ran.stderr.contains("ops-x.csv"), "{}", ran.stderr);
}

/// A file that may not grow beyond a limit is a disk that is full.
#[test]
fn a_disk_that_is_full_leaves_nothing() {
    let (directory, path) = every_form();
    let log = text(&path);
    let aof = env!("CARGO_BIN_EXE_aof");
    let outputs: [(&str, PathBuf); 3] = [
        ("--format csv", directory.path().join("out.csv")),
        ("--format parquet", directory.path().join("out.parquet")),
        ("--format csv --rows-per-file 5", directory.path().join("parts")),
    ];
    for (arguments, out) in outputs {
        let script =
            format!("ulimit -f 1; exec '{aof}' export {arguments} --output '{}' '{log}' '{log}'", text(&out));
        let output = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {told}");
        assert!(told.contains("cannot write") && told.contains("nothing was left there"), "{told}");
        assert_eq!(names(directory.path()), ["every-form.aof"], "{arguments}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut command = command();
    command.args(["export", "--format", "jsonl", "--output", "-"]).arg(replica(1));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_log_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let ran = export(&["--format", "csv", "--output", text(&out)], &[directory.path().join("none")]).code(2);
    assert!(ran.stderr.contains("cannot read"), "{}", ran.stderr);
    assert!(names(directory.path()).is_empty());
}

/// A log that others may not read gave rows that they could.
#[cfg(unix)]
#[test]
fn outputs_are_as_private_as_the_strictest_input_or_as_what_they_replace() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let [log, open] = ["log.aof", "open.aof"].map(|name| directory.path().join(name));
    fs::copy(replica(1), &log).unwrap();
    fs::copy(replica(1), &open).unwrap();
    chmod(&open, 0o644);
    for (input, file, parts) in [(0o600, 0o600, 0o700), (0o640, 0o640, 0o750), (0o400, 0o600, 0o700)] {
        chmod(&log, input);
        let (out, many) = (directory.path().join("out.csv"), directory.path().join("parts"));
        for inputs in [&[&log][..], &[&open, &log]] {
            export(&["--format", "csv", "--output", text(&out)], inputs).code(0);
            export(&["--format", "csv", "--output", text(&many), "--rows-per-file", "3000"], inputs).code(0);
            assert_eq!((mode(&out), mode(&many)), (file, parts), "{input:o}");
            for name in names(&many) {
                assert_eq!(mode(&many.join(name)), file, "{input:o}");
            }
            fs::remove_file(&out).unwrap();
            fs::remove_dir_all(&many).unwrap();
        }
    }
    // What is replaced keeps its mode.
    let (out, many) = (directory.path().join("out.csv"), directory.path().join("parts"));
    fs::write(&out, "").unwrap();
    fs::create_dir(&many).unwrap();
    chmod(&out, 0o604);
    chmod(&many, 0o710);
    export(&["--format", "csv", "--force", "--output", text(&out)], &[&open]).code(0);
    let arguments = ["--format", "csv", "--force", "--rows-per-file", "3000", "--output", text(&many)];
    export(&arguments, &[&open]).code(0);
    assert_eq!((mode(&out), mode(&many)), (0o604, 0o710));
}

/// A directory was taken for an earlier export by the first letters of the names in it, and removed with the log
/// that was being read.
#[test]
fn a_directory_with_other_files_or_with_the_input_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    let arguments = ["--format", "csv", "--rows-per-file", "3", "--force", "--output", out.to_str().unwrap()];
    for name in ["ops-notes.csv", "ops-1-2.csv", "ops-team.parquet", "ops-none.csv.txt"] {
        fs::write(out.join(name), "the only copy").unwrap();
        let ran = export(&arguments, &[&data("single/small-bodies.aof")]).code(2);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
        fs::remove_file(out.join(name)).unwrap();
    }
    let log = out.join("ops-00000000000000000001-00000000000000000002.csv");
    fs::copy(data("single/small-bodies.aof"), &log).unwrap();
    let ran = export(&arguments, &[&log]).code(2);
    assert!(ran.stderr.contains("input") && log.exists(), "{}", ran.stderr);
}
