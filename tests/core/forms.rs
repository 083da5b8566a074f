//! All forms of reading find the same, in any buffer and over any device that keeps its contract.

use crate::{LARGE_BODIES, SMALL_BODIES, cases, read};
use aof_nostd::checksum::Backend;
use aof_nostd::storage::Cursor;
use aof_nostd::{AnyProfile, Checker, Entries, ReadError, Reader};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::damage::Harm;
use aof_tests::device::{Choppy, Memory};
use aof_tests::events::{Form, Seen, by_detect, by_entries};
use aof_tests::random::Random;
use proptest::prelude::*;

/// The smallest buffer there is, ones that hold some entries, one that holds all of the log.
const BUFFERS: [usize; 6] = [272, 273, 300, 512, 4_096, 2 << 20];

fn log(profile: AnyProfile) -> Log {
    let inner = chain(profile, &[6, 0, 35]).bytes;
    Builder::new(profile)
        .chain(&[0, 40, 1])
        .entry(&inner)
        .torn(&[3; 600], 333)
        .chain(&[5_000, 0])
        .repeat(1..3)
        .torn(&[5; 100], 280)
        .build()
}

/// A device that is choppy, and has to be waited for.
fn waited_for(log: &[u8], seed: u64) -> Yielding<Choppy<Memory>> {
    Yielding::new(Choppy::new(Memory::new(log.to_vec()), seed))
}

/// What each form finds in `log`, over a device that is choppy and one that is not, waited for or not.
fn assert_forms(log: &[u8], profile: AnyProfile, buffer: usize, seed: u64, expected: &[Seen]) {
    for form in Form::VERIFYING {
        let device = Choppy::new(Memory::new(log.to_vec()), seed);
        let mut reader = Reader::new(device, vec![0; buffer], profile).unwrap();
        assert_eq!(form.read(&mut reader).unwrap(), expected, "{form:?}, buffer {buffer}, seed {seed}");
        let mut reader = Reader::new(Cursor::new(log), vec![0; buffer], profile).unwrap();
        assert_eq!(form.read(&mut reader).unwrap(), expected, "{form:?}, buffer {buffer}");
        let reader = Reader::new_async(waited_for(log, seed), vec![0; buffer], profile);
        let seen = block_on(form.read_async(&mut block_on(reader).unwrap()));
        assert_eq!(seen.unwrap(), expected, "{form:?}, async, buffer {buffer}, seed {seed}");
    }
}

#[test]
fn all_forms_and_buffers_find_the_same() {
    for profile in PROFILES {
        let log = log(profile).bytes;
        let mut harmed = vec![log.clone()];
        for seed in 0..12 {
            let mut random = Random::new(seed);
            let mut bytes = log.clone();
            for _ in 0..=seed % 4 {
                Harm::random(&mut random, bytes.len()).apply(&mut bytes);
            }
            harmed.push(bytes);
        }
        for (index, log) in harmed.iter().enumerate() {
            let expected = read(log, profile, &index);
            for buffer in BUFFERS {
                assert_forms(log, profile, buffer, index as u64, &expected);
            }
        }
    }
}

#[test]
fn replicas_files_read_the_same_in_every_form() {
    for (log, buffers) in [(SMALL_BODIES, &BUFFERS[..]), (LARGE_BODIES, &[300, 4_096, 2 << 20])] {
        let expected = by_detect(log);
        for buffer in buffers {
            assert_forms(log, AnyProfile::default(), *buffer, 9, &expected);
        }
    }
}

#[test]
fn headers_alone_are_those_of_the_whole_entries() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[0, 40, 1, 5_000, 3]).repeat(1..3).build();
        for byte in [None, Some(3), Some(300)] {
            let mut bytes = log.bytes.clone();
            if let Some(byte) = byte {
                bytes[byte] ^= 2; // the magic of the first entry, the magic of the second
            }
            let expected = by_entries(&bytes, Checker::new(profile));
            for buffer in [272, 512, 10_000] {
                let device = Choppy::new(Memory::new(bytes.clone()), 5);
                let mut reader = Reader::new(device, vec![0; buffer], profile).unwrap();
                assert_eq!(Form::Header.read(&mut reader).unwrap(), expected);
                let reader = Reader::new_async(waited_for(&bytes, 5), vec![0; buffer], profile);
                let seen = block_on(Form::Header.read_async(&mut block_on(reader).unwrap()));
                assert_eq!(seen.unwrap(), expected, "async");
            }
        }
    }
}

