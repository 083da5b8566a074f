//! Entries inside the bodies of damaged ones.

use super::{chain, merge};
use crate::util::file;
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Entry, Header, TigerBeetle};
use std::fs;

/// Logs in whose third entry's body lies a whole, valid entry of its own.
fn nested(inner: &Header, at_end: bool) -> (Vec<Vec<u8>>, usize) {
    let mut body = vec![7; 100];
    body.extend_from_slice(&chain(TigerBeetle::default(), *inner, &[b"inner"]).concat());
    if !at_end {
        body.extend_from_slice(&[7; 100]);
    }
    let bodies: &[&[u8]] = &[b"a", b"b", &body, b"d", b"e"];
    let bodies = &bodies[..if at_end { 3 } else { 5 }];
    let entries = chain(TigerBeetle::default(), Header::new(), bodies);
    let third = entries[0].len() + entries[1].len();
    (entries, third)
}

#[test]
fn entry_inside_the_body_of_a_damaged_one_is_not_taken() {
    let second = {
        let entries = chain(TigerBeetle::default(), Header::new(), &[b"a", b"b"]);
        Entry::from_prefix(&entries[1]).unwrap().header
    };
    let inners = [
        Header { op: 999.into(), ..Header::new() },
        Header { op: 1.into(), ..Header::new() },
        Header { op: 3.into(), cluster: 9.into(), ..Header::new() },
        // A forged sibling of the damaged entry itself.
        Header { op: 3.into(), parent: second.checksum, ..Header::new() },
        // A forged child of the first entry, where the chain goes another way.
        Header { op: 2.into(), parent: second.parent, ..Header::new() },
    ];
    for (number, inner) in inners.iter().enumerate() {
        let (entries, third) = nested(inner, false);
        let whole = entries.concat();
        let size = entries[2].len();
        // Magic, header checksum, size, the whole head, the body before and behind the inner entry.
        let damages = [third, third + 16, third + 16 + 96, third + HEAD_SIZE + 50, third + size - 1];
        for at in damages {
            for span in [1, 4, 272] {
                if at > third && span == 272 {
                    continue;
                }
                let directory = tempfile::tempdir().unwrap();
                let mut damaged = whole.clone();
                damaged[at..(at + span).min(third + size)].fill(0xfd);
                let damaged = file(&directory, "damaged.aof", &damaged);
                let intact = file(&directory, "intact.aof", &whole);
                let output = directory.path().join("whole.aof");
                for inputs in [[&*damaged, &*intact], [&*intact, &*damaged]] {
                    merge(&["--force"], &output, &inputs).code(0);
                    assert_eq!(fs::read(&output).unwrap(), whole, "inner {number}, {span} bytes at {at}");
                }
                fs::remove_file(&output).unwrap();
                // Alone, the damaged log has a gap, whatever lies in the body.
                merge(&[], &output, &[&damaged]).code(1);
                merge(&["--partial"], &output, &[&damaged]).code(0);
                let partial = fs::read(&output).unwrap();
                assert_eq!(partial, entries[..2].concat(), "inner {number}, {span} bytes at {at}");
            }
        }
    }
}

#[test]
fn entry_at_the_end_of_the_last_body_is_not_taken_either() {
    let inner = Header { op: 999.into(), cluster: 0.into(), ..Header::new() };
    let (entries, third) = nested(&inner, true);
    let whole = entries.concat();
    for at in [third, third + 16, third + 16 + 96, third + HEAD_SIZE + 50] {
        let directory = tempfile::tempdir().unwrap();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        let damaged = file(&directory, "damaged.aof", &damaged);
        let intact = file(&directory, "intact.aof", &whole);
        let output = directory.path().join("whole.aof");
        merge(&[], &output, &[&damaged, &intact]).code(0);
        assert_eq!(fs::read(&output).unwrap(), whole, "byte {at}");
    }
}
