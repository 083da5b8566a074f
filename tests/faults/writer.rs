//! The writer: a process of its own that appends to a log with [`LogFile`] and tells what it did, one line
//! each, flushed. It is this test program, started again to run the one ignored test in this module.
//!
//! | line | meaning |
//! |---|---|
//! | `kept PATH` | there was a torn tail; it was cut, and its bytes are in PATH |
//! | `opened OP` | the log is open, its last op is OP (0: none); entries are appended from now on |
//! | `acknowledged OP` | a checkpoint called back: everything up to OP is durable |
//! | `rotated` | that checkpoint found the log moved away, and began a new file |
//! | `replaced` | that checkpoint found another file in the log's place |
//! | `unsynced OP: WHY` | a checkpoint called back with an error |
//! | `refused OP: WHY` | the entry with this op was not taken |
//! | `later WRITE / CHECKPOINT` | what the log said to one more write and checkpoint after a failure |
//! | `stopped OP: WHY` | a checkpoint behind OP was refused |
//! | `ended: WHY` | the log could not be opened, cut or closed |
//! | `closed OP` | the log was closed, the last op written is OP |
//!
//! What an entry's body holds follows from its op ([`crate::log::body`]), so whoever reads the log can tell
//! every entry bit for bit.

use crate::log;
use aof_nostd::{Draft, WriteError};
use aof_std::{Checkpointed, FileError, LogFile, OpenOptions, Rotation};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The variables by which a writer is told what to do.
const LOG: &str = "AOF_FAULTS_LOG";
const SIZES: &str = "AOF_FAULTS_SIZES";
const EVERY: &str = "AOF_FAULTS_EVERY";
const UP_TO: &str = "AOF_FAULTS_UP_TO";
const WAIT: &str = "AOF_FAULTS_WAIT";
const PREALLOCATE: &str = "AOF_FAULTS_PREALLOCATE";

/// The longest that anything may take on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A writer to be started.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) log: PathBuf,
    /// Body sizes; the entry with op N has the one at N modulo their number.
    pub(crate) sizes: Vec<usize>,
    /// A checkpoint behind every so many entries.
    pub(crate) every: u64,
    /// The last op that is written.
    pub(crate) up_to: u64,
    /// Whether it waits for each checkpoint before it goes on.
    pub(crate) waits: bool,
    /// Zeros that are kept ahead of the log's end.
    pub(crate) preallocate: u64,
    /// A program and its arguments that start the writer (strace, prlimit).
    pub(crate) through: Vec<String>,
}

impl Writer {
    /// A writer of small entries, with a checkpoint behind every fourth, that waits for it.
    pub(crate) fn new(log: &Path) -> Self {
        Self {
            log: log.to_path_buf(),
            sizes: vec![0, 100, 1000],
            every: 4,
            up_to: 1_000_000,
            waits: true,
            preallocate: 0,
            through: Vec::new(),
        }
    }

    /// The same, started by this program.
    pub(crate) fn through<S: AsRef<str>>(mut self, words: &[S]) -> Self {
        self.through = words.iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// The command that starts it.
    pub(crate) fn command(&self) -> Command {
        let this = std::env::current_exe().unwrap();
        let mut command = match self.through.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
            None => Command::new(this),
        };
        // Two threads for the harness: with one it would print the test's name in front of our first line.
        command.args(["--ignored", "--exact", "writer::process", "--nocapture", "--test-threads=2"]);
        let sizes: Vec<_> = self.sizes.iter().map(usize::to_string).collect();
        command.env(LOG, &self.log).env(SIZES, sizes.join(","));
        command.env(EVERY, self.every.to_string()).env(UP_TO, self.up_to.to_string());
        command.env(WAIT, u8::from(self.waits).to_string());
        command.env(PREALLOCATE, self.preallocate.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Running {
        Running::start(&mut self.command())
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Said {
        self.start().finish()
    }
}

/// A writer at work. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    seen: Vec<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        // Ends with the pipe, which the process' end closes.
        let reader = std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            // A line without its end was cut by a kill: it says nothing.
            while matches!(stdout.read_line(&mut line), Ok(size) if size > 0 && line.ends_with('\n')) {
                let _ = sender.send(line.trim_end().to_owned());
                line.clear();
            }
        });
        Self { child, lines, reader: Some(reader), seen: Vec::new() }
    }

    /// Waits for a line that begins with `start`. False if the writer ended without one.
    #[track_caller]
    pub(crate) fn says(&mut self, start: &str) -> bool {
        let end = Instant::now() + LONG;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let found = line.starts_with(start);
                    self.seen.push(line);
                    if found {
                        return true;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return false,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line {start:?}: {:?}", self.seen),
            }
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Said {
        self.child.kill().unwrap(); // of one that has ended: no error
        self.finish()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Said {
        let end = Instant::now() + LONG;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the writer does not end: {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(1));
        }
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let mut lines = std::mem::take(&mut self.seen);
        lines.extend(self.lines.try_iter());
        let mut stderr = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            let _ = io::Read::read_to_string(&mut pipe, &mut stderr);
        }
        Said { lines, status, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a writer said and how it ended.
pub(crate) struct Said {
    pub(crate) lines: Vec<String>,
    pub(crate) status: ExitStatus,
    stderr: String,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lines, status, stderr } = self;
        let shown = lines.len().saturating_sub(30);
        write!(f, "{status}, its last lines\n{}\n--- stderr\n{stderr}", lines[shown..].join("\n"))
    }
}

