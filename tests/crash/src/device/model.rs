//! What should be on the medium: [`Model`], the log as the driver wrote it, and what of it is acknowledged,
//! at each place of the trace.

use super::medium::Medium;
use super::world::World;
use aof_nostd::wire::{Entry, HEAD_SIZE, Header};
use aof_nostd::{Draft, Operation, Tail};

/// A log, in order and to the bit.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where each entry ends.
    pub ends: Vec<usize>,
}

impl Log {
    /// Where the first `entries` end.
    #[must_use]
    pub fn end(&self, entries: usize) -> usize {
        entries.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    /// The bytes of the entry number `index`.
    #[must_use]
    pub fn entry(&self, index: usize) -> &[u8] {
        &self.bytes[self.end(index)..self.ends[index]]
    }

    fn truncate(&mut self, entries: usize) {
        self.bytes.truncate(self.end(entries));
        self.ends.truncate(entries);
    }

    /// What is wrong with a tail that was found on a medium which holds `now`, if at least `acknowledged`
    /// of these entries have to be there.
    ///
    /// # Errors
    ///
    /// The promise that is broken.
    pub fn check(&self, tail: &Tail, now: &[u8], acknowledged: usize) -> Result<usize, String> {
        let entries = usize::try_from(tail.entries).unwrap_or(usize::MAX);
        if entries < acknowledged {
            return Err(format!("{acknowledged} entries are acknowledged, {entries} were found"));
        }
        if entries > self.ends.len() {
            return Err(format!("{} entries were written, {entries} were found", self.ends.len()));
        }
        let end = self.end(entries);
        if tail.end != end as u64 {
            return Err(format!("{entries} entries end at byte {end}, found was {}", tail.end));
        }
        if now[..end] != self.bytes[..end] {
            return Err(format!("the {entries} entries found are not those that were written"));
        }
        let last = tail.last.map(|last| last.checksum.to_bytes());
        let expected = entries.checked_sub(1).map(|last| &self.entry(last)[16..32]);
        if last.as_ref().map(<[u8; 16]>::as_slice) != expected {
            return Err("the last entry found is not the last one".into());
        }
        if entries < self.ends.len() && now[end..].starts_with(self.entry(entries)) {
            return Err(format!("the end is found at byte {end}, and a whole entry stands there"));
        }
        Ok(entries)
    }
}

/// The log now, and what it was before.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What was written and not lost, entries that failed half-way included.
    pub log: Log,
    /// How many entries have to survive anything.
    pub acknowledged: usize,
    /// Makes each entry another one.
    pub serial: u64,
    /// Logs of which entries were lost later, each with the number of events from which on it was not the
    /// log any more.
    past: Vec<(usize, Log)>,
    /// From so many events on so many entries are acknowledged, and the medium up to that byte is nothing
    /// that a cut may harm.
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    events: usize,
    acknowledged: usize,
    protected: usize,
}

impl Model {
    /// So many entries are durable from event `events` on.
    pub fn acknowledge(&mut self, events: usize, entries: usize) {
        self.acknowledged = self.acknowledged.max(entries);
        let protected = self.log.end(self.acknowledged);
        self.marks.push(Mark { events, acknowledged: self.acknowledged, protected });
    }

    /// So many entries were found, when the trace had so many events: no cut harms them from there on.
    pub fn found(&mut self, events: usize, entries: usize) {
        let protected = self.log.end(entries);
        self.marks.push(Mark { events, acknowledged: self.acknowledged, protected });
    }

    /// The tail behind so many entries is cleaned: from here on they are all there is, and durable. Before
    /// that a torn entry may yet be found: one that lacks nothing but zeros is whole once its rest is zeroed.
    pub fn cleaned(&mut self, events: usize, entries: usize) {
        if entries < self.log.ends.len() {
            self.past.push((events, self.log.clone()));
            self.log.truncate(entries);
        }
        self.acknowledge(events, entries);
    }

    /// Adds an entry, sealed, that continues the last one. Gives where it begins.
    pub fn add(&mut self, world: &World, last: Option<&Header>, draft: &Draft, body: &[u8]) -> Option<usize> {
        let header = match last {
            Some(last) => draft.after(last)?,
            None => draft.fill(Header::new()),
        };
        let begin = self.log.bytes.len();
        let mut bytes = vec![0; HEAD_SIZE + body.len()];
        bytes[HEAD_SIZE..].copy_from_slice(body);
        Entry::seal(&world.profile, header, &mut bytes).ok()?;
        self.log.bytes.extend(bytes);
        self.log.ends.push(self.log.bytes.len());
        Some(begin)
    }

    /// Takes the last entry back: nothing of it was written.
    pub fn take_back(&mut self) {
        self.log.truncate(self.log.ends.len().saturating_sub(1));
    }

    /// What the next entry says of itself: no other one says the same.
    pub fn draft(&mut self) -> Draft {
        self.serial += 1;
        Draft { operation: Operation::CREATE_TRANSFERS, timestamp_ns: self.serial, ..Draft::default() }
    }

    /// What has to be there if the power is cut behind `events` events.
    #[must_use]
    pub fn at(&self, events: usize) -> Expected<'_> {
        let log = self.past.iter().find(|(until, _)| *until > events).map_or(&self.log, |(_, log)| log);
        let mark = self.marks.iter().rev().find(|mark| mark.events <= events).copied().unwrap_or_default();
        Expected { log, acknowledged: mark.acknowledged, protected: mark.protected, serial: self.serial }
    }

    /// A model of `expected` alone, for a trace that begins anew.
    #[must_use]
    pub fn begin(expected: &Expected<'_>) -> Self {
        let mut model = Self {
            log: expected.log.clone(),
            acknowledged: expected.acknowledged,
            serial: expected.serial,
            ..Self::default()
        };
        model.acknowledge(0, expected.acknowledged);
        model
    }
}

/// What has to be on a medium after a cut.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What may be there, in this order.
    pub log: &'a Log,
    /// So many entries of it have to.
    pub acknowledged: usize,
    /// The end of what a cut must not harm.
    pub protected: usize,
    serial: u64,
}

/// Whether there is nothing but zeros from `end` on.
#[must_use]
pub fn is_clean(medium: &Medium, end: usize) -> bool {
    medium.now()[end..].iter().all(|byte| *byte == 0)
}
