//! Clusters whose replicas crashed, were synced, moved and mixed up: what `aof merge` makes of their logs is
//! the same in however little memory, and in either order.
//!
//! `AOF_MERGE_CASES` sets how many clusters there are; a failure tells its seed, `AOF_MERGE_SEED` begins there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may stop at a surprise")]

use aof_hostile::merge::check_inputs;
use aof_nostd::wire::HEAD_SIZE;
use aof_tests::build::{Builder, Log, PROFILES, body};
use aof_tests::damage::Harm;
use aof_tests::random::Random;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn logs_of_random_clusters_are_merged_alike_in_any_memory_and_order() {
    let first = number("AOF_MERGE_SEED", 0);
    for seed in first..first + number("AOF_MERGE_CASES", 150) {
        let mut random = Random::new(seed);
        let all = histories(&mut random);
        let count = 1 + random.below(4);
        let inputs: Vec<_> = (0..count).map(|_| replica(&all, &mut random)).collect();
        let partial = random.one_in(2);
        let shown = inputs.iter().map(Vec::len).collect::<Vec<_>>();
        let checked = std::panic::catch_unwind(|| check_inputs(&inputs, partial));
        assert!(checked.is_ok(), "seed {seed}: inputs of {shown:?} bytes, see above");
    }
}

/// What the whole cluster wrote; now and then a second history, a gap, or a log in a body.
fn histories(random: &mut Random) -> Log {
    let mut builder = Builder::new(PROFILES[usize::from(random.one_in(4))]);
    let pieces = 1 + random.below(6);
    for piece in (0..6_u32).take(pieces) {
        let so_far = builder.clone().build();
        let sizes: Vec<_> = (0..random.below(60)).map(|_| random.below(40)).collect();
        builder = builder.chain(&sizes);
        match random.below(12) {
            // A gap of no ops: an entry that names a parent that nobody has.
            0 | 5 => builder = builder.gap(random.below(5) as u64),
            1 if so_far.entries.len() > 2 => builder = builder.fork(random.below(so_far.entries.len())),
            2 | 3 => {
                let from = random.below(so_far.entries.len());
                let to = so_far.entries.len().min(from + random.below(6));
                let mut inner: Vec<u8> = (from..to).flat_map(|at| so_far.entry_bytes(at).to_vec()).collect();
                if random.one_in(2) {
                    // Planted: it would fit where the entry stands that holds it.
                    inner = builder.clone().entry(b"planted").build().bytes.split_off(so_far.bytes.len());
                }
                let rest = body(piece.into(), random.below(50));
                builder = builder.entry(&[&rest[..], &inner[..], &rest[..]].concat());
            }
            4 => builder = builder.view(1 + piece),
            _ => {}
        }
    }
    builder.build()
}

/// What one replica's file has of it.
fn replica(all: &Log, random: &mut Random) -> Vec<u8> {
    let count = all.entries.len();
    let mut order = Vec::new();
    let mut at = if random.one_in(3) { random.below(count) } else { 0 };
    while at < count {
        let end = count.min(at + 1 + random.below(count));
        for _ in 0..if random.one_in(8) { 1 + random.below(20) } else { 1 } {
            order.extend(at..end); // now and then the same piece many times
        }
        at = match random.below(8) {
            0 | 1 => end.saturating_sub(random.below(40)), // a crash: the journal once more
            2 => end + random.below(30),                   // a state sync
            3 => break,
            _ => end,
        };
        if order.len() > 1_200 {
            break;
        }
    }
    match random.below(8) {
        // Shuffled, all of it or a little; turned round; rotated.
        0 => (1..order.len()).for_each(|at| order.swap(at, random.below(at + 1))),
        1 => (8..order.len()).for_each(|at| order.swap(at, at - random.below(8))),
        2 => order.reverse(),
        3 => {
            let middle = random.below(order.len());
            order.rotate_left(middle);
        }
        _ => {}
    }
    // Entries with others in their bodies: now and then the log ends there, or one is damaged before them.
    let holds_others = |at: &usize| all.entries[*at].size_disk >= 2 * HEAD_SIZE;
    if random.one_in(4)
        && let Some(last) = order.iter().rposition(holds_others)
    {
        order.truncate(last + 1);
    }
    let mut bytes = Vec::new();
    for at in &order {
        let begin = bytes.len();
        bytes.extend_from_slice(all.entry_bytes(*at));
        if holds_others(at) && random.one_in(3) {
            // Only with nothing left of its head it is searched for others.
            bytes[begin..begin + HEAD_SIZE].fill(0xfd);
        }
    }
    let harms = if random.one_in(2) { random.below(4) } else { 0 };
    for _ in 0..harms {
        harm(&bytes, random).apply(&mut bytes);
    }
    if random.one_in(10) {
        // As dense as entries.
        let mut at = 100;
        while at < bytes.len() {
            bytes[at] ^= 1;
            at += 400 + random.below(600);
        }
    }
    if random.one_in(6) {
        bytes.resize(bytes.len() + random.below(2_000), 0);
    }
    bytes
}

fn harm(bytes: &[u8], random: &mut Random) -> Harm {
    let start = random.below(bytes.len());
    let range = start..start + random.below(600);
    match random.below(6) {
        0 => Harm::Flip { bit: random.below(bytes.len() * 8) },
        1 => Harm::Cut { size: bytes.len().saturating_sub(random.below(500)) },
        2 => Harm::Zero(range),
        3 => Harm::Noise { range, seed: random.next_u64() },
        4 => Harm::Delete(range),
        _ => Harm::Copy { range, at: random.below(bytes.len()) },
    }
}
