//! A NOR flash whose power can be cut: [`Flash`] keeps the hardware's rules, and tells who breaks one.
//!
//! | a unit is | by | read as | may be programmed |
//! |---|---|---|---|
//! | erased | an erase that ended | 0xff | once |
//! | programmed | a write that ended | what was written | no |
//! | unstable | a write or an erase that the power cut | see [`Reads`] | no, until an erase ended |
//!
//! *A unit is programmed once an erase*, also with 0xff, as on flash with error correction. Each unit
//! programmed and each block erased takes one of the flash's *fuel*; where none is left, the power is cut in
//! the middle of it, and nothing more is done before [`Flash::power_on`].

use crate::random::Random;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use std::ops::Range;

/// What unstable bytes read as, from one time that the power goes on to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// As before the call that was cut.
    Old,
    /// As if the call had ended.
    New,
    /// Bit by bit the one or the other, and in each read anew.
    Mixed,
    /// Anything, and in each read anew: error correction makes that of a few wrong bits.
    Garbage,
    /// In each read one of the others.
    Any,
}

impl Reads {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Old, Self::New, Self::Mixed, Self::Garbage, Self::Any];
}

/// What a write leaves that the power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// One unstable unit; those before it are programmed.
    Unit,
    /// All units of the call are unstable: the chip programs a page at once.
    Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Erased,
    Programmed,
    Unstable,
}

