//! The crash simulation of log files: short runs of it, and that it catches what is broken. Long runs: the
//! program `crash`.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests tell what they counted, and stop at a surprise"
)]

use aof_crash::files::mutant::Mutant;
use aof_crash::files::{exhaustive, outcome};
use aof_crash::options::{Workload, name};
use aof_crash::run::{Cases, Outcome};
use clap::ValueEnum;

#[test]
fn crashes_at_every_call_of_small_workloads_keep_the_promises() {
    // A prime step through all of them, so that each kind of step stands in each place.
    let mut crashes = 0;
    for seed in (0..exhaustive::cases()).step_by(193) {
        let options = Cases { seed, cases: 1, ..Cases::default() };
        let Outcome { counts, failure, .. } = outcome(&options, Workload::Exhaustive, None);
        assert_eq!(failure, None);
        crashes += counts.crashes();
    }
    println!("{crashes} crashes");
    assert!(crashes > 10_000, "{crashes}");
}

#[test]
fn crashes_of_large_workloads_by_chance_keep_the_promises() {
    let options = Cases { crashes: 8_000, ..Cases::default() };
    let Outcome { counts, cases, failure } = outcome(&options, Workload::Random, None);
    println!("{cases} cases\n{counts}");
    assert_eq!(failure, None);
    // What has to have happened for the run to say anything.
    for what in [
        "calls that failed",
        "processes that died and were started again",
        "starts that failed, and were tried again",
        "processes that kept zeros ahead",
    ] {
        assert!(counts.get(what) > 0, "{what}: {counts}");
    }
}

/// A group commit wrote an entry, its sync failed and forgot entries before it: after a power cut it stands behind a
/// hole of which nothing was acknowledged.
#[test]
fn entry_whose_sync_lost_what_stands_before_it_is_continued() {
    let outcome = outcome(&Cases { seed: 395, cases: 1, ..Cases::default() }, Workload::Random, None);
    assert_eq!(outcome.failure, None);
}

#[test]
fn result_does_not_depend_on_the_number_of_threads() {
    let run = |threads| outcome(&Cases { cases: 12, threads, ..Cases::default() }, Workload::Random, None);
    assert_eq!(run(1), run(3));
}

/// Catches the mutant, tells after how many crashes, and shows that nothing else is to blame.
fn caught(mutant: Mutant) {
    let run = |options: &Cases, mutant| outcome(options, Workload::Random, mutant);
    let Outcome { counts, failure, .. } = run(&Cases { crashes: 40_000, ..Cases::default() }, Some(mutant));
    let failure = failure.unwrap_or_else(|| panic!("{} was not caught: {counts}", name(&mutant)));
    println!("{}: caught after {} crashes, in case {}", name(&mutant), counts.crashes(), failure.case);
    let case = Cases { seed: failure.case, cases: 1, ..Cases::default() };
    assert_eq!(run(&case, Some(mutant)).failure, Some(failure), "the case's number repeats it");
    assert_eq!(run(&case, None).failure, None, "and nothing but the mutant is to blame");
}

#[test]
fn every_broken_version_is_caught() {
    for mutant in Mutant::value_variants() {
        caught(*mutant);
    }
}
