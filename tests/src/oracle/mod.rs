//! A reader that is slow and obvious: it has the whole log in memory, tries every byte offset, and does
//! each check in plain code. It shares nothing with the readers of `aof-nostd` but the numbers of the
//! format, which it states once more, and tells what they should find.
//!
//! Time: for each damage, all of the log behind it. Memory: the log.

mod checksum;
mod resume;

pub use self::checksum::{aegis128l, crc64};

use crate::events::{Found, Seen};
use aof_nostd::checksum::{AnyProfile, Backend};

/// The magics as numbers: TigerBeetle's, ours with CRC-64, TigerBeetle's before 0.16.21.
const MAGIC_TIGERBEETLE: u128 = 0x00bc_d8d3_fee4_0611_9ed1_92c4_f4c4_fc82;
const MAGIC_CRC: u128 = 0x008e_bc7b_1c91_bd3b_41aa_de69_9591_e87e;

const MAGIC_SIZE: usize = 16;
const HEADER_SIZE: usize = 256;
const HEAD_SIZE: usize = MAGIC_SIZE + HEADER_SIZE;

/// The default limit of a header's `size`.
pub const MESSAGE_SIZE_MAX: u32 = 1 << 20;

/// Reads logs of one profile, up to a size limit.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    magic: u128,
    checksum: fn(&[u8]) -> u128,
    message_size_max: u32,
}

/// What stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A whole entry.
    Whole {
        /// Its bytes: magic, header and body.
        size_disk: usize,
        /// Its number.
        op: u64,
        /// Its identity.
        checksum: u128,
    },
    /// Damage.
    Damaged {
        /// The stable name of the first rule broken.
        kind: &'static str,
        /// The op, where the header can be trusted.
        op: Option<u64>,
        /// Missing bytes of a torn tail, else 0.
        missing: u64,
    },
}

impl Oracle {
    /// An oracle for logs of `profile`.
    #[must_use]
    pub fn new(profile: impl Into<AnyProfile>, message_size_max: u32) -> Self {
        let (magic, checksum): (_, fn(&[u8]) -> u128) = match profile.into() {
            AnyProfile::TigerBeetle(_) => (MAGIC_TIGERBEETLE, aegis128l),
            AnyProfile::Crc(_) => (MAGIC_CRC, crc64),
        };
        Self { magic, checksum, message_size_max }
    }

    /// What stands at `offset`, which is inside the log.
    #[must_use]
    pub fn look(&self, log: &[u8], offset: usize) -> Verdict {
        let bytes = &log[offset..];
        let damaged = |kind, op, missing| Verdict::Damaged { kind, op, missing };
        let magic = self.magic.to_le_bytes();
        if bytes.len() < HEAD_SIZE {
            let seen = bytes.len().min(MAGIC_SIZE);
            return if bytes[..seen] == magic[..seen] {
                damaged("torn-tail", None, (HEAD_SIZE - bytes.len()) as u64)
            } else {
                damaged("magic", None, 0)
            };
        }
        let whole = self.header_is_whole(bytes);
        let op = u64::from_le_bytes(field(bytes, 224));
        let known_op = whole.then_some(op);
        if bytes[..MAGIC_SIZE] != magic {
            return damaged("magic", known_op, 0);
        }
        if !whole {
            return damaged("header-checksum", None, 0);
        }
        if !self.frame_is_right(bytes) {
            return damaged("header-invalid", known_op, 0);
        }
        let size_disk = MAGIC_SIZE + size(bytes) as usize;
        if size_disk > bytes.len() {
            return damaged("torn-tail", known_op, (size_disk - bytes.len()) as u64);
        }
        if (self.checksum)(&bytes[HEAD_SIZE..size_disk]) != number(bytes, 32) {
            return damaged("body-checksum", known_op, 0);
        }
        Verdict::Whole { size_disk, op, checksum: number(bytes, 0) }
    }

