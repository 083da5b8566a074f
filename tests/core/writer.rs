//! Whatever the device does, the log read back holds exactly what was acknowledged, and at most a torn
//! tail behind it.

use crate::{cases, read};
use aof_nostd::checksum::Profile;
use aof_nostd::wire::{Entry, Header, HeaderRule, Op};
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, Draft, Entries, WriteError, Writer};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::device::{Choppy, Counting, Failing, Memory};
use aof_tests::events::{damages, entry_offsets};
use embedded_io::ErrorKind;
use proptest::prelude::*;
use zerocopy::FromBytes;

/// How an entry is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    New,
    Entry,
    Prepare,
    NewAsync,
    EntryAsync,
    PrepareAsync,
}

impl How {
    const ALL: [Self; 6] =
        [Self::New, Self::Entry, Self::Prepare, Self::NewAsync, Self::EntryAsync, Self::PrepareAsync];
}

fn append<D: embedded_io::Write<Error = ErrorKind> + embedded_io_async::Write>(
    writer: &mut Writer<D, AnyProfile>,
    how: How,
    entry: &Entry,
) -> Result<(), WriteError<ErrorKind>> {
    match how {
        How::New => writer.append_new(&Draft::default(), &entry.body).map(drop),
        How::Entry => writer.append(entry),
        How::Prepare => writer.append_prepare(&entry.header, &entry.body),
        How::NewAsync => block_on(writer.append_new_async(&Draft::default(), &entry.body)).map(drop),
        How::EntryAsync => block_on(writer.append_async(entry)),
        How::PrepareAsync => block_on(writer.append_prepare_async(&entry.header, &entry.body)),
    }
}

fn log(profile: AnyProfile) -> Log {
    let noop = Draft::default();
    Builder::new(profile).draft(noop).chain(&[0, 10, 100, 0, 33]).build()
}

#[test]
fn log_holds_what_was_acknowledged_wherever_the_device_fails() {
    for profile in PROFILES {
        let log = log(profile);
        for how in How::ALL {
            for fuel in 0..=log.bytes.len() {
                let device = Failing::new(Choppy::new(Memory::default(), fuel as u64), fuel);
                let device = Yielding::new(device);
                let mut writer = Writer::new(device, profile);
                let mut acknowledged = Vec::new();
                for (index, placed) in log.entries.iter().enumerate() {
                    match append(&mut writer, how, log.entry(index)) {
                        Ok(()) => acknowledged.push(placed.offset),
                        Err(error) => assert_eq!(error, WriteError::Device(ErrorKind::Other)),
                    }
                    if writer.state() == State::Failed {
                        break;
                    }
                }
                assert_eq!(acknowledged.len(), log.entries.partition_point(|entry| entry.end() <= fuel));
                let size = writer.size();
                let bytes = writer.into_device().into_inner().into_inner().into_inner().bytes().to_vec();
                assert_eq!(bytes.len(), fuel, "what the device took is on it");
                let seen = read(&bytes, profile, &(how, fuel));
                assert_eq!(entry_offsets(&seen), acknowledged, "{how:?}, fuel {fuel}");
                let tail: &[_] = if size == fuel as u64 { &[] } else { &[(size, "torn-tail")] };
                assert_eq!(damages(&seen), tail, "{how:?}, fuel {fuel}");
            }
        }
    }
}

#[test]
fn writer_that_failed_writes_nothing_more() {
    let log = log(PROFILES[0]);
    let device = Yielding::new(Failing::new(Memory::default(), 300));
    let mut writer = Writer::new(device, log.profile);
    writer.append(log.entry(0)).unwrap();
    writer.append(log.entry(1)).unwrap_err();
    writer.device_mut().inner_mut().refuel(10_000); // the device is well again: the half entry is still there
    for how in How::ALL {
        assert_eq!(append(&mut writer, how, log.entry(1)), Err(WriteError::Failed));
    }
    assert_eq!(writer.checkpoint(|| panic!("not durable")), Err(WriteError::Failed));
    assert_eq!(block_on(writer.checkpoint_async(|| panic!("not durable"))), Err(WriteError::Failed));
    assert_eq!(writer.into_device().into_inner().into_inner().bytes().len(), 300);
}

