//! What a power cut leaves of a medium.
//!
//! | promise | a unit | what may be left of the units since the last sync |
//! |---|---|---|
//! | sector-atomic | a sector of 512 bytes | each is there or not; one that held nothing synced may be torn or garbage |
//! | byte-torn | what one call wrote | each is there, or not, or torn at any byte; or garbage where it was written |
//!
//! In the *order kept* all units up to one are there and none after it, and only that one is torn or
//! garbage; in *any order* each fares for itself. Bytes that were not written since the last sync are as
//! they were.

use super::medium::{Event, Medium};
use aof_nostd::storage::BLOCK_SIZE;
use aof_tests::random::Random;

/// What the device promises of its units and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// A unit that holds synced bytes is there whole or not at all.
    pub atomic: bool,
    /// No unit is there before one that was written earlier.
    pub ordered: bool,
    /// A unit may hold what nobody wrote, where that harms nothing synced.
    pub garbage: bool,
}

/// A write that is not durable.
#[derive(Clone, Copy, Debug)]
struct Unit {
    offset: usize,
    data: usize,
    size: usize,
}

/// A medium's trace, played again up to a place.
#[derive(Debug)]
pub struct Replay<'a> {
    medium: &'a Medium,
    at: usize,
    durable: Vec<u8>,
    pending: Vec<Unit>,
}

impl<'a> Replay<'a> {
    /// At the beginning of the trace.
    #[must_use]
    pub fn new(medium: &'a Medium) -> Self {
        Self { medium, at: 0, durable: medium.base.clone(), pending: Vec::new() }
    }

    /// Goes on to behind the first `events` events.
    pub fn advance(&mut self, events: usize) {
        while self.at < events {
            match self.medium.events[self.at] {
                Event::Write { offset, data, size } => self.pending.push(Unit { offset, data, size }),
                Event::Sync => self.make_durable(self.pending.len()),
                Event::Dropped { kept } => self.make_durable(kept),
            }
            self.at += 1;
        }
    }

    fn make_durable(&mut self, kept: usize) {
        for unit in std::mem::take(&mut self.pending).into_iter().take(kept) {
            let bytes = &self.medium.data[unit.data..unit.data + unit.size];
            self.durable[unit.offset..unit.offset + unit.size].copy_from_slice(bytes);
        }
    }

    fn bytes(&self, unit: Unit) -> &'a [u8] {
        &self.medium.data[unit.data..unit.data + unit.size]
    }

    /// Units that are not durable.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What is durable.
    #[must_use]
    pub fn into_durable(self) -> Vec<u8> {
        self.durable
    }

    /// The bytes of the write that is next in the trace.
    #[must_use]
    pub fn next_size(&self) -> Option<usize> {
        match self.medium.events.get(self.at) {
            Some(Event::Write { size, .. }) => Some(*size),
            _ => None,
        }
    }

    /// The pending units of `mask` are there, and no others: unit `i` where bit `i` is set.
    #[must_use]
    pub fn subset(&self, mask: u64) -> Vec<u8> {
        let mut left = self.durable.clone();
        for (index, unit) in self.pending.iter().enumerate() {
            if index >= 64 || mask >> index & 1 == 1 {
                left[unit.offset..unit.offset + unit.size].copy_from_slice(self.bytes(*unit));
            }
        }
        left
    }

    /// All pending units are there, and of the next write the first `torn` bytes.
    #[must_use]
    pub fn in_order(&self, torn: usize) -> Vec<u8> {
        let mut left = self.subset(u64::MAX);
        if let Some(Event::Write { offset, data, size }) = self.medium.events.get(self.at) {
            let size = torn.min(*size);
            left[*offset..offset + size].copy_from_slice(&self.medium.data[*data..data + size]);
        }
        left
    }

    /// Whether the unit may be torn or garbage: it may where units are not atomic, and where it lies
    /// behind `protected`, the end of what a sync promised.
    const fn may_be_torn(unit: Unit, promise: Promise, protected: usize) -> bool {
        !promise.atomic || (promise.garbage && unit.offset >= protected)
    }

    /// What a cut leaves, chosen by `random`.
    pub fn sample(&self, promise: Promise, protected: usize, random: &mut Random) -> Vec<u8> {
        let mut left = self.durable.clone();
        let count = self.pending.len();
        if promise.ordered {
            let kept = match random.below(4) {
                0 => count,
                1 => count.saturating_sub(1),
                _ => random.below(count + 1),
            };
            for (index, unit) in self.pending.iter().take(kept + 1).enumerate() {
                let how = if index < kept { Fate::There } else { Fate::last(random, promise) };
                self.fare(*unit, how, promise, protected, &mut left, random);
            }
            return left;
        }
        let odds = 1 + random.below(8); // from nearly none to all: of 8
        for unit in &self.pending {
            let how = Fate::any(random, promise, odds);
            self.fare(*unit, how, promise, protected, &mut left, random);
        }
        left
    }

    fn fare(
        &self,
        unit: Unit,
        fate: Fate,
        promise: Promise,
        protected: usize,
        left: &mut [u8],
        random: &mut Random,
    ) {
        let bytes = self.bytes(unit);
        let target = &mut left[unit.offset..unit.offset + unit.size];
        let fate = match fate {
            Fate::Front | Fate::Back | Fate::Garbage if !Self::may_be_torn(unit, promise, protected) => {
                if random.one_in(2) {
                    Fate::There
                } else {
                    Fate::Lost
                }
            }
            fate => fate,
        };
        let at = random.below(unit.size + 1);
        match fate {
            Fate::There => target.copy_from_slice(bytes),
            Fate::Lost => {}
            Fate::Front => target[..at].copy_from_slice(&bytes[..at]),
            Fate::Back => target[at..].copy_from_slice(&bytes[at..]),
            Fate::Garbage => {
                target[..at].copy_from_slice(&bytes[..at]);
                match random.below(3) {
                    0 => target[at..].fill(0xff),
                    1 => target[at..].fill(0),
                    _ => target[at..].copy_from_slice(&random.bytes(unit.size - at)),
                }
            }
        }
    }
}

