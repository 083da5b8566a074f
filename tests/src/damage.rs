//! Damage to order: each [`Harm`] changes a log's bytes in one way, and a list of them is what a test
//! prints when it fails. Ranges that reach beyond the log's end are cut there.

use crate::build::Log;
use crate::random::Random;
use std::ops::Range;

/// One change of a log's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// One bit the other way round, counted from the lowest bit of the first byte.
    Flip {
        /// The bit's number: eight for each byte.
        bit: usize,
    },
    /// The log ends after so many bytes.
    Cut {
        /// Bytes left.
        size: usize,
    },
    /// Zeroes: sectors that were never written.
    Zero(Range<usize>),
    /// Anything: sectors that something else wrote.
    Noise {
        /// Where.
        range: Range<usize>,
        /// What.
        seed: u64,
    },
    /// Bytes that do not belong there.
    Insert {
        /// Before which byte.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bytes are gone, and those behind them follow.
    Delete(Range<usize>),
    /// A range of the log once more, somewhere else in it.
    Copy {
        /// Which.
        range: Range<usize>,
        /// Before which byte.
        at: usize,
    },
}

impl Harm {
    /// Changes `bytes`.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        let within = |range: &Range<usize>| {
            let end = range.end.min(bytes.len());
            range.start.min(end)..end
        };
        match self {
            Self::Flip { bit } => {
                if let Some(byte) = bytes.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Cut { size } => bytes.truncate(*size),
            Self::Zero(range) => {
                let range = within(range);
                bytes[range].fill(0);
            }
            Self::Noise { range, seed } => {
                let range = within(range);
                let noise = Random::new(*seed).bytes(range.len());
                bytes[range].copy_from_slice(&noise);
            }
            Self::Insert { at, bytes: inserted } => insert(bytes, *at, inserted),
            Self::Delete(range) => {
                let range = within(range);
                bytes.drain(range);
            }
            Self::Copy { range, at } => {
                let copied = bytes[within(range)].to_vec();
                insert(bytes, *at, &copied);
            }
        }
    }

    /// Any harm to a log of `size` bytes.
    pub fn random(random: &mut Random, size: usize) -> Self {
        let start = random.below(size);
        // Small ranges hit a field, large ones several entries.
        let length = 1 << random.below(12);
        let range = start..start + 1 + random.below(length);
        match random.below(7) {
            0 => Self::Flip { bit: start * 8 + random.below(8) },
            1 => Self::Cut { size: start },
            2 => Self::Zero(range),
            3 => Self::Noise { range, seed: random.next_u64() },
            4 => {
                let inserted = random.below(300);
                Self::Insert { at: start, bytes: random.bytes(inserted) }
            }
            5 => Self::Delete(range),
            _ => Self::Copy { range, at: random.below(size) },
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, inserted: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, inserted.iter().copied());
}

/// The log with its entries in another order: `order` tells indices of entries, any number of times
/// each. What is no entry is left out.
#[must_use]
pub fn reorder(log: &Log, order: &[usize]) -> Vec<u8> {
    order.iter().flat_map(|index| log.entry_bytes(*index)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_harm_does_what_it_says() {
        let harmed = |harm: Harm| {
            let mut bytes = vec![1, 2, 3, 4];
            harm.apply(&mut bytes);
            bytes
        };
        assert_eq!(harmed(Harm::Flip { bit: 9 }), [1, 0, 3, 4]);
        assert_eq!(harmed(Harm::Cut { size: 1 }), [1]);
        assert_eq!(harmed(Harm::Zero(1..3)), [1, 0, 0, 4]);
        assert_eq!(harmed(Harm::Insert { at: 1, bytes: vec![9] }), [1, 9, 2, 3, 4]);
        assert_eq!(harmed(Harm::Delete(1..9)), [1]);
        assert_eq!(harmed(Harm::Copy { range: 2..4, at: 0 }), [3, 4, 1, 2, 3, 4]);
        let noise = harmed(Harm::Noise { range: 1..3, seed: 5 });
        assert_eq!((noise[0], noise[3], noise.len()), (1, 4, 4));
        assert_eq!(noise, harmed(Harm::Noise { range: 1..3, seed: 5 }), "one seed, one result");
    }

    #[test]
    fn random_harm_never_reaches_outside() {
        let mut random = Random::new(3);
        for _ in 0..2_000 {
            let size = random.below(600);
            let mut bytes = vec![7; size];
            Harm::random(&mut random, size).apply(&mut bytes);
        }
    }
}
