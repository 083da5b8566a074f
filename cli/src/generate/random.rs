//! Numbers that depend on a seed and a place, and on nothing else: any entry can be made without those before
//! it, and twice alike.
//!
//! SplitMix64, by counting: the number at a place is a hash of the place. Whole numbers only, and bytes in one
//! order, so that every machine gets the same.

/// What is added from one place to the next: odd, and far from any pattern.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of 64 bits onto 64 bits: no two numbers give the same.
const fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// An endless row of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// The row of this name under a seed. Rows of other names have nothing to do with it.
    #[must_use]
    pub const fn new(seed: u64, name: u64) -> Self {
        Self(mixed(mixed(seed.wrapping_add(STEP)) ^ name.wrapping_mul(STEP)))
    }

    /// The number at a place.
    #[must_use]
    pub const fn at(self, place: u64) -> u64 {
        mixed(self.0.wrapping_add(place.wrapping_mul(STEP)))
    }

    /// The row that belongs to a place.
    #[must_use]
    pub const fn row(self, place: u64) -> Self {
        Self(self.at(place))
    }

    /// The number at a place, below `bound`; 0 where that is 0.
    #[must_use]
    pub fn below(self, place: u64, bound: u64) -> u64 {
        // The upper half of the product: as even as a remainder, and without a division.
        let product = u128::from(self.at(place)) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// The number at a place, 128 bits.
    #[must_use]
    pub fn wide_at(self, place: u64) -> u128 {
        let row = self.row(place);
        u128::from(row.at(0)) << 64 | u128::from(row.at(1))
    }

    /// Fills `bytes`.
    pub fn fill(self, bytes: &mut [u8]) {
        let (words, rest) = bytes.as_chunks_mut::<8>();
        let mut place = self.0;
        for word in words {
            *word = mixed(place).to_le_bytes();
            place = place.wrapping_add(STEP);
        }
        let last = mixed(place).to_le_bytes();
        for (byte, random) in rest.iter_mut().zip(last) {
            *byte = random;
        }
    }
}

/// The numbers of a row, one after another: for choices that are made in order.
#[derive(Clone, Debug)]
pub struct Sequence {
    stream: Stream,
    place: u64,
}

impl Sequence {
    /// From the row's beginning.
    #[must_use]
    pub const fn new(stream: Stream) -> Self {
        Self { stream, place: 0 }
    }

    /// The next number, below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.place = self.place.wrapping_add(1);
        self.stream.below(self.place, bound)
    }

    /// The next number, from `first` to `last`, both included.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first.saturating_add(self.below(last.saturating_sub(first).saturating_add(1)))
    }

    /// Brings what is in `items` into another order, every order as likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.below(end as u64 + 1);
            items.swap(end, usize::try_from(other).unwrap_or(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_for_ever() {
        let stream = Stream::new(7, 1);
        assert_eq!(stream.at(0), 0x9549_fb4d_a894_17c5);
        let mut bytes = [0; 11];
        stream.fill(&mut bytes);
        assert_eq!(bytes[..8], stream.at(0).to_le_bytes());
        assert_eq!(bytes[8..], stream.at(1).to_le_bytes()[..3]);
    }

    #[test]
    fn rows_of_other_seeds_and_names_differ() {
        let numbers = [Stream::new(1, 1), Stream::new(1, 2), Stream::new(2, 1), Stream::new(1, 1).row(0)];
        let mut first: Vec<u64> = numbers.iter().map(|stream| stream.at(0)).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), numbers.len());
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_them() {
        let mut sequence = Sequence::new(Stream::new(3, 3));
        let mut seen = [0_u32; 5];
        (0..1_000).for_each(|_| seen[usize::try_from(sequence.below(5)).unwrap()] += 1);
        assert!(seen.iter().all(|&times| (150..250).contains(&times)), "{seen:?}");
        assert_eq!((sequence.below(0), sequence.between(9, 9)), (0, 9));
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<u32> = (0..100).collect();
        Sequence::new(Stream::new(1, 1)).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
