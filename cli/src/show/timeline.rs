//! Which ops a file has, and the times of those beside what is missing: [`Timeline`].
//!
//! The last entry up to a time is found by the times alone, which may go back (a device's clock). Whether an op that is
//! missing could be that entry shows in its neighbours:
//!
//! ```text
//! asked for: 15; found: op 3, time 10
//!
//! op     1    2         3     4         5          6    7         8
//! time   5    missing   10    missing   20         30   missing   12
//!             no: 5 to 10     yes: 10 to 20             yes: 30 to 12
//! ```
//!
//! An op is a candidate if it is missing between the entry found and the next entry of a later time, or between two entries
//! of which one is too early and the other too late.

use std::collections::BTreeMap;

/// Runs of ops that are kept; what is above the last of them is not judged. A hostile file could have one for each entry.
const RUNS_MAX: usize = 1 << 16;

/// Ops that follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    /// The times of its first and its last entry that have one.
    times: Option<(u64, u64)>,
}

impl Run {
    /// Both, which overlap or touch.
    fn joined(self, other: Self) -> Self {
        let (low, high) = if self.first <= other.first { (self, other) } else { (other, self) };
        let last_of = |run: Self| run.times.map(|(_, last)| last);
        let (first_time, last_time) = match high.last > low.last {
            true => (low.times.or(high.times), last_of(high).or(last_of(low))),
            false => (low.times.or(high.times), last_of(low).or(last_of(high))),
        };
        let times = first_time.map(|(first, _)| first).zip(last_time);
        Self { first: low.first, last: low.last.max(high.last), times }
    }

    /// Whether the other begins in it or right after it.
    fn reaches(&self, first: u64) -> bool {
        self.last.saturating_add(1) >= first
    }
}

/// The ops of a file, for a time that is asked for.
#[derive(Clone, Debug)]
pub struct Timeline {
    at: u64,
    /// The op of the entry found.
    op: u64,
    /// By their first op. No two touch each other.
    runs: BTreeMap<u64, Run>,
    /// The run that grows, and is not among them yet.
    current: Option<Run>,
    /// The lowest op above the one found that has a later time than the one asked for.
    later: Option<u64>,
    /// Nothing is known of the ops from here on.
    until: u64,
}

impl Timeline {
    /// Of a file in which `op` is the last entry up to `at`.
    #[must_use]
    pub fn new(at: u64, op: u64) -> Self {
        Self { at, op, runs: BTreeMap::new(), current: None, later: None, until: u64::MAX }
    }

    /// Takes an entry; a time of 0 is none.
    pub fn entry(&mut self, op: u64, time: u64) {
        if time > self.at && op > self.op {
            self.later = Some(self.later.map_or(op, |later| later.min(op)));
        }
        let times = (time != 0).then_some((time, time));
        let run = Run { first: op, last: op, times };
        match &mut self.current {
            Some(current) if current.last.checked_add(1) == Some(op) => *current = current.joined(run),
            current => {
                if let Some(done) = current.replace(run) {
                    self.insert(done);
                }
            }
        }
    }

    /// Takes what the next part of the file has.
    pub fn join(&mut self, next: Self) {
        self.later = [self.later, next.later].into_iter().flatten().min();
        self.until = self.until.min(next.until);
        for run in self.current.take().into_iter().chain(next.runs.into_values()).chain(next.current) {
            self.insert(run);
        }
    }

    fn insert(&mut self, mut run: Run) {
        let before = self.runs.range(..=run.first).next_back().map(|(_, before)| *before);
        if let Some(before) = before.filter(|before| before.reaches(run.first)) {
            self.runs.remove(&before.first);
            run = before.joined(run);
        }
        while let Some((&first, &after)) = self.runs.range(run.first..).next()
            && run.reaches(first)
        {
            self.runs.remove(&first);
            run = run.joined(after);
        }
        self.runs.insert(run.first, run);
        if self.runs.len() > RUNS_MAX
            && let Some((first, _)) = self.runs.pop_last()
        {
            self.until = self.until.min(first);
        }
    }

    /// The lowest op above the one found that has a later time than the one asked for.
    #[must_use]
    pub fn later(&self) -> Option<u64> {
        self.later
    }

