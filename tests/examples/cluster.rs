//! Makes the logs of a cluster's replicas for benchmarks of `aof merge`: one chain, of which each replica has
//! nearly all.
//!
//! - `cluster DIRECTORY REPLICAS COUNT BODY_SIZE`: `DIRECTORY/r0.aof` and so on;
//! - `... shuffled`: every entry of each replica at a random place among some hundred thousand, so that
//!   nothing follows anything.
//!
//! About once in 50,000 entries a replica crashes and writes up to 1,024 entries again (a backtrack), and once
//! in 200,000 it is down and then synced (a gap of up to 20,000 ops), one replica after another: together they
//! lack nothing. Deterministic: create_transfers from op 1, in cluster 0.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a tool for benchmarks, which may stop at a surprise")]

use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Draft, Entry, Header, Operation, TigerBeetle};
use aof_tests::random::Random;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use zerocopy::IntoBytes;

/// Entries that a replica writes again at most.
const JOURNAL: usize = 1024;

/// Entries that are shuffled among each other.
const SHUFFLED: usize = 200_000;

struct Replica {
    file: BufWriter<File>,
    random: Random,
    /// Up to which op it is down.
    down_until: u64,
    /// What waits to be written in any order, if it is shuffled.
    waiting: Option<Vec<Box<[u8]>>>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> u64 { arguments[index].parse().unwrap() };
    let (replicas, count, body_size) = (number(1), number(2), usize::try_from(number(3)).unwrap());
    let shuffled = arguments.get(4).is_some_and(|word| word == "shuffled");
    let create = |replica: u64| {
        let path = Path::new(&arguments[0]).join(format!("r{replica}.aof"));
        Replica {
            file: BufWriter::with_capacity(1 << 20, File::create(path).unwrap()),
            random: Random::new(replica),
            down_until: 0,
            waiting: shuffled.then(Vec::new),
        }
    };
    let mut replicas: Vec<_> = (0..replicas).map(create).collect();
    let profile = TigerBeetle::new(aof_std::backend());
    let mut journal: VecDeque<Vec<u8>> = VecDeque::with_capacity(JOURNAL);
    let mut buffer = vec![7; HEAD_SIZE + body_size];
    let mut last: Option<Header> = None;
    for op in 1..=count {
        let draft = Draft {
            operation: Operation::CREATE_TRANSFERS,
            timestamp_ns: 1_795_236_810_000_000_000 + op * 1_000,
            client: 1,
            ..Draft::default()
        };
        let header = match &last {
            Some(last) => draft.after(last).unwrap(),
            None => draft.fill(Header { release: 0xffff_0000.into(), view: 1.into(), ..Header::new() }),
        };
        let entry = Entry::seal(&profile, header, &mut buffer).unwrap();
        last = Some(entry.header);
        let mut recent = if journal.len() == JOURNAL { journal.pop_front().unwrap() } else { Vec::new() };
        recent.clear();
        recent.extend_from_slice(entry.as_bytes());
        journal.push_back(recent);
        for number in 0..replicas.len() {
            let is_first = replicas.iter().all(|replica| replica.down_until < op);
            replicas[number].take(op, count, &journal, is_first);
        }
    }
    for replica in &mut replicas {
        replica.write_waiting(0);
        replica.file.flush().unwrap();
    }
}

impl Replica {
    fn take(&mut self, op: u64, count: u64, journal: &VecDeque<Vec<u8>>, may_go_down: bool) {
        if op < self.down_until {
            return;
        }
        if may_go_down && op + 30_000 < count && self.random.one_in(200_000) {
            self.down_until = op + 1 + self.random.below(20_000) as u64;
            return;
        }
        let again = if self.random.one_in(50_000) { self.random.below(journal.len()) } else { 0 };
        for entry in journal.iter().skip(journal.len() - 1 - again) {
            match &mut self.waiting {
                Some(waiting) => waiting.push(entry.as_slice().into()),
                None => self.file.write_all(entry).unwrap(),
            }
        }
        self.write_waiting(SHUFFLED);
    }

    fn write_waiting(&mut self, left: usize) {
        let Some(waiting) = &mut self.waiting else { return };
        while waiting.len() > left {
            let at = self.random.below(waiting.len());
            self.file.write_all(&waiting.swap_remove(at)).unwrap();
        }
    }
}
