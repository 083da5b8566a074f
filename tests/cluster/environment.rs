//! What the environment names, and that one test runs at a time.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One cluster after another: replicas want memory and both cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The programs, for as long as a test runs.
pub(crate) struct Environment {
    server: PathBuf,
    reference: Option<PathBuf>,
    _turn: MutexGuard<'static, ()>,
}

impl Environment {
    /// Waits for this test's turn. `None`, and a loud line, if there is no server to test with.
    pub(crate) fn get() -> Option<Self> {
        // A test that failed leaves nothing behind that another could stumble over.
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server) = program("TIGERBEETLE") else {
            loud("NOT RUN: TIGERBEETLE is not set: nothing was replayed into a real cluster");
            return None;
        };
        Some(Self { server, reference: program("AOF_REFERENCE"), _turn: turn })
    }

    /// The server's program.
    pub(crate) fn server(&self) -> &Path {
        &self.server
    }

    /// The reference's AOF tool. `None`, and a loud line, if there is none.
    pub(crate) fn reference(&self) -> Option<&Path> {
        if self.reference.is_none() {
            loud("NOT RUN: AOF_REFERENCE is not set: no recovery was compared with the reference's");
        }
        self.reference.as_deref()
    }
}

/// The program that a variable names. One that is not there is an error, not an absence.
fn program(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable).filter(|value| !value.is_empty())?);
    assert!(path.is_file(), "{variable} names {}, which is no file", path.display());
    // Processes are started in directories of their own.
    Some(path.canonicalize().unwrap())
}

/// A line that is shown even where the test runner hides what tests print.
pub(crate) fn loud(line: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // In one piece: other threads write too.
    let _ = std::io::stderr().write_all(format!("\n{test}: {line}\n").as_bytes());
}
