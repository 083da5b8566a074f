//! Where a log ends on a device that is larger than it: found after any cut, past any garbage, and refused
//! where the log goes on behind damage. A writer that recovers, cleans and goes on through any number of
//! power cuts loses nothing that it synced.

mod lives;

use crate::{SMALL_BODIES, cases};
use aof_nostd::storage::{BLOCK_SIZE, Blocks, Cursor, Sync};
use aof_nostd::tail::Torn;
use aof_nostd::wire::{HEAD_SIZE, Header};
use aof_nostd::{
    AnyProfile, Damage, DamageKind, Draft, ForeignMagic, Op, Recovery, Tail, TailError, WriteError, Writer,
};
use aof_tests::asynch::block_on;
use aof_tests::build::{Builder, Log, PROFILES, Placed, chain, entry_bytes};
use aof_tests::device::{Failing, Memory};
use aof_tests::disk::{Disk, Loss};
use aof_tests::random::Random;
use embedded_io::{ErrorKind, Seek, Write};
use proptest::prelude::*;

type Found = Result<Tail, TailError<aof_nostd::storage::CursorError>>;

fn find(bytes: &[u8], profile: AnyProfile) -> Found {
    let recovery = Recovery::new(profile);
    let found = recovery.find(Cursor::new(bytes), [0; HEAD_SIZE]);
    assert_eq!(found, recovery.find(Cursor::new(bytes), vec![0; 5000]), "whatever the buffer");
    let waited_for = recovery.find_async(Cursor::new(bytes), [0; 300]);
    assert_eq!(found, block_on(waited_for), "async");
    found
}

/// `bytes` at the beginning of a zeroed device.
fn raw(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0; 3000]].concat()
}

/// The tail of a log of which the first `entries` are whole, with nothing checked behind it.
fn whole(log: &Log, entries: usize) -> Tail {
    let Some(last) = entries.checked_sub(1) else { return Tail::default() };
    let end = log.entries[last].end() as u64;
    Tail { end, last: Some(log.entry(last).header), entries: entries as u64, torn: None }
}

fn extent(bytes: &[u8], from: u64) -> Option<Torn> {
    let behind = &bytes[usize::try_from(from).unwrap()..];
    let start = behind.iter().position(|byte| *byte != 0)? as u64;
    let end = behind.iter().rposition(|byte| *byte != 0)? as u64 + 1;
    Some(Torn { start: from + start, end: from + end })
}

/// Cleans it and looks at it again; nothing but the torn bytes may have changed.
fn assert_clean(mut bytes: Vec<u8>, tail: Tail, profile: AnyProfile) {
    let mut expected = bytes.clone();
    if let Some(torn) = tail.torn {
        expected[usize::try_from(torn.start).unwrap()..usize::try_from(torn.end).unwrap()].fill(0);
    }
    let mut other = bytes.clone();
    let mut device = Cursor::new(&mut bytes[..]);
    tail.clean(&mut device).unwrap();
    assert_eq!(device.position(), tail.end);
    assert_eq!(bytes, expected);
    let mut device = Cursor::new(&mut other[..]);
    block_on(tail.clean_async(&mut device)).unwrap();
    assert_eq!(device.position(), tail.end);
    assert_eq!(other, expected, "async");
    assert_eq!(find(&bytes, profile), Ok(Tail { torn: None, ..tail }));
}

#[test]
fn every_cut_of_a_log_ends_it_with_the_last_whole_entry() {
    for profile in PROFILES {
        let log = chain(profile, &[0, 100, 1, 600]);
        for cut in 0..=log.bytes.len() {
            let file = &log.bytes[..cut];
            let kept = |entry: &Placed| entry.end() <= cut;
            let mut expected = whole(&log, log.entries.partition_point(kept));
            expected.torn = extent(file, expected.end);
            assert_eq!(find(file, profile), Ok(expected), "cut {cut}");
            // On a device, an entry that lacks nothing but zeros is whole: zeros stand there.
            let device = raw(file);
            let kept = |entry: &Placed| device[entry.range()] == log.bytes[entry.range()];
            let mut expected = whole(&log, log.entries.partition_point(kept));
            expected.torn = extent(file, expected.end.min(cut as u64));
            assert_eq!(find(&device, profile), Ok(expected), "cut {cut}");
            assert_clean(device, expected, profile);
        }
    }
}

#[test]
fn recorded_log_on_a_device_ends_where_the_file_does() {
    let tail = find(&raw(SMALL_BODIES), AnyProfile::default()).unwrap();
    assert_eq!((tail.end, tail.entries, tail.torn), (SMALL_BODIES.len() as u64, 300, None));
    assert_eq!(tail.last.map(|header| header.op()), Some(Op(300)));
}

