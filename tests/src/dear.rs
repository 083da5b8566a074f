//! Logs made to be dear: what somebody would write who wants a reader to take long.
//!
//! Each kind is a pattern that goes on for any number of bytes, so that the cost of twice the bytes can be
//! compared. Where a log needs wrong bodies, wrong chains or forged headers, their checksums are right.

use crate::build::{Builder, body, entry_bytes, reseal, set_size};
use aof_nostd::wire::{HEAD_SIZE, Header};
use aof_nostd::{AnyProfile, Checksum, Profile};

/// A kind: its name, and the log of about so many bytes, whose size limit is the third argument.
pub type Kind = (&'static str, fn(AnyProfile, usize, u32) -> Vec<u8>);

/// All kinds. The first is a sound log, to compare with.
pub const KINDS: [Kind; 22] = [
    ("sound", |profile, size, _| chain_of(profile, size, 256)),
    ("zeros", |_, size, _| vec![0; size]),
    ("magics", |profile, size, _| repeat(&profile.magic(), size)),
    ("hungry heads", |profile, size, limit| repeat(&head(profile, limit), size)),
    ("one byte further", one_byte_further),
    ("bad bodies", bad_bodies),
    ("broken heads, magics", |profile, size, limit| broken_heads(profile, size, limit, HEAD_SIZE)),
    ("broken heads, dense", |profile, size, limit| broken_heads(profile, size, limit, 16)),
    ("broken heads, far", broken_heads_far),
    ("broken frames", broken_frames),
    ("heads in heads", heads_in_heads),
    ("overlapping heads", overlapping_heads),
    ("linked, overlapping", linked_overlapping),
    ("near-chains", near_chains),
    ("every other damaged", every_other_damaged),
    ("nested", nested),
    ("forks", forks),
    ("gaps", gaps),
    ("islands, one parent", islands),
    ("repeats, damaged", repeats),
    ("two clusters", two_clusters),
    ("ops at the top", ops_at_the_top),
];

fn repeat(bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(size).collect()
}

/// A sealed head that claims `size` bytes and has none.
fn head(profile: AnyProfile, size: u32) -> Vec<u8> {
    let mut bytes = forged(profile, 1, Checksum::ZERO, 0, &[]);
    set_size(&mut bytes, 0, size);
    reseal(&mut bytes, 0, profile);
    bytes
}

/// An entry with this op, parent and timestamp.
fn forged(profile: AnyProfile, op: u64, parent: Checksum, timestamp: u64, body: &[u8]) -> Vec<u8> {
    let mut header = Header { op: op.into(), parent, timestamp: timestamp.into(), ..Header::new() };
    header.seal(&profile, body).expect("the body fits a size");
    entry_bytes(profile, &header, body)
}

/// Entries by their number, as many as have `size` bytes.
fn entries(size: usize, mut entry: impl FnMut(u64) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + HEAD_SIZE);
    let mut number = 0;
    while bytes.len() < size {
        bytes.extend(entry(number));
        number += 1;
    }
    bytes
}

fn chain_of(profile: AnyProfile, size: usize, body_size: usize) -> Vec<u8> {
    let mut parent = Checksum::ZERO;
    let body = body(1, body_size);
    entries(size, |number| {
        let entry = forged(profile, number + 1, parent, number, &body);
        parent = checksum(&entry);
        entry
    })
}

/// The checksum of the entry that stands at the first of `bytes`.
fn checksum(bytes: &[u8]) -> Checksum {
    aof_nostd::Entry::from_prefix(bytes).expect("it is whole").header.checksum
}

/// Whole headers whose size leads one byte behind the next entry.
fn one_byte_further(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    entries(size, |number| {
        let mut entry = forged(profile, number + 1, Checksum::ZERO, 0, &[7; 240]);
        set_size(&mut entry, 0, 256 + 241);
        reseal(&mut entry, 0, profile);
        entry
    })
}

/// A chain of whole headers with wrong bodies of a KiB: where each should end, the next one stands.
fn bad_bodies(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    let mut bytes = chain_of(profile, size, 1_024);
    for entry in bytes.chunks_mut(HEAD_SIZE + 1_024) {
        if let Some(byte) = entry.get_mut(HEAD_SIZE) {
            *byte ^= 1;
        }
    }
    bytes
}

