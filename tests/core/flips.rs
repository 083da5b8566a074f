//! A flip of every bit of a small log.

use crate::read;
use aof_tests::build::{Builder, Log, PROFILES};
use aof_tests::damage::Harm;
use aof_tests::events::{damages, entry_offsets};

/// The kind of damage that a flip of the byte `at` of an entry is: the first rule that it breaks.
const fn kind(at: usize) -> &'static str {
    match at {
        0..16 => "magic",
        16..272 => "header-checksum",
        _ => "body-checksum",
    }
}

/// Every entry but the one hit is found, and that one is told with offset and kind.
fn assert_flips(log: &Log) {
    for bit in 0..log.bytes.len() * 8 {
        let mut bytes = log.bytes.clone();
        Harm::Flip { bit }.apply(&mut bytes);
        let seen = read(&bytes, log.profile, &format_args!("bit {bit}"));
        let hit = &log.entries[log.index_at(bit / 8).unwrap()];
        assert_eq!(damages(&seen), [(hit.offset as u64, kind(bit / 8 - hit.offset))], "bit {bit}");
        let others: Vec<usize> =
            log.entries.iter().map(|entry| entry.offset).filter(|offset| *offset != hit.offset).collect();
        assert_eq!(entry_offsets(&seen), others, "bit {bit}");
    }
}

#[test]
fn flip_of_any_bit_costs_only_the_entry_that_it_hits() {
    for profile in PROFILES {
        assert_flips(&Builder::new(profile).chain(&[0, 40, 1]).repeat(1..2).gap(7).chain(&[16]).build());
    }
}

#[test]
fn flip_in_a_log_of_one_entry_is_reported() {
    for profile in PROFILES {
        assert_flips(&Builder::new(profile).chain(&[9]).build());
    }
}

#[test]
fn flips_in_two_neighbours_cost_both_and_no_other() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[3, 20, 30, 4]).build();
        let [first, second] = [1, 2].map(|index| log.entries[index]);
        // The magic, the size, another field of the header, the body.
        for at in [5, 16 + 97, 16 + 230, 275] {
            for and in [5, 16 + 97, 16 + 230, 275] {
                let mut bytes = log.bytes.clone();
                bytes[first.offset + at] ^= 0x10;
                bytes[second.offset + and] ^= 0x10;
                let seen = read(&bytes, profile, &(at, and));
                assert_eq!(entry_offsets(&seen), [0, log.entries[3].offset], "{at}, {and}");
            }
        }
    }
}
