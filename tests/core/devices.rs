//! Devices that fail in the middle of reading, end earlier than they said, or claim more than they did.

use crate::read;
use aof_nostd::tail::Torn;
use aof_nostd::{
    AnyProfile, Draft, Profile, ReadError, Reader, Recovery, Tail, TailError, WriteError, Writer,
};
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

/// Entries until a step fails, damage being passed over, and how it failed.
fn until_error<D, P>(reader: &mut Reader<D, Vec<u8>, P>, form: Form) -> (usize, Option<ReadError<D::Error>>)
where
    D: embedded_io::Read + embedded_io::Seek,
    P: Profile,
{
    let mut entries = 0;
    loop {
        let step = match form {
            Form::Event => match reader.next_event() {
                Ok(Some(aof_nostd::Event::Damage(..))) => continue,
                step => step.map(|event| event.is_some()),
            },
            Form::Next => reader.next().map(|entry| entry.is_some()),
            Form::Streamed => reader.next_streamed(|_| {}).map(|entry| entry.is_some()),
            Form::Header => reader.next_header().map(|entry| entry.is_some()),
        };
        match step {
            Ok(true) => entries += 1,
            Ok(false) => return (entries, None),
            Err(ReadError::Damage(_)) => {
                if let Err(error) = reader.skip() {
                    return (entries, Some(error));
                }
            }
            Err(error) => return (entries, Some(error)),
        }
    }
}

/// It was read as a log that ends there, and a device that gave half of its bytes had a sound log.
#[test]
fn device_that_ends_early_is_an_error_and_not_the_log_s_end() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[0, 40, 1, 2_000, 0, 9]).build();
        let end = log.bytes.len() as u64;
        for (size, is_damaged) in
            (0..log.bytes.len()).step_by(7).flat_map(|size| [(size, false), (size, true)])
        {
            let mut bytes = log.bytes.clone();
            if is_damaged {
                bytes[330] ^= 1; // in the second entry
            }
            let mut whole = log.entries.iter().filter(|entry| entry.end() <= size).count();
            whole -= usize::from(is_damaged && whole > 1);
            for form in Form::VERIFYING {
                let device = Shrinking::new(Memory::new(bytes.clone()), size as u64);
                let mut reader = Reader::new(device, vec![0; 4_096], profile).unwrap();
                let shrunk = ReadError::Shrunk { offset: size as u64, end };
                let found = until_error(&mut reader, form);
                assert_eq!(found.1, Some(shrunk), "{form:?}, {size} bytes left, {is_damaged}");
                // What is behind damage may need bytes to be found that are not there.
                let is_all = found.0 == whole || is_damaged && found.0 < whole;
                assert!(is_all, "{form:?}, {size} bytes left, {is_damaged}: {} of {whole}", found.0);
                assert_eq!(until_error(&mut reader, form), (0, Some(shrunk)), "and again");
                // Whoever knows that the log ends there says so.
                reader.set_end(size as u64);
                let rest = until_error(&mut reader, form);
                assert_eq!(rest, (whole - found.0, None), "{form:?}, {size} bytes left");
            }
            let device = Shrinking::new(Memory::new(bytes), size as u64);
            let mut reader =
                block_on(Reader::new_async(Yielding::new(device), vec![0; 4_096], profile)).unwrap();
            let step = block_on(async {
                loop {
                    match reader.next_async().await {
                        Ok(Some(_)) => {}
                        Ok(None) => return None,
                        Err(ReadError::Damage(_)) => match reader.skip_async().await {
                            Ok(_) => {}
                            Err(error) => return Some(error),
                        },
                        Err(error) => return Some(error),
                    }
                }
            });
            assert_eq!(
                step,
                Some(ReadError::Shrunk { offset: size as u64, end }),
                "async, {size} bytes left"
            );
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
