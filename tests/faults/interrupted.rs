//! SIGINT and SIGTERM in the middle of a command: exit code 130, and the inputs untouched. A merge and a convert
//! leave no output and no temporary file; a repair leaves the log as it was, or repaired with its tail kept. A
//! signal that comes too late finds all done.

use crate::command::{AOF, data, files, merge, names};
use crate::environment::{seed, tell};
use aof_tests::random::Random;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Copies of the replicas' logs that are merged, so that a merge takes long enough to be hit.
const COPIES: usize = 6;

/// Signals that are sent.
const SIGNALS: usize = 80;

#[test]
fn interrupted_merge_leaves_nothing_and_says_so() {
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
    let before = files(&input);
    let output = out.join("whole.aof");
    let inputs: Vec<_> = inputs.iter().map(|path| path.as_path()).collect();
    let words = merge(&[], &output, &inputs);
    Making { words, out: &out, output: &output }.interrupt();
    assert!(files(&input) == before, "the inputs are untouched");
}

#[test]
fn interrupted_convert_leaves_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (input, out) = (directory.path().join("in.aof"), directory.path().join("out"));
    std::fs::create_dir(&out).unwrap();
    let before = std::fs::read(data("cluster/r1.aof")).unwrap().repeat(COPIES * 2);
    std::fs::write(&input, &before).unwrap();
    let output = out.join("crc.aof");
    let words =
        ["convert".into(), "--profile".into(), "crc".into(), "--output".into(), output.clone().into()];
    let words = words.into_iter().chain([input.clone().into()]).collect();
    Making { words, out: &out, output: &output }.interrupt();
    assert!(std::fs::read(&input).unwrap() == before, "the input is untouched");
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

/// A command that makes one output, stopped.
struct Making<'a> {
    words: Vec<OsString>,
    out: &'a Path,
    output: &'a Path,
}

impl Making<'_> {
    fn interrupt(&self) {
        let whole = RefCell::new(None);
        let reset = || {
            let _ = std::fs::remove_file(self.output);
        };
        let judge = |stopped: bool| {
            let left = names(self.out);
            if stopped {
                assert!(left.is_empty(), "{left:?}");
                return;
            }
            assert_eq!(left.len(), 1, "{left:?}");
            let output = std::fs::read(self.output).unwrap();
            assert!(*whole.borrow_mut().get_or_insert_with(|| output.clone()) == output);
        };
        interrupt(&self.words, &reset, &judge);
    }
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
