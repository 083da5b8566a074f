//! Devices that fail in the middle of reading, end earlier than they said, or claim more than they did.

use crate::read;
use aof_nostd::tail::Torn;
use aof_nostd::{AnyProfile, Draft, ReadError, Reader, Recovery, Tail, TailError, WriteError, Writer};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::{Builder, PROFILES, chain};
use aof_tests::device::{Boasting, Choppy, Failing, Flaky, Memory, Shrinking};
use aof_tests::events::Form;
use embedded_io::ErrorKind;

fn log(profile: AnyProfile) -> Vec<u8> {
    let mut log = Builder::new(profile).chain(&[0, 40, 1]).torn(&[3; 600], 333).chain(&[2_000, 0, 9]).build();
    log.bytes[330] ^= 1;
    log.bytes
}

#[test]
fn step_that_failed_may_be_tried_again() {
    for profile in PROFILES {
        let log = log(profile);
        let expected = read(&log, profile, &"whole");
        for seed in 0..20 {
            for form in Form::VERIFYING {
                let device = Flaky::new(Choppy::new(Memory::new(log.clone()), seed), 100, seed);
                // The size is asked for by a seek, which may fail too.
                let Ok(mut reader) = Reader::new(device, [0; 700], profile) else { continue };
                let seen = form.read_on(&mut reader, |error| assert_eq!(error, ErrorKind::Other));
                assert_eq!(seen, expected, "{form:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn device_that_fails_for_good_keeps_the_position_and_what_was_read_before() {
    for profile in PROFILES {
        let log = log(profile);
        let expected = read(&log, profile, &"whole");
        for fuel in 0..=log.len() {
            let device = Failing::new(Memory::new(log.clone()), fuel);
            let mut reader = Reader::new(device, [0; 300], profile).unwrap();
            match Form::Streamed.read(&mut reader) {
                Ok(seen) => assert_eq!(seen, expected),
                Err((seen, error)) => {
                    assert_eq!(error, ErrorKind::Other);
                    assert_eq!(seen, expected[..seen.len()], "fuel {fuel}");
                    let position = reader.position();
                    assert_eq!(position, seen.last().map_or(0, |seen| seen.end));
                    assert!(matches!(
                        reader.next_streamed(|_| {}),
                        Err(ReadError::Device(_) | ReadError::Damage(_))
                    ));
                    assert_eq!(reader.position(), position);
                }
            }
        }
    }
}

#[test]
fn device_that_ends_early_reads_as_a_log_that_was_cut() {
    for profile in PROFILES {
        let mut log = Builder::new(profile).chain(&[0, 40, 1, 2_000, 0, 9]).build().bytes;
        log[330] ^= 1;
        for size in (0..log.len()).step_by(7) {
            let expected = read(&log[..size], profile, &size);
            for form in Form::VERIFYING {
                for buffer in [272, 4_096] {
                    let device = Shrinking::new(Memory::new(log.clone()), size as u64);
                    let mut reader = Reader::new(device, vec![0; buffer], profile).unwrap();
                    let mut seen = form.read(&mut reader).unwrap();
                    // Bytes behind the last damage may never have been asked for.
                    seen.iter_mut().for_each(|seen| seen.end = seen.end.min(size as u64));
                    assert_eq!(seen, expected, "{form:?}, {size} bytes left, buffer {buffer}");
                }
            }
        }
    }
}

#[test]
fn device_that_grew_is_read_on() {
    let log = Builder::new(PROFILES[0]).chain(&[10, 20, 30]).build();
    let first = log.entries[0].end() as u64;
    let device = Memory::new(log.bytes.clone());
    let mut reader = Reader::new(device, [0; 512], log.profile).unwrap();
    reader.set_end(first);
    assert_eq!(Form::Event.read(&mut reader).unwrap().len(), 1);
    reader.set_end(first + 100);
    assert!(matches!(reader.next(), Err(ReadError::Damage(_))), "half an entry is there");
    reader.set_end(log.bytes.len() as u64);
    assert_eq!(Form::Event.read(&mut reader).unwrap().len(), 2);
}

/// The bytes behind those that were read were the buffer's old ones, and taken for the log's.
#[test]
fn device_that_claims_to_have_read_more_than_there_was_room_for_is_an_error() {
    let log = chain(PROFILES[1], &[10, 700]);
    for extra in [1, usize::MAX] {
        let mut device = Boasting::new(Memory::new(log.bytes.clone()), extra);
        let recovery = Recovery::new(log.profile);
        assert_eq!(recovery.find(&mut device, [0; 300]), Err(TailError::Count));
        let found = recovery.find_async(Yielding::new(&mut device), [0; 300]);
        assert_eq!(block_on(found), Err(TailError::Count), "async");

        let mut reader = Reader::new(&mut device, [0; 300], log.profile).unwrap();
        assert_eq!(reader.next().map(|_| ()), Err(ReadError::Count));
        assert_eq!(reader.skip(), Err(ReadError::Count));
        assert_eq!(reader.position(), 0, "the position is as before");
        let mut reader =
            block_on(Reader::new_async(Yielding::new(&mut device), [0; 300], log.profile)).unwrap();
        assert_eq!(block_on(reader.next_header_async()).map(|_| ()), Err(ReadError::Count), "async");

        device.set_extra(0);
        let mut reader = Reader::new(&mut device, [0; 300], log.profile).unwrap();
        assert_eq!(Form::Streamed.read(&mut reader).unwrap().len(), 2);
    }
}

/// The rest of the entry was not written, and the writer went on as if it had been.
#[test]
fn device_that_claims_to_have_written_more_than_it_was_given_fails_the_writer_for_good() {
    for extra in [1, 272, usize::MAX] {
        let mut device = Boasting::new(Memory::default(), extra);
        let mut writer = Writer::new(&mut device, PROFILES[0]);
        assert_eq!(writer.append_new(&Draft::default(), b"x"), Err(WriteError::Count));
        writer.device_mut().set_extra(0);
        assert_eq!(writer.append_new(&Draft::default(), b"x"), Err(WriteError::Failed));
        assert_eq!(writer.size(), 0);

        device.set_extra(extra);
        let mut writer = Writer::new(Yielding::new(&mut device), PROFILES[0]);
        assert_eq!(
            block_on(writer.append_new_async(&Draft::default(), b"x")),
            Err(WriteError::Count),
            "async"
        );
        assert_eq!(block_on(writer.checkpoint_async(|| panic!("not durable"))), Err(WriteError::Failed));

        let torn = Tail { torn: Some(Torn { start: 0, end: 700 }), ..Tail::default() };
        assert_eq!(torn.clean(&mut device), Err(WriteError::Count));
        assert_eq!(block_on(torn.clean_async(Yielding::new(&mut device))), Err(WriteError::Count), "async");
    }
}
