//! What is counted over a log's entries: [`Stats`].
//!
//! Gathered by the workers of a scan, each for its segment, and put together in the order of the file, see
//! [`Gather`]. Bounded whatever the log holds: a table of 256 operations, one of sizes by powers of two, and so
//! many views, releases and clients by name; those beyond are counted only. An entry that stands in the file
//! twice counts twice: this is about the file.

use super::rate::Rate;
use crate::survey::Gather;
use aof_nostd::Header;
use aof_nostd::wire::HEADER_SIZE;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Entries and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries.
    pub entries: u64,
    /// Bytes in the file: magic, header and body.
    pub bytes: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.body_bytes += other.body_bytes;
    }
}

/// Entries that share something, and where they are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How many.
    pub tally: Tally,
    /// The lowest op.
    pub first_op: u64,
    /// The highest op.
    pub last_op: u64,
    /// The earliest time, ns since 1970; 0 where none has one.
    pub first_timestamp: u64,
    /// The latest.
    pub last_timestamp: u64,
    /// The replica that prepared the first of them in the file.
    pub replica: u8,
}

impl Span {
    fn of(header: &Header, tally: Tally) -> Self {
        let (op, timestamp) = (header.op.get(), header.timestamp.get());
        Self {
            tally,
            first_op: op,
            last_op: op,
            first_timestamp: timestamp,
            last_timestamp: timestamp,
            replica: header.replica,
        }
    }

    fn add(&mut self, other: Self) {
        self.tally.add(other.tally);
        self.first_op = self.first_op.min(other.first_op);
        self.last_op = self.last_op.max(other.last_op);
        self.first_timestamp = earliest(self.first_timestamp, other.first_timestamp);
        self.last_timestamp = self.last_timestamp.max(other.last_timestamp);
    }
}

/// The earlier of two times, of which 0 is none.
fn earliest(one: u64, other: u64) -> u64 {
    match (one, other) {
        (0, time) | (time, 0) => time,
        _ => one.min(other),
    }
}

/// Spans by name, so many at most; entries of further names are counted together.
#[derive(Clone, Debug)]
pub struct Named<K, const MAX: usize> {
    spans: HashMap<K, Span>,
    others: Tally,
    /// Neighbours mostly have one name: its span is here, and not in the table.
    current: Option<(K, Span)>,
}

impl<K, const MAX: usize> Default for Named<K, MAX> {
    fn default() -> Self {
        Self { spans: HashMap::new(), others: Tally::default(), current: None }
    }
}

impl<K: Copy + Eq + Hash + Ord, const MAX: usize> Named<K, MAX> {
    #[inline]
    fn push(&mut self, name: K, span: Span) {
        match &mut self.current {
            Some((current, there)) if *current == name => there.add(span),
            _ => {
                self.flush();
                self.current = Some((name, span));
            }
        }
    }

    fn flush(&mut self) {
        if let Some((name, span)) = self.current.take() {
            self.add(name, span);
        }
    }

    fn add(&mut self, name: K, span: Span) {
        let full = self.spans.len() >= MAX;
        match self.spans.entry(name) {
            Entry::Occupied(mut there) => there.get_mut().add(span),
            Entry::Vacant(_) if full => self.others.add(span.tally),
            Entry::Vacant(place) => {
                place.insert(span);
            }
        }
    }

    fn append(&mut self, mut other: Self) {
        self.flush();
        other.flush();
        // In the order of their ops, so that it does not depend on the table's which ones have a name.
        let mut spans: Vec<_> = other.spans.into_iter().collect();
        spans.sort_unstable_by_key(|(name, span)| (span.first_op, *name));
        for (name, span) in spans {
            self.add(name, span);
        }
        self.others.add(other.others);
    }

    /// All that have a name, by their first op.
    #[must_use]
    pub fn by_op(&self) -> Vec<(K, Span)> {
        let mut spans: Vec<_> = self.spans.iter().map(|(name, span)| (*name, *span)).collect();
        spans.sort_unstable_by_key(|(name, span)| (span.first_op, *name));
        spans
    }

    /// All that have a name, those with the most entries first.
    #[must_use]
    pub fn by_entries(&self) -> Vec<(K, Span)> {
        let mut spans = self.by_op();
        spans.sort_by_key(|(_, span)| std::cmp::Reverse(span.tally.entries));
        spans
    }

    /// Entries of names beyond the bound.
    #[must_use]
    pub const fn others(&self) -> Tally {
        self.others
    }
}

/// Views, releases and clients told by name. A hostile log could have another in each entry.
pub const VIEWS_MAX: usize = 1024;
/// See [`VIEWS_MAX`].
pub const RELEASES_MAX: usize = 256;
/// See [`VIEWS_MAX`].
pub const CLIENTS_MAX: usize = 4096;

/// Sizes by powers of two: none, 1, 2 to 3, 4 to 7, ... as many as a size has bits.
pub const SIZES: usize = 33;

