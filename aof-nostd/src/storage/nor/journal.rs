//! The journal: what of a region's state is not in the log's own bytes.
//!
//! ```text
//!   one of three blocks | record | record | record | record |ffffffffffffffff|
//!                         twice the same              newest
//!
//!   offset  size  a record
//!   0       8     checksum, CRC-64/XZ over all that follows and the region's sizes
//!   8       4     sequence: the newest record is the one with the highest
//!   12      4     end: the log's bytes before the partly filled unit were whole when this was written
//!   16      2     entered: blocks of the log that may hold something; those behind were not touched
//!   18      2     block: the one that is being put back from its copy, 0xffff for none
//!   20      4     program: the most bytes that are programmed in one call
//!   24      8     kept: checksum of the copy
//!   32            filled with 0xff up to a whole unit; then, where a unit has more than a byte:
//!           unit  the partly filled unit before `end`, the rest of it 0xff
//! ```
//!
//! Each record is the whole state: the newest one counts, and no other. What a power cut may have left of a
//! record reads as anything, and differently the next time: as whole now, and as if nothing was there later. So
//! a session never adds to a block that it found:
//!
//! - Its first record goes to another block, which is erased for it, and says what was read at opening.
//! - **A block counts from its second record's beginning on**, and its first two are the same: that the second
//!   was begun proves that the first is whole. Until both are written, nothing is done that they would be
//!   needed for: the block that they continue says the same.
//! - The block that they continue stays until the one after has been written. There are three blocks, and
//!   the one that is erased is one that does not count, or the oldest.
//! - With two that do not count, both are erased before anything else is done: the state in them may be old,
//!   and count at another time.
//! - A session's first sequence is two above the last one read: one above is what a record that was cut short
//!   may have.
//!
//! That takes care of a second record that was cut short and counts at one opening and not at the next, while
//! further cuts fall into the same few writes. It does so for the cuts in a row that the tests try, up to four,
//! and not for any number: where everything that was ever cut may read differently each time, nothing finite can.
//!
//! **Rot.** A record in which a bit turned looks like one that was cut short, and the one before it counts. What
//! that may take: the partly filled unit, and with it the last entry, whose last bytes stand nowhere else; a second
//! copy would cost each sync another record. Nothing else: a block that was entered by the record that is gone is
//! found, since it is not erased (`enter_found`), and that a block was put back is said twice.

use super::geometry::index;
use super::{ERASED, NorError, NorRegion};
use crate::checksum::{Crc64, Hasher};
use embedded_storage::nor_flash::NorFlash;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Blocks of the journal.
pub(super) const JOURNAL_BLOCKS: u32 = 3;

/// Bytes of a record before the partly filled unit.
pub(super) const HEAD_SIZE: usize = 32;

/// The `block` of a record where no block is being put back.
const NO_BLOCK: u16 = u16::MAX;

/// A record without its partly filled unit, as it is stored.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    checksum: U64,
    sequence: U32,
    end: U32,
    entered: U16,
    block: U16,
    program: U32,
    kept: U64,
}

const _: () = assert!(size_of::<Head>() == HEAD_SIZE);

/// What a record says, but for the partly filled unit.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct State {
    /// The number of the newest record.
    pub(super) sequence: u32,
    /// Where the log's bytes ended that are in whole units or in the record.
    pub(super) end: u32,
    /// Blocks that may hold something.
    pub(super) entered: u32,
    /// The block that is being put back from its copy.
    pub(super) block: Option<u32>,
    /// The most bytes that are programmed in one call.
    pub(super) program: u32,
    /// Checksum of the copy.
    pub(super) kept: u64,
}

/// Where the next record goes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Journal {
    /// The block with the newest record: 0, 1 or 2.
    block: u32,
    /// Records written in it.
    next: u32,
    /// The block that the journal goes on in when this one is full.
    target: u32,
    /// The third block does not count, and is to be erased before anything else is done.
    wipes: bool,
}

impl Journal {
    /// Without a record.
    pub(super) const fn new() -> Self {
        Self { block: 2, next: 0, target: 0, wipes: true }
    }

    /// Goes on after the newest record, which block `block` has.
    fn after(block: u32, blocks: [Block; JOURNAL_BLOCKS as usize]) -> Self {
        let others = (0..).zip(blocks).filter(|(number, _)| *number != block);
        let oldest = others.clone().min_by_key(|(_, block)| *block).map_or(0, |(number, _)| number);
        let wipes = others.clone().all(|(_, other)| !other.counts || other.sequence.is_none());
        Self { block, next: 0, target: oldest, wipes }
    }

    /// The block that is neither.
    const fn third(&self) -> u32 {
        JOURNAL_BLOCKS.saturating_sub(self.block + self.target)
    }
}

/// What a block of the journal was found to hold. One is newer than another if it counts and the other does
/// not, or by its sequence.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    /// Its second record was begun.
    counts: bool,
    /// The sequence of its newest record.
    sequence: Option<u32>,
}

/// What stands where a record may.
enum Found {
    Nothing,
    Garbage,
    Record(State),
}

/// The low 64 bits: those that a CRC has.
pub(super) fn checksum(hasher: Crc64) -> u64 {
    let [low, _]: [U64; 2] = zerocopy::transmute!(hasher.finish().get().to_le_bytes());
    low.get()
}

impl<F: NorFlash, const N: usize> NorRegion<F, N> {
    /// The checksum of a record; `partial` is one unit, or nothing.
    fn seal(&self, head: &Head, partial: &[u8]) -> u64 {
        let mut hasher = Crc64::new();
        hasher.update(head.as_bytes().get(size_of::<U64>()..).unwrap_or(&[]));
        hasher.update(partial);
        // The bytes of a unit that are not filled.
        for _ in partial.len()..index(Self::PARTIAL) {
            hasher.update(&[ERASED]);
        }
        for size in [self.place.blocks, Self::BLOCK, Self::UNIT] {
            hasher.update(&size.to_le_bytes());
        }
        checksum(hasher)
    }

