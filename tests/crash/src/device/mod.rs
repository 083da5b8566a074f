//! The core on a simulated device.
//!
//! | module | what it is |
//! |---|---|
//! | [`medium`] | bytes, durable and not, the trace of all that was done to them, and faults |
//! | [`cut`] | what a power cut leaves, for each promise that a device may make |
//! | [`front`] | the medium as a device of bytes, and as a disk under `Blocks` |
//! | [`world`] | what a case has chosen |
//! | [`model`] | what should be on the medium, at each place of the trace |
//! | [`driver`] | the user's code: open, append, checkpoint, crash, open again |
//! | [`recover`] | opening, and all that has to hold then |
//! | [`after`] | one crash |
//! | [`exhaustive`], [`random`] | which crashes |
//! | [`mutant`] | broken versions, each of which has to be caught |
//!
//! # What is checked after each crash
//!
//! - Every entry that a checkpoint acknowledged, or that an earlier opening made durable, is found: bit for
//!   bit, in order.
//! - What is found is a beginning of what was written: no entry that nobody wrote, never two for one op.
//! - The log's end is behind the last whole entry; what is behind it is zero after cleaning, and nothing
//!   before it has changed.
//! - Recovery refuses only where it says so in its documentation, and then nothing acknowledged is harmed.
//! - The chain goes on: an entry is appended, made durable, found again, and the reader reads all.
//! - A writer whose device failed writes and acknowledges nothing more.
//! - The number of calls of the device is bounded.
//!
//! # What is assumed of the device
//!
//! | assumption | what happens without it |
//! |---|---|
//! | a sync that returns `Ok` has made durable what was written before it | [`Mutant::SyncSkipped`] |
//! | bytes not written since the last sync are as they were; of a sector that is rewritten, those that it held at the sync | [`Mutant::SectorsSpoilt`] |
//! | after a failed sync the log is reopened after a restart, or reads give what is durable | [`Mutant::ReopenedWithoutRestart`] |
//! | recovery's reach covers all that may be unsynced | [`Mutant::ReachTooShort`] |
//!
//! Not assumed: any order of what is not synced, that a write is there whole, that a sector without synced
//! bytes holds anything that was written, that reads, writes and flushes are done at once or succeed. What
//! is written in any order may leave an entry without the one before it; that is refused, and nothing is
//! changed, unless the caller gives such leftovers up. A cut before the first sync may leave something that
//! does not look like a log, if the order is any or sectors may be garbage; that is refused too.

pub mod after;
pub mod cut;
pub mod driver;
pub mod exhaustive;
pub mod front;
pub mod medium;
pub mod model;
pub mod mutant;
pub mod random;
pub mod recover;
pub mod world;

use self::exhaustive::Depth;
use self::mutant::Mutant;
use crate::options::Workload;
use crate::run::{self, Outcome};

/// Runs one workload's cases.
#[must_use]
pub fn outcome(cases: &run::Cases, workload: Workload, depth: Depth, mutant: Option<Mutant>) -> Outcome {
    match workload {
        Workload::Exhaustive => {
            let left = depth.cases().saturating_sub(cases.seed);
            let cases = run::Cases { cases: cases.cases.min(left), crashes: u64::MAX, ..cases.clone() };
            run::run(&cases, |number| exhaustive::case(number, depth, mutant))
        }
        _ => run::run(cases, |number| random::case(number, mutant)),
    }
}
