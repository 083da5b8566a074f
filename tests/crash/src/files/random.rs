//! Long workloads by chance, with failing calls and full disks: cut at random, and what is left is gone on with,
//! through a few generations.

use super::disk::Picture;
use super::faults::Faults;
use super::loss::{Cut, Loss, Names};
use super::mutant::Mutant;
use super::profile_of;
use super::workload::{Step, World};
use crate::report::{Counts, Failure};

/// One case.
///
/// # Errors
///
/// The promise that is broken.
pub fn case(case: u64, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    // Half of the cases, in each profile.
    let preallocate: &[u64] = if (case / 2).is_multiple_of(2) { &[0, 300, 1500, 6000] } else { &[0] };
    let mut world = World::new(profile_of(case), mutant, case).preallocate(preallocate);
    let mut picture = Picture::default();
    for _ in 0..2 + world.random().below(6) {
        world.story.push("---- power cut".into());
        picture = match generation(&mut world, picture) {
            Ok(picture) => picture,
            Err(what) => {
                let what = format!("{what}\n{}", world.story.join("\n"));
                return Err(Failure { case, what, counts: world.counts });
            }
        };
    }
    Ok(world.counts)
}

/// From one power cut to the next.
fn generation(world: &mut World, picture: Picture) -> Result<Picture, String> {
    let rates = [0, 0, 20, 60, 200];
    let mut rate = || rates[world.random().below(rates.len())];
    let faults = Faults::new(rate(), rate());
    let disk = world.disk(picture, faults);
    if world.random().one_in(6) {
        let used: usize = disk.sizes().iter().sum();
        disk.set_capacity((used + world.random().below(6000)) as u64);
    }
    disk.watch();
    let mut pictures = Vec::new();
    let mut replica = world.start(&disk)?;
    pictures.append(&mut disk.pictures());
    for _ in 0..world.random().below(30) {
        let step = any_step(world);
        replica = world.step(&disk, replica, step)?;
        pictures.append(&mut disk.pictures());
    }
    world.counts.add("calls of the file system", disk.calls());
    world.counts.add("calls that failed", disk.faults());
    for _ in 0..1 + pictures.len() / 4 {
        let picture = &pictures[world.random().below(pictures.len())];
        let cut = any_cut(world);
        world.crash(picture, cut)?;
    }
    let picture = &pictures[world.random().below(pictures.len())];
    let cut = any_cut(world);
    world.crash(picture, cut)
}

fn any_step(world: &mut World) -> Step {
    let random = world.random();
    match random.below(20) {
        0..8 => Step::Write(random.below(60)),
        8 => Step::Write(0),
        9 => Step::Write(random.below(3000)),
        10 => Step::Checkpoint,
        11 => Step::Here,
        12 => Step::Group(random.below(60)),
        13 => Step::Begin,
        14 if random.one_in(2) => Step::Sync,
        14 => Step::Answer,
        15 => Step::Rotate,
        16 => Step::Restart,
        17 => Step::Second,
        _ => Step::Merge,
    }
}

fn any_cut(world: &mut World) -> Cut {
    let random = world.random();
    let loss = match random.below(8) {
        0 => Loss::Everything,
        1 => Loss::Nothing,
        2 => Loss::Zeros,
        3 => Loss::Torn { size: random.below(600) },
        4 => Loss::Behind { kept: random.below(6) },
        _ => Loss::Any { seed: random.next_u64() },
    };
    let names = if random.one_in(3) { Names::First(random.below(4)) } else { Names::Any(random.next_u64()) };
    Cut { loss, names }
}
