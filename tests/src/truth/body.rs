//! Bodies as an attacker makes them.

use super::{Plant, Truth, child};
use crate::build::{PROFILES, entry_bytes};
use crate::random::Random;
use aof_nostd::checksum::{AnyProfile, Checksum, Profile};
use aof_nostd::wire::{HEAD_SIZE, HEADER_SIZE, Header, MAGIC_SIZE};

/// The sizes of all bodies: everybody can guess them.
pub(super) struct Sizes {
    /// On disk; where `fixed` is none, of bodies without plants.
    disk: Vec<usize>,
    fixed: Option<usize>,
}

impl Sizes {
    pub(super) fn random(random: &mut Random, count: usize) -> Self {
        let fixed = match random.below(10) {
            0 => Some(HEAD_SIZE),
            1 => Some(512),
            2 | 3 => Some(1024),
            4 => Some(2048),
            5 => Some(4096),
            _ => None,
        };
        let large = random.one_in(3);
        let mut size = || match (fixed, random.below(8)) {
            (Some(fixed), _) => fixed,
            (None, 0) => HEAD_SIZE,
            (None, 7) if large => HEAD_SIZE + random.below(6_000),
            (None, _) => HEAD_SIZE + random.below(200),
        };
        Self { disk: (0..count).map(|_| size()).collect(), fixed }
    }
}

/// Makes the body of one entry.
pub(super) struct Maker<'a> {
    /// What is known: the entries below it.
    pub(super) truth: &'a Truth,
    /// What the first entry is a child of.
    pub(super) first: &'a Header,
    pub(super) sizes: &'a Sizes,
    pub(super) number: usize,
}

