//! Large workloads by chance: a medium goes through several lives, and of each the power is cut at a
//! number of places.

use super::after::{Trace, crash, trace};
use super::cut::Replay;
use super::driver::{End, Step};
use super::medium::{Faults, Medium};
use super::model::{Expected, Model};
use super::mutant::Mutant;
use super::world::{Kind, World};
use crate::report::{Counts, Failure};
use aof_nostd::wire::{Entry, HEAD_SIZE, Header};
use aof_tests::events::Found;
use aof_tests::oracle::Oracle;
use aof_tests::random::Random;

/// Lives of one medium.
const LIVES: usize = 6;
/// Places of one life at which the power is cut.
const CUTS: usize = 16;

/// One case.
///
/// # Errors
///
/// The promise that is broken.
pub fn case(number: u64, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    let mut random = Random::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6465_7669_6365);
    let world = World::any(&mut random, mutant);
    let mut counts = Counts::default();
    match lives(&world, &mut random, &mut counts) {
        Ok(()) => Ok(counts),
        Err(what) => Err(Failure { case: number, what: format!("{what}\nin {world:?}"), counts }),
    }
}

fn lives(world: &World, random: &mut Random, counts: &mut Counts) -> Result<(), String> {
    let mut medium = Medium::new(vec![0; world.capacity]);
    let mut model = Model::default();
    for life in 0..LIVES {
        let at_life = |what: String| format!("life {life}: {what}");
        let lived = medium.with_faults(faults(world, random), random.next_u64());
        let steps = steps(world, random);
        let lived = trace(world, lived, &model.at(0), steps, counts).map_err(at_life)?;
        counts.one("lives");
        let Some((image, cut)) = cuts(world, &lived, random, counts).map_err(at_life)? else {
            (medium, model) = (Medium::new(vec![0; world.capacity]), Model::default());
            continue;
        };
        model = Model::begin(&lived.model.at(cut));
        medium = Medium::new(image);
        if lived.end == End::Refused {
            // What the message says: copied out, and zeroed.
            (medium, model) = (Medium::new(vec![0; world.capacity]), Model::default());
        }
    }
    Ok(())
}

/// Cuts the power at some places of the trace. Gives what the last of them left, unless it was refused.
fn cuts(
    world: &World,
    lived: &Trace,
    random: &mut Random,
    counts: &mut Counts,
) -> Result<Option<(Vec<u8>, usize)>, String> {
    let events = lived.medium.events();
    let mut places: Vec<usize> = (0..CUTS).map(|_| random.below(events + 1)).collect();
    places.sort_unstable();
    let goes_on = random.below(CUTS);
    let mut left = None;
    let mut replay = Replay::new(&lived.medium);
    for (index, place) in places.into_iter().enumerate() {
        replay.advance(place);
        let expected = lived.model.at(place);
        let image = replay.sample(world.promise, expected.protected, random);
        let after = crash(world, image.clone(), &expected, counts)
            .map_err(|what| format!("cut behind event {place} of {events}: {what}"))?;
        if index == goes_on && after.end == End::Cut {
            left = Some((image, place));
            if random.one_in(4) {
                counts.one("logs read by the oracle");
                by_oracle(world, after.medium.now(), &after.model.at(usize::MAX))?;
            }
        }
    }
    Ok(left)
}

/// The oracle finds the same entries, at the same places.
fn by_oracle(world: &World, now: &[u8], expected: &Expected<'_>) -> Result<(), String> {
    let seen = Oracle::new(world.profile, world.message_size_max()).read(now);
    let entries: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen.found {
            Found::Entry { op, checksum } => Some((seen.offset, seen.end, op, checksum.to_le_bytes())),
            Found::Damage { .. } => None,
        })
        .collect();
    let log = expected.log;
    let written: Vec<_> = (0..log.ends.len())
        .map(|index| {
            let mut checksum = [0; 16];
            checksum.copy_from_slice(&log.entry(index)[16..32]);
            (log.end(index) as u64, log.end(index + 1) as u64, index as u64 + 1, checksum)
        })
        .collect();
    if entries == written { Ok(()) } else { Err("the oracle reads another log".into()) }
}

/// What goes wrong in a life: mostly little.
fn faults(world: &World, random: &mut Random) -> Faults {
    if random.one_in(2) {
        return Faults::default();
    }
    let mut once_in = |one_in: usize, calls: usize| if random.one_in(one_in) { calls } else { 0 };
    Faults {
        short: once_in(2, 4),
        interrupted: once_in(2, 6),
        read: once_in(4, 60),
        write: once_in(3, 12),
        sync: once_in(4, 6),
        sync_drops: once_in(3, 6),
        dropped_is_shown: once_in(2, 1) > 0,
        no_flush: world.kind == Kind::Bytes && once_in(30, 1) > 0,
        no_sync: once_in(30, 1) > 0,
        full_is_an_error: once_in(2, 1) > 0,
    }
}

fn steps(world: &World, random: &mut Random) -> Vec<Step> {
    let count = 2 + random.below(20);
    (0..count)
        .map(|_| match random.below(20) {
            0..12 => Step::Append { body: body(world, random), sealed: random.one_in(2) },
            12..15 => Step::Checkpoint,
            15 | 16 => Step::Begin,
            17 => Step::Sync,
            18 => Step::End,
            _ => Step::Kill,
        })
        .collect()
}

/// Bodies of few sizes, so that old and new entries often have the same; one fills a sector.
fn body(world: &World, random: &mut Random) -> Vec<u8> {
    if world.nests && random.one_in(2) {
        return nested(world, random);
    }
    let size = match random.below(10) {
        0..3 => 0,
        3 => 1 + random.below(40),
        4 | 5 => 100,
        6 => 512 - HEAD_SIZE,
        7 => 600,
        8 => random.below(world.body_size_max + 1),
        _ => world.body_size_max,
    };
    // A body of zeros is whole as soon as its head is.
    if random.one_in(6) { vec![0; size] } else { random.bytes(size) }
}

/// A body that holds an entry that verifies.
fn nested(world: &World, random: &mut Random) -> Vec<u8> {
    let before = random.below(100);
    let mut entry = vec![7; HEAD_SIZE + random.below(80)];
    let op = 1 + random.below(30) as u64;
    let header = Header { op: op.into(), commit: (op - 1).into(), ..Header::new() };
    let mut body = vec![1; before];
    if Entry::seal(&world.profile, header, &mut entry).is_ok() {
        body.extend(entry);
    }
    body.extend(random.bytes(300));
    body
}