#[test]
fn headers_alone_pass_by_a_damaged_body() {
    let mut log = chain(PROFILES[0], &[40, 40]);
    log.bytes[280] ^= 1;
    let mut reader = Reader::new(Cursor::new(&log.bytes), [0; 512], log.profile).unwrap();
    let offsets = std::iter::from_fn(|| reader.next_header().unwrap()).map(|head| head.offset);
    assert_eq!(offsets.collect::<Vec<_>>(), [0, 312]);
}

#[test]
fn streamed_pieces_are_the_body() {
    for profile in PROFILES {
        let log = log(profile);
        for buffer in [272, 300, 4_096] {
            let device = Choppy::new(Memory::new(log.bytes.clone()), 1);
            let mut reader = Reader::new(device, vec![0; buffer], profile).unwrap();
            for index in 0..4 {
                let mut body = Vec::new();
                reader.next_streamed(|piece| body.extend_from_slice(piece)).unwrap().unwrap();
                assert_eq!(body, log.entry(index).body, "entry {index}, buffer {buffer}");
            }
        }
    }
}

#[test]
fn buffer_too_small_tells_how_much_is_needed_and_keeps_the_position() {
    let log = chain(PROFILES[1], &[10, 700, 10]);
    let mut reader = Reader::new(Cursor::new(&log.bytes), [0; 300], log.profile).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().offset, 0);
    for _ in 0..2 {
        assert_eq!(reader.next(), Err(ReadError::Buffer { offset: 282, needed: 972 }));
        assert_eq!(reader.position(), 282);
    }
    assert_eq!(reader.next_streamed(|_| {}).unwrap().unwrap().offset, 282);
    assert_eq!(reader.next().unwrap().unwrap().offset, 1_254);
    assert_eq!(reader.next(), Ok(None));
    assert!(Reader::new(Cursor::new(&log.bytes), [0; 271], log.profile).is_err());
}

#[test]
fn end_is_told_again_and_again() {
    let log = chain(PROFILES[1], &[1]);
    let mut entries = Entries::new(&log.bytes, log.profile);
    let mut reader = Reader::new(Cursor::new(&log.bytes), [0; 512], log.profile).unwrap();
    assert!(entries.next().is_some() && reader.next().unwrap().is_some());
    for _ in 0..3 {
        assert!(entries.next().is_none());
        assert_eq!(reader.next(), Ok(None));
        assert_eq!(reader.next_header(), Ok(None));
        assert_eq!(reader.next_streamed(|_| {}), Ok(None));
        assert_eq!(reader.next_event(), Ok(None));
        assert_eq!(reader.skip(), Ok(log.bytes.len() as u64));
    }
}

#[test]
fn profile_is_detected_alike_in_every_form() {
    for profile in PROFILES {
        for lost in [0, 1, 16, 300, 900, 9_000] {
            let mut bytes = log(profile).bytes;
            let lost = lost.min(bytes.len());
            bytes[..lost].fill(0);
            let detected = aof_tests::oracle::detect(&bytes);
            let expected = read(&bytes, detected, &lost);
            assert_eq!(by_detect(&bytes), expected, "{lost} bytes lost");
            for buffer in BUFFERS {
                let device = Choppy::new(Memory::new(bytes.clone()), 3);
                let mut reader = Reader::open(device, vec![0; buffer], Backend::default()).unwrap();
                assert_eq!(Form::Event.read(&mut reader).unwrap(), expected, "{lost} bytes lost");
                let reader = Reader::open_async(waited_for(&bytes, 3), vec![0; buffer], Backend::default());
                let seen = block_on(Form::Event.read_async(&mut block_on(reader).unwrap()));
                assert_eq!(seen.unwrap(), expected, "async, {lost} bytes lost");
            }
        }
    }
}

