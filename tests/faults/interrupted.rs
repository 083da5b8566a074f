//! SIGINT and SIGTERM in the middle of a merge or an export: no output, no temporary file, exit code 130, and
//! the inputs untouched. A signal that comes too late finds the whole output.

use crate::command::{AOF, data, files, merge};
use crate::environment::{seed, tell};
use aof_tests::random::Random;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Copies of the replicas' logs that are merged, so that a merge takes long enough to be hit.
const COPIES: usize = 6;

/// Signals that are sent.
const SIGNALS: usize = 80;

/// The inputs, and a directory for the outputs, in one that is gone after the test.
struct Place {
    inputs: Vec<PathBuf>,
    input: PathBuf,
    out: PathBuf,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (input, out) = (directory.path().join("in"), directory.path().join("out"));
        std::fs::create_dir(&input).unwrap();
        std::fs::create_dir(&out).unwrap();
        let mut inputs = Vec::new();
        for copy in 0..COPIES {
            for replica in 0..3 {
                let path = input.join(format!("r{replica}-{copy}.aof"));
                std::fs::copy(data(&format!("cluster/r{replica}.aof")), &path).unwrap();
                inputs.push(path);
            }
        }
        Self { inputs, input, out, _directory: directory }
    }
}

#[test]
fn interrupted_merge_leaves_nothing_and_says_so() {
    let place = Place::new();
    let inputs: Vec<_> = place.inputs.iter().map(PathBuf::as_path).collect();
    send_signals(&place, &merge(&[], &place.out.join("whole.aof"), &inputs));
}

#[test]
fn interrupted_export_leaves_nothing_and_says_so() {
    let place = Place::new();
    for options in [&["--format", "parquet"][..], &["--format", "csv", "--rows-per-file", "300"]] {
        let mut words: Vec<OsString> = vec!["export".into(), "--output".into(), place.out.join("out").into()];
        words.extend(options.iter().map(OsString::from));
        words.extend(place.inputs.iter().map(OsString::from));
        send_signals(&place, &words);
    }
}

/// All files below a directory, and what is in them.
fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut tree = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tree.extend(self::tree(&path));
            tree.insert(path, Vec::new());
        } else {
            tree.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    tree
}

/// Removes what a command has written.
fn clear(out: &Path) {
    for entry in std::fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }
}

/// Sends signals at random moments to a command that writes below `out`.
fn send_signals(place: &Place, words: &[OsString]) {
    let before = files(&place.input);
    let out = &place.out;
    let start = || {
        let mut command = Command::new(AOF);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut whole = BTreeMap::new();
    // The shortest of a few, so that most signals come before the end.
    let once = |_| {
        let begin = Instant::now();
        assert!(start().wait().unwrap().success());
        let time = begin.elapsed();
        whole = tree(out);
        clear(out);
        time
    };
    let whole_time = (0..3).map(once).min().unwrap();

    let mut random = Random::new(seed(0x51_6e41));
    let (mut stopped, mut early, mut late) = (0, 0, 0);
    for round in 0..SIGNALS {
        let signal = [Signal::SIGINT, Signal::SIGTERM][round % 2];
        let mut child = start();
        let longest = usize::try_from(whole_time.as_micros()).unwrap() * 5 / 4;
        std::thread::sleep(Duration::from_micros(random.below(longest) as u64));
        // It may have ended by itself; it is not waited for yet, so the number is still its own.
        let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
        let status = child.wait().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let left = tree(out);
        match (status.code(), status.signal()) {
            (Some(130), _) => {
                stopped += 1;
                assert!(left.is_empty(), "round {round}: {:?}", left.keys());
            }
            (Some(0), _) => {
                late += 1;
                assert!(left == whole, "round {round}: {:?}", left.keys());
                clear(out);
            }
            // Before anything was done, the handler included.
            (None, Some(number)) if number == signal as i32 => {
                early += 1;
                assert!(left.is_empty(), "round {round}: {:?}", left.keys());
            }
            ended => panic!("round {round}: {ended:?}: {stderr}"),
        }
    }
    assert!(files(&place.input) == before, "the inputs are untouched");
    assert!(stopped > SIGNALS / 8, "{stopped} stopped, {early} too early, {late} too late");
    tell(&format!(
        "{SIGNALS} signals: {stopped} stopped the command (130), {late} came too late, {early} before it began"
    ));
}