#[test]
fn garbage_behind_the_last_entry_is_torn() {
    for profile in PROFILES {
        let log = chain(profile, &[0, 100]);
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut device = raw(&log.bytes);
            for _ in 0..1 + random.below(3) {
                let start = log.bytes.len() + random.below(2000);
                let size = 1 + random.below(900);
                let noise = random.bytes(size);
                device[start..start + noise.len()].copy_from_slice(&noise);
            }
            let expected = Tail { torn: extent(&device, log.bytes.len() as u64), ..whole(&log, 2) };
            assert_eq!(find(&device, profile), Ok(expected), "seed {seed}");
            assert_clean(device, expected, profile);
        }
    }
}

/// A flip anywhere in any entry but the last: entries follow, and they must not be written over.
#[test]
fn every_flip_in_the_middle_is_refused_with_both_places() {
    for profile in PROFILES {
        let log = chain(profile, &[20, 0, 30]);
        for bit in 0..log.entries[1].end() * 8 {
            let mut device = raw(&log.bytes);
            device[bit / 8] ^= 1 << (bit % 8);
            let index = log.index_at(bit / 8).unwrap();
            let found = find(&device, profile);
            let Err(TailError::Middle { damage, next, next_op }) = found else {
                panic!("bit {bit}: {found:?}")
            };
            assert_eq!(damage.offset, log.entries[index].offset as u64, "bit {bit}");
            assert_eq!(next, log.entries[index + 1].offset as u64, "bit {bit}");
            assert_eq!(next_op, log.entries[index + 1].op, "bit {bit}");
        }
        for bit in log.entries[2].offset * 8..log.bytes.len() * 8 {
            let mut device = raw(&log.bytes);
            device[bit / 8] ^= 1 << (bit % 8);
            let expected = Tail { torn: extent(&device, log.entries[2].offset as u64), ..whole(&log, 2) };
            assert_eq!(find(&device, profile), Ok(expected), "bit {bit}: the last entry may be torn");
        }
    }
}

#[test]
fn zeroed_block_in_the_middle_is_refused() {
    let log = chain(PROFILES[0], &[200; 10]);
    for number in 0..8 {
        let mut device = raw(&log.bytes);
        device[number * BLOCK_SIZE..][..BLOCK_SIZE].fill(0);
        let found = find(&device, PROFILES[0]);
        assert!(matches!(found, Err(TailError::Middle { .. })), "block {number}: {found:?}");
    }
}

/// The reach bounds the time. The price: damage that leaves no start within it looks like the end.
#[test]
fn search_ends_where_unsynced_writes_do() {
    let log = chain(PROFILES[1], &[100, 100]);
    let bytes = [log.entry_bytes(0), &[0; 3000], log.entry_bytes(1)].concat();
    let recovery = Recovery::new(PROFILES[1]).with_message_size_max(400);
    let find = |size| recovery.with_search_size_max(size).find(Cursor::new(&bytes), [0; 300]);
    assert!(matches!(find(3001), Err(TailError::Middle { next: 3372, next_op: Op(2), .. })));
    assert_eq!(find(3000), Ok(whole(&log, 1)));
}

/// A body may hold a log. While the head that it belongs to stands, none of it counts.
#[test]
fn log_in_a_torn_body_is_no_reason_to_refuse() {
    for profile in PROFILES {
        let inner = Builder::new(profile).start_with(header(70)).chain(&[10, 10]).build();
        let log = Builder::new(profile).chain(&[50]).entry(&[&inner.bytes[..], &[7; 2000]].concat()).build();
        let kept = log.entries[1].offset + HEAD_SIZE + inner.bytes.len() + 100;
        let device = raw(&log.bytes[..kept]);
        let tail = find(&device, profile).unwrap();
        assert_eq!((tail.entries, tail.end), (1, log.entries[0].end() as u64));
        // A power cut while it is cleaned, at every write: the next recovery is as sure.
        let block_count = device.len() / BLOCK_SIZE;
        for kept in 0..10 {
            let mut blocks = Blocks::<_, 1>::new(
                Disk::new(&device[..block_count * BLOCK_SIZE], block_count).with_fuel(kept),
            );
            let cleaned = tail.clean(&mut blocks);
            for seed in 0..20 {
                let cut = blocks.device().clone().cut(Loss::Any { seed });
                let again = find(cut.bytes(), profile).unwrap();
                assert_eq!(
                    (again.entries, again.end),
                    (1, tail.end),
                    "kept {kept}, seed {seed}, {cleaned:?}"
                );
            }
        }
    }
}

