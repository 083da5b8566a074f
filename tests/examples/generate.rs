//! Makes a log for benchmarks, to standard output:
//!
//! - `generate COUNT BODY_SIZE`: bodies of pseudo-random bytes;
//! - `generate COUNT transfers EVENTS`: bodies of so many transfers, in one batch: at most 8,189 fit 1 MiB.
//!
//! Deterministic: one chain of create_transfers from op 1, in cluster 0.
#![allow(clippy::unwrap_used, reason = "a tool for benchmarks, which may stop at a surprise")]

use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Draft, Entry, Header, Operation, TigerBeetle};
use std::io::{BufWriter, Write};
use zerocopy::IntoBytes;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> u64 { arguments[index].parse().unwrap() };
    let count = number(0);
    let transfers = (arguments[1] == "transfers").then(|| usize::try_from(number(2)).unwrap());
    let body_size = match transfers {
        Some(transfers) => (transfers + 1) * 128,
        None => usize::try_from(number(1)).unwrap(),
    };
    let profile = TigerBeetle::new(aof_std::backend());
    let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut buffer = vec![0; HEAD_SIZE + body_size];
    let mut last: Option<Header> = None;
    for index in 0..count {
        let body = &mut buffer[HEAD_SIZE..];
        match transfers {
            Some(_) => fill_transfers(body, index, &mut random),
            None => fill(body, &mut random),
        }
        let draft = Draft {
            operation: Operation::CREATE_TRANSFERS,
            timestamp_ns: 1_795_236_810_000_000_000 + index * 1_000_000,
            client: 1,
            request: u32::try_from(index + 1).unwrap(),
            ..Draft::default()
        };
        let header = match &last {
            Some(last) => draft.after(last).unwrap(),
            None => draft.fill(Header { release: 0xffff_0000.into(), view: 1.into(), ..Header::new() }),
        };
        let entry = Entry::seal(&profile, header, &mut buffer).unwrap();
        last = Some(entry.header);
        output.write_all(entry.as_bytes()).unwrap();
    }
    output.flush().unwrap();
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 32) % bound
    }
}

fn fill(body: &mut [u8], random: &mut Random) {
    for chunk in body.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
}

/// Transfers between 100,000 accounts, with ids as TigerBeetle recommends them (time, then random bits),
/// amounts of up to a million, and a user's data of 64 bits; then the trailer of one batch.
fn fill_transfers(body: &mut [u8], milliseconds: u64, random: &mut Random) {
    let (transfers, trailer) = body.split_at_mut(body.len() - 128);
    let time = u128::from(1_795_236_810_000 + milliseconds);
    let mut count = 0_u16;
    for transfer in transfers.as_chunks_mut::<128>().0 {
        transfer.fill(0);
        let id = time << 80 | u128::from(random.next()) << 16 | u128::from(count);
        let debit = 1 + random.below(100_000);
        let credit = 1 + (debit + random.below(99_999)) % 100_000;
        transfer[..16].copy_from_slice(&id.to_le_bytes());
        transfer[16..24].copy_from_slice(&debit.to_le_bytes());
        transfer[32..40].copy_from_slice(&credit.to_le_bytes());
        transfer[48..56].copy_from_slice(&random.below(1_000_000).to_le_bytes());
        transfer[96..104].copy_from_slice(&random.next().to_le_bytes());
        transfer[112] = 1; // ledger
        transfer[116] = 10; // code
        count += 1;
    }
    trailer.fill(0xff);
    trailer[124..126].copy_from_slice(&count.to_le_bytes());
    trailer[126..].copy_from_slice(&1_u16.to_le_bytes());
}
