//! A task that logs: the code of the section "Async" of docs/firmware-guide.md, which `cargo xtask ci figures`
//! compares with this file.

use aof_firmware_kit::Sample;
use aof_nostd::{TailError, WriteError};
use core::convert::Infallible;
use core::fmt;

// guide: begin
use aof_nostd::storage::AsyncSync;
use aof_nostd::{Header, Profile, Recovery, Writer};
use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_sync::channel::Receiver;
use embedded_io_async::{Read, Seek, Write};

/// Entries that may be unsynced.
const UNSYNCED_MAX: u32 = 8;

/// Opens the log on `device`, a partition of a card or the like, and logs what comes from
/// `samples`. `durable` is told the last entry that a power cut cannot take any more, and where it ends.
pub async fn log_samples<D, E, M: RawMutex, const N: usize>(
    mut device: D,
    buffer: &mut [u8],
    profile: impl Profile,
    samples: Receiver<'_, M, Sample, N>,
    durable: impl Fn(Option<&Header>, u64),
) -> Result<Infallible, Failure<E>>
where
    D: Read<Error = E> + Write<Error = E> + Seek<Error = E> + AsyncSync<Error = E>,
{
    // Recover: where the last whole entry ends, and what a power cut left behind it, which is made zero. Where
    // an entry follows what is damaged, this is an error, and nothing is changed.
    let tail = Recovery::new(profile).find_async(&mut device, buffer).await?;
    tail.clean_async(&mut device).await?;
    durable(tail.last.as_ref(), tail.end);

    let mut writer = Writer::new(&mut device, profile).with_unsynced_max(UNSYNCED_MAX);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    loop {
        let sample = samples.receive().await;
        writer.append_new_async(&sample.draft, sample.body()).await?;
        // One checkpoint for all that came while the device was busy.
        if samples.is_empty() || writer.unsynced() == UNSYNCED_MAX {
            writer.checkpoint_async(|| {}).await?;
            durable(writer.last(), tail.end.saturating_add(writer.size()));
        }
    }
}
// guide: end

/// Why nothing more is logged.
#[derive(Debug)]
pub enum Failure<E> {
    /// The log cannot be gone on with.
    Recover(TailError<E>),
    /// The device failed; the log has to be opened again.
    Write(WriteError<E>),
}

impl<E> From<TailError<E>> for Failure<E> {
    fn from(error: TailError<E>) -> Self {
        Self::Recover(error)
    }
}

impl<E> From<WriteError<E>> for Failure<E> {
    fn from(error: WriteError<E>) -> Self {
        Self::Write(error)
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recover(error) => write!(f, "recover: {error}"),
            Self::Write(error) => write!(f, "write: {error}"),
        }
    }
}