/// How a unit fares.
#[derive(Clone, Copy, Debug)]
enum Fate {
    There,
    Lost,
    /// Its first bytes are there.
    Front,
    /// Its last bytes are there.
    Back,
    /// Its first bytes are there, and the rest is what nobody wrote.
    Garbage,
}

impl Fate {
    /// Of the unit that the power was cut in.
    fn last(random: &mut Random, promise: Promise) -> Self {
        match random.below(4) {
            0 => Self::Lost,
            1 if promise.garbage => Self::Garbage,
            _ => Self::Front,
        }
    }

    /// Of any unit; `odds` of 8 are there.
    fn any(random: &mut Random, promise: Promise, odds: usize) -> Self {
        if random.below(8) < odds {
            return Self::There;
        }
        match random.below(6) {
            0 => Self::Front,
            1 => Self::Back,
            2 if promise.garbage => Self::Garbage,
            _ => Self::Lost,
        }
    }
}

/// Bytes behind the last entry that a cut may change: what is written fills a sector.
pub const REACH_EXTRA: u64 = BLOCK_SIZE as u64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte 0 durable; then three units, the last over the first.
    fn written() -> Medium {
        let mut medium = Medium::new(vec![0; 4]);
        medium.write(0, &[9], usize::MAX).unwrap();
        medium.sync().unwrap();
        medium.write(1, &[1, 1], usize::MAX).unwrap();
        medium.write(3, &[2], usize::MAX).unwrap();
        medium.write(1, &[3, 3], usize::MAX).unwrap();
        medium
    }

    fn sorted(mut states: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        states.sort();
        states.dedup();
        states
    }

    #[test]
    fn subsets_keep_what_is_durable_and_every_version_of_a_unit() {
        let medium = written();
        let mut replay = Replay::new(&medium);
        replay.advance(medium.events());
        let states = sorted((0..8).map(|mask| replay.subset(mask)).collect());
        let expected: [[u8; 4]; 6] =
            [[9, 0, 0, 0], [9, 0, 0, 2], [9, 1, 1, 0], [9, 1, 1, 2], [9, 3, 3, 0], [9, 3, 3, 2]];
        assert_eq!(states, expected);
    }

    #[test]
    fn order_kept_leaves_a_beginning_and_tears_one_write() {
        let medium = written();
        let mut states = Vec::new();
        let mut replay = Replay::new(&medium);
        for place in 2..=medium.events() {
            replay.advance(place);
            states.extend((0..replay.next_size().unwrap_or(1)).map(|torn| replay.in_order(torn)));
        }
        let expected: [[u8; 4]; 6] =
            [[9, 0, 0, 0], [9, 1, 0, 0], [9, 1, 1, 0], [9, 1, 1, 2], [9, 3, 1, 2], [9, 3, 3, 2]];
        assert_eq!(states, expected);
    }

    #[test]
    fn atomic_units_are_never_torn_before_what_is_protected() {
        let medium = written();
        let mut replay = Replay::new(&medium);
        replay.advance(medium.events());
        for ordered in [true, false] {
            let promise = Promise { atomic: true, ordered, garbage: true };
            let mut random = Random::new(1);
            let sample = |protected, random: &mut Random| replay.sample(promise, protected, random);
            let whole: Vec<_> = (0..500).map(|_| sample(4, &mut random)).collect();
            assert!(whole.iter().all(|left| left[0] == 9 && left[1] == left[2]));
            let torn: Vec<_> = (0..500).map(|_| sample(0, &mut random)).collect();
            assert!(torn.iter().all(|left| left[0] == 9) && torn.iter().any(|left| left[1] != left[2]));
        }
    }

    #[test]
    fn failed_sync_may_lose_what_was_pending_for_good() {
        let faults = super::super::medium::Faults { sync_drops: 1, ..Default::default() };
        let mut medium = Medium::new(vec![0; 4]).with_faults(faults, 1);
        medium.write(0, &[1, 1, 1, 1], 1).unwrap();
        assert!(medium.sync().is_err());
        let kept = medium.now().to_vec();
        let mut medium = medium.with_faults(super::super::medium::Faults::default(), 0);
        medium.sync().unwrap();
        let mut replay = Replay::new(&medium);
        replay.advance(medium.events());
        assert_eq!(replay.into_durable(), kept);
        assert_ne!(kept, [1; 4], "one unit at least is lost");
    }
}
