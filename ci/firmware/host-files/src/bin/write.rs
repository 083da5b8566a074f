//! `write FILE PROFILE`: writes the samples to a new log of the host, with checkpoints.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Failure, HostError, HostFile, Report, samples};
use aof_nostd::writer::State;
use aof_nostd::{WriteError, Writer};

aof_firmware_kit::program!(write);

/// Entries that may be unsynced: few, so that the bound is met.
const UNSYNCED_MAX: u32 = 3;

fn write(arguments: &Arguments) -> Result<Report, Failure> {
    let file = HostFile::create(arguments.next("FILE")?)?;
    let profile = arguments.profile()?;
    let mut report = Report::new(&profile);
    let mut writer = Writer::new(file, profile).with_unsynced_max(UNSYNCED_MAX);
    for sample in samples() {
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
    Ok(report.with_bytes(writer.size()))
}

/// The steps of a checkpoint. Semihosting has no sync, so nothing becomes durable in between: that is for
/// the programs with a device of their own to show.
fn checkpoint(writer: &mut Writer<HostFile>) -> Result<(), WriteError<HostError>> {
    writer.begin_checkpoint()?;
    writer.end_checkpoint(true)
}
