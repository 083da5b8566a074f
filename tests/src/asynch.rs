//! Futures by hand, and devices that have to be waited for.
//!
//! ```
//! use aof_tests::asynch::{Yielding, block_on, polled};
//! use aof_tests::device::Memory;
//! use embedded_io_async::Read;
//!
//! let mut device = Yielding::new(Memory::new(b"some bytes".to_vec()));
//! let mut buffer = [0; 4];
//! assert_eq!(polled(device.read(&mut buffer), 1), None); // given up after one poll
//! assert_eq!(block_on(device.read(&mut buffer)), Ok(4));
//! ```

use aof_nostd::storage::{AsyncSync, Sync};
use embedded_io::{ErrorType, SeekFrom};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Polls a future until it is ready.
pub fn block_on<F: Future>(future: F) -> F::Output {
    polled(future, usize::MAX).expect("so many polls are never made")
}

/// Polls a future `polls` times at most, and drops it: `None` if it was not ready until then.
pub fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Pending once.
async fn pending() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// A device that has to be waited for twice at each call: before anything is done, and when all is done and
/// nobody knows it yet. To callers of the blocking traits it is as `inner`.
#[derive(Clone, Debug)]
pub struct Yielding<D> {
    inner: D,
}

impl<D> Yielding<D> {
    /// Makes `inner` one to be waited for.
    pub const fn new(inner: D) -> Self {
        Self { inner }
    }

    /// The device inside.
    pub const fn inner(&self) -> &D {
        &self.inner
    }

    /// The device inside.
    pub const fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// The device inside back.
    pub fn into_inner(self) -> D {
        self.inner
    }

    async fn call<T>(&mut self, call: impl FnOnce(&mut D) -> T) -> T {
        pending().await;
        let result = call(&mut self.inner);
        pending().await;
        result
    }
}

impl<D: ErrorType> ErrorType for Yielding<D> {
    type Error = D::Error;
}

impl<D: embedded_io::Read> embedded_io::Read for Yielding<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, D::Error> {
        self.inner.read(buffer)
    }
}

impl<D: embedded_io::Write> embedded_io::Write for Yielding<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, D::Error> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> Result<(), D::Error> {
        self.inner.flush()
    }
}

impl<D: embedded_io::Seek> embedded_io::Seek for Yielding<D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, D::Error> {
        self.inner.seek(target)
    }
}

impl<D: Sync> Sync for Yielding<D> {
    fn sync(&mut self) -> Result<(), D::Error> {
        self.inner.sync()
    }
}

impl<D: embedded_io::Read> embedded_io_async::Read for Yielding<D> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, D::Error> {
        self.call(|inner| inner.read(buffer)).await
    }
}

impl<D: embedded_io::Write> embedded_io_async::Write for Yielding<D> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, D::Error> {
        self.call(|inner| inner.write(bytes)).await
    }

    async fn flush(&mut self) -> Result<(), D::Error> {
        self.call(D::flush).await
    }
}

impl<D: embedded_io::Seek> embedded_io_async::Seek for Yielding<D> {
    async fn seek(&mut self, target: SeekFrom) -> Result<u64, D::Error> {
        self.call(|inner| inner.seek(target)).await
    }
}

impl<D: Sync> AsyncSync for Yielding<D> {
    async fn sync(&mut self) -> Result<(), D::Error> {
        self.call(D::sync).await
    }
}
