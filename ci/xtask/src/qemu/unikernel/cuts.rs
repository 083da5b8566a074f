//! Power cuts while the unikernel appends to its disk.
//!
//! QEMU keeps what was written before the kill, in order. That a disk need not is played here: before every
//! third round something is put behind the log that only a disk without order would leave, and the device has
//! to clean it away: after the round no byte of it is on the disk.
//!
//! When a disk is half full, another one is begun, with the other profile.

use super::super::power_cut::{self, Rounds};
use super::cases::TAILS;
use super::{CACHED, DISK_SIZE, Device, PROFILES};
use crate::outcome::Stop;
use serde_json::Value;
use std::time::Duration;

/// Rounds in CI.
const ROUNDS: u64 = 60;

/// Where the moments of the cuts follow from.
const SEED: u64 = 0xa64;

/// The paces in turn, microseconds between two entries: as fast as it can, and slower.
const PACES_US: [&str; 2] = ["0", "300"];

/// The disk.
const DISK: &str = "cut.img";

/// Cuts the power again and again. Gives a line for people.
pub(super) fn run(device: &Device<'_>) -> Result<String, Stop> {
    let mut total = Total::default();
    let mut log = Log::begin(device, 0)?;
    for (round, delay) in Rounds::new(ROUNDS, SEED).enumerate() {
        if log.end > DISK_SIZE / 2 {
            total.add(&log);
            log = Log::begin(device, log.number + 1)?;
        }
        if round % 3 == 2 {
            log.tear(round / 3)?;
        }
        log.cut(delay, PACES_US[round % PACES_US.len()])?;
        total.rounds += 1;
    }
    total.add(&log);
    Ok(format!(
        "{} power cuts, {} of them in an entry, {} tails of a disk without order: {} ops on {} disks survived",
        total.rounds, total.torn, total.tails, total.ops, total.disks
    ))
}

/// What the rounds came to.
#[derive(Default)]
struct Total {
    rounds: u64,
    torn: u64,
    tails: u64,
    ops: u64,
    disks: u64,
}

impl Total {
    fn add(&mut self, log: &Log<'_>) {
        self.torn += log.torn;
        self.tails += log.tails;
        self.ops += log.last;
        self.disks += 1;
    }
}

/// A disk between two cuts.
struct Log<'a> {
    device: &'a Device<'a>,
    /// Which disk it is: the first is 0.
    number: usize,
    /// The last op in the log, and where the log ends.
    last: u64,
    end: usize,
    /// The disk as it was after the last cut.
    bytes: Vec<u8>,
    /// Cuts that left a torn tail, and tails that were put there.
    torn: u64,
    tails: u64,
}

impl<'a> Log<'a> {
    /// An empty disk.
    fn begin(device: &'a Device<'a>, number: usize) -> Result<Self, Stop> {
        device.disk(DISK, &[])?;
        Ok(Self { device, number, last: 0, end: 0, bytes: Vec::new(), torn: 0, tails: 0 })
    }

    /// Lets the device append for a while, cuts its power, and looks.
    fn cut(&mut self, delay: Duration, pace_us: &str) -> Result<(), Stop> {
        let profile = PROFILES[self.number % PROFILES.len()];
        let run = self.device.command(DISK, CACHED, &["serve", profile, "0", pace_us]);
        let said = power_cut::cut(run, delay)?;
        let json = self.device.desktop.verify(&self.device.directory, DISK)?;
        self.last = power_cut::check(&json, said, self.last)?;
        let bytes = self.device.bytes(DISK)?;
        if bytes.get(..self.end) != self.bytes.get(..self.end) {
            return Stop::failed(format!("{DISK}: after a power cut its first {} bytes changed", self.end));
        }
        self.bytes = bytes;
        let end = end(&json, self.bytes.len())?;
        self.torn += u64::from(end.torn);
        self.end = end.offset;
        Ok(())
    }

    /// Puts a tail behind the log, and has the device clean it: nothing of it may be left.
    fn tear(&mut self, which: usize) -> Result<(), Stop> {
        if self.last == 0 {
            return Ok(()); // without an entry the device refuses, as it should
        }
        let tail = TAILS[which % TAILS.len()](&self.bytes);
        let mut disk = self.bytes.clone();
        for (target, byte) in disk.iter_mut().skip(self.end).zip(&tail) {
            *target = *byte;
        }
        self.device.disk(DISK, &disk)?;
        let profile = PROFILES[self.number % PROFILES.len()];
        self.device.serve(DISK, profile, self.last, 1)?;
        let json = self.device.desktop.verify(&self.device.directory, DISK)?;
        let bytes = self.device.bytes(DISK)?;
        let end = end(&json, bytes.len())?;
        if end.torn || bytes.iter().skip(end.offset).any(|byte| *byte != 0) {
            return Stop::failed(format!("{DISK}: a torn tail was gone on with, and not cleaned: {json}"));
        }
        (self.bytes, self.end) = (bytes, end.offset);
        self.last += 1;
        self.tails += 1;
        Ok(())
    }
}

/// Where a log ends.
struct End {
    offset: usize,
    /// Whether a torn tail follows.
    torn: bool,
}

/// Where the log of which `aof verify --json` says this ends on a disk of `size` bytes: at the first of its
/// findings.
fn end(json: &str, size: usize) -> Result<End, Stop> {
    let survey: Value = serde_json::from_str(json)
        .map_err(|error| Stop::Failed(format!("aof verify --json: not JSON: {error}: {json}")))?;
    let first = &survey["findings"][0];
    let offset = first["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok());
    Ok(End { offset: offset.unwrap_or(size), torn: first["kind"] == "torn-tail" })
}
