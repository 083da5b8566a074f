//! What was done, and what to do next; in words or as a JSON event.

use super::progress::Progress;
use super::rehearse::Prospect;
use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::human;
use crate::output;
use crate::replay::admission::{Mark, Pulses, Summary};
use crate::replay::log::Place;
use crate::replay::probe::Answer;
use crate::replay::run::Done;
use crate::replay::state::State;
use crate::replay::status;
use aof_nostd::wire::{Operation, Release};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a replay sent into a cluster on the machine of `docs/performance.md`, for the estimate of
/// `--dry-run`: requests a second, and bytes a second.
const REQUESTS_PER_SECOND: u64 = 2_000;
const BYTES_PER_SECOND: u64 = 100_000_000;

/// What is told at the end.
#[derive(Debug)]
pub struct Report<'a> {
    args: &'a RecoverArgs,
    summary: Option<&'a Summary>,
    /// What ends the chain before the inputs end.
    pub obstacle: Option<String>,
    /// A request was sent and not waited for any more.
    pub unanswered: bool,
    replayed: Option<Replayed<'a>>,
}

#[derive(Debug)]
struct Replayed<'a> {
    before: State,
    after: State,
    done: Option<Done>,
    progress: &'a Progress,
    path: PathBuf,
}

impl<'a> Report<'a> {
    /// A report of what a preflight found.
    #[must_use]
    pub const fn new(args: &'a RecoverArgs, summary: Option<&'a Summary>) -> Self {
        Self { args, summary, obstacle: None, unanswered: false, replayed: None }
    }

    /// Adds what was sent. `done` is none if it failed.
    pub fn replayed(
        &mut self,
        before: &State,
        after: &State,
        done: Option<&Done>,
        progress: &'a Progress,
        path: &Path,
    ) {
        self.replayed = Some(Replayed {
            before: before.clone(),
            after: after.clone(),
            done: done.cloned(),
            progress,
            path: path.to_path_buf(),
        });
    }

