//! `aof follow`: entries as they are written, over everything that happens to a log.
//!
//! No test waits for a time: each waits for a line. Where notifications have to do all, `--poll` is an hour.

use crate::util::{aof, command, data, file, replica};
use aof_nostd::Draft;
use aof_std::{LogFile, OpenError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Looks only when it is told to.
const NOTIFIED: &[&str] = &["--poll", "3600"];

/// A follower at work. Killed when dropped.
pub(crate) struct Following {
    child: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Following {
    pub(crate) fn start(path: &Path, flags: &[&str]) -> Self {
        let mut command = command();
        command.arg("follow").args(flags).arg(path).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let notes = read_lines(child.stderr.take().unwrap());
        Self { child, lines, notes }
    }

    /// The next line on standard output.
    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(LONG).expect("a line")
    }

    /// The ops of the next lines.
    #[track_caller]
    pub(crate) fn expect_ops(&self, ops: impl IntoIterator<Item = u64>) {
        for op in ops {
            let line = self.line();
            assert!(line.contains(&format!(" op={op} ")), "op {op}: {line}");
        }
    }

    /// The next line on standard error.
    #[track_caller]
    fn note(&self, text: &str) {
        let note = self.notes.recv_timeout(LONG).expect("a note");
        assert!(note.contains(text), "{text:?} is not in {note:?}");
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Stops it. Nothing more was printed.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal(Signal::SIGINT);
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
        assert_eq!(self.lines.iter().collect::<Vec<_>>(), [""; 0]);
        assert_eq!(self.notes.iter().collect::<Vec<_>>(), [""; 0]);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begin.elapsed() < LONG, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A log that is being written.
struct Writing {
    _directory: TempDir,
    path: PathBuf,
    log: Option<LogFile>,
}

impl Writing {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("replica.aof");
        let mut writing = Self { _directory: directory, path, log: None };
        writing.open();
        writing
    }

    fn open(&mut self) -> Option<PathBuf> {
        self.log = None;
        // A process that another test starts at this moment has this one's files, and locks, until it becomes its
        // program.
        let begin = Instant::now();
        let mut log = loop {
            match LogFile::open(&self.path) {
                Err(OpenError::Locked) if begin.elapsed() < LONG => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let kept = log.cut_torn_tail().unwrap();
        self.log = Some(log);
        kept
    }

    fn write(&mut self, count: usize) {
        for _ in 0..count {
            self.log.as_mut().unwrap().write_new(&Draft::default(), b"a body").unwrap();
        }
    }

    fn checkpoint(&mut self) {
        let log = self.log.as_mut().unwrap();
        log.checkpoint(|result| assert!(result.is_ok())).unwrap();
        log.wait().unwrap();
    }

    fn append(&self, bytes: &[u8]) {
        fs::File::options().append(true).open(&self.path).unwrap().write_all(bytes).unwrap();
    }

    /// The bytes of the entry that would come next, without writing it.
    fn next_entry(&mut self) -> Vec<u8> {
        let size = self.path.metadata().unwrap().len();
        self.write(1);
        let bytes = fs::read(&self.path).unwrap();
        self.log = None;
        fs::File::options().write(true).open(&self.path).unwrap().set_len(size).unwrap();
        bytes[usize::try_from(size).unwrap()..].to_vec()
    }
}

#[test]
fn lines_are_those_of_debug_findings_in_their_place() {
    let directory = TempDir::new().unwrap();
    let mut damaged = fs::read(replica(0)).unwrap();
    damaged[600_000] ^= 1;
    let damaged = file(&directory, "damaged.aof", &damaged);
    for path in [replica(2), damaged, data("single/large-bodies.aof")] {
        for json in [&[][..], &["--json"]] {
            let arguments = [&["debug", "--all"][..], json].concat();
            let expected = aof(arguments.iter().map(AsRef::as_ref).chain([path.as_os_str()])).stdout;
            let expected =
                expected.lines().filter(|line| !line.is_empty() && !line.contains("hecksum chain"));
            let expected = expected.filter(|line| !line.contains("data_checksum_chain"));
            let following = Following::start(&path, &[&["--from-start"], json].concat());
            for line in expected {
                assert_eq!(following.line(), line);
            }
            following.stop();
        }
    }
}

#[test]
fn it_begins_with_the_last_ten_entries_or_where_it_is_told_to() {
    let small = data("single/small-bodies.aof");
    for (flags, first) in [
        (&[][..], 291),
        (&["-n", "3"], 298),
        (&["--entries", "400"], 1),
        (&["--from-op", "250"], 250),
        (&["--from-start"], 1),
    ] {
        let following = Following::start(&small, flags);
        following.expect_ops(first..=300);
        following.stop();
    }
    aof(["follow".as_ref(), "--from-start".as_ref(), "-n".as_ref(), "1".as_ref(), small.as_os_str()]).code(2);
}

#[test]
fn entries_are_seen_at_once_by_notification_alone() {
    let mut writing = Writing::new();
    writing.write(2);
    let following = Following::start(&writing.path, NOTIFIED);
    following.expect_ops([1, 2]);
    for op in 3..50 {
        writing.write(1);
        following.expect_ops([op]);
    }
    following.stop();
}

#[test]
fn json_is_one_object_an_entry() {
    let mut writing = Writing::new();
    let following = Following::start(&writing.path, &["--json", "--poll", "3600"]);
    for op in 1..4 {
        writing.write(1);
        let entry: serde_json::Value = serde_json::from_str(&following.line()).unwrap();
        assert_eq!(entry["op"], op);
    }
    following.stop();
}

#[test]
fn rotation_is_followed_and_said() {
    let mut writing = Writing::new();
    writing.write(3);
    let following = Following::start(&writing.path, NOTIFIED);
    following.expect_ops(1..=3);
    for (round, first) in [(1, 4), (2, 15), (3, 26)] {
        let moved = writing.path.with_extension(round.to_string());
        fs::rename(&writing.path, &moved).unwrap();
        following.note("was moved away, or deleted: it is read on");
        // Until its next checkpoint the writer does not know; what it writes is in the file that was moved.
        // One by one: a rename rings more than once, and must not be what the entries are seen by.
        for op in first..first + 8 {
            writing.write(1);
            following.expect_ops([op]);
        }
        writing.checkpoint();
        writing.write(3);
        following.expect_ops(first + 8..first + 11);
        following.note("is another file now: the one before was read to its end");
    }
    following.stop();
}

#[test]
fn chain_is_checked_over_a_rotation() {
    let directory = TempDir::new().unwrap();
    let small = fs::read(data("single/small-bodies.aof")).unwrap();
    let path = file(&directory, "log.aof", &small[..small.len() - 528]);
    let following = Following::start(&path, &["-n", "1"]);
    following.expect_ops([299]);
    let other = file(&directory, "other.aof", &fs::read(replica(2)).unwrap());
    fs::rename(other, &path).unwrap();
    following.note("is another file now");
    assert!(following.line().starts_with("# byte 0 (op 1): backtrack: goes back from op 299"));
    following.expect_ops([1]);
}

/// Only a gap was told, and not the damage right before the entry with which `--from-op` began.
#[test]
fn damage_where_from_op_begins_is_told() {
    let directory = TempDir::new().unwrap();
    let log = aof_tests::build::chain(aof_tests::build::PROFILES[0], &[100; 10]);
    // Damage that tells an op counts if it is 8 or higher; where no op is told, it may be 8.
    for (op, at, place) in
        [(8, 280, Some(0)), (8, 20, Some(0)), (7, 20, Some(0)), (7, 280, None), (9, 280, Some(1))]
    {
        let mut bytes = log.bytes.clone();
        bytes[log.entries[op - 1].offset + at] ^= 1;
        let path = file(&directory, "damaged.aof", &bytes);
        let following = Following::start(&path, &["--from-op", "8"]);
        let mut lines = vec![following.line()];
        while !lines[lines.len() - 1].contains(" op=10 ") {
            lines.push(following.line());
        }
        let damage = format!("# byte {}", log.entries[op - 1].offset);
        assert_eq!(lines.iter().position(|line| line.starts_with(&damage)), place, "op {op}: {lines:?}");
        following.stop();
    }
}

#[test]
fn another_profile_is_said() {
    let directory = TempDir::new().unwrap();
    let [one, other] =
        aof_tests::build::PROFILES.map(|profile| aof_tests::build::chain(profile, &[8; 4]).bytes);
    let path = file(&directory, "log.aof", &one);
    let following = Following::start(&path, &["-n", "1"]);
    following.expect_ops([4]);
    // Behind the log: it was waited for as if it were on its way.
    let half = other.len() / 2;
    fs::File::options().append(true).open(&path).unwrap().write_all(&other[..half]).unwrap();
    following.note("Something of that profile was written behind a log of the other: not read");
    // In a new file: only a backtrack was told.
    fs::rename(file(&directory, "new.aof", &other), &path).unwrap();
    following.note("is another file now");
    following.note("its entries are of the profile crc, and those before of tigerbeetle");
    assert!(following.line().contains("the magic of the other profile"));
    assert!(following.line().contains(" (op 1): backtrack: goes back from op 4"));
    following.expect_ops(1..=4);
    following.stop();
}

#[test]
fn torn_entry_is_waited_for_and_said_and_is_whole_in_the_end() {
    let mut writing = Writing::new();
    writing.write(2);
    let entry = writing.next_entry();
    let following = Following::start(&writing.path, &[]);
    following.expect_ops([1, 2]);
    for cut in [10, 100, 275] {
        writing.append(&entry[..cut]);
        following.note("It is on its way, or is what a crash left, or is damaged");
        // A writer that crashed there begins anew: the tail is cut, which is nobody's concern.
        assert!(writing.open().is_some());
    }
    writing.append(&entry[..100]);
    following.note("bytes missing");
    writing.append(&entry[100..]);
    following.expect_ops([3]);
    writing.open();
    writing.write(2);
    following.expect_ops([4, 5]);
    following.stop();
}

#[test]
fn torn_tail_with_an_entry_behind_it_is_damage() {
    let mut writing = Writing::new();
    writing.write(2);
    let entry = writing.next_entry();
    let following = Following::start(&writing.path, NOTIFIED);
    following.expect_ops([1, 2]);
    writing.append(&entry[..275]);
    writing.append(&entry);
    let line = following.line();
    assert!(
        line.starts_with("# byte 556 (op 3): body-checksum")
            && line.ends_with("(275 bytes belong to no entry)")
    );
    following.expect_ops([3]);
    following.stop();
}

#[test]
fn file_that_is_cut_is_said_and_followed_on() {
    let mut writing = Writing::new();
    writing.write(6);
    let following = Following::start(&writing.path, NOTIFIED);
    following.expect_ops(1..=6);
    writing.log = None;
    fs::File::options().write(true).open(&writing.path).unwrap().set_len(3 * 278).unwrap();
    following.note(
        "was cut, or written anew: what was read up to byte 1668 is there no more, going on at byte 834",
    );
    writing.open();
    writing.write(1);
    following.expect_ops([4]);
    // Emptied, as those do who copy a log away and empty it.
    writing.log = None;
    fs::write(&writing.path, b"").unwrap();
    following.note("going on at byte 0");
    following.stop();
}

#[test]
fn file_that_is_not_there_is_waited_for() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("later.aof");
    let following = Following::start(&path, NOTIFIED);
    following.note("later.aof is not there yet: waiting for it");
    let mut log = LogFile::open(&path).unwrap();
    following.note("later.aof is there now: following it from its beginning");
    log.write_new(&Draft::default(), b"").unwrap();
    following.expect_ops([1]);
    following.stop();
    for (path, text) in [
        (directory.path().join("none").join("log.aof"), "cannot read"),
        (directory.path().to_path_buf(), "cannot read"),
        ("/dev/null".into(), "is no file, and only files grow"),
    ] {
        let ran = aof(["follow".as_ref(), path.as_os_str()]).code(2);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}

#[test]
fn signals_end_it_with_130_and_nothing_half() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let following = Following::start(&replica(0), &["--from-start", "--poll", "3600"]);
        following.line();
        let mut following = following;
        following.signal(signal);
        assert_eq!(wait(&mut following.child).code(), Some(130));
        assert!(following.lines.iter().all(|line| line.starts_with('#') || line.ends_with(')')));
        assert_eq!(following.notes.iter().collect::<Vec<_>>(), [""; 0]);
    }
}

/// `aof follow log | head -3` ends with `head` and not with the fourth entry.
#[test]
fn reader_that_goes_away_ends_it_even_if_nothing_is_written() {
    let mut follow = command();
    follow.args(["follow", "--poll", "3600"]).arg(data("single/small-bodies.aof"));
    let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..10 {
        output.read_line(&mut String::new()).unwrap();
    }
    drop(output);
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn waiting_reads_nothing_and_following_takes_little_memory() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("large.aof");
    let large = fs::read(data("single/large-bodies.aof")).unwrap();
    let mut target = fs::File::create(&path).unwrap();
    for _ in 0..30 {
        target.write_all(&large).unwrap();
    }
    let following = Following::start(&path, &["--from-start", "--poll", "3600"]);
    for _ in 0..30 * 5 + 29 {
        following.line();
    }
    // A new file that is empty is opened and closed at each look, which must not be taken for a change of it: one
    // look would ring for the next.
    fs::rename(&path, path.with_extension("1")).unwrap();
    following.note("was moved away");
    fs::write(&path, b"").unwrap();
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", following.child.id())).unwrap();
    // Each look reads. It looks when something rings, a few times for a new file, however long this takes.
    let reads = || {
        let io = read("io");
        io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap().parse::<u64>().unwrap()
    };
    let before = reads();
    std::thread::sleep(Duration::from_secs(1));
    let used = reads() - before;
    assert!(used <= 100, "{used} reads while nothing was written");
    let status = read("status");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    let peak: u64 = peak.parse().unwrap();
    assert!(peak < 32 << 10, "{peak} KiB for a log of 70 MB");
    eprintln!("follow: {used} reads while nothing was written, at most {peak} KiB of memory");
    following.stop();
}