/// Broken heads, each a magic and whatever follows in `apart` bytes full of magics; then an entry. Each looks
/// as if its `size` alone were wrong, so that every start within the limit may be its end.
fn broken_heads(profile: AnyProfile, size: usize, _limit: u32, apart: usize) -> Vec<u8> {
    let magics = repeat(&profile.magic(), apart);
    entries(size, |number| [&magics[..], &forged(profile, number + 1, Checksum::ZERO, 0, &[])].concat())
}

/// As dense broken heads, but the free fields of each entry hold magics too, and each broken head claims `limit` bytes:
/// its `size` is the low word of the entry's cluster.
fn broken_heads_far(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    let magic = profile.magic();
    entries(size, |number| {
        let mut header = Header { op: (number + 1).into(), ..Header::new() };
        header.cluster = u128::from(limit).into();
        header.parent = Checksum::from_bytes(magic);
        header.request_checksum = header.parent;
        header.checkpoint_id = header.parent;
        header.client = u128::from_le_bytes(magic).into();
        header.seal(&profile, &[]).expect("the body fits a size");
        [&magic[..], &entry_bytes(profile, &header, &[])].concat()
    })
}

/// Heads of which nothing but the checksum is wrong, and between them entries: each may have a damaged size.
fn broken_frames(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    let mut broken = head(profile, limit);
    broken[16] ^= 1;
    entries(size, |number| [&broken[..], &forged(profile, number + 1, Checksum::ZERO, 0, &[])].concat())
}

/// Sealed heads that claim `limit` bytes, one every 224: each next one begins in the client field of the one before,
/// whose op and commit are then its checksum.
fn heads_in_heads(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    const PITCH: usize = 224;
    let count = size / PITCH;
    let mut bytes = vec![0; count * PITCH + HEAD_SIZE];
    let mut chosen = 0_u64;
    for index in (0..count).rev() {
        let at = index * PITCH;
        bytes[at..at + 16].copy_from_slice(&profile.magic());
        bytes[at + 16..at + PITCH].fill(0);
        if index + 1 == count {
            bytes[at + 16 + 224] = 5; // op 5, commit 0
        }
        bytes[at + 16 + 114] = 6;
        set_size(&mut bytes, at, limit);
        loop {
            chosen += 1;
            bytes[at + 48..at + 56].copy_from_slice(&chosen.to_le_bytes()); // the body's checksum
            reseal(&mut bytes, at, profile);
            let number = |from: usize| {
                u64::from_le_bytes(bytes[at + from..at + from + 8].try_into().expect("8 bytes"))
            };
            // What the head before takes for its op and its commit.
            if number(16) > number(24) {
                break;
            }
        }
    }
    bytes
}

/// Small sealed entries with wrong bodies, each with a sealed head inside that claims up to `limit` bytes and is not
/// complete: does it reach over the end of the one it is in?
fn overlapping_heads(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    let sizes = [limit, limit.min(8_000), limit.min(18_000)];
    entries(size, |number| {
        let inner = head(profile, sizes[(number % 3) as usize]);
        let mut outer = forged(profile, number + 1, Checksum::ZERO, 0, &[&inner[..], &[7; 8]].concat());
        if let Some(byte) = outer.last_mut() {
            *byte ^= 1;
        }
        outer
    })
}

/// The same, and where each of those heads claims to end stands a child of it.
fn linked_overlapping(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    const PITCH: usize = 2 * HEAD_SIZE + 8;
    // The head inside claims to end where one further on begins.
    let far = (limit as usize / PITCH).max(1);
    let mut parents = vec![Checksum::ZERO; far];
    let mut bytes = Vec::with_capacity(size + PITCH);
    let mut number = 0;
    while bytes.len() < size {
        let slot = number % far;
        let mut inner = forged(profile, number as u64 + 1, parents[slot], 0, &[]);
        let claimed = u32::try_from((far * PITCH).min(limit as usize) - 16).expect("within the limit");
        set_size(&mut inner, 0, claimed);
        reseal(&mut inner, 0, profile);
        parents[slot] = Checksum::from_bytes(inner[16..32].try_into().expect("16 bytes"));
        let mut outer =
            forged(profile, number as u64 + 1, Checksum::ZERO, 1, &[&inner[..], &[7; 8]].concat());
        outer[PITCH - 1] ^= 1;
        bytes.extend(outer);
        number += 1;
    }
    bytes
}

