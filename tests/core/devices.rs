//! Devices that fail in the middle of reading, or end earlier than they said.

use crate::read;
use aof_nostd::{AnyProfile, ReadError, Reader};
use aof_tests::build::{Builder, PROFILES};
use aof_tests::device::{Choppy, Failing, Flaky, Memory, Shrinking};
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
