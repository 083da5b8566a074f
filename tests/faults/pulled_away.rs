//! A log that somebody cuts, replaces, moves away or deletes while it is read or written.
//!
//! A reader has the file open: moved away or replaced, it reads on what it began with. Cut, it says so, since
//! what is left of a log that is cut at an entry's boundary looks whole. A writer looks at each checkpoint.

use crate::command::{AOF, Ran, data, files, merge, names, run};
use crate::environment::{has_strace, tell};
use crate::log::{self, Found, continued};
use crate::sweep::strace;
use crate::writer::{Said, Writer};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program is held at a call, so that something can be done to its files meanwhile.
const HELD: Duration = Duration::from_millis(1500);

/// Runs `arguments` of the command; at its first `call` behind the one that opens files it is held, and
/// `meanwhile` is called.
fn held_at(call: &str, number: usize, arguments: &[std::ffi::OsString], meanwhile: impl FnOnce()) -> Ran {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let inject = format!("inject={call}:delay_enter={}:when={number}", HELD.as_micros());
    let words = strace(&[&format!("trace={call}"), &inject], trace.path().to_str().unwrap());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(AOF).args(arguments);
    let shown = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // strace tells of a call when it begins it: then the program is held.
    let end = Instant::now() + Duration::from_secs(60);
    while fs::read_to_string(trace.path()).unwrap().matches(&format!("{call}(")).count() < number {
        assert!(Instant::now() < end, "{shown}: there is no {call} number {number}");
        std::thread::sleep(Duration::from_millis(2));
    }
    meanwhile();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { shown, status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The size that a file is given, from the one that it has.
type NewSize = fn(u64) -> u64;

/// What is done to a file.
type Harm = fn(&Path);

/// Two copies of a whole log in a directory of their own, and a place for an output.
struct Files {
    _directory: tempfile::TempDir,
    inputs: [PathBuf; 2],
    out: PathBuf,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        fs::create_dir(&out).unwrap();
        let inputs = ["a.aof", "b.aof"].map(|name| directory.path().join(name));
        for input in &inputs {
            fs::copy(data("single/small-bodies.aof"), input).unwrap();
        }
        Self { _directory: directory, inputs, out }
    }

    fn output(&self) -> PathBuf {
        self.out.join("whole.aof")
    }

    fn merge(&self) -> Vec<std::ffi::OsString> {
        merge(&[], &self.output(), &[&self.inputs[0]])
    }
}

fn cut(path: &Path, size: u64) {
    File::options().write(true).open(path).unwrap().set_len(size).unwrap();
}

/// The first read of a log's bytes: the linker reads its libraries by the same call before.
const FIRST_READ: usize = 3;

#[test]
fn log_that_is_cut_while_it_is_verified_is_an_error_and_not_a_sound_log() {
    if !has_strace() {
        return;
    }
    let ends = [0, 1000, 100_000];
    for size in ends {
        let files = Files::new();
        let words = ["verify".into(), files.inputs[0].clone().into_os_string()];
        let ran = held_at("pread64", FIRST_READ, &words, || cut(&files.inputs[0], size));
        ran.code(2).says(&["a.aof", "became shorter while it was being read"]);
    }
    tell(&format!("{} logs cut while they were verified", ends.len()));
}

#[test]
fn log_that_is_moved_away_or_replaced_while_it_is_read_is_read_to_its_end() {
    if !has_strace() {
        return;
    }
    for replaced in [false, true] {
        let files = Files::new();
        let pull = || {
            fs::rename(&files.inputs[0], files.out.join("moved.aof")).unwrap();
            if replaced {
                fs::write(&files.inputs[0], b"something else").unwrap();
            }
        };
        let words = ["verify".into(), files.inputs[0].clone().into_os_string()];
        let ran = held_at("pread64", FIRST_READ, &words, pull).code(0);
        assert!(ran.stdout.contains("entries              300"), "{ran}");
    }
    let files = Files::new();
    let ran = held_at("copy_file_range", 1, &files.merge(), || fs::remove_file(&files.inputs[0]).unwrap());
    ran.code(0);
    assert!(fs::read(files.output()).unwrap() == fs::read(&files.inputs[1]).unwrap());
}

#[test]
fn input_that_is_cut_or_changed_while_it_is_merged_makes_no_output() {
    if !has_strace() {
        return;
    }
    let harms: [(&str, Harm); 3] = [
        ("became shorter", |path| cut(path, 100_000)),
        ("became shorter", |path| cut(path, 0)),
        // Written over in place, with the same size.
        ("did one of them change meanwhile", |path| fs::write(path, vec![7; 183_616]).unwrap()),
    ];
    for (why, harm) in harms {
        let files = Files::new();
        let ran = held_at("copy_file_range", 1, &files.merge(), || harm(&files.inputs[0]));
        assert!(matches!(ran.status.code(), Some(1 | 2)), "{ran}");
        ran.says(&[why]);
        assert!(names(&files.out).is_empty(), "{:?}", names(&files.out));
    }
}

/// The last op of a writer that is to end in order; long enough to be disturbed before.
const END: u64 = 6000;

/// Zeros that a writer keeps ahead of its log: none, or some.
const PREALLOCATE: [u64; 2] = [0, 20_000];

/// That of one that has to be stopped.
const ENDLESS: u64 = 1_000_000;

/// A writer at work up to an op, and its log pulled away from under it behind its second acknowledgement.
fn writer_of(path: &Path, up_to: u64, preallocate: u64, pull: impl FnOnce(u64)) -> (Said, Writer) {
    let writer = Writer { every: 3, up_to, preallocate, ..Writer::new(path) };
    let mut running = writer.start();
    assert!(running.says("acknowledged") && running.says("acknowledged"));
    pull(fs::metadata(path).unwrap().len());
    (running.finish(), writer)
}

#[test]
fn log_that_is_moved_away_while_it_is_written_goes_on_in_a_new_file() {
    for preallocate in PREALLOCATE {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let moved = directory.path().join("moved.aof");
        let (said, writer) = writer_of(&path, END, preallocate, |_| fs::rename(&path, &moved).unwrap());
        assert!(said.has("rotated") && said.has("closed"), "{said:?}");
        let first = log::read(&moved, &writer.sizes);
        let second = continued(&fs::read(&path).unwrap(), &writer.sizes, &first);
        assert_eq!((second.last_op, first.tail.len(), second.tail.len()), (END, 0, 0));
    }
}

#[test]
fn log_that_is_replaced_while_it_is_written_is_warned_of_and_the_other_file_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let moved = directory.path().join("moved.aof");
    let (said, writer) = writer_of(&path, END, 0, |_| {
        fs::write(directory.path().join("other"), b"precious").unwrap();
        fs::hard_link(&path, &moved).unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
    });
    assert!(said.has("replaced") && said.has("closed"), "{said:?}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(log::read(&moved, &writer.sizes).last_op, END);
}

#[test]
fn readers_of_a_log_that_is_being_written_find_whole_entries_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let writer = Writer { sizes: vec![0, 100_000, 700], ..Writer::new(&path) };
    let mut running = writer.start();
    assert!(running.says("acknowledged"));
    for _ in 0..20 {
        // What is seen may end within the entry that is being written, and there only.
        let ran = run(Command::new(AOF).arg("verify").arg("--json").arg(&path));
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran}");
        let survey: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = survey["findings"].as_array().unwrap();
        assert!(
            findings.iter().all(|finding| finding["kind"] == "torn-tail") && findings.len() < 2,
            "{survey}"
        );
        let output = directory.path().join("out.aof");
        run(Command::new(AOF).args(merge(&["--force"], &output, &[&path]))).code(0);
        let merged: Found = log::read(&output, &writer.sizes);
        assert!(merged.last_op > 0 && merged.tail.is_empty());
        if fs::metadata(&path).unwrap().len() > 200 << 20 {
            break;
        }
    }
    drop(running.kill());
    assert_eq!(files(directory.path()).len(), 2);
}

