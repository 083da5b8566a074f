//! How a replay goes: a bar on a terminal, else a line now and then; or events as JSON.

use crate::args::{RecoverArgs, To};
use crate::output;
use crate::replay::admission::{Step, Summary};
use crate::replay::run::Observer;
use crate::replay::sink::{Outcome, Outgoing};
use crate::replay::state::State;
use crate::replay::status;
use aof_nostd::wire::Operation;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Without a terminal, a line comes this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The bar's words change this often.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// With `--json`, an event comes this often.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// How long the answer to the request in flight is waited for after a signal.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Rejected events that are kept to be listed; all are counted.
const REJECTED_LISTED: usize = 20;

/// An event that the cluster did not create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    /// The op of its entry in the log.
    pub op: u64,
    /// The entry's operation.
    pub operation: Operation,
    /// Its place in the entry, from 0.
    pub index: u32,
    /// Why.
    pub status: u32,
}

/// Watches a replay.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    json: bool,
    quiet: bool,
    total: Option<u64>,
    bytes_total: Option<u64>,
    start: Instant,
    told: Instant,
    /// Requests and pulses acknowledged by this run, and before it.
    done: u64,
    done_before: u64,
    bytes: u64,
    last_op: Option<u64>,
    cluster_op: Option<u64>,
    /// When a signal came while a request was in flight.
    stopping: Option<Instant>,
    /// Rejected events by operation and status.
    pub rejected: BTreeMap<(Operation, u32), u64>,
    /// The first of them.
    pub rejected_first: Vec<RejectedEvent>,
}

impl Progress {
    /// A watcher of what `summary` announces.
    #[must_use]
    pub fn new(args: &RecoverArgs, summary: Option<&Summary>) -> Self {
        let total = summary.map(|summary| summary.requests + summary.pulses);
        let quiet = args.to == To::Jsonl;
        let bar = (!args.json && !quiet && std::io::stderr().is_terminal()).then(|| bar(total));
        let now = Instant::now();
        Self {
            bar,
            json: args.json,
            quiet,
            total,
            bytes_total: summary.map(|summary| summary.bytes),
            start: now,
            told: now,
            done: 0,
            done_before: 0,
            bytes: 0,
            last_op: None,
            cluster_op: None,
            stopping: None,
            rejected: BTreeMap::new(),
            rejected_first: Vec::new(),
        }
    }

    /// The replay begins, or goes on.
    pub fn started(&mut self, state: &State, path: &Path) {
        self.done_before = state.requests + state.pulses_executed;
        self.last_op = state.entry.as_ref().map(|entry| entry.op);
        if let Some(bar) = &self.bar {
            bar.set_position(self.done_before);
        }
        if self.json {
            self.event(&json!({
                "event": "started",
                "requests_total": self.total,
                "bytes_total": self.bytes_total,
                "requests_before": self.done_before,
                "last_op": self.last_op,
                "cluster_op": state.op,
                "progress_file": path.display().to_string(),
            }));
        } else if let Some(op) = self.last_op {
            output::note(&format!("going on behind op {op} of the log, op {} of the cluster", state.op));
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Requests and pulses that this run had acknowledged.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// How long this run took so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn event(&self, event: &serde_json::Value) {
        // Whoever reads the events has gone away: the replay goes on.
        let _ = output::print(&mut output::stdout(), &format!("{event}\n"));
    }

    /// Requests a second, and seconds to go.
    fn rate(&self) -> (f64, Option<f64>) {
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        #[allow(clippy::cast_precision_loss, reason = "for people")]
        let (done, rest) = {
            let rest = self.total.map(|total| total.saturating_sub(self.done + self.done_before));
            (self.done as f64, rest.map(|rest| rest as f64))
        };
        let rate = done / seconds;
        (rate, rest.filter(|_| rate > 0.0).map(|rest| rest / rate))
    }

    fn tell(&mut self) {
        let done = self.done + self.done_before;
        if self.json {
            let (rate, rest) = self.rate();
            self.event(&json!({
                "event": "progress",
                "requests": done,
                "requests_total": self.total,
                "bytes": self.bytes,
                "requests_per_second": rate.round(),
                "seconds_to_go": rest.map(f64::ceil),
                "last_op": self.last_op,
                "cluster_op": self.cluster_op,
            }));
            return;
        }
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        output::note(&format!("{done}{total} requests, {}", self.rate_text()));
    }

    /// How fast this run is, and how long it will take.
    fn rate_text(&self) -> String {
        let (rate, rest) = self.rate();
        let rest = rest.map(|rest| format!(", {rest:.0} s to go")).unwrap_or_default();
        let op = self.last_op.map(|op| format!(", last op {op}")).unwrap_or_default();
        format!("{rate:.0} a second, {} MB{op}{rest}", self.bytes / 1_000_000)
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(8);
    let bar = ProgressBar::with_draw_target(total, target);
    // The bar's own rate would count what earlier runs did.
    let template = "recover [{wide_bar}] {pos}/{len} requests, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl Observer for Progress {
    fn acknowledged(&mut self, outgoing: &Outgoing, outcome: &Outcome) {
        let header = &outgoing.entry.header;
        self.done += 1;
        self.last_op = Some(header.op.get());
        self.cluster_op = outcome.op;
        if let Step::Request { .. } = outgoing.step {
            self.bytes += outgoing.entry.body.len() as u64;
        }
        for rejected in &outcome.rejected {
            let (operation, status) = (header.operation(), rejected.status);
            *self.rejected.entry((operation, status)).or_default() += 1;
            let event = RejectedEvent { op: header.op.get(), operation, index: rejected.index, status };
            if self.json {
                self.event(&json!({
                    "event": "rejected",
                    "op": event.op,
                    "operation": operation.0,
                    "index": event.index,
                    "status": status,
                    "status_name": status::name(operation, status),
                }));
            } else if self.rejected_first.len() < REJECTED_LISTED {
                self.rejected_first.push(event);
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done + self.done_before);
        }
    }

    fn tick(&mut self) -> bool {
        let interval = match (&self.bar, self.json) {
            (Some(_), _) => BAR_INTERVAL,
            (None, true) => EVENT_INTERVAL,
            (None, false) => LINE_INTERVAL,
        };
        if !self.quiet && self.told.elapsed() >= interval {
            self.told = Instant::now();
            match &self.bar {
                Some(bar) => bar.set_message(self.rate_text()),
                None => self.tell(),
            }
        }
        output::stopped()
    }

    fn tick_waiting(&mut self) -> bool {
        if !self.tick() {
            return false;
        }
        if self.stopping.is_none() {
            output::note(&format!(
                "stopping: the answer to the request in flight is waited for, {} s at most. Another Ctrl-C stops at \
                 once, and loses nothing either",
                STOP_PATIENCE.as_secs()
            ));
        }
        self.stopping.get_or_insert_with(Instant::now).elapsed() >= STOP_PATIENCE
    }
}
