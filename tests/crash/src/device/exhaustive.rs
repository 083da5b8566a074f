//! Small workloads without chance: every script of a few steps, on every kind of device, with the power cut
//! at every event, and every state that the cut may leave.
//!
//! | order | states of one place |
//! |---|---|
//! | kept | all that is pending, and the first bytes of the write in flight: every number of them, or none where a sector is atomic |
//! | any | every subset of the pending units: those of the last place before a sync hold all others |
//!
//! What recovery does after such a cut is a trace too, and is cut in the same way, with fewer torn writes:
//! [`Depth`].

use super::after::{crash, trace};
use super::cut::{Promise, Replay};
use super::driver::{End, Step};
use super::medium::{Event, Medium};
use super::model::Model;
use super::mutant::Mutant;
use super::world::{Kind, World, profiles};
use crate::report::{Counts, Failure};
use aof_nostd::wire::{Entry, HEAD_SIZE, Header};
use aof_tests::random::Random;

/// How much is enumerated.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// Steps of a script.
    pub steps: u32,
    /// Write in flight: torn at every so many bytes.
    pub torn_step: usize,
    /// Subsets of the pending units; where there are more, so many of them by chance.
    pub subsets_max: u64,
    /// The same for cuts within recovery.
    pub subsets_max_within: u64,
}

impl Depth {
    /// Every byte, every subset.
    pub const WHOLE: Self = Self { steps: 3, torn_step: 1, subsets_max: 4096, subsets_max_within: 32 };
    /// For a test of seconds.
    pub const SHORT: Self = Self { steps: 2, torn_step: 37, subsets_max: 64, subsets_max_within: 8 };

    /// How many cases there are.
    #[must_use]
    pub fn cases(self) -> u64 {
        LETTERS.pow(self.steps) * WORLDS * STARTS
    }
}

/// Steps that a script is made of.
const LETTERS: u64 = 7;
/// Devices and promises.
const WORLDS: u64 = 10;
/// What is on the medium before: nothing; or an entry and, torn, another one.
const STARTS: u64 = 2;

fn letter(world: &World, letter: u64) -> Step {
    match letter {
        0 => Step::Append { body: Vec::new(), sealed: true },
        1 => Step::Append { body: vec![0x5a; 512 - HEAD_SIZE], sealed: false },
        2 => Step::Append { body: large(world), sealed: false },
        3 => Step::Checkpoint,
        4 => Step::Begin,
        5 => Step::End,
        _ => Step::Kill,
    }
}

/// A body of several sectors. Where the order is kept it holds an entry that verifies.
fn large(world: &World) -> Vec<u8> {
    let mut body = vec![0xa5; 500];
    if world.nests {
        let mut entry = vec![7; HEAD_SIZE + 20];
        let header = Header { op: 9.into(), commit: 8.into(), ..Header::new() };
        if Entry::seal(&world.profile, header, &mut entry).is_ok() {
            body.splice(60.., entry);
        }
        body.resize(500, 0xa5);
    }
    body
}

fn world(index: u64, mutant: Option<Mutant>) -> World {
    let [crc, aegis] = profiles();
    let (kind, ordered, gives_up_leftovers) = match index {
        0 | 1 => (Kind::Bytes, true, false),
        2 => (Kind::Bytes, false, true),
        3 => (Kind::Bytes, false, false),
        4 => (Kind::Sectors { cached: 1 }, true, false),
        5 => (Kind::Sectors { cached: 4 }, true, false),
        6 => (Kind::Sectors { cached: 1 }, false, true),
        7 => (Kind::Sectors { cached: 1 }, false, false),
        8 => (Kind::Sectors { cached: 2 }, false, true),
        _ => (Kind::Sectors { cached: 4 }, false, false),
    };
    World {
        kind,
        promise: Promise { atomic: kind != Kind::Bytes, ordered, garbage: false },
        profile: if index.is_multiple_of(2) { crc } else { aegis },
        capacity: 10 * 512,
        unsynced_max: 3,
        body_size_max: 600,
        buffer_size: 700,
        gives_up_leftovers,
        nests: ordered,
        mutant,
    }
}

/// One case: a device, a beginning, a script.
///
/// # Errors
///
/// The promise that is broken.
pub fn case(number: u64, depth: Depth, mutant: Option<Mutant>) -> Result<Counts, Failure> {
    let world = world(number % WORLDS, mutant);
    let start = number / WORLDS % STARTS;
    let mut left = number / WORLDS / STARTS;
    let script: Vec<Step> = (0..depth.steps)
        .map(|_| {
            let step = letter(&world, left % LETTERS);
            left /= LETTERS;
            step
        })
        .collect();
    let told: Vec<_> = script.iter().map(name).collect();
    let mut counts = Counts::default();
    let mut cuts = Cuts { world: &world, depth, random: Random::new(number), counts: &mut counts };
    match cuts.script(start, script) {
        Ok(()) => Ok(counts),
        Err(what) => {
            let what = format!("{what}\nscript {told:?}, beginning {start}, in {world:?}");
            Err(Failure { case: number, what, counts })
        }
    }
}