    /// Tells what would be sent, and who answers.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print_dry_run(&self, cluster: Option<Asked<'_>>) -> Result<(), Failure> {
        let Some(summary) = self.summary else { return Ok(()) };
        let seconds = summary.requests / REQUESTS_PER_SECOND + summary.bytes / BYTES_PER_SECOND;
        let text = if self.args.json {
            let mut event = self.summary_json(summary);
            event.insert("event".into(), json!("dry_run"));
            event.insert("seconds_expected".into(), json!(seconds));
            event.insert("data_checksum_chain".into(), json!(summary.data.finish().to_string()));
            event.insert("replayed_entries".into(), json!(summary.data.entries()));
            event.insert("obstacle".into(), json!(self.obstacle));
            if let Some((answers, prospect)) = cluster {
                let answers: Vec<_> = answers.iter().map(ToString::to_string).collect();
                event.insert("replicas".into(), json!(answers));
                event.insert("prospect".into(), json!(prospect.as_ref().ok().map(prospect_json)));
                event.insert("refused".into(), json!(prospect.as_ref().err().map(ToString::to_string)));
            }
            format!("{}\n", Value::Object(event))
        } else {
            let mut text = "nothing was sent; this would be:\n".to_owned();
            self.summary_text(summary, &mut text);
            line(&mut text, "data checksum chain", &summary.data.shown());
            line(
                &mut text,
                "expected duration",
                &format!(
                    "about {} (at {REQUESTS_PER_SECOND} requests and {} MB a second, measured with one replica on a \
                     small machine)",
                    duration(seconds),
                    BYTES_PER_SECOND / 1_000_000
                ),
            );
            if let Some(obstacle) = &self.obstacle {
                line(&mut text, "behind it", obstacle);
            }
            if let Some((answers, prospect)) = cluster {
                for (index, answer) in answers.iter().enumerate() {
                    line(&mut text, &format!("address {index}"), &answer.to_string());
                }
                let cluster = match prospect {
                    Ok(prospect) => prospect.to_string(),
                    Err(_) => "would be refused: the reason follows".into(),
                };
                line(&mut text, "cluster", &cluster);
            }
            text
        };
        output::print(&mut output::stdout(), &text)
    }

    /// Tells what was done.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print(&self) -> Result<(), Failure> {
        let Some(replayed) = &self.replayed else { return Ok(()) };
        let text = if self.args.json { self.done_json(replayed) } else { self.done_text(replayed) };
        output::print(&mut output::stdout(), &text)
    }

    /// Tells how far it came. Why it ended is told as the failure.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print_failed(&self) -> Result<(), Failure> {
        let Some(replayed) = &self.replayed else { return Ok(()) };
        if self.args.json {
            return output::print(&mut output::stdout(), &self.done_json(replayed));
        }
        if let Some(entry) = &replayed.after.entry {
            output::note(&format!(
                "acknowledged up to op {} of the log (op {} of the cluster); progress is in {}",
                entry.op,
                replayed.after.op,
                shown(&replayed.path)
            ));
        }
        Ok(())
    }

    fn summary_text(&self, summary: &Summary, text: &mut String) {
        line(text, "entries", &summary.entries.to_string());
        line(text, "to be sent", &operations(&summary.sent));
        line(text, "not to be sent", &operations(&summary.skipped));
        line(text, "events", &summary.events.to_string());
        line(text, "bytes of bodies", &summary.bytes.to_string());
        line(text, "releases", &releases(summary));
        line(text, "pulses", &self.pulses(summary));
        for (name, mark) in [("first", summary.first), ("last", summary.last)] {
            if let Some(mark) = mark {
                line(text, name, &self::mark(mark));
            }
        }
    }

    fn pulses(&self, summary: &Summary) -> String {
        let (sent, skipped) = (summary.pulses, summary.pulses_skipped());
        match (self.args.pulses, sent, summary.expiring) {
            (Pulses::Skip, _, expiring) if expiring > 0 && skipped > 1 => format!(
                "{skipped} skipped, though {expiring} pending transfers have a time-out: what expired in the source \
                 stays pending here"
            ),
            (_, 0, 0) => format!("{skipped} skipped: no transfer can expire"),
            (_, 0, _) => format!("{skipped} skipped: none comes behind a transfer that can expire"),
            (_, sent, expiring) => format!(
                "{sent} replayed, {skipped} skipped before them; {expiring} pending transfers have a time-out"
            ),
        }
    }

    fn summary_json(&self, summary: &Summary) -> Map<String, Value> {
        let releases: Map<String, Value> = summary
            .releases
            .iter()
            .map(|(release, (count, _))| (Release(*release).to_string(), json!(count)))
            .collect();
        let by_name = |counts: &BTreeMap<Operation, u64>| -> Map<String, Value> {
            counts.iter().map(|(operation, count)| (operation.to_string(), json!(count))).collect()
        };
        let mark = |mark: Option<Mark>| {
            mark.map(|mark| json!({"op": mark.op, "timestamp": mark.timestamp, "time": human::time(mark.timestamp)}))
        };
        let value = json!({
            "entries": summary.entries,
            "requests": summary.requests,
            "events": summary.events,
            "bytes": summary.bytes,
            "sent": by_name(&summary.sent),
            "skipped": by_name(&summary.skipped),
            "pulses": summary.pulses,
            "pulses_skipped": summary.pulses_skipped(),
            "expiring_transfers": summary.expiring,
            "releases": releases,
            "first": mark(summary.first),
            "last": mark(summary.last),
            "body_size_max": summary.body_max.as_ref().map(|(size, _)| size),
        });
        if let Value::Object(map) = value { map } else { Map::new() }
    }

    fn done_json(&self, replayed: &Replayed<'_>) -> String {
        let complete = replayed.done.as_ref().map(|done| done.complete);
        let mut event = self.summary.map(|summary| self.summary_json(summary)).unwrap_or_default();
        let chain = replayed.done.as_ref().map(|done| done.data.finish().to_string());
        let replayed_entries = replayed.done.as_ref().map(|done| done.data.entries());
        let granted = replayed.after.granted;
        let more = json!({
            "event": match complete { Some(true) => "done", Some(false) => "stopped", None => "failed" },
            "acknowledged": replayed.after.requests,
            "acknowledged_by_this_run": replayed.after.requests - replayed.before.requests.min(replayed.after.requests),
            "pulses_executed": replayed.after.pulses_executed,
            "rejected": replayed.after.rejected,
            "last_op": replayed.after.entry.as_ref().map(|entry| entry.op),
            "cluster_op": replayed.after.op,
            "last_timestamp": replayed.after.timestamp,
            "seconds": replayed.progress.elapsed().as_secs_f64(),
            "data_checksum_chain": chain.clone().filter(|_| granted.is_none()),
            "replayed_entries": replayed_entries,
            "taken_for_granted": granted.map(|granted| json!({
                "op": granted.op,
                "requests": granted.requests,
                "data_checksum_chain": chain,
            })),
            "in_flight": self.unanswered,
            "progress_file": replayed.path.display().to_string(),
        });
        if let Value::Object(more) = more {
            event.extend(more);
        }
        format!("{}\n", Value::Object(event))
    }

    fn done_text(&self, replayed: &Replayed<'_>) -> String {
        let Replayed { before, after, done, progress, path } = replayed;
        let complete = done.as_ref().is_some_and(|done| done.complete);
        let mut text = String::new();
        let seconds = progress.elapsed().as_secs_f64();
        let _ = match (complete, progress.done()) {
            (true, 0) => writeln!(text, "nothing was left to be sent"),
            (true, count) => writeln!(text, "recovered: {count} requests and pulses in {seconds:.1} s"),
            (false, count) if self.unanswered => {
                writeln!(text, "stopped while a request was in flight: {count} in {seconds:.1} s before it")
            }
            (false, count) => writeln!(text, "stopped between two requests: {count} in {seconds:.1} s"),
        };
        let granted = after.granted;
        let total = |now: u64, before: u64| {
            if before == 0 { now.to_string() } else { format!("{now} ({before} of them by earlier runs)") }
        };
        let of_others = granted.map_or(0, |granted| granted.requests);
        let of_ours = |requests: u64| requests.saturating_sub(of_others);
        line(&mut text, "requests", &total(of_ours(after.requests), of_ours(before.requests)));
        if let Some(granted) = granted {
            let what = format!(
                "ops up to {} ({} requests), not sent by this recovery",
                granted.op, granted.requests
            );
            line(&mut text, "taken for granted", &what);
        }
        if let Some(summary) = self.summary {
            if complete && granted.is_none() {
                line(&mut text, "sent in all", &operations(&summary.sent));
                line(&mut text, "not sent", &operations(&summary.skipped));
            }
            line(&mut text, "pulses", &self.pulses(summary));
        }
        line(&mut text, "rejected events", &total(after.rejected, before.rejected));
        self.rejected(progress, &mut text);
        if let Some(entry) = &after.entry {
            let of = format!("{} of the log, {} of the cluster", entry.op, after.op);
            line(&mut text, "last op", &of);
        }
        line(&mut text, "last timestamp", &format!("{} ({})", after.timestamp, human::time(after.timestamp)));
        if let Some(done) = done {
            let chain = done.data.shown();
            if granted.is_some() && done.data.entries() > 0 {
                line(
                    &mut text,
                    "data checksum chain",
                    &format!("{chain} of the log, if what is taken for granted is so"),
                );
            } else {
                line(&mut text, "data checksum chain", &chain);
            }
        }
        if complete {
            text.push_str(NEXT);
        } else {
            let _ = writeln!(
                text,
                "The same command goes on behind op {} (progress is in {}).",
                after.entry.as_ref().map_or(0, |entry| entry.op),
                shown(path)
            );
        }
        text
    }

    fn rejected(&self, progress: &Progress, text: &mut String) {
        let name = |operation, status| match status::name(operation, status) {
            Some(name) => format!("{name} ({status})"),
            None => status.to_string(),
        };
        for (&(operation, status), count) in &progress.rejected {
            let _ = writeln!(text, "    {count} of {operation}: {}", name(operation, status));
        }
        for event in &progress.rejected_first {
            let _ = writeln!(
                text,
                "    op {} event {}: {}",
                event.op,
                event.index,
                name(event.operation, event.status)
            );
        }
        let count: u64 = progress.rejected.values().sum();
        let listed = progress.rejected_first.len() as u64;
        if count > listed {
            let _ = writeln!(text, "    and {} more (--json lists all)", count - listed);
        }
        if progress.rejected.keys().any(|&(operation, status)| status::exists(operation, status)) {
            text.push_str(
                "    Events that exist already were sent before: was the source sent them twice, or was the cluster \
                 not empty?\n",
            );
        } else if count > 0 {
            text.push_str(
                "    The log does not tell what the source answered: it may have rejected them too. Compare \
                 balances where it matters.\n",
            );
        }
    }
}

