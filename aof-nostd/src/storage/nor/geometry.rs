//! Sizes and places: what a region's blocks are for, checked before anything is computed from them.
//!
//! | blocks | what for |
//! |---|---|
//! | all but the last four | the log |
//! | three | the journal |
//! | the last | the copy of a block that is about to be erased |

use super::journal::{HEAD_SIZE, JOURNAL_BLOCKS};
use super::{GeometryError, NorRegion};
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;

/// Erase blocks that a region needs: one for the log, three for the journal, one for the copy.
pub const BLOCKS_MIN: u32 = 1 + SIDE_BLOCKS;

/// Blocks that are not the log's.
const SIDE_BLOCKS: u32 = JOURNAL_BLOCKS + 1;

/// Blocks of a log have numbers of 16 bits, and one number says that there is none.
const LOG_BLOCKS_MAX: u32 = u16::MAX as u32 - 1;

/// A size of the flash as its offsets are counted; one at least, so that it can be divided by.
#[expect(clippy::cast_possible_truncation, reason = "compared before")]
const fn size_of_flash(size: usize) -> u32 {
    match size {
        0 => 1,
        1..=0xffff_ffff => size as u32,
        _ => u32::MAX,
    }
}

/// A difference of offsets as an index.
pub(super) fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Where a log is on the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Place {
    /// The region's first byte on the flash.
    pub(super) start: u32,
    /// Erase blocks of the log.
    pub(super) blocks: u32,
}

impl<F: NorFlash, const N: usize> NorRegion<F, N> {
    /// Bytes of an erase block.
    pub(super) const BLOCK: u32 = size_of_flash(F::ERASE_SIZE);
    /// Bytes of a write unit.
    pub(super) const UNIT: u32 = size_of_flash(F::WRITE_SIZE);
    /// Bytes of a read unit.
    pub(super) const READ: u32 = size_of_flash(F::READ_SIZE);
    /// Bytes of the buffer.
    pub(super) const BUFFER: u32 = size_of_flash(N);
    /// Bytes of a record that hold a partly filled unit; none where no unit can be.
    pub(super) const PARTIAL: u32 = if Self::UNIT > 1 { Self::UNIT } else { 0 };
    /// Bytes of a record's head, in whole units.
    pub(super) const HEAD: u32 = size_of_flash(HEAD_SIZE).next_multiple_of(Self::UNIT);
    /// Bytes of a record.
    pub(super) const RECORD: u32 = Self::HEAD + Self::PARTIAL;
    /// Records of a block.
    pub(super) const RECORDS: u32 = Self::BLOCK / Self::RECORD;

    /// Looks at the sizes, and says where the log is.
    pub(super) fn place(flash: &F, region: &Range<u32>) -> Result<Place, GeometryError> {
        let sizes = [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE];
        let fits = |size: u32, unit: u32| size.is_multiple_of(unit);
        if sizes.contains(&0)
            || u32::try_from(F::ERASE_SIZE).is_err()
            || !fits(Self::BLOCK, Self::UNIT)
            || !fits(Self::BLOCK, Self::READ)
        {
            return Err(GeometryError::Units);
        }
        if N == 0
            || u32::try_from(N).is_err()
            || !fits(Self::BUFFER, Self::UNIT)
            || !fits(Self::BUFFER, Self::READ)
        {
            return Err(GeometryError::Buffer);
        }
        if !fits(region.start, Self::BLOCK)
            || !fits(region.end, Self::BLOCK)
            || index(region.end) > flash.capacity()
        {
            return Err(GeometryError::Region);
        }
        let count = region.end.saturating_sub(region.start) / Self::BLOCK;
        let blocks = count.saturating_sub(SIDE_BLOCKS);
        if !(1..=LOG_BLOCKS_MAX).contains(&blocks) {
            return Err(GeometryError::Blocks { count });
        }
        if Self::RECORDS < 4 {
            return Err(GeometryError::Journal { record_size: Self::RECORD });
        }
        Ok(Place { start: region.start, blocks })
    }

    /// Where byte `offset` of the log is on the flash.
    pub(super) const fn log_at(&self, offset: u32) -> u32 {
        self.place.start.saturating_add(offset)
    }

    /// Where the journal's block 0, 1 or 2 is on the flash.
    pub(super) const fn journal_at(&self, block: u32) -> u32 {
        self.log_at((self.place.blocks + block) * Self::BLOCK)
    }

    /// Where the copy of a block is on the flash.
    pub(super) const fn copy_at(&self) -> u32 {
        self.log_at((self.place.blocks + JOURNAL_BLOCKS) * Self::BLOCK)
    }

    /// Bytes that the log can have.
    pub(super) const fn capacity(&self) -> u32 {
        self.place.blocks * Self::BLOCK
    }
}
