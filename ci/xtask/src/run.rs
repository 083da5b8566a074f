//! Running other programs, with what they were called with in every message.

use crate::outcome::Stop;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The repository.
#[derive(Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// The repository that this program was built in.
    pub(crate) fn find() -> Result<Self, String> {
        // `cargo run` tells where the package is now; the built-in path is where it was.
        let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).ancestors().nth(2).unwrap_or(Path::new("."));
        if root.join("ci/xtask/Cargo.toml").is_file() {
            Ok(Self(root.to_owned()))
        } else {
            Err(format!("{}: not this repository: call it as `cargo xtask ci`", root.display()))
        }
    }

    /// A path in the repository.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Cargo's target directory.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), |path| self.0.join(path))
    }

    /// Runs `program` in the repository.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>) -> Run {
        Run::new(program, &self.0)
    }

    /// Runs cargo with these arguments, split at blanks.
    pub(crate) fn cargo(&self, arguments: &str) -> Run {
        self.run("cargo").args(arguments.split_whitespace())
    }
}

/// A program to run.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    environment: String,
}

impl Run {
    fn new(program: impl AsRef<OsStr>, directory: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(directory).stdin(Stdio::null());
        Self { command, environment: String::new() }
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        self.args([argument])
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment += &format!("{name}={:?} ", value.as_ref());
        self.command.env(name, value);
        self
    }

    /// Runs it somewhere else than in the repository's root.
    pub(crate) fn directory(mut self, path: impl AsRef<Path>) -> Self {
        self.command.current_dir(path);
        self
    }

    /// The command as one would type it.
    fn line(&self) -> String {
        let words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        format!("{}{}", self.environment, words.join(" "))
    }

