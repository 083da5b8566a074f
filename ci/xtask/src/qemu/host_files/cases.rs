//! What firmware is run with: a table of programs and logs.

use super::super::recorded::{LARGE, REPLICAS, SMALL, cut_out, entry, flip, zero_sector};

/// One run of one program.
#[derive(Debug)]
pub(super) struct Case {
    /// The binary in `ci/firmware/host-files/src/bin`.
    pub(super) program: &'static str,
    /// The log's name in the working directory.
    pub(super) name: &'static str,
    /// Where the log comes from.
    pub(super) source: Source,
    /// The words of the command line behind it.
    pub(super) words: &'static [&'static str],
    /// The program has to refuse the log, and to leave it as it is.
    pub(super) refused: bool,
}

/// Where a log comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// A copy of a recorded log, changed.
    Recorded(&'static str, fn(&mut Vec<u8>)),
    /// The desktop's library writes so many entries of a profile; then it is changed.
    Desktop(&'static str, u64, fn(&mut Vec<u8>)),
    /// The desktop's library writes two histories of a profile.
    Forked(&'static str),
    /// There are no entries in it.
    Empty,
    /// The program writes it anew.
    Device,
    /// A case before left it.
    Before,
}

impl Case {
    /// Whether the device writes, so that the log has to be sound afterwards.
    pub(super) fn writes(&self) -> bool {
        self.program != "read" && !self.refused
    }

    /// Whether the program in C has it: it reads and appends. (A last entry of which a bit is flipped is a torn
    /// tail to it: it recovers by `aof_recover`, as of a raw device, and there it cannot be told from one.)
    fn is_in_c(&self) -> bool {
        matches!(self.program, "read" | "append")
            && !matches!(self.source, Source::Before)
            && self.name != "crc-flipped-last.aof"
    }
}

/// All cases, in this order.
pub(super) static CASES: [Case; 40] = [
    read("whole.aof", Source::Recorded(SMALL, |_| {})),
    read("torn.aof", Source::Recorded(SMALL, |log| log.truncate(log.len() - 100))),
    read("torn-in-magic.aof", Source::Recorded(SMALL, |log| cut_behind(log, 200, 5))),
    read(
        "torn-and-flipped.aof",
        Source::Recorded(SMALL, |log| {
            log.truncate(log.len() / 2);
            flip(log, 5000);
        }),
    ),
    read("flipped-once.aof", Source::Recorded(SMALL, |log| flip(log, 100_000))),
    read(
        "flipped-twice.aof",
        Source::Recorded(SMALL, |log| [50_000, 150_000].into_iter().for_each(|byte| flip(log, byte))),
    ),
    read("flipped-magic.aof", Source::Recorded(SMALL, |log| flip(log, 0))),
    read("zeroed-sector.aof", Source::Recorded(SMALL, |log| zero_sector_of(log, 180))),
    read("gap.aof", Source::Recorded(SMALL, |log| cut_out(log, 100, 101))),
    read("repeated.aof", Source::Recorded(SMALL, |log| repeat(log, 100))),
    read("large.aof", Source::Recorded(LARGE, |_| {})),
    read("large-flipped.aof", Source::Recorded(LARGE, |log| flip(log, 1_000_000))),
    read("large-torn.aof", Source::Recorded(LARGE, |log| log.truncate(1_000_000))),
    read("large-begun.aof", Source::Recorded(LARGE, begun)),
    read("r0.aof", Source::Recorded(REPLICAS[0], |_| {})),
    read("r1.aof", Source::Recorded(REPLICAS[1], |_| {})),
    read("r2.aof", Source::Recorded(REPLICAS[2], |_| {})),
    read("r0-zeroed-sector.aof", Source::Recorded(REPLICAS[0], |log| zero_sector_of(log, 2000))),
    read("desktop-tigerbeetle.aof", Source::Desktop("tigerbeetle", 8, |_| {})),
    read("desktop-crc.aof", Source::Desktop("crc", 8, |_| {})),
    read("crc.aof", Source::Desktop("crc", 100, |_| {})),
    read("crc-torn.aof", Source::Desktop("crc", 100, |log| log.truncate(log.len() - 30))),
    read("crc-flipped.aof", Source::Desktop("crc", 100, |log| flip(log, 20_000))),
    read("crc-zeroed-sector.aof", Source::Desktop("crc", 100, |log| zero_sector_of(log, 50))),
    read("crc-gap.aof", Source::Desktop("crc", 100, |log| cut_out(log, 50, 51))),
    read("crc-fork.aof", Source::Forked("crc")),
    read("fork.aof", Source::Forked("tigerbeetle")),
    write("write", "written-tigerbeetle.aof", Source::Device, &["tigerbeetle"]),
    write("write", "written-crc.aof", Source::Device, &["crc"]),
    write("memory", "memory-tigerbeetle.aof", Source::Device, &["tigerbeetle"]),
    write("memory", "memory-crc.aof", Source::Device, &["crc"]),
    write("nor", "nor-tigerbeetle.aof", Source::Device, &["tigerbeetle"]),
    write("nor", "nor-crc.aof", Source::Device, &["crc"]),
    read("written-tigerbeetle.aof", Source::Before),
    write("append", "written-tigerbeetle.aof", Source::Before, &["tigerbeetle", "92"]),
    write("append", "written-crc.aof", Source::Before, &["crc", "92"]),
    write("append", "appended-crc.aof", Source::Desktop("crc", 90, cut_last), &["crc", "11"]),
    write("append", "appended.aof", Source::Recorded(SMALL, cut_last), &["tigerbeetle", "20"]),
    refused("flipped.aof", Source::Recorded(SMALL, |log| flip(log, 100_000)), &["tigerbeetle", "1"]),
    refused("crc-flipped-last.aof", Source::Desktop("crc", 8, |log| flip_last(log)), &["crc", "1"]),
];

/// The cases of the program in C.
pub(super) fn cases_in_c() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.is_in_c()).chain(&CASES_IN_C)
}

