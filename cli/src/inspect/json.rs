//! The report for programs: one object.
//!
//! Each of `files` has the keys that `aof verify --json` gives, with the same values, and more.

use super::rate::Rate;
use super::report::{Log, Report};
use super::stats::{self, Span, Tally};
use super::together::{Together, held};
use super::verdict::Verdict;
use crate::survey::Survey;
use aof_nostd::Operation;
use aof_nostd::wire::Release;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Whole<'a> {
    verdict: Verdict,
    union: &'a Together,
    files: Vec<File<'a>>,
    unreadable: Vec<Value>,
    html: Option<String>,
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    survey: &'a Survey,
    /// Entries that stand in the file again.
    repeated_entries: u64,
    /// Entries that are not the first one of their op, but another.
    contradicting_entries: u64,
    held_ops: Vec<(u64, u64)>,
    first_timestamp: Option<u64>,
    last_timestamp: Option<u64>,
    untimed_entries: u64,
    operations: Vec<Value>,
    body_size_min: Option<u64>,
    body_size_max: Option<u64>,
    body_sizes: Vec<Value>,
    rate: Value,
    views: Vec<Value>,
    views_omitted_entries: u64,
    releases: Vec<Value>,
    releases_omitted_entries: u64,
    clients: Vec<Value>,
    clients_omitted_entries: u64,
}

/// The object, on one line.
#[must_use]
pub fn line(report: &Report, html: Option<&Path>) -> String {
    let unreadable =
        |(path, reason): &(PathBuf, String)| json!({"file": path.to_string_lossy(), "reason": reason});
    let whole = Whole {
        verdict: report.verdict(),
        union: &report.together,
        files: report.logs.iter().map(file).collect(),
        unreadable: report.unreadable.iter().map(unreadable).collect(),
        html: html.map(|path| path.to_string_lossy().into_owned()),
    };
    // Strings, numbers and lists: nothing that could fail.
    serde_json::to_string(&whole).unwrap_or_default() + "\n"
}

fn file(log: &Log) -> File<'_> {
    let Log { survey, stats, contradicting, .. } = log;
    File {
        survey,
        repeated_entries: log.repeated(),
        contradicting_entries: *contradicting,
        held_ops: held(survey),
        first_timestamp: stats.first_timestamp,
        last_timestamp: stats.last_timestamp,
        untimed_entries: stats.untimed,
        operations: operations(&stats.operations),
        body_size_min: stats.body_size_min,
        body_size_max: stats.body_size_max,
        body_sizes: sizes(&stats.sizes),
        rate: rate(&stats.rate),
        views: named(stats.views.by_op(), "view", |view| json!(view)),
        views_omitted_entries: stats.views.others().entries,
        releases: named(stats.releases.by_op(), "release", |release| json!(Release(*release).to_string())),
        releases_omitted_entries: stats.releases.others().entries,
        clients: named(stats.clients.by_entries(), "client", |client| json!(client.to_string())),
        clients_omitted_entries: stats.clients.others().entries,
    }
}

fn operations(tallies: &[Tally]) -> Vec<Value> {
    let there = (0..=u8::MAX).zip(tallies).filter(|(_, tally)| tally.entries > 0);
    let operation = |(number, tally): (u8, &Tally)| {
        let mut value = with_tally(json!({"operation": number}), tally);
        if let (Some(name), Some(object)) = (Operation(number).name(), value.as_object_mut()) {
            object.insert("operation_name".into(), name.into());
        }
        value
    };
    there.map(operation).collect()
}

fn sizes(tallies: &[Tally]) -> Vec<Value> {
    let there = tallies.iter().enumerate().filter(|(_, tally)| tally.entries > 0);
    let size = |(class, tally): (usize, &Tally)| {
        let (from, to) = stats::class_sizes(class);
        with_tally(json!({"from": from, "to": to}), tally)
    };
    there.map(size).collect()
}

fn rate(rate: &Rate) -> Value {
    let buckets = rate.buckets().filter(|(_, bucket)| bucket.entries > 0);
    let bucket = |(start, bucket): (u64, super::rate::Bucket)| json!([start, bucket.entries, bucket.bytes]);
    json!({"bucket_ns": rate.width(), "buckets": buckets.map(bucket).collect::<Vec<_>>()})
}

fn named<K>(spans: Vec<(K, Span)>, key: &str, name: impl Fn(&K) -> Value) -> Vec<Value> {
    let value = |(of, span): (K, Span)| {
        let mut value = with_tally(
            json!({
                "first_op": span.first_op,
                "last_op": span.last_op,
                "first_timestamp": span.first_timestamp,
                "last_timestamp": span.last_timestamp,
            }),
            &span.tally,
        );
        if let Some(object) = value.as_object_mut() {
            object.insert(key.into(), name(&of));
            if key == "view" {
                object.insert("replica".into(), span.replica.into());
            }
        }
        value
    };
    spans.into_iter().map(value).collect()
}

fn with_tally(mut value: Value, tally: &Tally) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("entries".into(), tally.entries.into());
        object.insert("bytes".into(), tally.bytes.into());
        object.insert("body_bytes".into(), tally.body_bytes.into());
    }
    value
}
