//! Cases over threads. Cases are taken in order, and their counts are added in order until there are
//! crashes enough: so counts and the first failure are the same for any number of threads.

use crate::report::{Counts, Failure};
use clap::Args;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which cases are run.
#[derive(Args, Clone, Debug)]
pub struct Cases {
    /// The first case's number; the others follow it
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Stop after the case that makes it so many crashes
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub crashes: u64,
    /// Run so many cases at most
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true, value_name = "N")]
    pub cases: u64,
    /// Use so many threads; the result does not depend on it
    #[arg(long, default_value_t = threads(), hide_default_value = true, value_name = "N")]
    pub threads: usize,
}

impl Default for Cases {
    fn default() -> Self {
        Self { seed: 0, crashes: u64::MAX, cases: u64::MAX, threads: threads() }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a run of cases came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Of all cases; where one failed, of those before it and of its own up to there.
    pub counts: Counts,
    /// How many cases were passed.
    pub cases: u64,
    /// The first case that failed.
    pub failure: Option<Failure>,
}

#[derive(Default)]
struct State {
    /// The next case to be taken.
    next: u64,
    /// Cases that are done while one before them is not.
    done: BTreeMap<u64, Result<Counts, Failure>>,
    outcome: Outcome,
    is_over: bool,
}

/// Runs cases from `options.seed` on until there are crashes enough, or one fails.
pub fn run(options: &Cases, case: impl Fn(u64) -> Result<Counts, Failure> + Sync) -> Outcome {
    let state = Mutex::new(State::default());
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| worker(options, &case, &state));
        }
    });
    state.into_inner().unwrap_or_else(PoisonError::into_inner).outcome
}

fn worker(options: &Cases, case: &impl Fn(u64) -> Result<Counts, Failure>, state: &Mutex<State>) {
    loop {
        let index = {
            let mut state = lock(state);
            if state.is_over || state.next >= options.cases {
                return;
            }
            state.next += 1;
            state.next - 1
        };
        let number = options.seed.wrapping_add(index);
        CASE.set(Some(number));
        let result = case(number);
        CASE.set(None);
        lock(state).take(index, result, options.crashes);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A case that panics ends its thread, and `scope` passes that on.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn take(&mut self, index: u64, result: Result<Counts, Failure>, crashes: u64) {
        self.done.insert(index, result);
        while !self.is_over
            && let Some(result) = self.done.remove(&self.outcome.cases)
        {
            match result {
                Ok(counts) => {
                    self.outcome.counts.merge(&counts);
                    self.outcome.cases += 1;
                    self.is_over = self.outcome.counts.crashes() >= crashes;
                }
                Err(failure) => {
                    self.outcome.counts.merge(&failure.counts);
                    self.outcome.failure = Some(failure);
                    self.is_over = true;
                }
            }
        }
    }
}

thread_local! {
    static CASE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The case that this thread is in: what a panic's message should tell.
#[must_use]
pub fn current_case() -> Option<u64> {
    CASE.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CRASHES;

    fn case(number: u64) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        counts.add(CRASHES, number % 7);
        if number == 5000 {
            Err(Failure { case: number, what: "it broke".into(), counts })
        } else {
            Ok(counts)
        }
    }

    #[test]
    fn outcome_does_not_depend_on_the_number_of_threads() {
        for crashes in [1, 100, 3000, u64::MAX] {
            let run = |threads| run(&Cases { crashes, threads, seed: 3, ..Cases::default() }, case);
            let expected = run(1);
            assert_eq!(expected.failure.is_some(), crashes == u64::MAX);
            assert!(expected.counts.crashes() >= crashes.min(14_000));
            for threads in [2, 3, 8] {
                assert_eq!(run(threads), expected, "{threads} threads, {crashes} crashes");
            }
        }
    }

    #[test]
    fn cases_may_be_limited() {
        let outcome = run(&Cases { cases: 10, ..Cases::default() }, case);
        assert_eq!((outcome.cases, outcome.counts.crashes()), (10, 24));
    }
}
