//! Bytes over blocks: the same bytes as a plain slice of memory, no device call that need not be, and
//! whenever the power is cut, every block that was not written since the last sync is as it was then.

use crate::cases;
use aof_nostd::storage::{BLOCK_SIZE, BlockDevice, BlockError, Blocks, Sync};
use aof_tests::disk::{Disk, DiskCounts, Loss};
use embedded_io::{ErrorKind, Read, Seek, SeekFrom, Write};
use proptest::prelude::*;
use std::collections::BTreeSet;

const BLOCK_COUNT: usize = 24;
const SIZE: usize = BLOCK_COUNT * BLOCK_SIZE;

/// A call.
#[derive(Clone, Debug)]
enum Step {
    Seek(usize),
    Read(usize),
    Write(usize, u8),
    Sync,
}

/// Sizes around a block and around the caches, and any.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0_usize),
        1..20_usize,
        Just(BLOCK_SIZE),
        Just(4 * BLOCK_SIZE),
        500..530_usize,
        0..4000_usize
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..SIZE + 600).prop_map(Step::Seek),
        1 => (0..BLOCK_COUNT).prop_map(|number| Step::Seek(number * BLOCK_SIZE)),
        3 => size().prop_map(Step::Read),
        6 => (size(), any::<u8>()).prop_map(|(size, value)| Step::Write(size, value)),
        1 => Just(Step::Sync),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..60)
}

/// Bytes that differ from their neighbours and from what another step writes.
fn bytes(size: usize, value: u8) -> Vec<u8> {
    (0..size).map(|index| value.wrapping_add(u8::try_from(index % 251).unwrap_or(0))).collect()
}

/// What a slice of memory would hold.
struct Model {
    bytes: Vec<u8>,
    position: usize,
    synced: Vec<u8>,
    /// Blocks written since the last sync.
    written: BTreeSet<usize>,
}

/// Takes the steps on `N` cached blocks and on the model; both have to agree. Gives the disk as it is then.
fn compare<const N: usize>(steps: &[Step]) -> (Disk, Model) {
    let start = bytes(SIZE, 7);
    let mut device = Blocks::<_, N>::new(Disk::new(&start, BLOCK_COUNT));
    let mut model = Model { synced: start.clone(), bytes: start, position: 0, written: BTreeSet::new() };
    for step in steps {
        let left = SIZE.saturating_sub(model.position);
        match step {
            Step::Seek(position) => {
                model.position = *position;
                assert_eq!(device.seek(SeekFrom::Start(*position as u64)), Ok(*position as u64));
            }
            Step::Read(size) => {
                let mut buffer = vec![0; *size];
                let read = device.read(&mut buffer).unwrap();
                assert_eq!(read, left.min(*size));
                assert_eq!(buffer[..read], model.bytes[SIZE - left..][..read], "{step:?}");
                model.position += read;
            }
            Step::Write(size, value) => {
                let bytes = bytes(*size, *value);
                let expected =
                    if left == 0 && *size > 0 { Err(BlockError::Full) } else { Ok(left.min(*size)) };
                let written = device.write(&bytes);
                assert_eq!(written, expected);
                let written = written.unwrap_or(0);
                model.bytes[SIZE - left..][..written].copy_from_slice(&bytes[..written]);
                let end = model.position + written;
                if written > 0 {
                    model.written.extend(model.position / BLOCK_SIZE..=(end - 1) / BLOCK_SIZE);
                }
                model.position = end;
            }
            Step::Sync => {
                device.sync().unwrap();
                assert_eq!(device.device().bytes(), model.bytes);
                model.synced.clone_from(&model.bytes);
                model.written.clear();
            }
        }
    }
    (device.into_device(), model)
}

