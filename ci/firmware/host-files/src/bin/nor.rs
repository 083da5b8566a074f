//! `nor FILE PROFILE`: a log raw on NOR flash, in RAM. The samples are appended through many lives, each of which
//! loses its power at another unit programmed or block erased, until all of them are durable. Then the log's bytes go
//! to a file of the host, where they must be a log like any other.

#![no_std]
#![no_main]

use aof_firmware_host_files::{CHIP_SIZE, Chip};
use aof_firmware_kit::{Arguments, Failure, HostFile, Report, Sample, samples};
use aof_nostd::storage::nor::{NorError, NorRegion};
use aof_nostd::{AnyProfile, Reader, Recovery, Tail, WriteError, Writer};
use embedded_io::{Read, Seek, Write};

aof_firmware_kit::program!(nor);

/// The log's buffer, bytes.
const BUFFER_SIZE: usize = 64;
type Region<'a> = NorRegion<&'a mut Chip, BUFFER_SIZE>;

/// Units and blocks by which a life may be longer than the one before it: few, so that all that is done is cut.
const FUEL_MORE: u32 = 5;
/// Power cuts that there are at least on the way.
const CUTS_MIN: u32 = 20;

fn nor(arguments: &Arguments) -> Result<Report, Failure> {
    let path = arguments.next("FILE")?;
    let profile = arguments.profile()?;
    let mut chip = Chip::new();
    if all_lives(&mut chip, profile)? < CUTS_MIN {
        return Err(Failure::Promise("the power was hardly ever cut"));
    }
    chip.power_on(u32::MAX);
    let mut region = Region::open(&mut chip, 0..CHIP_SIZE.into()).map_err(|_| OPEN)?;
    let tail = find(&mut region, profile)?;
    if tail.entries < samples().count() as u64 {
        return Err(GONE);
    }
    copy(&mut region, tail.end, HostFile::create(path)?)?;
    survey(region, tail.end, profile)
}

const OPEN: Failure = Failure::Promise("a formatted region was not opened");
const GONE: Failure = Failure::Promise("an entry is gone that a checkpoint covered");

/// Lives until all samples are durable; gives how often the power was cut.
#[inline(never)] // what it has on the stack is given back
fn all_lives(chip: &mut Chip, profile: AnyProfile) -> Result<u32, Failure> {
    let (mut durable, mut cuts) = (None, 0);
    loop {
        chip.power_on(FUEL_MORE * (cuts + 1));
        match life(chip, profile, &mut durable) {
            Ok(()) => return Ok(cuts),
            Err(_) if !chip.is_on() => cuts += 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// Opens the log, recovers it, and appends what is missing, with a checkpoint behind every second entry. Notes how
/// many entries are durable; `None` before the first format has ended.
fn life(chip: &mut Chip, profile: AnyProfile, durable: &mut Option<u64>) -> Result<(), Failure> {
    let mut region = match Region::open(chip, 0..CHIP_SIZE.into()) {
        Err(NorError::Unformatted) if durable.is_none() => {
            Region::format(chip, 0..CHIP_SIZE.into()).map_err(|_| Failure::Promise("format failed"))?
        }
        opened => opened.map_err(|_| OPEN)?,
    };
    let tail = find(&mut region, profile)?;
    if tail.entries < durable.unwrap_or(0) {
        return Err(GONE);
    }
    region.cut(tail.end).map_err(|_| Failure::Promise("cut failed"))?;
    *durable = Some(tail.entries);
    let mut writer = Writer::new(region, profile);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    for op in tail.entries + 1..=samples().count() as u64 {
        let sample = Sample::of(op);
        let appended = writer.append_new(&sample.draft, sample.body());
        appended.map_err(|_| Failure::Promise("an entry was not appended"))?;
        if op % 2 == 0 {
            let done: Result<(), WriteError<_>> = writer.checkpoint(|| *durable = Some(op));
            done.map_err(|_| Failure::Promise("a checkpoint failed"))?;
        }
    }
    Ok(())
}

fn find(region: &mut Region<'_>, profile: AnyProfile) -> Result<Tail, Failure> {
    let found = Recovery::new(profile).on_flash().find(region, [0; 300]);
    found.map_err(|_| Failure::Promise("the log's end was not found"))
}

/// Copies the log's first `size` bytes, as they are read through the region.
#[inline(never)] // as above
fn copy(region: &mut Region<'_>, size: u64, mut file: HostFile) -> Result<(), Failure> {
    const READ: Failure = Failure::Promise("the log was not read");
    region.rewind().map_err(|_| READ)?;
    let mut left = size;
    while left > 0 {
        let mut bytes = [0; 100];
        let count =
            region.read(&mut bytes).map_err(|_| READ)?.min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = bytes.get(..count).filter(|piece| !piece.is_empty()).ok_or(READ)?;
        file.write_all(piece).map_err(WriteError::Device)?;
        left -= count as u64;
    }
    Ok(())
}

/// What the log holds.
fn survey(region: Region<'_>, size: u64, profile: AnyProfile) -> Result<Report, Failure> {
    const READ: Failure = Failure::Promise("an entry that was found is not there");
    let mut report = Report::new(&profile);
    report.set_bytes(size);
    let mut reader = Reader::new(region, [0; 300], profile).map_err(|_| READ)?;
    reader.set_end(size);
    while let Some(located) = reader.next_streamed(|_piece| {}).map_err(|_| READ)? {
        report.located(&located)?;
    }
    Ok(report)
}
