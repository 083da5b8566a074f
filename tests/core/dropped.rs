//! Futures that are dropped, at every place where they wait for the device. A reader is where it was, and
//! finds what it would have found. A writer that was in the middle of something is failed for good; what it
//! acknowledged is on the device, and recovery goes on from there.

use crate::read;
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, Draft, Entries, ReadError, Reader, Recovery, Tail, WriteError, Writer};
use aof_tests::asynch::{Yielding, block_on, polled};
use aof_tests::build::{Builder, PROFILES, chain};
use aof_tests::device::{Choppy, Counting, Memory};
use aof_tests::events::{Form, Seen};

type Device = Yielding<Choppy<Memory>>;

/// Polls that no step here needs.
const POLLS_MAX: usize = 10_000;

/// Whole entries, damage of some kinds, an entry in the body of a damaged one.
fn log(profile: AnyProfile) -> Vec<u8> {
    let inner = chain(profile, &[6, 0]).bytes;
    let log = Builder::new(profile).chain(&[0, 700]).entry(&inner).torn(&[3; 600], 333).chain(&[40, 1, 0]);
    let log = log.torn(&[5; 100], 280).build();
    let mut bytes = log.bytes;
    bytes[log.entries[2].offset + 280] ^= 1; // in the body that holds entries
    bytes
}

/// A reader whose device and buffer depend on the seed.
fn reader(log: &[u8], profile: AnyProfile, seed: u8) -> Reader<Device, Vec<u8>, AnyProfile> {
    let device = Yielding::new(Choppy::new(Memory::new(log.to_vec()), seed.into()));
    block_on(Reader::new_async(device, vec![0; 300 + 100 * usize::from(seed % 8)], profile)).unwrap()
}

/// One reader, and before every step the same step given up after one poll, two, three, until it is done.
#[test]
fn step_that_was_dropped_again_and_again_finds_what_an_undisturbed_one_finds() {
    for profile in PROFILES {
        let log = log(profile);
        let expected = read(&log, profile, &"whole");
        for form in Form::VERIFYING {
            for seed in 0..8 {
                let mut reader = reader(&log, profile, seed);
                let mut seen = Vec::new();
                loop {
                    let position = reader.position();
                    let step = (0..POLLS_MAX).find_map(|polls| {
                        let step = polled(form.step_async(&mut reader), polls);
                        let is_before = reader.position() == position;
                        assert!(step.is_some() || is_before, "{form:?}, seed {seed}, {polls} polls");
                        step
                    });
                    match step.expect("no step needs as many polls").unwrap() {
                        Some(part) => seen.push(part),
                        None => break,
                    }
                }
                assert_eq!(seen, expected, "{form:?}, seed {seed}");
            }
        }
    }
}

/// Every step of a fresh reader, given up after every number of polls; then it is made again, and the rest.
#[test]
fn reader_goes_on_after_a_step_that_was_dropped_at_any_place() {
    for profile in PROFILES {
        let log = log(profile);
        let expected = read(&log, profile, &"whole");
        for form in Form::VERIFYING {
            for before in 0..=expected.len() {
                for polls in 1..POLLS_MAX {
                    let mut reader = reader(&log, profile, 3);
                    let mut seen: Vec<Seen> = Vec::new();
                    for _ in 0..before {
                        seen.extend(block_on(form.step_async(&mut reader)).unwrap());
                    }
                    let was_done = match polled(form.step_async(&mut reader), polls) {
                        Some(step) => {
                            seen.extend(step.unwrap());
                            true
                        }
                        None => false,
                    };
                    seen.extend(block_on(form.read_async(&mut reader)).unwrap());
                    assert_eq!(seen, expected, "{form:?}, step {before} dropped after {polls} polls");
                    if was_done {
                        break;
                    }
                }
            }
        }
    }
}

/// What was dropped by one form is made again by the other: both are the same reader.
#[test]
fn blocking_step_goes_on_where_an_async_one_was_dropped() {
    for profile in PROFILES {
        let log = log(profile);
        let expected = read(&log, profile, &"whole");
        for polls in 1..40 {
            let mut reader = reader(&log, profile, polls);
            let mut seen = Vec::new();
            while let Some(step) = polled(Form::Event.step_async(&mut reader), polls.into()) {
                let Some(part) = step.unwrap() else { break };
                seen.push(part);
            }
            seen.extend(Form::Event.read(&mut reader).unwrap());
            assert_eq!(seen, expected, "{polls} polls");
        }
    }
}

#[test]
fn skip_and_search_that_were_dropped_leave_the_position() {
    let profile = PROFILES[0];
    let mut log = chain(profile, &[0, 900, 3]);
    log.bytes[300] ^= 1;
    let expected = log.entries[2].offset as u64;
    for polls in 0.. {
        let mut reader = reader(&log.bytes, profile, 1);
        block_on(reader.next_header_async()).unwrap().unwrap();
        let is_damage = matches!(block_on(reader.next_async()), Err(ReadError::Damage(_)));
        assert!(is_damage);
        let skipped = polled(reader.skip_async(), polls);
        assert_eq!(reader.position(), skipped.map_or(272, |skipped| skipped.unwrap()));
        reader.set_position(272);
        let found = polled(reader.search_async(280, 10_000), polls);
        assert_eq!(reader.position(), found.map_or(272, |found| found.unwrap().unwrap()));
        if skipped.is_some() && found.is_some() {
            assert_eq!((skipped, found), (Some(Ok(expected)), Some(Ok(Some(expected)))));
            break;
        }
        assert_eq!(block_on(reader.search_async(280, 10_000)), Ok(Some(expected)));
    }
}