#[test]
fn sync_that_fails_acknowledges_nothing_and_is_for_good() {
    let log = log(PROFILES[0]);
    let mut writer = Writer::new(Failing::new(Memory::default(), usize::MAX), log.profile);
    writer.append(log.entry(0)).unwrap();
    let mut done = false;
    writer.checkpoint(|| done = true).unwrap();
    assert!(done);
    assert_eq!(writer.device().inner().synced().len(), 272);
    writer.append(log.entry(1)).unwrap();
    writer.device_mut().set_sync_fails(true);
    let failed = writer.checkpoint(|| panic!("not durable"));
    assert_eq!(failed, Err(WriteError::Device(ErrorKind::Other)));
    writer.device_mut().set_sync_fails(false);
    assert_eq!(writer.checkpoint(|| panic!("not durable")), Err(WriteError::Failed));
    assert_eq!(writer.append(log.entry(2)), Err(WriteError::Failed));
}

#[test]
fn checkpoint_syncs_once_and_after_the_writes() {
    let log = log(PROFILES[1]);
    let mut writer = Writer::new(Counting::new(Memory::default()), log.profile);
    for index in 0..log.entries.len() {
        writer.append(log.entry(index)).unwrap();
    }
    assert_eq!(writer.device().inner().synced(), b"");
    writer.checkpoint(|| ()).unwrap();
    assert_eq!(writer.device().inner().synced(), log.bytes);
    let counts = writer.device().counts();
    assert_eq!((counts.syncs, counts.written_size), (1, log.bytes.len() as u64));
}

#[test]
fn entry_that_no_reader_would_take_is_refused_and_nothing_is_written() {
    for profile in PROFILES {
        let log = chain(profile, &[20]);
        let mut writer = Writer::new(Memory::default(), profile);
        for bit in 0..log.bytes.len() * 8 {
            let mut bytes = log.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Some(entry) = Entry::from_prefix(&bytes) else { continue };
            assert!(matches!(writer.append(entry), Err(WriteError::Invalid(_))), "bit {bit}");
            if bit / 8 >= 16 {
                // The magic is not part of a prepare.
                let refused = writer.append_prepare(&entry.header, &entry.body);
                assert!(matches!(refused, Err(WriteError::Invalid(_))), "bit {bit}");
            }
        }
        let [header, body] = [&log.bytes[16..272], &log.bytes[272..]];
        let header = Header::read_from_bytes(header).unwrap();
        assert!(writer.append_prepare(&header, &body[1..]).is_err(), "a byte of the body is missing");
        assert!(writer.append_prepare(&header, &[body, &[0]].concat()).is_err(), "a byte too many");
        assert_eq!((writer.device().bytes(), writer.state()), (&b""[..], State::Writing));
    }
}

/// An `Entry` is a view of any bytes, so its body may be longer than its header says. The rest of the
/// view once went into the log as garbage between two entries.
#[test]
fn entry_with_bytes_behind_its_body_is_refused() {
    for profile in PROFILES {
        let log = chain(profile, &[20]);
        let longer = [&log.bytes[..], b"garbage"].concat();
        let entry = Entry::ref_from_bytes(&longer).unwrap();
        let mut writer = Writer::new(Memory::default(), profile);
        assert_eq!(writer.append(entry), Err(WriteError::Header(HeaderRule::Size)));
        assert_eq!(writer.device().bytes(), b"");
    }
}

#[test]
fn entry_above_the_limit_is_refused() {
    let log = chain(PROFILES[0], &[100]);
    let mut writer = Writer::new(Memory::default(), log.profile).with_message_size_max(355);
    assert!(matches!(writer.append(log.entry(0)), Err(WriteError::Invalid(_))));
    let refused = writer.append_new(&Draft::default(), &[0; 100]);
    assert_eq!(refused, Err(WriteError::Header(HeaderRule::Size)));
    writer.append_new(&Draft::default(), &[0; 99]).unwrap();
}

