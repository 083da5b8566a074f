//! Files that a cluster's replicas wrote: the facts about them, which the reference tool printed.

use crate::{LARGE_BODIES, SMALL_BODIES};
use aof_nostd::chain::{Chain, ChainLink, NoHistory, Relation, Window};
use aof_nostd::wire::Op;
use aof_nostd::{AnyProfile, Backend, Checker, Entries, Profile};
use aof_tests::events::{by_detect, by_entries};
use aof_tests::oracle::{MESSAGE_SIZE_MAX, Oracle};

const R0: &[u8] = include_bytes!("../data/cluster/r0.aof");
const R1: &[u8] = include_bytes!("../data/cluster/r1.aof");
const R2: &[u8] = include_bytes!("../data/cluster/r2.aof");

/// Entries; replayable ones; how each that is not linked stands to those before it, and where.
struct Facts {
    entries: usize,
    replayable: usize,
    breaks: Vec<(u64, Op, Relation)>,
}

fn facts(log: &[u8]) -> Facts {
    let mut chain = Chain::new(NoHistory);
    let mut facts = Facts { entries: 0, replayable: 0, breaks: Vec::new() };
    for located in Entries::detect(log, Backend::default()) {
        let located = located.expect("a replica's file is whole");
        let header = &located.entry.header;
        facts.entries += 1;
        facts.replayable += usize::from(header.operation().is_replayable());
        let relation = chain.push(ChainLink::from(header));
        if !relation.is_linked() {
            facts.breaks.push((located.offset, header.op(), relation));
        }
    }
    facts
}

#[test]
fn single_replicas_files_are_unbroken_chains() {
    for (log, entries, replayable) in [(SMALL_BODIES, 300, 298), (LARGE_BODIES, 5, 3)] {
        let facts = facts(log);
        assert_eq!((facts.entries, facts.replayable), (entries, replayable));
        assert_eq!(facts.breaks, []);
    }
}

#[test]
fn restarts_and_state_syncs_are_found_where_they_happened() {
    let back = |from| Relation::Backtrack { from: Op(from) };
    let gap = |first, last| Relation::Gap { first: Op(first), last: Op(last) };
    let expected = [
        (R0, 3_888, vec![(492_608, Op(1), back(804)), (997_024, Op(960), gap(823, 959))]),
        (R1, 3_527, vec![(163_744, Op(1), back(306))]),
        (R2, 1_453, vec![(693_616, Op(2_880), gap(1_112, 2_879))]),
    ];
    for (log, entries, breaks) in expected {
        let facts = facts(log);
        assert_eq!((facts.entries, facts.breaks), (entries, breaks));
    }
}

#[test]
fn replicas_of_one_cluster_agree_on_every_op() {
    // One memory for all three files: two entries for one op would be a fork.
    let mut chain = Chain::new(Window::<4_096>::new());
    let mut ops = std::collections::BTreeSet::new();
    for log in [R0, R1, R2] {
        for located in Entries::detect(log, Backend::default()) {
            let header = located.expect("a replica's file is whole").entry.header;
            let relation = chain.push(ChainLink::from(&header));
            assert!(!matches!(relation, Relation::Fork { .. }), "{relation}");
            ops.insert(header.op());
        }
    }
    assert_eq!(ops.len(), 3_221);
    assert_eq!((ops.first(), ops.last()), (Some(&Op(1)), Some(&Op(3_221))));
}

#[test]
fn oracle_reads_a_replicas_file_as_we_do() {
    let oracle = Oracle::new(AnyProfile::default(), MESSAGE_SIZE_MAX);
    assert_eq!(by_detect(SMALL_BODIES), oracle.read(SMALL_BODIES));
    assert_eq!(by_detect(LARGE_BODIES), oracle.read(LARGE_BODIES));
}

#[test]
fn file_of_one_profile_is_foreign_to_the_other() {
    let seen = by_entries(SMALL_BODIES, Checker::new(aof_nostd::Crc));
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].damage(), seen[0].end), (Some("magic"), SMALL_BODIES.len() as u64));
    let first = Entries::new(SMALL_BODIES, aof_nostd::Crc).next().unwrap().unwrap_err();
    assert_eq!(first.kind, aof_nostd::DamageKind::Magic(aof_nostd::ForeignMagic::OtherProfile));
}

#[test]
fn profile_is_detected_behind_a_damaged_beginning() {
    for size in [1, 300, 100_000] {
        let mut log = SMALL_BODIES.to_vec();
        log[..size].fill(0);
        let entries = Entries::detect(&log, Backend::default());
        assert_eq!(entries.profile().name(), "tigerbeetle");
        assert_eq!(by_detect(&log), Oracle::new(AnyProfile::default(), MESSAGE_SIZE_MAX).read(&log));
    }
}
