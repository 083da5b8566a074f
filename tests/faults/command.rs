//! The command `aof` as a process, and files that must not change.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The program.
pub(crate) const AOF: &str = env!("CARGO_BIN_EXE_aof");

/// Runs the command.
pub(crate) fn aof<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run(Command::new(AOF).args(arguments))
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{shown}: {error}"));
    Ran {
        shown,
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The arguments of a merge.
pub(crate) fn merge(flags: &[&str], output: &Path, inputs: &[&Path]) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["merge".into(), "--output".into(), output.into()];
    words.extend(flags.iter().map(OsString::from));
    words.extend(inputs.iter().map(OsString::from));
    words
}

/// What a program printed and how it ended.
pub(crate) struct Ran {
    pub(crate) shown: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Expects an exit code; a failure shows everything.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Expects that it says all of these on standard error.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shown, status, stdout, stderr } = self;
        write!(f, "{shown}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A file that a real replica wrote.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

/// All files in a directory with what is in them.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// The names of all files in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    files(directory).into_keys().collect()
}
