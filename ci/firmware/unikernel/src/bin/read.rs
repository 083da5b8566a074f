//! `read`: reads the log on the disk whole, and goes on behind damage.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Report};
use aof_firmware_unikernel::free_space::FreeSpace;
use aof_firmware_unikernel::{Device, Disk, Stop, cpu};
use aof_nostd::{Damage, DamageKind, ReadError, Reader};

aof_firmware_unikernel::program!(read);

/// Reads a log in pieces of 4 KiB, whatever its entries' size.
type Log = Reader<Device, [u8; 4096]>;

fn read(_: &Arguments) -> Result<Report, Stop> {
    let mut device = Device::new(Disk::open()?);
    let free = FreeSpace::find(&mut device).map_err(ReadError::Device)?;
    let mut reader: Log = Reader::open(device, [0; 4096], cpu::backend())?;
    let mut report = Report::new(reader.profile()).with_bytes(reader.end());
    loop {
        let damage = match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => {
                report.entry(&located.header);
                continue;
            }
            Ok(None) => return Ok(report),
            Err(ReadError::Damage(damage)) => damage,
            Err(error) => return Err(error.into()),
        };
        let entry_end = entry_end(&mut reader, &damage)?;
        if reader.skip()? < reader.end() {
            report.damage(in_the_middle(damage))?;
            continue;
        }
        // Nothing follows: a torn tail, or free space.
        let profile = *reader.profile();
        let damage = free.judge(&mut reader.into_device(), &profile, damage, entry_end);
        if let Some(damage) = damage.map_err(ReadError::Device)? {
            report.damage(damage)?;
        }
        return Ok(report);
    }
}

/// Where the damaged entry ends, if only its body is damaged. The position stays.
fn entry_end(reader: &mut Log, damage: &Damage) -> Result<Option<u64>, Stop> {
    if damage.kind != DamageKind::BodyChecksum {
        return Ok(None);
    }
    reader.next_header()?;
    let end = reader.position();
    reader.set_position(damage.offset);
    Ok(Some(end))
}

/// Damage with entries behind it is no tail, wherever its header tells that it ends.
fn in_the_middle(damage: Damage) -> Damage {
    match damage.kind {
        DamageKind::TornTail { .. } => Damage { kind: DamageKind::BodyChecksum, ..damage },
        _ => damage,
    }
}
