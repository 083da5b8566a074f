//! The jobs once more, over `embedded_io_async`. What is measured is the steps, their futures and a loop that
//! polls them; an executor is somebody else's.
//!
//! The future is on the stack here, and counts as such; in an executor it is a static variable of that size.

use crate::job::note;
use crate::{Flash, FlashError};
use aof_nostd::storage::AsyncSync;
use aof_nostd::{Draft, Profile, Reader, Writer};
use core::future::{Future, poll_fn};
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_io_async::{ErrorType, Read, Seek, SeekFrom, Write};

/// A flash that may have to be waited for: the compiler does not know whether it has to.
#[derive(Debug)]
struct Waited<'a>(Flash<'a>);

async fn waited() {
    poll_fn(|_| if black_box(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl ErrorType for Waited<'_> {
    type Error = FlashError;
}

impl Read for Waited<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FlashError> {
        waited().await;
        embedded_io::Read::read(&mut self.0, buffer)
    }
}

impl Write for Waited<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, FlashError> {
        waited().await;
        embedded_io::Write::write(&mut self.0, bytes)
    }

    async fn flush(&mut self) -> Result<(), FlashError> {
        embedded_io::Write::flush(&mut self.0)
    }
}

impl Seek for Waited<'_> {
    async fn seek(&mut self, target: SeekFrom) -> Result<u64, FlashError> {
        embedded_io::Seek::seek(&mut self.0, target)
    }
}

impl AsyncSync for Waited<'_> {
    async fn sync(&mut self) -> Result<(), FlashError> {
        waited().await;
        aof_nostd::storage::Sync::sync(&mut self.0)
    }
}

/// As [`job::verify`](crate::job::verify).
pub fn verify(flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    block_on(async {
        let mut reader = Reader::new_async(Waited(flash), buffer, profile).await.map_err(note).ok()?;
        let mut entries = 0_u32;
        loop {
            match reader.next_streamed_async(|piece| _ = black_box(piece)).await {
                Ok(Some(_)) => entries = entries.wrapping_add(1),
                Ok(None) => return Some(entries),
                Err(error) => {
                    note(error);
                    return Some(entries);
                }
            }
        }
    })
}

/// As [`job::append`](crate::job::append).
pub fn append(flash: Flash<'_>, body: &mut [u8], profile: impl Profile) -> Option<u32> {
    block_on(async {
        let mut writer = Writer::new(Waited(flash), profile);
        let mut entries = 0_u32;
        for timestamp_ns in 1..=3 {
            let draft = Draft { timestamp_ns: black_box(timestamp_ns), ..Draft::default() };
            writer.append_new_async(&draft, body).await.map_err(note).ok()?;
            entries = entries.wrapping_add(1);
        }
        writer.checkpoint_async(|| black_box(())).await.map_err(note).ok()?;
        Some(entries)
    })
}

/// The smallest executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