/// How something is written.
#[derive(Clone, Copy, Debug)]
enum Deed {
    New,
    Entry,
    Prepare,
    Checkpoint,
}

#[test]
fn writer_whose_future_was_dropped_is_failed_and_keeps_what_it_acknowledged() {
    for profile in PROFILES {
        let log = chain(profile, &[10, 300, 40]);
        for deed in [Deed::New, Deed::Entry, Deed::Prepare, Deed::Checkpoint] {
            for polls in 0..POLLS_MAX {
                let device = Yielding::new(Choppy::new(Memory::default(), polls as u64));
                let mut writer = Writer::new(device, profile);
                let draft = Draft::default();
                for index in 0..2 {
                    block_on(writer.append_async(log.entry(index))).unwrap();
                }
                block_on(writer.checkpoint_async(|| {})).unwrap();
                let (synced, next) = (writer.size(), log.entry(2));
                let mut acknowledged = false;
                let done = match deed {
                    Deed::New => polled(writer.append_new_async(&draft, &next.body), polls)
                        .map(|result| result.map(drop)),
                    Deed::Entry => polled(writer.append_async(next), polls),
                    Deed::Prepare => polled(writer.append_prepare_async(&next.header, &next.body), polls),
                    Deed::Checkpoint => polled(writer.checkpoint_async(|| acknowledged = true), polls),
                };
                let context = format!("{deed:?} dropped after {polls} polls");
                let is_checkpoint = matches!(deed, Deed::Checkpoint);
                assert_eq!(acknowledged, done.is_some() && is_checkpoint, "{context}");
                if let Some(done) = done {
                    assert_eq!((done, writer.state()), (Ok(()), State::Writing), "{context}");
                    break;
                }
                if polls == 0 {
                    // Nobody asked the device for anything.
                    assert_eq!(writer.state(), State::Writing);
                    block_on(writer.append_async(next)).unwrap();
                    continue;
                }
                assert_eq!(writer.state(), State::Failed, "{context}");
                assert_eq!(block_on(writer.append_async(next)), Err(WriteError::Failed), "{context}");
                assert_eq!(writer.append(next), Err(WriteError::Failed), "{context}");
                let checkpoint = block_on(writer.checkpoint_async(|| panic!("not durable")));
                assert_eq!(checkpoint, Err(WriteError::Failed), "{context}");
                assert_eq!(writer.size(), synced, "{context}");
                // What is on the device begins with what was acknowledged, and a new writer goes on.
                let mut device = writer.into_device().into_inner().into_inner();
                assert_eq!(device.bytes()[..log.entries[1].end()], log.bytes[..log.entries[1].end()]);
                let tail = Recovery::new(profile).find(&mut device, [0; 300]).unwrap();
                assert!((2..=3).contains(&tail.entries), "{context}: {tail:?}");
                tail.clean(&mut device).unwrap();
                let mut writer = Writer::new(device, profile).continue_after(tail.last.unwrap());
                writer.append_new(&draft, b"on").unwrap();
                let bytes = writer.device().bytes();
                let entries = Entries::new(bytes, profile).filter(Result::is_ok).count() as u64;
                assert_eq!(entries, tail.entries + 1, "{context}");
            }
        }
    }
}

#[test]
fn recovery_that_was_dropped_at_any_place_is_made_again() {
    for profile in PROFILES {
        let inner = chain(profile, &[10, 10]).bytes;
        let body = [&inner[..], &[7; 900]].concat();
        let log = Builder::new(profile).chain(&[50, 0]).entry(&body).build();
        let torn = [&log.bytes[..log.bytes.len() - 100], &[0; 500]].concat();
        let expected = Recovery::new(profile).find(Memory::new(torn.clone()), [0; 300]).unwrap();
        assert_eq!((expected.entries, expected.torn.is_some()), (2, true));
        // Dropped while it is found: nothing was written, and it is found again.
        for polls in 0..POLLS_MAX {
            let mut device = Yielding::new(Counting::new(Memory::new(torn.clone())));
            let recovery = Recovery::new(profile);
            let found = polled(recovery.find_async(&mut device, [0; 300]), polls);
            assert_eq!(device.inner().counts().writes, 0);
            assert_eq!(block_on(recovery.find_async(&mut device, [0; 300])), Ok(expected), "{polls} polls");
            if found.is_some() {
                assert_eq!(found, Some(Ok(expected)));
                break;
            }
        }
        // Dropped while it is cleaned: the same log is found, and is clean in the end.
        for polls in 0..POLLS_MAX {
            let mut device = Yielding::new(Choppy::new(Memory::new(torn.clone()), polls as u64));
            let cleaned = polled(expected.clean_async(&mut device), polls);
            let recovery = Recovery::new(profile);
            let found = block_on(recovery.find_async(&mut device, [0; 300])).unwrap();
            assert_eq!(Tail { torn: None, ..found }, Tail { torn: None, ..expected }, "{polls} polls");
            assert!(cleaned.is_none() || found.torn.is_none(), "{polls} polls");
            block_on(found.clean_async(&mut device)).unwrap();
            let bytes = device.inner().inner().bytes();
            let end = usize::try_from(expected.end).unwrap();
            assert_eq!(bytes[..end], torn[..end], "{polls} polls");
            assert!(bytes[end..].iter().all(|byte| *byte == 0), "{polls} polls");
            if cleaned.is_some() {
                assert_eq!(cleaned, Some(Ok(())));
                break;
            }
        }
    }
}