/// A NOR flash in memory, of units of `READ` and `WRITE` bytes and erase blocks of `ERASE` bytes.
#[derive(Clone, Debug)]
pub struct Flash<const READ: usize, const WRITE: usize, const ERASE: usize> {
    /// What was there before the call that was cut; what is there, in stable units.
    old: Vec<u8>,
    /// What the call that was cut was to make of it.
    new: Vec<u8>,
    units: Vec<Unit>,
    erases: Vec<u32>,
    spent: u64,
    fuel: u64,
    on: bool,
    torn: Torn,
    reads: Reads,
    random: Random,
    broken: Option<String>,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Flash<READ, WRITE, ERASE> {
    /// A flash of so many erase blocks that holds what somebody else left, all of it programmed.
    #[must_use]
    pub fn new(block_count: usize) -> Self {
        let bytes = Random::new(1).bytes(block_count * ERASE);
        Self {
            new: bytes.clone(),
            old: bytes,
            units: vec![Unit::Programmed; block_count * ERASE / WRITE],
            erases: vec![0; block_count],
            spent: 0,
            fuel: u64::MAX,
            on: true,
            torn: Torn::Unit,
            reads: Reads::Any,
            random: Random::new(0),
            broken: None,
        }
    }

    /// Cuts the power in the middle of the unit programmed or block erased that comes after so many.
    pub const fn set_fuel(&mut self, fuel: u64, torn: Torn) {
        self.fuel = fuel;
        self.torn = torn;
    }

    /// Switches the power on again; it stays on.
    pub fn power_on(&mut self, reads: Reads, seed: u64) {
        self.on = true;
        self.fuel = u64::MAX;
        self.reads = reads;
        self.random = Random::new(seed);
    }

    /// Units programmed and blocks erased so far.
    #[must_use]
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// How often each block was erased.
    #[must_use]
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// Whether the power is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// The rule that was broken, if one was.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The bytes of a range in which nothing is unstable.
    #[must_use]
    pub fn raw(&self, range: Range<usize>) -> &[u8] {
        &self.old[range]
    }

    /// Flips a bit, as wear does.
    pub fn flip(&mut self, offset: usize) {
        self.old[offset] ^= 1;
        self.new[offset] ^= 1;
    }

    fn rule(&mut self, what: &str, offset: usize) -> NorFlashErrorKind {
        self.on = false;
        self.broken.get_or_insert(format!("byte {offset}: {what}"));
        NorFlashErrorKind::Other
    }

    /// Whether a call may be made of `size` bytes from `offset` on in units of `unit`.
    fn check(&mut self, offset: usize, size: usize, unit: usize) -> Result<(), NorFlashErrorKind> {
        if !self.on {
            return Err(NorFlashErrorKind::Other);
        }
        if !offset.is_multiple_of(unit) || !size.is_multiple_of(unit) {
            return Err(self.rule("not aligned", offset));
        }
        if offset + size > self.old.len() {
            return Err(self.rule("behind the end", offset));
        }
        Ok(())
    }

    /// Takes the fuel for one unit or block; false where the power is cut in the middle of it.
    const fn burn(&mut self) -> bool {
        self.spent += 1;
        match self.fuel.checked_sub(1) {
            Some(left) => self.fuel = left,
            None => self.on = false,
        }
        self.on
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for Flash<READ, WRITE, ERASE> {
    type Error = NorFlashErrorKind;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash for Flash<READ, WRITE, ERASE> {
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let offset = offset as usize;
        self.check(offset, bytes.len(), READ)?;
        let any = [Reads::Old, Reads::New, Reads::Mixed, Reads::Garbage][self.random.below(4)];
        let reads = if self.reads == Reads::Any { any } else { self.reads };
        bytes.copy_from_slice(&self.old[offset..][..bytes.len()]);
        for (at, byte) in (offset..).zip(bytes) {
            if self.units[at / WRITE] == Unit::Unstable {
                let (old, new) = (self.old[at], self.new[at]);
                let noise = self.random.next_u64().to_le_bytes()[0];
                *byte = match reads {
                    Reads::New => new,
                    Reads::Mixed => old ^ ((old ^ new) & noise),
                    Reads::Garbage => noise,
                    Reads::Old | Reads::Any => old,
                };
            }
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.old.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for Flash<READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let (from, to) = (from as usize, to as usize);
        self.check(from, to.saturating_sub(from), ERASE)?;
        for block in from / ERASE..to / ERASE {
            let range = block * ERASE..(block + 1) * ERASE;
            let units = range.start / WRITE..range.end / WRITE;
            self.new[range.clone()].fill(0xff);
            self.erases[block] += 1;
            if !self.burn() {
                self.units[units].fill(Unit::Unstable);
                return Err(NorFlashErrorKind::Other);
            }
            self.old[range].fill(0xff);
            self.units[units].fill(Unit::Erased);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let offset = offset as usize;
        self.check(offset, bytes.len(), WRITE)?;
        let units = offset / WRITE..(offset + bytes.len()) / WRITE;
        for (unit, bytes) in units.clone().zip(bytes.chunks(WRITE)) {
            match self.units[unit] {
                Unit::Erased => {}
                Unit::Programmed => return Err(self.rule("programmed twice", unit * WRITE)),
                Unit::Unstable => return Err(self.rule("programmed while unstable", unit * WRITE)),
            }
            self.new[unit * WRITE..][..WRITE].copy_from_slice(bytes);
            if !self.burn() {
                self.units[unit] = Unit::Unstable;
                break;
            }
            self.units[unit] = Unit::Programmed;
            if self.torn == Torn::Unit {
                self.old[unit * WRITE..][..WRITE].copy_from_slice(bytes);
            }
        }
        if self.on {
            self.old[offset..][..bytes.len()].copy_from_slice(bytes);
            return Ok(());
        }
        if self.torn == Torn::Call {
            self.new[offset..][..bytes.len()].copy_from_slice(bytes);
            self.units[units].fill(Unit::Unstable);
        }
        Err(NorFlashErrorKind::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flash: &mut Flash<1, 4, 16>, offset: u32) -> [u8; 4] {
        let mut bytes = [0; 4];
        flash.read(offset, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn unit_is_programmed_once_an_erase_whatever_with() {
        let mut flash = Flash::<1, 4, 16>::new(2);
        flash.erase(0, 16).unwrap();
        flash.write(4, &[0xff; 8]).unwrap();
        assert_eq!(flash.broken(), None);
        assert!(flash.write(8, &[0; 4]).is_err());
        assert_eq!(flash.broken(), Some("byte 8: programmed twice"));
    }

    #[test]
    fn calls_that_are_not_aligned_or_behind_the_end_break_a_rule() {
        for (offset, size) in [(2, 4), (4, 3), (32, 4)] {
            let mut flash = Flash::<1, 4, 16>::new(2);
            assert!(flash.write(offset, &[0; 4][..size]).is_err());
            assert!(flash.broken().is_some(), "{offset} {size}");
        }
    }

    #[test]
    fn what_was_cut_reads_as_told_and_is_not_programmed_before_an_erase() {
        let mut flash = Flash::<1, 4, 16>::new(1);
        flash.erase(0, 16).unwrap();
        flash.set_fuel(1, Torn::Unit);
        assert!(flash.write(0, &[7; 12]).is_err());
        assert!(flash.read(0, &mut [0]).is_err(), "the power is off");
        flash.power_on(Reads::Old, 0);
        assert_eq!(
            [read(&mut flash, 0), read(&mut flash, 4), read(&mut flash, 8)],
            [[7; 4], [0xff; 4], [0xff; 4]]
        );
        flash.power_on(Reads::New, 0);
        assert_eq!([read(&mut flash, 4), read(&mut flash, 8)], [[7; 4], [0xff; 4]]);
        flash.power_on(Reads::Mixed, 0);
        assert_ne!(read(&mut flash, 4), read(&mut flash, 4));
        assert!(flash.clone().write(8, &[0; 4]).is_ok(), "not touched");
        assert!(flash.clone().write(4, &[0; 4]).is_err());
        flash.erase(0, 16).unwrap();
        assert!(flash.write(4, &[0; 4]).is_ok());
    }

    #[test]
    fn cut_of_a_page_leaves_all_of_it_unstable() {
        let mut flash = Flash::<1, 4, 16>::new(1);
        flash.erase(0, 16).unwrap();
        flash.set_fuel(1, Torn::Call);
        assert!(flash.write(0, &[7; 12]).is_err());
        flash.power_on(Reads::Old, 0);
        assert_eq!([read(&mut flash, 0), read(&mut flash, 8)], [[0xff; 4]; 2]);
        flash.power_on(Reads::New, 0);
        assert_eq!([read(&mut flash, 0), read(&mut flash, 8)], [[7; 4]; 2]);
    }

    #[test]
    fn erase_that_was_cut_leaves_the_block_unstable() {
        let mut flash = Flash::<1, 4, 16>::new(1);
        let before = read(&mut flash, 0);
        flash.set_fuel(0, Torn::Unit);
        assert!(flash.erase(0, 16).is_err());
        flash.power_on(Reads::Old, 0);
        assert_eq!(read(&mut flash, 0), before);
        flash.power_on(Reads::New, 0);
        assert_eq!(read(&mut flash, 0), [0xff; 4]);
        assert!(flash.write(0, &[0; 4]).is_err());
        assert_eq!(flash.erases(), [1]);
    }
}
