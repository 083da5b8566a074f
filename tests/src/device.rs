//! Devices over memory, and wrappers that make any device worse. They wrap each other:
//!
//! ```
//! use aof_tests::device::{Choppy, Counting, Memory};
//! use embedded_io::Read;
//!
//! let mut device = Choppy::new(Counting::new(Memory::new(b"some bytes".to_vec())), 42);
//! let mut buffer = [0; 8];
//! while let Err(interrupted) = device.read(&mut buffer) { /* or a short count */ }
//! assert!(device.inner().counts().read_size_max <= 8);
//! ```
//!
//! The only errors are those asked for: [`ErrorKind::Interrupted`] by [`Choppy`],
//! [`ErrorKind::Other`] by [`Failing`] and [`Flaky`].

use crate::random::Random;
use aof_nostd::storage::Sync;
use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A device whose error is an [`ErrorKind`], as all of these are.
pub trait Device: ErrorType<Error = ErrorKind> {}
impl<T: ErrorType<Error = ErrorKind>> Device for T {}

/// Memory that grows as it is written.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    bytes: Vec<u8>,
    position: u64,
    /// What the last sync made durable.
    synced: usize,
}

impl Memory {
    /// A device with these bytes, positioned at the first.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, position: 0, synced: 0 }
    }

    /// What is on it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was on it at the last sync.
    #[must_use]
    pub fn synced(&self) -> &[u8] {
        &self.bytes[..self.synced]
    }

    fn index(&self) -> usize {
        usize::try_from(self.position).unwrap_or(usize::MAX)
    }
}

impl ErrorType for Memory {
    type Error = ErrorKind;
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let rest = self.bytes.get(self.index()..).unwrap_or(&[]);
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        self.position += size as u64;
        Ok(size)
    }
}

impl Seek for Memory {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => (self.bytes.len() as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let end = self.index() + bytes.len();
        self.bytes.resize(end.max(self.bytes.len()), 0);
        let index = self.index();
        self.bytes[index..end].copy_from_slice(bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Sync for Memory {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        self.synced = self.bytes.len();
        Ok(())
    }
}

/// What all wrappers have, and the traits that one leaves as they are.
macro_rules! passes_on {
    ($wrapper:ident: $($trait:ident),*) => {
        impl<D> $wrapper<D> {
            /// The device inside.
            pub const fn inner(&self) -> &D {
                &self.inner
            }

            /// The device inside back.
            pub fn into_inner(self) -> D {
                self.inner
            }
        }

        impl<D: Device> ErrorType for $wrapper<D> {
            type Error = ErrorKind;
        }

        $(passes_on!(@$trait $wrapper);)*
    };
    (@Seek $wrapper:ident) => {
        impl<D: Device + Seek> Seek for $wrapper<D> {
            fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
                self.inner.seek(target)
            }
        }
    };
    (@Sync $wrapper:ident) => {
        impl<D: Device + Sync> Sync for $wrapper<D> {
            fn sync(&mut self) -> Result<(), ErrorKind> {
                self.inner.sync()
            }
        }
    };
}

/// Moves fewer bytes than asked, and is interrupted: both are a device's right.
#[derive(Clone, Debug)]
pub struct Choppy<D> {
    inner: D,
    random: Random,
}

impl<D> Choppy<D> {
    /// Makes `inner` choppy; another `seed`, other counts.
    pub const fn new(inner: D, seed: u64) -> Self {
        Self { inner, random: Random::new(seed) }
    }

    /// How many of `size` bytes to move now.
    fn count(&mut self, size: usize) -> Result<usize, ErrorKind> {
        match self.random.below(8) {
            0 => Err(ErrorKind::Interrupted),
            1 | 2 => Ok(size),
            3 => Ok(size.min(1)),
            4 => Ok(size.min(17)),
            _ => Ok(self.random.below(size).max(1).min(size)),
        }
    }
}

passes_on!(Choppy: Seek, Sync);

impl<D: Device + Read> Read for Choppy<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let size = self.count(buffer.len())?;
        self.inner.read(&mut buffer[..size])
    }
}

impl<D: Device + Write> Write for Choppy<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let size = self.count(bytes.len())?;
        self.inner.write(&bytes[..size])
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.inner.flush()
    }
}

/// Fails after a number of bytes moved (its *fuel*), until it gets more.
#[derive(Clone, Debug)]
pub struct Failing<D> {
    inner: D,
    fuel: usize,
    sync_fails: bool,
}

impl<D> Failing<D> {
    /// Makes `inner` fail once `fuel` bytes were read or written.
    pub const fn new(inner: D, fuel: usize) -> Self {
        Self { inner, fuel, sync_fails: false }
    }

    /// Sets the fuel.
    pub const fn refuel(&mut self, fuel: usize) {
        self.fuel = fuel;
    }

    /// Makes syncs fail, or not.
    pub const fn set_sync_fails(&mut self, sync_fails: bool) {
        self.sync_fails = sync_fails;
    }

