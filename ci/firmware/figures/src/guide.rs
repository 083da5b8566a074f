//! A device that logs: the code of `docs/firmware-guide.md`, which `cargo xtask ci figures` compares with
//! this file, measured as the program `both`.

use crate::Flash;
use crate::job::{note_read, note_write};
use aof_nostd::{Profile, ReadError, WriteError};

// guide: begin
use aof_nostd::storage::Sync;
use aof_nostd::{Damage, DamageKind, Draft, Reader, Writer};
use embedded_io::{Read, Seek, SeekFrom, Write};

/// Opens the log on `device`, appends an entry, makes it durable, and verifies the whole log.
fn log_one<D, E>(mut device: D, buffer: &mut [u8], profile: impl Profile) -> Result<u32, Failure<E>>
where
    D: Read<Error = E> + Write<Error = E> + Seek<Error = E> + Sync<Error = E>,
{
    // Open, and recover: read up to the last whole entry. Nothing else is known to be there.
    let mut reader = Reader::new(&mut device, &mut *buffer, profile)?;
    let mut last = None;
    loop {
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(entry)) => last = Some(entry.header),
            Ok(None) => break,
            // The power went while the last entry was written: it is written over.
            Err(ReadError::Damage(Damage { kind: DamageKind::TornTail { .. }, .. })) => break,
            // A bit rotted, or the device failed: entries may follow. Keep the log, begin another.
            Err(error) => return Err(error.into()),
        }
    }
    let end = reader.position();

    // Append. The entry is durable once the checkpoint calls back.
    device.seek(SeekFrom::Start(end)).map_err(ReadError::Device)?;
    let mut writer = Writer::new(&mut device, profile);
    if let Some(last) = last {
        writer = writer.continue_after(last);
    }
    writer.append_new(&Draft { timestamp_ns: 1, ..Draft::default() }, b"temperature 21")?;
    writer.checkpoint(|| { /* tell whoever waits */ })?;
    let end = end.saturating_add(writer.size());

    // Verify every byte: bodies larger than the buffer pass by in pieces.
    let mut reader = Reader::new(device, buffer, profile)?;
    reader.set_end(end); // what is left of the torn entry does not belong to the log
    let mut entries = 0_u32;
    while reader.next_streamed(|_piece| {})?.is_some() {
        entries = entries.saturating_add(1);
    }
    Ok(entries)
}
// guide: end

/// Why nothing was logged.
enum Failure<E> {
    Read(ReadError<E>),
    Write(WriteError<E>),
}

impl<E> From<ReadError<E>> for Failure<E> {
    fn from(error: ReadError<E>) -> Self {
        Self::Read(error)
    }
}

impl<E> From<WriteError<E>> for Failure<E> {
    fn from(error: WriteError<E>) -> Self {
        Self::Write(error)
    }
}

/// The guide's function as a job.
pub fn run(flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    match log_one(flash, buffer, profile) {
        Ok(entries) => Some(entries),
        Err(Failure::Read(error)) => {
            note_read(error);
            None
        }
        Err(Failure::Write(error)) => {
            note_write(error);
            None
        }
    }
}
