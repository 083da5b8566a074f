//! What was found, for every form in which it is told: [`Report`].

use super::planted;
use super::stats::Stats;
use super::together::{Builder, Together};
use super::verdict::Verdict;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::survey::Survey;
use std::path::PathBuf;

/// A log that was read.
#[derive(Debug)]
pub struct Log {
    /// Its facts and findings.
    pub survey: Survey,
    /// What is counted over its entries.
    pub stats: Stats,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// The logs, in the order given.
    pub logs: Vec<Log>,
    /// Those that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// What they hold together.
    pub together: Together,
}

impl Report {
    /// Reads all files. One that cannot be read does not keep the others from it.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`]; [`Failure::Read`] where one cannot be read a second time.
    pub fn read(files: &[PathBuf], message_size_max: u32) -> Result<Self, Failure> {
        let (mut logs, mut unreadable, mut together) = (Vec::new(), Vec::new(), Builder::default());
        for path in files {
            match Survey::with::<Stats>("inspect", path, message_size_max) {
                Ok(read) => {
                    if files.len() > 1 {
                        match planted::outside(&read.survey, path, message_size_max)? {
                            Some((survey, runs)) => together.add(&survey, &runs),
                            None => together.add(&read.survey, read.chain.history()),
                        }
                    }
                    logs.push(Log { survey: read.survey, stats: read.gathered });
                }
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                Err(failure) => {
                    output::report(&failure);
                    unreadable.push((path.clone(), failure.to_string()));
                }
            }
        }
        let together = match logs.as_slice() {
            [log] => Together::of_one(&log.survey),
            _ => together.finish(),
        };
        Ok(Self { logs, unreadable, together })
    }

    /// What it all means.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self)
    }

    /// Whether the logs contradict each other.
    fn is_contradiction(&self) -> bool {
        self.together.conflict.is_some() || !self.together.forks.is_empty()
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if !self.unreadable.is_empty() {
            Exit::Usage
        } else if self.is_contradiction() || self.logs.iter().any(|log| !log.survey.sound) {
            Exit::Damage
        } else {
            Exit::Sound
        }
    }

    /// The times between which all entries of all logs were prepared, ns since 1970.
    #[must_use]
    pub fn times(&self) -> Option<(u64, u64)> {
        let first = self.logs.iter().filter_map(|log| log.stats.first_timestamp).min()?;
        let last = self.logs.iter().filter_map(|log| log.stats.last_timestamp).max()?;
        Some((first, last))
    }

    /// The lowest and the highest op of all logs, whether they belong together or not.
    #[must_use]
    pub fn ops(&self) -> Option<(u64, u64)> {
        let first = self.logs.iter().filter_map(|log| log.survey.first_op).min()?;
        let last = self.logs.iter().filter_map(|log| log.survey.last_op).max()?;
        Some((first, last))
    }
}
