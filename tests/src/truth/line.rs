//! What a replica writes into its file.

use super::{Log, Placed, Truth};
use crate::random::Random;
use aof_nostd::wire::HEAD_SIZE;

/// Pieces at most: a file of a case is small.
const PIECES_MAX: usize = 120;

/// All of the truth.
pub(super) fn all(truth: &Truth) -> Log {
    let mut log = Log::default();
    (0..truth.entries.len()).for_each(|entry| log.write(truth, entry));
    log
}

/// A range of it, or pieces: with restarts, torn entries, and jumps ahead.
pub(super) fn line(truth: &Truth, random: &mut Random) -> Log {
    let count = truth.entries.len();
    let mut log = Log::default();
    let mut at = if random.one_in(4) { random.below(count) } else { 0 };
    let eventful = random.one_in(2);
    let end = if random.one_in(3) { at + 1 + random.below(count - at) } else { count };
    while at < end && log.placed.len() < PIECES_MAX {
        let run = if eventful { 1 + random.below(end - at) } else { end - at };
        (at..at + run).for_each(|entry| log.write(truth, entry));
        at += run;
        match random.below(8) {
            _ if !eventful => {}
            0..3 => {
                // A crash, now and then in the middle of an entry; then the journal's entries again.
                if at < count && random.one_in(2) {
                    log.tear(truth, at, random);
                }
                let back = random.below(20);
                at = at.saturating_sub(1 + random.below(1 + back));
            }
            3 => at += random.below(6),
            4 => break,
            _ => {}
        }
    }
    if at < count && random.one_in(3) {
        log.tear(truth, at, random);
    }
    log
}

impl Log {
    fn write(&mut self, truth: &Truth, entry: usize) {
        let bytes = &truth.entries[entry].bytes;
        self.placed.push(Placed { entry, at: self.bytes.len().cast_signed(), kept: bytes.len() });
        self.bytes.extend(bytes);
    }

    /// Writes the first bytes of an entry: up to a sector's end, to what was planted, or anywhere.
    fn tear(&mut self, truth: &Truth, entry: usize, random: &mut Random) {
        let whole = &truth.entries[entry];
        let at = self.bytes.len();
        let planted = whole.plants.get(random.below(whole.plants.len()));
        let kept = match (planted, random.below(4)) {
            (Some(planted), 0) => planted.range.end,
            (_, 1) => 512 - at % 512,
            (_, 2) => 1 + random.below(HEAD_SIZE),
            _ => 1 + random.below(whole.bytes.len() - 1),
        };
        let kept = kept.min(whole.bytes.len() - 1);
        self.placed.push(Placed { entry, at: at.cast_signed(), kept });
        self.bytes.extend(&whole.bytes[..kept]);
    }
}
