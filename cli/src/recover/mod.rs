//! `aof recover`: logs into a cluster.
//!
//! ```text
//! logs --merge--> chain --preflight--> summary --begin--> state --replay--> report
//!                                        |        |
//!                                  --dry-run   asks the cluster what it holds; changes nothing
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`preflight`] | the logs, and what would be sent of them |
//! | `ask` | questions to the cluster, until there is an answer |
//! | [`begin`] | what the cluster holds, and where to go on |
//! | `beside` | where a progress file is searched for when it is not at its usual place |
//! | `doubt` | whether a progress file fits it, and whose the cluster's last operation is |
//! | `resume`, [`position`] | going on without a progress file |
//! | [`progress`] | how it goes: bar, lines, JSON |
//! | [`rehearse`] | what it would do, for `--dry-run` |
//! | [`report`] | what was done, and what to do next |
//!
//! How entries are sent is told in [`replay`](crate::replay).

mod ask;
pub mod begin;
mod beside;
mod doubt;
pub mod position;
pub mod preflight;
pub mod progress;
pub mod rehearse;
pub mod report;
mod resume;

use crate::args::{RecoverArgs, To};
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::looks_like::NotALog;
use crate::output;
use crate::replay::admission::{Admission, Pulses, Summary};
use crate::replay::cluster::{Cluster, ClusterOptions};
use crate::replay::jsonl::JsonLines;
use crate::replay::run::{Done, Range, RunError, run as replay};
use crate::replay::state::FORMAT;
use aof_nostd::Checksum;
use begin::Begun;
use preflight::Logs;
use progress::Progress;
use report::Report;
use std::fmt::Display;
use std::io::Write;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. What was acknowledged before stays so, and is known to the progress file.
pub fn run(args: &RecoverArgs) -> Result<Exit, Failure> {
    check_usage(args)?;
    output::stop_on_signal(output::GRACE);
    match carry_out(args) {
        // What went wrong behind a signal may be the signal's work.
        Err(failure) if output::stopped() && !matches!(failure, Failure::Interrupted) => {
            output::note(&failure.to_string());
            Ok(Exit::Interrupted)
        }
        result => result,
    }
}

fn carry_out(args: &RecoverArgs) -> Result<Exit, Failure> {
    // A preflight tells of what it reads.
    if let ([file], true) = (args.files.as_slice(), args.no_preflight) {
        NotALog::tell(file)?;
    }
    let mut logs = Logs::open(args)?;
    let range =
        Range { after: None, from_op: args.from_op, until_op: args.until_op, until_timestamp: args.until };
    let summary = if args.no_preflight { None } else { Some(logs.preflight(args, &range)?) };
    if args.dry_run {
        return dry_run(args, &mut logs, &range, summary.as_ref());
    }
    if args.to == To::Jsonl {
        return to_json_lines(args, &mut logs, &range, summary.as_ref());
    }
    to_cluster(args, &mut logs, range, summary.as_ref())
}

fn check_usage(args: &RecoverArgs) -> Result<(), Failure> {
    let usage = |text: &str| Err(Failure::Usage(text.into()));
    if args.no_preflight && args.files.len() > 1 {
        return usage("--no-preflight reads one log: merge several first, by aof merge");
    }
    if args.no_preflight && args.dry_run {
        return usage("--dry-run is the preflight: leave out --no-preflight");
    }
    if args.dry_run && args.from_op.is_some() {
        return usage("--dry-run tells of the log from its beginning: leave out --from-op");
    }
    if args.no_preflight && args.from_op.is_some() {
        return usage("--from-op needs the preflight: leave out --no-preflight");
    }
    if args.no_preflight && (args.root.is_some() || args.partial) {
        return usage("--no-preflight takes the log as it stands: leave out --root and --partial");
    }
    if args.to == To::Jsonl && args.json {
        return usage("--to jsonl prints entries, and --json events: choose one");
    }
    if args.to == To::Jsonl && args.addresses.is_some() {
        return usage("--to jsonl sends nothing: leave out --addresses");
    }
    if args.to == To::Jsonl && (args.state.is_some() || args.timeout.is_some()) {
        return usage("--to jsonl sends nothing: leave out --state and --timeout");
    }
    if args.until_op.is_some_and(|until| args.from_op.is_some_and(|from| from > until)) {
        return usage("--from-op is behind --until-op: there is nothing between them");
    }
    Ok(())
}