fn name(step: &Step) -> String {
    match step {
        Step::Append { body, .. } => format!("append {}", body.len()),
        other => format!("{other:?}").to_lowercase(),
    }
}

struct Cuts<'a> {
    world: &'a World,
    depth: Depth,
    random: Random,
    counts: &'a mut Counts,
}

impl Cuts<'_> {
    fn script(&mut self, start: u64, script: Vec<Step>) -> Result<(), String> {
        let (medium, model) = self.start(start)?;
        let lived = trace(self.world, medium, &model.at(usize::MAX), script, self.counts)?;
        for (place, image, is_coarse) in self.states(&lived.medium, true) {
            let at = |what: String| format!("cut behind event {place}: {what}");
            let expected = lived.model.at(place);
            crash(self.world, image.clone(), &expected, self.counts).map_err(at)?;
            if is_coarse {
                self.within(image, &lived.model, place).map_err(at)?;
            }
        }
        Ok(())
    }

    /// The medium that a script begins with: a power cut left a torn entry, and it is not cleaned yet.
    fn start(&mut self, start: u64) -> Result<(Medium, Model), String> {
        let medium = Medium::new(vec![0; self.world.capacity]);
        let model = Model::default();
        if start == 0 {
            return Ok((medium, model));
        }
        let append = |body| Step::Append { body, sealed: false };
        let steps = vec![append(vec![3; 100]), Step::Checkpoint, append(large(self.world)), Step::Checkpoint];
        let lived = trace(self.world, medium, &model.at(0), steps, self.counts)?;
        let last_sync = lived.medium.events() - 1;
        let mut replay = Replay::new(&lived.medium);
        replay.advance(last_sync);
        // The last unit is lost, or half of it.
        let mut left = replay.subset((1 << (replay.pending() - 1)) - 1);
        if !self.world.promise.atomic {
            replay = Replay::new(&lived.medium);
            replay.advance(last_sync - 1);
            left = replay.in_order(400);
        }
        Ok((Medium::new(left), Model::begin(&lived.model.at(last_sync))))
    }

    /// Cuts within the recovery from a cut, and what is written after it.
    fn within(&mut self, image: Vec<u8>, model: &Model, place: usize) -> Result<(), String> {
        let steps = vec![Step::Append { body: Vec::new(), sealed: false }, Step::Checkpoint];
        let lived = trace(self.world, Medium::new(image), &model.at(place), steps, self.counts)?;
        if lived.end == End::Refused {
            return Ok(());
        }
        let before = self.counts.crashes();
        for (place, image, _) in self.states(&lived.medium, false) {
            crash(self.world, image, &lived.model.at(place), self.counts)
                .map_err(|what| format!("cut behind event {place} of the recovery: {what}"))?;
        }
        let crashes = self.counts.crashes() - before;
        self.counts.add("crashes within or after a recovery", crashes);
        Ok(())
    }

    /// All states that cuts leave: the place, the medium, and whether recovery from it is cut as well.
    fn states(&mut self, medium: &Medium, is_outer: bool) -> Vec<(usize, Vec<u8>, bool)> {
        let mut states = Vec::new();
        let mut replay = Replay::new(medium);
        for place in 0..=medium.events() {
            replay.advance(place);
            if self.world.promise.ordered {
                let size = replay.next_size().filter(|_| !self.world.promise.atomic).unwrap_or(0);
                let coarse = [0, size / 2, size.saturating_sub(1)];
                for torn in 0..size.max(1) {
                    let is_coarse = coarse.contains(&torn);
                    if is_coarse || (is_outer && torn % self.depth.torn_step == 0) {
                        states.push((place, replay.in_order(torn), is_coarse));
                    }
                }
            } else if !matches!(medium.events.get(place), Some(Event::Write { .. })) {
                let subsets_max =
                    if is_outer { self.depth.subsets_max } else { self.depth.subsets_max_within };
                let subsets = 1_u64.checked_shl(u32::try_from(replay.pending()).unwrap_or(64)).unwrap_or(0);
                if subsets == 0 || subsets > subsets_max {
                    self.counts.one("places with subsets by chance");
                    for _ in 0..subsets_max {
                        states.push((place, replay.subset(self.random.next_u64()), true));
                    }
                } else {
                    states.extend((0..subsets).map(|mask| (place, replay.subset(mask), true)));
                }
            }
        }
        states
    }
}
