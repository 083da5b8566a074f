//! What the programs on a card are run with.

use super::super::recorded::{LARGE, REPLICAS, Reading, SMALL, cut_out, ends, flip, reading, zero_sector};

/// All readings.
pub(super) const READINGS: [Reading; 10] = [
    reading(SMALL, "WHOLE.AOF", |_| {}),
    reading(SMALL, "TORN.AOF", |log| log.truncate(log.len() - 100)),
    reading(SMALL, "FLIPPED.AOF", |log| flip(log, 100_000)),
    reading(SMALL, "MAGIC.AOF", |log| flip(log, 0)),
    reading(SMALL, "ZEROED.AOF", |log| zero_sector(log, 90_112)),
    reading(SMALL, "JUNKTAIL.AOF", |log| log.extend([0x5a; 700])),
    reading(SMALL, "GAP.AOF", |log| cut_out(log, 100, 103)),
    // A replica that was away: ops are missing in the middle.
    reading(REPLICAS[2], "AWAY.AOF", |_| {}),
    reading(LARGE, "LARGE.AOF", |_| {}),
    reading(LARGE, "LARGEFLI.AOF", |log| flip(log, 1_000_000)),
];

/// A file that the device must not go on with, and not touch.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Its name on the card.
    pub(super) name: &'static str,
    /// What is in it, made of a recorded log.
    pub(super) change: fn(&mut Vec<u8>),
    /// The profile that the device is called with.
    pub(super) profile: &'static str,
    /// What its message has to contain.
    pub(super) message: &'static str,
}

/// All refusals.
pub(super) const REFUSALS: [Refusal; 4] = [
    Refusal {
        name: "MIDDLE.AOF",
        change: |log| flip(log, 100_000),
        profile: "tigerbeetle",
        message: "this is no torn tail",
    },
    Refusal { name: "NOLOG.AOF", change: |log| log.fill(b'x'), profile: "crc", message: "is it a log?" },
    Refusal { name: "OTHER.AOF", change: |_| {}, profile: "crc", message: "has the profile tigerbeetle" },
    Refusal {
        name: "TURNED.AOF",
        change: |log| {
            let end = ends(log)[199];
            log.truncate(end);
            log.extend(OTHER_PROFILE);
        },
        profile: "tigerbeetle",
        message: "the magic of the other profile",
    },
];

/// The magic of the profile `crc`.
const OTHER_PROFILE: [u8; 16] = 0x008e_bc7b_1c91_bd3b_41aa_de69_9591_e87e_u128.to_le_bytes();

/// What is put behind a log, made of the log.
pub(super) type Tail = fn(&[u8]) -> Vec<u8>;

/// Tails that a power loss on a card that keeps no order could leave: the beginning of an entry, nothing, and
/// what was in the blocks before.
pub(super) const TAILS: [Tail; 3] = [
    |log| log.iter().copied().take(ends(log).first().map_or(0, |end| end - 1)).collect(),
    |_| vec![0; 700],
    |_| b"bytes of a file that was removed ".repeat(20),
];

/// What appending makes a card do: exact, since the same program does the same each time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Bytes of each body.
    pub(super) body: &'static str,
    /// What the program prints, less the bytes on the bus and the report.
    pub(super) lines: [&'static str; 3],
}

/// Costs on a card with clusters of 32 KiB.
pub(super) const COSTS: [Cost; 4] = [
    Cost { body: "0", lines: ["append 256 3 146", "checkpoint 16 40 40", "verify 69632 139 0"] },
    Cost { body: "128", lines: ["append 256 4 214", "checkpoint 16 40 40", "verify 102400 204 0"] },
    Cost { body: "1000", lines: ["append 256 10 674", "checkpoint 16 44 44", "verify 325632 646 0"] },
    Cost { body: "4096", lines: ["append 256 35 2322", "checkpoint 16 40 40", "verify 1118208 2219 0"] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Root;

    #[test]
    fn the_first_torn_tail_is_an_entry_less_its_last_byte() {
        let log = std::fs::read(Root::find().unwrap().path(SMALL)).unwrap();
        let tail = TAILS[0](&log);
        assert!(log.starts_with(&tail) && tail.len() + 1 == ends(&log)[0], "{}", tail.len());
    }
}
