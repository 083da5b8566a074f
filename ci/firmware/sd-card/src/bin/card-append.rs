//! `card-append LOG PROFILE`: recovers a log on the card or begins one, appends eight samples with checkpoints,
//! and reads it again whole.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Failure, Report, Sample};
use aof_firmware_sd_card::{CardFailure, mount, recover, survey};
use aof_nostd::Writer;
use aof_nostd::writer::State;

aof_firmware_kit::program!(append);

/// Entries that are appended.
const ENTRIES: u32 = 8;

/// Entries that may be unsynced: few, so that there are several checkpoints.
const UNSYNCED_MAX: u32 = 3;

fn append(arguments: &Arguments) -> Result<Report, CardFailure> {
    let name = arguments.next("LOG")?;
    let profile = arguments.profile()?;
    let card = mount()?;
    let recovered = recover(&card, name, &profile)?;
    if let Some(torn) = recovered.torn {
        semihosting::eprintln!("{torn}");
    }
    let mut writer = Writer::new(recovered.file, profile).with_unsynced_max(UNSYNCED_MAX);
    if let Some(last) = recovered.last {
        writer = writer.continue_after(last);
    }
    for _ in 0..ENTRIES {
        if writer.unsynced() == UNSYNCED_MAX {
            writer.checkpoint(|| {})?;
        }
        let sample = Sample::of(writer.last().map_or(1, |header| header.op().0.saturating_add(1)));
        writer.append_new(&sample.draft, sample.body())?;
    }
    writer.checkpoint(|| {})?;
    if writer.unsynced() > 0 || writer.state() != State::Writing {
        return Err(Failure::Promise("the checkpoint left entries unsynced").into());
    }
    drop(writer);
    survey(card.open(name)?)
}
