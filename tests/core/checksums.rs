//! Checksums against code that is not ours: every size, every backend, any pieces.
#![allow(unsafe_code, reason = "`Backend::hardware` wants somebody to vouch for the CPU")]

use aof_nostd::checksum::{AnyProfile, Backend, Checksum, Crc64, Hasher, Profile};
use aof_nostd::{Crc, TigerBeetle};
use aof_tests::build::body;
use aof_tests::oracle;
use aof_tests::random::Random;
use proptest::prelude::*;

/// Every backend that runs here.
fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend::SOFTWARE, Backend::compiled()];
    backends.extend(hardware());
    backends
}

#[cfg(target_arch = "x86_64")]
fn hardware() -> Option<Backend> {
    let detected = is_x86_feature_detected!("aes") && is_x86_feature_detected!("avx");
    // SAFETY: the CPU was asked for both features.
    if detected { unsafe { Backend::hardware() } } else { None }
}

#[cfg(target_arch = "aarch64")]
fn hardware() -> Option<Backend> {
    let detected =
        std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("neon");
    // SAFETY: the CPU was asked for both features.
    if detected { unsafe { Backend::hardware() } } else { None }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn hardware() -> Option<Backend> {
    Backend::hardware()
}

/// The checksum of `bytes`, given in pieces of random sizes, empty ones among them.
fn in_pieces<P: Profile>(profile: &P, bytes: &[u8], random: &mut Random) -> Checksum {
    let mut hasher = profile.hasher();
    let mut rest = bytes;
    while !rest.is_empty() {
        let bound = [2, 40, 300, 5_000][random.below(4)];
        let (piece, behind) = rest.split_at(random.below(bound).min(rest.len()));
        hasher.update(piece);
        rest = behind;
    }
    hasher.finish()
}

fn assert_checksums(bytes: &[u8], random: &mut Random) {
    let expected = Checksum::new(oracle::aegis128l(bytes));
    for backend in backends() {
        let profile = TigerBeetle::new(backend);
        assert_eq!(profile.checksum(bytes), expected, "{backend:?}, {} bytes", bytes.len());
        assert_eq!(in_pieces(&profile, bytes, random), expected, "{backend:?}, {} bytes", bytes.len());
        assert_eq!(AnyProfile::from(profile).checksum(bytes), expected);
        assert_eq!(in_pieces(&AnyProfile::from(profile), bytes, random), expected);
    }
    let expected = Checksum::new(oracle::crc64(bytes));
    assert_eq!(Crc.checksum(bytes), expected, "CRC-64, {} bytes", bytes.len());
    assert_eq!(in_pieces(&Crc, bytes, random), expected, "CRC-64, {} bytes", bytes.len());
    assert_eq!(AnyProfile::from(Crc).checksum(bytes), expected);
}

#[test]
fn checksums_of_every_small_size_are_the_oracles() {
    let mut random = Random::new(1);
    for size in 0..=600 {
        assert_checksums(&body(size as u64, size), &mut random);
        assert_checksums(&vec![0; size], &mut random);
    }
}

#[test]
fn checksums_do_not_depend_on_where_the_bytes_stand_in_memory() {
    let bytes = body(2, 1_000);
    for start in 0..64 {
        let piece = &bytes[start..start + 700];
        let expected = Checksum::new(oracle::aegis128l(piece));
        for backend in backends() {
            assert_eq!(TigerBeetle::new(backend).checksum(piece), expected, "{backend:?} at {start}");
        }
        assert_eq!(Crc.checksum(piece).get(), oracle::crc64(piece), "CRC-64 at {start}");
    }
}

#[test]
fn checksums_of_the_largest_body_are_the_oracles() {
    assert_checksums(&body(3, (1 << 20) - 256), &mut Random::new(4));
}

proptest! {
    #![proptest_config(crate::cases(64))]

    #[test]
    fn checksums_of_any_bytes_in_any_pieces_are_the_oracles(
        bytes in proptest::collection::vec(any::<u8>(), 0..6_000),
        seed in any::<u64>(),
    ) {
        assert_checksums(&bytes, &mut Random::new(seed));
    }
}

/// One number for 602 checksums: it changes if any of them does, also together with the oracle.
fn digest(checksum: impl Fn(&[u8]) -> Checksum) -> Checksum {
    let mut all = Vec::new();
    for size in 0..=600 {
        let bytes: Vec<u8> = (0..size).map(|i: u32| (i * 31 + size).to_le_bytes()[0]).collect();
        all.extend(checksum(&bytes).to_bytes());
    }
    checksum(&all)
}

#[test]
fn checksums_never_change() {
    for backend in backends() {
        let digest = digest(|bytes| TigerBeetle::new(backend).checksum(bytes));
        assert_eq!(digest.to_string(), "2d206d6d4070c530ee57b442b203198f", "{backend:?}");
    }
    let digest = digest(|bytes| {
        let mut hasher = Crc64::new();
        hasher.update(bytes);
        hasher.finish()
    });
    assert_eq!(digest.to_string(), "000000000000000022b87c3d2a5759bc");
}
