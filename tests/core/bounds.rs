//! What reading may cost, on logs made to be dear.

use aof_nostd::storage::Cursor;
use aof_nostd::wire::Header;
use aof_nostd::{AnyProfile, Checker, Profile, Reader, Resync};
use aof_tests::build::{PROFILES, body, chain, entry_bytes, set_size};
use aof_tests::dear::KINDS;
use aof_tests::device::{Counting, Counts, Memory};
use aof_tests::events::{Form, assert_cover, by_entries};

/// Heads without bodies, each of which claims `size` bytes.
fn hungry_heads(profile: AnyProfile, count: usize, size: u32) -> Vec<u8> {
    let mut header = Header::new();
    header.seal(&profile, &[]).unwrap();
    let mut bytes = entry_bytes(profile, &header, &[]);
    set_size(&mut bytes, 0, size);
    aof_tests::build::reseal(&mut bytes, 0, profile);
    bytes.repeat(count)
}

fn counts(log: &[u8], profile: AnyProfile, buffer: usize) -> Counts {
    let device = Counting::new(Memory::new(log.to_vec()));
    let mut reader = Reader::new(device, vec![0; buffer], profile).unwrap();
    assert_cover(&Form::Event.read(&mut reader).unwrap(), log.len() as u64);
    reader.into_device().counts()
}

#[test]
fn whole_log_is_read_once_whatever_the_buffer() {
    for profile in PROFILES {
        let log = chain(profile, &[0, 100, 40, 200, 0, 7, 220]);
        for buffer in [512, 600, 1_000, 4_096] {
            let counts = counts(&log.bytes, profile, buffer);
            assert_eq!(counts.read_size, log.bytes.len() as u64, "buffer {buffer}");
            assert!(counts.read_size_max <= buffer);
            assert_eq!(counts.seeks, 2, "to the end, to tell it, and back to the beginning");
        }
    }
}

#[test]
fn search_that_looks_ahead_and_comes_back_reads_nothing_twice() {
    for profile in PROFILES {
        let mut log = chain(profile, &[100; 50]);
        for entry in log.entries.iter().step_by(2) {
            log.bytes[entry.offset + 40] ^= 1;
        }
        assert_eq!(counts(&log.bytes, profile, 20_000).read_size, log.bytes.len() as u64);
    }
}

#[test]
fn no_read_is_larger_than_the_buffer() {
    for profile in PROFILES {
        for log in [chain(profile, &[0, 5_000, 100_000]).bytes, hungry_heads(profile, 20, 1 << 20)] {
            for buffer in [272, 300, 4_096] {
                assert!(counts(&log, profile, buffer).read_size_max <= buffer);
            }
        }
    }
}

#[test]
fn heads_that_claim_what_is_not_there_cost_little_each() {
    for profile in PROFILES {
        // Every head is torn: the log ends inside of each. None may cost a search to the log's end.
        let log = hungry_heads(profile, 200, 1 << 20);
        let counts = counts(&log, profile, 1_024);
        assert!(counts.read_size < 200 * 4 * 1_024, "{counts:?}");
    }
}

#[test]
fn search_asks_for_each_byte_once_and_goes_forward() {
    for profile in PROFILES {
        for log in [vec![0; 20_000], profile.magic().repeat(1_200), body(1, 20_000)] {
            let mut search = Resync::new(Checker::new(profile), 0, log.len() as u64);
            let mut steps = 0;
            let mut last = 0;
            while let Some(want) = search.want() {
                assert!(want.size_min <= 272);
                assert!(want.offset >= last, "the search goes back from {last} to {}", want.offset);
                last = want.offset;
                let at = usize::try_from(want.offset).unwrap();
                search.give(&log[at..at + want.size_min as usize]);
                steps += 1;
            }
            assert_eq!(search.found(), None);
            // A magic at the window's end is asked for again, in whole: no step is shorter than 16 bytes.
            assert!(steps <= log.len() / 16 + 2, "{steps} steps for {} bytes", log.len());
        }
    }
}

#[test]
fn search_that_gets_nothing_ends() {
    for profile in PROFILES {
        let mut search = Resync::new(Checker::new(profile), 5, u64::MAX);
        for _ in 0..4 {
            if search.want().is_some() {
                search.give(&[]);
            }
        }
        assert_eq!((search.want(), search.found()), (None, None));
    }
}

/// How long a file takes is not measured here, but what it grows with: bytes that are read, again and again
/// where a search looks ahead and comes back.
#[test]
fn what_reading_costs_is_proportional_to_the_size_whatever_the_bytes() {
    let limit = 4_096;
    for profile in PROFILES {
        for (name, make) in KINDS {
            let read = |size: usize| {
                let log = make(profile, size, limit);
                let device = Counting::new(Memory::new(log.clone()));
                let reader = Reader::new(device, vec![0; 1_024], profile).unwrap();
                let mut reader = reader.with_message_size_max(limit);
                let seen = Form::Event.read(&mut reader).unwrap();
                assert_cover(&seen, log.len() as u64);
                (reader.into_device().counts().read_size, seen.len() as u64)
            };
            let [(once, parts), (twice, _)] = [64 << 10, 128 << 10].map(read);
            // Besides each byte once: at each entry or damage at most the largest entry a few times (its body, what is
            // in it, and up to four bodies of those), and a buffer at both ends.
            let bound = (64 << 10) + parts * 6 * (u64::from(limit) + 2 * 1_024);
            assert!(once <= bound, "{name}: {once} bytes read, {parts} parts");
            // Where entries are small there are many parts.
            assert!(once <= 64 * (64 << 10), "{name}: {once} bytes read");
            assert!(twice <= once * 9 / 4, "{name}: {once} bytes read, and of twice the size {twice}");
        }
    }
}

/// Each damaged entry once made the search look at all of the log behind it: bytes squared.
#[test]
fn damage_all_over_a_long_log_is_read_through() {
    let profile = PROFILES[1];
    let log = chain(profile, &[0; 40_000]);
    // In every other header, in every other magic, in every magic.
    for (at, step, entries) in [(40, 2, 20_000), (4, 2, 20_000), (4, 1, 0)] {
        let mut bytes = log.bytes.clone();
        for entry in log.entries.iter().step_by(step) {
            bytes[entry.offset + at] ^= 1;
        }
        let seen = by_entries(&bytes, Checker::new(profile));
        assert_eq!(seen.iter().filter(|seen| seen.is_entry()).count(), entries);
        let mut reader = Reader::new(Cursor::new(&bytes), vec![0; 1 << 20], profile).unwrap();
        assert_eq!(Form::Event.read(&mut reader).unwrap(), seen);
    }
}
