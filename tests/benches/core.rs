//! Checksums by size and backend; slice iterator, device reader and writer by body size.
//!
//! `cargo bench -p aof-tests`. Figures are in `docs/performance.md`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop at a surprise")]

use aof_nostd::storage::Cursor;
use aof_nostd::{AnyProfile, Backend, Crc, Draft, Entries, Profile, Reader, TigerBeetle, Writer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn profiles() -> [(&'static str, AnyProfile); 3] {
    [
        ("aegis-hardware", TigerBeetle::new(aof_std::backend()).into()),
        ("aegis-software", TigerBeetle::new(Backend::SOFTWARE).into()),
        ("crc", Crc.into()),
    ]
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    let bytes = vec![0xa5; 1 << 20];
    for size in [240, 4096, 1 << 20] {
        group.throughput(Throughput::Bytes(size as u64));
        for (name, profile) in profiles() {
            group.bench_with_input(BenchmarkId::new(name, size), &bytes[..size], |bencher, bytes| {
                bencher.iter(|| profile.checksum(black_box(bytes)));
            });
        }
    }
}

/// A log of about 8 MiB.
fn log(profile: AnyProfile, body_size: usize) -> Vec<u8> {
    let body = vec![0x5a; body_size];
    let count = (8 << 20) / (272 + body_size);
    let store = vec![0; count * (272 + body_size)];
    let mut writer = Writer::new(Cursor::new(store), profile).with_unsynced_max(u32::MAX);
    for timestamp_ns in 1..=count as u64 {
        writer.append_new(&Draft { timestamp_ns, ..Draft::default() }, &body).unwrap();
    }
    writer.into_device().into_inner()
}

fn read(criterion: &mut Criterion) {
    let profile = TigerBeetle::new(aof_std::backend()).into();
    let mut group = criterion.benchmark_group("read");
    for body_size in [0, 256, 4096, (1 << 20) - 256] {
        let bytes = log(profile, body_size);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("slice", body_size), &bytes, |bencher, bytes| {
            bencher.iter(|| assert!(Entries::new(bytes, profile).all(|entry| entry.is_ok())));
        });
        let mut buffer = vec![0; (1 << 20) + 16];
        group.bench_with_input(BenchmarkId::new("reader", body_size), &bytes, |bencher, bytes| {
            bencher.iter(|| {
                let reader = Reader::new(Cursor::new(bytes), buffer.as_mut_slice(), profile).unwrap();
                let mut reader = reader.with_read_ahead(256 << 10);
                while reader.next().unwrap().is_some() {}
            });
        });
        let mut buffer = [0; 1024];
        group.bench_with_input(BenchmarkId::new("streamed-1KiB", body_size), &bytes, |bencher, bytes| {
            bencher.iter(|| {
                let mut reader = Reader::new(Cursor::new(bytes), &mut buffer[..], profile).unwrap();
                while reader.next_streamed(|_| {}).unwrap().is_some() {}
            });
        });
    }
}

fn write(criterion: &mut Criterion) {
    let profile: AnyProfile = TigerBeetle::new(aof_std::backend()).into();
    let mut group = criterion.benchmark_group("write");
    let mut store = vec![0; 4 << 20];
    for body_size in [0, 256, 4096, (1 << 20) - 256] {
        let body = vec![0x5a; body_size];
        group.throughput(Throughput::Bytes(272 + body_size as u64));
        group.bench_with_input(BenchmarkId::new("append_new", body_size), &body, |bencher, body| {
            bencher.iter(|| {
                let mut writer = Writer::new(Cursor::new(store.as_mut_slice()), profile);
                writer.append_new(&Draft::default(), body).unwrap();
                writer.size()
            });
        });
    }
}

criterion_group!(benches, checksum, read, write);
criterion_main!(benches);
