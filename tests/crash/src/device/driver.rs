//! The user's code: opens the log by recovery, appends, checkpoints, and does what the documentation says
//! when something fails. [`live`] does that for one trace, up to the power cut.
//!
//! ```text
//!   open: find -> clean -> Writer
//!     append, checkpoint, begin .. sync .. end        until the steps are used up: the power is cut
//!     kill                                            the process ends, the device goes on: open again
//!     an error                                        the writer must be latched: open again
//!     ... of a sync, and the cache shows what is lost the power is cut: only a restart helps
//! ```

use super::front::Device;
use super::medium::Medium;
use super::model::Model;
use super::mutant::Mutant;
use super::recover::{Recovered, recover};
use super::world::World;
use crate::report::Counts;
use aof_nostd::storage::Sync;
use aof_nostd::wire::Entry;
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, WriteError, Writer};
use embedded_io::ErrorKind;

/// What the driver does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Appends an entry.
    Append {
        /// Its body.
        body: Vec<u8>,
        /// It is sealed by the caller.
        sealed: bool,
    },
    /// A whole checkpoint.
    Checkpoint,
    /// Begins a checkpoint, or goes on with the one begun.
    Begin,
    /// Syncs for the checkpoint begun.
    Sync,
    /// Ends the checkpoint begun, synced before if need be.
    End,
    /// The process ends at once.
    Kill,
}

/// How a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the steps, or where only a restart helps.
    Cut,
    /// Recovery refused.
    Refused,
}

/// How often the log is opened in one trace at most: faults may make every one fail.
const OPENS_MAX: u32 = 12;

/// Lives until the power is cut.
///
/// # Errors
///
/// The promise that is broken.
pub fn live(
    world: &World,
    medium: &mut Medium,
    model: &mut Model,
    steps: &mut dyn Iterator<Item = Step>,
    counts: &mut Counts,
) -> Result<End, String> {
    for _ in 0..OPENS_MAX {
        let mut device = Device::new(world, medium);
        let tail = match recover(world, &mut device, model, counts)? {
            Recovered::Tail(tail) => tail,
            Recovered::Refused => return Ok(End::Refused),
            Recovered::Failed if is_lost(world, &device) => return Ok(End::Cut),
            Recovered::Failed => continue,
        };
        let writer = Writer::new(device, world.profile)
            .with_unsynced_max(world.unsynced_max)
            .with_message_size_max(world.message_size_max());
        let writer = match tail.last {
            Some(last) => writer.continue_after(last),
            None => writer,
        };
        let mut process = Process { world, model, writer, covered: None, synced: false };
        if !process.run(steps, counts)? || is_lost(world, process.writer.device()) {
            return Ok(End::Cut);
        }
        counts.one("reopened without a power cut");
    }
    Ok(End::Cut)
}

/// Whether only a restart helps.
fn is_lost(world: &World, device: &Device<'_>) -> bool {
    device.medium().lies() && world.mutant != Some(Mutant::ReopenedWithoutRestart)
}

struct Process<'a, 'm> {
    world: &'a World,
    model: &'a mut Model,
    writer: Writer<Device<'m>, AnyProfile>,
    /// Entries that the checkpoint begun covers.
    covered: Option<usize>,
    synced: bool,
}

