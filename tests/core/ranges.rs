//! Whole ranges of a log lost, overwritten, moved: whatever is not hit is found.

use crate::read;
use aof_tests::build::{Builder, Log, PROFILES};
use aof_tests::damage::{Harm, reorder};
use aof_tests::events::{damages, entry_offsets};
use aof_tests::random::Random;
use proptest::prelude::*;
use std::ops::Range;

fn log(profile: usize) -> Log {
    Builder::new(PROFILES[profile])
        .chain(&[0, 10, 300, 1_000])
        .repeat(0..2)
        .gap(5)
        .chain(&[77, 0, 500])
        .build()
}

/// The entries that share no byte with `range`.
fn untouched(log: &Log, range: &Range<usize>) -> Vec<usize> {
    let touched = |entry: Range<usize>| entry.start < range.end && range.start < entry.end;
    log.entries.iter().filter(|entry| !touched(entry.range())).map(|entry| entry.offset).collect()
}

/// The first entry found after the one that `range` begins in, once `range` is deleted.
fn first_after_deletion(log: &Log, range: Range<usize>) -> Option<usize> {
    let mut bytes = log.bytes.clone();
    Harm::Delete(range.clone()).apply(&mut bytes);
    let cut = log.entries.iter().find(|entry| entry.range().contains(&range.start)).unwrap();
    let found = entry_offsets(&read(&bytes, log.profile, &range));
    found.into_iter().filter(|offset| *offset > cut.offset).min()
}

/// The extent that the rest of the head of op 4 states ends with another entry in both cases: as many bytes are
/// gone as the entries of ops 1, 2 and 8 have, which are inside that extent now.
#[test]
fn extent_hides_entries_only_where_the_header_that_states_it_is_sealed() {
    for profile in [0, 1] {
        let log = log(profile);
        let size = log.entries[6].end() - log.entries[4].offset;
        let cut = log.entries[3];
        // Without a complete header nothing vouches for its size.
        let at = cut.offset + 116;
        assert_eq!(first_after_deletion(&log, at..at + size), Some(cut.end() - size));
        // With one, op 8 alone counts: op 9, at the extent's end, names it as its parent.
        let at = cut.offset + 274;
        assert_eq!(first_after_deletion(&log, at..at + size), Some(log.entries[6].offset - size));
    }
}

/// The entries that have to be found once `range` is deleted, where they were before.
///
/// What the header left of the cut entry covers is its content, but for the last linked run inside, if that
/// reaches over the end of the extent, or ends there and is linked on.
fn found_after_deletion(log: &Log, range: &Range<usize>) -> Vec<usize> {
    let cut = log.entries.iter().find(|entry| entry.range().contains(&range.start));
    let covered = match cut {
        Some(cut) if range.start >= cut.offset + 272 && range.start > cut.offset => cut.end(),
        _ => 0,
    };
    let size = range.len();
    let is_linked =
        |index: usize| index > 0 && log.entry(index).header.parent == log.entries[index - 1].checksum;
    let is_untouched = untouched(log, range);
    (0..log.entries.len())
        .filter(|index| is_untouched.contains(&log.entries[*index].offset))
        .filter(|index| {
            let entry = log.entries[*index];
            if entry.offset < range.start || entry.offset - size >= covered {
                return true;
            }
            let mut last = *index;
            while log.entries[last].end() - size < covered
                && last + 1 < log.entries.len()
                && is_linked(last + 1)
            {
                last += 1;
            }
            let end = log.entries[last].end() - size;
            end > covered || (end == covered && last + 1 < log.entries.len() && is_linked(last + 1))
        })
        .map(|index| log.entries[index].offset)
        .collect()
}

