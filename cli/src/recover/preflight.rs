//! The logs, and what would be sent of them: everything that can be checked without a cluster.

use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::human;
use crate::merge::index::Index;
use crate::merge::notes;
use crate::merge::plan::{Obstacle, Plan, Root};
use crate::merge::report;
use crate::merge::work::Work;
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
        let index = Index::read(&args.files, args.limits.message_size_max, &Work::temporary())?;
        if let Some(text) = index.too_large(args.limits.message_size_max)? {
            return Err(Failure::Usage(text));
        }
        for text in report::damaged_inputs(&index)? {
            output::note(&text);
        }
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
        let plan = Plan::of(&index, root)?;
        let notes = notes::notes(&index, &plan, root)?.iter().map(ToString::to_string).collect::<Vec<_>>();
        let obstacle = plan.obstacle.as_ref().map(|obstacle| report::obstacle_text(&index, obstacle));
        let obstacle = obstacle.transpose()?;
        if let (Some(Obstacle::Empty | Obstacle::NoRoot(_)), Some(text)) = (&plan.obstacle, &obstacle) {
            tell(&notes);
            return Err(Failure::Log(text.clone()));
        }
        let bytes = plan.chain.bytes();
        Ok(Self { log: Log::planned(index, plan.chain), obstacle, notes, bytes })
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
        let mut last_timestamp = 0;
        self.log.rewind();
        while let Some(entry) = self.log.next_entry()? {
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            let op = entry.header.op.get();
            if last_op == 0 {
                check_beginning(args, &entry)?;
            }
            if range.ends_before(&entry.header) {
                whole = true;
                if last_op == 0 {
                    return Err(Failure::Log(before_beginning(range, &entry)));
                }
                break;
            }
            (last_op, last_timestamp) = (op, entry.header.timestamp.get());
            admission.admit(&entry).map_err(|refusal| Failure::Log(refusal.to_string()))?;
            WATCH.bytes.fetch_add(entry.header.size_disk(), Ordering::Relaxed);
            progress.show();
        }
        self.log.rewind();
        whole |= range.until_op.is_some_and(|until| until <= last_op);
        if let Some(obstacle) = self.obstacle.as_ref().filter(|_| !whole && !args.partial) {
            // Before a fork at the first op there is nothing.
            let advice = match last_op {
                0 => String::new(),
                _ => format!(". To replay what is before it: --until-op {last_op}"),
            };
            return Err(Failure::Log(format!("{obstacle}{advice}")));
        }
        let is_before = range.until_op.is_some_and(|until| until > last_op)
            || range.until_timestamp.is_some_and(|until| until > last_timestamp);
        if !whole && is_before {
            output::note(&format!(
                "the log ends before the end asked for: its last entry is op {last_op}, of {}",
                human::time(last_timestamp)
            ));
        }
        if !whole {
            tell(&self.notes);
        }
        let summary = admission.summary().clone();
        if summary.requests == 0 {
            return Err(Failure::Log(format!(
                "nothing to replay: {}, and none changes state",
                report::entries(summary.entries)
            )));
        }
        Ok(summary)
    }
}

/// Prints what is known to be lost though the chain is complete.
fn tell(notes: &[String]) {
    for note in notes {
        output::note(&format!("NOTE: {note}"));
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
    let lost = if op == 2 { "op 1".into() } else { format!("ops 1 to {}", op.saturating_sub(1)) };
    Err(Failure::Log(format!(
        "{}: the chain begins here, and what {lost} did is in none of the logs. Another replica's log may have it; \
         --partial replays what there is",
        first.place
    )))
}

/// An end before the first entry: nothing is left.
fn before_beginning(range: &Range, first: &LogEntry) -> String {
    let (op, timestamp) = (first.header.op.get(), first.header.timestamp.get());
    let Some(until) = range.until_timestamp else {
        return format!("nothing to replay: the log begins at op {op}, behind the end asked for");
    };
    // A time in a larger unit is years before the log in nanoseconds.
    let units = [("seconds", 1_000_000_000), ("milliseconds", 1_000_000), ("microseconds", 1000)];
    let near = |factor: u64| until.checked_mul(factor).is_some_and(|time| time >= timestamp);
    let unit = units.iter().rev().find(|(_, factor)| near(*factor));
    let question = unit.map(|(unit, _)| format!(". Is it in {unit}?")).unwrap_or_default();
    format!(
        "nothing to replay: the end asked for, {until} ns ({}), lies before the log's first entry (op {op}, {})\
         {question}",
        human::time(until),
        human::time(timestamp)
    )
}
