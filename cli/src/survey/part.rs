//! What one segment of a log gives: [`Part`].
//!
//! Entries that continue each other, which nearly all do, are one event, a [`Run`]. Of each its checksum is kept, its
//! fingerprint, its time, and its distance from the entry before it: 36 bytes; for a record its digest too, 32 bytes.
//!
//! ```text
//! events     | cluster | run of 3: offset, op, parent | damage | run of 2 |
//! checksums  | c0  c1  c2 | c3  c4 |      of all runs
//! prints     | f0  f1  f2 | f3  f4 |      fingerprints, and likewise digests
//! distances  |  0  d1  d2 |  0  d4 |      bytes from the entry before
//! times      | t0  t1  t2 | t3  t4 |
//! ```
//!
//! The workers of a scan fill parts, and one thread takes them in order: it has to look at each run's first entry
//! only, as long as no op comes twice. The memory of a part that was taken is filled again, see [`Spare`].

use super::{Finding, Gather};
use crate::data_checksum::DataBytes;
use crate::fingerprint::{self, Digest, Fingerprint};
use aof_nostd::chain::ChainLink;
use aof_nostd::wire::Entry;
use aof_nostd::{Checksum, Damage, DamageKind, Located, Op};
use aof_std::scan::Sink;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What one segment gives.
#[derive(Debug, Default)]
pub(crate) struct Part<G> {
    events: Vec<Event>,
    checksums: Vec<Checksum>,
    fingerprints: Vec<Fingerprint>,
    /// For a record, see [`identify`].
    digests: Vec<Digest>,
    with_digests: bool,
    distances: Vec<u32>,
    times: Vec<u64>,
    /// The last entry, if the next one may continue it.
    last: Option<(u64, ChainLink)>,
    /// For the data checksum.
    pub(super) data: DataBytes,
    cluster: Option<u128>,
    pub(super) gathered: G,
}

/// What stands in a segment, as it is kept.
#[derive(Clone, Debug)]
enum Event {
    Run { offset: u64, op: Op, parent: Checksum, count: usize },
    Damage(Damage, u64),
    Found(Box<Finding>),
    Zeros(u64),
    Cluster(u128),
}

/// What stands in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'a> {
    Run(Run<'a>),
    Damage(Damage, u64),
    /// Damage, as it was recorded elsewhere.
    Found(&'a Finding),
    Zeros(u64),
    /// The entries from here on are of this cluster.
    Cluster(u128),
}

/// Entries of which each has the next op, and the one before as its parent. Nothing stands between them in the
/// log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    offset: u64,
    op: Op,
    parent: Checksum,
    /// The entries' checksums.
    pub(super) checksums: &'a [Checksum],
    pub(super) fingerprints: &'a [Fingerprint],
    /// For a record; else none.
    pub(super) digests: &'a [Digest],
    distances: &'a [u32],
    times: &'a [u64],
}

impl<'a> Run<'a> {
    /// The entries, their offsets and their times.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, ChainLink, u64)> + Clone + use<'a> {
        let Self { mut offset, op: Op(mut op), mut parent, checksums, distances, times, .. } = *self;
        checksums.iter().zip(distances).zip(times).map(move |((&checksum, &distance), &time)| {
            offset = offset.saturating_add(distance.into());
            let link = ChainLink { op: Op(op), checksum, parent };
            (op, parent) = (op.saturating_add(1), checksum);
            (offset, link, time)
        })
    }
}

impl<G> Part<G> {
    /// Takes the next entry, which has this fingerprint and this time.
    pub(super) fn push_entry(&mut self, offset: u64, link: ChainLink, fingerprint: Fingerprint, time: u64) {
        let distance = self.last.and_then(|(last_offset, last)| {
            let continues = last.op.0.checked_add(1) == Some(link.op.0) && last.checksum == link.parent;
            let distance = offset.checked_sub(last_offset).filter(|_| continues)?;
            u32::try_from(distance).ok()
        });
        match (distance, self.events.last_mut()) {
            (Some(_), Some(Event::Run { count, .. })) => *count += 1,
            _ => self.events.push(Event::Run { offset, op: link.op, parent: link.parent, count: 1 }),
        }
        self.checksums.push(link.checksum);
        self.fingerprints.push(fingerprint);
        self.distances.push(distance.unwrap_or(0));
        self.times.push(time);
        self.last = Some((offset, link));
    }

    fn push(&mut self, event: Event) {
        self.last = None;
        self.events.push(event);
    }

