//! What happens to files: lost sectors, rotten bits, lost heads and tails.

use super::premise::covered;
use super::{Log, Placed, Truth};
use crate::random::Random;
use aof_nostd::wire::{HEAD_SIZE, HEADER_SIZE, MAGIC_SIZE};

/// Damages the logs, some of them in the same ops. With `keep`, whatever would break the premise of
/// [`covered`] does not happen.
pub(super) fn harm(truth: &Truth, logs: &mut [Log], keep: bool, random: &mut Random) {
    let with_plants: Vec<usize> =
        (0..truth.entries.len()).filter(|entry| !truth.entries[*entry].plants.is_empty()).collect();
    let any = random.below(truth.entries.len());
    let victim = with_plants.get(random.below(with_plants.len())).copied().unwrap_or(any);
    for number in 0..logs.len() {
        for _ in 0..random.below(5) {
            let before = logs[number].clone();
            let target = match random.below(4) {
                0 | 1 => victim,
                2 => with_plants.get(random.below(with_plants.len())).copied().unwrap_or(any),
                _ => random.below(truth.entries.len()),
            };
            logs[number].harm(target, random);
            if keep && covered(truth, logs).is_none() {
                logs[number] = before;
            }
        }
    }
}

impl Log {
    fn harm(&mut self, target: usize, random: &mut Random) {
        let copies: Vec<Placed> =
            self.placed.iter().filter(|placed| placed.entry == target).copied().collect();
        let copy = copies.get(random.below(copies.len()));
        let size = self.bytes.len();
        let at = copy.and_then(|copy| usize::try_from(copy.at).ok());
        let (at, kept) = at.map_or((random.below(size), 0), |at| (at, copy.map_or(0, |copy| copy.kept)));
        let sector = 64 << random.below(7);
        match random.below(12) {
            // The head, and more or less of what follows it.
            0..3 => self.lose(at, at + [HEAD_SIZE, 64, 300, sector][random.below(4)], random),
            // From the entry before into the head.
            3 => self.lose(at.saturating_sub(random.below(sector)), at + 1 + random.below(HEAD_SIZE), random),
            // From the head, or within the body, up to the head behind it.
            4 => {
                let end = at + kept + random.below(HEAD_SIZE);
                self.lose(at + random.below(kept.max(1)), end, random);
            }
            5 => {
                let at = random.below(size) / sector * sector;
                self.lose(at, at + sector, random);
            }
            6 => self.flip(at + MAGIC_SIZE + 96 + random.below(4), random),
            7 => self.flip(at + MAGIC_SIZE + random.below(HEADER_SIZE), random),
            8 => self.flip(if random.one_in(2) { at } else { 0 } + random.below(MAGIC_SIZE), random),
            9 => self.flip(at + random.below(kept.max(1)), random),
            10 => match random.below(3) {
                0 => self.cut_beginning(at + random.below(kept.max(1))),
                1 => self.cut_end(at + random.below(kept.max(1))),
                _ => self.cut_end(random.below(size)),
            },
            _ => {
                let zeros = random.below(2_000);
                self.harms.push(format!("{zeros} zeros behind byte {size}"));
                self.bytes.resize(size + zeros, 0);
            }
        }
    }

    /// Loses these bytes: they are zeros now, or anything.
    fn lose(&mut self, from: usize, to: usize, random: &mut Random) {
        let (from, to) = (from.min(self.bytes.len()), to.min(self.bytes.len()));
        self.harms.push(format!("bytes {from} to {to} lost"));
        if random.one_in(2) {
            self.bytes[from..to].fill(0);
        } else {
            let noise = random.bytes(to - from);
            self.bytes[from..to].copy_from_slice(&noise);
        }
    }

    fn flip(&mut self, at: usize, random: &mut Random) {
        let bit = random.below(8);
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte ^= 1 << bit;
            self.harms.push(format!("bit {bit} of byte {at} flipped"));
        }
    }

    /// Ends the file there.
    pub fn cut_end(&mut self, size: usize) {
        self.bytes.truncate(size);
        self.harms.push(format!("cut to {size} bytes"));
    }

    fn cut_beginning(&mut self, size: usize) {
        let size = size.min(self.bytes.len());
        self.bytes.drain(..size);
        for placed in &mut self.placed {
            placed.at -= size.cast_signed();
        }
        self.harms.push(format!("the first {size} bytes gone"));
    }
}
