//! Logs of one cluster, cut up, damaged and forged: what `aof merge` makes of them is a chain of entries
//! that the inputs hold, whatever their order and however little memory there is; of undamaged inputs it is what a
//! merge in plain code makes. What it should be of damaged ones: `tests/truth.rs`.

use crate::input::{Hurt, Recipe, hurt};
use aof_cli::args::{Limits, MergeArgs};
use aof_cli::merge::chain::{Chain, Link, Walk};
use aof_cli::merge::index::{Index, Record};
use aof_cli::merge::notes::notes;
use aof_cli::merge::plan::{Obstacle, Plan, Ranges, Root};
use aof_cli::merge::report::Report;
use aof_cli::merge::work::Work;
use aof_cli::merge::write::write;
use aof_nostd::{Checksum, Entry};
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
    if !inputs.is_empty() {
        check_inputs(&inputs, case.partial);
    }
}

/// Memory for a merge: too little for anything but sorting, for some stretches, for nearly all, for all.
const MEMORIES: [u64; 5] = [1, 5_000, 50_000, 100_000, 1 << 22];

/// Merges logs in both orders, in all of memory and in less, and compares what comes out.
pub fn check_inputs(inputs: &[Vec<u8>], partial: bool) {
    let directory = tempfile::tempdir_in(crate::memory()).unwrap();
    let mut files = Vec::new();
    for (number, bytes) in inputs.iter().enumerate() {
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, bytes).unwrap();
        files.push(path);
    }
    let merge = |files: &[PathBuf], memory| merge(directory.path(), files, partial, inputs, memory);
    let merged = merge(&files, MEMORIES[4]);
    let less = inputs.iter().map(Vec::len).sum::<usize>() % 4;
    assert_eq!(merge(&files, MEMORIES[less]), merged, "in {} bytes of memory", MEMORIES[less]);
    files.reverse();
    let reversed: Vec<_> = inputs.iter().rev().cloned().collect();
    let other = self::merge(directory.path(), &files, partial, &reversed, MEMORIES[(less + 1) % 4]);
    assert_eq!((other.plan, other.output), (merged.plan.clone(), merged.output), "whatever the order");

    let seen: Vec<Vec<Seen>> = inputs.iter().map(|bytes| by_detect(bytes)).collect();
    if seen.iter().flatten().all(Seen::is_entry) {
        assert_eq!(merged.plan, slowly(inputs));
    }
}

/// What a merge made.
#[derive(Debug, PartialEq, Eq)]
struct Merged {
    plan: Planned,
    output: Option<Vec<u8>>,
    /// What is told, which names the inputs in their order.
    texts: Vec<String>,
}

/// A plan, as far as the order of inputs does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Planned {
    /// Whether the inputs do not belong together; then the rest means nothing.
    conflict: bool,
    chain: Vec<u128>,
    obstacle: Option<&'static str>,
}

