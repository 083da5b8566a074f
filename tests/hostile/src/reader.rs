//! Any bytes as a log on a device: every form of reading, in a buffer of any size, over a device that is
//! short, interrupted and flaky, finds what the iterator over a slice finds; and stopped at any event,
//! it goes on from position and last checksum.

use crate::input::Input;
use aof_nostd::{Checker, Reader};
use aof_tests::device::{Choppy, Counting, Flaky, Memory};
use aof_tests::events::{Form, by_entries};
use aof_tests::oracle::MESSAGE_SIZE_MAX;
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
struct Case {
    message_size_max: Option<u16>,
    /// Bytes of the buffer above the smallest one.
    buffer_size: u16,
    read_ahead: Option<u16>,
    form: u8,
    seed: u64,
    /// Calls that fail.
    failures: u8,
    resume_at: u8,
    input: Input,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let (profile, log) = case.input.log();
    let limit = case.message_size_max.map_or(MESSAGE_SIZE_MAX, u32::from);
    let expected = by_entries(&log, Checker::new(profile).with_message_size_max(limit));
    let form = Form::VERIFYING[usize::from(case.form) % 3];
    let buffer_size = 272 + usize::from(case.buffer_size % 8_192);
    let read_ahead = case.read_ahead.map_or(usize::MAX, usize::from);

    let open = || {
        let memory = Counting::new(Memory::new(log.clone()));
        let device = Flaky::new(Choppy::new(memory, case.seed), case.failures.into(), case.seed);
        Reader::new(device, vec![0; buffer_size], profile)
            .map(|reader| reader.with_message_size_max(limit).with_read_ahead(read_ahead))
    };
    let Ok(mut reader) = open() else { return };
    assert_eq!(form.read_on(&mut reader, drop), expected);
    let counts = reader.into_device().into_inner().into_inner().counts();
    assert!(counts.read_size_max <= buffer_size);

    // Resume behind some event.
    let resume_at = usize::from(case.resume_at) % (expected.len() + 1);
    let position = resume_at.checked_sub(1).map_or(0, |last| expected[last].end);
    let Ok(mut reader) = open() else { return };
    reader.set_position(position);
    if let Ok(rest) = form.read(&mut reader) {
        assert_eq!(rest, expected[resume_at..]);
    }
}
