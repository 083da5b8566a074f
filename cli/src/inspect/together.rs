//! What several logs hold together: [`Together`].
//!
//! ```text
//! op        1    2    3    4    5    6    7
//! r0        #    #    .    .    .    #    #      lacks 3-5: r1 has 3, nobody has 4-5
//! r1        #    #    #    .    .    #    .      lacks 4-5, and 7: r0 has 7
//! together  #    #    #    .    .    #    #      a hole: 4-5
//! ```
//!
//! The first log that has an op speaks for it; a log that has another entry there, or another parent behind
//! it, is another history: a *fork*. So is an entry with the same checksum and different bytes, one of which was
//! forged. Memory: 24 bytes for each op of all logs, and as much for those of the log that is compared; for forks and for what could be filled, so many ranges at most.

use super::ranges::{self, Range};
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::survey::fingerprints::{Fingerprints, Originals};
use crate::survey::{Survey, original};
use aof_nostd::chain::{ChainLink, History};
use aof_nostd::{Checksum, Op};
use aof_std::Runs;
use serde::Serialize;
use std::path::PathBuf;

/// Two histories: ops of which two logs have different entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// The first of these ops.
    pub first_op: u64,
    /// The last.
    pub last_op: u64,
    /// The two logs, by their place among `files`.
    pub files: (usize, usize),
    /// The checksums that the two have for the first op: of an entry, or as the parent of the next.
    pub checksums: (String, String),
    /// The checksums are equal, and the bytes are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forged: Option<Forged>,
}

/// Two entries with one checksum and different bytes: at least one of them was forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forged {
    /// What the two are. Not printed.
    #[serde(skip)]
    pub(super) entries: (Fingerprint, Fingerprint),
    /// Where the two of the first op are stored, each in its log, where that is known.
    pub offsets: (Option<u64>, Option<u64>),
}

/// Ops that a log lacks, and who has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// The first of these ops.
    pub first_op: u64,
    /// The last.
    pub last_op: u64,
    /// The logs that have all of them, by their place among `files`. None: a hole.
    pub held_by: Vec<usize>,
}

/// Why logs do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Of two clusters.
    TwoClusters,
    /// Of two profiles.
    TwoProfiles,
}

/// What several logs hold together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Together {
    /// Why they do not belong together, and the two logs: then nothing below means anything.
    pub conflict: Option<(Conflict, usize, usize)>,
    /// The lowest op.
    pub first_op: Option<u64>,
    /// The highest op.
    pub last_op: Option<u64>,
    /// Different ops that one of the logs has.
    pub distinct_ops: u64,
    /// Ops between the ends that no log has.
    pub missing_ops: Vec<Range>,
    /// Two histories in different logs; those within one log are its findings.
    pub forks: Vec<Fork>,
    /// Forks beyond those kept.
    pub forks_omitted: u64,
    /// For each log what it lacks of the ops from the lowest to the highest, in pieces with the same holders.
    pub lacks: Vec<Vec<Lack>>,
    /// Pieces beyond those kept, over all logs.
    pub lacks_omitted: u64,
    /// One whole chain: no hole, no fork between the logs, and no conflict.
    pub whole: bool,
}

/// Forks kept: hostile logs could have one at every second op.
const FORKS_MAX: usize = 1000;

/// Pieces kept per log of what it lacks.
const LACKS_MAX: usize = 1000;

/// The ops that a log holds.
#[must_use]
pub fn held(survey: &Survey) -> Vec<Range> {
    match (survey.first_op, survey.last_op) {
        (Some(first), Some(last)) => ranges::without((first, last), &survey.missing_ops),
        _ => Vec::new(),
    }
}

impl Together {
    /// What a single log holds, without the memory that a comparison takes.
    #[must_use]
    pub fn of_one(survey: &Survey) -> Self {
        let hole = |&(first_op, last_op): &Range| Lack { first_op, last_op, held_by: Vec::new() };
        Self {
            first_op: survey.first_op,
            last_op: survey.last_op,
            distinct_ops: survey.distinct_ops,
            missing_ops: survey.missing_ops.clone(),
            lacks: vec![survey.missing_ops.iter().take(LACKS_MAX).map(hole).collect()],
            lacks_omitted: survey.missing_ops.len().saturating_sub(LACKS_MAX) as u64,
            whole: survey.first_op.is_some() && survey.missing_ops.is_empty(),
            ..Self::default()
        }
    }
}