    /// Runs it to its end; what it prints goes where ours goes.
    pub(crate) fn check(mut self) -> Result<(), Stop> {
        println!("$ {}", self.line());
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Stop::failed(format!("{}: {status}: see its output above", self.line())),
            Err(error) => Err(self.not_started(&error)),
        }
    }

    /// Runs it to its end and gives what it printed to stdout, whatever its exit code.
    pub(crate) fn text_any(mut self) -> Result<String, Stop> {
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| self.not_started(&error))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it to its end and gives what it printed to stdout.
    pub(crate) fn text(mut self) -> Result<String, Stop> {
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Stop::failed(format!("{}: {}: see its output above", self.line(), output.status))
        }
    }

    /// Runs it to its end and gives what it printed to stderr, after printing that too.
    pub(crate) fn stderr(mut self) -> Result<String, Stop> {
        println!("$ {}", self.line());
        let output = self.command.output().map_err(|error| self.not_started(&error))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        print!("{text}");
        if output.status.success() {
            Ok(text)
        } else {
            Stop::failed(format!("{}: {}", self.line(), output.status))
        }
    }

    /// Runs it for at most `limit` and gives what it printed to stdout, which must be less than a pipe
    /// holds (64 KiB).
    pub(crate) fn text_within(mut self, limit: Duration) -> Result<String, Stop> {
        let line = self.line();
        self.command.stdout(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let ended = wait(&mut child, limit);
        let output = child.wait_with_output();
        let output = output.map_err(|error| Stop::Failed(format!("{line}: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !ended {
            return Stop::failed(format!(
                "{line}: stopped after {} s: it hangs, or the host is busy",
                limit.as_secs()
            ));
        }
        if !output.status.success() {
            return Stop::failed(format!("{line}: {}: see its output above\n{text}", output.status));
        }
        Ok(text)
    }

    /// Runs it for at most `limit`. It has to fail by itself: gives what it printed, to stdout and then to
    /// stderr, each of which must be less than a pipe holds.
    pub(crate) fn fails_within(mut self, limit: Duration) -> Result<String, Stop> {
        let line = self.line();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let ended = wait(&mut child, limit);
        let output = child.wait_with_output();
        let output = output.map_err(|error| Stop::Failed(format!("{line}: {error}")))?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.concat();
        if !ended {
            return Stop::failed(format!("{line}: stopped after {} s\n{text}", limit.as_secs()));
        }
        if output.status.success() {
            return Stop::failed(format!("{line}: succeeded, and should not have\n{text}"));
        }
        Ok(text)
    }

    /// Runs it until it prints a line that begins with `ready` (for at most `limit`), then for `delay`, and
    /// kills it: a power cut. Gives the whole lines that it printed to stdout.
    pub(crate) fn cut(mut self, ready: &str, delay: Duration, limit: Duration) -> Result<Vec<String>, Stop> {
        let line = self.line();
        let failed = |what: &str| Stop::Failed(format!("{line}: {what}"));
        self.command.stdout(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("no pipe to its stdout"))?;
        let (sender, receiver) = mpsc::channel();
        // Ends with the pipe, which the kill closes.
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(stdout);
            let mut text = String::new();
            // A line without its end was cut: it says nothing.
            while matches!(pipe.read_line(&mut text), Ok(size) if size > 0 && text.ends_with('\n')) {
                if sender.send(std::mem::take(&mut text)).is_err() {
                    break;
                }
            }
        });
        let start = Instant::now();
        let mut lines = Vec::new();
        let mut is_ready = false;
        while let (false, Some(rest)) = (is_ready, limit.checked_sub(start.elapsed())) {
            let Ok(text) = receiver.recv_timeout(rest) else { break };
            is_ready = text.starts_with(ready);
            lines.push(text.trim_end().to_owned());
        }
        if is_ready {
            thread::sleep(delay);
        }
        let ended = child.try_wait();
        let _ = child.kill(); // it may have ended by itself, which is told below
        let _ = child.wait();
        let _ = reader.join();
        lines.extend(receiver.try_iter().map(|text| text.trim_end().to_owned()));
        match ended {
            Ok(None) if is_ready => Ok(lines),
            Ok(Some(status)) => {
                Err(failed(&format!("ended by itself ({status}) before the cut:\n{}", lines.join("\n"))))
            }
            _ => {
                Err(failed(&format!("no line {ready:?} within {} s:\n{}", limit.as_secs(), lines.join("\n"))))
            }
        }
    }

    /// Whether it succeeds within `limit`. Its output is dropped.
    pub(crate) fn succeeds(mut self, limit: Duration) -> bool {
        let child = self.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.is_ok_and(|mut child| {
            wait(&mut child, limit) && child.wait().is_ok_and(|status| status.success())
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Stop {
        Stop::NotRun(format!("{}: not started: {error}: is it installed?", self.line()))
    }
}

/// Waits for `child`, and ends it after `limit`. Tells whether it ended by itself.
fn wait(child: &mut Child, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Ok(Some(_)) => return true,
            Err(_) => break,
        }
    }
    // It may have ended just now; then there is nothing to end.
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Root {
        Root::find().unwrap()
    }

    #[test]
    fn failure_names_the_command_and_a_missing_program_is_not_run() {
        let failed = root().run("false").arg("x").check();
        assert!(matches!(failed, Err(Stop::Failed(text)) if text.starts_with("false x: ")));
        let missing = root().run("no-such-program").check();
        assert!(matches!(missing, Err(Stop::NotRun(text)) if text.starts_with("no-such-program: ")));
    }

    #[test]
    fn cut_keeps_whole_lines_printed_before_and_after_it_was_ready() {
        let script = "echo one; echo ready; echo two; printf half; exec sleep 100";
        let second = Duration::from_secs(1);
        let lines = root().run("sh").args(["-c", script]).cut("ready", second / 4, 10 * second);
        assert!(matches!(lines, Ok(lines) if lines == ["one", "ready", "two"]));
        let ended = root().run("sh").args(["-c", "echo ready"]).cut("ready", second / 2, 10 * second);
        assert!(matches!(ended, Err(Stop::Failed(text)) if text.contains("ended by itself")));
        let never = root().run("sleep").arg("100").cut("ready", second, second / 20);
        assert!(matches!(never, Err(Stop::Failed(text)) if text.contains("no line \"ready\"")));
    }

    #[test]
    fn program_that_hangs_is_ended() {
        let hangs = root().run("sleep").arg("100").text_within(Duration::from_millis(50));
        assert!(matches!(hangs, Err(Stop::Failed(text)) if text.contains("sleep 100: stopped")));
        assert!(!root().run("sleep").arg("100").succeeds(Duration::from_millis(50)));
    }
}