fn dry_run(
    args: &RecoverArgs,
    logs: &mut Logs,
    range: &Range,
    summary: Option<&Summary>,
) -> Result<Exit, Failure> {
    let Some(summary) = summary else { return Ok(Exit::Sound) };
    let mut report = Report::new(args, Some(summary));
    report.obstacle = logs.obstacle();
    let Some(addresses) = &args.addresses else {
        report.print_dry_run(None)?;
        return Ok(Exit::Sound);
    };
    let prospect = rehearse::rehearse(args, addresses, logs, Some(summary), range);
    // Asked last, so that it shows a cluster that was waited for.
    let answers = begin::survey(args, addresses, summary);
    report.print_dry_run(Some((answers.as_slice(), &prospect)))?;
    prospect.map(|_| Exit::Sound)
}

fn to_json_lines(
    args: &RecoverArgs,
    logs: &mut Logs,
    range: &Range,
    summary: Option<&Summary>,
) -> Result<Exit, Failure> {
    let mut sink = JsonLines::new(output::stdout());
    let mut admission = Admission::new(args.cluster, args.pulses);
    let mut progress = Progress::new(args, summary);
    let done = replay(logs.log(), &mut admission, range, &mut sink, &mut progress);
    progress.clear();
    let done = done.map_err(|error| match error {
        RunError::Sink(error) => Failure::Stdout(error.0),
        error => ended(error),
    })?;
    sink.into_inner().flush().map_err(Failure::Stdout)?;
    if done.complete { Ok(Exit::Sound) } else { Err(Failure::Interrupted) }
}

fn ended<E: Display>(error: RunError<E>) -> Failure {
    match error {
        RunError::Log(failure) => failure,
        RunError::Refused(refusal) => Failure::Log(refusal.to_string()),
        error @ (RunError::OtherLog(_) | RunError::Forged(_)) => Failure::Log(error.to_string()),
        error @ RunError::EndBefore(_) => Failure::Cluster(error.to_string()),
        RunError::Sink(error) => Failure::Cluster(error.to_string()),
    }
}

fn to_cluster(
    args: &RecoverArgs,
    logs: &mut Logs,
    mut range: Range,
    summary: Option<&Summary>,
) -> Result<Exit, Failure> {
    let Some(addresses) = &args.addresses else {
        return Err(Failure::Usage("--addresses is missing".into()));
    };
    let Begun { state, file, path, view, last_op } = begin::begin(args, addresses, logs, summary)?;
    if state.entry.is_some() && state.format < FORMAT {
        output::note(
            "the progress file was begun by an earlier version of aof: whether what it acknowledged is what this log holds \
             is compared by checksum, which finds accidents, and not intent",
        );
    }
    range.after.clone_from(&state.entry);
    range.from_op = None; // it is in the state now
    // Without a preflight nobody knows whether pulses will come.
    let pulses = match summary {
        Some(summary) => summary.pulses > 0,
        None => args.pulses != Pulses::Skip,
    };
    let options = ClusterOptions {
        cluster: args.cluster,
        addresses: addresses.clone(),
        timeout: args.timeout(),
        pulses,
        view,
        op_unknown: last_op.is_none(),
        op_held: last_op.unwrap_or(0),
        body_max: summary.and_then(|summary| summary.body_max.clone()),
    };
    let before = state.clone();
    let mut progress = Progress::new(args, summary);
    progress.started(&state, &path);
    let mut admission = Admission::new(args.cluster, args.pulses);
    let mut cluster =
        Cluster::new(options, state, file).map_err(|error| Failure::Cluster(error.to_string()))?;
    let result = replay(logs.log(), &mut admission, &range, &mut cluster, &mut progress);
    progress.clear();
    let synced = cluster.finish();
    let report = |done: Option<&Done>| {
        let mut report = Report::new(args, summary);
        report.replayed(&before, cluster.state(), done, &progress, &path);
        report.unanswered = cluster.is_busy();
        report
    };
    if !cluster.has_file() {
        output::note(&format!(
            "the progress file {} is not there any more: it was moved away or removed during the recovery, and the \
             same command cannot go on without it",
            shown(&path)
        ));
    }
    match result {
        Ok(done) => {
            synced.map_err(|error| Failure::Cluster(error.to_string()))?;
            let printed = report(Some(&done)).print();
            if let Err(failure @ Failure::Stdout(_)) = printed {
                output::note(&format!("all was sent and acknowledged; only the report is lost: {failure}"));
            } else {
                printed?;
            }
            Ok(if done.complete { Exit::Sound } else { Exit::Interrupted })
        }
        Err(error) => {
            report(None).print_failed()?;
            Err(ended(error))
        }
    }
}

/// The checksum that binds a progress file to a log: that of its first entry.
fn identity(args: &RecoverArgs, logs: &mut Logs) -> Result<Checksum, Failure> {
    let log = logs.log();
    log.rewind();
    let first = log.next_entry()?;
    log.rewind();
    let Some(first) = first else {
        return Err(Failure::Log("the log is empty: there is nothing to replay".into()));
    };
    preflight::check_beginning(args, &first)?;
    Ok(first.header.checksum)
}
