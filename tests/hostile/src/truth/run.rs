//! Many cases, on all cores.

use super::check::{Broken, check};
use aof_tests::truth::Case;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failed cases by number, and what failed.
type Failures = Vec<(u64, String)>;

/// What many cases came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many cases there were.
    pub cases: u64,
    /// Those in which every true entry was intact somewhere.
    pub premises: u64,
    /// Those of them in which every true entry was anchored.
    pub anchored: u64,
    /// Those that failed in any way.
    pub failed: u64,
    /// How many failed by kind, and the first of them.
    pub kinds: BTreeMap<&'static str, (u64, Failures)>,
}

/// Failing cases of a kind that are shown.
const SHOWN_MAX: usize = 40;

/// Runs `count` cases from `first` on. All orders of the inputs are tried in one case of eight, or in all with
/// `thorough`.
#[must_use]
pub fn run(first: u64, count: u64, thorough: bool) -> Tally {
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let worker = || {
        let mut own = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let number = first + at;
            let case = Case::new(number);
            let result = std::panic::catch_unwind(|| check(&case, thorough || number.is_multiple_of(8)));
            let found = result.unwrap_or_else(|_| vec![Broken { kind: "panic", what: "see above".into() }]);
            let covered = case.covered();
            let anchored = covered.as_ref().map(|covered| case.is_anchored(covered));
            own.push((number, anchored, found));
        }
        let mut tally = tally.lock().unwrap();
        own.into_iter().for_each(|(number, anchored, found)| tally.add(number, anchored, found));
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut tally = tally.into_inner().unwrap();
    for (_, shown) in tally.kinds.values_mut() {
        shown.sort();
        shown.truncate(SHOWN_MAX);
    }
    tally
}

impl Tally {
    fn add(&mut self, number: u64, anchored: Option<bool>, found: Vec<Broken>) {
        self.cases += 1;
        self.premises += u64::from(anchored.is_some());
        self.anchored += u64::from(anchored == Some(true));
        self.failed += u64::from(!found.is_empty());
        for Broken { kind, what } in found {
            let (count, shown) = self.kinds.entry(kind).or_default();
            *count += 1;
            shown.push((number, what));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, premises, anchored, failed, .. } = self;
        writeln!(
            f,
            "{cases} cases, {premises} with every true entry intact somewhere, {anchored} with all of them anchored: \
             {failed} failed"
        )?;
        for (kind, (count, shown)) in &self.kinds {
            writeln!(f, "  {kind:20} {count:>7}")?;
            for (number, what) in shown {
                writeln!(f, "    AOF_CASE={number}: {what}")?;
            }
        }
        Ok(())
    }
}
