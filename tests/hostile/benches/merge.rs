//! The index of a merge and its plan: three logs of 100,000 entries without bodies, in order and out of order.
//!
//! `cargo bench -p aof-hostile`. Figures are in `docs/performance.md`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop at a surprise")]

use aof_cli::merge::index::Index;
use aof_cli::merge::plan::{Plan, Root};
use aof_cli::merge::work::Work;
use aof_nostd::AnyProfile;
use aof_tests::build::chain;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::path::PathBuf;

const ENTRIES: usize = 100_000;

fn merge(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let log = chain(AnyProfile::default(), &vec![0; ENTRIES]);
    let out_of_order: Vec<u8> = (0..ENTRIES)
        .map(|place| place * 7919 % ENTRIES) // a prime that does not divide it: each once
        .flat_map(|number| &log.bytes[log.entries[number].offset..][..log.entries[number].size_disk])
        .copied()
        .collect();
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(20).throughput(Throughput::Elements(3 * ENTRIES as u64));
    for (form, bytes) in [("in order", &log.bytes), ("out of order", &out_of_order)] {
        let paths: Vec<PathBuf> =
            (0..3).map(|replica| directory.path().join(format!("{form} {replica}"))).collect();
        paths.iter().for_each(|path| std::fs::write(path, bytes).unwrap());
        let work = Work::temporary();
        group.bench_function(BenchmarkId::new("index", form), |bencher| {
            bencher.iter(|| Index::read(&paths, 1 << 20, &work).unwrap());
        });
        let index = Index::read(&paths, 1 << 20, &work).unwrap();
        group.bench_function(BenchmarkId::new("plan", form), |bencher| {
            bencher.iter(|| {
                let plan = Plan::of(&index, Root::LowestOp).unwrap();
                assert_eq!(plan.chain.entries(), ENTRIES as u64);
            });
        });
    }
}

criterion_group!(benches, merge);
criterion_main!(benches);