/// Logs on their way together.
#[derive(Debug, Default)]
pub struct Builder {
    union: Runs,
    fingerprints: Fingerprints,
    held: Vec<Vec<Range>>,
    of: Vec<(Option<String>, Option<&'static str>)>,
    together: Together,
}

impl Builder {
    /// Takes the next log: its facts, its entries by op, and the bytes of these.
    pub fn add(&mut self, survey: &Survey, runs: &Runs, fingerprints: &Fingerprints) {
        // Where no entry is, a magic alone tells nothing.
        let profile = survey.profile.filter(|_| survey.entries > 0);
        self.of.push((survey.cluster.clone(), profile));
        self.held.push(held(survey));
        if self.together.conflict.is_none() {
            self.together.conflict = self.conflict();
        }
        if self.together.conflict.is_none() {
            for (first, parent, checksums) in runs.iter() {
                self.run(first.0, parent, checksums);
            }
            self.compare_bytes(runs, fingerprints);
        }
    }

    /// Compares the bytes of a log's entries with those of the same checksum that are known.
    fn compare_bytes(&mut self, runs: &Runs, fingerprints: &Fingerprints) {
        let mut forged = Vec::new();
        for (op, entries) in fingerprints.iter() {
            let union = &self.union;
            let checksum = |runs: &Runs, op| runs.get(Op(op)).map(|link| link.checksum);
            self.fingerprints.take(op, entries, |op, first| {
                let own = checksum(runs, op);
                // With another checksum it is reported as another history.
                if let Some(checksum) = own.filter(|_| own == checksum(union, op)) {
                    forged.push((op, checksum, first));
                }
            });
        }
        for (op, checksum, first) in forged {
            let other = fingerprints.get(op).unwrap_or_default();
            let entries = Forged { entries: (first, other), offsets: (None, None) };
            self.fork(op, checksum, checksum, Some(entries));
        }
    }

    fn conflict(&self) -> Option<(Conflict, usize, usize)> {
        let last = self.of.len().checked_sub(1)?;
        let (cluster, profile) = self.of.get(last)?;
        let differs = |other: &(Option<String>, Option<&'static str>)| {
            if matches!((other.1, profile), (Some(one), Some(other)) if one != *other) {
                Some(Conflict::TwoProfiles)
            } else if matches!((&other.0, cluster), (Some(one), Some(other)) if one != other) {
                Some(Conflict::TwoClusters)
            } else {
                None
            }
        };
        self.of.iter().enumerate().find_map(|(at, other)| Some((differs(other)?, at, last)))
    }

    /// Compares a run of a log's entries with what is known, and adds what is new.
    fn run(&mut self, first: u64, mut parent: Checksum, mut rest: &[Checksum]) {
        let mut op = first;
        if let Some(known) = before(op).and_then(|op| self.union.get(op)) {
            self.compare(known.op.0, &[known.checksum], &[parent]);
        }
        while let Some(&next) = rest.first() {
            let known = self.union.from(Op(op));
            let size = if known.is_empty() {
                // New, as far as the next that is known.
                let until = self.union.next_run(Op(op)).map_or(u64::MAX, |next| next.0);
                let room = usize::try_from(until - op).unwrap_or(usize::MAX).max(1).min(rest.len());
                let mut link = ChainLink { op: Op(op), checksum: next, parent };
                for (at, checksum) in (op..=u64::MAX).zip(rest.iter().take(room)) {
                    link = ChainLink { op: Op(at), checksum: *checksum, parent };
                    self.union.insert(link);
                    parent = *checksum;
                }
                let behind = link.op.next().and_then(|op| self.union.get(op));
                if let Some(behind) = behind {
                    self.compare(link.op.0, &[behind.parent], &[link.checksum]);
                }
                room
            } else {
                let size = known.len().min(rest.len());
                let (known, others) = (known.get(..size).unwrap_or(&[]), rest.get(..size).unwrap_or(&[]));
                if known != others {
                    let known = known.to_vec();
                    self.compare(op, &known, others);
                }
                parent = others.last().copied().unwrap_or(parent);
                size
            };
            rest = rest.get(size..).unwrap_or(&[]);
            op = op.saturating_add(size as u64);
        }
    }

    /// Tells of the forks between what is known of the ops from `op` on, and what the newest log has.
    fn compare(&mut self, op: u64, known: &[Checksum], others: &[Checksum]) {
        for (op, (known, other)) in (op..=u64::MAX).zip(known.iter().zip(others)) {
            if known != other {
                self.fork(op, *known, *other, None);
            }
        }
    }

