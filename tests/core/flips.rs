//! A flip of every bit of a small log, and of every bit of every header of larger ones.

use crate::read;
use aof_nostd::storage::Cursor;
use aof_nostd::{AnyProfile, Entries, Event, Reader};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::{Builder, Log, PROFILES, chain};
use aof_tests::damage::Harm;
use aof_tests::device::Memory;
use aof_tests::events::{Form, by_entries, damages, entry_offsets};

/// The kind of damage that a flip of the byte `at` of an entry is: the first rule that it breaks.
const fn kind(at: usize) -> &'static str {
    match at {
        0..16 => "magic",
        16..272 => "header-checksum",
        _ => "body-checksum",
    }
}

/// Every entry but the one hit is found, and that one is told with offset and kind.
fn assert_flips(log: &Log) {
    for bit in 0..log.bytes.len() * 8 {
        let mut bytes = log.bytes.clone();
        Harm::Flip { bit }.apply(&mut bytes);
        let seen = read(&bytes, log.profile, &format_args!("bit {bit}"));
        let hit = &log.entries[log.index_at(bit / 8).unwrap()];
        assert_eq!(damages(&seen), [(hit.offset as u64, kind(bit / 8 - hit.offset))], "bit {bit}");
        let others: Vec<usize> =
            log.entries.iter().map(|entry| entry.offset).filter(|offset| *offset != hit.offset).collect();
        assert_eq!(entry_offsets(&seen), others, "bit {bit}");
    }
}

#[test]
fn flip_of_any_bit_costs_only_the_entry_that_it_hits() {
    for profile in PROFILES {
        assert_flips(&Builder::new(profile).chain(&[0, 40, 1]).repeat(1..2).gap(7).chain(&[16]).build());
    }
}

#[test]
fn flip_in_a_log_of_one_entry_is_reported() {
    for profile in PROFILES {
        assert_flips(&Builder::new(profile).chain(&[9]).build());
    }
}

#[test]
fn flips_in_two_neighbours_cost_both_and_no_other() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[3, 20, 30, 4]).build();
        let [first, second] = [1, 2].map(|index| log.entries[index]);
        // The magic, the size, another field of the header, the body.
        for at in [5, 16 + 97, 16 + 230, 275] {
            for and in [5, 16 + 97, 16 + 230, 275] {
                let mut bytes = log.bytes.clone();
                bytes[first.offset + at] ^= 0x10;
                bytes[second.offset + and] ^= 0x10;
                let seen = read(&bytes, profile, &(at, and));
                assert_eq!(entry_offsets(&seen), [0, log.entries[3].offset], "{at}, {and}");
            }
        }
    }
}

/// A replica's log after a restart, by its entries' bodies: it goes back, and on.
fn restarted(profile: AnyProfile, bodies: &[usize], back: usize) -> Log {
    let log = Builder::new(profile).chain(&bodies[..bodies.len() / 2]);
    let last = bodies.len() / 2;
    log.repeat(last - back..last).chain(&bodies[last..]).build()
}

/// The logs whose headers are flipped: records of a fixed size, a power of two; all sizes; bodies that hold a log.
fn logs(profile: AnyProfile) -> [Log; 4] {
    let inner = chain(profile, &[0, 5]).bytes;
    let holding = Builder::new(profile).entry(&inner).entry(&[&inner[..], b"."].concat());
    [
        restarted(profile, &[240; 60], 20),
        restarted(profile, &[1_008; 24], 3),
        restarted(profile, &[0, 16, 999, 31, 2_032, 240, 240, 496, 1, 240, 752, 0, 240, 4_096, 7, 240], 5),
        holding.chain(&[240, 0, 3]).repeat(2..5).build(),
    ]
}

/// Whatever bit of the header of every `step`th entry is flipped, reading continues where that entry ends: all
/// other entries are found.
fn assert_no_entry_is_hidden(step: usize) {
    for profile in PROFILES {
        for log in logs(profile) {
            let mut bytes = log.bytes.clone();
            for entry in log.entries.iter().step_by(step) {
                for bit in (entry.offset * 8)..(entry.offset + 272) * 8 {
                    let flip = Harm::Flip { bit };
                    flip.apply(&mut bytes);
                    let mut entries = Entries::new(&bytes, profile);
                    entries.set_position(entry.offset as u64);
                    match entries.next_event() {
                        Some(Event::Damage(damage, until)) => {
                            assert_eq!(damage.offset, entry.offset as u64);
                            let place = (entry.offset, bit - entry.offset * 8);
                            assert_eq!(until, entry.end() as u64, "entry and bit {place:?}");
                        }
                        other => panic!("{other:?} where a bit is wrong"),
                    }
                    flip.apply(&mut bytes);
                }
            }
        }
    }
}

#[test]
fn flip_of_any_bit_of_a_header_hides_no_other_entry() {
    assert_no_entry_is_hidden(5);
}

/// By hand: docs/durability.md.
#[test]
#[ignore = "takes 20 s; the test above takes every fifth entry"]
fn flip_of_any_bit_of_any_header_hides_no_other_entry() {
    assert_no_entry_is_hidden(1);
}

/// The same for a sample of the bits, every bit of `size` among them, in all forms of reading.
#[test]
fn flip_in_a_header_hides_no_other_entry_in_any_form_of_reading() {
    for profile in PROFILES {
        for log in logs(profile) {
            for (index, entry) in log.entries.iter().enumerate().step_by(7) {
                let size = (16 + 96) * 8..(16 + 100) * 8;
                for bit in size.step_by(1 + index % 3).chain((index % 5..272 * 8).step_by(509)) {
                    let mut bytes = log.bytes.clone();
                    Harm::Flip { bit: entry.offset * 8 + bit }.apply(&mut bytes);
                    let expected = by_entries(&bytes, aof_nostd::Checker::new(profile));
                    let others =
                        log.entries.iter().map(|entry| entry.offset).filter(|at| *at != entry.offset);
                    assert_eq!(entry_offsets(&expected), others.collect::<Vec<_>>(), "bit {bit}");
                    for buffer in [272, 700, 1 << 20] {
                        let mut reader = Reader::new(Cursor::new(&bytes), vec![0; buffer], profile).unwrap();
                        assert_eq!(Form::Event.read(&mut reader).unwrap(), expected, "buffer {buffer}");
                    }
                    let mut reader = Reader::new(Cursor::new(&bytes), [0; 300], profile).unwrap();
                    assert_eq!(Form::Streamed.read(&mut reader).unwrap(), expected);
                    let device = Yielding::new(Memory::new(bytes.clone()));
                    let mut reader = block_on(Reader::new_async(device, [0; 300], profile)).unwrap();
                    let seen = block_on(Form::Event.read_async(&mut reader));
                    assert_eq!(seen.unwrap(), expected, "async");
                }
            }
        }
    }
}
