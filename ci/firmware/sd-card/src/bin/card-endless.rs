//! `card-endless LOG PROFILE`: recovers a log on the card or begins one, and appends to it until the power
//! goes.
//!
//! It says `recovering` and `appending OP` once, and `checkpoint OP` whenever everything up to there is durable.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Report, Sample};
use aof_firmware_sd_card::{CardFailure, mount, recover};
use aof_nostd::{Header, Writer};

aof_firmware_kit::program!(append);

/// Entries between two checkpoints: no divisor of the eight samples, so that checkpoints fall on every place
/// within a block.
const CHECKPOINT_ENTRIES: u32 = 5;

fn append(arguments: &Arguments) -> Result<Report, CardFailure> {
    let name = arguments.next("LOG")?;
    let profile = arguments.profile()?;
    semihosting::println!("recovering");
    let card = mount()?;
    let recovered = recover(&card, name, &profile)?;
    let mut writer = Writer::new(recovered.file, profile);
    if let Some(last) = recovered.last {
        writer = writer.continue_after(last);
    }
    semihosting::println!("appending {}", op(writer.last()));
    loop {
        if writer.unsynced() == CHECKPOINT_ENTRIES {
            writer.checkpoint(|| {})?;
            semihosting::println!("checkpoint {}", op(writer.last()));
        }
        let sample = Sample::of(op(writer.last()).saturating_add(1));
        writer.append_new(&sample.draft, sample.body())?;
    }
}

/// The number of the last entry, 0 if there is none.
fn op(last: Option<&Header>) -> u64 {
    last.map_or(0, |header| header.op().0)
}
