//! `read`: reads the log on the disk whole, and goes on behind damage.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Report};
use aof_firmware_unikernel::free_space::FreeSpace;
use aof_firmware_unikernel::{Device, Disk, Stop, cpu};
use aof_nostd::{Damage, DamageKind, ReadError, Reader};

aof_firmware_unikernel::program!(read);

fn read(_: &Arguments) -> Result<Report, Stop> {
    let mut device = Device::new(Disk::open()?);
    let free = FreeSpace::find(&mut device).map_err(ReadError::Device)?;
    let mut reader = Reader::open(device, [0; 4096], cpu::backend())?;
    let mut report = Report::new(reader.profile()).with_bytes(reader.end());
    loop {
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => report.entry(&located.header),
            Ok(None) => return Ok(report),
            Err(ReadError::Damage(damage)) => {
                let entry_end = entry_end(&mut reader, &damage)?;
                match free.judge(damage, entry_end) {
                    Some(damage) => report.damage(damage)?,
                    None => return Ok(report),
                }
                reader.skip()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Where the damaged entry ends, if only its body is damaged. The position stays.
fn entry_end(reader: &mut Reader<Device, [u8; 4096]>, damage: &Damage) -> Result<Option<u64>, Stop> {
    if damage.kind != DamageKind::BodyChecksum {
        return Ok(None);
    }
    reader.next_header()?;
    let end = reader.position();
    reader.set_position(damage.offset);
    Ok(Some(end))
}
