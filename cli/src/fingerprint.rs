//! Whether two entries are the same entry: [`Fingerprint`] and [`Digest`].
//!
//! Checksums find accidents. They do not bind: somebody who may choose 128 bytes of a body (8 in the CRC
//! profile) can change the rest of it and keep every checksum. So two entries with one checksum are copies of
//! each other only if their bytes are the same, and that is decided here and nowhere else.
//!
//! | | what it is | where it counts |
//! |---|---|---|
//! | [`Fingerprint`] | 8 bytes under a key that is drawn for this process, and that nobody else knows | within a process |
//! | [`Digest`] | BLAKE3, 32 bytes | in files: parts of a `verify`, the progress of a `recover` |
//!
//! The fingerprint is an AEGIS-128L tag of which the first 128 bytes absorbed are secret and random. These
//! are as many as the state has, and lead to each state with the same probability: what follows starts from a
//! state of which nobody knows anything. Two different entries have the same fingerprint with a probability of
//! one in 2^64, whoever made them; to try it again is another process with another key.

use aof_nostd::checksum::{Aegis128L, Hasher};
use aof_nostd::wire::{Entry, Header};
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The bytes of an entry, in eight bytes. Never printed, and no order of anything depends on it: it differs
/// from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Fingerprint([u8; 8]);

/// Bytes that determine the state of AEGIS-128L.
const KEY_SIZE: usize = 128;

/// A hasher that has absorbed the process's key, and nothing else.
static KEYED: OnceLock<Aegis128L> = OnceLock::new();

impl Fingerprint {
    /// The fingerprint of an entry: of its magic, header and body.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self::of_bytes(entry.as_bytes())
    }

    /// The fingerprint of an entry of which only the digest is known. To be compared with others that were made
    /// like this.
    #[must_use]
    pub fn of_digest(digest: &Digest) -> Self {
        Self::of_bytes(digest)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let tag = KEYED.get_or_init(|| keyed(&key())).keyed_digest(bytes).to_bytes();
        let [a, b, c, d, e, f, g, h, ..] = tag;
        Self([a, b, c, d, e, f, g, h])
    }
}

fn keyed(key: &[u8; KEY_SIZE]) -> Aegis128L {
    let mut hasher = Aegis128L::new(aof_std::backend());
    hasher.update(key);
    hasher
}

/// Secret and random: stretched from the 128 random bits of the operating system that the standard library
/// keys its hash maps with.
fn key() -> [u8; KEY_SIZE] {
    let mut stretched = blake3::Hasher::new();
    let random = RandomState::new();
    for number in 0..4_u64 {
        stretched.update(&random.hash_one(number).to_le_bytes());
    }
    let mut key = [0; KEY_SIZE];
    stretched.finalize_xof().fill(&mut key);
    key
}

/// The BLAKE3 digest of an entry: of its magic, header and body.
pub type Digest = [u8; 32];

/// The digest of an entry.
#[must_use]
pub fn digest(entry: &Entry) -> Digest {
    *blake3::hash(entry.as_bytes()).as_bytes()
}

/// The digest of entries in order: of those before, and the next one.
#[must_use]
pub fn chained(before: &Digest, header: &Header, body: &[u8]) -> Digest {
    let mut digest = blake3::Hasher::new();
    digest.update(before).update(header.as_bytes()).update(body); // the header tells where the body ends
    *digest.finalize().as_bytes()
}

/// A digest as it is written into files.
#[must_use]
pub fn hexadecimal(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_tests::build::{PROFILES, chain};

    #[test]
    fn fingerprint_differs_where_a_byte_differs() {
        for profile in PROFILES {
            let log = chain(profile, &[300]);
            let whole = Fingerprint::of(log.entry(0));
            assert_eq!(Fingerprint::of(log.entry(0)), whole);
            for at in (0..log.bytes.len()).filter(|at| !(112..116).contains(at)) {
                let mut bytes = log.bytes.clone();
                bytes[at] ^= 0x80;
                let other = Entry::from_prefix(&bytes).unwrap();
                assert_ne!(Fingerprint::of(other), whole, "byte {at}");
                assert_ne!(digest(other), digest(log.entry(0)), "byte {at}");
            }
        }
    }

    #[test]
    fn another_key_gives_another_fingerprint() {
        let (one, other) = (key(), key());
        assert_ne!(one, other);
        let of = |key| keyed(&key).keyed_digest(b"entry");
        assert_ne!(of(one), of(other));
        assert_eq!(of(one), of(one));
    }
}
