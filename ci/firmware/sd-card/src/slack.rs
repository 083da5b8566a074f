//! The end of the FAT that belongs to no cluster, made to look taken: [`Slack`].
//!
//! ```text
//!   FAT   | 0 1 2 3 ...                      last | slack |      entries, to the end of a block
//!                                                  0 0 0 0       looks free, and is nothing
//! ```
//!
//! `embedded-sdmmc` 0.10 looks for a free cluster in whole blocks of the FAT: on a full volume it takes an
//! entry behind the last one, and then writes behind the volume's end: into the next partition, if there is
//! one. So the slack is shown to it filled, and is written as zeros, which is what the standard wants there.

use crate::error::CardError;
use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx, Error};

/// Where the partition table keeps the first block of the first partition.
const PARTITION_START: usize = 446 + 8;

/// Tables that have slack: a volume has one or two.
const TABLES_MAX: usize = 2;

/// A block device whose first partition is a FAT16 or FAT32.
#[derive(Debug)]
pub struct Slack<D> {
    device: D,
    /// The blocks in which the tables' last entries are.
    blocks: [Option<BlockIdx>; TABLES_MAX],
    /// Where the slack begins in them.
    from: usize,
}

impl<D: BlockDevice> Slack<D> {
    /// Looks where the slack of `device` is.
    ///
    /// # Errors
    ///
    /// [`CardError::Mount`] if it cannot be read, or if the boot sector's figures cannot be.
    pub fn new(device: D) -> Result<Self, CardError<D::Error>> {
        let block = |index| {
            let mut blocks = [Block::new()];
            let result = device.read(&mut blocks, BlockIdx(index));
            let [block] = blocks;
            result.map(|()| block).map_err(|error| CardError::Mount(Error::DeviceError(error)))
        };
        let start = number::<4>(&block(0)?, PARTITION_START);
        let figures = Figures::read(&block(start)?);
        let slack = figures.slack(start).ok_or(CardError::Mount(Error::FormatError("boot sector")))?;
        Ok(Self { device, blocks: slack.0, from: slack.1 })
    }

    /// The device.
    pub const fn device(&self) -> &D {
        &self.device
    }

    fn has_slack(&self, index: BlockIdx) -> bool {
        self.blocks.contains(&Some(index))
    }

    fn fill(&self, block: &mut Block, value: u8) {
        block.iter_mut().skip(self.from).for_each(|byte| *byte = value);
    }
}

/// The blocks and their number, from `start` on.
fn numbered(start: BlockIdx) -> impl Iterator<Item = BlockIdx> {
    (start.0..).map(BlockIdx)
}

impl<D: BlockDevice> BlockDevice for Slack<D> {
    type Error = D::Error;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), D::Error> {
        self.device.read(blocks, start)?;
        for (block, index) in blocks.iter_mut().zip(numbered(start)) {
            if self.has_slack(index) {
                self.fill(block, 0xff);
            }
        }
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), D::Error> {
        let has_slack = blocks.iter().zip(numbered(start)).any(|(_, index)| self.has_slack(index));
        if !has_slack {
            return self.device.write(blocks, start);
        }
        for (block, index) in blocks.iter().zip(numbered(start)) {
            let mut copy = [block.clone()];
            if self.has_slack(index) {
                let [block] = &mut copy;
                self.fill(block, 0);
            }
            self.device.write(&copy, index)?;
        }
        Ok(())
    }

    fn num_blocks(&self) -> Result<BlockCount, D::Error> {
        self.device.num_blocks()
    }
}

/// What a boot sector says, in blocks but for the clusters' entries.
struct Figures {
    per_cluster: u32,
    reserved: u32,
    tables: u32,
    table: u32,
    root: u32,
    total: u32,
    entry_size: u32,
}

impl Figures {
    /// Offsets are those of the FAT standard; a field of 16 bits that is 0 has one of 32 bits.
    fn read(block: &Block) -> Self {
        let either = |small: u32, large: u32| if small == 0 { large } else { small };
        let small_table = number::<2>(block, 22);
        Self {
            per_cluster: number::<1>(block, 13),
            reserved: number::<2>(block, 14),
            tables: number::<1>(block, 16),
            table: either(small_table, number::<4>(block, 36)),
            root: (number::<2>(block, 17) * 32).div_ceil(Block::LEN_U32),
            total: either(number::<2>(block, 19), number::<4>(block, 32)),
            // Only FAT32 has tables too large for 16 bits.
            entry_size: if small_table == 0 { 4 } else { 2 },
        }
    }

    /// The blocks with the slack, and where it begins; `None` if the figures are those of no volume.
    fn slack(&self, start: u32) -> Option<([Option<BlockIdx>; TABLES_MAX], usize)> {
        let before =
            self.reserved.checked_add(self.tables.checked_mul(self.table)?)?.checked_add(self.root)?;
        let clusters = self.total.checked_sub(before)?.checked_div(self.per_cluster)?;
        // Clusters count from 2.
        let end = clusters.checked_add(2)?.checked_mul(self.entry_size)?;
        let first = start.checked_add(self.reserved)?.checked_add(end / Block::LEN_U32)?;
        let from = end % Block::LEN_U32;
        if from == 0 {
            return Some(([None; TABLES_MAX], 0)); // the last entry is a block's last one
        }
        let second = (self.tables > 1).then(|| first.checked_add(self.table)).flatten();
        Some(([Some(BlockIdx(first)), second.map(BlockIdx)], from as usize))
    }
}

/// The little-endian number of `N` bytes at `offset`.
fn number<const N: usize>(block: &Block, offset: usize) -> u32 {
    let bytes = block.iter().skip(offset).take(N);
    bytes.rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
