//! Reading from any place: resumed, restarted, with the chain looked at or not.

use crate::SMALL_BODIES;
use aof_nostd::chain::Relation;
use aof_nostd::checksum::{Backend, Checksum};
use aof_nostd::storage::Cursor;
use aof_nostd::wire::{HeaderRule, Op};
use aof_nostd::{AnyProfile, DamageKind, ReadError, Reader};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::device::{Counting, Memory};
use aof_tests::events::Form;

type Memories = Reader<Memory, Vec<u8>, AnyProfile>;

fn reader(log: &Log) -> Memories {
    Reader::new(Memory::new(log.bytes.clone()), vec![0; 600], log.profile).unwrap().with_chain_check(true)
}

#[test]
fn reading_resumes_from_position_and_last_checksum() {
    for profile in PROFILES {
        let log = chain(profile, &[0, 40, 1_000, 3, 0]);
        for count in 0..=log.entries.len() {
            let mut before = reader(&log);
            for _ in 0..count {
                before.next_streamed(|_| {}).unwrap().unwrap();
            }
            let (position, last) = (before.position(), before.last_checksum());
            assert_eq!(last, count.checked_sub(1).map(|last| log.entries[last].checksum));
            for form in [Form::Event, Form::Next, Form::Streamed, Form::Header] {
                let mut after = reader(&log);
                after.set_position(position);
                after.set_last_checksum(last);
                let seen = form.read(&mut after).unwrap();
                assert_eq!(seen.len(), log.entries.len() - count, "{form:?} after {count}");
            }
        }
    }
}

#[test]
fn resuming_with_another_logs_checksum_is_a_chain_break() {
    let log = chain(PROFILES[0], &[0, 40]);
    let mut reader = reader(&log);
    reader.set_position(272);
    reader.set_last_checksum(Some(Checksum::new(99)));
    let Err(ReadError::Chain(broken)) = reader.next() else { panic!("no break") };
    assert_eq!((broken.offset, broken.op, broken.expected), (272, Op(2), Checksum::new(99)));
    assert_eq!(broken.parent, log.entries[0].checksum);
    assert_eq!(reader.position(), 272);
    assert_eq!(reader.skip(), Ok(272), "the entry is whole: it is not skipped");
    assert_eq!(reader.next().unwrap().unwrap().offset, 272);
}

