//! Reads a log whole, in a buffer that the smallest board has, and goes on behind damage.

use aof_firmware_kit::{Failure, HostFile, Report};
use aof_nostd::{Backend, ReadError, Reader};

/// What the log in `file` holds. Bodies of up to 1 MiB pass by in pieces of at most 1 KiB: only the checksum
/// looks at them.
///
/// # Errors
///
/// [`Failure::Read`] or [`Failure::TooManyFindings`]; damage is no error.
#[inline(never)] // what it has on the stack is given back
pub fn survey(file: HostFile) -> Result<Report, Failure> {
    // Borrowed, since a reader that owns it is moved with it.
    let mut buffer = [0; 1024];
    let mut reader = Reader::open(file, &mut buffer, Backend::default())?;
    let mut report = Report::new(reader.profile());
    report.set_bytes(reader.end());
    loop {
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => report.located(&located)?,
            Ok(None) => return Ok(report),
            Err(ReadError::Damage(damage)) => {
                let until = reader.skip()?;
                report.damage_until(damage, until)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
