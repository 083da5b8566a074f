//! Makes a log for benchmarks: `generate COUNT BODY_SIZE [FIRST_CLIENT]`, to standard output.
//!
//! Deterministic: one chain of create_transfers from op 1, in cluster 0, bodies of pseudo-random bytes.
#![allow(clippy::unwrap_used, reason = "a tool for benchmarks, which may stop at a surprise")]

use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Draft, Entry, Header, Operation, TigerBeetle};
use std::io::{BufWriter, Write};
use zerocopy::IntoBytes;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let (count, body_size) = (numbers[0], usize::try_from(numbers[1]).unwrap());
    let profile = TigerBeetle::new(aof_std::backend());
    let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut buffer = vec![0; HEAD_SIZE + body_size];
    let mut last: Option<Header> = None;
    for index in 0..count {
        for chunk in buffer[HEAD_SIZE..].chunks_mut(8) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&random.to_le_bytes()[..chunk.len()]);
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