/// A device of bytes can be cut anywhere in the zeroing of a torn first entry. Once its magic went before the
/// rest of it: what was left looked like no log, and the device was refused from then on.
#[test]
fn first_entry_that_was_zeroed_in_part_is_no_other_thing_on_the_device() {
    for profile in PROFILES {
        let log = chain(profile, &[700]);
        for kept in [5, 16, 100, HEAD_SIZE, HEAD_SIZE + 600] {
            let device = raw(&log.bytes[..kept]);
            let tail = find(&device, profile).unwrap();
            let size = tail.torn.map_or(0, |torn| usize::try_from(torn.end - torn.start).unwrap());
            for fuel in 0..=kept {
                let mut cut = Failing::new(Memory::new(device.clone()), fuel);
                let cleaned = tail.clean(&mut cut);
                assert_eq!(cleaned.is_ok(), fuel >= size, "{kept} bytes torn, {fuel} zeroed");
                let left = cut.into_inner().bytes().to_vec();
                let again = find(&left, profile);
                assert_eq!(again.map(|tail| tail.entries), Ok(0), "{kept} bytes torn, {fuel} zeroed");
            }
        }
        // Part of the magic where it belongs, and nothing else, is its rest; anything beside it is not.
        let mut disk = raw(&[]);
        disk[3] = log.bytes[3];
        assert!(find(&disk, profile).is_ok());
        disk[16] = 1;
        assert_eq!(find(&disk, profile), Err(TailError::NoLog { offset: 3 }));
    }
}

/// Seeks and flushes that were interrupted once failed the recovery, and the writer for good. An interrupted
/// sync does so still: how much of it was done is not known.
#[test]
fn interrupted_calls_are_made_again_but_for_syncs() {
    let log = chain(PROFILES[1], &[20, 700]);
    let torn = raw(&log.bytes[..log.bytes.len() - 100]);
    for seed in 0..50 {
        let mut device =
            Interrupted { inner: Memory::new(torn.clone()), random: Random::new(seed), syncs: 0 };
        let tail = Recovery::new(PROFILES[1]).find(&mut device, [0; 300]).unwrap();
        assert_eq!(tail.entries, 1);
        tail.clean(&mut device).unwrap();
        let mut writer = Writer::new(&mut device, PROFILES[1]).continue_after(tail.last.unwrap());
        writer.append_new(&Draft::default(), b"on").unwrap();
        writer.device_mut().syncs = 1;
        let failed = Err(WriteError::Device(ErrorKind::Interrupted));
        assert_eq!(writer.checkpoint(|| panic!("not durable")), failed);
        assert_eq!(writer.checkpoint(|| panic!("not durable")), Err(WriteError::Failed));
        device.syncs = 1;
        assert_eq!(tail.clean(&mut device), failed);
    }
}

/// Interrupts one call in three, but of the syncs only the next `syncs`.
struct Interrupted {
    inner: Memory,
    random: Random,
    syncs: u32,
}

impl Interrupted {
    fn interrupt(&mut self) -> Result<(), ErrorKind> {
        if self.random.one_in(3) { Err(ErrorKind::Interrupted) } else { Ok(()) }
    }
}

impl embedded_io::ErrorType for Interrupted {
    type Error = ErrorKind;
}

impl embedded_io::Read for Interrupted {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.interrupt()?;
        self.inner.read(buffer)
    }
}

impl Write for Interrupted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.interrupt()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.interrupt()?;
        self.inner.flush()
    }
}

impl Seek for Interrupted {
    fn seek(&mut self, target: embedded_io::SeekFrom) -> Result<u64, ErrorKind> {
        self.interrupt()?;
        self.inner.seek(target)
    }
}

impl Sync for Interrupted {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        if self.syncs > 0 {
            self.syncs -= 1;
            return Err(ErrorKind::Interrupted);
        }
        self.inner.sync()
    }
}

/// A writer that went on behind a torn piece, without cleaning it, with the same entry once more.
#[test]
fn second_try_inside_the_extent_of_the_torn_one_counts() {
    let whole = chain(PROFILES[0], &[50, 3000]);
    let log = Builder::new(PROFILES[0])
        .chain(&[50])
        .raw(&whole.entry_bytes(1)[..400])
        .raw(whole.entry_bytes(1))
        .build();
    let found = find(&raw(&log.bytes), PROFILES[0]);
    assert!(matches!(found, Err(TailError::Middle { next: 722, next_op: Op(2), .. })), "{found:?}");
}

