//! A checkpoint as far as semihosting goes.

use aof_firmware_kit::{HostError, log};
use aof_nostd::{WriteError, Writer};
use embedded_io::Write;

/// The two steps of a checkpoint, with nothing in between.
///
/// Semihosting has no sync: what this says is that the host's `write` was done. The entries outlive the
/// device and the emulator, not the host. On a device of its own, whose sync is one, take
/// `Writer::checkpoint`.
///
/// # Errors
///
/// As `Writer::begin_checkpoint`.
pub fn checkpoint<D: Write<Error = HostError>>(writer: &mut Writer<D>) -> Result<(), WriteError<HostError>> {
    writer.begin_checkpoint()?;
    writer.end_checkpoint(true)?;
    writer.last().into_iter().for_each(|header| log::checkpoint(header.op()));
    Ok(())
}
