//! `serve PROFILE COUNT PACE_US`: recovers the log on the disk and appends to it, as a replica would: an entry
//! every PACE_US microseconds (0: as fast as it can), a checkpoint every eight. It ends after COUNT entries or
//! when the disk is full; with COUNT 0 it goes on until then, or until the power is cut.
//!
//! ```text
//! aes instructions     which code computes AEGIS-128L
//! appending 17         recovered: op 17 is the last
//! checkpoint 25        durable up to op 25
//! recovery: ...        what was asked of the disk before op 17 was known to be the last
//! appending: ...       and since then
//! ```
//!
//! and a report of the entries that it appended.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, BODY_SIZE_MAX, Failure, Report, samples};
use aof_firmware_unikernel::{Device, Disk, Stop, cpu};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{AnyProfile, Backend, Draft, Header, Recovery, TigerBeetle, WriteError, Writer};
use embedded_io::Seek;

aof_firmware_unikernel::program!(serve);

/// Entries that may be unsynced, and so how often a checkpoint is.
const UNSYNCED_MAX: u32 = 8;

/// The largest entry on disk that this program appends.
const ENTRY_SIZE_MAX: u64 = (HEAD_SIZE + BODY_SIZE_MAX) as u64;

/// What a power cut can leave lies within this reach. (Recovery looks at one largest entry at least.)
const SEARCH_SIZE_MAX: u64 = UNSYNCED_MAX as u64 * ENTRY_SIZE_MAX;

fn serve(arguments: &Arguments) -> Result<Report, Stop> {
    let backend = cpu::backend();
    semihosting::println!("aes {}", if backend.is_hardware() { "instructions" } else { "tables" });
    let profile = with(arguments.profile()?, backend);
    let count = number(arguments, "COUNT")?;
    let mut pace = cpu::Pace::new(number(arguments, "PACE_US")?);

    let mut device = Device::new(Disk::open()?);
    let tail = Recovery::new(profile).with_search_size_max(SEARCH_SIZE_MAX).find(&mut device, [0; 4096])?;
    tail.clean(&mut device)?;
    let room = device.size();
    let recovery = device.device().counts();

    let mut writer = Writer::new(device, profile).with_unsynced_max(UNSYNCED_MAX);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    semihosting::println!("appending {}", op(writer.last()));
    let (mut entries, mut checkpoints) = (0, 0);
    let mut report = Report::new(&profile);
    for sample in core::iter::repeat_with(samples).flatten() {
        let position = writer.device_mut().stream_position().map_err(WriteError::Device)?;
        let is_full = position.saturating_add(ENTRY_SIZE_MAX) > room;
        if is_full || (count > 0 && entries == count) {
            break;
        }
        pace.wait();
        // Entries of a chain are told apart by more than their parents.
        let timestamp_ns = op(writer.last()).saturating_add(1).saturating_mul(1000);
        writer.append_new(&Draft { timestamp_ns, ..sample.draft }, sample.body())?;
        entries += 1;
        writer.last().into_iter().for_each(|header| report.entry(header));
        if writer.unsynced() == UNSYNCED_MAX {
            checkpoint(&mut writer)?;
            checkpoints += 1;
        }
    }
    if writer.unsynced() > 0 {
        checkpoint(&mut writer)?;
        checkpoints += 1;
    }
    let appending = writer.device().device().counts().since(&recovery);
    semihosting::println!("recovery: {recovery}");
    semihosting::println!("appending: {entries} entries, {checkpoints} checkpoints, {appending}");
    Ok(report.with_bytes(writer.size()))
}

/// Makes everything appended durable, and says so.
fn checkpoint(writer: &mut Writer<Device>) -> Result<(), Stop> {
    let last = op(writer.last());
    writer.checkpoint(|| semihosting::println!("checkpoint {last}"))?;
    Ok(())
}

fn op(last: Option<&Header>) -> u64 {
    last.map_or(0, |last| last.op().0)
}

/// The profile, computed by `backend`.
fn with(profile: AnyProfile, backend: Backend) -> AnyProfile {
    match profile {
        AnyProfile::TigerBeetle(_) => TigerBeetle::new(backend).into(),
        AnyProfile::Crc(profile) => profile.into(),
    }
}

fn number(arguments: &Arguments, what: &'static str) -> Result<u32, Stop> {
    Ok(arguments.next(what)?.parse().map_err(|_| Failure::Usage(what))?)
}
