//! Broken versions, each of which the simulation has to catch. They are wrappers of the device, turns of the
//! [`driver`](super::driver), or promises that the device does not keep; never features of the product.

use super::front::HasMedium;
use super::medium::Medium;
use aof_nostd::storage::{Block, BlockDevice, Sync};
use clap::ValueEnum;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// Sync says it is done and does nothing
    SyncSkipped,
    /// A sync that failed is tried again, and its success believed
    FailedSyncRetried,
    /// A write that failed is taken for done
    WriteErrorIgnored,
    /// The writer goes on at the log's end without zeroing the torn tail
    TailNotCleaned,
    /// The writer goes on behind the last byte that is not zero
    AppendedBehindTheTail,
    /// Recovery's syncs do nothing: what it found and zeroed is not durable before the first append
    CleanNotSynced,
    /// A checkpoint is acknowledged before its sync
    AcknowledgedBeforeSync,
    /// A checkpoint is taken to cover what was written after it began
    CheckpointCoversLater,
    /// After a sync that failed the log is reopened, and what the cache shows is believed
    ReopenedWithoutRestart,
    /// The disk leaves garbage in a sector that holds synced bytes
    SectorsSpoilt,
    /// The reach is one entry, and more may be unsynced
    ReachTooShort,
}

/// A device, broken as the mutant says, or as it is.
#[derive(Debug)]
pub struct Wrapped<D> {
    inner: D,
    mutant: Option<Mutant>,
}

impl<D> Wrapped<D> {
    /// Breaks `inner`, or not.
    pub const fn new(inner: D, mutant: Option<Mutant>) -> Self {
        Self { inner, mutant }
    }

    fn synced(&mut self, mut sync: impl FnMut(&mut D) -> Result<(), ErrorKind>) -> Result<(), ErrorKind> {
        match self.mutant {
            Some(Mutant::SyncSkipped) => Ok(()),
            Some(Mutant::FailedSyncRetried) => {
                sync(&mut self.inner).or_else(|_| sync(&mut self.inner)).or_else(|_| sync(&mut self.inner))
            }
            _ => sync(&mut self.inner),
        }
    }

    fn written<T>(&self, result: Result<T, ErrorKind>, claimed: T) -> Result<T, ErrorKind> {
        match result {
            Err(error)
                if error != ErrorKind::Interrupted && self.mutant == Some(Mutant::WriteErrorIgnored) =>
            {
                Ok(claimed)
            }
            result => result,
        }
    }
}

impl<D: HasMedium> Wrapped<D> {
    /// The medium.
    pub fn medium(&self) -> &Medium {
        self.inner.medium()
    }
}

impl<D: ErrorType<Error = ErrorKind>> ErrorType for Wrapped<D> {
    type Error = ErrorKind;
}

impl<D: Read<Error = ErrorKind>> Read for Wrapped<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.inner.read(buffer)
    }
}

impl<D: Write<Error = ErrorKind>> Write for Wrapped<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let result = self.inner.write(bytes);
        self.written(result, bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.inner.flush()
    }
}

impl<D: Seek<Error = ErrorKind>> Seek for Wrapped<D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        self.inner.seek(target)
    }
}

impl<D: Sync<Error = ErrorKind>> Sync for Wrapped<D> {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        self.synced(D::sync)
    }
}

impl<D: BlockDevice<Error = ErrorKind>> BlockDevice for Wrapped<D> {
    type Error = ErrorKind;

    fn block_count(&self) -> u64 {
        self.inner.block_count()
    }

    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), ErrorKind> {
        self.inner.read(first, blocks)
    }

    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), ErrorKind> {
        let result = self.inner.write(first, blocks);
        self.written(result, ())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.synced(D::flush)
    }
}

/// A device whose sync does nothing: what [`Mutant::CleanNotSynced`] cleans.
#[derive(Debug)]
pub struct Unsynced<'a, D>(pub &'a mut D);

impl<D: ErrorType> ErrorType for Unsynced<'_, D> {
    type Error = D::Error;
}

impl<D: Write> Write for Unsynced<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, D::Error> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), D::Error> {
        self.0.flush()
    }
}

impl<D: Seek> Seek for Unsynced<'_, D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, D::Error> {
        self.0.seek(target)
    }
}

impl<D: ErrorType> Sync for Unsynced<'_, D> {
    fn sync(&mut self) -> Result<(), D::Error> {
        Ok(())
    }
}
