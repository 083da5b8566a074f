//! Log files on a simulated file system: `LogFile`, `NewFile`, `Repair` and `merge`, as they are, over
//! [`aof_std::fs`].
//!
//! | module | what it is |
//! |---|---|
//! | [`content`], [`names`], [`loss`] | what a power cut leaves of a file, of a directory, and which cuts there are |
//! | [`disk`], [`faults`] | the file system that is cut, and calls of it that fail |
//! | [`ledger`], [`check`](mod@check) | what was acknowledged, and what must be true of a disk |
//! | [`replica`], [`workload`] | the process that writes, and what it does |
//! | [`mutant`] | broken versions, each of which has to be caught |
//!
//! # What is checked after each crash
//!
//! - Every entry that a checkpoint acknowledged is there, bit for bit, where it was written.
//! - No entry is there that nobody wrote, and no two for one op; no damage before the end of what is
//!   acknowledged, but what an opening told.
//! - A torn tail is cut behind the last whole entry, and its bytes are in another file.
//! - A merged file that was acknowledged is there; whatever stands in its place is whole.
//! - A process starts on what is left, without help; the chain goes on; and a power cut that takes all that
//!   is not durable leaves what was acknowledged since.
//!
//! # What is assumed of the file system
//!
//! The table of [`aof_std::fs`], and no more: not that what is unsynced comes in order, or whole, or with the
//! file's length, or that names appear in order. A process that dies leaves what it wrote in memory; a sync
//! that fails leaves some of it there for good, as if it were durable.

pub mod check;
pub mod content;
pub mod disk;
pub mod faults;
pub mod ledger;
pub mod loss;
pub mod mutant;
pub mod names;
pub mod replica;
pub mod workload;

use crate::files::disk::Picture;
use crate::files::faults::Faults;
use crate::files::loss::{Cut, Loss, Names};
use crate::files::mutant::Mutant;
use crate::files::workload::{Step, World};
use crate::report::{self, Counts, Failure};
use crate::run::{self, Outcome};
use aof_tests::build::PROFILES;
use clap::{Args, ValueEnum};
use std::time::Instant;

/// What is simulated.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Which cases.
    #[command(flatten)]
    pub cases: run::Cases,
    /// Which crashes
    #[arg(long, value_enum, default_value_t)]
    pub workload: Workload,
    /// Run a broken version, which has to be caught
    #[arg(long, value_enum, value_name = "NAME")]
    pub mutant: Option<Mutant>,
}

/// Which crashes are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Every sequence of four steps, cut at every call, in every way that is told apart
    Exhaustive,
    /// Long ones with failing calls and full disks, cut by chance, through many generations
    Random,
    /// Both, one after the other
    #[default]
    All,
}

impl Workload {
    const fn name(self) -> &'static str {
        match self {
            Self::Exhaustive => "exhaustive",
            Self::Random => "random",
            Self::All => "all",
        }
    }
}

/// Runs one workload's cases.
#[must_use]
pub fn outcome(cases: &run::Cases, workload: Workload, mutant: Option<Mutant>) -> Outcome {
    match workload {
        Workload::Exhaustive => {
            let left = exhaustive_cases().saturating_sub(cases.seed);
            let cases = run::Cases { cases: cases.cases.min(left), ..cases.clone() };
            run::run(&cases, |case| exhaustive(case, mutant))
        }
        _ => run::run(cases, |case| random(case, mutant)),
    }
}

/// Runs the simulation and prints what it counted.
///
/// # Errors
///
/// The first promise that was broken; with a mutant, that none was.
pub fn run(options: &Options, print: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let workloads: &[Workload] = match options.workload {
        Workload::All if options.mutant.is_some() => &[Workload::Random],
        Workload::All => &[Workload::Exhaustive, Workload::Random],
        ref one => std::slice::from_ref(one),
    };
    for workload in workloads {
        let begin = Instant::now();
        let outcome = outcome(&options.cases, *workload, options.mutant);
        let name = workload.name();
        let mutant = options.mutant.map(Mutant::name);
        report::judge("files", name, options.cases.seed, mutant, outcome, begin.elapsed(), print)?;
    }
    Ok(())
}

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

/// How many small workloads there are: all sequences of four steps (shorter ones begin them), in each
/// profile.
#[must_use]
pub fn exhaustive_cases() -> u64 {
    (STEPS.len() as u64).pow(LENGTH) * PROFILES.len() as u64
}

fn exhaustive(case: u64, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    let profiles = PROFILES.len() as u64;
    let mut world = World::new(PROFILES[at(case % profiles)], mutant, case);
    let kinds = STEPS.len() as u64;
    let step = |place| STEPS[at(case / profiles / kinds.pow(place) % kinds)];
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

/// A long workload with faults, cut at random; what is left is gone on with.
fn random(case: u64, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    let mut world = World::new(PROFILES[at(case % PROFILES.len() as u64)], mutant, case);
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

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap_or(0)
}