impl Process<'_, '_> {
    /// Runs until the process ends. Tells whether the log is to be opened again.
    fn run(&mut self, steps: &mut dyn Iterator<Item = Step>, counts: &mut Counts) -> Result<bool, String> {
        for step in steps {
            let went_on = match step {
                Step::Append { body, sealed } => self.append(&body, sealed, counts)?,
                Step::Checkpoint if self.covered.is_none() => self.checkpoint(counts)?,
                Step::Begin if self.covered.is_none() => self.begin()?,
                Step::Begin | Step::Sync => self.sync(counts)?,
                Step::Checkpoint | Step::End => self.end(counts)?,
                Step::Kill => return Ok(true),
            };
            if !went_on {
                self.assert_latched()?;
                counts.one("writers that failed");
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn events(&self) -> usize {
        self.writer.device().medium().events()
    }

    fn entries(&self) -> usize {
        self.model.log.ends.len()
    }

    fn append(&mut self, body: &[u8], sealed: bool, counts: &mut Counts) -> Result<bool, String> {
        let (draft, before) = (self.model.draft(), self.events());
        let last = self.writer.last().copied();
        let Some(begin) = self.model.add(self.world, last.as_ref(), &draft, body) else {
            return Err("an entry could not be sealed".into());
        };
        let bytes = &self.model.log.bytes[begin..];
        let result = if sealed {
            match Entry::from_prefix(bytes) {
                Some(entry) => self.writer.append(entry),
                None => return Err("a sealed entry is none".into()),
            }
        } else {
            let link = self.writer.append_new(&draft, body);
            if link.is_ok_and(|link| link.checksum.to_bytes() != bytes[16..32]) {
                return Err("an entry was sealed in another way than the same one before".into());
            }
            link.map(drop)
        };
        match result {
            Ok(()) => {
                counts.one("entries appended");
                Ok(true)
            }
            Err(WriteError::Unsynced { max }) => {
                self.model.take_back();
                if self.events() != before || max != self.world.unsynced_max {
                    return Err("an entry was refused and written".into());
                }
                // What a user does then.
                if self.covered.is_some() { self.end(counts) } else { self.checkpoint(counts) }
            }
            Err(error) => self.failed("append", error),
        }
    }

    fn checkpoint(&mut self, counts: &mut Counts) -> Result<bool, String> {
        let entries = self.entries();
        if self.world.mutant == Some(Mutant::AcknowledgedBeforeSync) {
            self.model.acknowledge(self.events(), entries);
        }
        let mut done = false;
        match self.writer.checkpoint(|| done = true) {
            Ok(()) if done => {
                self.model.acknowledge(self.events(), entries);
                counts.one("checkpoints");
                Ok(true)
            }
            Ok(()) => Err("a checkpoint did not call back".into()),
            Err(_) if done => Err("a checkpoint failed and called back".into()),
            Err(error) => self.failed("checkpoint", error),
        }
    }

    fn begin(&mut self) -> Result<bool, String> {
        match self.writer.begin_checkpoint::<ErrorKind>() {
            Ok(()) => {
                (self.covered, self.synced) = (Some(self.entries()), false);
                Ok(true)
            }
            Err(error) => Err(format!("a checkpoint does not begin: {error}")),
        }
    }

    /// Syncs for the checkpoint under way, once.
    fn sync(&mut self, counts: &mut Counts) -> Result<bool, String> {
        if self.covered.is_none() || self.synced {
            return Ok(true);
        }
        match self.writer.device_mut().sync() {
            Ok(()) => {
                self.synced = true;
                Ok(true)
            }
            Err(error) => {
                counts.one("checkpoints in two halves that failed");
                let ended = self.writer.end_checkpoint::<ErrorKind>(false);
                if ended != Err(WriteError::Failed) {
                    return Err(format!("a checkpoint without a sync ends with {ended:?}"));
                }
                self.failed("sync", WriteError::Device(error))
            }
        }
    }

    fn end(&mut self, counts: &mut Counts) -> Result<bool, String> {
        if !self.sync(counts)? {
            return Ok(false);
        }
        let Some(covered) = self.covered.take() else { return Ok(true) };
        match self.writer.end_checkpoint::<ErrorKind>(true) {
            Ok(()) => {
                let later = self.world.mutant == Some(Mutant::CheckpointCoversLater);
                let entries = if later { self.entries() } else { covered };
                self.model.acknowledge(self.events(), entries);
                counts.one("checkpoints in two halves");
                Ok(true)
            }
            Err(error) => Err(format!("a checkpoint does not end: {error}")),
        }
    }

    /// The device may fail where a fault hit, or where it is full.
    fn failed(&self, what: &str, error: WriteError<ErrorKind>) -> Result<bool, String> {
        let full = matches!(error, WriteError::Full | WriteError::Device(ErrorKind::OutOfMemory));
        let hit = self.writer.device().medium().hits() > 0;
        match error {
            WriteError::Full | WriteError::Device(_) if full || hit => Ok(false),
            error => Err(format!("{what} failed without a fault: {error}")),
        }
    }

    /// Nothing more is written, and nothing acknowledged.
    fn assert_latched(&mut self) -> Result<(), String> {
        let (draft, before) = (self.model.draft(), self.events());
        let appended = self.writer.append_new(&draft, b"after the failure").map(drop);
        let mut done = false;
        let checkpoint = self.writer.checkpoint(|| done = true);
        let is_latched = appended == Err(WriteError::Failed)
            && checkpoint == Err(WriteError::Failed)
            && self.writer.state() == State::Failed;
        if !is_latched || done || self.events() != before {
            return Err(format!("a failed writer goes on: append {appended:?}, checkpoint {checkpoint:?}"));
        }
        Ok(())
    }
}