#[test]
fn new_entries_continue_the_one_given() {
    for profile in PROFILES {
        let log = chain(profile, &[1, 2]);
        let last = log.entry(1).header;
        let mut writer = Writer::new(Memory::default(), profile).continue_after(last);
        let link = writer.append_new(&Draft::default(), b"three").unwrap();
        assert_eq!((link.op, link.parent), (Op(3), log.entries[1].checksum));
        let mut end = last;
        end.op = u64::MAX.into();
        let mut writer = Writer::new(Memory::default(), profile).continue_after(end);
        let refused = writer.append_new(&Draft::default(), b"");
        assert_eq!(refused, Err(WriteError::Header(HeaderRule::Op)), "no op is left");
    }
}

/// With a bound of 0 every append was refused with the advice to checkpoint, which was of no help.
#[test]
fn one_entry_at_least_may_be_unsynced() {
    let mut writer = Writer::new(Memory::default(), PROFILES[1]).with_unsynced_max(0);
    for _ in 0..3 {
        writer.append_new(&Draft::default(), b"").unwrap();
        let refused = writer.append_new(&Draft::default(), b"").map(drop);
        assert_eq!(refused, Err(WriteError::Unsynced { max: 1 }));
        writer.checkpoint(|| ()).unwrap();
    }
}

/// A step of a writer's life.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Begin,
    End(bool),
    Checkpoint,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Append),
        2 => Just(Step::Begin),
        2 => Just(Step::End(true)),
        1 => Just(Step::Checkpoint),
        1 => prop::bool::weighted(0.7).prop_map(Step::End),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(cases(128))]

    /// The model: entries since the last sync that succeeded, those under way, whether all is lost.
    #[test]
    fn unsynced_entries_are_bounded_through_any_history(steps in steps(), max in 1..6_u32) {
        let mut writer = Writer::new(Memory::default(), PROFILES[1]).with_unsynced_max(max);
        let (mut unsynced, mut covered, mut failed, mut appended) = (0, None, false, 0);
        for step in steps {
            match step {
                Step::Append => {
                    let result = writer.append_new(&Draft::default(), b"");
                    if failed {
                        prop_assert_eq!(result, Err(WriteError::Failed));
                    } else if unsynced == max {
                        prop_assert_eq!(result, Err(WriteError::Unsynced { max }));
                    } else {
                        prop_assert!(result.is_ok());
                        unsynced += 1;
                        appended += 1;
                    }
                }
                Step::Begin => {
                    let may = !failed && covered.is_none();
                    prop_assert_eq!(writer.begin_checkpoint::<ErrorKind>().is_ok(), may);
                    if may {
                        covered = Some(unsynced);
                    }
                }
                Step::End(synced) => {
                    let may = !failed && covered.is_some() && synced;
                    prop_assert_eq!(writer.end_checkpoint::<ErrorKind>(synced).is_ok(), may);
                    match covered.take() {
                        Some(covered) if may => unsynced -= covered,
                        Some(_) => failed = true,
                        None => {}
                    }
                }
                Step::Checkpoint => {
                    let may = !failed && covered.is_none();
                    prop_assert_eq!(writer.checkpoint(|| ()).is_ok(), may);
                    if may {
                        unsynced = 0;
                    }
                }
            }
            prop_assert_eq!(writer.state() == State::Failed, failed);
            if !failed {
                prop_assert_eq!(writer.unsynced(), unsynced);
            }
        }
        let entries = Entries::new(writer.device().bytes(), PROFILES[1]);
        prop_assert_eq!(entries.filter(Result::is_ok).count(), appended);
        prop_assert_eq!(writer.size(), writer.device().bytes().len() as u64);
    }
}

#[test]
fn both_profiles_write_their_own_magic() {
    for profile in PROFILES {
        let mut writer = Writer::new(Memory::default(), profile);
        writer.append_new(&Draft::default(), b"").unwrap();
        assert_eq!(writer.device().bytes()[..16], profile.magic());
    }
}
