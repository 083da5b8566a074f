//! What is asked for, the same for each simulation: which cases, which workload, which broken version.

use crate::report::{self, Failure};
use crate::run::{Cases, Outcome};
use clap::{Args, ValueEnum};
use std::time::Instant;

/// What is simulated; `M` are the broken versions that there are.
#[derive(Args, Clone, Debug)]
pub struct Options<M: ValueEnum + Copy + Send + Sync + 'static> {
    /// Which cases.
    #[command(flatten)]
    pub cases: Cases,
    /// Which crashes
    #[arg(long, value_enum, default_value_t)]
    pub workload: Workload,
    /// Run a broken version, which has to be caught
    #[arg(long, value_enum, value_name = "NAME")]
    pub mutant: Option<M>,
}

/// Which crashes are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Every crash of every small workload
    Exhaustive,
    /// Crashes of large workloads by chance, with failing calls
    Random,
    /// Both, one after the other; of a broken version those by chance
    #[default]
    All,
}

/// The name of a value, a broken version's say, as the command line has it.
#[must_use]
pub fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl<M: ValueEnum + Copy + Send + Sync + 'static> Options<M> {
    /// Runs the simulation called `what`, of which `outcome` runs one workload, and prints what it counted.
    ///
    /// # Errors
    ///
    /// The first promise that was broken; with a mutant, that none was.
    pub fn run(
        &self,
        what: &str,
        outcome: impl Fn(&Cases, Workload, Option<M>) -> Outcome,
        print: &mut dyn FnMut(&str),
    ) -> Result<(), Failure> {
        let workloads: &[Workload] = match self.workload {
            Workload::All if self.mutant.is_some() => &[Workload::Random],
            Workload::All => &[Workload::Exhaustive, Workload::Random],
            ref one => std::slice::from_ref(one),
        };
        for workload in workloads {
            let begin = Instant::now();
            let outcome = outcome(&self.cases, *workload, self.mutant);
            let mutant = self.mutant.as_ref().map(name);
            report::judge(what, &name(workload), self.cases.seed, mutant, outcome, begin.elapsed(), print)?;
        }
        Ok(())
    }
}
