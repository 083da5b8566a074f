//! Every place where the power can be cut. Of cuts in the recovery from a cut some are tried, by turns; nearly all of
//! them with `AOF_NOR_CUTS=all`: see `docs/durability.md`.

use super::world::{Counts, End, Plan, Step, World};
use crate::nor::world::Step::Checkpoint;
use aof_tests::flash::{Reads, Torn};
use aof_tests::random::Random;

const fn append(size: usize) -> Step {
    Step::Append { size, ones: 0 }
}

const fn ones(size: usize, ones: usize) -> Step {
    Step::Append { size, ones }
}

/// A short life after another: what a recovery has to leave behind.
const ON: &[Step] = &[append(5), Checkpoint, append(1)];

/// Of second and third cuts one in so many, numbers that have nothing in common with how many there are.
fn one_in<const DEPTH: usize>(some: [u64; DEPTH], all: [u64; DEPTH]) -> [u64; DEPTH] {
    if std::env::var("AOF_NOR_CUTS").is_ok_and(|cuts| cuts == "all") {
        all
    } else if cfg!(target_endian = "big") {
        some.map(|some| 7 * some) // emulated
    } else {
        some
    }
}

/// Tells what was gone through: `cargo test ... -- --nocapture nor::cuts`.
#[expect(clippy::print_stdout, reason = "what was counted")]
fn tell(name: &str, counts: Counts) {
    println!("{name}: {counts}");
}

/// Bodies of every size that stands differently to a unit of `WRITE` bytes, each in its own history: every cut in
/// it, and every cut in the recovery from that.
fn every_cut<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize>(
    sizes: impl IntoIterator<Item = usize>,
    second: u64,
) -> Counts {
    let one_in = one_in([1, 211 * second, 20011], [1, if second > 1 { 7 * second } else { 1 }, u64::MAX]);
    let mut counts = Counts::default();
    for size in sizes {
        let mut world = World::<READ, WRITE, ERASE, N>::new(u32::try_from(2600 / ERASE + 5).unwrap());
        assert_eq!(world.live(&[append(size), Checkpoint]), End::Done);
        world.assert_raw();
        let first = [append(7 + size), Checkpoint, append(size)];
        counts += world.explore(Plan { lives: &[&first, ON], one_in: &one_in });
    }
    tell(&format!("units of {WRITE}, erase blocks of {ERASE}, buffer of {N}"), counts);
    counts
}

#[test]
fn every_cut_of_units_of_1() {
    assert!(every_cut::<1, 1, 256, 64>([3], 101).cuts[1] > 0);
}

#[test]
fn every_cut_of_units_of_4() {
    assert!(every_cut::<4, 4, 256, 32>([0, 1, 2], 11).cuts[1] > 0);
}

#[test]
fn every_cut_of_units_of_8() {
    assert!(every_cut::<1, 8, 256, 8>([0, 1, 9], 3).cuts[1] > 0);
}

#[test]
fn every_cut_of_units_of_16() {
    assert!(every_cut::<1, 16, 256, 16>([0, 1, 15], 1).cuts[1] > 0);
    assert!(every_cut::<2, 16, 512, 64>([9], 1).cuts[1] > 0);
}

#[test]
fn every_cut_of_units_of_32() {
    assert!(every_cut::<1, 32, 512, 32>([0, 16, 17], 1).cuts[1] > 0);
    assert!(every_cut::<8, 32, 256, 64>([31], 1).cuts[1] > 0);
}

#[test]
fn every_cut_of_the_format_and_the_first_entry() {
    let world = World::<1, 8, 256, 16>::new(13);
    let one_in = one_in([1, 211, 20011], [1, 7, u64::MAX]);
    let counts = world.explore(Plan { lives: &[&[append(3), Checkpoint], ON], one_in: &one_in });
    tell("format and first entry", counts);
    assert!(counts.cuts[1] > 0);
}

/// Units, blocks and whole entries that read as erased.
#[test]
fn every_cut_among_bodies_of_erased_bytes() {
    let mut world = World::<1, 16, 256, 32>::new(18);
    assert_eq!(world.live(&[ones(40, 40), Checkpoint]), End::Done);
    let first = [ones(700, 690), Checkpoint, ones(300, 300)];
    let one_in = one_in([1, 211, 20011], [1, 1, u64::MAX]);
    let counts = world.explore(Plan { lives: &[&first, &[ones(20, 20), Checkpoint]], one_in: &one_in });
    tell("bodies of 0xff", counts);
    assert!(counts.cuts[1] > 0);
}

/// A journal of four records a block: each sync is a record, so it goes round many times.
#[test]
fn every_cut_while_the_journal_goes_round() {
    let mut world = World::<1, 8, 168, 8>::new(24);
    assert_eq!(world.live(&[append(1), Checkpoint]), End::Done);
    let first: Vec<Step> = (0..4).flat_map(|_| [append(1), Checkpoint]).collect();
    let one_in = one_in([1, 211, 20011], [1, 7, u64::MAX]);
    let counts = world.explore(Plan { lives: &[&first, ON], one_in: &one_in });
    tell("journal of four records a block", counts);
    assert!(counts.cuts[1] > 0);
}

/// Three cuts one after the other: in a write, in the recovery from it, and in the recovery from that.
#[test]
fn every_cut_in_the_recovery_from_a_recovery() {
    let mut world = World::<1, 32, 256, 32>::new(9);
    assert_eq!(world.live(&[append(9), Checkpoint]), End::Done);
    let first = [append(20), Checkpoint];
    let one_in = one_in([1, 13, 97], [1, 1, 7]);
    let counts = world.explore(Plan { lives: &[&first, &[append(1), Checkpoint]], one_in: &one_in });
    tell("three cuts", counts);
    assert!(counts.cuts[2] > 0);
}

/// A recovery that is short: one unit is kept, so that of its writes most are the journal's. Cut four times in a row.
#[test]
fn every_cut_among_the_journals_writes() {
    let mut world = World::<1, 32, 256, 32>::new(10);
    assert_eq!(world.live(&[append(16), Checkpoint]), End::Done);
    let one_in = one_in([1, 3, 29, 211], [1, 1, 3, 31]);
    let counts = world.explore(Plan { lives: &[&[append(16), Checkpoint]], one_in: &one_in });
    tell("four cuts", counts);
    assert!(counts.cuts[3] > 0);
}

/// Many lives, each cut at any place, until the region is full.
#[test]
fn lives_by_chance_until_the_region_is_full() {
    let (mut cuts, mut entries) = (0, 0);
    let mut worst = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut world = World::<1, 8, 256, 32>::new(60);
        for _ in 0..60 {
            let mut steps = Vec::new();
            for _ in 0..random.below(4) {
                let size = random.below(300);
                steps.push(ones(size, if random.one_in(4) { random.below(size + 1) } else { 0 }));
                if random.one_in(2) {
                    steps.push(Checkpoint);
                }
            }
            if world.room_for_steps(&steps) {
                let torn = if random.one_in(2) { Torn::Unit } else { Torn::Call };
                world.flash.set_fuel(random.below(200) as u64, torn);
                cuts += u32::from(world.live(&steps) == End::Cut);
                world.flash.power_on(Reads::ALL[random.below(5)], random.next_u64());
            }
        }
        assert_eq!(world.live(&[]), End::Done);
        entries += world.durable();
        worst = worst.max(world.flash.erases().iter().copied().max().unwrap());
    }
    println!("lives by chance: {cuts} power cuts, {entries} entries, at most {worst} erases of a block");
    assert!(cuts > 500 && entries > 500);
}
