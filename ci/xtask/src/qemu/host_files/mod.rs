//! Programs over files of the host.
//!
//! ```text
//! recorded log,                                     +--> defmt's lines ---+
//! desktop's log --change--> LOG --+--> firmware, ---+--> report ----------+--> do they agree?
//!                           ^     |    in QEMU                            |
//!       firmware writes ----+     +--> aof verify --json, debug, merge ---+
//! ```
//!
//! A board is a row of [`boards::BOARDS`](super::boards::BOARDS), a run of a program a row of
//! [`cases::CASES`]; the program in C (`ci/firmware/c`) has a part of them, and logs nothing by defmt. [`cuts`]
//! takes the power away while a device appends, [`replicas`] merges what three devices wrote, [`executor`] has the
//! same done by tasks of an async executor.

mod cases;
mod cuts;
mod desktop;
mod executor;
mod replicas;

use self::cases::{CASES, Case, EQUAL, EQUAL_IN_C, Source, cases_in_c};
use super::boards::{BOARDS, Board, C_BOARD};
use super::{Desktop, device_log, fresh_directory, read, report, write, written};
use crate::c::Toolchain;
use crate::outcome::{Done, Stop};
use crate::run::Run;
use std::path::PathBuf;

/// Runs every case on every board, and compares.
pub(super) fn run(desktop: &Desktop<'_>, done: &mut Done) -> Result<(), Stop> {
    device_log::set_up(desktop)?;
    let devices = BOARDS.iter().map(|board| Device::set_up(desktop, board, PROGRAMS, done));
    let devices: Vec<_> = devices.collect::<Result<_, _>>()?;
    let in_c = Device::set_up_in_c(desktop, done)?;
    let executor = Device::set_up(desktop, executor::BOARD, executor::PROGRAMS, done)?;
    let mut differences = String::new();
    for device in &devices {
        for case in &CASES {
            differences += &device.run_case(case)?;
        }
        differences += &device.equal(&EQUAL)?;
    }
    for case in cases_in_c() {
        differences += &in_c.run_case(case)?;
    }
    differences += &in_c.equal(&EQUAL_IN_C)?;
    differences += &replicas::differences(&devices)?;
    differences += &executor::differences(&executor)?;
    if !differences.is_empty() {
        return Stop::failed(differences);
    }
    for (seed, device) in (1..).zip(devices.iter().chain([&in_c, &executor])) {
        cuts::run(device, seed)?;
    }
    Ok(())
}

/// The programs of a package.
#[derive(Clone, Copy)]
struct Programs {
    package: &'static str,
    /// The one that appends.
    append: &'static str,
    /// Behind the target's name, the name of the directory of logs.
    suffix: &'static str,
    /// By how much a time is divided after which the power goes.
    haste: u32,
}

/// An emulated device appends some 50,000 entries a second to a file: it gets a fraction of the time.
const PROGRAMS: Programs =
    Programs { package: "aof-firmware-host-files", append: "append", suffix: "", haste: 8 };

/// A board with its programs and a directory of logs.
struct Device<'a> {
    desktop: &'a Desktop<'a>,
    board: &'a Board,
    programs: Programs,
    images: PathBuf,
    logs: PathBuf,
    /// The program is the one in C: it prints a report of its own, and logs nothing by defmt.
    is_c: bool,
}

impl<'a> Device<'a> {
    fn set_up(
        desktop: &'a Desktop<'a>,
        board: &'a Board,
        programs: Programs,
        done: &mut Done,
    ) -> Result<Self, Stop> {
        let root = desktop.root;
        let target = board.set_up(root, programs.package)?;
        if !target.has_clippy() {
            done.left_out(format!("clippy on the firmware: it needs `rustup target add {}`", board.target));
        }
        let logs = format!("{}{}", board.target, programs.suffix);
        let logs = fresh_directory(&root.target().join("qemu").join(logs))?;
        Ok(Self { desktop, board, programs, images: target.release_directory(root), logs, is_c: false })
    }

    /// The board with the program in C: one image for all that it does.
    fn set_up_in_c(desktop: &'a Desktop<'a>, done: &mut Done) -> Result<Self, Stop> {
        let root = desktop.root;
        C_BOARD.set_up_emulator(root)?;
        let toolchain = Toolchain::set_up(root, done)?;
        let images = fresh_directory(&root.target().join("bare/c"))?;
        let library = toolchain.library("tigerbeetle,crc")?;
        toolchain.program(&["start.c", "board.c", "log.c"], &[], &library, &images.join("log"))?;
        let logs = fresh_directory(&root.target().join("qemu/c"))?;
        Ok(Self { desktop, board: &C_BOARD, programs: PROGRAMS, images, logs, is_c: true })
    }

    /// The image of a program.
    fn image(&self, program: &str) -> PathBuf {
        self.images.join(if self.is_c { "log" } else { program })
    }

    /// What the device has to print for the log that `aof verify --json` tells of.
    fn expected(&self, json: &str) -> Result<String, Stop> {
        if self.is_c { report::expected_of_c(json) } else { report::expected_with_chain(json) }
    }

    /// The emulator, about to run a program with these words.
    fn command(&self, program: &str, words: &[&str]) -> Run {
        let words: Vec<_> = [program].into_iter().chain(words.iter().copied()).collect();
        self.board.command(self.desktop.root, &self.image(program), &words, &self.logs)
    }

