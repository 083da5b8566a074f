//! Entries and bytes over time, in bounded memory: [`Rate`].
//!
//! ```text
//! buckets of 2^k ns    | 3 | 0 | 5 | 1 |             a time beyond the last bucket:
//!                      |   3   |   6   |  ...        two become one, until there is room: 2^(k+1) ns
//! ```
//!
//! A bucket begins at a multiple of its width, so that the rates of two parts of a log, whatever their widths,
//! go together without loss, and the result does not depend on how the log was cut.

use crate::human;
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

    /// The same in the columns of a chart, of which none is narrower than a bucket: each bucket is in one column, whole.
    #[must_use]
    pub fn columns(&self, chart: &Columns) -> Vec<Bucket> {
        let mut columns = vec![Bucket::default(); chart.count];
        for (start, bucket) in self.buckets().filter(|(_, bucket)| bucket.entries > 0) {
            let at = start.saturating_sub(chart.start) / chart.width;
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(chart.count.saturating_sub(1));
            if let Some(column) = columns.get_mut(at) {
                *column += bucket;
            }
        }
        columns
    }
}

/// The columns of charts over time, the same for several logs. All are equally wide, and each is so many buckets of
/// every log: a column that held 3 buckets beside one that held 4 would show a burst where there is none.
///
/// ```text
/// buckets of one log   |.|.|.|.|.|.|.|.|.|
/// buckets of another       |...|...|...|
/// columns              |.......|.......|.......|
///                        ^ from       ^ to
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Where the first one begins, ns since 1970.
    pub start: u64,
    /// How wide each one is, ns.
    pub width: u64,
    /// How many there are.
    pub count: usize,
}

impl Columns {
    /// At most `count_max` columns for the time from `from` to `to`, which holds all entries of these rates. The first
    /// and the last one may reach beyond it.
    #[must_use]
    pub fn of<'a>(rates: impl Iterator<Item = &'a Rate>, (from, to): (u64, u64), count_max: usize) -> Self {
        let shift = rates.map(|rate| rate.shift).max().unwrap_or(0);
        let (first, last) = (from >> shift, to.max(from) >> shift);
        let buckets = u128::from(last - first) + 1;
        let each = buckets.div_ceil(count_max.max(1) as u128);
        Self {
            start: first << shift,
            width: u64::try_from(each << shift).unwrap_or(u64::MAX),
            count: usize::try_from(buckets.div_ceil(each)).unwrap_or(1),
        }
    }

    /// Where a column begins, ns since 1970; that of the number behind the last is where the chart ends.
    #[must_use]
    pub fn start_of(&self, column: usize) -> u64 {
        self.start.saturating_add(self.width.saturating_mul(column as u64))
    }

    /// `peak 2,170 entries/s`: the most that a column holds, in words. Columns of less than a millisecond say how much
    /// that was: a rate by the second would be a guess.
    #[must_use]
    pub fn peak(&self, most: u64, named: impl Fn(u64) -> String) -> String {
        const NS: [(u64, &str); 4] = [
            (1_000_000_000, "s"),
            (60_000_000_000, "min"),
            (3_600_000_000_000, "h"),
            (86_400_000_000_000, "day"),
        ];
        if self.width < 1_000_000 {
            return self.most(most, named);
        }
        // The shortest time in which there was one at least.
        let in_time = |ns: u64| u128::from(most) * u128::from(ns);
        let Some((ns, name)) = NS.into_iter().find(|(ns, _)| in_time(*ns) >= self.width.into()) else {
            return self.most(most, named);
        };
        let rounded = (in_time(ns) + u128::from(self.width) / 2) / u128::from(self.width);
        format!("peak {}/{name}", named(u64::try_from(rounded).unwrap_or(u64::MAX)))
    }

    fn most(&self, most: u64, named: impl Fn(u64) -> String) -> String {
        format!("up to {} in {}", named(most), human::duration(self.width))
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
    fn columns_lose_nothing() {
        let rate = of(&[0, 600, 1100]);
        for count in [1, 7, 80, 1500] {
            let chart = Columns::of([&rate].into_iter(), (0, 1100), count);
            let columns = rate.columns(&chart);
            assert!(columns.len() <= count, "{chart:?}");
            assert_eq!(columns.iter().map(|column| column.entries).sum::<u64>(), 3, "{count}");
            assert_eq!(columns.iter().map(|column| column.bytes).sum::<u64>(), 30, "{count}");
        }
        let chart = Columns::of([].into_iter(), (0, 0), 4);
        assert_eq!(Rate::default().columns(&chart), [Bucket::default()]);
        let chart = Columns::of([].into_iter(), (0, u64::MAX), 1);
        assert_eq!((chart.start, chart.width, chart.count), (0, u64::MAX, 1));
    }

    /// Columns of 3 and of 4 buckets showed dips of a quarter.
    #[test]
    fn constant_rate_is_flat_in_every_number_of_columns() {
        let times: Vec<u64> = (0..100_000).map(|at| 1_795_000_000_000_000_000 + at * 1_000_000).collect();
        let rate = of(&times);
        let short = of(&times[..5000]);
        for count in [40, 64, 96, 100] {
            let chart = Columns::of([&rate, &short].into_iter(), (times[0], times[99_999]), count);
            assert!(chart.count <= count && chart.count * 2 > count, "{chart:?}");
            let columns = rate.columns(&chart);
            let inner: Vec<_> = columns[1..columns.len() - 1].iter().map(|column| column.entries).collect();
            let (least, most) = (inner.iter().min().unwrap(), inner.iter().max().unwrap());
            assert!(most - least <= 1, "{inner:?}");
            // Another log of the same entries, with narrower buckets, is the same on the same chart.
            let full = columns.iter().zip(short.columns(&chart)).take_while(|(_, short)| short.entries > 0);
            let full: Vec<_> = full.collect();
            assert!(full[..full.len() - 1].iter().all(|(all, short)| all.entries == short.entries));
        }
    }

    #[test]
    fn peak_is_a_rate() {
        let peak = |width, most| {
            let chart = Columns { start: 0, width, count: 1 };
            chart.peak(most, |count| human::counted(count, "entry", "entries"))
        };
        assert_eq!(peak(397_200_000, 862), "peak 2,170 entries/s");
        assert_eq!(peak(3_000_000_000, 3), "peak 1 entry/s");
        assert_eq!(peak(3_000_000_000, 2), "peak 40 entries/min");
        assert_eq!(peak(7_200_000_000_000, 12), "peak 6 entries/h");
        assert_eq!(peak(7_200_000_000_000, 1), "peak 12 entries/day");
        assert_eq!(peak(u64::MAX, 1), format!("up to 1 entry in {}", human::duration(u64::MAX)));
        assert_eq!(peak(64, 1), "up to 1 entry in 64 ns");
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
