//! The cross-check: firmware on an emulated board and the command on the host, on the same logs.
//!
//! ```text
//! recorded log --change--> LOG --+--> firmware, QEMU ----------> report --+
//!                          ^     |                                        +--> equal?
//!      firmware writes ----+     +--> aof verify --json ------> report ---+
//! ```
//!
//! A board is a row of [`boards::BOARDS`], a run of a program a row of [`cases::CASES`].

mod boards;
mod cases;
mod report;

use self::boards::{BOARDS, Board};
use self::cases::{CASES, Case, EQUAL, Log};
use crate::outcome::{Done, Stop};
use crate::run::Root;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs every case on every board, and compares.
pub(crate) fn qemu(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    root.cargo("build --release --package aof-cli").check()?;
    let mut differences = String::new();
    for board in &BOARDS {
        let target = board.set_up(root)?;
        if !target.has_clippy() {
            done.left_out(format!("clippy on the firmware: it needs `rustup target add {}`", board.target));
        }
        let logs = fresh_directory(&root.target().join("qemu").join(board.target))?;
        let device = Device { root, board, images: target.release_directory(root), logs };
        for case in &CASES {
            differences += &device.differences(case)?;
        }
        for [one, other] in EQUAL {
            if read(&device.logs.join(one))? != read(&device.logs.join(other))? {
                differences += &format!("{}: {one} and {other} are not equal\n", board.name);
            }
        }
    }
    if differences.is_empty() { Ok(done) } else { Stop::failed(differences) }
}

/// A board with its programs and a directory of logs.
struct Device<'a> {
    root: &'a Root,
    board: &'a Board,
    images: PathBuf,
    logs: PathBuf,
}

impl Device<'_> {
    /// Runs a case. Gives what the device reports otherwise than the command; nothing if they agree.
    fn differences(&self, case: &Case) -> Result<String, Stop> {
        let name = case.log.name();
        let mut words = vec![case.program, name];
        match case.log {
            Log::Changed { recorded, change, .. } => {
                let mut log = read(&self.root.path(recorded))?;
                change(&mut log);
                write(&self.logs.join(name), &log)?;
            }
            Log::Written { profile, .. } => words.push(profile),
            Log::Again { .. } => {}
        }
        let printed = self.board.run(self.root, &self.images.join(case.program), &words, &self.logs)?;
        let expected = report::expected(&self.verify(name)?)?;
        let differences = report::differences(&expected, &printed);
        let verdict = if differences.is_empty() { "agrees" } else { "DIFFERS" };
        let damages = expected.lines().filter(|line| line.starts_with("damage")).count();
        println!("{}: {:<6} {name:<24} {verdict} ({damages} damages)", self.board.name, case.program);
        if differences.is_empty() {
            return Ok(differences);
        }
        let file = self.logs.join(name);
        Ok(format!("{}: {} {}:\n{differences}", self.board.name, case.program, file.display()))
    }

    /// What the command says of the log `name`. It exits with another code than 0 where there is damage.
    fn verify(&self, name: &str) -> Result<String, Stop> {
        let command = self.root.target().join("release/aof");
        self.root.run(command).args(["verify", "--json", name]).directory(&self.logs).text_any()
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
