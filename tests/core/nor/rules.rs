//! What a region asks of a flash, what it does to it, and what it refuses.

use super::world::{End, Step, World};
use aof_nostd::storage::nor::{ERASED, GeometryError, NorError, NorRegion};
use aof_nostd::storage::{Cursor, Sync};
use aof_nostd::{
    AnyProfile, Crc, DamageKind, Draft, Entries, ForeignMagic, Recovery, Tail, TailError, WriteError, Writer,
};
use aof_tests::build::{PROFILES, chain};
use aof_tests::flash::{Flash, Reads, Torn};
use embedded_io::{Read, Seek, SeekFrom, Write};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use std::ops::Range;

const STEPS: &[Step] = &[Step::Append { size: 40, ones: 0 }, Step::Checkpoint];

type Found<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize> =
    Result<NorRegion<Flash<READ, WRITE, ERASE>, N>, NorError<NorFlashErrorKind>>;

fn refused<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize>(
    region: Range<u32>,
) -> GeometryError {
    let found: Found<READ, WRITE, ERASE, N> = NorRegion::open(Flash::new(8), region.clone());
    let Err(NorError::Geometry(why)) = found else { panic!("not refused") };
    let formatted: Found<READ, WRITE, ERASE, N> = NorRegion::format(Flash::new(8), region);
    assert_eq!(formatted.map(|_| ()), Err(NorError::Geometry(why)));
    why
}

#[test]
fn region_that_cannot_hold_a_log_is_refused_before_anything_is_done() {
    assert_eq!(refused::<1, 8, 256, 8>(100..2048), GeometryError::Region);
    assert_eq!(refused::<1, 8, 256, 8>(0..1000), GeometryError::Region);
    assert_eq!(refused::<1, 8, 256, 8>(0..4096), GeometryError::Region);
    assert_eq!(refused::<1, 8, 256, 8>(256..1280), GeometryError::Blocks { count: 4 });
    #[expect(clippy::reversed_empty_ranges, reason = "what is refused")]
    let backwards = 1024..256;
    assert_eq!(refused::<1, 8, 256, 8>(backwards), GeometryError::Blocks { count: 0 });
    assert_eq!(refused::<1, 8, 256, 12>(0..2048), GeometryError::Buffer);
    assert_eq!(refused::<1, 8, 256, 0>(0..2048), GeometryError::Buffer);
    assert_eq!(refused::<4, 1, 256, 2>(0..2048), GeometryError::Buffer);
    assert_eq!(refused::<1, 24, 256, 24>(0..2048), GeometryError::Units);
    assert_eq!(refused::<3, 8, 256, 24>(0..2048), GeometryError::Units);
    assert_eq!(refused::<1, 8, 128, 8>(0..1024), GeometryError::Journal { record_size: 40 });
}

#[test]
fn region_that_is_not_formatted_or_has_another_size_is_told() {
    let mut flash = Flash::<1, 8, 256>::new(8);
    let open = |flash: &mut _, end| NorRegion::<_, 8>::open(flash, 0..end).map(|_| ());
    assert_eq!(open(&mut flash, 2048), Err(NorError::Unformatted));
    NorRegion::<_, 8>::format(&mut flash, 0..2048).unwrap();
    assert_eq!(open(&mut flash, 2048), Ok(()));
    assert_eq!(open(&mut flash, 1792), Err(NorError::Unformatted));
    assert!(NorRegion::<_, 16>::open(&mut flash, 0..2048).is_ok(), "a larger buffer");
    NorRegion::<_, 16>::format(&mut flash, 0..2048).unwrap();
    assert_eq!(open(&mut flash, 2048), Err(NorError::Buffer { needed: 16 }));
    assert_eq!(flash.broken(), None);
}

#[test]
fn nothing_is_written_before_the_cut() {
    let mut flash = Flash::<1, 8, 256>::new(8);
    NorRegion::<_, 8>::format(&mut flash, 0..2048).unwrap();
    let mut log = NorRegion::<_, 8>::open(&mut flash, 0..2048).unwrap();
    assert_eq!(log.write(b"x"), Err(NorError::NotCut));
    assert_eq!(log.sync(), Err(NorError::NotCut));
    assert_eq!(log.cut(1025), Err(NorError::Seek), "behind the log's blocks");
    assert_eq!(log.write(b"x"), Err(NorError::NotCut));
    log.cut(0).unwrap();
    assert_eq!(log.write(b"x"), Ok(1));
}

/// Units programmed for an entry of `size` bytes and a checkpoint, in a block that is entered already.
fn programmed<const WRITE: usize>(size: usize) -> u64 {
    let mut world = World::<1, WRITE, 2048, WRITE>::new(6);
    assert_eq!(world.live(&[Step::Append { size: 16, ones: 0 }, Step::Checkpoint]), End::Done);
    let mut two = world.clone();
    assert_eq!(world.live(&[]), End::Done);
    assert_eq!(two.live(&[Step::Append { size, ones: 0 }, Step::Checkpoint]), End::Done);
    two.flash.spent() - world.flash.spent()
}