impl Maker<'_> {
    /// A body, and what was planted in it.
    pub(super) fn body(&self, density: usize, random: &mut Random) -> (Vec<u8>, Vec<Plant>) {
        let size = self.sizes.disk[self.number] - HEAD_SIZE;
        let chunks = match (density, random.below(4)) {
            (0, 0) | (1, 0..2) | (2, 0..3) | (3, _) => 1 + random.below(3),
            _ => 0,
        };
        let filler = Filler::random(random);
        let (mut body, mut plants) = (Vec::new(), Vec::new());
        if chunks == 0 {
            filler.fill(&mut body, size, self.truth.profile, random);
            return (body, plants);
        }
        let limit = self.sizes.fixed.map_or(16_000, |fixed| fixed - HEAD_SIZE);
        for _ in 0..chunks {
            let (what, chunk) = self.chunk(random);
            let gap = self.gap(body.len(), chunk.len(), random);
            if chunk.is_empty() || body.len() + gap + chunk.len() > limit {
                continue;
            }
            let to = body.len() + gap;
            filler.fill(&mut body, to, self.truth.profile, random);
            let start = HEAD_SIZE + body.len();
            plants.push(Plant { what, range: start..start + chunk.len() });
            body.extend(chunk);
        }
        let end = match self.sizes.fixed {
            Some(_) => limit,
            // Half of them end with what was planted: the next true entry follows it directly.
            None if random.one_in(2) => body.len() + random.below(300),
            None => body.len(),
        };
        if self.sizes.fixed.is_some() && random.one_in(2) && !plants.is_empty() {
            // The last chunk to the end, what was before it stays.
            let last = plants.len() - 1;
            let chunk = body.split_off(plants[last].range.start - HEAD_SIZE);
            filler.fill(&mut body, end - chunk.len(), self.truth.profile, random);
            plants[last].range = HEAD_SIZE + body.len()..HEAD_SIZE + end;
            body.extend(chunk);
        }
        filler.fill(&mut body, end, self.truth.profile, random);
        (body, plants)
    }

    /// How far behind the last chunk the next one begins.
    fn gap(&self, cursor: usize, size: usize, random: &mut Random) -> usize {
        match random.below(6) {
            0 | 1 => 0,
            // As if another entry had ended there.
            2 | 3 => {
                let other = self.sizes.disk[random.below(self.sizes.disk.len())];
                other.saturating_sub(HEAD_SIZE + cursor)
            }
            4 => {
                let limit = self.sizes.fixed.map_or(cursor + 400 + size, |fixed| fixed - HEAD_SIZE);
                random.below(limit.saturating_sub(cursor + size))
            }
            _ => random.below(100),
        }
    }

    /// The header that a forged entry names as its parent, most often that of the entry below this one.
    fn base(&self, random: &mut Random) -> (usize, &Header) {
        let back = match random.below(6) {
            0..3 => 0,
            3 => 1,
            _ => random.below(self.number + 1),
        };
        let known = self.number.saturating_sub(back);
        (known, known.checked_sub(1).map_or(self.first, |last| &self.truth.entries[last].header))
    }

    /// What is planted: what it is, and its bytes.
    fn chunk(&self, random: &mut Random) -> (String, Vec<u8>) {
        let profile = self.truth.profile;
        let other = PROFILES[usize::from(profile.magic() == PROFILES[0].magic())];
        match random.below(16) {
            0..5 => self.chain(random, profile),
            5 => self.copies_and_a_child(random),
            6 => {
                let mut header = child(self.base(random).1);
                header.cluster = 0xbad.into();
                ("another cluster's".into(), sealed(profile, header, b"another cluster"))
            }
            7 => {
                let (what, bytes) = self.chain(random, other);
                (format!("other profile's {what}"), bytes)
            }
            8 => {
                let mut header = child(self.base(random).1);
                header.op = (1_000 + random.below(3) as u64).into();
                header.parent = Checksum::new(random.next_u64().into());
                (format!("op {}", header.op), sealed(profile, header, b"far ahead"))
            }
            9 => {
                // An op that was there before, or would be next, of another parent.
                let mut header = child(self.base(random).1);
                header.op = (1 + random.below(self.number + 3) as u64).into();
                header.commit = 0.into();
                header.parent = Checksum::new(random.next_u64().into());
                (format!("op {} of no parent", header.op), sealed(profile, header, b"another parent"))
            }
            10 | 11 => self.head(random),
            12 => {
                let (what, mut head) = self.head(random);
                let at = MAGIC_SIZE + random.below(HEADER_SIZE);
                head[at] ^= 1 << random.below(8);
                (format!("broken {what}"), head)
            }
            13 => ("magics".into(), profile.magic().repeat(1 + random.below(30))),
            14 => {
                let (what, bytes) = self.chain(random, profile);
                (format!("magic and {what}"), [&profile.magic()[..], &bytes].concat())
            }
            _ => ("copies".into(), self.copies(self.base(random).0, random)),
        }
    }

    /// The last entries before the one with this number.
    fn copies(&self, known: usize, random: &mut Random) -> Vec<u8> {
        let first = known.saturating_sub(1 + random.below(4));
        self.truth.entries[first..known].iter().flat_map(|entry| entry.bytes.clone()).collect()
    }

    /// Forged entries, each the child of the one before, and the first of a true one; the last may be cut.
    fn chain(&self, random: &mut Random, profile: AnyProfile) -> (String, Vec<u8>) {
        let (mut known, base) = self.base(random);
        let first = base.op.get() + 1;
        let mut last = *base;
        let mut bytes = Vec::new();
        let most = if random.one_in(2) { 1 } else { 4 };
        for _ in 0..1 + random.below(most) {
            let mut header = child(&last);
            let truly = self.truth.entries.get(known).map(|entry| &entry.bytes[HEAD_SIZE..]);
            let body = match (truly, random.below(4)) {
                (Some(body), 0) if body.len() < 300 => {
                    header.timestamp = (header.timestamp.get() + 1).into();
                    body.to_vec()
                }
                (_, 1) => Vec::new(),
                (_, 2) => {
                    vec![7; self.sizes.disk[known.min(self.sizes.disk.len() - 1)].min(1_024) - HEAD_SIZE]
                }
                _ => {
                    let size = random.below(60);
                    random.bytes(size)
                }
            };
            header.request = (header.request.get() + 7_000).into();
            header.seal(&profile, &body).expect("small");
            bytes.extend(entry_bytes(profile, &header, &body));
            (last, known) = (header, known + 1);
        }
        let mut what = format!("ops {first} to {}", last.op);
        if random.one_in(5) {
            bytes.truncate(MAGIC_SIZE + random.below(bytes.len() - MAGIC_SIZE));
            what += " cut";
        }
        (what, bytes)
    }

    fn copies_and_a_child(&self, random: &mut Random) -> (String, Vec<u8>) {
        let (known, base) = self.base(random);
        let forged = sealed(self.truth.profile, child(base), b"forged");
        (format!("copies and op {}", base.op.get() + 1), [self.copies(known, random), forged].concat())
    }

    /// A sealed header that claims a size, and nothing of its body.
    fn head(&self, random: &mut Random) -> (String, Vec<u8>) {
        let profile = self.truth.profile;
        let (known, base) = self.base(random);
        let mut header = child(base);
        let size = self.sizes.disk[known.min(self.sizes.disk.len() - 1)];
        header.seal(&profile, &random.bytes(30)).expect("small");
        header.size = match random.below(6) {
            0 => u32::try_from(size).expect("small") - 16,
            // So many entries on, if all are as large as this one.
            1 => u32::try_from(size * (1 + random.below(4))).expect("small") - 16,
            2 => 1 << 20,
            3 => HEADER_SIZE as u32,
            4 => 20_000 + random.below(20_000) as u32,
            _ => HEADER_SIZE as u32 + random.below(1_500) as u32,
        }
        .into();
        header.checksum = profile.checksum(header.covered());
        let what = format!("head of op {} with size {}", header.op, header.size);
        (what, entry_bytes(profile, &header, b""))
    }
}

fn sealed(profile: AnyProfile, mut header: Header, body: &[u8]) -> Vec<u8> {
    header.request = (header.request.get() + 9_000).into();
    header.seal(&profile, body).expect("small");
    entry_bytes(profile, &header, body)
}

/// What is between what was planted.
enum Filler {
    Byte(u8),
    Noise,
    Magics,
}

impl Filler {
    fn random(random: &mut Random) -> Self {
        match random.below(8) {
            0 => Self::Magics,
            1 | 2 => Self::Noise,
            3 => Self::Byte(0),
            _ => Self::Byte(b'.'),
        }
    }

    /// Makes `body` so long.
    fn fill(&self, body: &mut Vec<u8>, size: usize, profile: AnyProfile, random: &mut Random) {
        while body.len() < size {
            match self {
                Self::Byte(byte) => body.resize(size, *byte),
                Self::Noise => body.extend(random.bytes(size - body.len())),
                Self::Magics => {
                    body.extend(&profile.magic()[..]);
                    body.truncate(size);
                }
            }
        }
    }
}
