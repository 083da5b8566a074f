//! The output appears whole or not at all: where it may be, full disks, signals.

use super::{assert_nothing_in, chain, merge};
use crate::util::{WHOLE_SHA256, command, data, file, replica, sha256};
use aof_nostd::{Header, TigerBeetle};
use std::fs;
use std::path::Path;

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
fn output_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let ran = merge(&[], &directory.path().join("no/such/directory"), &[&replica(1)]).code(1);
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    // A directory, there or not, with --force or without: it was "exists: ... replace it by --force".
    for (flags, output) in
        [(&["--force"][..], directory.path().into()), (&[], directory.path().join("logs/"))]
    {
        let ran = merge(flags, &output, &[&replica(1)]).code(2);
        assert!(ran.stderr.contains("is a directory: give the name of a file in it"), "{}", ran.stderr);
    }
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
