//! A device that logs: the code of `docs/firmware-guide.md`, which `cargo xtask ci figures` compares with
//! this file, measured as the program `both`.

use crate::Flash;
use crate::job::note;
use aof_nostd::{ReadError, TailError, WriteError};

// guide: begin
use aof_nostd::storage::Sync;
use aof_nostd::{Draft, Profile, Reader, Recovery, Writer};
use embedded_io::{Read, Seek, Write};

/// Opens the log on `device`, appends an entry, makes it durable, and verifies the whole log.
fn log_one<D, E>(mut device: D, buffer: &mut [u8], profile: impl Profile) -> Result<u32, Failure<E>>
where
    D: Read<Error = E> + Write<Error = E> + Seek<Error = E> + Sync<Error = E>,
{
    // Open, and recover: where the last whole entry ends, and what a power cut left behind it, which is made
    // zero. Where an entry follows what is damaged, this is an error, and nothing is changed.
    let tail = Recovery::new(profile).find(&mut device, &mut *buffer)?;
    tail.clean(&mut device)?;

    // Append. The entry is durable once the checkpoint calls back.
    let mut writer = Writer::new(&mut device, profile);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    writer.append_new(&Draft { timestamp_ns: 1, ..Draft::default() }, b"temperature 21")?;
    writer.checkpoint(|| { /* tell whoever waits */ })?;
    let end = tail.end.saturating_add(writer.size());

    // Verify every byte: bodies larger than the buffer pass by in pieces.
    let mut reader = Reader::new(device, buffer, profile)?;
    reader.set_end(end); // the device may be larger than the log
    let mut entries = 0_u32;
    while reader.next_streamed(|_piece| {})?.is_some() {
        entries = entries.saturating_add(1);
    }
    Ok(entries)
}
// guide: end

/// Why nothing was logged.
enum Failure<E> {
    Recover(TailError<E>),
    Read(ReadError<E>),
    Write(WriteError<E>),
}

impl<E> From<TailError<E>> for Failure<E> {
    fn from(error: TailError<E>) -> Self {
        Self::Recover(error)
    }
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
        Err(Failure::Recover(error)) => {
            note(error);
            None
        }
        Err(Failure::Read(error)) => {
            note(error);
            None
        }
        Err(Failure::Write(error)) => {
            note(error);
            None
        }
    }
}