/// What is counted over a log's entries.
#[derive(Clone, Debug)]
pub struct Stats {
    /// By operation.
    pub operations: Vec<Tally>,
    /// By the body's size, see [`SIZES`].
    pub sizes: [Tally; SIZES],
    /// The smallest body, bytes.
    pub body_size_min: Option<u64>,
    /// The largest.
    pub body_size_max: Option<u64>,
    /// Over time.
    pub rate: Rate,
    /// The earliest time, ns since 1970.
    pub first_timestamp: Option<u64>,
    /// The latest.
    pub last_timestamp: Option<u64>,
    /// Entries whose time is 0: a device without a clock.
    pub untimed: u64,
    /// By view.
    pub views: Named<u32, VIEWS_MAX>,
    /// By release.
    pub releases: Named<u32, RELEASES_MAX>,
    /// By client.
    pub clients: Named<u128, CLIENTS_MAX>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            operations: vec![Tally::default(); 256],
            sizes: [Tally::default(); SIZES],
            body_size_min: None,
            body_size_max: None,
            rate: Rate::default(),
            first_timestamp: None,
            last_timestamp: None,
            untimed: 0,
            views: Named::default(),
            releases: Named::default(),
            clients: Named::default(),
        }
    }
}

/// The place of a body of this size among [`SIZES`].
const fn size_class(size: u64) -> usize {
    (u64::BITS - size.leading_zeros()) as usize
}

/// The smallest and the largest size of a class.
#[must_use]
pub const fn class_sizes(class: usize) -> (u64, u64) {
    match class {
        0 => (0, 0),
        class => (1 << (class - 1), (1 << class) - 1),
    }
}

impl Gather for Stats {
    fn entry(&mut self, header: &Header) {
        let body_bytes = u64::from(header.size.get()).saturating_sub(HEADER_SIZE as u64);
        let tally = Tally { entries: 1, bytes: header.size_disk(), body_bytes };
        if let Some(operation) = self.operations.get_mut(usize::from(header.operation)) {
            operation.add(tally);
        }
        if let Some(class) = self.sizes.get_mut(size_class(body_bytes)) {
            class.add(tally);
        }
        self.body_size_min = Some(self.body_size_min.map_or(body_bytes, |size| size.min(body_bytes)));
        self.body_size_max = self.body_size_max.max(Some(body_bytes));
        let timestamp = header.timestamp.get();
        if timestamp == 0 {
            self.untimed += 1;
        } else {
            self.rate.push(timestamp, tally.bytes);
            self.first_timestamp = Some(self.first_timestamp.map_or(timestamp, |time| time.min(timestamp)));
            self.last_timestamp = self.last_timestamp.max(Some(timestamp));
        }
        let span = Span::of(header, tally);
        self.views.push(header.view.get(), span);
        self.releases.push(header.release.get(), span);
        self.clients.push(header.client.get(), span);
    }

    fn append(&mut self, next: Self) {
        for (target, tally) in self.operations.iter_mut().zip(next.operations) {
            target.add(tally);
        }
        for (target, tally) in self.sizes.iter_mut().zip(next.sizes) {
            target.add(tally);
        }
        self.body_size_min = [self.body_size_min, next.body_size_min].into_iter().flatten().min();
        self.body_size_max = self.body_size_max.max(next.body_size_max);
        self.rate.append(&next.rate);
        self.first_timestamp = [self.first_timestamp, next.first_timestamp].into_iter().flatten().min();
        self.last_timestamp = self.last_timestamp.max(next.last_timestamp);
        self.untimed += next.untimed;
        self.views.append(next.views);
        self.releases.append(next.releases);
        self.clients.append(next.clients);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(op: u64, client: u128) -> Header {
        let mut header = Header::new();
        header.op = op.into();
        header.client = client.into();
        header.timestamp = (op * 1000).into();
        header
    }

    #[test]
    fn sizes_fall_into_classes_without_a_hole() {
        let mut expected = 0;
        for class in 0..SIZES {
            let (first, last) = class_sizes(class);
            assert_eq!(first, expected);
            assert_eq!((size_class(first), size_class(last)), (class, class));
            expected = last + 1;
        }
        assert_eq!(expected, 1 << 32, "every size that a header can tell");
    }

    #[test]
    fn clients_beyond_the_bound_are_counted_and_not_named() {
        let mut stats = Stats::default();
        let count = CLIENTS_MAX as u64 + 10;
        for op in 1..=count {
            stats.entry(&header(op, u128::from(op % count)));
        }
        let mut whole = Stats::default();
        whole.append(stats);
        assert_eq!(whole.clients.by_op().len(), CLIENTS_MAX);
        assert_eq!(whole.clients.others().entries, 10);
    }

    #[test]
    fn parts_together_are_the_whole() {
        let headers: Vec<_> = (1..200_u64).map(|op| header(op, u128::from(op / 7 % 5))).collect();
        let gather = |headers: &[Header]| {
            let mut stats = Stats::default();
            headers.iter().for_each(|header| stats.entry(header));
            stats
        };
        let mut whole = Stats::default();
        whole.append(gather(&headers));
        for cut in [0, 1, 100, 199] {
            let (one, other) = headers.split_at(cut);
            let mut parts = Stats::default();
            parts.append(gather(one));
            parts.append(gather(other));
            assert_eq!(parts.clients.by_op(), whole.clients.by_op());
            assert_eq!(parts.operations, whole.operations);
            assert_eq!((parts.first_timestamp, parts.last_timestamp), (Some(1000), Some(199_000)));
            assert_eq!(parts.rate, whole.rate);
        }
    }

    #[test]
    fn entries_without_a_time_do_not_reach_back_to_1970() {
        let mut stats = Stats::default();
        let mut first = header(1, 0);
        first.timestamp = 0.into();
        stats.entry(&first);
        stats.entry(&header(2, 0));
        stats.views.flush();
        assert_eq!((stats.untimed, stats.first_timestamp), (1, Some(2000)));
        assert_eq!(stats.views.by_op()[0].1.first_timestamp, 2000);
    }
}
