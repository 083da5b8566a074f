//! Where the time goes back along the chain: `Times`.
//!
//! Each entry is compared with its parent, wherever in the file that is:
//!
//! ```text
//! file   | op 1 | op 2 | op 5 | op 6 | op 3 | op 4 |      5 is compared with 4 when 4 appears
//! times  |  10  |  20  |  50  |  60  |  30  |  40  |      sound: no op has an earlier time than its parent
//! ```
//!
//! An entry that the file repeats has its old time, and is not compared again. A time of 0 is no time: such an entry
//! counts as if it had the time of its parent.

use aof_nostd::Checksum;
use aof_nostd::chain::ChainLink;
use serde::Serialize;
use std::collections::BTreeMap;

/// Places in the file where a run of ops begins or ends that are remembered, to compare what appears later with them. A
/// replica's log has a few; a hostile one could have one for each entry.
const EDGES_MAX: usize = 1 << 16;

/// A place where the time goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeBack {
    /// The entry with an earlier time than its parent's.
    pub op: u64,
    /// The first byte of that entry.
    pub offset: u64,
    /// By how many nanoseconds it is earlier.
    pub by: u64,
}

/// An entry, as far as times go.
#[derive(Clone, Copy, Debug)]
struct Timed {
    op: u64,
    checksum: Checksum,
    /// Its time, or the time of the last entry before it in the chain that has one; 0 if there is none.
    time: u64,
}

/// The first entry of a run whose parent has not appeared yet.
#[derive(Clone, Copy, Debug)]
struct Head {
    parent: Checksum,
    time: u64,
    offset: u64,
}

/// Compares times along the chain, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Times {
    last: Option<Timed>,
    /// The last entries of runs, by op.
    tails: BTreeMap<u64, Timed>,
    /// The first entries of runs, by op.
    heads: BTreeMap<u64, Head>,
}

impl Times {
    /// Takes the next entry; `is_new`: the file had no entry of this op before. Passes each place where the time goes back
    /// to `found`.
    pub(super) fn entry(
        &mut self,
        offset: u64,
        link: ChainLink,
        time: u64,
        is_new: bool,
        mut found: impl FnMut(TimeBack),
    ) {
        let op = link.op.0;
        let is_parent = |known: &Timed| op.checked_sub(1) == Some(known.op) && known.checksum == link.parent;
        let continued = self.last.filter(is_parent);
        let parent = continued.or_else(|| self.tails.get(&op.checked_sub(1)?).copied().filter(is_parent));
        let before = parent.map_or(0, |parent| parent.time);
        let timed = Timed { op, checksum: link.checksum, time: if time == 0 { before } else { time } };
        if is_new {
            back(before, time, op, offset).map(&mut found);
            self.child(&timed).map(&mut found);
            if parent.is_none() && self.heads.len() < EDGES_MAX {
                self.heads.insert(op, Head { parent: link.parent, time, offset });
            }
        }
        if continued.is_none() {
            self.end_run();
        }
        self.last = Some(timed);
    }

    /// Takes entries that continue the last one: their offsets, checksums and times, in order.
    pub(super) fn follow(
        &mut self,
        entries: impl Iterator<Item = (u64, Checksum, u64)>,
        is_new: bool,
        mut found: impl FnMut(TimeBack),
    ) {
        let Some(mut last) = self.last else { return };
        for (offset, checksum, time) in entries {
            last.op = last.op.saturating_add(1);
            if is_new {
                back(last.time, time, last.op, offset).map(&mut found);
            }
            last.checksum = checksum;
            if time != 0 {
                last.time = time;
            }
        }
        self.last = Some(last);
    }

    /// Compares an entry that is new with its child, if that came before it in the file.
    fn child(&mut self, parent: &Timed) -> Option<TimeBack> {
        let op = parent.op.checked_add(1)?;
        let head = *self.heads.get(&op).filter(|head| head.parent == parent.checksum)?;
        self.heads.remove(&op);
        back(parent.time, head.time, op, head.offset)
    }

    /// The next entry does not continue the last one: another may do so later.
    fn end_run(&mut self) {
        if let Some(last) = self.last
            && self.tails.len() < EDGES_MAX
        {
            self.tails.entry(last.op).or_insert(last);
        }
    }
}

/// The place where the time goes back from `before`, if it does.
fn back(before: u64, time: u64, op: u64, offset: u64) -> Option<TimeBack> {
    let by = before.checked_sub(time).filter(|by| *by > 0 && time != 0)?;
    Some(TimeBack { op, offset, by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::Op;

    /// The places found in a file of these ops and times.
    fn places(file: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let (mut times, mut found, mut known) = (Times::default(), Vec::new(), Vec::new());
        for (at, (op, time)) in file.iter().enumerate() {
            let sum = |op: u64| Checksum::new(u128::from(op));
            let link = ChainLink { op: Op(*op), checksum: sum(*op), parent: sum(op - 1) };
            let is_new = !known.contains(op);
            known.push(*op);
            times.entry(at as u64, link, *time, is_new, |back| found.push((back.op, back.by)));
        }
        found
    }

    #[test]
    fn each_entry_is_compared_with_its_parent_wherever_that_is() {
        assert_eq!(places(&[(1, 10), (2, 20), (3, 20), (4, 30)]), []);
        assert_eq!(places(&[(1, 10), (2, 4), (3, 3), (4, 30)]), [(2, 6), (3, 1)]);
        assert_eq!(
            places(&[(1, 10), (3, 5), (4, 6)]),
            [],
            "op 2 is missing: its neighbours are not compared"
        );
        let late = [(1, 10), (2, 20), (5, 50), (6, 60), (3, 30), (4, 40), (7, 70)];
        assert_eq!(places(&late), []);
        let late = [(1, 10), (2, 20), (5, 50), (6, 60), (3, 15), (4, 55), (7, 59)];
        assert_eq!(places(&late), [(3, 5), (5, 5), (7, 1)]);
    }

    #[test]
    fn repeats_have_their_old_times_and_are_not_compared_again() {
        let file = [(1, 10), (2, 5), (3, 6), (1, 10), (2, 5), (3, 6), (4, 7), (4, 7)];
        assert_eq!(places(&file), [(2, 5)]);
    }

    #[test]
    fn entry_without_a_time_has_that_of_its_parent() {
        assert_eq!(places(&[(1, 10), (2, 0), (3, 0), (4, 20)]), []);
        assert_eq!(places(&[(1, 10), (2, 0), (3, 4)]), [(3, 6)]);
        assert_eq!(places(&[(1, 0), (2, 0), (3, 4)]), []);
    }
}
