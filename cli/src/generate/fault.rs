//! One zone of one log: its ops are written, with the fault that was dealt to it.

use super::offsets::Offsets;
use super::place::{FileBuilder, Patch};
use super::random::Sequence;
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::{DamageKind, ForeignMagic};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log goes back, and on from there.
    Backtrack,
    /// Ops are missing.
    Gap,
    /// Bits are flipped, a sector is zeroed, or an entry is cut short.
    Damage,
    /// An op has an entry of another history before its own.
    Fork,
}

/// A range of ops, of which a fault may change any but the first and the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The first op that is written with it.
    pub run_first: u64,
    /// The first op of the zone.
    pub first: u64,
    /// The last op.
    pub last: u64,
}

/// What a fault took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Missing {
    /// Ops of which this log has no whole entry.
    pub lost: Option<(u64, u64)>,
    /// The op that has two entries.
    pub forked: Option<u64>,
}

/// A journal's slots: a restart goes back by no more.
const JOURNAL_SLOTS: u64 = 1024;
/// What disks write at once.
const SECTOR_SIZE: u64 = 512;
/// How often a place for a sector of zeros is looked for.
const SECTOR_TRIES: u32 = 64;

const HEAD: u64 = HEAD_SIZE as u64;
const MAGIC: u64 = MAGIC_SIZE as u64;

impl Zone {
    /// Writes the zone's ops; `is_torn`: but for the last, of which the caller writes a part.
    pub fn write(
        &self,
        fault: Option<Fault>,
        is_torn: bool,
        random: &mut Sequence,
        file: &mut FileBuilder<'_>,
        offsets: &Offsets<'_>,
    ) -> Missing {
        let last = if is_torn { self.last - 1 } else { self.last };
        let (low, high) = (self.first + 1, self.last.saturating_sub(2));
        let mut missing = Missing::default();
        let resumed = match fault {
            None => self.run_first,
            Some(Fault::Backtrack) => {
                let from = random.between(low, high);
                file.run(self.run_first, from);
                random.between(low.max((from + 1).saturating_sub(JOURNAL_SLOTS)), from)
            }
            Some(Fault::Gap) => {
                let first = random.between(low, high);
                let end = random.between(first, high);
                file.run(self.run_first, first - 1);
                missing.lost = Some((first, end));
                end + 1
            }
            Some(Fault::Fork) => {
                let op = random.between(low, high);
                file.run(self.run_first, op - 1);
                file.other(op);
                missing.forked = Some(op);
                op
            }
            Some(Fault::Damage) => {
                let (first, end) = self.damage(last, random, file, offsets);
                missing.lost = Some((first, end));
                end + 1
            }
        };
        file.run(resumed, last);
        missing
    }

    /// Writes up to the damage, and that. Gives the ops that it takes.
    fn damage(
        &self,
        last: u64,
        random: &mut Sequence,
        file: &mut FileBuilder<'_>,
        offsets: &Offsets<'_>,
    ) -> (u64, u64) {
        let kind = random.below(3);
        if kind == 0
            && let Some(sector) = self.sector(random, file, offsets)
        {
            file.run(self.run_first, sector.first - 1);
            let patch = Patch::Zero { offset: sector.offset, size: SECTOR_SIZE };
            let detail = format!("zeros from byte {} to {}", sector.offset, sector.offset + SECTOR_SIZE - 1);
            file.harmed(sector.first, sector.last, patch, sector.kind, detail);
            return (sector.first, sector.last);
        }
        let op = random.between(self.first + 1, self.last - 2);
        let size = offsets.size(op);
        file.run(self.run_first, op - 1);
        if kind == 1 {
            let kept = match random.below(2) {
                // The end may look like the next entry's beginning, if it is that short.
                1 if size >= HEAD + MAGIC => random.between(HEAD, size - MAGIC),
                _ => random.between(1, HEAD - MAGIC),
            };
            // With less behind it than is missing, what is there could be its body as well.
            if kept + offsets.of(op + 1, last) > size {
                file.cut(op, kept);
                return (op, op);
            }
        }
        let (start, end) = match random.below(8) {
            0 => (0, MAGIC),
            1..5 if size > HEAD => (HEAD, size),
            _ => (MAGIC, HEAD),
        };
        let (byte, bit) = (random.between(start, end - 1), random.below(8));
        let offset = file.size() + byte;
        let patch = Patch::Flip { offset, bit: u8::try_from(bit).unwrap_or(0) };
        let detail = format!("bit {bit} of byte {offset} is flipped");
        match start {
            0 => file.harmed_magic(op, patch, detail),
            HEAD => file.harmed(op, op, patch, DamageKind::BodyChecksum, detail),
            _ => file.harmed(op, op, patch, DamageKind::HeaderChecksum, detail),
        }
        (op, op)
    }

    /// A sector whose loss damages whole entries from its first byte on, and is told at the first.
    fn sector(&self, random: &mut Sequence, file: &FileBuilder<'_>, offsets: &Offsets<'_>) -> Option<Sector> {
        (0..SECTOR_TRIES).find_map(|_| {
            let op = random.between(self.first + 1, self.last - 2);
            let start = file.size() + offsets.before(op) - offsets.before(self.run_first);
            let offset = (start + random.below(offsets.size(op))).next_multiple_of(SECTOR_SIZE);
            self.sector_at(offset, op, start, offsets)
        })
    }

    /// The sector at `offset`, behind the start of the entry of `op`. `None` where it is not certain what a reader
    /// makes of it: where it hits bytes that may be zeros already, or too few of an entry.
    fn sector_at(&self, offset: u64, op: u64, start: u64, offsets: &Offsets<'_>) -> Option<Sector> {
        /// In so many bytes of a body there is an id, which is not 0.
        const BODY_BYTES_MIN: u64 = 144;
        /// Magic and checksum: without them there is no entry.
        const HEAD_BYTES_MIN: u64 = 32;
        /// From here to the head's end there are bytes that are not 0: the timestamp.
        const HEADER_HIT_LAST: u64 = MAGIC + 240;
        let (mut first, mut start) = (op, start);
        while start + offsets.size(first) <= offset {
            start += offsets.size(first);
            first += 1;
        }
        let hit = offset - start;
        let (mut last, mut last_start) = (first, start);
        while last_start + offsets.size(last) < offset + SECTOR_SIZE {
            last_start += offsets.size(last);
            last += 1;
        }
        let kind = match hit {
            0..=14 => DamageKind::Magic(ForeignMagic::Unknown),
            15 => return None, // the last byte of the magic is 0
            MAGIC..=HEADER_HIT_LAST => DamageKind::HeaderChecksum,
            HEAD.. => DamageKind::BodyChecksum,
            _ => return None,
        };
        let of_first = (start + offsets.size(first) - offset).min(SECTOR_SIZE);
        let is_certain = kind != DamageKind::BodyChecksum || of_first >= BODY_BYTES_MIN;
        let of_last = offset + SECTOR_SIZE - last_start;
        let ends_clear = last == first || of_last >= HEAD_BYTES_MIN;
        let fits = first > self.first && last + 2 <= self.last;
        (is_certain && ends_clear && fits).then_some(Sector { offset, first, last, kind })
    }
}

/// A sector that is zeroed.
#[derive(Clone, Copy, Debug)]
struct Sector {
    offset: u64,
    /// The first and the last op that it takes.
    first: u64,
    last: u64,
    /// What is found at the first.
    kind: DamageKind,
}
