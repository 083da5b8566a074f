//! Many lives of a device, each ended by a power cut: whatever is synced stays, in whatever order the disk writes.

use crate::cases;
use aof_nostd::storage::{BLOCK_SIZE, Blocks};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{AnyProfile, Draft, Entries, Recovery, Writer};
use aof_tests::asynch::{Yielding, block_on};
use aof_tests::build::PROFILES;
use aof_tests::disk::{Disk, Loss};
use aof_tests::random::Random;
use embedded_io::Seek;
use proptest::prelude::*;

const BLOCK_COUNT: usize = 200;
const UNSYNCED_MAX: u32 = 5;
const BODY_SIZE_MAX: usize = 1500;

/// Recovers, cleans, and appends until the power is cut, by the one form or the other. Gives the disk, and the
/// last op synced; `None` where it was refused.
fn life(
    mut disk: Disk,
    random: &mut Random,
    recovery: Recovery<AnyProfile>,
    profile: AnyProfile,
) -> Option<(Disk, u64)> {
    let is_async = random.one_in(2);
    let mut device = Yielding::new(Blocks::<_, 3>::new(&mut disk));
    let tail = if is_async {
        block_on(recovery.find_async(&mut device, [0; 600])).ok()?
    } else {
        recovery.find(&mut device, [0; 600]).ok()?
    };
    let mut synced = tail.last.map_or(0, |last| last.op.get());
    if random.one_in(8) {
        // The power is cut while the tail is cleaned.
        disk = disk.with_fuel(random.below(4));
        let device = Yielding::new(Blocks::<_, 3>::new(&mut disk));
        let _ = if is_async { block_on(tail.clean_async(device)) } else { tail.clean(device) };
        return Some((disk.with_fuel(usize::MAX), synced));
    }
    let mut device = Yielding::new(Blocks::<_, 3>::new(&mut disk));
    if is_async { block_on(tail.clean_async(&mut device)) } else { tail.clean(&mut device) }.unwrap();
    let mut writer = Writer::new(device, profile).with_unsynced_max(UNSYNCED_MAX);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    for _ in 0..random.below(20) {
        if writer.unsynced() == UNSYNCED_MAX || random.one_in(4) {
            if is_async { block_on(writer.checkpoint_async(|| ())) } else { writer.checkpoint(|| ()) }
                .unwrap();
            synced = writer.last().map_or(0, |last| last.op.get());
        }
        if writer.device_mut().stream_position().unwrap() + 2000 > (BLOCK_COUNT * BLOCK_SIZE) as u64 {
            break;
        }
        let size = random.below(BODY_SIZE_MAX + 1);
        let (draft, body) = (Draft::default(), random.bytes(size));
        let appended = if is_async {
            block_on(writer.append_new_async(&draft, &body))
        } else {
            writer.append_new(&draft, &body)
        };
        appended.unwrap();
    }
    Some((disk, synced))
}

/// Many lives with a power cut at the end of each. Tells whether recovery refused one.
fn lives(seed: u64, profile: AnyProfile, any: bool, leftovers: u32) -> bool {
    let mut random = Random::new(seed);
    let reach = u64::from(UNSYNCED_MAX) * (HEAD_SIZE + BODY_SIZE_MAX) as u64;
    let recovery = Recovery::new(profile).with_search_size_max(reach).with_leftovers_max(leftovers);
    let recovery = recovery.with_message_size_max(u32::try_from(256 + BODY_SIZE_MAX).unwrap());
    let mut disk = Disk::new(&[], BLOCK_COUNT);
    for _ in 0..12 {
        let Some((lived, synced)) = life(disk.clone(), &mut random, recovery, profile) else { return true };
        let loss = if any {
            Loss::Any { seed: random.next_u64() }
        } else {
            Loss::Rest { kept: random.below(lived.pending() + 1) }
        };
        disk = lived.cut(loss);
        let bytes = disk.bytes();
        let ops: Vec<u64> = Entries::new(bytes, profile)
            .map_while(Result::ok)
            .map(|located| located.entry.header.op().0)
            .collect();
        let last = ops.len() as u64;
        assert_eq!(ops, (1..=last).collect::<Vec<_>>(), "one entry for each op");
        assert!(last >= synced, "op {synced} was synced, op {last} is the last: seed {seed}");
    }
    false
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn nothing_synced_is_lost_where_the_order_is_kept(seed in any::<u64>(), crc in any::<bool>()) {
        prop_assert!(!lives(seed, PROFILES[usize::from(crc)], false, 0), "never refused");
    }

    #[test]
    fn nothing_synced_is_lost_where_any_order_is_written(seed in any::<u64>(), crc in any::<bool>()) {
        // Without a word about leftovers it may be refused, and nothing is lost then either.
        lives(seed, PROFILES[usize::from(crc)], true, 0);
    }
}

/// With the writer's bound given up, a device in any order is never refused but before its first sync, when
/// there may be leftovers and no log.
#[test]
fn leftovers_of_a_power_cut_may_be_given_up() {
    let (mut with, mut without) = (0, 0);
    for seed in 0..300 {
        with += u32::from(lives(seed, PROFILES[1], true, UNSYNCED_MAX));
        without += u32::from(lives(seed, PROFILES[1], true, 0));
    }
    assert!(with * 3 < without, "refused: {with} with, {without} without");
}
