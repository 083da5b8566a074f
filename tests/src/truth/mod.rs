//! Logs of a cluster whose truth is known, with entries planted in the bodies.
//!
//! ```text
//! number --> truth (one chain; bodies hold plants) --> lines (what each replica wrote) --> damage --> logs
//! ```
//!
//! A [`Case`] knows which entry was written at which byte of which log, and which bytes changed afterwards. No
//! rule of a reader or of a merge is in here: whether an entry is true is answered by comparing bytes with the
//! generator's own.
//!
//! The bodies are made as an attacker can make them: the body of an op may hold anything that can be computed
//! from the entries below that op. He knows the sizes of later entries, and no checksum of them.
//!
//! ```
//! use aof_tests::truth::Case;
//!
//! let case = Case::new(7);
//! assert_eq!(Case::new(7).logs[0].bytes, case.logs[0].bytes);
//! assert!(!case.truth.entries.is_empty());
//! ```
#![allow(clippy::cast_possible_truncation, reason = "sizes and counts of small logs")]

mod body;
mod harm;
mod line;
mod premise;
mod shown;

use crate::build::{PROFILES, entry_bytes};
use crate::random::Random;
use aof_nostd::checksum::{AnyProfile, Checksum};
use aof_nostd::wire::{HEAD_SIZE, Header, Operation};
use std::ops::Range;

/// One cluster, and the logs that are left of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// All that is needed to make it again.
    pub number: u64,
    /// What the cluster committed.
    pub truth: Truth,
    /// What the replicas' files hold.
    pub logs: Vec<Log>,
}

/// What a cluster committed: one chain.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The profile of all logs.
    pub profile: AnyProfile,
    /// By op, without a gap.
    pub entries: Vec<True>,
}

/// A true entry.
#[derive(Clone, Debug)]
pub struct True {
    /// Its header, sealed.
    pub header: Header,
    /// Magic, header and body.
    pub bytes: Vec<u8>,
    /// What was planted in the body.
    pub plants: Vec<Plant>,
}

/// Something that was planted in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plant {
    /// What it is, for messages.
    pub what: String,
    /// Where it is in the entry's bytes.
    pub range: Range<usize>,
}

/// A file.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What its replica wrote, in the order of the file.
    pub placed: Vec<Placed>,
    /// What happened to it afterwards, for messages.
    pub harms: Vec<String>,
}

/// A true entry, or its first bytes, in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number in [`Truth::entries`].
    pub entry: usize,
    /// Its first byte; negative where the file's beginning was cut.
    pub at: isize,
    /// How many of its bytes were written.
    pub kept: usize,
}

impl True {
    /// Its number in the cluster's log.
    #[must_use]
    pub const fn op(&self) -> u64 {
        self.header.op.get()
    }
}

impl Log {
    /// The bytes that are left of what was placed, from its byte `from` up to its byte `to`, if all of them are.
    fn left(&self, placed: &Placed, from: usize, to: usize) -> Option<&[u8]> {
        let start = usize::try_from(placed.at.checked_add_unsigned(from)?).ok()?;
        let end = usize::try_from(placed.at.checked_add_unsigned(to)?).ok()?;
        self.bytes.get(start..end).filter(|_| to <= placed.kept)
    }

    /// Whether a true entry is where it was written, bit for bit.
    #[must_use]
    pub fn is_intact(&self, truth: &Truth, placed: &Placed) -> bool {
        let bytes = &truth.entries[placed.entry].bytes;
        self.left(placed, 0, bytes.len()) == Some(bytes)
    }

    /// Whether magic and header are where they were written, bit for bit.
    #[must_use]
    pub fn has_head(&self, truth: &Truth, placed: &Placed) -> bool {
        let bytes = &truth.entries[placed.entry].bytes;
        self.left(placed, 0, HEAD_SIZE) == Some(&bytes[..HEAD_SIZE])
    }

    /// The number of the piece that `at` lies in, behind its first byte: as its content.
    #[must_use]
    pub fn around(&self, at: usize) -> Option<usize> {
        let at = isize::try_from(at).ok()?;
        self.placed.iter().position(|placed| placed.at < at && at < placed.at + placed.kept.cast_signed())
    }

    /// The zeros that end the file.
    #[must_use]
    pub fn zeros(&self) -> usize {
        self.bytes.iter().rev().take_while(|byte| **byte == 0).count()
    }
}

