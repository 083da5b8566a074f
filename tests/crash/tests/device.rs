//! The crash simulation of the core: short runs of it, and that it catches what is broken. Long runs: the
//! program `crash`.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests tell what they counted, and stop at a surprise"
)]

use aof_crash::device::exhaustive::Depth;
use aof_crash::device::mutant::Mutant;
use aof_crash::device::outcome;
use aof_crash::options::{Workload, name};
use aof_crash::run::{Cases, Outcome};
use clap::ValueEnum;

fn random(options: &Cases, mutant: Option<Mutant>) -> Outcome {
    outcome(options, Workload::Random, Depth::SHORT, mutant)
}

#[test]
fn every_crash_of_every_small_workload_keeps_the_promises() {
    let Outcome { counts, cases, failure } =
        outcome(&Cases::default(), Workload::Exhaustive, Depth::SHORT, None);
    println!("{cases} cases\n{counts}");
    assert_eq!(failure, None);
    assert_eq!(cases, Depth::SHORT.cases());
    for what in ["crashes within or after a recovery", "torn tails", "recoveries that were refused, rightly"]
    {
        assert!(counts.get(what) > 0, "{what}: {counts}");
    }
    assert_eq!(counts.get("places with subsets by chance"), 0, "exhaustive");
}

#[test]
fn crashes_of_large_workloads_by_chance_keep_the_promises() {
    let Outcome { counts, cases, failure } = random(&Cases { crashes: 8_000, ..Cases::default() }, None);
    println!("{cases} cases\n{counts}");
    assert_eq!(failure, None);
    // What has to have happened for the run to say anything.
    for what in [
        "checkpoints",
        "checkpoints in two halves",
        "checkpoints in two halves that failed",
        "cleanings that failed",
        "entries lost that nobody promised",
        "logs read by the oracle",
        "recoveries that failed",
        "recoveries that were refused, rightly",
        "reopened without a power cut",
        "torn tails",
        "writers that failed",
    ] {
        assert!(counts.get(what) > 0, "{what}: {counts}");
    }
}

#[test]
fn result_does_not_depend_on_the_number_of_threads() {
    let run = |threads| random(&Cases { cases: 12, threads, ..Cases::default() }, None);
    assert_eq!(run(1), run(3));
}

/// Catches the mutant, tells after how many crashes, and shows that the failing case alone fails the same.
fn caught(mutant: Mutant) {
    let Outcome { counts, failure, .. } =
        random(&Cases { crashes: 100_000, ..Cases::default() }, Some(mutant));
    let failure = failure.unwrap_or_else(|| panic!("{} was not caught: {counts}", name(&mutant)));
    println!("{}: caught after {} crashes: {failure}", name(&mutant), counts.crashes());
    let again = random(&Cases { seed: failure.case, cases: 1, ..Cases::default() }, Some(mutant));
    assert_eq!(again.failure.as_ref(), Some(&failure), "the case's number repeats it");
    let right = random(&Cases { seed: failure.case, cases: 1, ..Cases::default() }, None);
    assert_eq!(right.failure, None, "and nothing but the mutant is to blame");
}

macro_rules! caught {
    ($($test:ident: $mutant:ident,)*) => {
        $(#[test]
        fn $test() {
            caught(Mutant::$mutant);
        })*

        #[test]
        fn every_mutant_has_a_test() {
            assert_eq!(Mutant::value_variants(), [$(Mutant::$mutant),*]);
        }
    };
}

caught! {
    sync_that_does_nothing_is_caught: SyncSkipped,
    failed_sync_that_is_tried_again_is_caught: FailedSyncRetried,
    write_error_that_is_ignored_is_caught: WriteErrorIgnored,
    torn_tail_that_is_not_zeroed_is_caught: TailNotCleaned,
    append_behind_the_torn_tail_is_caught: AppendedBehindTheTail,
    cleaning_that_is_not_synced_is_caught: CleanNotSynced,
    checkpoint_acknowledged_before_its_sync_is_caught: AcknowledgedBeforeSync,
    checkpoint_that_covers_what_was_written_later_is_caught: CheckpointCoversLater,
    reopening_after_a_failed_sync_without_a_restart_is_caught: ReopenedWithoutRestart,
    disk_that_spoils_sectors_with_synced_bytes_is_caught: SectorsSpoilt,
    reach_shorter_than_what_may_be_unsynced_is_caught: ReachTooShort,
}
