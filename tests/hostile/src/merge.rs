//! Logs of one cluster, cut up, damaged and forged: what `aof merge` makes of them is a chain of entries
//! that the inputs hold, whatever their order; and of undamaged inputs it is what a merge in plain code
//! makes.

use crate::input::{Hurt, Recipe, hurt};
use aof_cli::args::{Limits, MergeArgs};
use aof_cli::merge::index::Index;
use aof_cli::merge::notes::notes;
use aof_cli::merge::plan::{Obstacle, Plan, Root};
use aof_cli::merge::report::Report;
use aof_cli::merge::write::write;
use aof_nostd::Entry;
use aof_std::NewFile;
use aof_tests::build::Log;
use aof_tests::events::{Seen, by_detect};
use arbitrary::Arbitrary;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const INPUTS_MAX: usize = 4;
const RANGES_MAX: usize = 6;

#[derive(Arbitrary, Debug)]
struct Case {
    /// What the cluster's replicas wrote, and what somebody forged.
    all: Recipe,
    inputs: Vec<View>,
    partial: bool,
}

/// What one input has of it.
#[derive(Arbitrary, Debug)]
struct View {
    /// Entries by their number: the first, and how many.
    ranges: Vec<(u8, u8)>,
    harms: Vec<Hurt>,
}

impl View {
    fn bytes(&self, all: &Log) -> Vec<u8> {
        let mut log = Log { bytes: Vec::new(), entries: Vec::new(), ..*all };
        for (first, count) in self.ranges.iter().take(RANGES_MAX) {
            let first = usize::from(*first) % all.entries.len().max(1);
            for entry in all.entries.iter().skip(first).take(1 + usize::from(*count)) {
                let mut placed = *entry;
                placed.offset = log.bytes.len();
                log.entries.push(placed);
                log.bytes.extend_from_slice(&all.bytes[entry.range()]);
            }
            if log.bytes.len() > 40_000 {
                break;
            }
        }
        hurt(&log, &self.harms)
    }
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let all = case.all.build();
    let inputs: Vec<_> = case.inputs.iter().take(INPUTS_MAX).map(|view| view.bytes(&all)).collect();
    if inputs.is_empty() {
        return;
    }
    let directory = tempfile::tempdir_in(crate::memory()).unwrap();
    let mut files = Vec::new();
    for (number, bytes) in inputs.iter().enumerate() {
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, bytes).unwrap();
        files.push(path);
    }
    let merged = merge(directory.path(), files.clone(), case.partial, &inputs);
    files.reverse();
    let reversed: Vec<_> = inputs.iter().rev().cloned().collect();
    assert_eq!(merge(directory.path(), files, case.partial, &reversed), merged, "whatever the order");

    let seen: Vec<Vec<Seen>> = inputs.iter().map(|bytes| by_detect(bytes)).collect();
    if seen.iter().flatten().all(Seen::is_entry) {
        assert_eq!(merged.plan, slowly(&inputs));
    }
}

/// What a merge made.
#[derive(Debug, PartialEq, Eq)]
struct Merged {
    plan: Planned,
    output: Option<Vec<u8>>,
}

/// A plan, as far as the order of inputs does not matter.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    /// Whether the inputs do not belong together; then the rest means nothing.
    conflict: bool,
    chain: Vec<u128>,
    obstacle: Option<&'static str>,
}

fn merge(directory: &Path, files: Vec<PathBuf>, partial: bool, inputs: &[Vec<u8>]) -> Merged {
    let output = directory.join("output");
    let limits = Limits { message_size_max: 1 << 20 };
    let args = MergeArgs { files, output, root: None, partial, force: true, json: true, limits };
    let index = Index::read(&args.files, 1 << 20).unwrap();
    let plan = Plan::of(&index, Root::LowestOp);
    let conflict = index.conflict().is_some();
    let _ = (index.too_large(1 << 20), notes(&index, &plan, Root::LowestOp));
    let _ = Report::new(&args, &index, &plan, Root::LowestOp).refusal();

    // Every entry of the chain is where it is said to be, and the parent of the next.
    let mut bytes = Vec::new();
    for record in &plan.chain {
        let at = usize::try_from(record.offset).unwrap();
        let entry = Entry::from_prefix(&inputs[record.input as usize][at..]).unwrap();
        assert_eq!((entry.header.checksum, entry.header.op.get()), (record.checksum, record.op));
        bytes.extend_from_slice(&inputs[record.input as usize][at..usize::try_from(record.end()).unwrap()]);
    }
    for pair in plan.chain.windows(2) {
        assert_eq!((pair[1].op - 1, pair[1].parent), (pair[0].op, pair[0].checksum));
    }
    let whole = !conflict && !plan.chain.is_empty() && (plan.obstacle.is_none() || partial);
    let output = whole.then(|| {
        let file = NewFile::create(&args.output).unwrap();
        let written = write(file, &args, &index, &plan).unwrap();
        assert_eq!(written.bytes, bytes.len() as u64);
        let output = std::fs::read(&args.output).unwrap();
        assert_eq!(output, bytes, "the output is the chain's entries");
        output
    });
    let obstacle = plan.obstacle.as_ref().map(|obstacle| match obstacle {
        Obstacle::Empty => "empty",
        Obstacle::NoRoot(_) => "no root",
        Obstacle::Gap { .. } => "gap",
        Obstacle::Fork { .. } => "fork",
    });
    let chain = plan.chain.iter().map(|record| record.checksum.get()).collect();
    let plan = Planned { conflict, chain, obstacle };
    Merged {
        plan: if conflict { Planned { chain: Vec::new(), obstacle: None, ..plan } } else { plan },
        output,
    }
}

/// The merge of inputs without damage, in plain code: from the lowest op on, as long as there is one entry
/// for the op and it names the one before it.
fn slowly(inputs: &[Vec<u8>]) -> Planned {
    let mut profiles = BTreeSet::new();
    let mut clusters = BTreeSet::new();
    let mut ops: BTreeMap<u64, BTreeMap<u128, u128>> = BTreeMap::new();
    for input in inputs {
        let mut rest = &input[..];
        while let Some(entry) = Entry::from_prefix(rest) {
            profiles.insert(entry.magic);
            clusters.insert(entry.header.cluster.get());
            let of_op = ops.entry(entry.header.op.get()).or_default();
            of_op.insert(entry.header.checksum.get(), entry.header.parent.get());
            rest = &rest[usize::try_from(entry.header.size_disk()).unwrap()..];
        }
    }
    let mut planned =
        Planned { conflict: profiles.len() > 1 || clusters.len() > 1, chain: vec![], obstacle: None };
    if planned.conflict {
        return planned;
    }
    let mut last: Option<(u64, u128)> = None;
    for (op, entries) in &ops {
        planned.obstacle = match last {
            Some((before, _)) if *op - before > 1 => Some("gap"),
            Some((_, checksum)) if entries.values().any(|parent| *parent != checksum) => Some("fork"),
            _ if entries.len() > 1 => Some("fork"),
            _ => None,
        };
        if planned.obstacle.is_some() {
            return planned;
        }
        let (checksum, _) = entries.first_key_value().unwrap();
        planned.chain.push(*checksum);
        last = Some((*op, *checksum));
    }
    if ops.is_empty() {
        planned.obstacle = Some("empty");
    }
    planned
}
