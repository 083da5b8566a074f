//! Logs to order. A [`Builder`] appends one piece after another, and the [`Log`] that it gives knows
//! where each entry stands:
//!
//! ```
//! use aof_nostd::{AnyProfile, wire::Op};
//! use aof_tests::build::Builder;
//!
//! let log = Builder::new(AnyProfile::default())
//!     .chain(&[0, 100]) //  ops 1, 2
//!     .repeat(0..2) //      a restart: both again
//!     .gap(10) //           a state sync: ops 3 to 12 are missing
//!     .chain(&[5]) //       op 13
//!     .build();
//! let ops: Vec<Op> = log.entries.iter().map(|entry| entry.op).collect();
//! assert_eq!(ops, [1, 2, 1, 2, 13].map(Op));
//! assert_eq!(log.entries[1].range(), 272..644);
//! ```

use crate::random::Random;
use aof_nostd::checksum::{AnyProfile, Backend, Checksum, Profile};
use aof_nostd::wire::{Entry, HEAD_SIZE, Header, MAGIC_SIZE, Op, Release};
use aof_nostd::{Crc, Draft, Operation, TigerBeetle};
use std::ops::Range;

/// Both profiles, the TigerBeetle one in the best backend that the compiler was told of.
pub const PROFILES: [AnyProfile; 2] =
    [AnyProfile::TigerBeetle(TigerBeetle::new(Backend::compiled())), AnyProfile::Crc(Crc)];

/// Where an entry stands in a [`Log`], and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its first byte.
    pub offset: usize,
    /// Its bytes: magic, header and body.
    pub size_disk: usize,
    /// Its number.
    pub op: Op,
    /// Its identity.
    pub checksum: Checksum,
}

impl Placed {
    /// The entry's bytes in the log.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.offset..self.end()
    }

    /// The first byte behind it.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.offset + self.size_disk
    }
}

/// A log and where its entries stand. Torn pieces and raw bytes are in `bytes` only.
#[derive(Clone, Debug)]
pub struct Log {
    /// The profile.
    pub profile: AnyProfile,
    /// The log as a file would hold it.
    pub bytes: Vec<u8>,
    /// The whole entries, in the file's order.
    pub entries: Vec<Placed>,
}

impl Log {
    /// The bytes of the entry number `index` of the file.
    #[must_use]
    pub fn entry_bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.entries[index].range()]
    }

    /// The entry number `index` of the file.
    #[must_use]
    pub fn entry(&self, index: usize) -> &Entry {
        Entry::from_prefix(self.entry_bytes(index)).expect("a built log is whole")
    }

    /// The index of the entry that `offset` lies in.
    #[must_use]
    pub fn index_at(&self, offset: usize) -> Option<usize> {
        self.entries.iter().position(|entry| entry.range().contains(&offset))
    }
}

/// A log in the making.
#[derive(Clone, Debug)]
pub struct Builder {
    log: Log,
    /// The header that the next entry continues, sealed.
    last: Option<Header>,
    first: Header,
    draft: Draft,
}

impl Builder {
    /// An empty log of `profile`; its first entry will have op 1.
    #[must_use]
    pub fn new(profile: impl Into<AnyProfile>) -> Self {
        Self {
            log: Log { profile: profile.into(), bytes: Vec::new(), entries: Vec::new() },
            last: None,
            first: Header::new(),
            draft: Draft { operation: Operation::CREATE_TRANSFERS, timestamp_ns: 1_000, ..Draft::default() },
        }
    }

    /// Gives the header of the first entry: op, parent, cluster, view, release, replica.
    #[must_use]
    pub fn start_with(mut self, first: Header) -> Self {
        self.first = first;
        self
    }

    /// Sets operation, timestamp, client and request of the entries that follow; each entry's timestamp
    /// is 1 ns after the one before it.
    #[must_use]
    pub fn draft(mut self, draft: Draft) -> Self {
        self.draft = draft;
        self
    }

    /// Sets the view of the entries that follow.
    #[must_use]
    pub fn view(mut self, view: u32) -> Self {
        self.first.view = view.into();
        if let Some(last) = &mut self.last {
            last.view = view.into(); // its checksum, the next parent, is that of the entry written
        }
        self
    }

