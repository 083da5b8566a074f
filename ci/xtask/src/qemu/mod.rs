//! The cross-check: firmware on an emulated board and the command on the host, on the same logs.
//!
//! One module per program of `ci/firmware`; what they share is the [board](boards), the [report], the
//! [log](device_log), the [command](Desktop) and the [table] of what ran.

mod boards;
mod device_log;
mod host_files;
mod power_cut;
mod recorded;
mod report;
mod sd_card;
mod table;
mod unikernel;
mod written;

use self::table::Table;
use crate::host;
use crate::outcome::{Done, Stop};
use crate::run::{Root, Run};
use std::fs;
use std::path::{Path, PathBuf};

/// Runs every program on its boards, and compares.
pub(crate) fn qemu(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    power_cut::wanted()?;
    let aof = host::tool(root, "aof")?;
    let table = Table::default();
    let desktop = Desktop { root, aof: &aof, table: &table };
    let result = programs(&desktop, &mut done);
    print!("{table}"); // of what ran until then, too
    result.map(|()| done)
}

/// One module per program.
fn programs(desktop: &Desktop<'_>, done: &mut Done) -> Result<(), Stop> {
    host_files::run(desktop, done)?;
    sd_card::run(desktop, done)?;
    unikernel::run(desktop, done)
}

/// The command on this machine.
#[derive(Clone, Copy)]
struct Desktop<'a> {
    root: &'a Root,
    aof: &'a Path,
    /// What ran, printed at the step's end: each program adds rows.
    table: &'a Table,
}

impl Desktop<'_> {
    /// What the command says of the log `name` in `directory`. It exits with another code than 0 where there
    /// is damage.
    fn verify(&self, directory: &Path, name: &str) -> Result<String, Stop> {
        self.aof(directory).args(["verify", "--json", name]).text_any()
    }

    /// The command, about to run in `directory`.
    fn aof(&self, directory: &Path) -> Run {
        self.root.run(self.aof).directory(directory)
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