    fn fork(&mut self, op: u64, known: Checksum, other: Checksum, forged: Option<Forged>) {
        let newest = self.held.len().saturating_sub(1);
        // The first that has the op spoke for it; of a parent, the one that has the op behind.
        let has = |op: u64| self.held.iter().take(newest).position(|held| ranges::holds(held, op));
        let first = has(op).or_else(|| op.checked_add(1).and_then(has)).unwrap_or(0);
        if let Some(last) = self.together.forks.last_mut()
            && last.files == (first, newest)
            && last.forged.is_some() == forged.is_some()
            && op.saturating_sub(last.last_op) <= 1
            && op >= last.last_op
        {
            last.last_op = op;
        } else if self.together.forks.len() < FORKS_MAX {
            self.together.forks.push(Fork {
                first_op: op,
                last_op: op,
                files: (first, newest),
                checksums: (known.to_string(), other.to_string()),
                forged,
            });
        } else {
            self.together.forks_omitted += 1;
        }
    }

    /// What they are together.
    #[must_use]
    pub fn finish(self) -> Together {
        let Self { union, held, mut together, .. } = self;
        if together.conflict.is_some() {
            return Together { lacks: held.iter().map(|_| Vec::new()).collect(), ..together };
        }
        together.first_op = union.first_op().map(|op| op.0);
        together.last_op = union.last_op().map(|op| op.0);
        together.distinct_ops = union.ops();
        together.missing_ops = union.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect();
        let extent = together.first_op.zip(together.last_op);
        for at in 0..held.len() {
            let (pieces, omitted) = extent.map(|extent| lacks(&held, at, extent)).unwrap_or_default();
            together.lacks_omitted += omitted;
            together.lacks.push(pieces);
        }
        together.whole =
            together.first_op.is_some() && together.missing_ops.is_empty() && together.forks.is_empty();
        together
    }
}

impl Together {
    /// Finds out where forged entries are stored: the logs that have some are read again. `paths` are those of
    /// `files`.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`], [`Failure::Interrupted`].
    pub fn locate(&mut self, paths: &[PathBuf], message_size_max: u32) -> Result<(), Failure> {
        for (number, path) in paths.iter().enumerate() {
            let mut wanted = Originals::default();
            for fork in &self.forks {
                for (_, fingerprint) in fork.forged_in(number) {
                    wanted.want(fork.first_op, fingerprint);
                }
            }
            if wanted.is_empty() {
                continue;
            }
            original::find_in(path, message_size_max, &mut wanted)
                .map_err(|error| Failure::read(path, error))?;
            for fork in &mut self.forks {
                let places: Vec<_> = fork.forged_in(number).collect();
                for (is_other, fingerprint) in places {
                    let place = wanted.place(fork.first_op, fingerprint);
                    if let Some(forged) = &mut fork.forged {
                        *(if is_other { &mut forged.offsets.1 } else { &mut forged.offsets.0 }) = place;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Fork {
    /// The forged entry that the log of this number has, and whether it is the other one of the two.
    fn forged_in(&self, number: usize) -> impl Iterator<Item = (bool, Fingerprint)> + use<> {
        let (files, forged) = (self.files, self.forged);
        let pairs =
            forged.map(|forged| [(files.0, false, forged.entries.0), (files.1, true, forged.entries.1)]);
        let of_log = pairs.into_iter().flatten().filter(move |(file, ..)| *file == number);
        of_log.map(|(_, is_other, fingerprint)| (is_other, fingerprint))
    }

    /// Two entries with one checksum and different bytes, in words; `names` are those of the two logs.
    #[must_use]
    pub fn forged_text(&self, names: (&str, &str)) -> Option<String> {
        let forged = self.forged?;
        let at = |offset: Option<u64>| offset.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let (one, other) = (at(forged.offsets.0), at(forged.offsets.1));
        Some(format!(
            "op {} in {}{one} and in {}{other} has the same checksum and different bytes: at least one of the two was \
             forged (checksums find accidents, not intent)",
            self.first_op, names.0, names.1
        ))
    }
}

fn before(op: u64) -> Option<Op> {
    op.checked_sub(1).map(Op)
}

/// What the log `at` lacks of `extent`, cut where another log begins or ends to have it: the first pieces, and how
/// many there are beyond them.
fn lacks(held: &[Vec<Range>], at: usize, extent: Range) -> (Vec<Lack>, u64) {
    let mut pieces: Vec<Lack> = Vec::new();
    let mut omitted = 0;
    let own = held.get(at).map(Vec::as_slice).unwrap_or_default();
    for (first, last) in ranges::without(extent, own) {
        let mut cuts = vec![first];
        for other in held {
            for (begin, end) in ranges::touching(other, (first, last)) {
                cuts.push(begin.max(first));
                cuts.extend(end.checked_add(1).filter(|behind| *behind <= last));
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        let ends = cuts.iter().skip(1).map(|next| next - 1).chain([last]);
        for (&first, last) in cuts.iter().zip(ends) {
            let holders = held.iter().enumerate().filter(|(_, other)| ranges::holds(other, first));
            let held_by: Vec<usize> = holders.map(|(at, _)| at).collect();
            match pieces.last_mut() {
                Some(piece) if piece.held_by == held_by && piece.last_op.checked_add(1) == Some(first) => {
                    piece.last_op = last;
                }
                _ => {
                    // One more than is told: it takes what goes on with the same holders.
                    if pieces.len() > LACKS_MAX {
                        pieces.pop();
                        omitted += 1;
                    }
                    pieces.push(Lack { first_op: first, last_op: last, held_by });
                }
            }
        }
    }
    omitted += pieces.len().saturating_sub(LACKS_MAX) as u64;
    pieces.truncate(LACKS_MAX);
    (pieces, omitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that has these ops, in history number `history` from op `from` on.
    fn log(ops: &[Range], history: u128, from: u64) -> (Survey, Runs, Fingerprints) {
        let (mut runs, mut fingerprints) = (Runs::default(), Fingerprints::default());
        let sum = |op: u64| Checksum::new(u128::from(op) + if op >= from { history << 64 } else { 0 });
        for &(first, last) in ops {
            for op in first..=last {
                runs.insert(ChainLink { op: Op(op), checksum: sum(op), parent: sum(op - 1) });
                let fingerprint = Fingerprint::of_digest(&[u8::try_from(op % 251).unwrap(); 32]);
                fingerprints.take(op, &[fingerprint], |_, _| ());
            }
        }
        let missing = runs.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect();
        let survey = Survey {
            cluster: Some("0".into()),
            profile: Some("crc"),
            entries: runs.ops(),
            first_op: runs.first_op().map(|op| op.0),
            last_op: runs.last_op().map(|op| op.0),
            missing_ops: missing,
            ..Survey::default()
        };
        (survey, runs, fingerprints)
    }

    fn together(logs: &[(Survey, Runs, Fingerprints)]) -> Together {
        let mut builder = Builder::default();
        for (survey, runs, fingerprints) in logs {
            builder.add(survey, runs, fingerprints);
        }
        builder.finish()
    }

    fn lack(first_op: u64, last_op: u64, held_by: &[usize]) -> Lack {
        Lack { first_op, last_op, held_by: held_by.to_vec() }
    }

    #[test]
    fn holes_and_who_fills_them_are_those_of_the_picture() {
        let together = together(&[log(&[(1, 2), (6, 7)], 0, 0), log(&[(1, 3), (6, 6)], 0, 0)]);
        assert_eq!((together.first_op, together.last_op, together.distinct_ops), (Some(1), Some(7), 5));
        assert_eq!(together.missing_ops, [(4, 5)]);
        assert_eq!(together.lacks[0], [lack(3, 3, &[1]), lack(4, 5, &[])]);
        assert_eq!(together.lacks[1], [lack(4, 5, &[]), lack(7, 7, &[0])]);
        assert!(!together.whole && together.forks.is_empty());
    }

    #[test]
    fn logs_that_fill_each_other_are_whole() {
        let all = together(&[log(&[(1, 3), (8, 9)], 0, 0), log(&[(2, 8)], 0, 0), log(&[], 0, 0)]);
        assert!(all.whole, "{all:?}");
        assert_eq!(
            all.lacks[2],
            [lack(1, 1, &[0]), lack(2, 3, &[0, 1]), lack(4, 7, &[1]), lack(8, 8, &[0, 1]), lack(9, 9, &[0])]
        );
        assert!(!together(&[log(&[], 0, 0)]).whole, "nothing is not whole");
    }

    #[test]
    fn two_histories_are_one_fork_with_its_two_logs() {
        let all = together(&[log(&[(1, 3)], 0, 0), log(&[(1, 9)], 0, 0), log(&[(1, 9)], 1, 5)]);
        assert_eq!(all.forks.len(), 1, "{:?}", all.forks);
        assert_eq!((all.forks[0].first_op, all.forks[0].last_op, all.forks[0].files), (5, 9, (1, 2)));
        assert!(!all.whole);
    }

    #[test]
    fn fork_shows_where_logs_only_touch() {
        // The one ends where the other begins, and they disagree about the parent.
        for logs in
            [[log(&[(1, 4)], 1, 4), log(&[(5, 9)], 0, 0)], [log(&[(5, 9)], 0, 0), log(&[(1, 4)], 1, 4)]]
        {
            let all = together(&logs);
            assert_eq!((all.forks.len(), all.forks[0].first_op, all.forks[0].files), (1, 4, (0, 1)));
        }
    }

    #[test]
    fn logs_of_two_clusters_make_nothing_together() {
        let (mut survey, runs, fingerprints) = log(&[(1, 4)], 0, 0);
        survey.cluster = Some("7".into());
        let all = together(&[log(&[], 0, 0), log(&[(1, 9)], 1, 0), (survey, runs, fingerprints)]);
        assert_eq!(all.conflict, Some((Conflict::TwoClusters, 0, 2)));
        assert!(!all.whole && all.forks.is_empty());
    }

    #[test]
    fn highest_op_there_is_does_not_overflow() {
        let last = [(u64::MAX - 1, u64::MAX)];
        let all = together(&[log(&[(1, 2)], 0, 0), log(&last, 0, 0), log(&last, 1, u64::MAX)]);
        assert_eq!(all.missing_ops, [(3, u64::MAX - 2)]);
        assert_eq!((all.forks.len(), all.forks[0].first_op), (1, u64::MAX));
        assert_eq!(all.lacks[0], [lack(3, u64::MAX - 2, &[]), lack(u64::MAX - 1, u64::MAX, &[1, 2])]);
    }

    /// Counting stopped at two thousand pieces.
    #[test]
    fn all_pieces_beyond_those_kept_are_counted() {
        let every_second: Vec<Range> = (0..3500).map(|at| (at * 2 + 1, at * 2 + 1)).collect();
        let all = together(&[log(&every_second, 0, 0), log(&[(1, 7000)], 0, 0)]);
        assert_eq!((all.lacks[0].len(), all.lacks[1].len()), (LACKS_MAX, 0));
        assert_eq!(all.lacks_omitted, 3500 - LACKS_MAX as u64);
        assert_eq!(all.lacks[0].last(), Some(&lack(2000, 2000, &[1])));
    }

    #[test]
    fn entries_with_one_checksum_and_different_bytes_are_a_fork_in_either_order() {
        let honest = log(&[(1, 9)], 0, 0);
        let mut forged = honest.clone();
        forged.2 = Fingerprints::default();
        for op in 1..=9 {
            let other = Fingerprint::of_digest(&[77; 32]);
            let fingerprint = if (4..=5).contains(&op) { other } else { honest.2.get(op).unwrap() };
            forged.2.take(op, &[fingerprint], |_, _| ());
        }
        for logs in [[honest.clone(), forged.clone()], [forged, honest]] {
            let all = together(&logs);
            assert_eq!(all.forks.len(), 1, "{:?}", all.forks);
            let fork = &all.forks[0];
            assert_eq!((fork.first_op, fork.last_op, fork.files), (4, 5, (0, 1)));
            assert!(fork.forged.is_some() && fork.checksums.0 == fork.checksums.1 && !all.whole);
        }
    }

    #[test]
    fn forks_are_bounded() {
        let (survey, runs, fingerprints) = log(&[(1, 5000)], 0, 0);
        let mut odd = Runs::default();
        for (first, _, sums) in runs.iter() {
            for (op, sum) in (first.0..).zip(sums) {
                let checksum = Checksum::new(sum.get() + u128::from(op % 2) * 77);
                odd.insert(ChainLink { op: Op(op), checksum, parent: Checksum::new(u128::from(op) - 1) });
            }
        }
        let all = together(&[(survey.clone(), runs, fingerprints.clone()), (survey, odd, fingerprints)]);
        assert_eq!(all.forks.len(), FORKS_MAX);
        assert!(all.forks_omitted > 0);
    }
}