/// A body holds an entry of the other profile, and the log's beginning is damaged: the profile is that of the first
/// header if that is sealed, and that of the nearest start if not, however much a reader sees at once.
#[test]
fn planted_entry_of_the_other_profile_does_not_change_the_profile() {
    for (profile, other) in [(PROFILES[0], PROFILES[1]), (PROFILES[1], PROFILES[0])] {
        let planted = chain(other, &[7]).bytes;
        let name = |profile: &AnyProfile| aof_nostd::Profile::name(profile);
        // Of the first magic alone; of the first header too. In the first body, in another one.
        for (lost, in_first, expected) in
            [(1, true, profile), (1, false, profile), (272, false, profile), (272, true, other)]
        {
            let (first, fourth) =
                if in_first { (&planted[..], &b"x"[..]) } else { (&b"x"[..], &planted[..]) };
            let log =
                Builder::new(profile).entry(first).chain(&[9, 100]).entry(fourth).chain(&[100; 9]).build();
            let mut bytes = log.bytes;
            bytes[..lost].fill(0xa5);
            let context = (lost, in_first);
            assert_eq!(name(&aof_tests::oracle::detect(&bytes)), name(&expected), "oracle, {context:?}");
            let found = Entries::detect(&bytes, Backend::default());
            assert_eq!(name(found.profile()), name(&expected), "slice, {context:?}");
            for buffer in BUFFERS {
                let device = Choppy::new(Memory::new(bytes.clone()), 3);
                let reader = Reader::open(device, vec![0; buffer], Backend::default()).unwrap();
                assert_eq!(name(reader.profile()), name(&expected), "buffer {buffer}, {context:?}");
                let reader = Reader::open_async(waited_for(&bytes, 3), vec![0; buffer], Backend::default());
                let reader = block_on(reader).unwrap();
                assert_eq!(name(reader.profile()), name(&expected), "async, buffer {buffer}, {context:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_log_reads_the_same_in_any_form(
        profile in 0..2_usize,
        sizes in proptest::collection::vec(prop_oneof![0..50_usize, 0..2_000_usize], 1..8),
        harms in 0..4_usize,
        buffer in 272..2_500_usize,
        limit in prop_oneof![Just(1 << 20), 256..2_000_u32],
        read_ahead in prop_oneof![Just(usize::MAX), 0..700_usize],
        seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let profile = PROFILES[profile];
        let mut bytes = chain(profile, &sizes).bytes;
        for _ in 0..harms {
            Harm::random(&mut random, bytes.len()).apply(&mut bytes);
        }
        let expected = by_entries(&bytes, Checker::new(profile).with_message_size_max(limit));
        for form in Form::VERIFYING {
            let device = Choppy::new(Memory::new(bytes.clone()), random.next_u64());
            let mut reader = Reader::new(device, vec![0; buffer], profile)
                .unwrap()
                .with_message_size_max(limit)
                .with_read_ahead(read_ahead);
            prop_assert_eq!(&form.read(&mut reader).unwrap(), &expected, "{:?}", form);
            let reader = Reader::new_async(waited_for(&bytes, random.next_u64()), vec![0; buffer], profile);
            let reader = block_on(reader).unwrap();
            let mut reader = reader.with_message_size_max(limit).with_read_ahead(read_ahead);
            let seen = block_on(form.read_async(&mut reader)).unwrap();
            prop_assert_eq!(&seen, &expected, "{:?}, async", form);
        }
    }
}

/// An entry above the reader's limit, its `size` damaged, with a log in its body: a search in a large
/// window saw the entry's real end, one in a small window had given up at the limit.
#[test]
fn repair_of_a_size_above_the_limit_does_not_depend_on_the_window() {
    for profile in PROFILES {
        let inner = chain(profile, &[6]).bytes;
        let body = [&inner[..], &[1; 3_000]].concat();
        let mut log = Builder::new(profile).entry(&body).chain(&[12]).build();
        aof_tests::build::set_size(&mut log.bytes, 0, 7);
        let checker = Checker::new(profile).with_message_size_max(1_000);
        let expected = by_entries(&log.bytes, checker);
        for buffer in BUFFERS {
            let reader = Reader::new(Cursor::new(&log.bytes), vec![0; buffer], profile).unwrap();
            let mut reader = reader.with_message_size_max(1_000);
            assert_eq!(Form::Event.read(&mut reader).unwrap(), expected, "buffer {buffer}");
        }
    }
}
