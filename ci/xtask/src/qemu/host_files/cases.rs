//! What firmware is run with: a table of programs and logs.

/// One run of one program.
#[derive(Debug)]
pub(crate) struct Case {
    /// The binary in `ci/firmware/host-files/src/bin`.
    pub(crate) program: &'static str,
    /// The log that it is run with.
    pub(crate) log: Log,
}

/// A log.
#[derive(Debug)]
pub(crate) enum Log {
    /// A copy of a recorded log, changed.
    Changed { recorded: &'static str, name: &'static str, change: fn(&mut Vec<u8>) },
    /// One that the program writes.
    Written { name: &'static str, profile: &'static str },
    /// One that a case before wrote.
    Again { name: &'static str },
}

impl Log {
    /// The file's name in the working directory.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Changed { name, .. } | Self::Written { name, .. } | Self::Again { name } => name,
        }
    }
}

/// 300 entries of a real replica.
const SMALL: &str = "tests/data/single/small-bodies.aof";
/// 5 entries, two of them with bodies of 1 MiB: a thousand times the device's buffer.
const LARGE: &str = "tests/data/single/large-bodies.aof";

/// All cases, in this order.
pub(crate) const CASES: [Case; 14] = [
    read(SMALL, "whole.aof", |_| {}),
    read(SMALL, "torn.aof", |log| log.truncate(log.len() - 100)),
    read(SMALL, "torn-and-flipped.aof", |log| {
        log.truncate(log.len() / 2);
        flip(log, 5000);
    }),
    read(SMALL, "flipped-once.aof", |log| flip(log, 100_000)),
    read(SMALL, "flipped-twice.aof", |log| [50_000, 150_000].into_iter().for_each(|byte| flip(log, byte))),
    read(SMALL, "flipped-magic.aof", |log| flip(log, 0)),
    read(LARGE, "large.aof", |_| {}),
    read(LARGE, "large-flipped.aof", |log| flip(log, 1_000_000)),
    Case { program: "write", log: Log::Written { name: "written-tigerbeetle.aof", profile: "tigerbeetle" } },
    Case { program: "write", log: Log::Written { name: "written-crc.aof", profile: "crc" } },
    Case { program: "memory", log: Log::Written { name: "memory-tigerbeetle.aof", profile: "tigerbeetle" } },
    Case { program: "memory", log: Log::Written { name: "memory-crc.aof", profile: "crc" } },
    Case { program: "read", log: Log::Again { name: "written-tigerbeetle.aof" } },
    Case { program: "read", log: Log::Again { name: "written-crc.aof" } },
];

/// Logs that must be equal to the byte: the same entries, written two ways.
pub(crate) const EQUAL: [[&str; 2]; 2] =
    [["written-tigerbeetle.aof", "memory-tigerbeetle.aof"], ["written-crc.aof", "memory-crc.aof"]];

const fn read(recorded: &'static str, name: &'static str, change: fn(&mut Vec<u8>)) -> Case {
    Case { program: "read", log: Log::Changed { recorded, name, change } }
}

fn flip(log: &mut [u8], byte: usize) {
    if let Some(byte) = log.get_mut(byte) {
        *byte ^= 1;
    }
}
