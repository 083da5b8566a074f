//! Programs over files of the host.
//!
//! ```text
//! recorded log --change--> LOG --+--> firmware, QEMU ----------> report --+
//!                          ^     |                                        +--> equal?
//!      firmware writes ----+     +--> aof verify --json ------> report ---+
//! ```
//!
//! A board is a row of [`boards::BOARDS`], a run of a program a row of [`cases::CASES`].

mod cases;

use self::cases::{CASES, Case, EQUAL, Log};
use super::boards::{BOARDS, Board};
use super::{Desktop, fresh_directory, read, report, write};
use crate::outcome::{Done, Stop};
use std::path::PathBuf;

/// Runs every case on every board, and compares.
pub(super) fn run(desktop: &Desktop<'_>, done: &mut Done) -> Result<(), Stop> {
    let root = desktop.root;
    let mut differences = String::new();
    for board in &BOARDS {
        let target = board.set_up(root, "aof-firmware-host-files")?;
        if !target.has_clippy() {
            done.left_out(format!("clippy on the firmware: it needs `rustup target add {}`", board.target));
        }
        let logs = fresh_directory(&root.target().join("qemu").join(board.target))?;
        let device = Device { desktop, board, images: target.release_directory(root), logs };
        for case in &CASES {
            differences += &device.differences(case)?;
        }
        for [one, other] in EQUAL {
            if read(&device.logs.join(one))? != read(&device.logs.join(other))? {
                differences += &format!("{}: {one} and {other} are not equal\n", board.name);
            }
        }
    }
    if differences.is_empty() { Ok(()) } else { Stop::failed(differences) }
}

/// A board with its programs and a directory of logs.
struct Device<'a> {
    desktop: &'a Desktop<'a>,
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
                let mut log = read(&self.desktop.root.path(recorded))?;
                change(&mut log);
                write(&self.logs.join(name), &log)?;
            }
            Log::Written { profile, .. } => words.push(profile),
            Log::Again { .. } => {}
        }
        let printed =
            self.board.run(self.desktop.root, &self.images.join(case.program), &words, &self.logs)?;
        let expected = report::expected(&self.desktop.verify(&self.logs, name)?)?;
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
}