#[test]
fn other_history_behind_the_end_is_a_fork() {
    // Entries of one size: an old log's entry stands exactly where the new log ends.
    let old =
        Builder::new(PROFILES[1]).draft(Draft { request: 1, ..Draft::default() }).chain(&[9, 9, 9]).build();
    let new = chain(PROFILES[1], &[9, 9]);
    let device = [new.bytes.as_slice(), &old.bytes[new.bytes.len()..]].concat();
    let found = find(&raw(&device), PROFILES[1]);
    let Err(TailError::Fork(broken)) = found else { panic!("{found:?}") };
    assert_eq!((broken.offset, broken.op), (new.bytes.len() as u64, Op(3)));
}

#[test]
fn replicas_log_that_goes_back_and_ahead_is_recovered() {
    let log = Builder::new(PROFILES[0]).chain(&[1, 2, 3]).repeat(1..3).gap(7).chain(&[4]).build();
    assert_eq!(find(&raw(&log.bytes), PROFILES[0]), Ok(whole(&log, 6)));
}

#[test]
fn device_that_holds_something_else_is_refused() {
    let mut disk = vec![0; 4000];
    disk[1080] = 0x53; // a file system begins a block or two later
    assert_eq!(find(&disk, PROFILES[0]), Err(TailError::NoLog { offset: 1080 }));
    assert_eq!(find(&vec![0; 4000], PROFILES[0]), Ok(Tail::default()));
    assert_eq!(find(&[], PROFILES[0]), Ok(Tail::default()));
}

/// As a firmware finds it that was built with the other profile. Whole or torn: cut it is for somebody else.
#[test]
fn log_of_the_other_profile_is_refused_wherever_it_begins() {
    let legacy = 312_960_301_372_567_410_560_647_846_651_901_451_202_u128.to_le_bytes();
    for [profile, other] in [PROFILES, [PROFILES[1], PROFILES[0]]] {
        let foreign = chain(other, &[5, 100]).bytes;
        let log = chain(profile, &[10]);
        for own in [&[][..], &log.bytes] {
            let seen = [
                (&foreign[..], ForeignMagic::OtherProfile),
                (&foreign[..40], ForeignMagic::OtherProfile),
                (&foreign[..16], ForeignMagic::OtherProfile),
                (&legacy, ForeignMagic::Legacy),
            ];
            for (foreign, magic) in seen {
                let found = find(&raw(&[own, foreign].concat()), profile);
                let damage = Damage { offset: own.len() as u64, op: None, kind: DamageKind::Magic(magic) };
                assert_eq!(found, Err(TailError::Foreign(damage)));
                let text = found.unwrap_err().to_string();
                for part in [&*format!("byte {}: ", own.len()), "append nothing", "profile"] {
                    assert!(text.contains(part), "{text}");
                }
            }
            // A part of its magic (which ends with a zero) is what anything may be: garbage behind a log, no log where there is none.
            let found = find(&raw(&[own, &foreign[..14]].concat()), profile);
            match own {
                [] => assert_eq!(found, Err(TailError::NoLog { offset: 0 })),
                _ => assert_eq!(found.map(|tail| tail.entries), Ok(1)),
            }
        }
    }
}

