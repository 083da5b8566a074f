//! The cross-check: firmware on an emulated board and the command on the host, on the same logs.
//!
//! One module per program of `ci/firmware`; what they share is the [board](boards), the [report] and the
//! [command](Desktop).

mod boards;
mod host_files;
mod power_cut;
mod report;
mod unikernel;

use crate::outcome::{Done, Stop};
use crate::run::{Root, Run};
use std::fs;
use std::path::{Path, PathBuf};

/// Runs every program on its boards, and compares.
pub(crate) fn qemu(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    root.cargo("build --release --package aof-cli").check()?;
    let desktop = Desktop { root };
    host_files::run(&desktop, &mut done)?;
    unikernel::run(&desktop, &mut done)?;
    Ok(done)
}

/// The command on this machine.
#[derive(Clone, Copy)]
struct Desktop<'a> {
    root: &'a Root,
}

impl Desktop<'_> {
    /// What the command says of the log `name` in `directory`. It exits with another code than 0 where there
    /// is damage.
    fn verify(&self, directory: &Path, name: &str) -> Result<String, Stop> {
        self.command(directory).args(["verify", "--json", name]).text_any()
    }

    /// The command, to be run in `directory`.
    fn command(&self, directory: &Path) -> Run {
        self.root.run(self.root.target().join("release/aof")).directory(directory)
    }
}

/// An empty directory at `path`.
fn fresh_directory(path: &Path) -> Result<PathBuf, Stop> {
    let _ = fs::remove_dir_all(path); // it need not have been there
    fs::create_dir_all(path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?;
    Ok(path.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    fs::read(path)
        .map_err(|error| Stop::Failed(format!("{}: {error}: is the checkout whole?", path.display())))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    fs::write(path, bytes).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))
}