    /// Every whole entry at any byte of the log, those inside of bodies too: offset and size.
    #[must_use]
    pub fn everywhere(&self, log: &[u8]) -> Vec<(usize, usize)> {
        (0..log.len())
            .filter_map(|offset| match self.look(log, offset) {
                Verdict::Whole { size_disk, .. } => Some((offset, size_disk)),
                Verdict::Damaged { .. } => None,
            })
            .collect()
    }

    /// What reading the log from its first byte to its last finds.
    #[must_use]
    pub fn read(&self, log: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut offset = 0;
        while offset < log.len() {
            let (next, found) = match self.look(log, offset) {
                Verdict::Whole { size_disk, op, checksum } => {
                    (offset + size_disk, Found::Entry { op, checksum })
                }
                Verdict::Damaged { kind, op, missing } => {
                    (self.resume(log, offset), Found::Damage { kind, op, missing })
                }
            };
            seen.push(Seen { offset: offset as u64, end: next as u64, found });
            offset = next;
        }
        seen
    }

    /// Whether a magic and a right header stand at the first of `bytes`.
    fn starts(&self, bytes: &[u8]) -> bool {
        bytes.len() >= HEAD_SIZE
            && bytes.starts_with(&self.magic.to_le_bytes())
            && self.header_is_whole(bytes)
            && self.frame_is_right(bytes)
    }

    fn header_is_whole(&self, bytes: &[u8]) -> bool {
        (self.checksum)(&bytes[MAGIC_SIZE + 16..HEAD_SIZE]) == number(bytes, 0)
    }

    fn size_is_right(&self, size: u32) -> bool {
        size >= 256 && size <= self.message_size_max
    }

    /// The rules of the frame, field by field.
    fn frame_is_right(&self, bytes: &[u8]) -> bool {
        let zero = |offset: usize, size: usize| {
            bytes[MAGIC_SIZE + offset..MAGIC_SIZE + offset + size].iter().all(|byte| *byte == 0)
        };
        let op = u64::from_le_bytes(field(bytes, 224));
        let commit = u64::from_le_bytes(field(bytes, 232));
        self.size_is_right(size(bytes))
            && bytes[MAGIC_SIZE + 114] == 6
            && [(16, 16), (48, 16), (64, 16), (100, 4), (112, 2), (116, 12), (144, 16), (176, 16), (253, 3)]
                .into_iter()
                .all(|(offset, size)| zero(offset, size))
            && op > 0
            && commit < op
    }
}

/// The profile that a log of unknown kind is read in: that of the magic it starts with, else the one in which the
/// header after it is whole, else that of the first start found anywhere, else TigerBeetle's.
#[must_use]
pub fn detect(log: &[u8]) -> AnyProfile {
    let profiles = AnyProfile::all(Backend::SOFTWARE);
    let oracle = |profile: &AnyProfile| Oracle::new(*profile, u32::MAX - 16);
    let by_magic = profiles.into_iter().find(|profile| log.starts_with(&oracle(profile).magic.to_le_bytes()));
    let is_sealed = |profile: &AnyProfile| log.len() >= HEAD_SIZE && oracle(profile).header_is_whole(log);
    by_magic.or_else(|| profiles.into_iter().find(is_sealed)).unwrap_or_else(|| {
        let [tigerbeetle, crc] = profiles;
        let first = |profile| {
            let oracle = oracle(profile);
            (0..log.len()).find(|offset| oracle.starts(&log[*offset..])).unwrap_or(usize::MAX)
        };
        if first(&crc) < first(&tigerbeetle) { crc } else { tigerbeetle }
    })
}

/// The header's field at `offset`.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let at = MAGIC_SIZE + offset;
    bytes[at..at + N].try_into().expect("N bytes")
}

fn number(bytes: &[u8], offset: usize) -> u128 {
    u128::from_le_bytes(field(bytes, offset))
}

fn size(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(field(bytes, 96))
}
