//! A unikernel with a log raw on a disk.
//!
//! ```text
//! recorded log --> image, zeros behind ---+--> unikernel, QEMU --------> report --+
//!                        ^                |                                       +--> equal?
//!     unikernel writes --+                +--> aof verify --json ------> report --+
//! ```
//!
//! | check | what |
//! |---|---|
//! | read | logs of replicas, whole and damaged, read on the device |
//! | write | logs of the device: read by verify, debug, merge; what the desktop writes of them, on the device |
//! | merge | the log of a replica that the device went on with, damaged, and the replica's: one chain |
//! | refuse | what must not be gone on with is left as it is |
//! | power | [`cuts`] |

mod cases;
mod cuts;

use self::cases::{READINGS, REFUSALS, Refusal};
use super::boards::{DISK_BOARD, RUN_MAX};
use super::recorded::SMALL;
use super::{Desktop, fresh_directory, read, report, write};
use crate::outcome::{Done, Stop};
use crate::run::Run;
use std::path::PathBuf;

/// Bytes of a disk.
const DISK_SIZE: usize = 4 << 20;

const PROFILES: [&str; 2] = ["tigerbeetle", "crc"];

/// How a disk is attached unless a check is about that.
const CACHED: &str = "";

/// A check; gives a line for people.
type Check = fn(&Device<'_>) -> Result<String, Stop>;

/// Runs everything.
pub(super) fn run(desktop: &Desktop<'_>, done: &mut Done) -> Result<(), Stop> {
    let root = desktop.root;
    let target = DISK_BOARD.set_up(root, "aof-firmware-unikernel")?;
    if !target.has_clippy() {
        done.left_out(format!("clippy on the firmware: it needs `rustup target add {}`", DISK_BOARD.target));
    }
    let directory = fresh_directory(&root.target().join("qemu/unikernel"))?;
    let device = Device { desktop, programs: target.release_directory(root), directory };
    let checks: [(&str, Check); 5] =
        [("read", reads), ("write", writes), ("merge", merges), ("refuse", refuses), ("power", cuts::run)];
    for (name, check) in checks {
        desktop.table.row(DISK_BOARD.name, name, "raw on a disk", &check(&device)?);
    }
    Ok(())
}

/// The board, its programs, and a directory of disks.
struct Device<'a> {
    desktop: &'a Desktop<'a>,
    programs: PathBuf,
    directory: PathBuf,
}

impl Device<'_> {
    /// Makes the disk `name`: `bytes`, and zeros behind them.
    fn disk(&self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        let mut disk = bytes.to_vec();
        disk.resize(DISK_SIZE.max(bytes.len().next_multiple_of(512)), 0);
        write(&self.directory.join(name), &disk)
    }

    /// What is on the disk, or in the file, `name`.
    fn bytes(&self, name: &str) -> Result<Vec<u8>, Stop> {
        read(&self.directory.join(name))
    }

    /// The program with these words, on the disk `name`.
    fn command(&self, name: &str, attached: &str, words: &[&str]) -> Run {
        let program = self.programs.join(words.first().unwrap_or(&"read"));
        let run = DISK_BOARD.command(self.desktop.root, &program, words, &self.directory);
        let drive = format!("file={name},if=none,id=log,format=raw");
        let disk = format!("virtio-blk-device,drive=log{attached}");
        run.args(["-drive", &drive, "-device", &disk]).directory(&self.directory)
    }

    fn run(&self, name: &str, words: &[&str]) -> Result<String, Stop> {
        self.command(name, CACHED, words).text_within(RUN_MAX)
    }

    /// Lets the device append `count` entries to the disk, the last of which is op `before` so far. Gives what
    /// that asked of the disk.
    fn serve(&self, name: &str, profile: &str, before: u64, count: u64) -> Result<String, Stop> {
        let printed = self.run(name, &["serve", profile, &count.to_string(), "0"])?;
        let last = before + count;
        let wanted = ["aes instructions", &format!("appending {before}"), &format!("checkpoint {last}")]
            .map(str::to_owned);
        for line in wanted {
            if !printed.lines().any(|printed| printed == line) {
                return Stop::failed(format!("{name}: the device did not print {line:?}: {printed}"));
            }
        }
        let line = printed.lines().find_map(|line| line.strip_prefix("appending: "));
        Ok(line.unwrap_or_default().to_owned())
    }

    /// What the device reports of the disk otherwise than the command; nothing if they agree.
    fn differences(&self, name: &str) -> Result<String, Stop> {
        let printed = self.run(name, &["read"])?;
        let expected = report::expected(&self.desktop.verify(&self.directory, name)?)?;
        let differences = report::differences(&expected, &printed);
        if differences.is_empty() {
            return Ok(differences);
        }
        Ok(format!("{}: read {}:\n{differences}", DISK_BOARD.name, self.directory.join(name).display()))
    }

    /// Merges these into `output`.
    fn merge(&self, output: &str, inputs: &[&str]) -> Result<Vec<u8>, Stop> {
        let command = self.desktop.aof(&self.directory);
        command.args(["merge", "--force", "--output", output]).args(inputs).text()?;
        self.bytes(output)
    }
}