    /// Runs a program to its end with these words, and gives its report.
    fn report(&self, program: &str, words: &[&str]) -> Result<String, Stop> {
        let words: Vec<_> = [program].into_iter().chain(words.iter().copied()).collect();
        self.board.run(self.desktop.root, &self.image(program), &words, &self.logs)
    }

    /// Runs a case. Gives what the device finds otherwise than the command; nothing if they agree.
    fn run_case(&self, case: &Case) -> Result<String, Stop> {
        self.make(case)?;
        let before = read(&self.logs.join(case.name)).unwrap_or_default();
        let words: Vec<_> = [case.name].into_iter().chain(case.words.iter().copied()).collect();
        if case.refused {
            return self.refused(case, &words, &before);
        }
        let printed = self.report(case.program, &words)?;
        let json = self.desktop.verify(&self.logs, case.name)?;
        let expected = self.expected(&json)?;
        let mut differences = report::differences(&expected, &printed);
        if !self.is_c {
            let lines = device_log::lines(self.desktop, &self.image(case.program), &self.logs)?;
            differences += &device_log::differences(&json, &lines)?;
            self.show(&lines);
        }
        if case.writes() && self.is_c {
            differences += &written::merged(self.desktop, &self.logs, case.name)?;
        } else if case.writes() {
            differences += &written::differences(self.desktop, &self.logs, case.name, &printed)?;
        }
        let count = |word| expected.lines().filter(|line| line.starts_with(word)).count();
        let agrees = format!("agrees: damages {}, breaks of the chain {}", count("damage"), count("chain"));
        Ok(self.judged(case, &agrees, &differences))
    }

    /// Runs a case in which the device has to refuse the log, and to log what `aof verify` finds first.
    fn refused(&self, case: &Case, words: &[&str], before: &[u8]) -> Result<String, Stop> {
        println!("{}: {} is to be refused:", self.board.name, case.name);
        let (mut differences, told) = match self.report(case.program, words) {
            Err(Stop::Failed(message)) if message.contains("exit status: 1") => (String::new(), message),
            Err(stop) => return Err(stop),
            Ok(printed) => ("  the device took the log\n".to_owned(), printed),
        };
        if read(&self.logs.join(case.name))? != before {
            differences += "  the device changed the log\n";
        }
        let survey = report::survey(&self.desktop.verify(&self.logs, case.name)?)?;
        let first = &survey["findings"][0];
        let lines = if self.is_c {
            let place = format!("byte {} (op {}): ", first["offset"], first["op"]);
            told.lines().filter(|line| line.starts_with(&place)).map(str::to_owned).collect()
        } else {
            device_log::lines(self.desktop, &self.image(case.program), &self.logs)?
        };
        let is_told = |line: &String| self.is_c || device_log::tells(line, first);
        if !lines.iter().any(is_told) {
            differences += &format!("  aof verify: {first}\n  told: {lines:?}, {told}\n");
        }
        self.show(&lines);
        Ok(self.judged(case, "refused, the log is as it was", &differences))
    }

    /// Makes the log of a case.
    fn make(&self, case: &Case) -> Result<(), Stop> {
        let path = self.logs.join(case.name);
        let change = match case.source {
            Source::Recorded(recorded, change) => {
                write(&path, &read(&self.desktop.root.path(recorded))?)?;
                change
            }
            Source::Desktop(profile, last, change) => {
                desktop::chain(&path, profile, last)?;
                change
            }
            Source::Forked(profile) => return desktop::fork(&path, profile),
            Source::Empty => return write(&path, &[]),
            Source::Device | Source::Before => return Ok(()),
        };
        let mut log = read(&path)?;
        change(&mut log);
        write(&path, &log)
    }

    /// Prints the first entry that a device logged or printed, and the first things that are not entries.
    fn show(&self, lines: &[String]) {
        let (entries, others): (Vec<_>, Vec<_>) =
            lines.iter().partition(|line| line.contains("entry Header"));
        for line in entries.into_iter().take(1).chain(others.into_iter().take(3)) {
            println!("    {}: {line}", if self.is_c { "printed" } else { "defmt" });
        }
    }

    /// Adds the row of a case to the table; gives the differences with a heading.
    fn judged(&self, case: &Case, agrees: &str, differences: &str) -> String {
        let verdict = if differences.is_empty() { agrees } else { "DIFFERS" };
        self.desktop.table.row(self.board.name, case.program, case.name, verdict);
        if differences.is_empty() {
            return String::new();
        }
        let file = self.logs.join(case.name);
        format!("{}: {} {}:\n{differences}", self.board.name, case.program, file.display())
    }

    /// Compares logs that have to be equal to the byte.
    fn equal(&self, logs: &[(&str, &str)]) -> Result<String, Stop> {
        desktop::chain(&self.logs.join("tigerbeetle.aof"), "tigerbeetle", 100)?;
        let mut differences = String::new();
        for (one, other) in logs {
            if read(&self.logs.join(one))? != read(&self.logs.join(other))? {
                differences += &format!("{}: {one} and {other} are not equal\n", self.board.name);
            }
        }
        Ok(differences)
    }
}