    /// The ops that the file lacks, and of which one may be the entry of that time, as ranges with both ends.
    #[must_use]
    pub fn missing(mut self) -> Vec<(u64, u64)> {
        if let Some(run) = self.current.take() {
            self.insert(run);
        }
        let runs: Vec<Run> = self.runs.into_values().filter(|run| run.first < self.until).collect();
        // Of what comes after a gap, the first time: of runs without one that of a later run.
        let mut after = Vec::with_capacity(runs.len());
        let mut time = None;
        for run in runs.iter().rev() {
            time = run.times.map(|(first, _)| first).or(time);
            after.push(time);
        }
        let mut after = after.into_iter().rev().skip(1);
        let (mut before, mut missing) = (None, Vec::new());
        for pair in runs.windows(2) {
            let [run, next] = pair else { continue };
            before = run.times.map(|(_, last)| last).or(before);
            let gap = (run.last.saturating_add(1), next.first.saturating_sub(1));
            let is_between = gap.0 > self.op && self.later.is_none_or(|later| gap.1 < later);
            let sides = before.zip(after.next().flatten());
            let is_passed = sides.is_some_and(|(before, after)| (before <= self.at) != (after <= self.at));
            if is_between || is_passed {
                missing.push(gap);
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The ops that may be the last entry up to `at`, in a file of these ops and times.
    fn missing(file: &[(u64, u64)], at: u64) -> Vec<(u64, u64)> {
        let time = file.iter().map(|(_, time)| *time).filter(|time| *time != 0 && *time <= at).max().unwrap();
        let op = file.iter().filter(|(_, it)| *it == time).map(|(op, _)| *op).max().unwrap();
        let mut timeline = Timeline::new(at, op);
        file.iter().for_each(|(op, time)| timeline.entry(*op, *time));
        timeline.missing()
    }

    #[test]
    fn nothing_is_missing_where_all_ops_are_there_whatever_their_times() {
        for times in
            [&[10, 1, 20][..], &[10, 0, 20], &[10, 1, 1, 1, 20], &[20, 10, 5], &[0, 10, 0], &[5, 30, 10, 40]]
        {
            let file: Vec<_> = (1..).zip(times.iter().copied()).collect();
            assert_eq!(missing(&file, 15), [], "{times:?}");
        }
    }

    #[test]
    fn ops_are_candidates_that_are_missing_where_the_time_passes_the_one_asked_for() {
        assert_eq!(missing(&[(1, 10), (3, 20)], 15), [(2, 2)]);
        assert_eq!(missing(&[(1, 10), (3, 5), (4, 20)], 15), [(2, 2)], "the time goes back");
        assert_eq!(missing(&[(1, 10), (2, 5), (5, 6), (6, 20)], 15), [(3, 4)]);
        assert_eq!(missing(&[(1, 10), (3, 0), (4, 20)], 15), [(2, 2)], "no time");
        assert_eq!(
            missing(&[(1, 5), (3, 10), (5, 20), (7, 30)], 15),
            [(4, 4)],
            "the one before is too early"
        );
        assert_eq!(missing(&[(1, 10), (2, 20), (4, 30)], 15), [], "the one after is too late");
        assert_eq!(missing(&[(1, 20), (3, 10), (4, 30)], 15), [(2, 2)], "from too late to too early");
        assert_eq!(missing(&[(1, 20), (3, 0), (4, 10), (5, 30)], 15), [(2, 2)]);
        assert_eq!(missing(&[(1, 10), (3, 5), (5, 20)], 15), [(2, 2), (4, 4)]);
        assert_eq!(missing(&[(1, 10), (3, 5)], 15), [(2, 2)], "nothing later is there");
    }

    #[test]
    fn repeats_and_late_ops_fill_what_seemed_to_be_missing() {
        assert_eq!(missing(&[(1, 10), (4, 20), (2, 11), (3, 12), (1, 10)], 15), []);
        assert_eq!(missing(&[(1, 10), (2, 12), (5, 20), (1, 10), (2, 12), (3, 13)], 15), [(4, 4)]);
    }

    proptest! {
        /// In parts and at once, with repeats, in any order.
        #[test]
        fn parts_together_are_the_whole(
            file in prop::collection::vec(0_usize..30, 1..60),
            times in prop::collection::vec(0_u64..40, 30..31),
            cuts in prop::collection::vec(0_usize..60, 0..4),
        ) {
            let at = 20;
            let file: Vec<_> = file.into_iter().map(|op| (op as u64, times[op])).collect();
            let mut whole = Timeline::new(at, 5);
            file.iter().for_each(|(op, time)| whole.entry(*op, *time));
            let mut joined = Timeline::new(at, 5);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
            cuts.extend([0, file.len()]);
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                let mut part = Timeline::new(at, 5);
                file[cut[0]..cut[1]].iter().for_each(|(op, time)| part.entry(*op, *time));
                joined.join(part);
            }
            prop_assert_eq!(joined.later(), whole.later());
            let (joined, whole) = (joined.missing(), whole.missing());
            prop_assert_eq!(&joined, &whole);
            for (first, last) in whole {
                prop_assert!((first..=last).all(|op| file.iter().all(|(it, _)| *it != op)));
            }
        }
    }
}
