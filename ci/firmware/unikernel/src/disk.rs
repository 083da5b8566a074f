//! The virtio disk as a block device, and what it promises.
//!
//! **Durability.** A virtio disk with a cache offers the feature `VIRTIO_BLK_F_FLUSH`. One that does not
//! offer it may write through, or may have a cache that cannot be flushed: it does not say. The driver's own
//! `flush` answers "done" then. So the feature is looked at here, and without it nothing is ever called
//! durable.

use crate::dma::Dma;
use aof_nostd::storage::{Block, BlockDevice};
use core::fmt;
use core::ptr::{self, NonNull};
use embedded_io::ErrorKind;
use virtio_drivers::device::blk::VirtIOBlk;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceType, Transport};

/// Where the board has its virtio slots, how far apart they are, and how many.
const SLOTS: (usize, usize, usize) = (0x0a00_0000, 0x200, 32);

/// Bit 9 of the features of a disk: it has a flush.
const FEATURE_FLUSH: u64 = 1 << 9;

/// The disk.
pub struct Disk {
    driver: VirtIOBlk<Dma, MmioTransport<'static>>,
    has_flush: bool,
    counts: Counts,
}

/// What the disk was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Calls of read, and the blocks of all.
    pub reads: [u64; 2],
    /// Calls of write, and the blocks of all.
    pub writes: [u64; 2],
    /// Calls of flush.
    pub flushes: u64,
}

impl Counts {
    /// What came since `earlier`.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        let [[calls, blocks], [write_calls, written]] = [self.reads, self.writes];
        Self {
            reads: [calls - earlier.reads[0], blocks - earlier.reads[1]],
            writes: [write_calls - earlier.writes[0], written - earlier.writes[1]],
            flushes: self.flushes - earlier.flushes,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads: [reads, blocks_read], writes: [writes, blocks_written], flushes } = self;
        write!(
            f,
            "{blocks_read} blocks read in {reads} calls, {blocks_written} written in {writes}, {flushes} flushes"
        )
    }
}

/// Why the disk did not do what it was asked for.
#[derive(Clone, Debug)]
pub enum DiskError {
    /// No slot of the board has a disk.
    None,
    /// The disk offers no flush.
    NoFlush,
    /// The disk takes no writes.
    ReadOnly,
    /// A call failed.
    Driver(virtio_drivers::Error),
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no virtio disk: start QEMU with -device virtio-blk-device"),
            Self::NoFlush => f.write_str(
                "the disk offers no flush (VIRTIO_BLK_F_FLUSH), so nothing can be called durable: give it one \
                 (QEMU: write-cache=on), or only read from it",
            ),
            Self::ReadOnly => f.write_str("the disk takes no writes"),
            Self::Driver(error) => write!(f, "the disk failed: {error}"),
        }
    }
}

impl core::error::Error for DiskError {}

impl embedded_io::Error for DiskError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::None => ErrorKind::NotFound,
            Self::NoFlush | Self::ReadOnly => ErrorKind::Unsupported,
            Self::Driver(_) => ErrorKind::Other,
        }
    }
}

impl Disk {
    /// The board's disk: the first one, if there are several.
    ///
    /// # Errors
    ///
    /// [`DiskError::None`], or what its driver says.
    pub fn open() -> Result<Self, DiskError> {
        let (base, step, count) = SLOTS;
        let slots = (0..count).map(|index| base + index * step);
        let mut transport = slots
            .filter_map(|address| transport(address, step))
            .find(|transport| transport.device_type() == DeviceType::Block)
            .ok_or(DiskError::None)?;
        // Asked for here, since the driver keeps what it agreed on to itself.
        let has_flush = transport.read_device_features() & FEATURE_FLUSH != 0;
        let driver = VirtIOBlk::new(transport).map_err(DiskError::Driver)?;
        Ok(Self { driver, has_flush, counts: Counts::default() })
    }

    /// What was asked for so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}

/// The device in the slot at `address`, if one is there.
#[allow(unsafe_code, reason = "registers have an address and nothing else")]
fn transport(address: usize, size: usize) -> Option<MmioTransport<'static>> {
    let header = NonNull::new(ptr::with_exposed_provenance_mut(address))?;
    // SAFETY: the board has a virtio slot of that size there, mapped as device registers for good, and each
    // is visited once.
    unsafe { MmioTransport::new(header, size) }.ok()
}

impl BlockDevice for Disk {
    type Error = DiskError;

    fn block_count(&self) -> u64 {
        self.driver.capacity()
    }

    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), DiskError> {
        if blocks.is_empty() {
            return Ok(()); // the driver takes no empty call
        }
        let [calls, read] = &mut self.counts.reads;
        *calls += 1;
        *read += blocks.len() as u64;
        self.driver.read_blocks(number(first)?, blocks.as_flattened_mut()).map_err(DiskError::Driver)
    }

    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), DiskError> {
        if blocks.is_empty() {
            return Ok(());
        }
        if self.driver.readonly() {
            return Err(DiskError::ReadOnly);
        }
        let [calls, written] = &mut self.counts.writes;
        *calls += 1;
        *written += blocks.len() as u64;
        self.driver.write_blocks(number(first)?, blocks.as_flattened()).map_err(DiskError::Driver)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        if !self.has_flush {
            return Err(DiskError::NoFlush);
        }
        self.counts.flushes += 1;
        self.driver.flush().map_err(DiskError::Driver)
    }
}

/// The driver counts blocks in `usize`.
fn number(first: u64) -> Result<usize, DiskError> {
    usize::try_from(first).map_err(|_| DiskError::Driver(virtio_drivers::Error::InvalidParam))
}
