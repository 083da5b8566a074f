//! Log files on a simulated file system: `LogFile`, `NewFile`, `Repair` and `merge`, as they are, over
//! [`aof_std::fs`].
//!
//! | module | what it is |
//! |---|---|
//! | [`content`], [`names`], [`loss`] | what a power cut leaves of a file, of a directory, and which cuts there are |
//! | [`disk`], [`faults`] | the file system that is cut, and calls of it that fail |
//! | [`ledger`], [`check`](mod@check) | what was acknowledged, and what must be true of a disk |
//! | [`replica`], [`workload`] | the process that writes, and what it does |
//! | [`exhaustive`], [`random`] | which crashes |
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
pub mod exhaustive;
pub mod faults;
pub mod ledger;
pub mod loss;
pub mod mutant;
pub mod names;
pub mod random;
pub mod replica;
pub mod workload;

use crate::files::mutant::Mutant;
use crate::options::Workload;
use crate::run::{self, Outcome};
use aof_nostd::AnyProfile;
use aof_tests::build::PROFILES;

/// Runs one workload's cases.
#[must_use]
pub fn outcome(cases: &run::Cases, workload: Workload, mutant: Option<Mutant>) -> Outcome {
    match workload {
        Workload::Exhaustive => {
            let left = exhaustive::cases().saturating_sub(cases.seed);
            let cases = run::Cases { cases: cases.cases.min(left), ..cases.clone() };
            run::run(&cases, |case| exhaustive::case(case, mutant))
        }
        _ => run::run(cases, |case| random::case(case, mutant)),
    }
}

/// Cases take turns with the profiles.
fn profile_of(case: u64) -> AnyProfile {
    PROFILES[at(case % PROFILES.len() as u64)]
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap_or(0)
}
