//! SIGINT and SIGTERM in the middle of a command: exit code 130, and the inputs untouched. A merge, a
//! convert and an export leave no output and no temporary file; a repair leaves the log as it was, or repaired with its tail kept. A
//! signal that comes too late finds all done.

use crate::command::{AOF, data, files, names};
use crate::environment::{seed, tell};
use aof_tests::random::Random;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
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

#[test]
fn interrupted_merge_leaves_nothing_and_says_so() {
    let place = Place::with_replicas();
    place.interrupt(&place.words(&["merge"], "whole.aof"));
}

#[test]
fn interrupted_convert_leaves_nothing_and_says_so() {
    let place = Place::new(&[("in.aof", std::fs::read(data("cluster/r1.aof")).unwrap().repeat(COPIES * 2))]);
    place.interrupt(&place.words(&["convert", "--profile", "crc"], "crc.aof"));
}

#[test]
fn interrupted_export_leaves_nothing_and_says_so() {
    let place = Place::with_replicas();
    place.interrupt(&place.words(&["export", "--format", "parquet"], "events.parquet"));
    place.interrupt(&place.words(&["export", "--format", "csv", "--rows-per-file", "300"], "events"));
}

#[test]
fn interrupted_repair_leaves_the_log_as_it_was_or_repaired_and_its_tail_kept() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.aof");
    let whole = std::fs::read(data("cluster/r1.aof")).unwrap().repeat(COPIES);
    let tail = &whole[272..572];
    let before = [&whole[..], tail].concat();
    let kept = directory.path().join(format!("log.aof.torn-at-{}", whole.len()));
    let reset = || {
        let _ = std::fs::remove_file(&kept);
        std::fs::write(&log, &before).unwrap();
    };
    let judge = |stopped: bool| {
        let is_repaired = std::fs::read(&log).unwrap() == whole;
        assert!(is_repaired || (stopped && std::fs::read(&log).unwrap() == before), "stopped: {stopped}");
        let mut left = names(directory.path());
        left.retain(|name| name != "log.aof");
        if is_repaired || !left.is_empty() {
            assert_eq!(left.len(), 1, "{left:?}");
            assert!(std::fs::read(&kept).unwrap() == tail);
        }
    };
    interrupt(&["repair".into(), log.clone().into()], &reset, &judge);
}

/// The inputs, and a directory for the outputs, in one that is gone after the test.
struct Place {
    input: PathBuf,
    out: PathBuf,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new(inputs: &[(&str, Vec<u8>)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (input, out) = (directory.path().join("in"), directory.path().join("out"));
        std::fs::create_dir(&input).unwrap();
        std::fs::create_dir(&out).unwrap();
        for (name, bytes) in inputs {
            std::fs::write(input.join(name), bytes).unwrap();
        }
        Self { input, out, _directory: directory }
    }

    /// With the logs of three replicas, several times.
    fn with_replicas() -> Self {
        let place = Self::new(&[]);
        for copy in 0..COPIES {
            for replica in 0..3 {
                let from = data(&format!("cluster/r{replica}.aof"));
                std::fs::copy(from, place.input.join(format!("r{replica}-{copy}.aof"))).unwrap();
            }
        }
        place
    }

    fn inputs(&self) -> Vec<PathBuf> {
        names(&self.input).into_iter().map(|name| self.input.join(name)).collect()
    }

    /// A command line: `begin`, then the output, then the inputs.
    fn words(&self, begin: &[&str], output: &str) -> Vec<OsString> {
        let begin = begin.iter().map(OsString::from);
        let output = ["--output".into(), self.out.join(output).into()];
        begin.chain(output).chain(self.inputs().into_iter().map(OsString::from)).collect()
    }

    /// Stops a command that makes an output: all of it is there, or nothing.
    fn interrupt(&self, words: &[OsString]) {
        let before = files(&self.input);
        let whole = RefCell::new(None);
        let reset = || {
            std::fs::remove_dir_all(&self.out).unwrap();
            std::fs::create_dir(&self.out).unwrap();
        };
        let judge = |stopped: bool| {
            let left = tree(&self.out);
            if stopped {
                assert!(left.is_empty(), "{:?}", left.keys());
            } else {
                assert!(*whole.borrow_mut().get_or_insert_with(|| left.clone()) == left, "{:?}", left.keys());
            }
        };
        interrupt(words, &reset, &judge);
        assert!(files(&self.input) == before, "the inputs are untouched");
        assert!(!whole.borrow().as_ref().unwrap().is_empty());
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

/// Runs a command again and again and sends it a signal at random moments. `reset` comes before each run, and
/// `judge` behind it, with whether a signal stopped it.
fn interrupt(words: &[OsString], reset: &dyn Fn(), judge: &dyn Fn(bool)) {
    let start = || {
        reset();
        let mut command = Command::new(AOF);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    // The shortest of a few, so that most signals come before the end.
    let once = |_| {
        let mut child = start();
        let begin = Instant::now();
        assert!(child.wait().unwrap().success());
        let time = begin.elapsed();
        judge(false);
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
        match (status.code(), status.signal()) {
            (Some(130), _) => {
                stopped += 1;
                judge(true);
            }
            (Some(0), _) => {
                late += 1;
                judge(false);
            }
            // Before anything was done, the handler included.
            (None, Some(number)) if number == signal as i32 => {
                early += 1;
                judge(true);
            }
            ended => panic!("round {round}: {ended:?}: {stderr}"),
        }
    }
    assert!(stopped > SIGNALS / 8, "{stopped} stopped, {early} too early, {late} too late");
    tell(&format!(
        "{SIGNALS} signals: {stopped} stopped the command (130), {late} came too late, {early} before it began"
    ));
}
