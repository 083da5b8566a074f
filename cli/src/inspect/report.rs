//! What was found, for every form in which it is told: [`Report`].

use super::contradictions;
use super::merged::Merged;
use super::rate::Columns;
use super::stats::Stats;
use super::together::{Builder, Together};
use super::verdict::Verdict;
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::human;
use crate::limit;
use crate::merge::notes::Note;
use crate::output;
use crate::survey::Survey;
use crate::verify::doubt;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A log that was read.
#[derive(Debug)]
pub struct Log {
    /// Its facts and findings.
    pub survey: Survey,
    /// What is counted over its entries.
    pub stats: Stats,
    /// Entries that are not the first one of their op, but another.
    pub contradicting: u64,
    /// An entry that is above the limit, and not damaged.
    pub above_limit: Option<String>,
}

impl Log {
    /// Entries that stand in the file again.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.survey.entries.saturating_sub(self.survey.distinct_ops).saturating_sub(self.contradicting)
    }

    /// How many entries, and what of them is no new op.
    #[must_use]
    pub fn entries(&self) -> String {
        let mut text = human::count(self.survey.entries);
        if self.repeated() > 0 {
            let _ = write!(text, ", {} of them repeated", human::count(self.repeated()));
        }
        if self.contradicting > 0 {
            let verb = if self.contradicting == 1 { "contradicts" } else { "contradict" };
            let _ =
                write!(text, ", {} of them {verb} another of the same op", human::count(self.contradicting));
        }
        text
    }
}

/// The files that are not one and the same: a log given twice is no second log.
fn different(files: &[PathBuf]) -> Vec<PathBuf> {
    let (mut known, mut different) = (HashMap::new(), Vec::new());
    for path in files {
        let first = match destination::identity(path) {
            Some(identity) => *known.entry(identity).or_insert(path),
            None => path, // what is wrong is told where it is read
        };
        if std::ptr::eq(first, path) {
            different.push(path.clone());
        } else {
            output::note(&format!("{} and {} are one file: it is read once", shown(first), shown(path)));
        }
    }
    different
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
    /// What is known to be lost of damaged logs, or not confirmed.
    pub notes: Vec<Note>,
}

impl Report {
    /// Reads all files. One that cannot be read does not keep the others from it.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`]; [`Failure::Read`] where one cannot be read a second time.
    pub fn read(files: &[PathBuf], message_size_max: u32) -> Result<Self, Failure> {
        let (mut logs, mut unreadable, mut together) = (Vec::new(), Vec::new(), Builder::default());
        let files = different(files);
        let mut read_paths = Vec::new();
        for path in &files {
            match Survey::with::<Stats>("inspect", path, message_size_max) {
                Ok(mut read) => {
                    doubt::tell(&mut read.survey, path, message_size_max)?;
                    if files.len() > 1 {
                        together.add(&read.survey, read.chain.history(), &read.fingerprints);
                    }
                    read_paths.push(path.clone());
                    let contradicting = match read.survey.is_forked() {
                        true => {
                            let (runs, fingerprints) = (read.chain.history(), &read.fingerprints);
                            contradictions::count(path, runs, fingerprints, message_size_max)?
                        }
                        false => 0,
                    };
                    let above_limit = limit::above_in(&read.survey.findings, path, message_size_max);
                    logs.push(Log { survey: read.survey, stats: read.gathered, contradicting, above_limit });
                }
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                Err(failure) => {
                    output::report(&failure);
                    unreadable.push((path.clone(), failure.to_string()));
                }
            }
        }
        let mut notes = Vec::new();
        let mut together = match logs.as_slice() {
            [log] => Together::of_one(&log.survey),
            logs if logs.iter().any(|log| log.survey.faults > 0) => {
                let merged = Merged::read(&read_paths, message_size_max)?;
                let mut together = Builder::default();
                for (number, log) in logs.iter().enumerate() {
                    let (survey, runs, fingerprints) = merged.log(number, &log.survey)?;
                    together.add(&survey, &runs, &fingerprints);
                }
                notes = merged.notes;
                together.finish()
            }
            _ => together.finish(),
        };
        together.locate(&read_paths, message_size_max)?;
        Ok(Self { logs, unreadable, together, notes })
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

    /// The columns of a chart over the time of all logs, at most `count_max` of them.
    #[must_use]
    pub fn time_columns(&self, count_max: usize) -> Option<Columns> {
        let rates = self.logs.iter().map(|log| &log.stats.rate);
        self.times().map(|times| Columns::of(rates, times, count_max))
    }

    /// The lowest and the highest op of all logs, whether they belong together or not.
    #[must_use]
    pub fn ops(&self) -> Option<(u64, u64)> {
        let first = self.logs.iter().filter_map(|log| log.survey.first_op).min()?;
        let last = self.logs.iter().filter_map(|log| log.survey.last_op).max()?;
        Some((first, last))
    }
}
