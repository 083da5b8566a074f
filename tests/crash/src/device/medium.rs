//! What a device keeps: [`Medium`], bytes and the trace of all that was done to them.
//!
//! ```text
//!   base     what was durable when the trace began
//!   events   write | write | sync | write | dropped | ...     in order, each a place where power may go
//!   now      base with all writes over it: what a read gives
//! ```
//!
//! A power cut stops everything at once: what ran before it cannot know of it. So one run makes every
//! crash of its trace ([`cut`](super::cut)), and nothing is run again.
//!
//! A write is kept in *units*, which are atomic or not as the device is: a sector of a disk, a call of a
//! device that takes bytes.

use super::cut::Replay;
use aof_tests::random::Random;
use embedded_io::ErrorKind;

/// What was done to a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes `data..data + size` of the trace's data went to `offset`.
    Write {
        /// Where on the medium.
        offset: usize,
        /// Where in the trace's data.
        data: usize,
        /// How many bytes.
        size: usize,
    },
    /// All before it is durable.
    Sync,
    /// A sync failed, and of the units that were pending all but the first few are lost for good.
    Dropped {
        /// How many of them are durable.
        kept: usize,
    },
}

/// What goes wrong, and how often: once in so many calls, never where it is 0.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Reads and writes that come short.
    pub short: usize,
    /// Reads and writes that are interrupted, and flushes and seeks.
    pub interrupted: usize,
    /// Reads that fail.
    pub read: usize,
    /// Writes that fail, a part of them done.
    pub write: usize,
    /// Syncs that fail and may be done in part; what was pending stays pending.
    pub sync: usize,
    /// Syncs that fail and lose what was pending; the next one succeeds.
    pub sync_drops: usize,
    /// After such a sync reads go on to give what is lost, as some caches do.
    pub dropped_is_shown: bool,
    /// `flush` of the byte device is refused.
    pub no_flush: bool,
    /// Sync is refused.
    pub no_sync: bool,
    /// A full device says so by an error; else it takes no bytes.
    pub full_is_an_error: bool,
}

/// A device's bytes, durable and not, and what was done to them.
#[derive(Clone, Debug)]
pub struct Medium {
    now: Vec<u8>,
    pub(super) base: Vec<u8>,
    pub(super) events: Vec<Event>,
    pub(super) data: Vec<u8>,
    faults: Faults,
    random: Random,
    /// Faults that hit so far and are not the core's to bear in silence.
    hits: u64,
    /// What a read gives was lost by a failed sync: only a restart helps.
    lies: bool,
    calls: u64,
    calls_max: u64,
}

impl Medium {
    /// A medium that holds `bytes`, all durable, and never fails.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            now: bytes.clone(),
            base: bytes,
            events: Vec::new(),
            data: Vec::new(),
            faults: Faults::default(),
            random: Random::new(0),
            hits: 0,
            lies: false,
            calls: 0,
            calls_max: u64::MAX,
        }
    }

    /// Lets `faults` hit where `seed` says.
    #[must_use]
    pub const fn with_faults(mut self, faults: Faults, seed: u64) -> Self {
        self.faults = faults;
        self.random = Random::new(seed);
        self
    }

    /// Fails all calls after so many: a loop without end becomes an error.
    #[must_use]
    pub const fn with_calls_max(mut self, calls_max: u64) -> Self {
        self.calls_max = calls_max;
        self
    }

    /// What a read of all of it gives.
    #[must_use]
    pub fn now(&self) -> &[u8] {
        &self.now
    }

    /// How many events the trace has.
    #[must_use]
    pub const fn events(&self) -> usize {
        self.events.len()
    }

    /// How many faults hit that the core has to tell of.
    #[must_use]
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// How often it was called.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// Whether a read may give what is lost.
    #[must_use]
    pub const fn lies(&self) -> bool {
        self.lies
    }

    pub(super) const fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) const fn capacity(&self) -> usize {
        self.now.len()
    }

    fn chance(&mut self, once_in: usize) -> bool {
        once_in > 0 && self.random.one_in(once_in)
    }

    /// The same for what the core has to tell its caller.
    fn hit(&mut self, once_in: usize) -> bool {
        let hit = self.chance(once_in);
        self.hits += u64::from(hit);
        hit
    }

    /// Counts a call; it may be interrupted.
    pub(super) fn call(&mut self, may_be_interrupted: bool) -> Result<(), ErrorKind> {
        self.calls += 1;
        if self.calls > self.calls_max {
            return Err(ErrorKind::Other);
        }
        if may_be_interrupted && self.chance(self.faults.interrupted) {
            return Err(ErrorKind::Interrupted);
        }
        Ok(())
    }

    /// Refuses a call for good, as `faults` say.
    pub(super) const fn refuse(&mut self) -> Result<(), ErrorKind> {
        self.hits += 1;
        Err(ErrorKind::Unsupported)
    }

    /// How many of `size` bytes a call of the byte device moves.
    pub(super) fn moved(&mut self, size: usize) -> usize {
        if size > 0 && self.chance(self.faults.short) { 1 + self.random.below(size) } else { size }
    }

    /// Gives the bytes from `offset` on.
    pub(super) fn read(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), ErrorKind> {
        if self.hit(self.faults.read) {
            return Err(ErrorKind::TimedOut);
        }
        let bytes = self.now.get(offset..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(ErrorKind::InvalidInput)?);
        Ok(())
    }

    /// Takes `bytes` at `offset` in units of `unit` bytes; all of them are on the device.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], unit: usize) -> Result<(), ErrorKind> {
        let fails = self.hit(self.faults.write);
        let units = bytes.len().div_ceil(unit);
        let done = if fails { self.random.below(units + 1) } else { units };
        // Where a unit is not atomic, the one in which a write fails may be there in part.
        let torn = fails && unit > bytes.len();
        let size = if torn { self.random.below(bytes.len() + 1) } else { bytes.len().min(done * unit) };
        for (index, bytes) in bytes[..size].chunks(unit).enumerate() {
            let offset = offset + index * unit;
            self.now[offset..offset + bytes.len()].copy_from_slice(bytes);
            self.events.push(Event::Write { offset, data: self.data.len(), size: bytes.len() });
            self.data.extend_from_slice(bytes);
        }
        if fails { Err(ErrorKind::Other) } else { Ok(()) }
    }

    /// Makes all of it durable, or fails.
    pub(super) fn sync(&mut self) -> Result<(), ErrorKind> {
        self.call(false)?;
        if self.faults.no_sync {
            return self.refuse();
        }
        if self.hit(self.faults.interrupted) {
            return Err(ErrorKind::Interrupted); // nothing became durable
        }
        if self.hit(self.faults.sync) {
            return Err(ErrorKind::Other);
        }
        if self.hit(self.faults.sync_drops) {
            let mut replay = Replay::new(self);
            replay.advance(self.events.len());
            let pending = replay.pending();
            let kept = self.random.below(4).min(pending);
            self.events.push(Event::Dropped { kept });
            if self.faults.dropped_is_shown {
                self.lies = true;
            } else {
                let mut replay = Replay::new(self);
                replay.advance(self.events.len());
                self.now = replay.into_durable();
            }
            return Err(ErrorKind::Other);
        }
        self.events.push(Event::Sync);
        Ok(())
    }
}
