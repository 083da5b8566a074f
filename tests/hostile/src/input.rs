//! A fuzzer's bytes read as a recipe for a log.
//!
//! Random bytes never pass a checksum of 128 bits, so most of an input is a list of things to build and
//! of harms to do: entries as a writer makes them, entries forged field by field and sealed, real ones, logs
//! in bodies; then damage, and changes that are sealed again. The rest is raw bytes. Sizes are bounded: a
//! log has at most some 40 KiB, so that the oracle, which is slow, keeps up.

use aof_nostd::wire::{Entry, HEAD_SIZE, Header, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Checksum, Profile};
use aof_tests::build::{Builder, Log, PROFILES, body, reseal};
use aof_tests::damage::Harm;
use arbitrary::Arbitrary;

const PIECES_MAX: usize = 12;
const HARMS_MAX: usize = 6;
const BODY_SIZE_MAX: u16 = 1_500;
/// A replica's file of 300 entries.
const REAL: &[u8] = include_bytes!("../../data/single/small-bodies.aof");
/// Ops that are kept for pieces that go on: more than all pieces of a recipe can take.
const OPS_KEPT: u64 = 1 << 20;

/// What a target reads.
#[derive(Arbitrary, Debug)]
pub enum Input {
    /// A log by recipe.
    Recipe(Recipe),
    /// Any bytes.
    Raw {
        /// The profile they are read in.
        crc: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A log to build, and what to do to it.
#[derive(Arbitrary, Debug)]
pub struct Recipe {
    crc: bool,
    pieces: Vec<Piece>,
    harms: Vec<Hurt>,
}

/// A part of a log.
#[derive(Arbitrary, Debug)]
enum Piece {
    Entry(u16),
    Small(u8),
    /// An entry whose body starts with a log: what was built so far.
    Nested {
        rest: u8,
    },
    /// An entry whose body starts with a short chain.
    NestedChain {
        sizes: [u8; 2],
        rest: u8,
    },
    View(u32),
    Repeat {
        first: u8,
        count: u8,
    },
    Gap(u16),
    Fork(u8),
    Torn {
        size: u16,
        kept: u16,
    },
    Raw(Vec<u8>),
    Magic {
        other: bool,
    },
    /// A sealed entry that says what it likes.
    Forged {
        op: Number,
        commit: Number,
        timestamp: Number,
        parent: Parent,
        cluster: u8,
        size: u8,
    },
    /// Entries that a real replica wrote.
    Real {
        first: u8,
        count: u8,
    },
}

/// A number near those that matter.
#[derive(Arbitrary, Debug)]
enum Number {
    /// So much behind the last entry's op.
    Next(i8),
    /// From zero.
    Low(u8),
    /// Down from the highest.
    High(u8),
    Any(u64),
}

/// The parent that a forged entry names.
#[derive(Arbitrary, Debug)]
enum Parent {
    Last,
    Entry(u8),
    Any(u8),
}

/// Damage, in places that matter more often than chance would have it.
#[derive(Arbitrary, Debug)]
pub(crate) enum Hurt {
    /// A byte of an entry, counted from its magic.
    Byte {
        entry: u8,
        at: u16,
        value: u8,
    },
    /// Four bytes of a header, whose checksum is then made right.
    Sealed {
        entry: u8,
        at: u8,
        value: u32,
    },
    /// A byte of the body, whose checksum and the header's are then made right.
    SealedBody {
        entry: u8,
        at: u16,
        value: u8,
    },
    /// From this entry on each names the one before it as its parent, and is sealed.
    Rechain {
        entry: u8,
    },
    /// The `size`, so that the entry ends with another one.
    SizeTo {
        entry: u8,
        end: u8,
        sealed: bool,
    },
    Flip {
        bit: u32,
    },
    Cut {
        size: u16,
    },
    Zero {
        start: u16,
        size: u16,
    },
    Noise {
        start: u16,
        size: u16,
        seed: u8,
    },
    Insert {
        at: u16,
        bytes: Vec<u8>,
    },
    Delete {
        start: u16,
        size: u16,
    },
    /// An entry once more, before another one.
    CopyEntry {
        entry: u8,
        before: u8,
    },
    Copy {
        start: u16,
        size: u16,
        at: u16,
    },
    /// Free space of a device.
    Zeros(u16),
}

impl Input {
    /// The log, and the profile that it is read in.
    #[must_use]
    pub fn log(self) -> (AnyProfile, Vec<u8>) {
        match self {
            Self::Raw { crc, bytes } => (PROFILES[usize::from(crc)], bytes),
            Self::Recipe(recipe) => {
                let log = recipe.build();
                let bytes = hurt(&log, &recipe.harms);
                (log.profile, bytes)
            }
        }
    }
}

/// The bytes of `log` after these harms.
pub(crate) fn hurt(log: &Log, harms: &[Hurt]) -> Vec<u8> {
    let mut bytes = log.bytes.clone();
    for harm in harms.iter().take(HARMS_MAX) {
        harm.apply(log, &mut bytes);
    }
    bytes
}

impl Recipe {
    /// The log, before any harm.
    pub(crate) fn build(&self) -> Log {
        let mut builder = Builder::new(PROFILES[usize::from(self.crc)]);
        for (index, piece) in self.pieces.iter().take(PIECES_MAX).enumerate() {
            builder = piece.add(builder, index as u64);
        }
        builder.build()
    }
}

impl Piece {
    fn add(&self, builder: Builder, seed: u64) -> Builder {
        let so_far = builder.clone().build();
        let count = so_far.entries.len();
        let goes_on =
            !matches!(self, Self::Raw(_) | Self::Magic { .. } | Self::Forged { .. } | Self::Real { .. });
        if goes_on && builder.ops_left() < OPS_KEPT {
            return builder;
        }
        match *self {
            Self::Entry(size) => builder.entry(&body(seed, usize::from(size % BODY_SIZE_MAX))),
            Self::Small(size) => builder.entry(&body(seed, usize::from(size % 32))),
            Self::Nested { rest } if so_far.bytes.len() < 6_000 => {
                builder.entry(&[&so_far.bytes[..], &body(seed, usize::from(rest % 4))].concat())
            }
            Self::NestedChain { sizes, rest } => {
                let inner = Builder::new(so_far.profile).chain(&sizes.map(usize::from)).build();
                builder.entry(&[&inner.bytes[..], &body(seed, usize::from(rest % 4))].concat())
            }
            Self::View(view) => builder.view(view),
            Self::Repeat { first, count: repeated } if count > 0 => {
                let first = usize::from(first) % count;
                builder.repeat(first..(first + usize::from(repeated % 4)).min(count))
            }
            Self::Gap(size) => builder.gap(size.into()),
            Self::Fork(index) if count > 0 => builder.fork(usize::from(index) % count),
            Self::Torn { size, kept } => {
                let size = usize::from(size % BODY_SIZE_MAX);
                builder.torn(&body(seed, size), usize::from(kept) % (HEAD_SIZE + size))
            }
            Self::Raw(ref bytes) => builder.raw(&bytes[..bytes.len().min(600)]),
            Self::Magic { other } => {
                let profile = PROFILES.into_iter().find(|profile| (*profile == so_far.profile) != other);
                builder.raw(&profile.unwrap_or_default().magic())
            }
            Self::Forged { ref op, ref commit, ref timestamp, ref parent, cluster, size } => {
                let last = so_far.entries.last().map_or(0, |last| last.op.0);
                let mut header = Header::new();
                header.op = op.near(last).into();
                header.commit = commit.near(last).into();
                header.timestamp = timestamp.near(last).into();
                header.parent = parent.of(&so_far);
                header.cluster = u128::from(cluster % 2).into();
                builder.sealed(header, &body(seed, usize::from(size % 64)))
            }
            Self::Real { first, count } => {
                let mut real = REAL;
                let mut builder = builder;
                for index in 0..usize::from(first) + usize::from(count % 8) {
                    let Some(entry) = Entry::from_prefix(real) else { break };
                    if index >= usize::from(first) {
                        builder = builder.sealed(entry.header, &entry.body);
                    }
                    real = &real[HEAD_SIZE + entry.body.len()..];
                }
                builder
            }
            Self::Nested { .. } | Self::Repeat { .. } | Self::Fork(_) => builder,
        }
    }
}

impl Number {
    /// The number, where the last entry has op `last`.
    fn near(&self, last: u64) -> u64 {
        match *self {
            Self::Next(step) => last.wrapping_add_signed(step.into()),
            Self::Low(value) => value.into(),
            Self::High(value) => u64::MAX - u64::from(value),
            Self::Any(value) => value,
        }
    }
}

impl Parent {
    fn of(&self, log: &Log) -> Checksum {
        let entry = match *self {
            Self::Last => log.entries.last(),
            Self::Entry(index) => log.entries.get(usize::from(index)),
            Self::Any(value) => return Checksum::new(value.into()),
        };
        entry.map_or(Checksum::ZERO, |entry| entry.checksum)
    }
}

impl Hurt {
    fn apply(&self, log: &Log, bytes: &mut Vec<u8>) {
        let range = |start: u16, size: u16| usize::from(start)..usize::from(start) + usize::from(size);
        let entry = |index: u8| log.entries.get(usize::from(index) % log.entries.len().max(1)).copied();
        let harm = match *self {
            Self::Byte { entry: index, at, value } => {
                let Some(entry) = entry(index) else { return };
                if let Some(byte) = bytes.get_mut(entry.offset + usize::from(at) % entry.size_disk) {
                    *byte = value;
                }
                return;
            }
            Self::Sealed { entry: index, at, value } => {
                let Some(entry) = entry(index) else { return };
                put(bytes, entry.offset, usize::from(at), value, Some(log.profile));
                return;
            }
            Self::SealedBody { entry: index, at, value } => {
                let Some(entry) = entry(index) else { return };
                if entry.size_disk > HEAD_SIZE && entry.end() <= bytes.len() {
                    let body = &mut bytes[entry.offset + HEAD_SIZE..entry.end()];
                    body[usize::from(at) % (entry.size_disk - HEAD_SIZE)] = value;
                    let checksum = log.profile.checksum(body).to_bytes();
                    let head = entry.offset + MAGIC_SIZE;
                    bytes[head + 32..head + 48].copy_from_slice(&checksum);
                    reseal(bytes, entry.offset, log.profile);
                }
                return;
            }
            Self::Rechain { entry: index } => {
                let first = usize::from(index) % log.entries.len().max(1);
                for pair in log.entries.get(first..).unwrap_or_default().windows(2) {
                    let [before, entry] = [pair[0].offset + MAGIC_SIZE, pair[1].offset + MAGIC_SIZE];
                    if pair[1].end() <= bytes.len() {
                        bytes.copy_within(before..before + 16, entry + 128);
                        reseal(bytes, pair[1].offset, log.profile);
                    }
                }
                return;
            }
            Self::Zeros(size) => {
                bytes.resize(bytes.len() + usize::from(size % 4_096), 0);
                return;
            }
            Self::SizeTo { entry: index, end, sealed } => {
                let (Some(from), Some(to)) = (entry(index), entry(end)) else { return };
                let Some(size) = to.end().checked_sub(from.offset + MAGIC_SIZE) else { return };
                let Ok(size) = u32::try_from(size) else { return };
                put(bytes, from.offset, 96, size, sealed.then_some(log.profile));
                return;
            }
            Self::Flip { bit } => Harm::Flip { bit: bit as usize % (bytes.len() * 8).max(1) },
            Self::Cut { size } => Harm::Cut { size: size.into() },
            Self::Zero { start, size } => Harm::Zero(range(start, size)),
            Self::Noise { start, size, seed } => Harm::Noise { range: range(start, size), seed: seed.into() },
            Self::Insert { at, bytes: ref inserted } => {
                Harm::Insert { at: at.into(), bytes: inserted.clone() }
            }
            Self::Delete { start, size } => Harm::Delete(range(start, size)),
            Self::CopyEntry { entry: index, before } => {
                let (Some(copied), Some(before)) = (entry(index), entry(before)) else { return };
                Harm::Copy { range: copied.range(), at: before.offset }
            }
            Self::Copy { start, size, at } => Harm::Copy { range: range(start, size), at: at.into() },
        };
        harm.apply(bytes);
    }
}

/// Puts four bytes into the header of the entry at `offset`, if it is there, and seals it.
fn put(bytes: &mut [u8], offset: usize, at: usize, value: u32, seal: Option<AnyProfile>) {
    if bytes.len() < offset + HEAD_SIZE || at > 252 {
        return;
    }
    let at = offset + MAGIC_SIZE + at;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    if let Some(profile) = seal {
        reseal(bytes, offset, profile);
    }
}
