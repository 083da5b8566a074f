//! The logs, and what would be sent of them: everything that can be checked without a cluster.

use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::merge::index::Index;
use crate::merge::notes;
use crate::merge::plan::{Obstacle, Plan, Root};
use crate::merge::report;
use crate::output::{self, Progress, WATCH};
use crate::replay::admission::{Admission, Summary};
use crate::replay::log::{Log, LogEntry};
use crate::replay::run::Range;
use aof_nostd::{AnyProfile, Profile};
use std::sync::atomic::Ordering;

/// The logs of a cluster as one chain.
#[derive(Debug)]
pub struct Logs {
    log: Log,
    /// What ends the chain before the inputs end, in words.
    obstacle: Option<String>,
    /// What is known to be lost though the chain is whole, in words.
    notes: Vec<String>,
    bytes: u64,
}

impl Logs {
    /// Reads all logs whole and merges them, or opens one to be read as it is sent.
    ///
    /// # Errors
    ///
    /// [`Failure`]: an input cannot be read, or they are not logs of one cluster of replicas.
    pub fn open(args: &RecoverArgs) -> Result<Self, Failure> {
        if let ([file], true) = (args.files.as_slice(), args.no_preflight) {
            let log = Log::streamed(file, args.limits.message_size_max)?;
            return Ok(Self { log, obstacle: None, notes: Vec::new(), bytes: 0 });
        }
        let index = Index::read(&args.files, args.limits.message_size_max)?;
        if let Some(conflict) = index.conflict() {
            return Err(Failure::Log(report::conflict_text(&index, &conflict)));
        }
        for input in &index.inputs {
            if input.entries > 0 && matches!(input.profile, Some(AnyProfile::Crc(_))) {
                return Err(Failure::Log(format!(
                    "{}: a log of profile {}, and clusters write and take profile tigerbeetle",
                    shown(&input.path),
                    AnyProfile::Crc(aof_nostd::Crc).name()
                )));
            }
        }
        let root = args.root.map_or(Root::LowestOp, Root::ChildOf);
        let plan = Plan::of(&index, root);
        let obstacle = plan.obstacle.as_ref().map(|obstacle| report::obstacle_text(&index, obstacle));
        if let (Some(Obstacle::Empty | Obstacle::NoRoot(_)), Some(text)) = (&plan.obstacle, &obstacle) {
            return Err(Failure::Log(text.clone()));
        }
        let bytes = plan.chain.iter().map(|record| record.size_disk).sum();
        let notes = notes::notes(&index, &plan, root).iter().map(ToString::to_string).collect();
        Ok(Self { log: Log::planned(index, plan), obstacle, notes, bytes })
    }

    /// The entries.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// What ends the chain before the inputs end, in words.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        self.obstacle.clone()
    }

    /// Looks at everything that would be sent.
    ///
    /// # Errors
    ///
    /// [`Failure`]: an entry that may not be sent; a chain without its beginning, or with a gap or a fork
    /// before the end of the range.
    pub fn preflight(&mut self, args: &RecoverArgs, range: &Range) -> Result<Summary, Failure> {
        let progress = Progress::new("check", self.bytes);
        let mut admission = Admission::new(args.cluster, args.pulses);
        let mut whole = false;
        let mut last_op = 0;
        self.log.rewind();
        while let Some(entry) = self.log.next_entry()? {
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            let op = entry.header.op.get();
            if last_op == 0 {
                check_beginning(args, &entry)?;
            }
            last_op = op;
            if range.ends_before(&entry.header) {
                whole = true;
                break;
            }
            admission.admit(&entry).map_err(|refusal| Failure::Log(refusal.to_string()))?;
            WATCH.bytes.fetch_add(entry.header.size_disk(), Ordering::Relaxed);
            progress.show();
        }
        self.log.rewind();
        whole |= range.until_op.is_some_and(|until| until <= last_op);
        if let Some(obstacle) = self.obstacle.as_ref().filter(|_| !whole && !args.partial) {
            return Err(Failure::Log(format!(
                "{obstacle}. To replay what is before it: --until-op {last_op}"
            )));
        }
        if !whole {
            for note in &self.notes {
                output::note(&format!("NOTE: {note}"));
            }
        }
        let summary = admission.summary().clone();
        if summary.requests == 0 {
            return Err(Failure::Log(format!(
                "nothing to replay: {} entries, none of which changes state",
                summary.entries
            )));
        }
        Ok(summary)
    }
}

/// A chain without its beginning is replayed only if that is asked for.
///
/// # Errors
///
/// [`Failure::Log`].
pub fn check_beginning(args: &RecoverArgs, first: &LogEntry) -> Result<(), Failure> {
    let op = first.header.op.get();
    if op == 1 || args.partial {
        return Ok(());
    }
    Err(Failure::Log(format!(
        "{}: the chain begins here, and what ops 1 to {} did is in none of the logs. Another replica's log may have \
         it; --partial replays what there is",
        first.place,
        op - 1
    )))
}
