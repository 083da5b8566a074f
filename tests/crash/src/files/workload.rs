//! What a process does, and the power cuts on the way: a [`Step`] after the other.

use crate::files::check::{History, check};
use crate::files::disk::{Disk, Picture};
use crate::files::faults::Faults;
use crate::files::loss::{Cut, Loss, Names};
use crate::files::mutant::Mutant;
use crate::files::replica::{How, Replica, Stop, Wait};
use crate::report::{CRASHES, Counts};
use aof_nostd::AnyProfile;
use aof_tests::random::Random;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes an entry with a body of so many bytes.
    Write(usize),
    /// Begins a checkpoint.
    Begin,
    /// The checkpoint under way is carried out.
    Sync,
    /// Its answer is looked at.
    Answer,
    /// Begins one and waits for it.
    Checkpoint,
    /// Makes all durable on its own thread.
    Here,
    /// Writes an entry with a body of so many bytes as one of many threads would, and waits until it is durable.
    Group(usize),
    /// The operator moves the log away.
    Rotate,
    /// The process dies and is started again; the power stays on.
    Restart,
    /// Another process tries to write the log.
    Second,
    /// All that there is of the log is merged.
    Merge,
}

/// One life of a disk: its own profile, mutant, and all that was ever sealed for it.
#[derive(Debug)]
pub struct World {
    /// The log's.
    pub profile: AnyProfile,
    /// What is broken.
    pub mutant: Option<Mutant>,
    /// All that was ever sealed.
    pub history: History,
    /// What was seen.
    pub counts: Counts,
    /// What happened since the last power cut, for whoever looks for the reason of a failure.
    pub story: Vec<String>,
    random: Random,
    /// How many zeros its processes keep ahead: each chooses one of these.
    preallocate: &'static [u64],
    /// Apart from the other, so that cases without zeros are what they were before there were any.
    choice: Random,
}

impl World {
    /// A new one, whose processes keep no zeros ahead.
    #[must_use]
    pub fn new(profile: AnyProfile, mutant: Option<Mutant>, seed: u64) -> Self {
        let (history, counts) = (History::new(), Counts::default());
        let (random, choice) = (Random::new(seed), Random::new(!seed));
        Self { profile, mutant, history, counts, story: Vec::new(), random, preallocate: &[0], choice }
    }

    /// Lets each process keep so many zeros ahead as one of these says.
    #[must_use]
    pub fn preallocate(self, preallocate: &'static [u64]) -> Self {
        Self { preallocate, ..self }
    }

    /// A disk with what is in `picture`.
    pub fn disk(&mut self, picture: Picture, faults: Faults) -> Disk {
        Disk::new(picture, self.random.next_u64(), faults, self.mutant)
    }

    /// Starts a process on `disk`; where a call fails, again, at last without faults.
    ///
    /// # Errors
    ///
    /// The promise that is broken.
    pub fn start(&mut self, disk: &Disk) -> Result<Replica, String> {
        for attempt in 0.. {
            self.story.push(format!("start on {}", disk.picture()));
            if attempt == 3 {
                disk.set_faults(Faults::none());
                disk.set_capacity(u64::MAX);
            }
            let preallocate = self.preallocate[self.choice.below(self.preallocate.len())];
            let how = How { repair: self.random.one_in(2), refill: self.random.one_in(2), preallocate };
            if preallocate > 0 {
                self.counts.one("processes that kept zeros ahead");
            }
            match Replica::start(disk, self.profile, self.mutant, &self.history, how) {
                Ok(replica) => return Ok(replica),
                Err(Stop::Failed(what)) => {
                    self.story.push(what);
                    self.counts.one("starts that failed, and were tried again");
                }
                Err(Stop::Broken(what)) => return Err(what),
            }
        }
        Err("unreachable".into())
    }

    /// Carries out a step. A process that a fault stopped is started again.
    ///
    /// # Errors
    ///
    /// The promise that is broken.
    pub fn step(&mut self, disk: &Disk, mut replica: Replica, step: Step) -> Result<Replica, String> {
        let stop = match step {
            Step::Write(size) | Step::Group(size) => {
                let seed = self.random.next_u64();
                let body = Random::new(seed).bytes(size);
                let wait = if matches!(step, Step::Group(_)) { Wait::Durable } else { Wait::No };
                replica.write(&body, seed >> 1, wait, &mut self.history)
            }
            Step::Here => replica.here(),
            Step::Begin => replica.begin(),
            Step::Sync => replica.sync(),
            Step::Answer => replica.answer(),
            Step::Checkpoint => {
                replica.answer().and_then(|()| replica.begin()).and_then(|()| replica.answer())
            }
            Step::Rotate => {
                replica.rotate();
                Ok(())
            }
            Step::Restart => Err(Stop::Failed("killed".into())),
            Step::Second => replica.second(),
            Step::Merge => replica.merge(),
        };
        self.story.push(format!("{step:?}: {stop:?}"));
        match stop {
            Ok(()) => Ok(replica),
            Err(Stop::Broken(what)) => Err(format!("{step:?}: {what}")),
            Err(Stop::Failed(_)) => {
                self.counts.one("processes that died and were started again");
                // It may be killed, or end as a program does that was told of an error.
                if self.choice.one_in(2) {
                    disk.kill(replica);
                } else {
                    drop(replica);
                }
                self.start(disk)
            }
        }
    }

    /// A power cut: what it leaves is checked, a process is started on it and goes on, and what that leaves
    /// is checked.
    ///
    /// # Errors
    ///
    /// The promise that is broken.
    pub fn crash(&mut self, picture: &Picture, cut: Cut) -> Result<Picture, String> {
        self.counts.one(CRASHES);
        let told_before = self.story.len();
        self.story.push(format!("power cut: {cut:?}"));
        let left = picture.cut(cut);
        let told = |what: String| format!("{what}; after {cut:?}");
        check(&left, &self.history).map_err(told)?;
        let disk = self.disk(left.clone(), Faults::none());
        let replica = self.start(&disk).map_err(told)?;
        let replica = self.step(&disk, replica, Step::Write(40)).map_err(told)?;
        drop(self.step(&disk, replica, Step::Checkpoint).map_err(told)?);
        let after = disk.picture().cut(Cut { loss: Loss::Everything, names: Names::First(0) });
        check(&after, &self.history).map_err(|what| format!("{what}; going on after {cut:?}"))?;
        self.story.truncate(told_before);
        Ok(left)
    }

    /// A number from the seed.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }
}
