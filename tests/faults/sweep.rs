//! Every system call of a program: one run counts them, then each one fails in a run of its own, and each one
//! is the last in another.
//!
//! ```text
//! strace -f -e trace=...                          NAME  openat(3) read(9) fsync(2) ...   in each thread
//! strace -f -e inject=NAME:error=EIO:when=N       the N-th NAME returns an error and does nothing
//! strace -f -e inject=NAME:signal=KILL:when=N     the program is killed where it makes the N-th NAME
//! ```
//!
//! What the dynamic linker and the runtime call before the program's own work is beside the point: a sweep
//! begins at the first call that names one of the program's files. strace counts in each thread for itself.

use crate::command::{Ran, run};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls that deal with files. A `?` lets strace pass over those that this CPU's Linux does not have.
const CALLS: &[&str] = &[
    "openat",
    "?open",
    "?creat",
    "read",
    "pread64",
    "readv",
    "preadv",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "copy_file_range",
    "?sendfile",
    "splice",
    "lseek",
    "?fstat",
    "?newfstatat",
    "statx",
    "?stat",
    "?lstat",
    "ftruncate",
    "fallocate",
    "?chmod",
    "fchmod",
    "fchmodat",
    "?chown",
    "fchown",
    "fchownat",
    "fsync",
    "fdatasync",
    "?rename",
    "?renameat",
    "renameat2",
    "?link",
    "linkat",
    "?unlink",
    "unlinkat",
    "close",
    "flock",
    "fcntl",
    "?access",
    "faccessat",
    "?getdents64",
    "?mkdir",
    "mkdirat",
];

/// Calls that need room on the disk.
const TAKE_ROOM: &[&str] =
    &["write", "pwrite64", "copy_file_range", "sendfile", "splice", "openat", "ftruncate"];

/// How a run ends that is killed.
const KILLED: &str = "SIGKILL";

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It returns EIO and does nothing.
    Eio,
    /// It returns ENOSPC and does nothing.
    Enospc,
    /// It is not made any more: SIGKILL.
    Kill,
}

/// One call of a program, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) call: String,
    /// From 1 on, in its thread.
    pub(crate) number: usize,
    pub(crate) fault: Fault,
}

impl Hit {
    /// The words in front of a program's.
    fn strace(&self) -> Vec<String> {
        let Self { call, number, fault } = self;
        let what = match fault {
            Fault::Eio => "error=EIO",
            Fault::Enospc => "error=ENOSPC",
            Fault::Kill => "signal=KILL",
        };
        strace(&[&format!("trace={call}"), &format!("inject={call}:{what}:when={number}")], "/dev/null")
    }
}

/// The words that start a program under strace, with these expressions and this file for its log.
pub(crate) fn strace(expressions: &[&str], log: &str) -> Vec<String> {
    let mut words = ["strace", "-f", "-qq", "-o", log].map(str::to_owned).to_vec();
    for expression in expressions {
        words.extend(["-e".to_owned(), (*expression).to_owned()]);
    }
    words
}

/// A program to be swept.
pub(crate) struct Program<'a> {
    /// Fills an empty directory.
    pub(crate) prepare: &'a (dyn Fn(&Path) + Sync),
    /// The program in that directory, started by the words given.
    pub(crate) command: &'a (dyn Fn(&Path, &[String]) -> Command + Sync),
    /// What the first call of the program's own work names.
    pub(crate) begins: &'a str,
    /// What has to hold afterwards; an error says what does not.
    pub(crate) judge: &'a (dyn Fn(&Path, &Hit, &Ran) -> Result<(), String> + Sync),
}

/// How the runs of a sweep ended.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// For each call: how many runs in which it failed ended so.
    failed: BTreeMap<String, BTreeMap<String, usize>>,
    /// Runs that were killed.
    killed: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.failed.values().flat_map(BTreeMap::values).sum::<usize>();
        write!(f, "{count} calls failed, killed at {} calls", self.killed)?;
        for (call, endings) in &self.failed {
            let endings: Vec<_> =
                endings.iter().map(|(ending, count)| format!("{ending}: {count}")).collect();
            write!(f, "\n    {call:<16} {}", endings.join(", "))?;
        }
        Ok(())
    }
}

