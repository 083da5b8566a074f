//! Any bytes as a file: read by several threads in tiny segments they give what one thread gives and what
//! the iterator over a slice finds; and what `aof verify` prints of them is what counting in plain code
//! gives.

use crate::input::Input;
use aof_cli::survey::Survey;
use aof_nostd::{Checker, Damage, Event, Located};
use aof_std::Source;
use aof_std::scan::{Scan, Sink};
use aof_tests::events::{Found, Seen, by_entries};
use arbitrary::Arbitrary;
use std::collections::BTreeMap;
use std::io::Write;

#[derive(Arbitrary, Debug)]
struct Case {
    /// A size limit that entries exceed, or the default.
    message_size_max: Option<u16>,
    segment_size: u16,
    input: Input,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

/// What a scan tells, as a list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    seen: Vec<Seen>,
    zeros: Option<u64>,
}

impl Sink for Told {
    fn entry(&mut self, located: Located<'_>) {
        self.seen.push(Event::Entry(located).into());
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.seen.push(Event::Damage(damage, until).into());
    }

    fn zeros(&mut self, from: u64) {
        assert_eq!(self.zeros.replace(from), None, "the end comes once");
    }
}

fn check(case: Case) {
    let (profile, log) = case.input.log();
    let limit = case.message_size_max.map_or(1 << 20, u32::from);
    let mut file = tempfile::NamedTempFile::new_in(crate::memory()).unwrap();
    file.write_all(&log).unwrap();
    let source = Source::from_file(file.reopen().unwrap()).unwrap();

    let scan = |threads, segment_size| {
        let scan =
            Scan::new(&source, profile).with_message_size_max(limit).with_threads(threads, segment_size);
        let mut told = Told::default();
        let take = |part: Told| {
            assert_eq!(told.zeros, None, "nothing comes behind the end");
            told.seen.extend(part.seen);
            told.zeros = part.zeros;
        };
        scan.run(Told::default, take).unwrap();
        told
    };
    let told = scan(1, 1 << 20);
    // At most some hundred segments: each wakes threads.
    let segment_size = 1 + u64::from(case.segment_size) % 4_096 + log.len() as u64 / 300;
    assert_eq!(scan(3, segment_size), told);
    compare(&log, &told, &by_entries(&log, Checker::new(profile).with_message_size_max(limit)));

    let survey = Survey::of(file.path(), limit).unwrap();
    assert_eq!(survey.bytes, log.len() as u64);
    if survey.profile == Some(aof_nostd::Profile::name(&profile)) {
        count(&survey, &told);
    }
}

/// A scan tells zeros at the end apart; all else is as the iterator has it.
fn compare(log: &[u8], told: &Told, expected: &[Seen]) {
    let zeros = log.iter().rev().take_while(|byte| **byte == 0).count();
    let end = told.zeros.unwrap_or(log.len() as u64);
    assert!(end >= (log.len() - zeros) as u64, "no byte of the free space is set");
    aof_tests::events::assert_cover(&told.seen, end);
    let entries = |seen: &[Seen]| seen.iter().filter(|seen| seen.is_entry()).copied().collect::<Vec<_>>();
    assert_eq!(entries(&told.seen), entries(expected));
    let places = |seen: &[Seen]| seen.iter().map(|seen| seen.offset).collect::<Vec<_>>();
    let before: Vec<_> = expected.iter().filter(|seen| seen.offset < end).copied().collect();
    assert_eq!(places(&told.seen), places(&before));
}

/// Counts what a survey tells, slowly.
fn count(survey: &Survey, told: &Told) {
    let mut ops: BTreeMap<u64, Vec<u128>> = BTreeMap::new();
    let mut entries = 0;
    for seen in &told.seen {
        if let Found::Entry { op, checksum } = seen.found {
            ops.entry(op).or_default().push(checksum);
            entries += 1;
        }
    }
    let damaged = (told.seen.len() as u64) - entries;
    assert_eq!(survey.entries, entries);
    assert_eq!(survey.distinct_ops, ops.len() as u64);
    assert_eq!(survey.first_op, ops.keys().next().copied());
    assert_eq!(survey.last_op, ops.keys().next_back().copied());
    let keys: Vec<u64> = ops.keys().copied().collect();
    let missing = keys.windows(2).filter(|pair| pair[1] - pair[0] > 1);
    let missing: Vec<_> = missing.map(|pair| (pair[0] + 1, pair[1] - 1)).collect();
    assert_eq!(survey.missing_ops, missing);
    let two_histories = ops.values().any(|all| all.iter().any(|checksum| *checksum != all[0]));
    assert!(survey.faults >= damaged + u64::from(two_histories));
    assert_eq!(survey.sound, survey.faults == 0);
    assert!(survey.findings.is_sorted_by_key(|finding| finding.offset));
    let faults = survey.findings.iter().filter(|finding| finding.is_fault()).count();
    assert_eq!((survey.faults, survey.findings_omitted), (faults as u64, 0));
}