#[test]
fn record_is_written_only_where_a_unit_is_not_filled() {
    assert_eq!(programmed::<1>(3), 275);
    assert_eq!(programmed::<4>(0), 68);
    assert_eq!(programmed::<4>(3), 68 + 9, "36 bytes of a record");
    assert_eq!(programmed::<8>(0), 34);
    assert_eq!(programmed::<8>(1), 34 + 5);
    assert_eq!(programmed::<16>(0), 17);
    assert_eq!(programmed::<16>(8), 17 + 3);
    // On units of 32 the first entry, 288 bytes, fills 9; the second, 272, does not.
    assert_eq!(programmed::<32>(16), 9);
    assert_eq!(programmed::<32>(0), 8 + 2);
}

#[test]
fn what_is_in_a_partly_filled_unit_is_found_again_and_programmed_once_it_is_filled() {
    let mut world = World::<1, 32, 512, 32>::new(8);
    for size in [0, 1, 40, 5, 31] {
        assert_eq!(world.live(&[Step::Append { size, ones: 0 }, Step::Checkpoint]), End::Done);
        world.assert_raw();
    }
    assert_eq!(world.durable(), 5);
}

/// Whole units in one block: no record is written but those of the recovery.
#[test]
fn what_is_appended_to_a_block_that_was_put_back_is_found_again() {
    let mut world = World::<1, 16, 2048, 16>::new(6);
    for _ in 0..5 {
        assert_eq!(world.live(&[Step::Append { size: 16, ones: 0 }, Step::Checkpoint]), End::Done);
        world.assert_raw();
    }
    assert_eq!(world.durable(), 5);
}

#[test]
fn dump_of_the_logs_blocks_is_a_log() {
    let mut flash = Flash::<1, 16, 512>::new(8);
    let log = chain(PROFILES[0], &[16, 320, 0]);
    let mut region = NorRegion::<_, 64>::format(&mut flash, 0..4096).unwrap();
    region.write_all(&log.bytes).unwrap();
    region.sync().unwrap();
    let dump = flash.raw(0..2048);
    let found: Vec<_> = Entries::new(dump, PROFILES[0]).map_while(Result::ok).map(|e| e.offset).collect();
    assert_eq!(found, log.entries.iter().map(|entry| entry.offset as u64).collect::<Vec<_>>());
    assert!(dump[log.bytes.len()..].iter().all(|byte| *byte == ERASED));
}

#[test]
fn full_region_is_told_and_what_was_synced_stays() {
    let mut flash = Flash::<1, 8, 256>::new(8);
    let region = NorRegion::<_, 8>::format(&mut flash, 0..2048).unwrap();
    assert_eq!((region.log_size_max(), region.room()), (1024, 1024));
    let mut writer = Writer::new(region, Crc);
    for _ in 0..3 {
        writer.append_new(&Draft::default(), &[7; 30]).unwrap();
    }
    writer.checkpoint(|| ()).unwrap();
    assert_eq!(writer.device().room(), 118);
    let full = writer.append_new(&Draft::default(), b"");
    assert_eq!(full, Err(WriteError::Device(NorError::Full)));
    let mut region = NorRegion::<_, 8>::open(&mut flash, 0..2048).unwrap();
    let tail = Recovery::new(Crc).on_flash().find(&mut region, [0; 300]).unwrap();
    assert_eq!((tail.entries, tail.end), (3, 906));
    region.cut(tail.end).unwrap();
    assert_eq!((region.room(), flash.broken()), (118, None));
}

#[test]
fn writes_append_wherever_the_position_is() {
    let mut region = NorRegion::<_, 8>::format(Flash::<4, 8, 256>::new(8), 0..2048).unwrap();
    let text = b"a text of more than one unit, and not of whole ones";
    region.write_all(&text[..20]).unwrap();
    region.seek(SeekFrom::Start(3)).unwrap();
    region.write_all(&text[20..]).unwrap();
    assert_eq!(region.stream_position(), Ok(text.len() as u64));
    for at in 0..text.len() {
        for size in 0..=text.len() - at {
            let mut bytes = vec![0; size];
            region.seek(SeekFrom::Start(at as u64)).unwrap();
            region.read_exact(&mut bytes).unwrap();
            assert_eq!(bytes, text[at..at + size]);
        }
    }
    assert_eq!(region.seek(SeekFrom::End(-1)), Ok(1023));
    assert_eq!((region.read(&mut [0; 4]), region.read(&mut [0; 4])), (Ok(1), Ok(0)));
    assert_eq!(region.seek(SeekFrom::Current(-1025)), Err(NorError::Seek));
    assert_eq!(region.into_flash().broken(), None);
}