impl Said {
    /// The rest of each line that begins with this word.
    pub(crate) fn all<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(word)?.strip_prefix([' ', ':']))
    }

    /// Whether there is a line that begins with this word.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.lines.iter().any(|line| line == word || line.starts_with(&format!("{word} ")))
            || self.all(word).next().is_some()
    }

    /// The last op that a checkpoint acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.all("acknowledged").map(|op| op.parse().unwrap()).max().unwrap_or(0)
    }
}

/// The process. Not a test: it does what its environment says, and only its parent judges it.
#[test]
#[ignore = "the writer that other tests start, not a test"]
fn process() {
    let text = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let number = |name: &str| text(name).parse().unwrap();
    say(""); // the harness may have begun a line
    let writer = Writer {
        log: PathBuf::from(std::env::var_os(LOG).expect(LOG)),
        sizes: text(SIZES).split(',').map(|size| size.parse().unwrap()).collect(),
        every: number(EVERY),
        up_to: number(UP_TO),
        waits: number(WAIT) == 1,
        preallocate: number(PREALLOCATE),
        through: Vec::new(),
    };
    // Past the harness, which would print on.
    std::process::exit(i32::from(!write(&writer)));
}

/// Prints a line at once. Ends the process where nobody listens any more: its parent is gone.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    if stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(3);
    }
}

/// Writes until it is done or the log refuses. True if it was closed in order.
fn write(writer: &Writer) -> bool {
    let mut log = match OpenOptions::new().preallocate(writer.preallocate).open(&writer.log) {
        Ok(log) => log,
        Err(error) => return ended(&error),
    };
    match log.cut_torn_tail() {
        Ok(Some(kept)) => say(&format!("kept {}", kept.display())),
        Ok(None) => {}
        Err(error) => return ended(&error),
    }
    let mut op = log.last().map_or(0, |last| last.op().0);
    say(&format!("opened {op}"));
    while op < writer.up_to {
        op += 1;
        let body = log::body(op, &writer.sizes);
        match log.write_new(&draft(op), &body) {
            Ok(_) => {}
            // Checkpoints are slower than writes: wait for the one under way.
            Err(FileError::Write(WriteError::Unsynced { .. })) => {
                op -= 1;
                if checkpoint(&mut log, op, true).is_err() {
                    return failed(&mut log, op);
                }
                continue;
            }
            Err(error) => {
                say(&format!("refused {op}: {error}"));
                return failed(&mut log, op);
            }
        }
        if op.is_multiple_of(writer.every) && checkpoint(&mut log, op, writer.waits).is_err() {
            return failed(&mut log, op);
        }
    }
    match log.close() {
        Ok(()) => say(&format!("closed {op}")),
        Err(error) => return ended(&error),
    }
    true
}

fn draft(op: u64) -> Draft {
    Draft { timestamp_ns: op, ..Draft::default() }
}

fn checkpoint(log: &mut LogFile, op: u64, waits: bool) -> Result<(), FileError> {
    let tell = move |result: io::Result<Checkpointed>| match result {
        Ok(done) => {
            match done.rotation {
                Rotation::Created => say("rotated"),
                Rotation::Replaced => say("replaced"),
                _ => {}
            }
            say(&format!("acknowledged {op}"));
        }
        Err(error) => say(&format!("unsynced {op}: {error}")),
    };
    match log.checkpoint(tell) {
        Err(FileError::Write(WriteError::Checkpointing)) if !waits => Ok(()), // the next one covers it
        Err(FileError::Write(WriteError::Checkpointing)) => log.wait(),
        Err(error) => {
            say(&format!("stopped {op}: {error}"));
            Err(error)
        }
        Ok(()) if waits => log.wait(),
        Ok(()) => Ok(()),
    }
}

/// Tells what a failed log says to more: it has to refuse.
fn failed(log: &mut LogFile, op: u64) -> bool {
    let write = log.write_new(&draft(op + 1), b"later").map(drop);
    let synced = log.checkpoint(move |result| say(&format!("later callback {result:?}")));
    let shown = |result: Result<(), FileError>| match result {
        Ok(()) => "taken".to_owned(),
        Err(error) => error.to_string(),
    };
    say(&format!("later {} / {}", shown(write), shown(synced)));
    false
}

fn ended(why: &dyn std::error::Error) -> bool {
    say(&format!("ended: {why}"));
    false
}
