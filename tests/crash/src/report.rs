//! What a simulation counted, and how it failed.

use crate::run::Outcome;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The count that a run is measured by: states of a medium that were recovered from and checked.
pub const CRASHES: &str = "crashes";

/// How often what was seen. Prints as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts `what` once more.
    pub fn one(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// Counts `what` so many times more.
    pub fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// Raises `what` to `value`, for counts named `.. at most`.
    pub fn raise(&mut self, what: &'static str, value: u64) {
        let count = self.0.entry(what).or_default();
        *count = (*count).max(value);
    }

    /// How often `what` was seen.
    #[must_use]
    pub fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// How many crashes there were.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.get(CRASHES)
    }

    /// Takes in what another case counted.
    pub fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            if what.ends_with(AT_MOST) {
                self.raise(what, *count);
            } else {
                self.add(what, *count);
            }
        }
    }
}

/// Counts with a name like this are the largest of all cases, not their sum.
pub const AT_MOST: &str = "at most";

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(|what| what.len()).max().unwrap_or(0);
        for (what, count) in &self.0 {
            writeln!(f, "  {what:width$}  {count:>12}")?;
        }
        Ok(())
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The case: all that is needed to see it again.
    pub case: u64,
    /// What was expected and what was seen, and where.
    pub what: String,
    /// What the case had counted by then.
    pub counts: Counts,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}: {}", self.case, self.what)
    }
}

/// Tells what a run of `what` came to, and judges it: no case may fail, or, with a mutant, one has to.
///
/// # Errors
///
/// The first promise that was broken; with a mutant, that none was.
pub fn judge(
    what: &str,
    workload: &str,
    seed: u64,
    mutant: Option<String>,
    outcome: Outcome,
    time: Duration,
    print: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let Outcome { counts, cases, failure } = outcome;
    let (crashes, seconds) = (counts.crashes(), time.as_secs_f64());
    print(&format!(
        "{what}, {workload}: {crashes} crashes in {cases} cases from {seed} on, {seconds:.1} s\n{counts}"
    ));
    match (mutant, failure) {
        (None, None) => Ok(()),
        (None, Some(mut failure)) => {
            let case = failure.case;
            failure.what +=
                &format!("\nto repeat: crash {what} --workload {workload} --seed {case} --cases 1");
            Err(failure)
        }
        (Some(mutant), Some(failure)) => {
            let told = failure.what.lines().next().unwrap_or_default();
            print(&format!("{mutant}: caught after {crashes} crashes, in case {}: {told}\n", failure.case));
            Ok(())
        }
        (Some(mutant), None) => {
            Err(Failure { case: seed, what: format!("the broken version {mutant} was not caught"), counts })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_maxima_do_not() {
        let mut sum = Counts::default();
        for calls in [7, 5] {
            let mut counts = Counts::default();
            counts.add(CRASHES, 10);
            counts.raise("calls at most", calls);
            sum.merge(&counts);
        }
        assert_eq!((sum.crashes(), sum.get("calls at most"), sum.get("other")), (20, 7, 0));
        assert_eq!(sum.to_string().lines().count(), 2);
    }
}