    /// Sets the release of the entries that follow.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.first.release = release.0.into();
        if let Some(last) = &mut self.last {
            last.release = release.0.into();
        }
        self
    }

    /// The next entry, with this body.
    #[must_use]
    pub fn entry(self, body: &[u8]) -> Self {
        let header = match &self.last {
            Some(last) => self.draft.after(last).expect("ops are left"),
            None => self.draft.fill(self.first),
        };
        self.sealed(header, body)
    }

    /// The next entries, with bodies of these sizes; what is in them depends on op and size.
    #[must_use]
    pub fn chain(mut self, body_sizes: &[usize]) -> Self {
        for size in body_sizes {
            let op = self.last.map_or(1, |last| last.op.get() + 1);
            self = self.entry(&body(op, *size));
        }
        self
    }

    /// How many more ops the entries that follow may take.
    #[must_use]
    pub fn ops_left(&self) -> u64 {
        u64::MAX - self.last.map_or(0, |last| last.op.get())
    }

    /// An entry with this header, sealed here, whatever came before; those that follow continue it.
    #[must_use]
    pub fn sealed(mut self, mut header: Header, body: &[u8]) -> Self {
        header.seal(&self.log.profile, body).expect("the body fits a size");
        let offset = self.log.bytes.len();
        self.log.bytes.extend(entry_bytes(self.log.profile, &header, body));
        self.log.entries.push(Placed {
            offset,
            size_disk: HEAD_SIZE + body.len(),
            op: header.op(),
            checksum: header.checksum,
        });
        self.last = Some(header);
        self.draft.timestamp_ns += 1;
        self
    }

    /// The entries of `range` once more, as after a restart; those that follow continue the last of them.
    #[must_use]
    pub fn repeat(mut self, range: Range<usize>) -> Self {
        for index in range {
            let offset = self.log.bytes.len();
            let bytes = self.log.entry_bytes(index).to_vec();
            self.last = Some(self.log.entry(index).header);
            self.log.bytes.extend(bytes);
            self.log.entries.push(Placed { offset, ..self.log.entries[index] });
        }
        self
    }

    /// Leaves out `count` ops, as after a state sync: the next entry's parent is none that is here.
    #[must_use]
    pub fn gap(mut self, count: u64) -> Self {
        let mut last = self.last.unwrap_or(self.first);
        last.op = (last.op.get() + count).into();
        last.checksum = Checksum::new(u128::from(last.op.get()) << 64);
        self.last = Some(last);
        self
    }

    /// Makes the entries that follow continue the entry number `index`: a second history.
    #[must_use]
    pub fn fork(mut self, index: usize) -> Self {
        self.last = Some(self.log.entry(index).header);
        self.draft.request += 1; // another entry even for the same body
        self
    }

    /// The first `kept` bytes of an entry that the next one does not continue: its writer crashed.
    #[must_use]
    pub fn torn(self, body: &[u8], kept: usize) -> Self {
        let mut with = self.clone().entry(body);
        let bytes = with.log.bytes.split_off(self.log.bytes.len());
        self.raw(&bytes[..kept])
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.log.bytes.extend_from_slice(bytes);
        self
    }

    /// The log.
    #[must_use]
    pub fn build(self) -> Log {
        self.log
    }
}

/// A chain from op 1 with bodies of these sizes.
#[must_use]
pub fn chain(profile: impl Into<AnyProfile>, body_sizes: &[usize]) -> Log {
    Builder::new(profile).chain(body_sizes).build()
}

/// A body of `size` bytes; another `seed`, another body.
#[must_use]
pub fn body(seed: u64, size: usize) -> Vec<u8> {
    Random::new(seed).bytes(size)
}

/// Magic, header as it is, and body.
#[must_use]
pub fn entry_bytes(profile: AnyProfile, header: &Header, body: &[u8]) -> Vec<u8> {
    let mut bytes = profile.magic().to_vec();
    bytes.extend(header.checksum.to_bytes());
    bytes.extend(header.covered());
    bytes.extend(body);
    bytes
}

