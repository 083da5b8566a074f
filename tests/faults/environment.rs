//! What the machine has, what the environment asks for, and what is said of both.
//!
//! | variable | meaning |
//! |---|---|
//! | `AOF_CI_STRICT=1` | a test that could not run here fails |
//! | `AOF_CI_KILLS=N` | so many kills of a writer, instead of 200 |
//! | `AOF_CI_FAULTS=all` | every place of the longer sweeps, instead of some |
//! | `AOF_CI_SEED=N` | the seed of random moments, instead of a fixed one |

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kills of a writer, unless the environment says otherwise.
const KILLS_DEFAULT: u64 = 200;

/// How many times the writer is killed.
pub(crate) fn kills() -> u64 {
    number("AOF_CI_KILLS").unwrap_or(KILLS_DEFAULT)
}

/// The seed of random moments, which is printed.
pub(crate) fn seed(default: u64) -> u64 {
    let seed = number("AOF_CI_SEED").unwrap_or(default);
    tell(&format!("seed {seed} (AOF_CI_SEED={seed} repeats it, but for the machine's own timing)"));
    seed
}

/// One of `some` places of a sweep, or each one.
pub(crate) fn stride(some: usize) -> usize {
    match text("AOF_CI_FAULTS").as_deref() {
        None => some,
        Some("all") => 1,
        Some(other) => panic!("AOF_CI_FAULTS is {other:?}: it can only be \"all\""),
    }
}

/// A number that a variable holds. Anything else in it is a mistake that would make a run mean less than
/// it seems to.
fn number(variable: &str) -> Option<u64> {
    text(variable).map(|text| match text.parse() {
        Ok(number) if number > 0 => number,
        _ => panic!("{variable} is {text:?}: it has to be a number from 1 on"),
    })
}

fn text(variable: &str) -> Option<String> {
    let value = std::env::var_os(variable)?;
    Some(value.into_string().unwrap_or_else(|value| panic!("{variable} is {value:?}: no text")))
}

/// Prints a line that is shown even where the test runner hides what tests print: counts belong into the
/// log of every run.
pub(crate) fn tell(line: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // In one piece: other threads write too.
    let _ = std::io::stderr().write_all(format!("faults: {test}: {line}\n").as_bytes());
}

/// Says loudly that a test did not run, and why. A failure where the environment asks for it.
pub(crate) fn not_run(why: &str) {
    tell(&format!("NOT RUN: {why}"));
    assert!(
        text("AOF_CI_STRICT").as_deref() != Some("1"),
        "could not run, which AOF_CI_STRICT=1 forbids: {why}"
    );
}

/// Whether these programs can be started; loud if not.
pub(crate) fn has(programs: &[&str]) -> bool {
    let there = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
    };
    for program in programs {
        if !there(program) {
            not_run(&format!("{program} is missing: on Debian run `sudo ci/setup strace util-linux`"));
            return false;
        }
    }
    true
}

/// Whether system calls can be made to fail by strace; loud if not. Some containers forbid tracing.
pub(crate) fn has_strace() -> bool {
    if !has(&["strace"]) {
        return false;
    }
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output().unwrap();
    if !traced.status.success() {
        not_run(&format!("strace cannot trace here: {}", String::from_utf8_lossy(&traced.stderr).trim()));
        return false;
    }
    true
}

/// Whether the tests run as root; loud if not.
pub(crate) fn is_root(what_for: &str) -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    let root = output.stdout == b"0\n";
    if !root {
        not_run(&format!("not root, which is needed {what_for}"));
    }
    root
}

/// A small file system of its own, in memory. Unmounted when dropped.
pub(crate) struct Tmpfs {
    directory: tempfile::TempDir,
}

impl Tmpfs {
    /// Mounts one of `size` bytes. `None`, and loud, where that cannot be done.
    pub(crate) fn mount(size: u64) -> Option<Self> {
        if !is_root("to mount a small file system") || !has(&["mount", "umount"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let mounted = mount(&format!("size={size}"), directory.path());
        if let Err(why) = mounted {
            not_run(&format!("no tmpfs can be mounted: {why}"));
            return None;
        }
        Some(Self { directory })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Gives it another size, in bytes: the tests' way to make room.
    pub(crate) fn resize(&self, size: u64) {
        mount(&format!("remount,size={size}"), self.path()).unwrap();
    }
}

fn mount(options: &str, directory: &Path) -> Result<(), String> {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "aof-faults"]).arg(directory);
    let output = mount.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Before the directory itself is removed. Lazily: a process that a failed test left may be in it.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
