//! The same for devices of `embedded_io_async`.

use super::{Cursor, CursorError};
use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A device whose writes can be made durable, and which is not waited for meanwhile.
///
/// What power loss may do at each call, and what an error means, is told at [`Sync`](super::Sync). A future
/// that is dropped before it is ready is a call that returned an error: nothing is known, for good.
#[expect(
    async_fn_in_trait,
    reason = "as the traits of embedded_io_async: an executor of a device has one core"
)]
pub trait AsyncSync: ErrorType {
    /// Makes everything written so far durable.
    ///
    /// # Errors
    ///
    /// The device failed, or cannot promise durability.
    async fn sync(&mut self) -> Result<(), Self::Error>;
}

impl<T: AsyncSync + ?Sized> AsyncSync for &mut T {
    async fn sync(&mut self) -> Result<(), Self::Error> {
        T::sync(self).await
    }
}

/// Makes the call, and makes it again as long as it was interrupted; see
/// [`uninterrupted`](super::uninterrupted).
pub(crate) async fn uninterrupted_async<T, E: Error>(
    mut call: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        match call().await {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<T: AsRef<[u8]>> Read for Cursor<T> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CursorError> {
        embedded_io::Read::read(self, buffer)
    }
}

impl<T: AsRef<[u8]>> Seek for Cursor<T> {
    async fn seek(&mut self, target: SeekFrom) -> Result<u64, CursorError> {
        embedded_io::Seek::seek(self, target)
    }
}

impl<T: AsMut<[u8]>> Write for Cursor<T> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, CursorError> {
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), CursorError> {
        Ok(())
    }
}

impl<T> AsyncSync for Cursor<T> {
    /// Memory is as durable as it gets at once.
    async fn sync(&mut self) -> Result<(), CursorError> {
        Ok(())
    }
}