/// What the replicas answered, and what a recovery would do.
pub type Asked<'a> = (&'a [Answer], &'a Result<Prospect, Failure>);

fn prospect_json(prospect: &Prospect) -> Value {
    json!({
        "cluster_op": prospect.last_op,
        "after_op": prospect.after,
        "first_op": prospect.first,
        "progress_file": prospect.progress_file.display().to_string(),
    })
}

const NEXT: &str = "\
To check: when all replicas have followed, each one's own log (--aof-file) has the same data checksum chain
  (aof debug REPLICA.aof | tail -1). Look before a restart; a log with one in between is to be merged first.
Then stop all replicas, and start them without --aof-recovery.
";

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<20} {value}");
}

fn operations(counts: &BTreeMap<Operation, u64>) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    let part = |(operation, count): (&Operation, &u64)| match operation.name() {
        Some(name) => format!("{count} {name}"),
        None => format!("{count} of operation {}", operation.0),
    };
    counts.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn releases(summary: &Summary) -> String {
    let part =
        |(release, (count, _)): (&u32, &(u64, Place))| format!("{} ({count} requests)", Release(*release));
    summary.releases.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn mark(mark: Mark) -> String {
    format!("op {}, timestamp {} ({})", mark.op, mark.timestamp, human::time(mark.timestamp))
}

fn duration(seconds: u64) -> String {
    match seconds {
        0 => "a second".into(),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