/// Makes the header's checksum right again for the entry at `offset`, whatever else the header says.
pub fn reseal(bytes: &mut [u8], offset: usize, profile: AnyProfile) {
    let header = &mut bytes[offset + MAGIC_SIZE..offset + HEAD_SIZE];
    let checksum = profile.checksum(&header[16..]);
    header[..16].copy_from_slice(&checksum.to_bytes());
}

/// Seals `header` in the CRC profile so that its checksum is `target`, whatever that is: its `client` is
/// chosen for it. A CRC finds accidents; an entry that names itself as its parent is easily made.
pub fn forge_crc(header: &mut Header, body: &[u8], target: u64) {
    header.seal(&Crc, body).expect("the body fits a size");
    let mut with_client = |client: u64| {
        header.client = u128::from(client).into();
        header.checksum = Crc.checksum(header.covered());
        u64::try_from(header.checksum.get()).expect("a CRC has 64 bits")
    };
    let client = linear(&mut with_client, target);
    assert_eq!(with_client(client), target);
}

/// Makes the CRC of `bytes` what it is told, whatever else they hold: the eight bytes at `at` are chosen for it.
/// So two bodies, or any two stretches, have one checksum.
pub fn forge_crc_bytes(bytes: &mut [u8], at: usize, target: u64) {
    let mut with = |chosen: u64| {
        bytes[at..at + 8].copy_from_slice(&chosen.to_le_bytes());
        u64::try_from(Crc.checksum(bytes).get()).expect("a CRC has 64 bits")
    };
    let chosen = linear(&mut with, target);
    assert_eq!(with(chosen), target);
}

/// Solves `crc(x) = target`, where `x` are 64 bits of what the CRC is of.
///
/// The CRC of a sum is the sum of the CRCs, but for that of zero: 64 equations for 64 bits, by elimination.
fn linear(crc: &mut impl FnMut(u64) -> u64, target: u64) -> u64 {
    let zero = crc(0);
    // Each row is a set of the bits of `x`, and what they change in the CRC.
    let mut rows: Vec<(u64, u64)> = (0..64).map(|bit| (1 << bit, crc(1 << bit) ^ zero)).collect();
    let mut left = target ^ zero;
    let mut solution = 0;
    for bit in 0..64 {
        let pivot = rows.iter().position(|row| row.1 >> bit & 1 == 1).expect("no two solutions have one CRC");
        let (set, change) = rows.swap_remove(pivot);
        for row in rows.iter_mut().filter(|row| row.1 >> bit & 1 == 1) {
            *row = (row.0 ^ set, row.1 ^ change);
        }
        if left >> bit & 1 == 1 {
            (solution, left) = (solution ^ set, left ^ change);
        }
    }
    solution
}

/// Sets the `size` that the header of the entry at `offset` tells. The header's checksum stays.
pub fn set_size(bytes: &mut [u8], offset: usize, size: u32) {
    let at = offset + MAGIC_SIZE + 96;
    bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_is_linked_across_views_and_repeats() {
        let log =
            Builder::new(PROFILES[1]).chain(&[0, 1]).view(7).chain(&[2]).repeat(0..2).chain(&[3]).build();
        let parents: Vec<_> = (0..6).map(|index| log.entry(index).header.parent).collect();
        assert_eq!(parents[1..3], [log.entries[0].checksum, log.entries[1].checksum]);
        assert_eq!(parents[5], log.entries[1].checksum);
        assert_eq!(log.entry(2).header.view().0, 7);
        assert_eq!(log.bytes.len(), log.entries[5].end());
    }

    #[test]
    fn crc_is_forged_to_any_target() {
        for target in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let mut header = Header::new();
            forge_crc(&mut header, b"body", target);
            let log = entry_bytes(AnyProfile::Crc(Crc), &header, b"body");
            let seen = crate::events::by_entries(&log, aof_nostd::Checker::new(Crc));
            assert!(seen.len() == 1 && seen[0].is_entry());
            assert_eq!(header.checksum.get(), target.into());
        }
    }

    #[test]
    fn fork_is_another_entry_with_the_same_op() {
        let log = Builder::new(PROFILES[0]).chain(&[4, 4]).fork(0).chain(&[4]).build();
        assert_eq!(log.entries[1].op, log.entries[2].op);
        assert_ne!(log.entries[1].checksum, log.entries[2].checksum);
    }
}
