//! How long the checksums of a log take alone: `checksum ENTRIES BODY_SIZE [THREADS]` prints seconds.
//!
//! For each entry the header's 240 bytes and the body, from memory that stays in the cache as far as one entry
//! does: what a verifier cannot do without. `ci/bench-verify` compares.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for benchmarks")]

use aof_nostd::{Profile, TigerBeetle};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let (entries, body_size, threads) = (numbers[0], numbers[1], numbers.get(2).copied().unwrap_or(1));
    let profile = TigerBeetle::new(aof_std::backend());
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (head, body) = ([0x5a; 240], vec![0xa5; body_size]);
                for _ in 0..entries / threads {
                    black_box(profile.checksum(black_box(&head)));
                    // That of no body is a constant of the format.
                    if body_size > 0 {
                        black_box(profile.checksum(black_box(&body)));
                    }
                }
            });
        }
    });
    println!("{:.4}", begin.elapsed().as_secs_f64());
}
