//! The writer over `embedded_io_async`: while the device is waited for, others have the processor.

use super::{Draft, WriteError, Writer};
use crate::chain::ChainLink;
use crate::checksum::Profile;
use crate::storage::{AsyncSync, uninterrupted_async};
use crate::wire::{Entry, EntryHead, Header};
use embedded_io_async::Write;
use zerocopy::{FromZeros, IntoBytes};

/// With the feature `async`: over a device of [`embedded_io_async`]. A future that is dropped while it waits
/// for the device fails the writer for good; see the [module](super).
impl<D: Write, P: Profile> Writer<D, P> {
    /// As [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub async fn append_async(&mut self, entry: &Entry) -> Result<(), WriteError<D::Error>> {
        self.verify(entry.as_bytes())?;
        self.write_async(&[entry.as_bytes()]).await?;
        self.appended(&entry.header);
        Ok(())
    }

    /// As [`append_prepare`](Self::append_prepare).
    ///
    /// # Errors
    ///
    /// As [`append_prepare`](Self::append_prepare).
    pub async fn append_prepare_async(
        &mut self,
        header: &Header,
        body: &[u8],
    ) -> Result<(), WriteError<D::Error>> {
        let head = self.verify_parts(header, body)?;
        self.write_async(&[head.as_bytes(), body]).await?;
        self.appended(header);
        Ok(())
    }

    /// As [`append_new`](Self::append_new).
    ///
    /// # Errors
    ///
    /// As [`append_new`](Self::append_new).
    pub async fn append_new_async(
        &mut self,
        draft: &Draft,
        body: &[u8],
    ) -> Result<ChainLink, WriteError<D::Error>> {
        let mut head = EntryHead::new_zeroed();
        self.seal(draft, body, &mut head)?;
        self.write_async(&[head.as_bytes(), body]).await?;
        self.appended(&head.header);
        Ok(ChainLink::from(&head.header))
    }

    async fn write_async(&mut self, parts: &[&[u8]]) -> Result<(), WriteError<D::Error>> {
        let state = self.hold();
        for part in parts {
            write_all_async(&mut self.device, part).await?;
        }
        uninterrupted_async(async || self.device.flush().await).await.map_err(WriteError::Device)?;
        self.state = state;
        Ok(())
    }
}

impl<D: Write + AsyncSync, P: Profile> Writer<D, P> {
    /// As [`checkpoint`](Self::checkpoint).
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint).
    pub async fn checkpoint_async(&mut self, done: impl FnOnce()) -> Result<(), WriteError<D::Error>> {
        self.begin_checkpoint()?;
        let state = self.hold();
        self.device.sync().await.map_err(WriteError::Device)?;
        self.state = state;
        self.end_checkpoint(true)?;
        done();
        Ok(())
    }
}

/// Writes all of `bytes`.
pub(crate) async fn write_all_async<D: Write>(
    device: &mut D,
    bytes: &[u8],
) -> Result<(), WriteError<D::Error>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match uninterrupted_async(async || device.write(rest).await).await.map_err(WriteError::Device)? {
            0 => return Err(WriteError::Full),
            written => rest = rest.get(written..).ok_or(WriteError::Count)?,
        }
    }
    Ok(())
}