/// After a power cut: blocks that were not written since the sync are as they were then.
fn cut(disk: Disk, model: &Model, loss: Loss) {
    let disk = disk.cut(loss);
    let (left, synced) = (disk.bytes().as_chunks::<BLOCK_SIZE>().0, model.synced.as_chunks::<BLOCK_SIZE>().0);
    for (number, (left, synced)) in left.iter().zip(synced).enumerate() {
        assert!(left == synced || model.written.contains(&number), "block {number} was synced: {loss:?}");
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn bytes_are_those_of_a_slice_and_what_was_synced_stays(
        steps in steps(), kept in 0..100_usize, seed in any::<u64>()
    ) {
        for loss in [Loss::Rest { kept }, Loss::Any { seed }] {
            let (disk, model) = compare::<1>(&steps);
            cut(disk, &model, loss);
            let (disk, model) = compare::<4>(&steps);
            cut(disk, &model, loss);
            let (disk, model) = compare::<BLOCK_COUNT>(&steps);
            cut(disk, &model, loss);
        }
    }
}

/// What appending pieces of these sizes asks of a disk, synced once at the end.
fn appended<const N: usize>(sizes: &[usize]) -> DiskCounts {
    let mut device = Blocks::<_, N>::new(Disk::new(&[], BLOCK_COUNT));
    for size in sizes {
        device.write_all(&vec![1; *size]).unwrap();
    }
    device.sync().unwrap();
    device.device().counts()
}

#[test]
fn appending_reads_a_block_at_most_and_writes_each_once() {
    // 10 pieces of 300 bytes are 5 blocks and 440 bytes; the window goes out when it is full, and at last.
    let counts = DiskCounts { reads: 1, blocks_read: 1, writes: 2, blocks_written: 6, flushes: 1 };
    assert_eq!(appended::<4>(&[300; 10]), counts);
    // Where the end is a block's end, there is nothing to read.
    let counts = DiskCounts { reads: 0, blocks_read: 0, writes: 1, blocks_written: 4, flushes: 1 };
    assert_eq!(appended::<4>(&[256; 8]), counts);
    // Whole blocks pass by the cache, in one call; the 100 bytes behind them do not.
    let counts = DiskCounts { reads: 1, blocks_read: 1, writes: 2, blocks_written: 11, flushes: 1 };
    assert_eq!(appended::<4>(&[5220]), counts);
}

#[test]
fn reading_on_reads_each_block_once_and_as_many_at_a_time_as_the_cache_has() {
    let mut device = Blocks::<_, 4>::new(Disk::new(&bytes(SIZE, 3), BLOCK_COUNT));
    let mut buffer = [0; 272];
    while device.read(&mut buffer).unwrap() > 0 {}
    let expected = DiskCounts { reads: 6, blocks_read: 24, ..DiskCounts::default() };
    assert_eq!(device.device().counts(), expected);
}

#[test]
fn last_block_stays_in_the_cache_over_a_sync() {
    let mut device = Blocks::<_, 4>::new(Disk::new(&[], BLOCK_COUNT));
    device.write_all(&[1; 300]).unwrap();
    device.sync().unwrap();
    device.write_all(&[2; 100]).unwrap();
    device.sync().unwrap();
    let counts = device.device().counts();
    assert_eq!((counts.blocks_read, counts.blocks_written, counts.flushes), (1, 2, 2));
}

#[test]
fn first_error_of_a_write_is_for_good() {
    let failed = Err(BlockError::Failed);
    for fuel in 0..8 {
        let mut device = Blocks::<_, 2>::new(Disk::new(&[], BLOCK_COUNT).with_fuel(fuel));
        let result = device.write_all(&[1; 8 * BLOCK_SIZE - 100]).and_then(|()| device.sync());
        assert_eq!(result, Err(BlockError::Device(ErrorKind::Other)), "fuel {fuel}");
        assert_eq!(device.sync(), Err(BlockError::Failed), "a later success proves nothing");
        assert_eq!((device.write(b"x"), device.read(&mut [0])), (failed, failed));
    }
}

#[test]
fn disk_without_a_flush_is_no_place_for_a_checkpoint() {
    let mut device = Blocks::<_, 2>::new(Disk::new(&[], BLOCK_COUNT).without_flush());
    device.write_all(b"an entry").unwrap();
    assert_eq!(device.sync(), Err(BlockError::Device(ErrorKind::Unsupported)));
    assert_eq!(device.sync(), Err(BlockError::Failed));
}

#[test]
fn interrupted_device_is_not_asked_again_as_if_nothing_had_happened() {
    use embedded_io::Error;
    assert_eq!(BlockError::Device(ErrorKind::Interrupted).kind(), ErrorKind::Other);
    assert_eq!(BlockError::Device(ErrorKind::TimedOut).kind(), ErrorKind::TimedOut);
}

#[test]
fn disk_with_more_bytes_than_there_are_offsets_has_as_many_as_there_are() {
    struct Huge;
    impl BlockDevice for Huge {
        type Error = ErrorKind;
        fn block_count(&self) -> u64 {
            u64::MAX
        }
        fn read(&mut self, _: u64, blocks: &mut [[u8; BLOCK_SIZE]]) -> Result<(), ErrorKind> {
            blocks.fill([9; BLOCK_SIZE]);
            Ok(())
        }
        fn write(&mut self, _: u64, _: &[[u8; BLOCK_SIZE]]) -> Result<(), ErrorKind> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }
    let mut device = Blocks::<_, 4>::new(Huge);
    assert_eq!(device.seek(SeekFrom::End(-3)), Ok(u64::MAX - 3));
    let mut buffer = [0; 8];
    assert_eq!(device.read(&mut buffer), Ok(3));
    assert_eq!(device.write(b"x"), Err(BlockError::Full));
    assert_eq!(device.seek(SeekFrom::Current(1)), Err(BlockError::Seek));
}