    /// The entries from here on are of this cluster.
    pub(super) fn push_cluster(&mut self, cluster: u128) {
        self.cluster = Some(cluster);
        self.push(Event::Cluster(cluster));
    }

    /// Takes damage that was recorded elsewhere.
    pub(super) fn push_found(&mut self, finding: Finding) {
        self.push(Event::Found(Box::new(finding)));
    }

    /// The log is over at `from`.
    pub(super) fn push_zeros(&mut self, from: u64) {
        self.push(Event::Zeros(from));
    }

    /// The entries in the segment, where each is stored, and what it is.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, ChainLink, Fingerprint)> {
        let runs = self.seen().filter_map(|seen| match seen {
            Seen::Run(run) => Some(run),
            _ => None,
        });
        runs.flat_map(|run| {
            run.entries()
                .zip(run.fingerprints)
                .map(|((offset, link, _), fingerprint)| (offset, link, *fingerprint))
        })
    }

    /// What stands in the segment, in order.
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        let (mut checksums, mut distances) = (self.checksums.as_slice(), self.distances.as_slice());
        let (mut fingerprints, mut digests) = (self.fingerprints.as_slice(), self.digests.as_slice());
        let mut times = self.times.as_slice();
        self.events.iter().map(move |event| match event {
            Event::Run { offset, op, parent, count } => Seen::Run(Run {
                offset: *offset,
                op: *op,
                parent: *parent,
                checksums: checksums.split_off(..*count).unwrap_or_default(),
                fingerprints: fingerprints.split_off(..*count).unwrap_or_default(),
                digests: digests.split_off(..*count).unwrap_or_default(),
                distances: distances.split_off(..*count).unwrap_or_default(),
                times: times.split_off(..*count).unwrap_or_default(),
            }),
            Event::Damage(damage, until) => Seen::Damage(*damage, *until),
            Event::Found(finding) => Seen::Found(finding),
            Event::Zeros(from) => Seen::Zeros(*from),
            Event::Cluster(cluster) => Seen::Cluster(*cluster),
        })
    }
}

impl<G: Default> Part<G> {
    /// Forgets everything; the memory stays.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.checksums.clear();
        self.fingerprints.clear();
        self.digests.clear();
        self.distances.clear();
        self.times.clear();
        self.last = None;
        self.data.clear();
        self.cluster = None;
        self.gathered = G::default();
    }
}

impl<G: Gather> Sink for Part<G> {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        self.data.push(header);
        self.gathered.entry(header);
        let cluster = header.cluster.get();
        if self.cluster != Some(cluster) {
            self.push_cluster(cluster);
        }
        let (fingerprint, digest) = identify(located.entry, self.with_digests);
        self.digests.extend(digest);
        self.push_entry(located.offset, header.into(), fingerprint, header.timestamp.get());
    }

    fn unreadable(&mut self, bytes: Range<u64>, damage: Damage) {
        self.push_found(Finding::unreadable(&bytes, damage.op));
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        match damage.kind {
            // Its unreadable ranges are the findings: of the other bytes nothing is known to be wrong.
            DamageKind::Unreadable { .. } => self.last = None,
            _ => self.push(Event::Damage(damage, until)),
        }
    }

    fn zeros(&mut self, from: u64) {
        self.push_zeros(from);
    }
}

/// What tells an entry from every other one: its fingerprint; for a record also its digest, and then the
/// fingerprint is made of that one, as it is where the record is read.
pub(super) fn identify(entry: &Entry, with_digest: bool) -> (Fingerprint, Option<Digest>) {
    if !with_digest {
        return (Fingerprint::of(entry), None);
    }
    let digest = fingerprint::digest(entry);
    (Fingerprint::of_digest(&digest), Some(digest))
}

/// Parts that were taken, to be filled again: their memory costs more to get and to give back than to fill.
#[derive(Debug, Default)]
pub(super) struct Spare<G> {
    parts: Mutex<Vec<Part<G>>>,
    with_digests: bool,
}

impl<G: Gather> Spare<G> {
    /// Parts of this kind: with digests, or without.
    pub(super) fn of(with_digests: bool) -> Self {
        Self { parts: Mutex::default(), with_digests }
    }

    pub(super) fn part(&self) -> Part<G> {
        let part = self.lock().pop().unwrap_or_default();
        Part { with_digests: self.with_digests, ..part }
    }

    pub(super) fn give_back(&self, mut part: Part<G>) {
        part.clear();
        self.lock().push(part);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part<G>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
