//! Somebody stored a log in a log, or crashed and went on: which entries found inside the extent of a
//! damaged one belong to the log?

use crate::read;
use aof_nostd::AnyProfile;
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::damage::Harm;
use aof_tests::events::entry_offsets;

/// Three entries; the body of the second holds a log, with `before` and `after` bytes around it.
fn nested(profile: AnyProfile, before: usize, after: usize) -> Log {
    let inner = chain(profile, &[6, 0, 35]).bytes;
    let body = [&vec![1; before][..], &inner, &vec![2; after]].concat();
    Builder::new(profile).chain(&[4]).entry(&body).chain(&[12]).build()
}

#[test]
fn whole_entry_hides_the_log_in_its_body() {
    for profile in PROFILES {
        let log = nested(profile, 0, 0);
        assert_eq!(read(&log.bytes, profile, &"whole").len(), 3);
    }
}

#[test]
fn log_in_a_damaged_body_stays_hidden_at_every_flip() {
    for profile in PROFILES {
        for (before, after) in [(0, 0), (3, 0), (0, 9), (20, 1)] {
            let log = nested(profile, before, after);
            let [first, outer, last] = log.entries[..] else { panic!("three entries") };
            // Every bit of the head, one of each byte of the body.
            let body = outer.offset + 272;
            for bit in (outer.offset * 8..body * 8).chain((body * 8 + 5..outer.end() * 8).step_by(8)) {
                let mut bytes = log.bytes.clone();
                Harm::Flip { bit }.apply(&mut bytes);
                let found = entry_offsets(&read(&bytes, profile, &(before, after, bit)));
                assert_eq!(found, [first.offset, last.offset], "{before}, {after}, bit {bit}");
            }
        }
    }
}

#[test]
fn log_in_a_damaged_body_stays_hidden_when_whole_fields_are_lost() {
    for profile in PROFILES {
        let log = nested(profile, 5, 5);
        let [first, outer, last] = log.entries[..] else { panic!("three entries") };
        // Magic; both checksums; all of the header from `view` on; the body's first bytes.
        for field in [0..16, 16..32, 48..64, 16 + 104..272, 272..277] {
            let mut bytes = log.bytes.clone();
            Harm::Noise { range: outer.offset + field.start..outer.offset + field.end, seed: 8 }
                .apply(&mut bytes);
            let found = entry_offsets(&read(&bytes, profile, &field));
            assert_eq!(found, [first.offset, last.offset], "{field:?} lost");
        }
    }
}

#[test]
fn log_in_the_last_body_stays_hidden_unless_it_ends_with_the_file() {
    for profile in PROFILES {
        let inner = chain(profile, &[6, 0]).bytes;
        let log = Builder::new(profile).chain(&[4]).entry(&[&inner[..], b"."].concat()).build();
        let outer = log.entries[1];
        for at in [0, 16 + 3, 16 + 200, 272] {
            let mut bytes = log.bytes.clone();
            bytes[outer.offset + at] ^= 4;
            assert_eq!(entry_offsets(&read(&bytes, profile, &at)), [0], "byte {at}");
        }
    }
}

#[test]
fn entries_appended_behind_a_torn_piece_are_found_wherever_it_was_torn() {
    for profile in PROFILES {
        // The torn entry's extent ends before, inside and behind the entries that follow.
        for body in [vec![7; 20], vec![7; 700], vec![7; 3_000]] {
            for kept in 1..(272 + body.len()).min(1_100) {
                let log = Builder::new(profile).chain(&[4, 9]).torn(&body, kept).chain(&[100, 0, 60]).build();
                let found = entry_offsets(&read(&log.bytes, profile, &(body.len(), kept)));
                let all: Vec<usize> = log.entries.iter().map(|entry| entry.offset).collect();
                assert_eq!(found, all, "{} of {} bytes kept", kept, 272 + body.len());
            }
        }
    }
}

#[test]
fn entries_behind_a_torn_piece_are_found_where_its_extent_ends_exactly_between_two() {
    for profile in PROFILES {
        // Kept 300 bytes, then entries of 372 and 272: an extent of 672 ends exactly behind the first,
        // one of 944 behind both, where the next entry or the log's end is.
        for (body, follow) in [(400, &[100, 0, 60][..]), (672, &[100, 0, 60]), (672, &[100, 0])] {
            let log = Builder::new(profile).chain(&[4]).torn(&vec![7; body], 300).chain(follow).build();
            let found = entry_offsets(&read(&log.bytes, profile, &(body, follow)));
            let all: Vec<usize> = log.entries.iter().map(|entry| entry.offset).collect();
            assert_eq!(found, all, "a body of {body} bytes torn");
        }
    }
}

#[test]
fn second_torn_piece_does_not_hide_what_follows_the_first() {
    for profile in PROFILES {
        for kept in [1, 16, 100, 272, 290] {
            let log = Builder::new(profile)
                .chain(&[4])
                .torn(&[7; 50], kept)
                .torn(&[8; 500], kept + 9)
                .chain(&[3])
                .torn(&[9; 50], kept)
                .build();
            let found = entry_offsets(&read(&log.bytes, profile, &kept));
            assert_eq!(found, [0, log.entries[1].offset], "{kept} bytes kept");
        }
    }
}
