//! Counting what a card has to do: on a real card it is what decides how long an append takes, and how long
//! the card lives.

use core::cell::Cell;
use core::ops::{AddAssign, Sub};
use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};

/// Blocks of 512 bytes that went to and came from a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks read.
    pub reads: u32,
    /// Blocks written.
    pub writes: u32,
}

impl Sub for Counts {
    type Output = Self;

    /// What came in between.
    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.wrapping_sub(earlier.reads),
            writes: self.writes.wrapping_sub(earlier.writes),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.reads = self.reads.wrapping_add(other.reads);
        self.writes = self.writes.wrapping_add(other.writes);
    }
}

/// A block device that counts.
#[derive(Debug)]
pub struct Counted<D> {
    device: D,
    reads: Cell<u32>,
    writes: Cell<u32>,
}

impl<D> Counted<D> {
    /// Counts from now on.
    pub const fn new(device: D) -> Self {
        Self { device, reads: Cell::new(0), writes: Cell::new(0) }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        Counts { reads: self.reads.get(), writes: self.writes.get() }
    }

    /// The device.
    pub const fn device(&self) -> &D {
        &self.device
    }
}

fn add(cell: &Cell<u32>, blocks: &[Block]) {
    cell.set(cell.get().wrapping_add(u32::try_from(blocks.len()).unwrap_or(u32::MAX)));
}

impl<D: BlockDevice> BlockDevice for Counted<D> {
    type Error = D::Error;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), D::Error> {
        add(&self.reads, blocks);
        self.device.read(blocks, start)
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), D::Error> {
        add(&self.writes, blocks);
        self.device.write(blocks, start)
    }

    fn num_blocks(&self) -> Result<BlockCount, D::Error> {
        self.device.num_blocks()
    }
}
