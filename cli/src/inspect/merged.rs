//! What a merge makes of damaged logs: [`Merged`].
//!
//! A survey treats every valid entry as one of its log. Where damage leads a reader into a body, that may be an entry
//! that somebody has stored there. A merge distinguishes them, with the help of the other logs. So damaged logs are read
//! again as `merge` reads them: one rule decides what they hold together, and what may be lost.

use crate::failure::Failure;
use crate::merge::index::Index;
use crate::merge::notes::{Note, notes};
use crate::merge::plan::{Plan, Root};
use crate::merge::work::Work;
use crate::survey::Survey;
use crate::survey::fingerprints::Fingerprints;
use aof_nostd::Op;
use aof_nostd::chain::{ChainLink, History};
use aof_std::Runs;
use std::path::PathBuf;

/// Damaged logs, as a merge reads them.
#[derive(Debug)]
pub struct Merged {
    index: Index,
    /// What is known to be lost, or not confirmed, of all of them together.
    pub notes: Vec<Note>,
}

impl Merged {
    /// Reads the logs at `paths`.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`], [`Failure::Work`], [`Failure::Interrupted`].
    pub fn read(paths: &[PathBuf], message_size_max: u32) -> Result<Self, Failure> {
        let index = Index::read(paths, message_size_max, &Work::temporary())?;
        let notes = match index.conflict() {
            Some(_) => Vec::new(),
            None => {
                let mut plan = Plan::of(&index, Root::LowestOp)?;
                plan.go_on(&index)?;
                notes(&index, &plan, Root::LowestOp)?
            }
        };
        Ok(Self { index, notes })
    }

    /// The facts, the entries and their bytes of the log with this number, of which `survey` is the survey.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Interrupted`].
    pub fn log(&self, number: usize, survey: &Survey) -> Result<(Survey, Runs, Fingerprints), Failure> {
        let (mut runs, mut fingerprints) = (Runs::default(), Fingerprints::default());
        self.index.each(|record| {
            if record.input as usize == number {
                // Within one log two entries of an op were compared by its survey.
                fingerprints.take(record.op, &[record.fingerprint], |_, _| ());
                runs.insert(ChainLink {
                    op: Op(record.op),
                    checksum: record.checksum,
                    parent: record.parent,
                });
            }
        })?;
        let clusters = self.index.inputs.get(number).map_or(&[][..], |input| &input.clusters);
        let survey = Survey {
            cluster: clusters.first().map(|(_, cluster)| cluster.to_string()),
            distinct_ops: runs.ops(),
            first_op: runs.first_op().map(|op| op.0),
            last_op: runs.last_op().map(|op| op.0),
            missing_ops: runs.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect(),
            ..survey.clone()
        };
        Ok((survey, runs, fingerprints))
    }
}