impl Program<'_> {
    /// Runs it once for each hit; one of `stride` of them. Stops the test with all that did not hold.
    pub(crate) fn sweep(&self, stride: usize) -> Counts {
        let hits: Vec<_> = self.hits().into_iter().step_by(stride).collect();
        assert!(hits.len() > 20, "a program without system calls? {hits:?}");
        let (next, counts, wrong) =
            (AtomicUsize::new(0), Mutex::new(Counts::default()), Mutex::new(Vec::new()));
        let work = || {
            while let Some(hit) = hits.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.hit(hit) {
                    Ok(ending) => counts.lock().unwrap().add(hit, ending),
                    Err(why) => wrong.lock().unwrap().push(format!("{hit:?}: {why}")),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), hits.len(), wrong.join("\n\n"));
        counts.into_inner().unwrap()
    }

    /// All calls of an undisturbed run, with all that can happen to each.
    fn hits(&self) -> Vec<Hit> {
        let directory = tempfile::tempdir().unwrap();
        (self.prepare)(directory.path());
        let log = tempfile::NamedTempFile::new().unwrap();
        let calls = format!("trace={}", CALLS.join(","));
        let words = strace(&[&calls], log.path().to_str().unwrap());
        let ran = run(&mut (self.command)(directory.path(), &words));
        assert!(ran.status.success(), "undisturbed: {ran}");
        let trace = std::fs::read(log.path()).unwrap();
        let mut hits: Vec<Hit> = Vec::new();
        for (call, number) in calls_of(&String::from_utf8_lossy(&trace), self.begins) {
            let room = TAKE_ROOM.contains(&call.as_str());
            for fault in [Fault::Eio, Fault::Enospc, Fault::Kill] {
                if fault != Fault::Enospc || room {
                    hits.push(Hit { call: call.clone(), number, fault });
                }
            }
        }
        hits.sort();
        hits.dedup(); // the same call of another thread
        hits
    }

    /// One run. Gives how it ended.
    fn hit(&self, hit: &Hit) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        (self.prepare)(directory.path());
        let ran = run(&mut (self.command)(directory.path(), &hit.strace()));
        let ending = match (ran.status.code(), ran.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (_, Some(9)) if hit.fault == Fault::Kill => KILLED.to_owned(),
            (_, signal) => return Err(format!("ended by signal {signal:?}\n{ran}")),
        };
        if ran.stderr.contains("panicked") {
            return Err(format!("it panics\n{ran}"));
        }
        (self.judge)(directory.path(), hit, &ran).map_err(|why| format!("{why}\n{ran}"))?;
        Ok(ending)
    }
}

impl Counts {
    fn add(&mut self, hit: &Hit, ending: String) {
        match hit.fault {
            Fault::Kill => self.killed += 1,
            _ => *self.failed.entry(hit.call.clone()).or_default().entry(ending).or_default() += 1,
        }
    }
}

/// The calls of a trace from the one on that names `begins`: each with its number in its thread.
fn calls_of(trace: &str, begins: &str) -> Vec<(String, usize)> {
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut calls = Vec::new();
    let mut begun = false;
    for line in trace.lines() {
        // `PID NAME(ARGUMENTS...`; a call that ends later begins its second line with `<...`.
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let number = numbers.entry((thread, name)).or_default();
        *number += 1;
        begun |= arguments.contains(begins);
        if begun {
            calls.push((name.to_owned(), *number));
        }
    }
    calls
}

#[test]
fn calls_are_counted_in_each_thread_from_the_programs_own_work_on() {
    let trace = "7 openat(AT_FDCWD, \"libc.so\") = 3\n\
                 7 read(3, \"\", 8) = 8\n\
                 7 openat(AT_FDCWD, \"a.aof\") = 3\n\
                 8  read(3,  <unfinished ...>\n\
                 7 read(3, \"(x)\", 8) = 8\n\
                 8  <... read resumed> \"\", 8) = 8\n\
                 7 +++ exited with 0 +++\n";
    let calls = calls_of(trace, "a.aof");
    let expected = [("openat", 2), ("read", 1), ("read", 2)];
    assert_eq!(calls, expected.map(|(name, number)| (name.to_owned(), number)));
}