#[test]
fn first_error_of_a_write_is_for_good() {
    let mut flash = Flash::<1, 8, 256>::new(8);
    NorRegion::<_, 8>::format(&mut flash, 0..2048).unwrap();
    let mut region = NorRegion::<_, 8>::open(Failing(flash), 0..2048).unwrap();
    assert!(matches!(region.cut(0), Err(NorError::Flash(_))));
    assert_eq!(region.write(b"x"), Err(NorError::Failed));
    assert_eq!(region.sync(), Err(NorError::Failed));
    assert_eq!(region.read(&mut [0]), Err(NorError::Failed));
    assert_eq!(region.cut(0), Err(NorError::Failed));
}

/// A flash that reads and does nothing else.
struct Failing(Flash<1, 8, 256>);

impl ErrorType for Failing {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Failing {
    const READ_SIZE: usize = 1;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.0.read(offset, bytes)
    }
    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for Failing {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 256;
    fn erase(&mut self, _: u32, _: u32) -> Result<(), NorFlashErrorKind> {
        Err(NorFlashErrorKind::Other)
    }
    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), NorFlashErrorKind> {
        Err(NorFlashErrorKind::Other)
    }
}

/// A copy that is not what was copied must not be put in the place of what it was copied from.
#[test]
fn copy_that_was_damaged_is_told_and_the_block_is_not_erased_for_it() {
    let mut world = World::<1, 8, 256, 8>::new(8);
    assert_eq!(world.live(STEPS), End::Done);
    let whole = {
        let mut whole = world.clone();
        assert_eq!(whole.live(&[]), End::Done);
        whole.flash.spent() - world.flash.spent()
    };
    let mut told = 0;
    for fuel in 0..whole {
        let mut cut = world.clone();
        cut.flash.set_fuel(fuel, Torn::Unit);
        assert_eq!(cut.live(&[]), End::Cut);
        cut.flash.power_on(Reads::Old, 0);
        let region = cut.region();
        let copy = region.end as usize - 256;
        cut.flash.flip(copy + 5);
        let erases = cut.flash.erases()[2];
        let mut log = NorRegion::<_, 8>::open(&mut cut.flash, region).unwrap();
        if log.cut(312) == Err(NorError::Copy { offset: 256 }) {
            told += 1;
            assert_eq!(log.cut(312), Err(NorError::Failed));
            assert_eq!(cut.flash.erases()[2], erases, "fuel {fuel}");
        }
    }
    assert!(told > 5, "{told}");
}

/// On flash whatever stands there and is no entry was a torn first one, to be cut: also a whole log, to a
/// firmware that was built with the other profile. It erased it.
#[test]
fn log_of_the_other_profile_is_refused_on_flash() {
    for [profile, other] in [PROFILES, [PROFILES[1], PROFILES[0]]] {
        let log = chain(other, &[300, 0]).bytes;
        // Torn, too: from the whole magic on it is told.
        for kept in [16, 100, log.len()] {
            let mut flash = Flash::<1, 8, 256>::new(8);
            let mut region = NorRegion::<_, 8>::format(&mut flash, 0..2048).unwrap();
            region.write_all(&log[..kept]).unwrap();
            region.sync().unwrap();
            let mut region = NorRegion::<_, 8>::open(&mut flash, 0..2048).unwrap();
            let found = Recovery::new(profile).on_flash().find(&mut region, [0; 300]);
            let Err(TailError::Foreign(damage)) = found else { panic!("{kept}: {found:?}") };
            assert_eq!((damage.offset, damage.kind), (0, DamageKind::Magic(ForeignMagic::OtherProfile)));
            let found = Recovery::new(other).on_flash().find(&mut region, [0; 300]);
            assert_eq!(found.map(|tail| tail.entries), Ok(if kept == log.len() { 2 } else { 0 }));
        }
    }
}

/// What free space is, is told by the caller and not guessed.
#[test]
fn erased_bytes_are_free_space_on_flash_and_nowhere_else() {
    for profile in PROFILES {
        let find = |bytes: &[u8], recovery: Recovery<AnyProfile>| recovery.find(Cursor::new(bytes), [0; 300]);
        let erased = [ERASED; 2000];
        let disk = Recovery::new(profile);
        assert_eq!(find(&erased, disk), Err(TailError::NoLog { offset: 0 }));
        assert_eq!(find(&erased, disk.on_flash()), Ok(Tail::default()));
        assert_eq!(
            find(&[0x53; 2000], disk.on_flash()).map(|tail| tail.entries),
            Ok(0),
            "a torn first entry"
        );
        let log = chain(profile, &[10, 20]);
        let bytes = [&log.bytes[..], &erased].concat();
        assert_eq!(find(&bytes, disk.on_flash()).map(|tail| (tail.entries, tail.torn)), Ok((2, None)));
        assert!(find(&bytes, disk).is_ok_and(|tail| tail.torn.is_some()));
        // Damage in the middle is refused all the same.
        let mut rotten = bytes.clone();
        rotten[100] ^= 1;
        assert!(matches!(find(&rotten, disk.on_flash()), Err(TailError::Middle { next: 282, .. })));
    }
}
