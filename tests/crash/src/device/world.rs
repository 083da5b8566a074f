//! What a case has chosen: the device and its promise, the profile, the writer's bounds.

use super::cut::{Promise, REACH_EXTRA};
use super::mutant::Mutant;
use aof_nostd::storage::BLOCK_SIZE;
use aof_nostd::wire::{HEAD_SIZE, HEADER_SIZE};
use aof_nostd::{AnyProfile, Backend, Crc, Recovery, TigerBeetle};
use aof_tests::random::Random;

/// How the core reaches the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As `Read + Write + Seek + Sync`.
    Bytes,
    /// As a `BlockDevice` under `Blocks`.
    Sectors {
        /// The cache: 1, 2 or 4 sectors.
        cached: usize,
    },
}

/// Everything that stays the same in a case.
#[derive(Clone, Debug)]
pub struct World {
    /// The device.
    pub kind: Kind,
    /// What it promises.
    pub promise: Promise,
    /// The log's profile.
    pub profile: AnyProfile,
    /// Bytes of the medium.
    pub capacity: usize,
    /// The writer's bound of unsynced entries.
    pub unsynced_max: u32,
    /// The largest body, bytes.
    pub body_size_max: usize,
    /// Bytes of the buffer that recovery gets.
    pub buffer_size: usize,
    /// Recovery may give up what a disk left that writes in any order.
    pub gives_up_leftovers: bool,
    /// Bodies may hold whole entries.
    pub nests: bool,
    /// What is broken.
    pub mutant: Option<Mutant>,
}

/// Both profiles, in the best backend that the CPU has.
#[must_use]
pub fn profiles() -> [AnyProfile; 2] {
    let backend: Backend = aof_std::backend();
    [AnyProfile::Crc(Crc), AnyProfile::TigerBeetle(TigerBeetle::new(backend))]
}

impl World {
    /// A world by chance.
    pub fn any(random: &mut Random, mutant: Option<Mutant>) -> Self {
        let kind = match random.below(5) {
            0 | 1 if mutant == Some(Mutant::SectorsSpoilt) => Kind::Sectors { cached: 4 },
            0 | 1 => Kind::Bytes,
            2 => Kind::Sectors { cached: 1 },
            3 => Kind::Sectors { cached: 2 },
            _ => Kind::Sectors { cached: 4 },
        };
        let ordered = random.one_in(2);
        // A log in a body is told from the log by the head before it, which must not be garbage then.
        let nests = ordered && random.one_in(3);
        let atomic = kind != Kind::Bytes && mutant != Some(Mutant::SectorsSpoilt);
        let promise = Promise { atomic, ordered, garbage: !nests && random.one_in(2) };
        let capacity = match kind {
            Kind::Bytes => 1_500 + random.below(7_000),
            Kind::Sectors { .. } => (3 + random.below(14)) * BLOCK_SIZE,
        };
        let [crc, aegis] = profiles();
        Self {
            kind,
            promise,
            profile: if random.one_in(2) { crc } else { aegis },
            capacity,
            unsynced_max: 1 + u32::try_from(random.below(6)).unwrap_or(0),
            body_size_max: 1_100,
            buffer_size: HEAD_SIZE + random.below(1_000),
            gives_up_leftovers: !ordered && !random.one_in(4),
            nests,
            mutant,
        }
    }

    /// The largest entry's `size`.
    #[must_use]
    pub fn message_size_max(&self) -> u32 {
        u32::try_from(HEADER_SIZE + self.body_size_max).unwrap_or(u32::MAX)
    }

    /// How the log's end is looked for. The reach is that of unsynced entries, up to the end of the sector
    /// that the last of them ends in.
    #[must_use]
    pub fn recovery(&self) -> Recovery<AnyProfile> {
        let entry_size_max = (HEAD_SIZE + self.body_size_max) as u64;
        let reach = match self.mutant {
            Some(Mutant::ReachTooShort) => 0,
            _ => u64::from(self.unsynced_max) * entry_size_max + REACH_EXTRA,
        };
        Recovery::new(self.profile)
            .with_message_size_max(self.message_size_max())
            .with_search_size_max(reach)
            .with_leftovers_max(if self.gives_up_leftovers { self.unsynced_max } else { 0 })
    }
}
