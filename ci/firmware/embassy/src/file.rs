//! [`WaitedFile`]: a file of the host as a device of `embedded_io_async`.

use crate::Transfer;
use aof_firmware_kit::{HostError, HostFile};
use aof_nostd::storage::AsyncSync;
use embedded_io_async::{ErrorType, Read, Seek, SeekFrom, Write};

/// A file of the host, each call of which takes a [`Transfer`].
pub struct WaitedFile {
    file: HostFile,
    transfer: &'static Transfer,
}

impl WaitedFile {
    /// Makes `file` one to be waited for.
    #[must_use]
    pub const fn new(file: HostFile, transfer: &'static Transfer) -> Self {
        Self { file, transfer }
    }
}

impl ErrorType for WaitedFile {
    type Error = HostError;
}

impl Read for WaitedFile {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, HostError> {
        self.transfer.run().await;
        embedded_io::Read::read(&mut self.file, buffer)
    }
}

impl Write for WaitedFile {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, HostError> {
        self.transfer.run().await;
        embedded_io::Write::write(&mut self.file, bytes)
    }

    async fn flush(&mut self) -> Result<(), HostError> {
        embedded_io::Write::flush(&mut self.file)
    }
}

impl Seek for WaitedFile {
    async fn seek(&mut self, target: SeekFrom) -> Result<u64, HostError> {
        self.transfer.run().await;
        embedded_io::Seek::seek(&mut self.file, target)
    }
}

impl AsyncSync for WaitedFile {
    /// As far as semihosting goes: it has no sync, and what this says is that the host's `write` was done. The
    /// entries outlive the device and the emulator, not the host.
    async fn sync(&mut self) -> Result<(), HostError> {
        self.transfer.run().await;
        embedded_io::Write::flush(&mut self.file)
    }
}