/// Wrong bodies, each a chain of entries that arrives exactly at the body's end and is not linked there.
fn near_chains(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    let inner = (limit as usize).min(size) / HEAD_SIZE - 1;
    let inner = Builder::new(profile).chain(&vec![0; inner]).build().bytes;
    let mut outer = forged(profile, 1, Checksum::ZERO, 0, &inner);
    let at = 32 + 16;
    outer[at] ^= 1; // the body's checksum
    reseal(&mut outer, 0, profile);
    repeat(&outer, size)
}

fn every_other_damaged(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    let mut bytes = chain_of(profile, size, 0);
    for entry in bytes.chunks_mut(2 * HEAD_SIZE) {
        entry[40] ^= 1;
    }
    bytes
}

/// Entries that each hold entries, which hold entries; the outer ones are damaged.
fn nested(profile: AnyProfile, size: usize, limit: u32) -> Vec<u8> {
    let mut inner = Vec::new();
    while inner.len() + 2 * HEAD_SIZE < (limit as usize).min(16 << 10) {
        inner = forged(profile, 1, Checksum::ZERO, inner.len() as u64, &inner);
    }
    // In each of the nested heads: the body's checksum.
    let mut at = 0;
    while at + HEAD_SIZE <= inner.len() {
        inner[at + 48] ^= 1;
        reseal(&mut inner, at, profile);
        at += HEAD_SIZE;
    }
    repeat(&inner, size)
}

fn forks(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    entries(size, |number| forged(profile, 1, Checksum::ZERO, number, &[]))
}

fn gaps(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    entries(size, |number| forged(profile, 2 * number + 1, Checksum::ZERO, number, &[]))
}

/// One entry again and again with damage between, then as many children of it, one as good as the other.
fn islands(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    let first = forged(profile, 4, Checksum::ZERO, 0, &[]);
    let parent = checksum(&first);
    let mut bytes = repeat(&[&first[..], &[0xa5; 16]].concat(), size / 2);
    bytes.extend(entries(size / 2, |number| forged(profile, 5, parent, number, &[])));
    bytes
}

/// One entry again and again with damage between.
fn repeats(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    repeat(&[&forged(profile, 1, Checksum::ZERO, 0, &[])[..], &[0xa5; 16]].concat(), size)
}

fn two_clusters(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    entries(size, |number| {
        let mut header = Header { op: (number + 1).into(), ..Header::new() };
        header.cluster = u128::from(number % 2).into();
        header.seal(&profile, &[]).expect("the body fits a size");
        entry_bytes(profile, &header, &[])
    })
}

fn ops_at_the_top(profile: AnyProfile, size: usize, _limit: u32) -> Vec<u8> {
    entries(size, |number| forged(profile, u64::MAX - number, Checksum::ZERO, 0, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::PROFILES;
    use crate::events::{by_entries, damages};
    use aof_nostd::Checker;

    /// What makes each kind dear is there: damage of the right kind in the right number.
    #[test]
    fn kinds_hold_what_their_names_say() {
        for profile in PROFILES {
            let limit = 4_096;
            for (name, make) in KINDS {
                let log = make(profile, 16 << 10, limit);
                let seen = by_entries(&log, Checker::new(profile).with_message_size_max(limit));
                let entries = seen.iter().filter(|seen| seen.is_entry()).count();
                let damages = damages(&seen);
                let (entries_min, damage) = match name {
                    "sound" => (31, ""),
                    "forks" | "gaps" | "two clusters" | "ops at the top" => (61, ""),
                    "zeros" => (0, "magic"),
                    "magics" => (0, "header-checksum"),
                    "hungry heads"
                    | "one byte further"
                    | "bad bodies"
                    | "near-chains"
                    | "nested"
                    | "heads in heads"
                    | "overlapping heads"
                    | "linked, overlapping" => (0, "body-checksum"),
                    _ => (
                        20,
                        if name.starts_with("islands") || name.starts_with("repeats") {
                            "magic"
                        } else {
                            "header-checksum"
                        },
                    ),
                };
                assert!(entries >= entries_min, "{name}: {entries} entries");
                assert_eq!(damages.first().map_or("", |damage| damage.1), damage, "{name}");
            }
        }
    }
}
