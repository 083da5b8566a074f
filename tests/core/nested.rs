//! Somebody stored a log in a log, or a writer crashed and appended more: which entries found inside the extent
//! of a damaged one belong to the log?

use crate::read;
use aof_nostd::AnyProfile;
use aof_tests::build::{Builder, Log, PROFILES, chain, reseal, set_size};
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
fn log_in_the_last_body_stays_hidden_where_a_checksum_vouches_for_its_size() {
    for profile in PROFILES {
        let inner = chain(profile, &[6, 0]).bytes;
        // The log in the body ends with the file, or before it.
        for rest in [&b""[..], b"."] {
            let log = Builder::new(profile).chain(&[4]).entry(&[&inner[..], rest].concat()).build();
            let outer = log.entries[1];
            // The magic, one bit of the size, the body: the size is proven.
            for at in [0, 16 + 96, 16 + 97, 272] {
                let mut bytes = log.bytes.clone();
                bytes[outer.offset + at] ^= 4;
                assert_eq!(entry_offsets(&read(&bytes, profile, &at)), [0], "byte {at}");
            }
            // Its end is torn off: the same.
            for size in outer.offset + 272 + 1..log.bytes.len() {
                assert_eq!(
                    entry_offsets(&read(&log.bytes[..size], profile, &size)),
                    [0],
                    "{size} bytes left"
                );
            }
            // Any other field of the header: nothing vouches for its size, and no successor names it.
            for at in [16 + 3, 16 + 200] {
                let mut bytes = log.bytes.clone();
                bytes[outer.offset + at] ^= 4;
                assert_eq!(entry_offsets(&read(&bytes, profile, &at)).len(), 3, "byte {at}");
            }
        }
    }
}

/// Entries of 372, 272 and 332 bytes after the first `kept` bytes of one with a body of `size` bytes.
fn appended(profile: AnyProfile, size: usize, kept: usize) -> Log {
    Builder::new(profile).chain(&[4, 9]).torn(&vec![7; size], kept).chain(&[100, 0, 60]).build()
}

#[test]
fn entries_appended_after_a_torn_piece_are_found_wherever_it_was_torn() {
    for profile in PROFILES {
        for size in [20, 700, 3_000] {
            for kept in 1..(272 + size).min(1_100) {
                let log = appended(profile, size, kept);
                let found = entry_offsets(&read(&log.bytes, profile, &(size, kept)));
                let all: Vec<usize> = log.entries.iter().map(|entry| entry.offset).collect();
                // From 272 bytes on the header is sealed. With the largest body the log ends inside the extent, and
                // nothing tells these entries from those of a log stored in the body.
                let is_proven = kept < 272 || size < 3_000;
                let expected = if is_proven { &all[..] } else { &all[..2] };
                assert_eq!(found, expected, "{kept} of {} bytes kept", 272 + size);
            }
        }
    }
}

/// What a replica does: after a restart it replays its journal, the torn entry too.
#[test]
fn entry_written_again_proves_that_it_was_torn() {
    for profile in PROFILES {
        for kept in [272, 273, 300, 900] {
            let sound = chain(profile, &[4, 9, 3_000, 7]);
            let [.., torn, _] = sound.entries[..] else { panic!("four entries") };
            for from in [0, 1, 2] {
                for until in [torn.end(), sound.bytes.len()] {
                    let [head, piece, again] =
                        [&sound.bytes[..torn.offset], &sound.bytes[torn.offset..][..kept], {
                            &sound.bytes[sound.entries[from].offset..until]
                        }];
                    let bytes = [head, piece, again].concat();
                    let found = entry_offsets(&read(&bytes, profile, &(kept, from)));
                    let count = sound.entries.iter().filter(|entry| entry.end() <= until).count() - from;
                    assert_eq!(found.len(), 2 + count, "{kept} bytes kept, again from entry {from}");
                    assert_eq!(found[2], torn.offset + kept);
                }
            }
        }
    }
}

#[test]
fn entries_after_a_torn_piece_are_found_where_its_extent_ends_exactly_between_two() {
    for profile in PROFILES {
        // Kept 300 bytes, then entries of 372 and 272: an extent of 672 ends exactly behind the first,
        // one of 944 behind both, where the next entry is.
        for (body, follow) in [(400, &[100, 0, 60][..]), (672, &[100, 0, 60])] {
            let log = Builder::new(profile).chain(&[4]).torn(&vec![7; body], 300).chain(follow).build();
            let found = entry_offsets(&read(&log.bytes, profile, &(body, follow)));
            let all: Vec<usize> = log.entries.iter().map(|entry| entry.offset).collect();
            assert_eq!(found, all, "a body of {body} bytes torn");
        }
    }
}

/// A body cannot know the checksum of its own entry: the child is an entry of the log, wherever it begins.
#[test]
fn child_is_found_inside_the_extent_where_bytes_of_the_body_are_gone() {
    for profile in PROFILES {
        for gone in [1, 300, 2_500, 3_000] {
            let log = chain(profile, &[4, 3_000, 9, 20]);
            let [_, damaged, rest @ ..] = &log.entries[..] else { panic!("four entries") };
            let mut bytes = log.bytes.clone();
            bytes.drain(damaged.end() - gone..damaged.end());
            let found = entry_offsets(&read(&bytes, profile, &gone));
            let expected: Vec<usize> =
                [0].into_iter().chain(rest.iter().map(|entry| entry.offset - gone)).collect();
            assert_eq!(found, expected, "{gone} bytes gone");
        }
    }
}

/// Arriving at the file's end proves nothing: so does a log that is stored in the last body.
#[test]
fn run_that_ends_with_the_file_and_the_extent_is_content() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[4]).torn(&[7; 672], 300).chain(&[100, 0]).build();
        assert_eq!(entry_offsets(&read(&log.bytes, profile, &"both end here")), [0]);
    }
}

/// A head that claims more than the log holds, planted in a body whose own head is lost.
#[test]
fn planted_head_hides_no_entry() {
    for profile in PROFILES {
        let mut head = chain(profile, &[0]).bytes;
        set_size(&mut head, 0, 1 << 20);
        reseal(&mut head, 0, profile);
        let log = Builder::new(profile).chain(&[4]).entry(&head).chain(&[5, 6]).build();
        let mut bytes = log.bytes.clone();
        bytes[log.entries[1].offset..][..272].fill(0);
        let found = entry_offsets(&read(&bytes, profile, &"planted"));
        assert_eq!(found, [0, 2, 3].map(|index| log.entries[index].offset));
    }
}

/// Each entry reaches over the end of what it is in, and is not complete: none proves anything, and the search
/// does not follow more than a few.
#[test]
fn incomplete_entries_over_the_extents_end_prove_nothing() {
    for profile in PROFILES {
        for count in [1, 3, 15, 16, 17, 40] {
            let mut head = chain(profile, &[0]).bytes;
            set_size(&mut head, 0, 256 + 20_000);
            reseal(&mut head, 0, profile);
            // The next entry is no child of it, which would prove at once that it was complete.
            let log = Builder::new(profile).entry(&head.repeat(count)).gap(1).chain(&[30_000, 5]).build();
            let mut bytes = log.bytes.clone();
            bytes[280] ^= 1;
            let found = entry_offsets(&read(&bytes, profile, &count));
            assert_eq!(found, [1, 2].map(|index| log.entries[index].offset), "{count} heads");
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
