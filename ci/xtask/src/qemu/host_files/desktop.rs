//! Logs that the desktop writes for the devices, by the library for files: the samples that the firmware
//! writes, from the same source.

use crate::outcome::Stop;
use aof_nostd::{AnyProfile, Crc, Draft, TigerBeetle};
use aof_std::{LogFile, OpenOptions};
use std::fmt::Display;
use std::fs;
use std::path::Path;

#[path = "../../../../firmware/kit/src/sample.rs"]
#[allow(dead_code, unreachable_pub, reason = "the firmware's file, of which a part is used here")]
mod sample;

/// The profile with this name.
fn profile_named(name: &str) -> AnyProfile {
    if name == "crc" { Crc.into() } else { TigerBeetle::new(aof_std::backend()).into() }
}

/// Writes ops 1 to `last` to a new log at `path`.
pub(super) fn chain(path: &Path, profile: &str, last: u64) -> Result<(), Stop> {
    write(path, profile, last, |_| 0)
}

/// Writes a log of two histories: ops 1 to 8, then once more from op 6 on, with other entries.
pub(super) fn fork(path: &Path, profile: &str) -> Result<(), Stop> {
    write(path, profile, 8, |_| 0)?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len()).map_err(|error| failed(path, error));
    let other = path.with_extension("other");
    write(&other, profile, 5, |_| 0)?;
    let from = usize::try_from(size(&other)?).unwrap_or(0);
    fs::remove_file(&other).map_err(|error| failed(&other, error))?;
    write(&other, profile, 8, |op| u32::from(op > 5))?;
    let mut log = super::read(path)?;
    log.extend(super::read(&other)?.get(from..).unwrap_or_default());
    super::write(path, &log)
}

/// Writes ops 1 to `last`, each with the request number that `request` gives for its op.
fn write(path: &Path, profile: &str, last: u64, request: fn(u64) -> u32) -> Result<(), Stop> {
    let mut log: LogFile = OpenOptions::new()
        .profile(profile_named(profile))
        .unsynced_max(u32::MAX)
        .open(path)
        .map_err(|error| failed(path, error))?;
    for op in 1..=last {
        let sample = sample::Sample::of(op);
        let draft = Draft { request: request(op), ..sample.draft };
        log.write_new(&draft, sample.body()).map_err(|error| failed(path, error))?;
    }
    log.close().map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: impl Display) -> Stop {
    Stop::Failed(format!("{}: not written by the desktop: {error}", path.display()))
}
