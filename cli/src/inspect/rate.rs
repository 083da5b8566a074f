//! Entries and bytes over time, in bounded memory: [`Rate`].
//!
//! ```text
//! buckets of 2^k ns    | 3 | 0 | 5 | 1 |             a time beyond the last bucket:
//!                      |   3   |   6   |  ...        two become one, until there is room: 2^(k+1) ns
//! ```
//!
//! A bucket begins at a multiple of its width, so that the rates of two parts of a log, whatever their widths,
//! go together without loss, and the result does not depend on how the log was cut.

use std::ops::AddAssign;

/// Buckets at most: more than any chart shows.
pub const BUCKETS_MAX: usize = 512;

/// What was written in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Entries.
    pub entries: u64,
    /// Their bytes in the file.
    pub bytes: u64,
}

impl AddAssign for Bucket {
    fn add_assign(&mut self, other: Self) {
        self.entries = self.entries.saturating_add(other.entries);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Entries and bytes over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// A bucket's width is 2 to this, ns.
    shift: u32,
    /// The number of the first bucket: its time is `first << shift`.
    first: u64,
    buckets: Vec<Bucket>,
}

impl Rate {
    /// Takes an entry of this time, ns since 1970.
    pub fn push(&mut self, timestamp: u64, bytes: u64) {
        self.add(timestamp, Bucket { entries: 1, bytes });
    }

    fn add(&mut self, timestamp: u64, bucket: Bucket) {
        if let Some(at) = (timestamp >> self.shift).checked_sub(self.first)
            && let Some(there) = usize::try_from(at).ok().and_then(|at| self.buckets.get_mut(at))
        {
            *there += bucket;
            return;
        }
        self.make_room(timestamp);
        let at = (timestamp >> self.shift).saturating_sub(self.first);
        if let Some(there) = usize::try_from(at).ok().and_then(|at| self.buckets.get_mut(at)) {
            *there += bucket;
        }
    }

    /// Makes a bucket for `timestamp`, and all between it and the others; wider ones where there are too many.
    fn make_room(&mut self, timestamp: u64) {
        if self.buckets.is_empty() {
            self.first = timestamp >> self.shift;
        }
        loop {
            let number = timestamp >> self.shift;
            // The bucket behind the last one there is has no number of 64 bits.
            let end = u128::from(self.first) + self.buckets.len() as u128;
            let first = number.min(self.first);
            let size = end.max(u128::from(number) + 1) - u128::from(first);
            if let Some(size) = usize::try_from(size).ok().filter(|size| *size <= BUCKETS_MAX) {
                let before = usize::try_from(self.first - first).unwrap_or(0);
                self.buckets.splice(0..0, std::iter::repeat_n(Bucket::default(), before));
                self.buckets.resize(size, Bucket::default());
                self.first = first;
                return;
            }
            self.widen();
        }
    }

    /// Makes the buckets twice as wide.
    fn widen(&mut self) {
        let mut wide: Vec<Bucket> = Vec::with_capacity(self.buckets.len() / 2 + 1);
        let first = self.first >> 1;
        for (number, bucket) in (self.first..=u64::MAX).zip(&self.buckets) {
            let at = usize::try_from((number >> 1) - first).unwrap_or(0);
            if wide.len() <= at {
                wide.push(Bucket::default());
            }
            if let Some(there) = wide.last_mut() {
                *there += *bucket;
            }
        }
        self.buckets = wide;
        self.first = first;
        self.shift = (self.shift + 1).min(63);
    }

    /// Takes another part's.
    pub fn append(&mut self, other: &Self) {
        while self.shift < other.shift {
            self.widen();
        }
        for (at, bucket) in (other.first..=u64::MAX).zip(&other.buckets) {
            if bucket.entries > 0 {
                self.add(at << other.shift, *bucket);
            }
        }
    }

    /// A bucket's width, ns.
    #[must_use]
    pub const fn width(&self) -> u64 {
        1 << self.shift
    }

    /// The buckets and their beginnings, ns since 1970.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, Bucket)> {
        (self.first..=u64::MAX).zip(&self.buckets).map(|(number, bucket)| (number << self.shift, *bucket))
    }

    /// The same in `count` columns that share the time from `from` to `to`. What a bucket holds is shared evenly by
    /// all columns that it touches, in whole numbers that add up to it.
    #[must_use]
    pub fn columns(&self, from: u64, to: u64, count: usize) -> Vec<Bucket> {
        let mut columns = vec![Bucket::default(); count];
        let span = u128::from(to.saturating_sub(from)) + 1;
        let column = |time: u64| {
            let at = u128::from(time.saturating_sub(from)) * count as u128 / span;
            usize::try_from(at).unwrap_or(0).min(count.saturating_sub(1))
        };
        for (start, bucket) in self.buckets().filter(|(_, bucket)| bucket.entries > 0) {
            let end = start.saturating_add(self.width() - 1).min(to);
            let (first, last) = (column(start.max(from)), column(end));
            let parts = (last.saturating_sub(first) + 1) as u64;
            let Some(range) = columns.get_mut(first..=last) else { continue };
            for (part, target) in (0..).zip(range) {
                // So that the parts' sum is the whole.
                let share = |whole: u64| whole / parts + u64::from(part < whole % parts);
                *target += Bucket { entries: share(bucket.entries), bytes: share(bucket.bytes) };
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(times: &[u64]) -> Rate {
        let mut rate = Rate::default();
        for time in times {
            rate.push(*time, 10);
        }
        rate
    }

    fn entries(rate: &Rate) -> u64 {
        rate.buckets().map(|(_, bucket)| bucket.entries).sum()
    }

    #[test]
    fn width_doubles_until_all_times_have_room() {
        let rate = of(&[1000, 1000, 1511]);
        assert_eq!((rate.width(), rate.buckets.len()), (1, 512));
        let rate = of(&[1000, 1512]);
        assert_eq!((rate.width(), rate.buckets.len()), (2, 257));
        let rate = of(&[u64::MAX, 0, 5, 1 << 63]);
        assert!(rate.buckets.len() <= BUCKETS_MAX);
        assert_eq!(entries(&rate), 4);
    }

    #[test]
    fn columns_share_what_wide_buckets_hold_and_lose_nothing() {
        let rate = of(&[0, 600, 1100]);
        for count in [1, 7, 80, 1500] {
            let columns = rate.columns(0, 1100, count);
            assert_eq!(columns.iter().map(|column| column.entries).sum::<u64>(), 3, "{count}");
            assert_eq!(columns.iter().map(|column| column.bytes).sum::<u64>(), 30, "{count}");
        }
        assert_eq!(Rate::default().columns(0, 0, 4), [Bucket::default(); 4]);
    }

    proptest! {
        #[test]
        fn parts_together_are_the_whole(
            times in prop::collection::vec(
                prop_oneof![0_u64..5000, any::<u64>(), 1_u64 << 60..(1 << 60) + 9000],
                0..80,
            ),
            cut in 0_usize..80,
        ) {
            let (one, other) = times.split_at(cut.min(times.len()));
            let mut parts = of(one);
            parts.append(&of(other));
            let whole = of(&times);
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(entries(&whole), times.len() as u64);
            prop_assert!(whole.buckets.len() <= BUCKETS_MAX);
            for (start, bucket) in whole.buckets() {
                let end = start + (whole.width() - 1);
                let there = times.iter().filter(|time| (start..=end).contains(time)).count();
                prop_assert_eq!(bucket.entries, there as u64);
            }
        }
    }
}