/// Logs of replicas, whole and damaged.
fn reads(device: &Device<'_>) -> Result<String, Stop> {
    let mut differences = String::new();
    for reading in &READINGS {
        let mut log = read(&device.desktop.root.path(reading.recorded))?;
        (reading.change)(&mut log);
        device.disk(reading.name, &log)?;
        differences += &device.differences(reading.name)?;
    }
    if differences.is_empty() {
        return Ok(format!("{} disks agree", READINGS.len()));
    }
    Stop::failed(differences)
}

/// Logs that the device begins, and goes on with.
fn writes(device: &Device<'_>) -> Result<String, Stop> {
    let mut cost = String::new();
    for profile in PROFILES {
        let (disk, file, again) =
            [".img", ".aof", "-again.img"].map(|end| format!("written-{profile}{end}")).into();
        device.disk(&disk, &[])?;
        device.serve(&disk, profile, 0, 20)?;
        cost = device.serve(&disk, profile, 20, 800)?;
        let mut differences = device.differences(&disk)?;
        // The desktop's file of it is the log to the byte, and nothing but zeros is behind it on the disk.
        let merged = device.merge(&file, &[&disk])?;
        let bytes = device.bytes(&disk)?;
        let (log, free) = bytes.split_at(merged.len().min(bytes.len()));
        if log != merged || free.iter().any(|byte| *byte != 0) {
            differences += &format!("{file}: not what is on {disk}, with zeros behind\n");
        }
        let debug = device.desktop.aof(&device.directory).args(["debug", "--all", &disk]).text()?;
        let entries = debug.lines().filter(|line| line.starts_with("offset=")).count();
        if entries != 820 {
            differences += &format!("{disk}: aof debug prints {entries} entries, 820 were appended\n");
        }
        // And back: what the desktop wrote, on a disk.
        device.disk(&again, &merged)?;
        differences += &device.differences(&again)?;
        if !differences.is_empty() {
            return Stop::failed(differences);
        }
    }
    Ok(format!("both profiles, read by verify, debug and merge; {cost}"))
}

/// A replica's log that the device went on with, and of which the beginning was damaged since, together with
/// the replica's own file.
fn merges(device: &Device<'_>) -> Result<String, Stop> {
    let small = read(&device.desktop.root.path(SMALL))?;
    device.disk("went-on.img", &small)?;
    device.serve("went-on.img", "tigerbeetle", 300, 40)?;
    let bytes = device.bytes("went-on.img")?;
    let mut damaged = bytes.clone();
    for byte in damaged.iter_mut().skip(100_000).take(512) {
        *byte = 0;
    }
    device.disk("went-on.img", &damaged)?;
    write(&device.directory.join("replica.aof"), &small)?;
    let merged = device.merge("whole.aof", &["went-on.img", "replica.aof"])?;
    let json = device.desktop.verify(&device.directory, "whole.aof")?;
    let is_whole = json.contains("\"entries\":340,") && json.contains("\"sound\":true");
    if is_whole && merged.len() > small.len() && bytes.starts_with(&merged) {
        return Ok("a damaged disk and a replica's file: 340 entries, one chain".to_owned());
    }
    Stop::failed(format!("whole.aof in {}: not the 340 entries: {json}", device.directory.display()))
}

/// Disks that the device must not write to.
fn refuses(device: &Device<'_>) -> Result<String, Stop> {
    for Refusal { name, change, profile, attached, message } in &REFUSALS {
        let mut log = read(&device.desktop.root.path(SMALL))?;
        change(&mut log);
        device.disk(name, &log)?;
        let before = device.bytes(name)?;
        let run = device.command(name, attached, &["serve", profile, "8", "0"]);
        let printed = run.fails_within(RUN_MAX)?;
        if !printed.contains(message) || printed.contains("appending") {
            return Stop::failed(format!("{name}: no {message:?}, or more than that, in: {printed}"));
        }
        if device.bytes(name)? != before {
            return Stop::failed(format!("{name}: refused, and changed all the same"));
        }
    }
    Ok(format!("{} disks refused and not touched", REFUSALS.len()))
}
