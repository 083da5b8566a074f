//! `memory FILE PROFILE`: a log in 4 KiB of RAM, filled with the samples, read and validated; then its bytes
//! go to a file of the host, where they must be a log like any other.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, BODY_SIZE_MAX, Failure, HostFile, Report, samples};
use aof_nostd::{Checksum, Draft, MemoryError, MemoryLog, ValidateError, WriteError};
use embedded_io::Write;

aof_firmware_kit::program!(memory);

fn memory(arguments: &Arguments) -> Result<Report, Failure> {
    let mut file = HostFile::create(arguments.next("FILE")?)?;
    let profile = arguments.profile()?;
    let mut log = MemoryLog::<4096, _>::init(profile);
    for sample in samples() {
        log.write_new(&sample.draft, sample.body())?;
    }
    let mut durable = false;
    log.checkpoint(|| durable = true);
    if !durable {
        return Err(Failure::Promise("the checkpoint did not call back"));
    }
    let full = log.write_new(&Draft::default(), &[0; BODY_SIZE_MAX]);
    if !matches!(full, Err(MemoryError::Full { .. })) {
        return Err(Failure::Promise("an entry without room was not refused"));
    }

    let mut report = Report::new(&profile);
    report.set_bytes(log.as_bytes().len() as u64);
    for located in log.iterator() {
        match located {
            Ok(located) => report.entry(&located.entry.header),
            Err(damage) => report.damage(damage)?,
        }
    }
    log.validate(log.last().map(|header| header.checksum))?;
    if !matches!(log.validate(Some(Checksum::ZERO)), Err(ValidateError::LastChecksum { .. })) {
        return Err(Failure::Promise("a wrong last checksum was not refused"));
    }

    file.write_all(log.as_bytes()).map_err(WriteError::Device)?;
    Ok(report)
}
