//! Two entries with one checksum and different bytes: a CRC finds accidents, and eight chosen bytes keep it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may stop at a surprise")]

use aof_hostile::truth::check::{inputs, names};
use aof_hostile::truth::outcome::{Input, Outcome, merge};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Crc, Profile};
use aof_tests::build::{Builder, Log, PROFILES, forge_crc_bytes};
use aof_tests::random::Random;
use aof_tests::truth::Case;

/// Changes one byte of an entry's body, and eight others so that no checksum changes.
fn forge(bytes: &mut [u8], entry: std::ops::Range<usize>, changed: usize, chosen: usize) {
    let body = &mut bytes[entry.start + HEAD_SIZE..entry.end];
    let target = u64::try_from(Crc.checksum(body).get()).unwrap();
    body[changed] ^= 0x55;
    forge_crc_bytes(body, chosen, target);
}

fn log() -> Log {
    Builder::new(PROFILES[1]).chain(&[40; 8]).build()
}

fn merged(logs: &[&[u8]]) -> (Outcome, Vec<u8>) {
    let names = names(logs.len());
    let inputs: Vec<_> = names.iter().zip(logs).map(|(name, bytes)| Input { name, bytes }).collect();
    let outcome = merge(&inputs);
    let output = outcome.output(&inputs);
    (outcome, output)
}

/// Expects that two histories are reported, whatever the order, and nothing of either is chosen.
#[track_caller]
fn is_a_fork(logs: &[&[u8]], op: u64, before: &[u8]) {
    let mut reversed = logs.to_vec();
    reversed.reverse();
    for logs in [logs, &reversed] {
        let (outcome, output) = merged(logs);
        let stop = outcome.stop.unwrap_or_else(|| panic!("a copy was chosen in silence"));
        assert_eq!((stop.kind, &stop.ops[..]), ("fork", &[(op, op)][..]));
        assert!(output == before, "{} bytes are written", output.len());
    }
}

#[test]
fn forged_copy_in_another_log_is_a_fork() {
    let log = log();
    for index in [0, 3, 7] {
        let mut forged = log.bytes.clone();
        forge(&mut forged, log.entries[index].range(), 3, 20);
        assert_ne!(forged, log.bytes);
        let before = &log.bytes[..log.entries[index].offset];
        let op = index as u64 + 1;
        is_a_fork(&[&log.bytes, &forged], op, before);
        is_a_fork(&[&log.bytes, &log.bytes, &forged], op, before);
        // Each log alone is sound: nothing in it tells.
        assert_eq!(merged(&[&forged]).0.stop, None);
    }
}

#[test]
fn forged_copy_after_a_restart_is_a_fork() {
    for index in [2, 5] {
        let mut log = Builder::new(PROFILES[1]).chain(&[40; 8]).repeat(1..8).chain(&[40; 2]).build();
        let again = log.entries[8 + index - 1];
        assert_eq!(again.op, log.entries[index].op);
        forge(&mut log.bytes, again.range(), 0, 9);
        let before = log.bytes[..log.entries[index].offset].to_vec();
        is_a_fork(&[&log.bytes], index as u64 + 1, &before);
        is_a_fork(&[&log.bytes, &before], index as u64 + 1, &before);
    }
}

#[test]
fn forged_copies_in_random_clusters_are_forks_or_are_not_taken() {
    let mut forks = 0;
    for number in 0..400 {
        let case = Case::new(number);
        if case.truth.profile.magic() != PROFILES[1].magic() {
            continue;
        }
        let mut random = Random::new(number);
        let log = random.below(case.logs.len());
        let placed: Vec<_> = case.logs[log]
            .placed
            .iter()
            .filter(|placed| placed.kept > HEAD_SIZE + 16 && case.logs[log].is_intact(&case.truth, placed))
            .collect();
        let Some(placed) = placed.get(random.below(placed.len())) else { continue };
        let mut forged = case.logs[log].clone();
        let start = usize::try_from(placed.at).unwrap();
        forge(&mut forged.bytes, start..start + placed.kept, 0, 8);
        // The true log and the forged one, and all others.
        let mut logs = case.logs.clone();
        logs.push(forged);
        let case = case.with_logs(logs);
        let op = case.truth.entries[placed.entry].op();
        let mut seen = Vec::new();
        for reversed in [false, true] {
            let names = names(case.logs.len());
            let mut inputs = inputs(&case, &names);
            if reversed {
                inputs.reverse();
            }
            let outcome = merge(&inputs);
            let is_written = outcome.chain.iter().any(|taken| taken.op >= op);
            // Where damage leaves it open whether the forged copy is content, it is left out, with its place.
            let is_named = outcome.notes.iter().any(|note| {
                note.kind == "left-out" && note.ops.iter().any(|ops| (ops.0..=ops.1).contains(&op))
            });
            let is_reported = outcome.stop.is_some() || is_named;
            assert!(is_reported || !is_written, "case {number}: op {op} was chosen in silence");
            forks += u64::from(outcome.stop.as_ref().is_some_and(|stop| stop.kind == "fork"));
            seen.push((outcome.output(&inputs), outcome.stop.map(|stop| (stop.kind, stop.ops))));
        }
        assert_eq!(seen[0], seen[1], "case {number}: another order");
    }
    assert!(forks > 100, "{forks}");
}
