//! Small workloads without chance: every sequence of four steps, cut at every call, in every way that is told
//! apart.

use super::disk::Picture;
use super::faults::Faults;
use super::mutant::Mutant;
use super::workload::{Step, World};
use super::{at, profile_of};
use crate::report::{Counts, Failure};
use aof_tests::build::PROFILES;

/// Steps of small workloads.
const STEPS: [Step; 11] = [
    Step::Write(5),
    Step::Write(700),
    Step::Checkpoint,
    Step::Begin,
    Step::Sync,
    Step::Answer,
    Step::Here,
    Step::Group(5),
    Step::Rotate,
    Step::Restart,
    Step::Merge,
];

/// Steps of a small workload.
const LENGTH: u32 = 4;

/// Zeros kept ahead: none, and enough for some of the entries.
const PREALLOCATE: [&[u64]; 2] = [&[0], &[1500]];

/// How many small workloads there are: all sequences of four steps (shorter ones begin them), in each
/// profile, with and without zeros ahead.
#[must_use]
pub fn cases() -> u64 {
    (STEPS.len() as u64).pow(LENGTH) * (PROFILES.len() * PREALLOCATE.len()) as u64
}

/// One case.
///
/// # Errors
///
/// The promise that is broken.
pub fn case(case: u64, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    let profiles = PROFILES.len() as u64;
    let preallocate = PREALLOCATE[at(case / profiles % PREALLOCATE.len() as u64)];
    let mut world = World::new(profile_of(case), mutant, case).preallocate(preallocate);
    let kinds = STEPS.len() as u64;
    let steps_of = case / profiles / PREALLOCATE.len() as u64;
    let step = |place| STEPS[at(steps_of / kinds.pow(place) % kinds)];
    let steps: Vec<Step> = (0..LENGTH).map(step).collect();
    match small(&steps, &mut world) {
        Ok(()) => Ok(world.counts),
        Err(what) => Err(Failure { case, what, counts: world.counts }),
    }
}

/// Carries out steps, and cuts the power at each call in each way.
fn small(steps: &[Step], world: &mut World) -> Result<(), String> {
    let disk = world.disk(Picture::default(), Faults::none());
    disk.watch();
    let mut replica = world.start(&disk)?;
    cut_everywhere(world, disk.pictures())?;
    for (index, step) in steps.iter().enumerate() {
        let told = |what| format!("{what}; steps {:?}", &steps[..=index]);
        replica = world.step(&disk, replica, *step).map_err(told)?;
        cut_everywhere(world, disk.pictures()).map_err(told)?;
    }
    Ok(())
}

fn cut_everywhere(world: &mut World, pictures: Vec<Picture>) -> Result<(), String> {
    for picture in pictures {
        for cut in picture.cuts() {
            world.crash(&picture, cut)?;
        }
    }
    Ok(())
}