#[test]
fn messages_say_what_where_and_what_to_do() {
    let mut log = chain(PROFILES[0], &[5, 5]).bytes;
    log[272] ^= 1;
    let found = find(&raw(&log), PROFILES[0]);
    let text = found.unwrap_err().to_string();
    for part in ["byte 0 (op 1): the body's checksum", "byte 277 (op 2)", "append nothing", "merge"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn device_without_durability_takes_no_writer_and_is_not_touched() {
    let torn = raw(&chain(PROFILES[0], &[5, 2000]).bytes[..1500]);
    let mut device = Failing::new(Memory::new(torn.clone()), usize::MAX);
    device.set_sync_fails(true);
    let tail = Recovery::new(PROFILES[0]).find(&mut device, [0; 300]).unwrap();
    assert!(tail.torn.is_some());
    assert_eq!(tail.clean(&mut device), Err(WriteError::Device(ErrorKind::Other)));
    assert_eq!(device.into_inner().bytes(), torn);
}

fn header(op: u64) -> Header {
    Header { op: op.into(), commit: (op - 1).into(), ..Header::new() }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn any_bytes_give_an_answer(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..3000), at in 0..3000_usize, crc in any::<bool>()
    ) {
        let profile = PROFILES[usize::from(crc)];
        let _ = find(&bytes, profile);
        let entry = entry_bytes(profile, &header(5), b"");
        let at = at.min(bytes.len());
        bytes.splice(at..at, entry);
        bytes.splice(0..0, chain(profile, &[3]).bytes);
        let _ = find(&bytes, profile);
    }
}

#[test]
fn damage_farther_ahead_than_leftovers_can_be_is_refused() {
    let log = chain(PROFILES[0], &[10; 8]);
    let mut device = raw(&log.bytes);
    device[log.entries[2].offset + 20] ^= 1;
    let find = |leftovers| {
        Recovery::new(PROFILES[0]).with_leftovers_max(leftovers).find(Cursor::new(&device), [0; 300])
    };
    // Ops 4 to 8 are behind it; the writer bounds unsynced entries, so op 8 tells.
    for leftovers in 0..6 {
        assert!(matches!(find(leftovers), Err(TailError::Middle { .. })), "{leftovers}");
    }
    assert_eq!(find(6).map(|tail| tail.entries), Ok(2));
    assert!(matches!(find(1), Err(TailError::Middle { next_op: Op(4), .. })), "op 3 alone may be given up");
}

#[test]
fn failed_read_is_the_devices_and_not_the_logs_fault() {
    struct Broken;
    impl embedded_io::ErrorType for Broken {
        type Error = ErrorKind;
    }
    impl embedded_io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> Result<usize, ErrorKind> {
            Err(ErrorKind::TimedOut)
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, _: embedded_io::SeekFrom) -> Result<u64, ErrorKind> {
            Ok(1000)
        }
    }
    let found = Recovery::new(PROFILES[0]).find(Broken, [0; 300]);
    assert_eq!(found, Err(TailError::Device(ErrorKind::TimedOut)));
    assert!(matches!(
        Recovery::new(PROFILES[0]).find(Broken, [0; 100]),
        Err(TailError::Buffer { needed: 272 })
    ));
}

/// A header that is whole is no torn entry: what it tells was written, and may have been synced.
#[test]
fn entries_above_the_size_limit_are_refused_and_never_taken_for_a_torn_tail() {
    for profile in PROFILES {
        let mut writer = Writer::new(Cursor::new(vec![0; 8192]), profile);
        for size in [10, 3000] {
            writer.append_new(&Draft::default(), &vec![7; size]).unwrap();
        }
        let log = writer.into_device().into_inner();
        assert_eq!(find(&log, profile).map(|tail| tail.entries), Ok(2));
        let recovery = Recovery::new(profile).with_message_size_max(1000);
        let found = recovery.find(Cursor::new(&log[..]), [0; HEAD_SIZE]);
        let Err(TailError::Rule(damage)) = found else { panic!("{found:?}") };
        assert_eq!((damage.offset, damage.op), (282, Some(Op(2))));
        // Behind damage that tells no size, too.
        let mut rotten = log.clone();
        rotten[100] ^= 1;
        let found = recovery.find(Cursor::new(&rotten[..]), [0; HEAD_SIZE]);
        assert!(matches!(found, Err(TailError::Middle { next: 282, next_op: Op(2), .. })), "{found:?}");
    }
}

/// A device that ends where it says and gives no more bytes from `reads_end` on.
struct Shrinks<'a> {
    device: Cursor<&'a [u8]>,
    reads_end: u64,
}

impl embedded_io::ErrorType for Shrinks<'_> {
    type Error = aof_nostd::storage::CursorError;
}

impl embedded_io::Read for Shrinks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let left = self.reads_end.saturating_sub(self.device.position());
        let size = buffer.len().min(usize::try_from(left).unwrap());
        self.device.read(&mut buffer[..size])
    }
}

impl Seek for Shrinks<'_> {
    fn seek(&mut self, target: embedded_io::SeekFrom) -> Result<u64, Self::Error> {
        self.device.seek(target)
    }
}

#[test]
fn device_that_gives_fewer_bytes_than_it_has_is_an_error_and_no_end() {
    let profile = PROFILES[0];
    let log = raw(SMALL_BODIES);
    for reads_end in [0, 1, 272, 1000, SMALL_BODIES.len(), log.len() - 1] {
        let device = Shrinks { device: Cursor::new(&log[..]), reads_end: reads_end as u64 };
        let found = Recovery::new(profile).find(device, [0; 512]);
        let end = log.len() as u64;
        assert_eq!(found, Err(TailError::Shrunk { offset: reads_end as u64, end }), "{reads_end}");
    }
    let whole = Shrinks { device: Cursor::new(&log[..]), reads_end: log.len() as u64 };
    assert_eq!(Recovery::new(profile).find(whole, [0; 512]).map(|tail| tail.entries), Ok(300));
}
