//! `append FILE PROFILE [COUNT]`: recovers a log of the host (an empty file is one), appends COUNT samples to
//! it, with checkpoints, and verifies it whole. Without COUNT it appends until the power goes, and tells:
//!
//! ```text
//! recovering            nothing is known yet
//! appending 17          recovered up to op 17 (0: none); entries go to the log from now on
//! checkpoint 25         a checkpoint covers everything up to op 25
//! ```

#![no_std]
#![no_main]

use aof_firmware_host_files::{checkpoint, recover, survey};
use aof_firmware_kit::{Arguments, Failure, HostFile, Report, Sample};
use aof_nostd::{Op, Writer};
use semihosting::println;

aof_firmware_kit::program!(append);

/// Entries between two checkpoints.
const CHECKPOINT_ENTRIES: u32 = 8;

fn append(arguments: &Arguments) -> Result<Report, Failure> {
    let path = arguments.next("FILE")?;
    let profile = arguments.profile()?;
    let count = arguments.number_or("COUNT", 0)?;
    if count == 0 {
        println!("recovering");
    }

    let recovered = recover(path, profile)?;
    let mut op = recovered.last_op();
    let mut writer = Writer::new(recovered.file, profile).with_unsynced_max(CHECKPOINT_ENTRIES);
    if let Some(last) = recovered.last {
        writer = writer.continue_after(last);
    }
    if count == 0 {
        println!("appending {op}");
        loop {
            op = some(&mut writer, u64::from(CHECKPOINT_ENTRIES))?;
            println!("checkpoint {op}");
        }
    }
    some(&mut writer, count)?;
    survey(writer.into_device())
}

/// Appends `count` entries and makes the last checkpoint. Gives the last op.
fn some(writer: &mut Writer<HostFile>, count: u64) -> Result<Op, Failure> {
    let mut last = Op(0);
    for _ in 0..count {
        if writer.unsynced() == CHECKPOINT_ENTRIES {
            checkpoint(writer)?;
        }
        let op = writer.last().map_or(1, |header| header.op().0.wrapping_add(1));
        let sample = Sample::of(op);
        last = writer.append_new(&sample.draft, sample.body())?.op;
    }
    checkpoint(writer)?;
    Ok(last)
}
