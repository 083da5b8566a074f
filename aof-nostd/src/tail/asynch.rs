//! The tail over `embedded_io_async`: while the device is waited for, others have the processor.

use super::clean::Act;
use super::find::Find;
use super::{Recovery, Tail, TailError};
use crate::checksum::Profile;
use crate::reader::Reader;
use crate::storage::{AsyncSync, uninterrupted_async};
use crate::writer::{WriteError, write_all_async};
use embedded_io_async::{Read, Seek, SeekFrom, Write};

impl<P: Profile> Recovery<P> {
    /// As [`find`](Self::find), over a device of [`embedded_io_async`]: with the feature `async`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn find_async<D: Read + Seek, B: AsMut<[u8]>>(
        &self,
        device: D,
        buffer: B,
    ) -> Result<Tail, TailError<D::Error>> {
        let mut reader = self.reader(Reader::new_async(device, buffer, *self.checker.profile()).await?);
        let mut find = Find::new(self);
        reader.drive_async(|reading| find.step(reading)).await??;
        Ok(find.tail())
    }
}

impl Tail {
    /// As [`clean`](Self::clean), over a device of [`embedded_io_async`]: with the feature `async`. A future
    /// that is dropped is a call that failed: find the tail anew, and where it may have been in a sync, only
    /// after a restart, see [`AsyncSync`].
    ///
    /// # Errors
    ///
    /// As [`clean`](Self::clean).
    pub async fn clean_async<D: Write + Seek + AsyncSync>(
        &self,
        mut device: D,
    ) -> Result<(), WriteError<D::Error>> {
        for act in self.acts() {
            match act {
                None => {}
                Some(Act::Sync) => device.sync().await.map_err(WriteError::Device)?,
                Some(Act::Seek(offset)) => seek_async(&mut device, offset).await?,
                Some(Act::Zero(mut zeros)) => {
                    seek_async(&mut device, zeros.start).await?;
                    while let Some(piece) = zeros.next() {
                        write_all_async(&mut device, piece).await?;
                    }
                    uninterrupted_async(async || device.flush().await).await.map_err(WriteError::Device)?;
                }
            }
        }
        Ok(())
    }
}

async fn seek_async<D: Seek>(device: &mut D, offset: u64) -> Result<(), WriteError<D::Error>> {
    let moved = uninterrupted_async(async || device.seek(SeekFrom::Start(offset)).await).await;
    moved.map(drop).map_err(WriteError::Device)
}
