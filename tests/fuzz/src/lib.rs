//! What the fuzz targets share: a fuzzer's bytes read as a recipe for a log.
//!
//! Random bytes never pass a checksum of 128 bits, so most of an input is a list of things to build and
//! of damage to do; the rest is raw bytes. Sizes are bounded: a log has at most some 40 KiB, so that the
//! oracle, which is slow, keeps up.

use aof_nostd::AnyProfile;
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_tests::build::{Builder, Log, PROFILES, body, reseal};
use aof_tests::damage::Harm;
use arbitrary::Arbitrary;

const PIECES_MAX: usize = 12;
const HARMS_MAX: usize = 6;
const BODY_SIZE_MAX: u16 = 1_500;

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
}

/// Damage, in places that matter more often than chance would have it.
#[derive(Arbitrary, Debug)]
enum Hurt {
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
}

impl Input {
    /// The log, and the profile that it is read in.
    #[must_use]
    pub fn log(self) -> (AnyProfile, Vec<u8>) {
        match self {
            Self::Raw { crc, bytes } => (PROFILES[usize::from(crc)], bytes),
            Self::Recipe(recipe) => {
                let log = recipe.build();
                let mut bytes = log.bytes.clone();
                for hurt in recipe.harms.iter().take(HARMS_MAX) {
                    hurt.apply(&log, &mut bytes);
                }
                (log.profile, bytes)
            }
        }
    }
}

impl Recipe {
    fn build(&self) -> Log {
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
                builder.raw(&aof_nostd::Profile::magic(&profile.unwrap_or_default()))
            }
            Self::Nested { .. } | Self::Repeat { .. } | Self::Fork(_) => builder,
        }
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