    /// Reads the newest record: its state, and its partly filled unit into the buffer. False where there is none.
    pub(super) fn load(&mut self) -> Result<bool, F::Error> {
        let mut blocks = [Block::default(); JOURNAL_BLOCKS as usize];
        // Where no block counts, a first record is better than none.
        let mut newest: Option<(Block, State, u32)> = None;
        let mut partial = [ERASED; N];
        for (number, block) in (0..).zip(&mut blocks) {
            block.counts = !matches!(self.read_record(number, 1, &mut partial)?, Found::Nothing);
            let mut found = *block;
            for index in 0..Self::RECORDS {
                match self.read_record(number, index, &mut partial)? {
                    Found::Nothing => break,
                    Found::Garbage => {}
                    Found::Record(state) => {
                        found.sequence = Some(state.sequence);
                        *block = found.max(*block);
                        if newest.is_none_or(|(last, ..)| found > last) {
                            newest = Some((found, state, number));
                            self.buffer = partial;
                        }
                    }
                }
            }
        }
        let Some((_, state, block)) = newest else { return Ok(false) };
        self.state = state;
        self.state.sequence = state.sequence.wrapping_add(1);
        self.journal = Journal::after(block, blocks);
        Ok(true)
    }

    fn read_record(&mut self, block: u32, number: u32, partial: &mut [u8; N]) -> Result<Found, F::Error> {
        let at = self.journal_at(block) + number * Self::RECORD;
        let mut head = [0; HEAD_SIZE];
        self.read_flash(at, &mut head)?;
        if head.iter().all(|byte| *byte == ERASED) {
            return Ok(Found::Nothing);
        }
        let head: Head = zerocopy::transmute!(head);
        let partial = partial.get_mut(..index(Self::PARTIAL)).unwrap_or(&mut []);
        self.read_flash(at + Self::HEAD, partial)?;
        if self.seal(&head, partial) != head.checksum.get() {
            return Ok(Found::Garbage);
        }
        let state = State {
            sequence: head.sequence.get(),
            end: head.end.get(),
            entered: head.entered.get().into(),
            block: (head.block.get() != NO_BLOCK).then_some(head.block.get().into()),
            program: head.program.get(),
            kept: head.kept.get(),
        };
        // What a checksum vouches for is ours; places are computed from these all the same.
        let is_block = |block: u32| block < self.place.blocks && block * Self::BLOCK <= state.end;
        let is_sound = state.end <= self.capacity()
            && state.entered <= self.place.blocks
            && state.block.is_none_or(is_block);
        Ok(if is_sound { Found::Record(state) } else { Found::Garbage })
    }

    /// Writes the state as it is now. Durable when it returns.
    pub(super) fn record(&mut self) -> Result<(), NorError<F::Error>> {
        if self.journal.next >= Self::RECORDS { self.renew() } else { self.write_record() }
    }

    /// Goes on with the journal in another block.
    pub(super) fn renew(&mut self) -> Result<(), NorError<F::Error>> {
        let third = self.journal.third();
        self.erase(self.journal_at(self.journal.target))?;
        self.journal = Journal { block: self.journal.target, next: 0, target: third, ..self.journal };
        self.write_record()?;
        self.write_record()?;
        if self.journal.wipes {
            self.erase(self.journal_at(third))?;
            self.journal.wipes = false;
        }
        Ok(())
    }

    /// Erases the whole journal, which holds nothing that counts.
    pub(super) fn clear_journal(&mut self) -> Result<(), NorError<F::Error>> {
        for block in 0..JOURNAL_BLOCKS {
            self.erase(self.journal_at(block))?;
        }
        Ok(())
    }

    fn write_record(&mut self) -> Result<(), NorError<F::Error>> {
        let synced = self.buffer.get(..self.synced).unwrap_or(&[]);
        self.state.sequence = self.state.sequence.wrapping_add(1);
        self.state.end = self.base + Self::offset(synced.len());
        let mut head = Head {
            checksum: U64::ZERO,
            sequence: self.state.sequence.into(),
            end: self.state.end.into(),
            entered: number(self.state.entered),
            block: self.state.block.map_or(NO_BLOCK.into(), number),
            program: Self::BUFFER.into(),
            kept: self.state.kept.into(),
        };
        head.checksum = self.seal(&head, synced).into();
        let at = self.journal_at(self.journal.block) + self.journal.next * Self::RECORD;
        let unit = index(Self::UNIT);
        for (number, bytes) in head.as_bytes().chunks(unit).enumerate() {
            Self::write_unit(&mut self.flash, at + Self::offset(number) * Self::UNIT, bytes)?;
        }
        if Self::PARTIAL > 0 {
            Self::write_unit(&mut self.flash, at + Self::HEAD, synced)?;
        }
        self.journal.next += 1;
        Ok(())
    }

    /// Programs a unit that begins with `bytes`, the rest of it as erased.
    fn write_unit(flash: &mut F, at: u32, bytes: &[u8]) -> Result<(), NorError<F::Error>> {
        let mut unit = [ERASED; N];
        for (target, source) in unit.iter_mut().zip(bytes) {
            *target = *source;
        }
        let unit = unit.get(..index(Self::UNIT)).unwrap_or(&unit);
        flash.write(at, unit).map_err(NorError::Flash)
    }
}

/// The number of a block, as it is stored. Geometry saw to it that it fits.
fn number(block: u32) -> U16 {
    u16::try_from(block).unwrap_or(NO_BLOCK).into()
}