/// A log that loses acknowledged entries behind the writer's back must not go on as if nothing had been: with
/// O_APPEND the next entries would follow the cut, and the file would look like one that has a gap.
#[test]
fn log_that_is_cut_while_it_is_written_is_noticed_at_the_next_checkpoint() {
    let cuts: [(&str, NewSize); 4] = [
        ("all of it", |_| 0),
        ("at an entry's end", |_| 272 + 100 + 272 + 1000), // ops 1 and 2
        ("within an entry", |size| size - 20),
        ("longer", |size| size + 20),
    ];
    for (preallocate, (what, size_of)) in PREALLOCATE.into_iter().flat_map(|size| cuts.map(|cut| (size, cut)))
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let (said, _) = writer_of(&path, ENDLESS, preallocate, |size| cut(&path, size_of(size)));
        assert!(!said.status.success() && !said.has("closed"), "{what}: {said:?}");
        // Told once, with the reason, by the checkpoint's callback or by the checkpoint itself.
        let reason = "not as long as what was written to it";
        let told: Vec<_> = said.lines.iter().filter(|line| line.contains(reason)).collect();
        assert_eq!(told.len(), 1, "{what}: {said:?}");
        let op: u64 = told[0].split([' ', ':']).nth(1).unwrap().parse().unwrap();
        assert!(said.acknowledged() < op, "{what}: {said:?}");
        let latched = "the device failed before: reopen the log";
        assert_eq!(
            said.all("later").collect::<Vec<_>>(),
            [format!("{latched} / {latched}")],
            "{what}: {said:?}"
        );
    }
}

/// What a checkpoint calls durable has to be somewhere: a log without a name is gone with its writer.
#[test]
fn log_that_is_deleted_while_it_is_written_is_an_error_and_not_a_rotation() {
    let harms: [Harm; 2] = [
        |path| fs::remove_file(path).unwrap(),
        // Another file is moved over it.
        |path| {
            fs::write(path.with_extension("other"), b"precious").unwrap();
            fs::rename(path.with_extension("other"), path).unwrap();
        },
    ];
    for harm in harms {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let (said, _) = writer_of(&path, ENDLESS, 0, |_| harm(&path));
        let told: Vec<_> = said.all("unsynced").collect();
        assert!(told.len() == 1 && told[0].contains("the log file was deleted"), "{said:?}");
        let op: u64 = told[0].split(':').next().unwrap().parse().unwrap();
        assert!(said.acknowledged() < op && !said.has("rotated") && !said.has("replaced"), "{said:?}");
        let latched = "the device failed before: reopen the log";
        assert_eq!(said.all("later").collect::<Vec<_>>(), [format!("{latched} / {latched}")], "{said:?}");
        assert!(files(directory.path()).values().all(|bytes| bytes == b"precious"), "nothing is begun there");
    }
}
