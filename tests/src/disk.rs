//! A disk whose power can be cut: [`Disk`] keeps what is durable apart from what was only written.
//!
//! ```text
//!   durable     at the last flush
//!   pending     every write of a block since then, in order
//!   now         durable, and all pending ones over it: what a read gives
//! ```
//!
//! A power cut keeps the first few pending writes ([`Loss::Rest`]: a disk that keeps the order), or, block
//! by block, what was durable or any pending write ([`Loss::Any`]: a disk that does not). A block is written
//! whole or not at all: the assumption that `aof_nostd::storage::block` states.

use crate::random::Random;
use aof_nostd::storage::{BLOCK_SIZE, Block, BlockDevice};
use embedded_io::ErrorKind;

/// What a power cut takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All pending writes but so many of the oldest.
    Rest {
        /// How many stay.
        kept: usize,
    },
    /// Block by block, all of them or all but one that the seed chooses.
    Any {
        /// Chooses.
        seed: u64,
    },
}

/// What a [`Disk`] was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Calls of read.
    pub reads: u64,
    /// Blocks read.
    pub blocks_read: u64,
    /// Calls of write.
    pub writes: u64,
    /// Blocks written.
    pub blocks_written: u64,
    /// Calls of flush.
    pub flushes: u64,
}

/// A block device in memory.
#[derive(Clone, Debug)]
pub struct Disk {
    now: Vec<Block>,
    durable: Vec<Block>,
    pending: Vec<(usize, Block)>,
    counts: DiskCounts,
    /// Writes of blocks that succeed before everything fails.
    fuel: usize,
    has_flush: bool,
}

impl Disk {
    /// A disk of `block_count` blocks that begins with `bytes`; the rest is zero. All of it is durable.
    #[must_use]
    pub fn new(bytes: &[u8], block_count: usize) -> Self {
        let mut now = vec![[0; BLOCK_SIZE]; block_count];
        now.as_flattened_mut()[..bytes.len()].copy_from_slice(bytes);
        Self {
            durable: now.clone(),
            now,
            pending: Vec::new(),
            counts: DiskCounts::default(),
            fuel: usize::MAX,
            has_flush: true,
        }
    }

    /// Lets so many more writes of a block succeed; then everything fails.
    #[must_use]
    pub const fn with_fuel(mut self, fuel: usize) -> Self {
        self.fuel = fuel;
        self
    }

    /// A disk that refuses to flush.
    #[must_use]
    pub const fn without_flush(mut self) -> Self {
        self.has_flush = false;
        self
    }

    /// What a read of all of it gives.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.now.as_flattened()
    }

    /// What was asked for so far.
    #[must_use]
    pub const fn counts(&self) -> DiskCounts {
        self.counts
    }

    /// Writes of a block that are not durable yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The disk after a power cut.
    #[must_use]
    pub fn cut(self, loss: Loss) -> Self {
        let mut left = self.durable;
        match loss {
            Loss::Rest { kept } => {
                for (number, block) in self.pending.iter().take(kept) {
                    left[*number] = *block;
                }
            }
            Loss::Any { seed } => {
                let mut random = Random::new(seed);
                for (number, block) in &mut left.iter_mut().enumerate() {
                    let written: Vec<_> = self.pending.iter().filter(|write| write.0 == number).collect();
                    if let Some((_, kept)) = written.get(random.below(written.len() + 1)) {
                        *block = *kept;
                    }
                }
            }
        }
        Self { durable: left.clone(), now: left, pending: Vec::new(), ..self }
    }

    fn range(&self, first: u64, count: usize) -> Result<std::ops::Range<usize>, ErrorKind> {
        let first = usize::try_from(first).map_err(|_| ErrorKind::InvalidInput)?;
        let end = first.checked_add(count).filter(|end| *end <= self.now.len());
        Ok(first..end.ok_or(ErrorKind::InvalidInput)?)
    }
}

impl BlockDevice for Disk {
    type Error = ErrorKind;

    fn block_count(&self) -> u64 {
        self.now.len() as u64
    }

    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), ErrorKind> {
        self.counts.reads += 1;
        self.counts.blocks_read += blocks.len() as u64;
        blocks.copy_from_slice(&self.now[self.range(first, blocks.len())?]);
        Ok(())
    }

    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), ErrorKind> {
        self.counts.writes += 1;
        for (number, block) in self.range(first, blocks.len())?.zip(blocks) {
            self.fuel = self.fuel.checked_sub(1).ok_or(ErrorKind::Other)?;
            self.counts.blocks_written += 1;
            self.now[number] = *block;
            self.pending.push((number, *block));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.counts.flushes += 1;
        if !self.has_flush {
            return Err(ErrorKind::Unsupported);
        }
        if self.fuel == 0 {
            return Err(ErrorKind::Other);
        }
        self.durable.clone_from(&self.now);
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Disk {
        let mut disk = Disk::new(&[1; 512], 3);
        disk.write(0, &[[2; 512], [2; 512]]).unwrap();
        disk.flush().unwrap();
        disk.write(1, &[[3; 512]]).unwrap();
        disk.write(2, &[[3; 512]]).unwrap();
        disk.write(1, &[[4; 512]]).unwrap();
        disk
    }

    fn firsts(disk: &Disk) -> [u8; 3] {
        [0, 1, 2].map(|number| disk.bytes()[number * 512])
    }

    #[test]
    fn cut_in_order_keeps_what_was_written_first() {
        assert_eq!(firsts(&written()), [2, 4, 3]);
        let kept = |kept| firsts(&written().cut(Loss::Rest { kept }));
        assert_eq!([kept(0), kept(1), kept(2), kept(3)], [[2, 2, 0], [2, 3, 0], [2, 3, 3], [2, 4, 3]]);
    }

    #[test]
    fn cut_of_any_kind_leaves_every_mixture_but_keeps_what_was_flushed() {
        let mut seen: Vec<_> = (0..200).map(|seed| firsts(&written().cut(Loss::Any { seed }))).collect();
        seen.sort_unstable();
        seen.dedup();
        let all = [[2, 2, 0], [2, 2, 3], [2, 3, 0], [2, 3, 3], [2, 4, 0], [2, 4, 3]];
        assert_eq!(seen, all);
    }
}
