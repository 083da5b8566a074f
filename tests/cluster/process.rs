//! Child processes: killed when dropped, every wait bounded, their output kept.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at something that is waited for. Short: some tests kill in the middle of a replay
/// that takes a second.
const LOOK: Duration = Duration::from_millis(1);

/// Waits until something holds, and says whether it came to that.
pub(crate) fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !holds() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

/// A child process.
pub(crate) struct Process {
    shown: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a command. What it prints goes to files `name.stdout` and `name.stderr` in `directory`.
    pub(crate) fn start(command: &mut Command, directory: &Path, name: &str) -> Self {
        let shown = format!("{command:?}");
        let stdout = directory.join(format!("{name}.stdout"));
        let stderr = directory.join(format!("{name}.stderr"));
        let child = command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        Self { shown, child, stdout, stderr }
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power failure would, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap(); // of one that has ended: no error
        self.child.wait().unwrap();
    }

    /// Asks it to end, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success(), "kill: {status}");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self, limit: Duration) -> Ran {
        let ended = wait_until(limit, || !self.runs());
        if !ended {
            self.kill();
        }
        let ran = self.ran();
        assert!(ended, "not done after {limit:?}\n{ran}");
        ran
    }

    fn ran(&mut self) -> Ran {
        Ran {
            shown: self.shown.clone(),
            status: self.child.wait().unwrap(),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        }
    }

    /// The last lines that it printed.
    pub(crate) fn tail(&self) -> String {
        let mut tail = format!("--- {}\n", self.shown);
        for path in [&self.stdout, &self.stderr] {
            let text = text(path);
            let lines: Vec<_> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(20)..] {
                writeln!(tail, "{line}").unwrap();
            }
        }
        tail
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    shown: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Expects that it went well; a failure shows everything.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shown, status, stdout, stderr } = self;
        write!(f, "{shown}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command, directory: &Path, name: &str, limit: Duration) -> Ran {
    Process::start(command, directory, name).finish(limit)
}

/// The text of a file that may hold anything, or be gone.
fn text(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
