//! The log in RAM is the log in a file.

use crate::{cases, read};
use aof_nostd::checksum::Checksum;
use aof_nostd::wire::{Entry, HeaderRule};
use aof_nostd::{Draft, MemoryError, MemoryLog, ValidateError, Writer};
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::device::Memory;
use proptest::prelude::*;
use zerocopy::FromBytes;

type Small = MemoryLog<4_096, aof_nostd::AnyProfile>;

fn copied(log: &Log) -> Small {
    let mut memory = Small::init(log.profile);
    for index in 0..log.entries.len() {
        memory.write(log.entry(index)).unwrap();
    }
    memory
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn memory_holds_the_bytes_that_a_writer_writes(
        profile in 0..2_usize,
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..12),
    ) {
        let mut memory = Small::init(PROFILES[profile]);
        let mut writer = Writer::new(Memory::default(), PROFILES[profile]);
        for (time, body) in bodies.iter().enumerate() {
            let draft = Draft { timestamp_ns: time as u64, ..Draft::default() };
            match memory.write_new(&draft, body) {
                Ok(link) => prop_assert_eq!(writer.append_new(&draft, body), Ok(link)),
                Err(MemoryError::Full { needed, free }) => {
                    prop_assert_eq!(needed, 272 + body.len() as u64);
                    prop_assert_eq!(free, 4_096 - memory.as_bytes().len() as u64);
                    prop_assert!(needed > free);
                    break;
                }
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
        prop_assert_eq!(memory.as_bytes(), writer.device().bytes());
        let entries = read(memory.as_bytes(), PROFILES[profile], &"memory").len() as u64;
        let last = memory.last().map(|header| header.checksum);
        prop_assert_eq!(memory.validate(last).unwrap().entries, entries);
    }
}

#[test]
fn full_log_refuses_the_next_entry_and_keeps_what_it_has() {
    let mut memory = MemoryLog::<560, _>::init(PROFILES[0]);
    memory.write_new(&Draft::default(), &[1; 10]).unwrap();
    let before = memory.as_bytes().to_vec();
    let full = memory.write_new(&Draft::default(), &[2; 7]);
    assert_eq!(full, Err(MemoryError::Full { needed: 279, free: 278 }));
    assert_eq!(memory.as_bytes(), before);
    memory.write_new(&Draft::default(), &[2; 6]).unwrap();
    assert_eq!(memory.as_bytes().len(), 560);
    assert_eq!(memory.iterator().filter(Result::is_ok).count(), 2);
}

#[test]
fn restarts_and_state_syncs_are_valid() {
    for profile in PROFILES {
        let log =
            Builder::new(profile).chain(&[0, 1, 2]).repeat(0..3).repeat(1..3).gap(5).chain(&[3, 4]).build();
        let validation = copied(&log).validate(log.entries.last().map(|entry| entry.checksum)).unwrap();
        assert_eq!((validation.entries, validation.gaps), (10, 1));
    }
}

#[test]
fn parent_that_was_never_there_is_told() {
    for profile in PROFILES {
        let mut header = aof_nostd::Header::new();
        header.op = 3.into();
        header.parent = Checksum::new(77);
        let log = Builder::new(profile).chain(&[0, 1]).sealed(header, b"").build();
        let error = copied(&log).validate(None).unwrap_err();
        let expected = ValidateError::UnknownParent {
            offset: log.entries[2].offset as u64,
            op: log.entries[2].op,
            parent: Checksum::new(77),
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn last_checksum_is_compared() {
    let log = chain(PROFILES[0], &[0, 1]);
    let expected = Checksum::new(5);
    let found = Some(log.entries[1].checksum);
    assert_eq!(copied(&log).validate(Some(expected)), Err(ValidateError::LastChecksum { expected, found }));
    let empty = Small::init(log.profile);
    assert_eq!(empty.validate(Some(expected)), Err(ValidateError::LastChecksum { expected, found: None }));
    assert_eq!(empty.validate(None).unwrap().entries, 0);
}

#[test]
fn entry_that_no_reader_would_take_is_refused() {
    for profile in PROFILES {
        let log = chain(profile, &[20]);
        let mut memory = Small::init(profile);
        for at in 0..log.bytes.len() {
            let mut bytes = log.bytes.clone();
            bytes[at] ^= 1;
            let Some(entry) = Entry::from_prefix(&bytes) else { continue };
            assert!(matches!(memory.write(entry), Err(MemoryError::Invalid(_))), "byte {at}");
        }
        let longer = [&log.bytes[..], b"garbage"].concat();
        let longer = Entry::ref_from_bytes(&longer).unwrap();
        assert_eq!(memory.write(longer), Err(MemoryError::Header(HeaderRule::Size)));
        assert_eq!(memory.as_bytes(), b"");
    }
}
