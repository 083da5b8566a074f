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
fn output_called_minus_is_refused_where_it_has_to_be_a_file() {
    let log = data("single/small-bodies.aof");
    let log = log.to_str().unwrap();
    for arguments in [
        &["merge", "--output", "-", log][..],
        &["convert", "--profile", "crc", "--output", "-", log],
        &["inspect", "--html", "-", log],
        &["verify", "--range", "1/1", "--part", "-", log],
    ] {
        let ran = aof(arguments).code(2);
        assert!(ran.stderr.contains("./- is a file of this name"), "{}", ran.stderr);
    }
}

/// A merge of logs that only their owner may read gave one that everybody may.
#[cfg(unix)]
#[test]
fn merge_is_as_private_as_the_most_private_of_its_inputs() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let log = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let inputs = ["a.aof", "b.aof"].map(|name| file(&directory, name, &log));
    let output = directory.path().join("whole.aof");
    for (modes, expected) in [([0o640, 0o600], 0o600), ([0o640, 0o644], 0o640)] {
        for (input, mode) in inputs.iter().zip(modes) {
            std::fs::set_permissions(input, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let words = ["merge".as_ref(), "--output".as_ref(), output.as_os_str()];
        aof(words.into_iter().chain(inputs.iter().map(|input| input.as_os_str()))).code(0);
        assert_eq!(output.metadata().unwrap().permissions().mode() & 0o777, expected);
        std::fs::remove_file(&output).unwrap();
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

/// In 40 columns the bar was `[]`, and its numbers took two lines.
#[cfg(target_os = "linux")]
#[test]
fn progress_has_one_line_on_a_narrow_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.aof");
    let large = std::fs::read(data("single/large-bodies.aof")).unwrap();
    std::fs::write(&path, large.repeat((128 << 20) / large.len())).unwrap();
    let aof = env!("CARGO_BIN_EXE_aof");
    let line = format!("stty cols 40 rows 20; '{aof}' verify '{}' >/dev/null", path.display());
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null());
    let Ok(output) = script.output() else {
        eprintln!("NOT RUN: script is missing: on Debian run `sudo ci/setup bsdutils`");
        return;
    };
    let drawn = String::from_utf8_lossy(&output.stdout);
    // What is between escapes and returns is what was drawn.
    let drawn: Vec<_> = drawn.split(['\r', '\n', '\u{1b}']).filter(|line| line.contains("verify")).collect();
    assert!(!drawn.is_empty(), "{output:?}");
    assert!(drawn.iter().all(|line| line.contains('%') && line.len() <= 44), "{drawn:?}");
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

#[test]
fn failing_standard_error_changes_no_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let (sound, output) = (data("cluster/r1.aof"), directory.path().join("out"));
    let there = file(&directory, "there", b"");
    let arguments: [(i32, Vec<std::path::PathBuf>); 5] = [
        (2, vec!["verify".into(), directory.path().join("missing.aof")]),
        (2, vec!["debug".into(), directory.path().join("missing.aof")]),
        (2, vec!["merge".into(), "-o".into(), there, sound.clone()]),
        (1, vec!["merge".into(), "-o".into(), output.clone(), data("cluster/r2.aof")]),
        (0, vec!["merge".into(), "-o".into(), output, sound]),
    ];
    for (code, arguments) in arguments {
        let full = std::fs::File::options().write(true).open("/dev/full").map(Stdio::from);
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        for stderr in [Some(closed.into()), full.ok()].into_iter().flatten() {
            let mut run = command();
            let status = run.args(&arguments).stdout(Stdio::null()).stderr(stderr).status().unwrap();
            assert_eq!(status.code(), Some(code), "{arguments:?}: {status}");
            let _ = std::fs::remove_file(directory.path().join("out"));
        }
    }
}

/// Whoever can name a file could otherwise forge lines of the report, or move the terminal's cursor.
#[test]
fn control_characters_in_names_are_shown_and_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let odd = "a\nb.aof: sound\u{1b}[2K\r\u{9b}31m\u{202e}\u{e9}";
    let shown = r"a\nb.aof: sound\u{1b}[2K\r\u{9b}31m\u{202e}\u{e9}".replace(r"\u{e9}", "\u{e9}");
    let torn = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let path = file(&directory, odd, &torn[..torn.len() - 1]);
    let other = file(&directory, "other.aof", &std::fs::read(data("cluster/r1.aof")).unwrap());
    let missing = directory.path().join(format!("{odd}.missing"));
    let output = directory.path().join(format!("{odd}.out"));
    let odd_directory = directory.path().join(format!("{odd}.none")).join("out");
    for arguments in [
        vec!["verify".into(), path.clone()],
        vec!["verify".into(), missing.clone()],
        vec!["debug".into(), missing.clone()],
        vec!["merge".into(), "-o".into(), output.clone(), path.clone()],
        vec!["merge".into(), "-o".into(), output.clone(), path.clone()], // exists now
        vec!["merge".into(), "--force".into(), "-o".into(), path.clone(), path.clone()],
        vec!["merge".into(), "-o".into(), odd_directory, path.clone()],
        vec!["merge".into(), "--force".into(), "-o".into(), output.clone(), path.clone(), other],
    ] {
        let ran = aof(&arguments);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.contains(&shown), "{arguments:?}: {text}");
        for forbidden in ["\u{1b}", "\r", "\u{9b}", "\u{202e}", "\nb.aof"] {
            assert!(!text.contains(forbidden), "{arguments:?}: {text}");
        }
    }
    let ran = aof(["verify".as_ref(), "--json".as_ref(), path.as_os_str()]).code(1);
    assert_eq!(ran.json()[0]["file"], path.to_str().unwrap(), "JSON has its own escapes");
    let merge = ["merge".as_ref(), "--force".as_ref(), "--json".as_ref(), "-o".as_ref()];
    let ran = aof(merge.into_iter().chain([output.as_os_str(), path.as_os_str()])).code(0);
    assert_eq!(ran.json()[0]["output"], output.to_str().unwrap());
    assert_eq!(ran.json()[0]["inputs"][0]["file"], path.to_str().unwrap());
}

/// At an entry's boundary the rest would look like a whole log.
#[cfg(target_os = "linux")]
#[test]
fn log_that_is_cut_short_while_it_is_read_is_no_sound_log() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let path = directory.path().join("shrinks.aof");
    let output = directory.path().join("out");
    for arguments in [
        vec!["verify".into(), path.clone()],
        vec!["debug".into(), path.clone()],
        vec!["merge".into(), "-o".into(), output.clone(), path.clone()],
    ] {
        std::fs::write(&path, &whole).unwrap();
        // A hole that takes far longer to read than this test waits, and a byte, so that it is no free space.
        let log = std::fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&log, b"x", 1 << 38).unwrap();
        let mut run = command();
        let mut run = run.args(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let io = format!("/proc/{}/io", run.id());
        let bytes_read = || {
            let io = std::fs::read_to_string(&io).unwrap();
            io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok()).unwrap()
        };
        while bytes_read() < 4 << 20 {
            assert!(run.try_wait().unwrap().is_none(), "{arguments:?}: ended before it could be disturbed");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        log.set_len(whole.len() as u64).unwrap();
        let ran = run.wait_with_output().unwrap();
        let stderr = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("shrinks.aof: became shorter while it was being read"), "{stderr}");
        assert!(!output.exists());
    }
}
