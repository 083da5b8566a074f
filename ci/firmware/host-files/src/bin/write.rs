//! `write FILE PROFILE [FIRST LAST]`: writes the samples, ops 1 to 8 or FIRST to LAST, to a new log of the
//! host, with checkpoints.
//!
//! With a FIRST above 1 it is the log of a replica that was down before: the entries before FIRST are sealed,
//! since their checksums are the chain, and go nowhere.

#![no_std]
#![no_main]

use aof_firmware_host_files::checkpoint;
use aof_firmware_kit::{Arguments, Failure, HostError, HostFile, Report, Sample};
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, Header, WriteError, Writer};
use embedded_io::{ErrorType, Write};

aof_firmware_kit::program!(write);

/// Entries that may be unsynced: few, so that the bound is met.
const UNSYNCED_MAX: u32 = 3;

fn write(arguments: &Arguments) -> Result<Report, Failure> {
    let file = HostFile::create(arguments.next("FILE")?)?;
    let profile = arguments.profile()?;
    let first = arguments.number_or("FIRST", 1)?;
    let last = arguments.number_or("LAST", 8)?;

    let mut report = Report::new(&profile);
    let mut writer = Writer::new(file, profile).with_unsynced_max(UNSYNCED_MAX);
    if let Some(before) = header_before(first, profile)? {
        writer = writer.continue_after(before);
    }
    for op in first..=last {
        let sample = Sample::of(op);
        if writer.unsynced() == UNSYNCED_MAX {
            let refused = writer.append_new(&sample.draft, sample.body());
            if !matches!(refused, Err(WriteError::Unsynced { max: UNSYNCED_MAX })) {
                return Err(Failure::Promise("one entry more than may be unsynced was not refused"));
            }
            checkpoint(&mut writer)?;
        }
        writer.append_new(&sample.draft, sample.body())?;
        writer.last().into_iter().for_each(|header| report.entry(header));
    }
    checkpoint(&mut writer)?;
    if writer.unsynced() > 0 || writer.state() != State::Writing {
        return Err(Failure::Promise("the checkpoint left entries unsynced"));
    }
    report.set_bytes(writer.size());
    Ok(report)
}

/// The header of the entry before the one with op `first`, if there is one.
fn header_before(first: u64, profile: AnyProfile) -> Result<Option<Header>, Failure> {
    let mut writer = Writer::new(Nowhere, profile).with_unsynced_max(u32::MAX);
    for op in 1..first {
        let sample = Sample::of(op);
        writer.append_new(&sample.draft, sample.body())?;
    }
    Ok(writer.last().copied())
}

/// A device that takes everything and keeps nothing.
struct Nowhere;

impl ErrorType for Nowhere {
    type Error = HostError;
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, HostError> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}
