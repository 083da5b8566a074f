//! `read FILE`: reads a log of the host whole, in a buffer of 1 KiB, and goes on behind damage.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Failure, HostFile, Report};
use aof_nostd::{Backend, ReadError, Reader};

aof_firmware_kit::program!(read);

fn read(arguments: &Arguments) -> Result<Report, Failure> {
    let file = HostFile::open(arguments.next("FILE")?)?;
    let mut reader = Reader::open(file, [0; 1024], Backend::default())?;
    let mut report = Report::new(reader.profile()).with_bytes(reader.end());
    loop {
        // Bodies of up to 1 MiB pass by in pieces; only the checksum looks at them.
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => report.entry(&located.header),
            Ok(None) => return Ok(report),
            Err(ReadError::Damage(damage)) => {
                report.damage(damage)?;
                reader.skip()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