fn merge(directory: &Path, files: &[PathBuf], partial: bool, inputs: &[Vec<u8>], memory: u64) -> Merged {
    let output = directory.join("output");
    let limits = Limits { message_size_max: 1 << 20 };
    let files = files.to_vec();
    let args = MergeArgs { files, output, root: None, partial, force: true, json: true, limits };
    let work = Work::beside(&args.output).with_memory(memory);
    let index = Index::read(&args.files, 1 << 20, &work).unwrap();
    let plan = Plan::of(&index, Root::LowestOp).unwrap();
    let conflict = index.conflict().is_some();
    let notes = notes(&index, &plan, Root::LowestOp).unwrap();
    let chain = planned(&index, &plan);
    let report = Report::new(&args, &index, &plan, Root::LowestOp).unwrap();
    let mut texts = vec![report.refusal().unwrap(), format!("{:?}", index.too_large(1 << 20).unwrap())];
    texts.extend(notes.iter().map(ToString::to_string));

    // Every entry of the chain is where it is said to be, and the parent of the next.
    let mut bytes = Vec::new();
    let mut before: Option<Link> = None;
    for link in &chain {
        let at = usize::try_from(link.offset).unwrap();
        let end = usize::try_from(link.offset + link.size_disk).unwrap();
        let entry = Entry::from_prefix(&inputs[link.input as usize][at..]).unwrap();
        assert_eq!((entry.header.checksum, entry.header.op.get()), (link.checksum, link.op));
        if let Some(before) = before.replace(*link) {
            assert_eq!((link.op - 1, entry.header.parent), (before.op, before.checksum));
        }
        bytes.extend_from_slice(&inputs[link.input as usize][at..end]);
    }
    let whole = !conflict && !chain.is_empty() && (plan.obstacle.is_none() || partial);
    let output = whole.then(|| {
        let file = NewFile::create(&args.output).unwrap();
        let written = write(file, &args, &index, &plan.chain).unwrap();
        assert_eq!(written.bytes, bytes.len() as u64);
        assert_eq!(written.taken.iter().sum::<u64>(), chain.len() as u64);
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
    let chain = chain.iter().map(|link| link.checksum.get()).collect();
    let plan = Planned { conflict, chain, obstacle };
    Merged {
        plan: if conflict { Planned { chain: Vec::new(), obstacle: None, ..plan } } else { plan },
        output,
        texts,
    }
}

/// The chain; and what else is planned agrees with it.
fn planned(index: &Index, plan: &Plan) -> Vec<Link> {
    let chain = links(index, &plan.chain);
    for op in chain.iter().map(|link| link.op).chain([0, u64::MAX]).step_by(chain.len() / 5 + 1) {
        let mut walk = Walk::from(index, &plan.chain, op).unwrap();
        let found = walk.next(index, &plan.chain).unwrap();
        assert_eq!(found, chain.iter().find(|link| link.op >= op).copied());
    }

    // What is behind a gap is added to what is before it.
    let mut further = Plan::of(index, Root::LowestOp).unwrap();
    let missing = further.go_on(index).unwrap();
    let all = links(index, &further.chain);
    assert!(all.windows(2).all(|pair| pair[0].op < pair[1].op));
    assert_eq!(missing, if all.len() == chain.len() { missing.clone() } else { missing_between(&all) });

    // Another beginning: the chain from there on.
    for (number, link) in chain.iter().enumerate().skip(1).step_by(chain.len() / 3 + 1) {
        let from = Plan::of(index, Root::ChildOf(chain[number - 1].checksum)).unwrap();
        let first = links(index, &from.chain).first().map(|first| first.checksum);
        assert!(first.is_none_or(|first| first == link.checksum));
    }
    let from = Plan::of(index, Root::ChildOf(Checksum::new(5))).unwrap();
    assert!(from.chain.first().is_none());
    chain
}

/// All entries of a chain.
fn links(index: &Index, chain: &Chain) -> Vec<Link> {
    let mut walk = Walk::new(chain);
    let mut links = Vec::new();
    while let Some(link) = walk.next(index, chain).unwrap() {
        links.push(link);
    }
    assert_eq!(chain.entries(), links.len() as u64);
    assert_eq!(chain.bytes(), links.iter().map(|link| link.size_disk).sum::<u64>());
    assert_eq!(chain.first().map(link), links.first().copied());
    assert_eq!(chain.last().map(link), links.last().copied());
    links
}

fn link(record: &Record) -> Link {
    let Record { op, checksum, fingerprint, input, offset, size_disk, .. } = *record;
    Link { op, checksum, fingerprint, input, offset, size_disk }
}

/// The ops between the first and the last that are not there.
fn missing_between(chain: &[Link]) -> Ranges {
    let gap = |pair: &[Link]| (pair[1].op - pair[0].op > 1).then(|| (pair[0].op + 1, pair[1].op - 1));
    Ranges { kept: chain.windows(2).filter_map(gap).collect(), omitted: 0 }
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
