//! `aof export` of logs whose truth is known: nothing is left out in silence, and a second log never takes rows.
//!
//! `AOF_CASES` sets how many cases there are; a failure prints the case's number, `AOF_CASE` runs it alone.

use crate::util::{Ran, aof, file};
use aof_tests::truth::Case;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Rows: op, and checksum as it is printed.
type Rows = BTreeSet<(u64, String)>;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn export_of_several_logs_leaves_out_nothing_in_silence() {
    let first = number("AOF_CASE");
    let count = number("AOF_CASES").unwrap_or(if first.is_some() { 1 } else { 150 });
    let mut broken = String::new();
    let mut failed = 0;
    for number in (0..count).map(|at| first.unwrap_or(0) + at) {
        let case = Case::new(number);
        let found = check(&case);
        failed += u64::from(!found.is_empty());
        for what in found {
            writeln!(broken, "AOF_CASE={number}: {what}").unwrap();
        }
    }
    assert!(broken.is_empty(), "{failed} of {count} cases failed:\n{broken}");
}

/// An export, and what it says.
struct Export {
    rows: Rows,
    ran: Ran,
}

impl Export {
    fn of(paths: &[&PathBuf]) -> Self {
        let arguments = ["export", "--what", "entries", "--format", "csv", "--output", "-"];
        let paths = paths.iter().map(|path| path.as_os_str());
        let ran = aof(arguments.iter().map(std::ffi::OsStr::new).chain(paths));
        let mut names = ran.stdout.lines().next().unwrap_or_default().split(',');
        let checksum = names.position(|name| name == "checksum").unwrap_or_default();
        let row = |line: &str| {
            let fields: Vec<_> = line.split(',').collect();
            (fields[0].parse().unwrap(), fields[checksum].to_string())
        };
        Self { rows: ran.stdout.lines().skip(1).map(row).collect(), ran }
    }

    /// Whether two histories, clusters or profiles are reported: then either may be left out.
    fn contradicts(&self) -> bool {
        let words = ["fork", "two clusters", "two profiles", "of cluster", "profile"];
        self.ran.code != Some(0) && words.iter().any(|word| self.ran.stderr.contains(word))
    }

    /// Whether an op is said not to be exported.
    fn names(&self, op: u64) -> bool {
        let lines = self.ran.stderr.lines().filter(|line| line.contains("not exported"));
        let mut numbers = lines.flat_map(|line| line.split([' ', ',', ':', ';']));
        self.ran.code != Some(0)
            && numbers.any(|text| {
                let (from, to) = text.split_once('-').unwrap_or((text, text));
                let range = from.parse::<u64>().and_then(|from| Ok(from..=to.parse()?));
                range.is_ok_and(|range| range.contains(&op))
            })
    }
}

fn check(case: &Case) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut logs = case.logs.clone();
    if logs.len() == 1 {
        logs.push(aof_tests::truth::Log::default()); // an empty file beside
    }
    let paths: Vec<_> = logs
        .iter()
        .enumerate()
        .map(|(number, log)| file(&directory, &format!("r{number}.aof"), &log.bytes))
        .collect();
    let alone: Vec<_> = paths.iter().map(|path| Export::of(&[path])).collect();
    let all = Export::of(&paths.iter().collect::<Vec<_>>());
    let truth: Rows = case
        .truth
        .entries
        .iter()
        .map(|entry| (entry.op(), format!("{:032x}", entry.header.checksum.get())))
        .collect();
    let mut found = Vec::new();
    let described =
        || format!("exit code {:?}, {}", all.ran.code, all.ran.stderr.trim_end().replace('\n', " | "));

    // A second log takes no true rows.
    let before: Rows =
        alone.iter().flat_map(|export| &export.rows).filter(|row| truth.contains(row)).cloned().collect();
    let gone: Vec<_> = before.difference(&all.rows).map(|row| row.0).collect();
    if !gone.is_empty() && !all.contradicts() {
        found.push(format!("ops {gone:?} are exported of one log, and not of all; {}", described()));
    }
    // What is intact is there, or is named.
    let intact = (0..case.truth.entries.len()).filter(|entry| case.is_intact(*entry));
    let silent: Vec<_> = intact
        .map(|entry| case.truth.entries[entry].op())
        .filter(|op| !all.rows.iter().any(|row| row.0 == *op) && !all.contradicts() && !all.names(*op))
        .collect();
    if !silent.is_empty() {
        found.push(format!("ops {silent:?} are intact, and left out in silence; {}", described()));
    }
    // Nothing planted against what is intact.
    for row in all.rows.difference(&truth) {
        if case.at(row.0).is_some_and(|entry| case.is_intact(entry)) {
            found.push(format!("op {} is a planted one, the true one is intact; {}", row.0, described()));
        }
    }
    if let Some(covered) = case.covered().filter(|covered| case.is_anchored(covered)) {
        let ops = covered.clone().map(|entry| case.truth.entries[entry].op());
        let missing: Vec<_> = ops.filter(|op| !all.rows.iter().any(|row| row.0 == *op)).collect();
        // One of which nothing tells that it is planted has to be named.
        let is_named =
            |op: u64| all.ran.code != Some(0) && all.ran.stderr.contains(&format!("op {op} is taken from"));
        let planted: Vec<_> =
            all.rows.difference(&truth).map(|row| row.0).filter(|op| !is_named(*op)).collect();
        // A fork that is reported ends an export: two damaged places together may leave it open what is content.
        let is_fork = all.ran.code == Some(1) && all.ran.stderr.contains("a fork: ");
        if !(missing.is_empty() || is_fork) || !planted.is_empty() {
            let what = format!("all intact: ops {missing:?} are missing, {planted:?} are planted");
            found.push(format!("{what}; {}", described()));
        }
    }
    found
}