    fn count(&mut self, size: usize) -> Result<usize, ErrorKind> {
        if self.fuel == 0 && size > 0 { Err(ErrorKind::Other) } else { Ok(size.min(self.fuel)) }
    }
}

passes_on!(Failing: Seek);

impl<D: Device + Read> Read for Failing<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let size = self.count(buffer.len())?;
        let read = self.inner.read(&mut buffer[..size])?;
        self.fuel -= read;
        Ok(read)
    }
}

impl<D: Device + Write> Write for Failing<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let size = self.count(bytes.len())?;
        let written = self.inner.write(&bytes[..size])?;
        self.fuel -= written;
        Ok(written)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.inner.flush()
    }
}

impl<D: Device + Sync> Sync for Failing<D> {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        if self.sync_fails { Err(ErrorKind::Other) } else { self.inner.sync() }
    }
}

/// Fails now and then, in reads and seeks, a number of times in all; the next try may succeed.
#[derive(Clone, Debug)]
pub struct Flaky<D> {
    inner: D,
    random: Random,
    failures: u32,
}

impl<D> Flaky<D> {
    /// Makes `failures` calls of `inner` fail, one in 5 until then; another `seed`, other calls.
    pub const fn new(inner: D, failures: u32, seed: u64) -> Self {
        Self { inner, random: Random::new(seed), failures }
    }

    fn fail(&mut self) -> Result<(), ErrorKind> {
        if self.failures > 0 && self.random.one_in(5) {
            self.failures -= 1;
            return Err(ErrorKind::Other);
        }
        Ok(())
    }
}

passes_on!(Flaky:);

impl<D: Device + Read> Read for Flaky<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.fail()?;
        self.inner.read(buffer)
    }
}

impl<D: Device + Seek> Seek for Flaky<D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        self.fail()?;
        self.inner.seek(target)
    }
}

/// Ends earlier than it said: somebody cut the file after its length was asked for.
#[derive(Clone, Debug)]
pub struct Shrinking<D> {
    inner: D,
    size: u64,
}

impl<D> Shrinking<D> {
    /// Reads of `inner` end at `size`; a seek to the end still goes to the old one.
    pub const fn new(inner: D, size: u64) -> Self {
        Self { inner, size }
    }
}

passes_on!(Shrinking: Seek);

impl<D: Device + Read + Seek> Read for Shrinking<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let rest = self.size.saturating_sub(self.inner.seek(SeekFrom::Current(0))?);
        let size = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
        self.inner.read(&mut buffer[..size])
    }
}

/// Claims to have moved `extra` bytes more than it was asked for: a driver with a fault.
#[derive(Clone, Debug)]
pub struct Boasting<D> {
    inner: D,
    extra: usize,
}

impl<D> Boasting<D> {
    /// Makes `inner` claim `extra` bytes more; with 0 it tells the truth.
    pub const fn new(inner: D, extra: usize) -> Self {
        Self { inner, extra }
    }

    /// Sets how many more it claims.
    pub const fn set_extra(&mut self, extra: usize) {
        self.extra = extra;
    }
}

passes_on!(Boasting: Seek, Sync);

impl<D: Device + Read> Read for Boasting<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let read = self.inner.read(buffer)?;
        Ok(if self.extra > 0 { buffer.len().saturating_add(self.extra) } else { read })
    }
}

impl<D: Device + Write> Write for Boasting<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(self.inner.write(bytes)?.saturating_add(self.extra))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.inner.flush()
    }
}

/// What a [`Counting`] device was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of read.
    pub reads: u64,
    /// Bytes read.
    pub read_size: u64,
    /// The largest buffer given to a read, bytes.
    pub read_size_max: usize,
    /// Calls of seek.
    pub seeks: u64,
    /// Calls of write.
    pub writes: u64,
    /// Bytes written.
    pub written_size: u64,
    /// Calls of sync.
    pub syncs: u64,
}

/// Counts what it is asked for.
#[derive(Clone, Debug)]
pub struct Counting<D> {
    inner: D,
    counts: Counts,
}

impl<D> Counting<D> {
    /// Counts what `inner` is asked for.
    pub fn new(inner: D) -> Self {
        Self { inner, counts: Counts::default() }
    }

    /// The counts so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}

passes_on!(Counting:);

impl<D: Device + Read> Read for Counting<D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.counts.reads += 1;
        self.counts.read_size_max = self.counts.read_size_max.max(buffer.len());
        let read = self.inner.read(buffer)?;
        self.counts.read_size += read as u64;
        Ok(read)
    }
}

impl<D: Device + Seek> Seek for Counting<D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        self.counts.seeks += 1;
        self.inner.seek(target)
    }
}

impl<D: Device + Write> Write for Counting<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.counts.writes += 1;
        let written = self.inner.write(bytes)?;
        self.counts.written_size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.inner.flush()
    }
}

impl<D: Device + Sync> Sync for Counting<D> {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        self.counts.syncs += 1;
        self.inner.sync()
    }
}
