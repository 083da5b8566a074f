//! What any command-line tool owes its user: help, exit codes, pipes, files that cannot be read.

use crate::util::{aof, command, data, file};
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn help_has_an_example_for_every_command() {
    aof(["--help"]).code(0);
    for command in ["verify", "debug", "merge", "completions"] {
        let ran = aof([command, "--help"]).code(0);
        assert!(ran.stdout.contains("Example"), "{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("  aof {command} ")), "{}", ran.stdout);
    }
    assert!(aof(["--version"]).code(0).stdout.starts_with("aof "));
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["verify"],
        &["verify", "--frobnicate", "file"],
        &["debug"],
        &["debug", "one", "two"],
        &["merge", "in"],
        &["merge", "--output"],
        &["merge", "--output", "out", "--root", "xyz", "in"],
        &["verify", "--message-size-max", "255", "file"],
        &["completions", "tcsh"],
    ] {
        let ran = aof(arguments).code(2);
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn completions_are_made_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(aof(["completions", shell]).code(0).stdout.contains("merge"), "{shell}");
    }
}

#[test]
fn input_that_cannot_be_read_is_2_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.aof");
    for arguments in [
        vec!["verify".into(), missing.clone()],
        vec!["debug".into(), missing.clone()],
        vec!["merge".into(), "-o".into(), directory.path().join("out"), missing.clone()],
        vec!["verify".into(), directory.path().to_path_buf()],
        vec!["debug".into(), directory.path().to_path_buf()],
        vec!["verify".into(), "/dev/null".into()],
    ] {
        let ran = aof(&arguments).code(2);
        let named = arguments.last().unwrap().to_string_lossy().into_owned();
        assert!(ran.stderr.contains(&named), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("aof: cannot read"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("os error"), "{}", ran.stderr);
    }
}

#[test]
fn pipe_that_is_closed_ends_the_command_quietly() {
    let mut child = command()
        .args(["debug".as_ref(), "--all".as_ref(), data("cluster/r0.aof").as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn full_standard_output_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else {
        eprintln!("NOT RUN: there is no /dev/full here");
        return;
    };
    let mut debug = command();
    debug.args(["debug".as_ref(), data("cluster/r0.aof").as_os_str()]);
    let output = debug.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot write to standard output"), "{stderr}");
}

#[test]
fn nothing_is_drawn_where_nobody_looks() {
    // Large enough for a progress bar, which belongs on a terminal only.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.aof");
    let large = std::fs::read(data("single/large-bodies.aof")).unwrap();
    let mut target = std::fs::File::create(&path).unwrap();
    for _ in 0..30 {
        target.write_all(&large).unwrap();
    }
    let ran = aof(["verify".as_ref(), path.as_os_str()]).code(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn odd_file_names_are_files() {
    let directory = tempfile::tempdir().unwrap();
    let small = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let path = file(&directory, "a b\"c\\d\u{1f600}.aof", &small);
    let ran = aof(["verify".as_ref(), "--json".as_ref(), path.as_os_str()]).code(0);
    assert_eq!(ran.json()[0]["file"], path.to_str().unwrap());
}

#[test]
fn verdict_stays_where_nobody_reads_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let torn = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let torn = file(&directory, "torn.aof", &torn[..1000]);
    let output = directory.path().join("out");
    let (verify, merge) = (
        vec!["verify".into(), torn.clone()],
        vec!["merge".into(), "--output".into(), output, data("cluster/r2.aof")],
    );
    for arguments in [verify, merge] {
        let mut child =
            command().args(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn device_is_not_replaced_by_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let input = data("cluster/r1.aof");
    let ran = aof(["merge".as_ref(), "--force".as_ref(), "-o".as_ref(), pipe.as_os_str(), input.as_os_str()]);
    assert!(ran.code(2).stderr.contains("is no file"));
    assert!(!pipe.metadata().unwrap().is_file());
}