impl Case {
    /// The case with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let mut random = Random::new(number.wrapping_mul(0x9e37_79b9).wrapping_add(0x7275));
        let truth = Truth::random(&mut random);
        let count = 1 + random.below(4);
        let mut logs: Vec<Log> = (0..count).map(|_| line::line(&truth, &mut random)).collect();
        // Half of the cases keep the premise: whatever was written somewhere stays intact somewhere.
        let keep = random.one_in(2);
        if keep && premise::covered(&truth, &logs).is_none() {
            let all = line::all(&truth);
            let at = random.below(logs.len() + 1);
            if at < logs.len() && random.one_in(2) { logs[at] = all } else { logs.insert(at, all) }
        }
        harm::harm(&truth, &mut logs, keep, &mut random);
        Self { number, truth, logs }
    }

    /// The same truth with other logs.
    #[must_use]
    pub fn with_logs(&self, logs: Vec<Log>) -> Self {
        Self { number: self.number, truth: self.truth.clone(), logs }
    }

    /// The premise: the true entries that are intact somewhere, if nothing else is left that could be taken for one.
    #[must_use]
    pub fn covered(&self) -> Option<Range<usize>> {
        premise::covered(&self.truth, &self.logs)
    }

    /// Whether the logs show that these entries are the true ones, whatever the bodies hold.
    #[must_use]
    pub fn is_anchored(&self, covered: &Range<usize>) -> bool {
        let (anchored, pieces) = premise::anchored(&self.truth, &self.logs, covered.start);
        let is_decided = premise::is_decided(&self.truth, &self.logs, &pieces);
        is_decided && anchored[covered.clone()].iter().all(|anchored| *anchored)
    }

    /// For each log how many of its pieces, from the first on, are known to be where the log has them.
    #[must_use]
    pub fn anchored_pieces(&self) -> Vec<usize> {
        let intact = premise::intact(&self.truth, &self.logs);
        let lowest = intact.iter().position(|intact| *intact).unwrap_or(0);
        premise::anchored(&self.truth, &self.logs, lowest).1
    }

    /// Whether a true entry is intact somewhere, where it was written.
    #[must_use]
    pub fn is_intact(&self, entry: usize) -> bool {
        premise::intact(&self.truth, &self.logs)[entry]
    }

    /// The true entry with this op.
    #[must_use]
    pub fn at(&self, op: u64) -> Option<usize> {
        self.truth.entries.iter().position(|entry| entry.op() == op)
    }
}

impl Truth {
    fn random(random: &mut Random) -> Self {
        let profile = PROFILES[usize::from(random.one_in(3))];
        let most = if random.one_in(2) { 8 } else { 38 };
        let count = 3 + random.below(most);
        let sizes = body::Sizes::random(random, count);
        let root = if random.one_in(3) { 1 + random.below(60) as u64 } else { 1 };
        let mut first = Header::new();
        first.op = root.into();
        first.cluster = if random.one_in(2) { 0 } else { 0x00c1_u128 << 64 }.into();
        first.parent = Checksum::new(if root == 1 { 0 } else { u128::from(random.next_u64()) });
        first.view = 3.into();
        first.release = 0x0001_0203.into();
        let density = random.below(4);
        let mut truth = Self { profile, entries: Vec::new() };
        for number in 0..count {
            let mut header = match truth.entries.last() {
                Some(last) => child(&last.header),
                None => first,
            };
            header.operation = Operation::CREATE_TRANSFERS.0;
            header.timestamp = (1_000_000 + number as u64 * 1_000).into();
            header.request = (number as u32).into();
            let maker = body::Maker { truth: &truth, first: &header_before(&first), sizes: &sizes, number };
            let (body, plants) = maker.body(density, random);
            header.seal(&profile, &body).expect("bodies are small");
            let bytes = entry_bytes(profile, &header, &body);
            truth.entries.push(True { header, bytes, plants });
        }
        truth
    }
}

/// An unsealed header of the entry behind `last`.
fn child(last: &Header) -> Header {
    let mut header = *last;
    header.commit = last.op;
    header.op = (last.op.get() + 1).into();
    header.parent = last.checksum;
    header
}

/// A header whose child could be the first entry: the cluster's root, as everybody knows it.
fn header_before(first: &Header) -> Header {
    let mut header = *first;
    header.checksum = first.parent;
    header.op = (first.op.get() - 1).into();
    header.commit = 0.into();
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_as_promised() {
        let (mut premises, mut plants, mut logs, mut harms) = (0, 0, 0, 0);
        for number in 0..300 {
            let case = Case::new(number);
            assert!((3..=40).contains(&case.truth.entries.len()) && (1..=5).contains(&case.logs.len()));
            premises += usize::from(case.covered().is_some());
            plants += case.truth.entries.iter().map(|entry| entry.plants.len()).sum::<usize>();
            logs += case.logs.len();
            harms += case.logs.iter().map(|log| log.harms.len()).sum::<usize>();
            for pair in case.truth.entries.windows(2) {
                assert_eq!(pair[1].header.parent, pair[0].header.checksum);
            }
        }
        assert!(
            premises > 150 && plants > 2_000 && logs > 600 && harms > 500,
            "{premises} {plants} {logs} {harms}"
        );
    }
}
