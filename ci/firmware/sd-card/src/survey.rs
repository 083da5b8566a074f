//! Reading a log whole, for the report.

use crate::error::CardError;
use crate::failure::CardFailure;
use crate::recover::READ_SIZE;
use aof_firmware_kit::Report;
use aof_nostd::{Backend, ReadError, Reader};
use embedded_io::{Read, Seek};
use embedded_sdmmc::SdCardError;

/// Reads the log in `device` whole, in a buffer of 1 KiB, and goes on behind damage.
///
/// # Errors
///
/// [`CardFailure`], where it is not damage.
pub fn survey<D>(device: D) -> Result<Report, CardFailure>
where
    D: Read + Seek + embedded_io::ErrorType<Error = CardError<SdCardError>>,
{
    let mut reader = Reader::open(device, [0; READ_SIZE], Backend::default())?;
    let mut report = Report::new(reader.profile()).with_bytes(reader.end());
    loop {
        // Bodies of up to 1 MiB pass by in pieces; only the checksum looks at them.
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => report.located(&located)?,
            Ok(None) => return Ok(report),
            Err(ReadError::Damage(damage)) => {
                report.damage_until(damage, reader.skip()?)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