proptest! {
    #![proptest_config(crate::cases(96))]

    #[test]
    fn entries_outside_an_overwritten_range_are_found(
        profile in 0..2_usize,
        start in 0..4_000_usize,
        size in prop_oneof![1..40_usize, 1..3_000_usize],
        seed in any::<Option<u64>>(),
    ) {
        let log = log(profile);
        let range = start.min(log.bytes.len() - 1)..(start + size).min(log.bytes.len());
        let harm = match seed {
            Some(seed) => Harm::Noise { range: range.clone(), seed },
            None => Harm::Zero(range.clone()),
        };
        let mut bytes = log.bytes.clone();
        harm.apply(&mut bytes);
        let found = entry_offsets(&read(&bytes, log.profile, &harm));
        for offset in untouched(&log, &range) {
            prop_assert!(found.contains(&offset), "the entry at {} is lost by {:?}", offset, harm);
        }
    }

    #[test]
    fn entries_around_a_deleted_range_are_found(
        profile in 0..2_usize,
        start in 0..4_000_usize,
        size in prop_oneof![1..40_usize, 1..3_000_usize],
    ) {
        let log = log(profile);
        let range = start.min(log.bytes.len() - 1)..(start + size).min(log.bytes.len());
        let mut bytes = log.bytes.clone();
        Harm::Delete(range.clone()).apply(&mut bytes);
        let found = entry_offsets(&read(&bytes, log.profile, &range));
        for offset in found_after_deletion(&log, &range) {
            let now = if offset < range.start { offset } else { offset - range.len() };
            prop_assert!(found.contains(&now), "the entry at {} is lost behind {:?}", offset, range);
        }
    }

    #[test]
    fn entries_around_an_insertion_are_found(
        profile in 0..2_usize,
        at in 0..4_000_usize,
        size in 1..700_usize,
        seed in any::<u64>(),
    ) {
        let log = log(profile);
        let at = at.min(log.bytes.len());
        let mut bytes = log.bytes.clone();
        Harm::Insert { at, bytes: Random::new(seed).bytes(size) }.apply(&mut bytes);
        let found = entry_offsets(&read(&bytes, log.profile, &(at, size, seed)));
        for entry in log.entries.iter().filter(|entry| entry.end() <= at || at <= entry.offset) {
            let now = if entry.end() <= at { entry.offset } else { entry.offset + size };
            prop_assert!(found.contains(&now), "the entry at {} is lost", entry.offset);
        }
    }

    #[test]
    fn any_order_of_whole_entries_is_a_log_without_damage(
        profile in 0..2_usize,
        order in proptest::collection::vec(0..9_usize, 0..12),
    ) {
        let log = log(profile);
        let bytes = reorder(&log, &order);
        let seen = read(&bytes, log.profile, &order);
        prop_assert_eq!(damages(&seen), []);
        prop_assert_eq!(seen.len(), order.len());
    }

    #[test]
    fn any_damage_is_found_as_the_oracle_finds_it(
        profile in 0..2_usize,
        seed in any::<u64>(),
        count in 1..5_usize,
    ) {
        let log = log(profile);
        let mut random = Random::new(seed);
        let mut bytes = log.bytes;
        let mut harms = Vec::new();
        for _ in 0..count {
            let harm = Harm::random(&mut random, bytes.len());
            harm.apply(&mut bytes);
            harms.push(harm);
        }
        read(&bytes, log.profile, &harms);
    }
}

#[test]
fn every_zeroed_sector_costs_only_the_entries_in_it() {
    for profile in [0, 1] {
        let log = log(profile);
        for start in (0..log.bytes.len()).step_by(64) {
            let range = start..(start + 512).min(log.bytes.len());
            let mut bytes = log.bytes.clone();
            Harm::Zero(range.clone()).apply(&mut bytes);
            let found = entry_offsets(&read(&bytes, log.profile, &range));
            // An entry whose bytes were zero already is not hurt.
            assert!(untouched(&log, &range).iter().all(|offset| found.contains(offset)), "{range:?}");
        }
    }
}

#[test]
fn every_deleted_byte_costs_only_its_entry() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[5, 60, 7]).build();
        let [_, hit, behind] = log.entries[..] else { panic!("three entries") };
        for at in hit.range() {
            let mut bytes = log.bytes.clone();
            Harm::Delete(at..at + 1).apply(&mut bytes);
            let found = entry_offsets(&read(&bytes, profile, &at));
            assert_eq!(found, [0, behind.offset - 1], "byte {at} deleted");
        }
    }
}
