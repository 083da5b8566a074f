//! SIGINT and SIGTERM in the middle of a merge: no output, no temporary file, exit code 130, and the inputs
//! untouched. A signal that comes too late finds the whole output.

use crate::command::{AOF, data, files, merge, names};
use crate::environment::{seed, tell};
use aof_tests::random::Random;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
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
    let start = |words: &[std::ffi::OsString]| {
        let mut command = Command::new(AOF);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut whole = Vec::new();
    // The shortest of a few, so that most signals come before the end.
    let once = |_| {
        let begin = Instant::now();
        assert!(start(&words).wait().unwrap().success());
        let time = begin.elapsed();
        whole = std::fs::read(&output).unwrap();
        std::fs::remove_file(&output).unwrap();
        time
    };
    let whole_time = (0..3).map(once).min().unwrap();

    let mut random = Random::new(seed(0x51_6e41));
    let (mut stopped, mut early, mut late) = (0, 0, 0);
    for round in 0..SIGNALS {
        let signal = [Signal::SIGINT, Signal::SIGTERM][round % 2];
        let mut child = start(&words);
        let longest = usize::try_from(whole_time.as_micros()).unwrap() * 5 / 4;
        std::thread::sleep(Duration::from_micros(random.below(longest) as u64));
        // It may have ended by itself; it is not waited for yet, so the number is still its own.
        let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
        let status = child.wait().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let left = names(&out);
        match (status.code(), status.signal()) {
            (Some(130), _) => {
                stopped += 1;
                assert!(left.is_empty(), "round {round}: {left:?}");
            }
            (Some(0), _) => {
                late += 1;
                assert_eq!(left, ["whole.aof"], "round {round}");
                assert!(std::fs::read(&output).unwrap() == whole, "round {round}");
                std::fs::remove_file(&output).unwrap();
            }
            // Before anything was done, the handler included.
            (None, Some(number)) if number == signal as i32 => {
                early += 1;
                assert!(left.is_empty(), "round {round}: {left:?}");
            }
            ended => panic!("round {round}: {ended:?}: {stderr}"),
        }
    }
    assert!(files(&input) == before, "the inputs are untouched");
    assert!(stopped > SIGNALS / 8, "{stopped} stopped, {early} too early, {late} too late");
    tell(&format!(
        "{SIGNALS} signals: {stopped} stopped the merge (130), {late} came too late, {early} before it began"
    ));
}