/// Cases that only the program in C has: it begins logs by appending to empty ones.
static CASES_IN_C: [Case; 2] = [
    write("append", "begun-tigerbeetle.aof", Source::Empty, &["tigerbeetle", "100"]),
    write("append", "begun-crc.aof", Source::Empty, &["crc", "100"]),
];

/// Logs of the program in C that must be equal to the byte to the desktop's.
pub(super) const EQUAL_IN_C: [(&str, &str); 3] = [
    ("begun-tigerbeetle.aof", "tigerbeetle.aof"),
    ("begun-crc.aof", "crc.aof"),
    ("appended-crc.aof", "crc.aof"),
];

/// Logs that must be equal to the byte: the same entries, written by the desktop, and by the device in one
/// go, in two, in RAM, on NOR flash whose power was cut again and again, and behind a torn tail.
pub(super) const EQUAL: [(&str, &str); 7] = [
    ("memory-tigerbeetle.aof", "desktop-tigerbeetle.aof"),
    ("memory-crc.aof", "desktop-crc.aof"),
    ("nor-tigerbeetle.aof", "desktop-tigerbeetle.aof"),
    ("nor-crc.aof", "desktop-crc.aof"),
    ("written-crc.aof", "crc.aof"),
    ("appended-crc.aof", "crc.aof"),
    ("written-tigerbeetle.aof", "tigerbeetle.aof"),
];

const fn read(name: &'static str, source: Source) -> Case {
    Case { program: "read", name, source, words: &[], refused: false }
}

pub(super) const fn write(
    program: &'static str,
    name: &'static str,
    source: Source,
    words: &'static [&'static str],
) -> Case {
    Case { program, name, source, words, refused: false }
}

const fn refused(name: &'static str, source: Source, words: &'static [&'static str]) -> Case {
    Case { program: "append", name, source, words, refused: true }
}

fn flip_last(log: &mut [u8]) {
    log.iter_mut().next_back().into_iter().for_each(|byte| *byte ^= 1);
}

/// Cuts the log off `count` bytes behind the beginning of the entry number `index`.
fn cut_behind(log: &mut Vec<u8>, index: usize, count: usize) {
    log.truncate(entry(log, index).0 + count);
}

/// A torn tail: all of the last entry but its end.
pub(super) fn cut_last(log: &mut Vec<u8>) {
    log.truncate(log.len() - 9);
}

/// Zeroes the sector in which the entry number `index` begins.
fn zero_sector_of(log: &mut [u8], index: usize) {
    zero_sector(log, entry(log, index).0);
}

/// Writes the entry number `index` twice.
fn repeat(log: &mut Vec<u8>, index: usize) {
    let (start, end) = entry(log, index);
    let copy = log.get(start..end).unwrap_or_default().to_vec();
    log.splice(end..end, copy);
}

/// An entry of 1 MiB was begun and not finished, and its writer went on; what follows is shorter than what
/// is missing.
fn begun(log: &mut Vec<u8>) {
    let (first, _) = entry(log, 1);
    let before = log.get(..first).unwrap_or_default().to_vec();
    log.truncate(300_000);
    log.extend(before);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries without bodies and one of 4 bytes.
    fn log() -> Vec<u8> {
        let mut log = Vec::new();
        for size in [256_u32, 256, 260] {
            let start = log.len();
            log.resize(start + 16 + size as usize, 7);
            log[start + 112..start + 116].copy_from_slice(&size.to_le_bytes());
        }
        log
    }

    #[test]
    fn entries_are_found_by_their_sizes() {
        assert_eq!([0, 1, 2].map(|index| entry(&log(), index)), [(0, 272), (272, 544), (544, 820)]);
    }

    #[test]
    fn each_change_is_the_one_that_it_says() {
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut log = log();
            change(&mut log);
            log
        };
        assert_eq!(changed(|log| cut_out(log, 1, 2)).len(), 548);
        assert_eq!(changed(|log| repeat(log, 2)).len(), 820 + 276);
        assert_eq!(changed(|log| cut_behind(log, 2, 5)).len(), 549);
        let zeroed = changed(|log| zero_sector_of(log, 2));
        assert!(zeroed[512..].iter().all(|byte| *byte == 0) && zeroed[511] == 7);
    }

    #[test]
    fn names_are_not_used_twice_by_accident() {
        for (index, case) in CASES.iter().enumerate() {
            let before = CASES[..index].iter().any(|other| other.name == case.name);
            assert_eq!(before, matches!(case.source, Source::Before), "{}", case.name);
        }
    }
}
