//! Logs that real replicas wrote, and ways to change a copy of one.

/// 300 entries of a single replica.
pub(super) const SMALL: &str = "tests/data/single/small-bodies.aof";
/// 5 entries, two of them with bodies of 1 MiB: a thousand times a device's buffer.
pub(super) const LARGE: &str = "tests/data/single/large-bodies.aof";
/// Three replicas of one cluster: back after restarts, ahead after state syncs.
pub(super) const REPLICAS: [&str; 3] =
    ["tests/data/cluster/r0.aof", "tests/data/cluster/r1.aof", "tests/data/cluster/r2.aof"];

/// A log that is read on a device.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where it was recorded.
    pub(super) recorded: &'static str,
    /// Its name on the device, or the device's name.
    pub(super) name: &'static str,
    /// What is changed before.
    pub(super) change: fn(&mut Vec<u8>),
}

pub(super) const fn reading(recorded: &'static str, name: &'static str, change: fn(&mut Vec<u8>)) -> Reading {
    Reading { recorded, name, change }
}

/// Where the entries of a sound log end, by the sizes in their headers.
pub(super) fn ends(log: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut offset = 0;
    while let Some(size) = log.get(offset + 112..offset + 116).and_then(|bytes| bytes.try_into().ok()) {
        offset += 16 + u32::from_le_bytes(size) as usize;
        ends.push(offset);
    }
    ends
}

/// Where the entry number `index` of a sound log begins and ends; the last one's, if there are fewer.
pub(super) fn entry(log: &[u8], index: usize) -> (usize, usize) {
    let ends = ends(log);
    let index = index.min(ends.len().saturating_sub(1));
    let start = index.checked_sub(1).and_then(|before| ends.get(before));
    (start.copied().unwrap_or(0), ends.get(index).copied().unwrap_or(log.len()))
}

/// Flips a bit of this byte.
pub(super) fn flip(log: &mut [u8], byte: usize) {
    if let Some(byte) = log.get_mut(byte) {
        *byte ^= 1;
    }
}

/// Zeroes the sector in which `byte` lies: 512 bytes that were never written.
pub(super) fn zero_sector(log: &mut [u8], byte: usize) {
    log.iter_mut().skip(byte / 512 * 512).take(512).for_each(|byte| *byte = 0);
}

/// Takes the entries from number `first` to before number `end` out: a gap.
pub(super) fn cut_out(log: &mut Vec<u8>, first: usize, end: usize) {
    let (first, end) = (entry(log, first).0, entry(log, end).0);
    log.drain(first..end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Root;

    #[test]
    fn entries_end_where_their_headers_say() {
        let mut log = std::fs::read(Root::find().unwrap().path(SMALL)).unwrap();
        let ends = ends(&log);
        assert_eq!((ends.len(), ends.last()), (300, Some(&log.len())));
        assert!(super::ends(&[]).is_empty());
        assert_eq!(entry(&log, 0), (0, ends[0]));
        assert_eq!(entry(&log, 7), (ends[6], ends[7]));
        assert_eq!(entry(&log, 1000), (ends[298], ends[299]));
        let seven = log[ends[6]..ends[7]].to_vec();
        cut_out(&mut log, 5, 7);
        assert_eq!(log[ends[4]..][..seven.len()], seven);
    }
}
