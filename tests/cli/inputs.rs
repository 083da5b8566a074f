//! Folders instead of files, and patterns: which logs a command line names.

use crate::util::{Ran, WHOLE_SHA256, aof, command, data, file, replica, sha256};
use aof_nostd::{Backend, Entries};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A replica's log in so many pieces, as rotation leaves them, with names that are in no useful order.
pub(crate) fn rotate(folder: &Path, number: u8, pieces: usize) {
    let bytes = fs::read(replica(number)).unwrap();
    let ends = Entries::detect(&bytes, Backend::default()).map(|located| {
        let located = located.unwrap();
        usize::try_from(located.offset + located.entry.header.size_disk()).unwrap()
    });
    let ends: Vec<usize> = ends.collect();
    let mut begin = 0;
    for piece in 0..pieces {
        let end = if piece + 1 == pieces { bytes.len() } else { ends[ends.len() * (piece + 1) / pieces - 1] };
        let name = format!("r{number}.aof.{}", (piece * 7919) % 10_007);
        fs::write(folder.join(name), &bytes[begin..end]).unwrap();
        begin = end;
    }
}

#[test]
fn folder_stands_for_the_logs_in_it_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        rotate(folder.path(), number, 10);
    }
    // None of these is an input.
    for name in ["README.md", ".r0.aof.aof-x1y2z3", "r0.aof.torn-at-512", "r0.aof.progress"] {
        file(&folder, name, b"no log at all");
    }
    fs::create_dir(folder.path().join("older.aof")).unwrap();
    let output = folder.path().join("whole.aof");
    let merge = |flags: &[&str]| {
        aof(["merge", "--json"].iter().chain(flags).map(Path::new).chain([
            Path::new("-o"),
            &output,
            folder.path(),
        ]))
    };
    let ran = merge(&[]).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);
    let inputs = ran.json()[0]["inputs"].as_array().unwrap().clone();
    assert_eq!(inputs.len(), 30);
    assert!(inputs.iter().all(|input| input["damage"].as_array().unwrap().is_empty()));
    let told = format!(
        "aof: {0}: left out, since they are not named as logs, are no regular files, or are the output: .r0.aof.aof-x1y2z3, README.md, r0.aof.progress, r0.aof.torn-at-512\n\
         aof: {0}: folders in it are not looked into: older.aof\n",
        folder.path().display()
    );
    assert_eq!(ran.stderr, told);
    // The output is there by now, and no input.
    let ran = merge(&["--force"]).code(0);
    assert_eq!(ran.json()[0]["inputs"].as_array().unwrap().len(), 30);
    assert_eq!(sha256(&output), WHOLE_SHA256);
}

#[test]
fn more_pieces_than_files_that_a_process_may_have_open_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        rotate(folder.path(), number, 150);
    }
    let output = folder.path().join("whole.aof");
    let mut limited = Command::new("bash");
    limited.args([
        "-c",
        "ulimit -n 140; exec \"$@\"",
        "bash",
        env!("CARGO_BIN_EXE_aof"),
        "merge",
        "--json",
        "-o",
    ]);
    let ran = Ran::of(limited.arg(&output).arg(folder.path())).code(0);
    assert_eq!(ran.json()[0]["inputs"].as_array().unwrap().len(), 450);
    assert_eq!(sha256(&output), WHOLE_SHA256);
    let taken = ran.json()[0]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["taken"].as_u64().unwrap())
        .sum::<u64>();
    assert_eq!(taken, 3221);
}

#[test]
fn folders_are_read_by_all_commands_that_take_several_logs() {
    let folder = tempfile::tempdir().unwrap();
    rotate(folder.path(), 1, 3);
    let folder = folder.path().to_str().unwrap();
    for words in [
        "verify --json",
        "inspect --json",
        "export --what entries --format jsonl --output -",
        "recover --cluster 0 --dry-run --json",
    ] {
        let ran = Ran::of(command().args(words.split(' ')).arg(folder)).code(0);
        assert!(ran.stdout.contains("3221"), "{words}: {}", ran.stdout);
    }
    assert_eq!(aof(["verify", "--json", folder]).json().len(), 3);
}

#[test]
fn folder_without_logs_and_a_pattern_in_quotes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let ran = aof(["verify", path]).code(2);
    assert!(
        ran.stderr.contains("cannot read")
            && ran.stderr.contains("no log is in this folder (it holds no file)"),
        "{}",
        ran.stderr
    );
    file(&folder, "notes.txt", b"no log");
    let ran = aof(["verify", path]).code(2);
    assert!(ran.stderr.contains("(left out: notes.txt)"), "{}", ran.stderr);
    let ran = aof(["verify", &format!("{path}/*.aof")]).code(2);
    assert!(ran.stderr.contains("a pattern is for the shell to expand"), "{}", ran.stderr);
    // Whoever names a file so can read it.
    let odd = file(&folder, "r[0]*.aof", &fs::read(replica(1)).unwrap());
    aof([Path::new("verify"), &odd]).code(0);
}

/// A log on a disk that is not mounted: it was left out, as a file that is not named as a log, with exit code 0.
#[cfg(unix)]
#[test]
fn link_to_nowhere_that_is_named_as_a_log_is_an_input_that_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(data("single/small-bodies.aof"), directory.path().join("r0.aof")).unwrap();
    std::os::unix::fs::symlink("/nowhere/r1.aof", directory.path().join("r1.aof")).unwrap();
    let ran = aof([std::ffi::OsStr::new("verify"), directory.path().as_os_str()]).code(2);
    assert!(ran.stderr.contains("r1.aof"), "{}", ran.stderr);
}
