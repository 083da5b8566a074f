//! A log cut at every byte: a crash, or a copy that stopped.

use crate::{SMALL_BODIES, read};
use aof_nostd::AnyProfile;
use aof_tests::build::{Builder, PROFILES};
use aof_tests::events::{damages, entry_offsets};

/// Whole entries before the cut are found; the rest is one torn tail, told with its offset.
fn assert_cut(log: &[u8], entries: &[usize], size: usize, profile: AnyProfile) {
    let seen = read(&log[..size], profile, &format_args!("cut after {size} bytes"));
    let whole = entries.partition_point(|end| *end <= size);
    let tail_at = if whole == 0 { 0 } else { entries[whole - 1] };
    assert_eq!(entry_offsets(&seen).len(), whole, "cut after {size} bytes");
    let expected: &[_] = if tail_at < size { &[(tail_at as u64, "torn-tail")] } else { &[] };
    assert_eq!(damages(&seen), expected, "cut after {size} bytes");
}

#[test]
fn torn_tail_is_reported_with_its_offset_at_every_cut() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[0, 1, 100]).repeat(1..2).gap(3).chain(&[33, 256, 0]).build();
        let ends: Vec<usize> = log.entries.iter().map(|entry| entry.end()).collect();
        for size in 0..=log.bytes.len() {
            assert_cut(&log.bytes, &ends, size, profile);
        }
    }
}

#[test]
fn torn_tail_of_a_replicas_file_is_reported_at_every_cut() {
    let profile = AnyProfile::default();
    let seen = read(SMALL_BODIES, profile, &"whole");
    let ends: Vec<usize> = seen.iter().map(|seen| usize::try_from(seen.end).unwrap()).collect();
    // The third entry is large: cut around its edges and behind it, where small ones follow.
    let large = ends[2];
    for size in (0..2_000).chain(large - 300..large + 4_096) {
        assert_cut(SMALL_BODIES, &ends, size, profile);
    }
}

#[test]
fn missing_bytes_of_a_torn_tail_are_those_cut_off() {
    use aof_nostd::DamageKind::TornTail;
    use aof_nostd::Entries;
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[50]).build().bytes;
        for size in 1..log.len() {
            let damage = Entries::new(&log[..size], profile).next().unwrap().unwrap_err();
            // Before the header is whole, nothing tells the body's size.
            let needed = if size < 272 { 272 } else { log.len() };
            assert_eq!(damage.kind, TornTail { missing: (needed - size) as u64 });
            assert_eq!(damage.op.is_some(), size >= 272);
        }
    }
}