/// A backtrack, a gap and a fork: each stops every form, and `skip` accepts each.
#[test]
fn chain_breaks_are_told_and_accepted_one_by_one() {
    let built = |profile| {
        Builder::new(profile).chain(&[0, 1, 2]).repeat(0..2).gap(4).chain(&[3, 0]).fork(6).chain(&[0]).build()
    };
    for profile in PROFILES {
        let log = built(profile);
        let last = log.entries[5].op;
        let expected = [
            (log.entries[3].offset, Relation::Backtrack { from: Op(3) }),
            (log.entries[5].offset, Relation::Gap { first: Op(3), last: last.previous().unwrap() }),
        ];
        for form in [Form::Next, Form::Streamed, Form::Header, Form::Event] {
            let mut reader = reader(&log);
            let mut breaks = Vec::new();
            let mut count = 0;
            loop {
                let step = match form {
                    Form::Next => reader.next().map(|located| located.is_some()),
                    Form::Streamed => reader.next_streamed(|_| {}).map(|head| head.is_some()),
                    Form::Header => reader.next_header().map(|head| head.is_some()),
                    Form::Event => reader.next_event().map(|event| event.is_some()),
                };
                match step {
                    Ok(true) => count += 1,
                    Ok(false) => break,
                    Err(ReadError::Chain(broken)) => {
                        breaks.push((usize::try_from(broken.offset).unwrap(), broken.relation));
                        reader.skip().unwrap();
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_eq!(count, log.entries.len(), "{form:?}: nothing whole is lost");
            assert_eq!(breaks, expected, "{form:?}");
        }
        let mut unchecked = reader(&log).with_chain_check(false);
        assert_eq!(Form::Event.read(&mut unchecked).unwrap().len(), log.entries.len());
    }
}

#[test]
fn another_child_of_one_parent_is_a_fork() {
    let log = Builder::new(PROFILES[1]).chain(&[0, 1, 2]).fork(1).chain(&[2]).build();
    let mut reader = reader(&log);
    for _ in 0..3 {
        reader.next().unwrap().unwrap();
    }
    let Err(ReadError::Chain(broken)) = reader.next() else { panic!("no break") };
    assert_eq!(broken.relation, Relation::Fork { op: Op(3), known: log.entries[2].checksum });
}

#[test]
fn chain_starts_anew_behind_damage() {
    for profile in PROFILES {
        let mut log = chain(profile, &[0, 1, 2, 3]);
        log.bytes[300] ^= 1;
        let seen = Form::Event.read(&mut reader(&log)).unwrap();
        assert_eq!(seen.iter().filter(|seen| seen.is_entry()).count(), 3);
    }
}

#[test]
fn reset_reads_from_the_beginning_once_more() {
    let log = chain(PROFILES[0], &[0, 1, 2]);
    let mut reader = reader(&log);
    let once = Form::Event.read(&mut reader).unwrap();
    reader.reset();
    assert_eq!((reader.position(), reader.last_checksum()), (0, None));
    assert_eq!(Form::Next.read(&mut reader).unwrap(), once);
}

#[test]
fn search_finds_the_first_entry_of_any_range() {
    let log = chain(PROFILES[0], &[0, 100, 5]);
    let mut reader = reader(&log);
    let device = Yielding::new(Memory::new(log.bytes.clone()));
    let mut waited_for = block_on(Reader::new_async(device, [0; 600], log.profile)).unwrap();
    let size = log.bytes.len();
    for from in 0..size + 10 {
        for until in [from, from + 1, from + 200, 272, 273, 644, 645, size, usize::MAX] {
            let mut starts = log.entries.iter().map(|entry| entry.offset);
            let expected = starts.find(|start| (from..until).contains(start)).map(|start| start as u64);
            assert_eq!(reader.search(from as u64, until as u64), Ok(expected), "in {from}..{until}");
            let found = block_on(waited_for.search_async(from as u64, until as u64));
            assert_eq!(found, Ok(expected), "in {from}..{until}, async");
        }
    }
}

/// A worker of a scan looks for the first entry of its segment. When it looked on behind the segment, a
/// file of zeros was read once per segment: 4 GiB took two minutes.
#[test]
fn search_reads_no_farther_than_its_range() {
    let device = Counting::new(Memory::new(vec![0; 1 << 20]));
    let mut reader = Reader::new(device, [0; 512], PROFILES[0]).unwrap();
    assert_eq!(reader.search(1000, 5000), Ok(None));
    assert_eq!(reader.position(), 0, "nothing was found");
    let counts = reader.into_device().counts();
    assert!(counts.read_size <= 4000 + 2 * 512, "{counts:?}");
}

#[test]
fn entry_above_the_limit_is_damage_and_nothing_of_it_is_read() {
    for profile in PROFILES {
        let log = chain(profile, &[50, 2_000_000, 50]);
        let device = Counting::new(Memory::new(log.bytes.clone()));
        let mut reader = Reader::new(device, [0; 400], profile).unwrap();
        assert_eq!(reader.next_header().unwrap().unwrap().offset, 0);
        let Err(ReadError::Damage(damage)) = reader.next_header() else { panic!("2 MB are above 1 MiB") };
        assert_eq!(damage.kind, DamageKind::HeaderInvalid(HeaderRule::Size));
        assert_eq!((damage.offset, damage.op), (322, Some(Op(2))));
        let counts = reader.into_device().counts();
        assert!(counts.read_size <= 800 && counts.read_size_max <= 400, "{counts:?}");

        let device = Memory::new(log.bytes.clone());
        let mut reader = Reader::new(device, [0; 400], profile).unwrap().with_message_size_max(2_000_256);
        assert_eq!(
            Form::Streamed.read(&mut reader).unwrap().iter().filter(|seen| seen.is_entry()).count(),
            3
        );
    }
}

#[test]
fn positions_behind_the_end_are_the_end() {
    for offset in [183_616, 183_617, u64::MAX - 1, u64::MAX] {
        let mut reader = Reader::open(Cursor::new(SMALL_BODIES), [0; 512], Backend::default()).unwrap();
        reader.set_position(offset);
        assert_eq!(reader.next(), Ok(None));
        assert_eq!(reader.next_header(), Ok(None));
        assert_eq!(reader.skip(), Ok(183_616));
    }
}
