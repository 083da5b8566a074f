//! `card-limit LOG PROFILE`: goes on with a log that is almost as large as FAT allows, without reading it: the
//! entry that does not fit has to be refused, and the bytes that do fit have to be taken.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, BODY_SIZE_MAX, Failure, Report};
use aof_firmware_sd_card::{CardError, CardFailure, mount};
use aof_nostd::storage::Sync;
use aof_nostd::{Draft, WriteError, Writer};
use embedded_io::Write;

aof_firmware_kit::program!(limit);

fn limit(arguments: &Arguments) -> Result<Report, CardFailure> {
    let name = arguments.next("LOG")?;
    let profile = arguments.profile()?;
    let card = mount()?;
    let mut writer = Writer::new(card.open_to_append(name)?, profile);
    // The entry that does not fit may have been begun: it is for the recovery to cut.
    let refused = loop {
        match writer.append_new(&Draft::default(), &[0x5a; BODY_SIZE_MAX]) {
            Ok(_) => writer.checkpoint(|| {})?,
            Err(error) => break error,
        }
    };
    if !matches!(refused, WriteError::Device(CardError::FileFull { .. })) {
        return Err(refused.into());
    }

    let mut file = writer.into_device();
    while file.room() > 0 {
        let size = usize::try_from(file.room()).unwrap_or(usize::MAX).min(BODY_SIZE_MAX);
        file.write([0; BODY_SIZE_MAX].get(..size).unwrap_or_default())?;
    }
    if !matches!(file.write(&[0]), Err(CardError::FileFull { size: 1, .. })) {
        return Err(Failure::Promise("a byte more than FAT can say was not refused").into());
    }
    file.sync()?;
    Ok(Report::new(&profile).with_bytes(file.size()?.into()))
}
