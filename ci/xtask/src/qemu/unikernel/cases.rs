//! What the unikernel is run with.

use super::super::recorded::{LARGE, REPLICAS, Reading, SMALL, cut_out, entry, flip, reading, zero_sector};

/// All readings. Zeros follow to the disk's end.
pub(super) const READINGS: [Reading; 16] = [
    reading(SMALL, "whole.img", |_| {}),
    reading(LARGE, "large.img", |_| {}),
    // Restarted twice: it goes back, and ahead.
    reading(REPLICAS[0], "restarted.img", |_| {}),
    // Torn: in a body, in a head, in a magic, in the first entry, in a body of 1 MiB; with noise behind.
    reading(SMALL, "torn-body.img", |log| log.truncate(log.len() - 100)),
    reading(SMALL, "torn-head.img", |log| log.truncate(last(log) + 100)),
    reading(SMALL, "torn-magic.img", |log| log.truncate(last(log) + 7)),
    reading(SMALL, "torn-first.img", |log| log.truncate(300)),
    reading(LARGE, "torn-large.img", |log| log.truncate(1_500_000)),
    reading(SMALL, "torn-noise.img", |log| {
        log.truncate(log.len() - 100);
        log.extend(noise(2000));
    }),
    reading(SMALL, "noise.img", |log| log.extend(noise(700))),
    // Damage in the middle.
    reading(SMALL, "flipped.img", |log| flip(log, 100_000)),
    reading(SMALL, "flipped-magic.img", |log| flip(log, 0)),
    reading(SMALL, "flipped-last.img", |log| {
        let byte = last(log) + 300;
        flip(log, byte);
    }),
    reading(SMALL, "zeroed-sector.img", |log| zero_sector(log, 200 * 512)),
    reading(LARGE, "large-flipped.img", |log| flip(log, 1_000_000)),
    reading(SMALL, "gap.img", |log| cut_out(log, 100, 103)),
];

/// A disk that the device must not write to, with a changed copy of [`SMALL`] on it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The disk.
    pub(super) name: &'static str,
    /// What is changed before.
    pub(super) change: fn(&mut Vec<u8>),
    /// The profile that the device is called with.
    pub(super) profile: &'static str,
    /// How the disk is attached.
    pub(super) attached: &'static str,
    /// What the device's message has to contain.
    pub(super) message: &'static str,
}

/// All refusals.
pub(super) const REFUSALS: [Refusal; 6] = [
    refusal("refused-flipped.img", |log| flip(log, 100_000), "damage in the middle"),
    refusal("refused-sector.img", |log| zero_sector(log, 200 * 512), "damage in the middle"),
    refusal("refused-first.img", |log| flip(log, 20), "damage in the middle"),
    refusal(
        "refused-foreign.img",
        |log| *log = [&[0; 1024][..], &noise(3000)].concat(),
        "no log of this profile",
    ),
    Refusal { profile: "crc", ..refusal("refused-profile.img", |_| {}, "the magic of the other profile") },
    // Both: with the second alone QEMU still offers a flush, for a driver that turns the cache on.
    Refusal {
        attached: ",write-cache=off,config-wce=off",
        ..refusal("refused-flush.img", |log| log.truncate(log.len() - 100), "the disk offers no flush")
    },
];

const fn refusal(name: &'static str, change: fn(&mut Vec<u8>), message: &'static str) -> Refusal {
    Refusal { name, change, profile: "tigerbeetle", attached: "", message }
}

/// What a disk that keeps no order could leave behind a log, made of the log.
pub(super) type Tail = fn(&[u8]) -> Vec<u8>;

/// All tails.
pub(super) const TAILS: [Tail; 4] = [
    // The beginning of an entry, as far as a sector went.
    |log| log.iter().copied().take(200).collect(),
    // A later sector of an entry, without the first.
    |_| [vec![0; 900], noise(512)].concat(),
    |_| noise(3000),
    |_| vec![0xff],
];

/// Where the last entry begins.
fn last(log: &[u8]) -> usize {
    entry(log, usize::MAX).0
}

/// Bytes that are no log, none of them zero.
fn noise(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from(index * 31 % 255 + 1).unwrap_or(1)).collect()
}
