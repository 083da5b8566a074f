//! A command that is run and looked at; files to run it on.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The command, with these arguments.
pub(crate) fn aof<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(command().args(arguments))
}

/// The command, to be run otherwise.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aof"));
    command.stdin(Stdio::null());
    command
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    shown: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let output = command.output().unwrap();
        Self {
            shown,
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects an exit code; a failure shows everything.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        let Self { shown, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "{shown}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// The lines of standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}

/// A file that a real replica wrote.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

/// `cluster/r0.aof` to `r2.aof`.
pub(crate) fn replica(number: u8) -> PathBuf {
    data(&format!("cluster/r{number}.aof"))
}

/// A file in a directory of its own, that is gone after the test.
pub(crate) fn file(directory: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The whole log that the three replicas' logs make.
pub(crate) const WHOLE_SHA256: &str = "44dc107731f7a4bcb1eccbdc24ef993d46deb1400b52e3a5cc6d592bac842b6f";

pub(crate) fn sha256(path: &Path) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(std::fs::read(path).unwrap()) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// `aof verify --json` of one file.
pub(crate) fn survey(path: &Path) -> Value {
    let ran = aof([Path::new("verify"), Path::new("--json"), path]);
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
    ran.json().pop().unwrap()
}

/// The kinds and offsets of a survey's findings.
pub(crate) fn findings(survey: &Value) -> Vec<(String, u64)> {
    let finding =
        |finding: &Value| (finding["kind"].as_str().unwrap().to_owned(), finding["offset"].as_u64().unwrap());
    survey["findings"].as_array().unwrap().iter().map(finding).collect()
}
