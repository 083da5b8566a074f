//! One file's facts and findings, from reading it whole: what `verify` prints.
//!
//! | module | what it is |
//! |---|---|
//! | [`whole`] | what segments give, put together; what a command wants to know beside it, see [`Gather`] |
//! | `part` | what one segment gives |
//! | [`record`] | what a range gave, in a file, to be put together elsewhere |

mod part;
pub mod record;
pub mod whole;

pub use whole::{Gather, Surveyed};

use crate::failure::Failure;
use crate::output::{Progress, WATCH};
use aof_nostd::chain::Relation;
use aof_nostd::{Damage, Profile};
use aof_std::Source;
use aof_std::scan::{Begin, Extract, Scan};
use record::{End, Head, Recorder};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use whole::Whole;

/// What a log holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Survey {
    /// The file.
    pub file: String,
    /// `tigerbeetle`, `crc`, or nothing where no entry tells.
    pub profile: Option<&'static str>,
    /// The cluster of the first entry.
    pub cluster: Option<String>,
    /// The file's size.
    pub bytes: u64,
    /// Valid entries, repeated ones included.
    pub entries: u64,
    /// Different ops among them.
    pub distinct_ops: u64,
    /// The lowest op.
    pub first_op: Option<u64>,
    /// The highest op.
    pub last_op: Option<u64>,
    /// Ops between them that no entry has, as ranges with both ends.
    pub missing_ops: Vec<(u64, u64)>,
    /// The checksum of the first entry in the file.
    pub first_checksum: Option<String>,
    /// The checksum of the last entry in the file.
    pub last_checksum: Option<String>,
    /// The reference's digest of what a replay sends.
    pub data_checksum_chain: String,
    /// What is not as in one unbroken chain, in the order of the file; where there are too many, faults
    /// before all else.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub findings_omitted: u64,
    /// How many of all findings, kept or not, are faults.
    pub faults: u64,
    /// Zeros that end the file, bytes: the free space of a device.
    pub zeros: u64,
    /// Every byte belongs to a valid entry or to the zeros that end a device, and there is no fork.
    pub sound: bool,
}

/// Bytes of the smallest segment, and entries of any: what entries give of one stays in a core's cache.
const SEGMENT_SIZE_MIN: u64 = 2 << 20;
const SEGMENT_ENTRIES: u64 = 8192;

/// A range of a file, and how it is read.
#[derive(Clone, Debug)]
pub struct Ranged {
    /// Its first byte.
    pub from: u64,
    /// The first byte behind it.
    pub until: u64,
    /// Where reading begins.
    pub begin: Begin,
    /// The largest message.
    pub message_size_max: u32,
}

/// Why a range was not read to its end.
#[derive(Debug)]
pub enum RangeError {
    /// The file cannot be read.
    Read(io::Error),
    /// The record cannot be written.
    Record(io::Error),
}

/// Findings kept per file: a hostile file could have one every 272 bytes.
const FINDINGS_MAX: usize = 100_000;

/// Findings that are kept: the first faults, and the first of the others in the room that these leave.
#[derive(Debug, Default)]
struct Findings {
    faults: Vec<Finding>,
    others: Vec<Finding>,
    faults_count: u64,
    others_count: u64,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        let (kept, count) = if finding.is_fault() {
            (&mut self.faults, &mut self.faults_count)
        } else {
            (&mut self.others, &mut self.others_count)
        };
        *count += 1;
        if kept.len() < FINDINGS_MAX {
            kept.push(finding);
        }
    }

    /// Those kept, in the order of the file, and how many there are beyond them.
    fn finish(self) -> (Vec<Finding>, u64) {
        let mut kept = self.faults;
        let room = FINDINGS_MAX - kept.len();
        kept.extend(self.others.into_iter().take(room));
        kept.sort_by_key(|finding| finding.offset); // no two are at one place
        let omitted = self.faults_count + self.others_count - kept.len() as u64;
        (kept, omitted)
    }
}

/// The kind of finding that is a device's free space.
pub const ZERO_TAIL: &str = "zero-tail";

/// Something that is not as in one unbroken chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `magic`, `header-checksum`, `header-invalid`, `body-checksum`, `torn-tail`, `zero-tail`, `backtrack`,
    /// `gap` or `fork`.
    pub kind: &'static str,
    /// Where, bytes from the file's beginning.
    pub offset: u64,
    /// The op there, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<u64>,
    /// Damage and zeros: bytes that belong to no entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// A gap: the first and the last op missing there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<(u64, u64)>,
    /// In words.
    pub detail: String,
    /// The op there, or else the last one before: for a place on a map. Not printed.
    #[serde(skip)]
    pub near: Option<u64>,
}

impl Finding {
    /// Whether it makes the file unsound rather than only unordered.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self.kind, "backtrack" | "gap" | ZERO_TAIL)
    }

    /// Zeros from `from` to the end of a file of `bytes`.
    #[must_use]
    pub fn zeros(from: u64, bytes: u64) -> Self {
        Self {
            kind: ZERO_TAIL,
            offset: from,
            op: None,
            size: Some(bytes.saturating_sub(from)),
            missing: None,
            detail: "zeros to the end: a device's free space, or a tail that was never written".into(),
            near: None,
        }
    }

    /// Damage up to `until`.
    #[must_use]
    pub fn damage(damage: Damage, until: u64) -> Self {
        Self {
            kind: damage.kind.name(),
            offset: damage.offset,
            op: damage.op.map(|op| op.0),
            size: Some(until.saturating_sub(damage.offset)),
            missing: None,
            detail: damage.kind.to_string(),
            near: damage.op.map(|op| op.0),
        }
    }

    /// How the entry at `offset` stands to those before it, where that is worth telling.
    #[must_use]
    pub fn relation(relation: Relation, offset: u64, op: u64) -> Option<Self> {
        let missing = match relation {
            Relation::First | Relation::Linked => return None,
            Relation::Gap { first, last } => Some((first.0, last.0)),
            _ => None,
        };
        // The same entry once more is the shortest way back.
        let kind = if relation == Relation::Repeated { "backtrack" } else { relation.name() };
        let detail = relation.to_string();
        Some(Self { kind, offset, op: Some(op), size: None, missing, detail, near: Some(op) })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(op) = self.op {
            write!(f, " (op {op})")?;
        }
        write!(f, ": {}: {}", self.kind, self.detail)?;
        match self.size {
            Some(size) => write!(f, " ({size} bytes belong to no entry)"),
            None => Ok(()),
        }
    }
}

/// A scan of a file that is surveyed.
fn scan(source: &Source, message_size_max: u32) -> io::Result<Scan<'_>> {
    let scan = Scan::detect(source, aof_std::backend())?.with_message_size_max(message_size_max);
    Ok(scan.with_watch(&WATCH).with_segment_entries(SEGMENT_SIZE_MIN, SEGMENT_ENTRIES))
}

impl Survey {
    /// Whether two histories stand in it: two entries of one op, or entries of two clusters.
    #[must_use]
    pub fn is_forked(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind == "fork")
    }

    /// Reads all that starts in a range of a file, which is called `path`, and puts it on `record` too, if there is
    /// one. What comes before the range is not known: its first entry has no relation to it.
    ///
    /// # Errors
    ///
    /// See [`RangeError`].
    pub fn of_range<W: Write>(
        source: &Source,
        path: &Path,
        range: &Ranged,
        record: Option<W>,
    ) -> Result<(Self, End, Option<W>), RangeError> {
        let range_size = range.until.saturating_sub(range.from);
        let progress = Progress::new("verify", range_size.min(source.size()));
        let scan = scan(source, range.message_size_max).map_err(RangeError::Read)?;
        let profile = scan.profile().map(|profile| profile.name());
        let head = Head {
            file: path.to_string_lossy().into_owned(),
            file_size: source.size(),
            from: range.from,
            until: range.until,
            profile: profile.map(str::to_owned),
            message_size_max: range.message_size_max,
        };
        let mut recorder =
            record.map(|record| Recorder::new(record, &head)).transpose().map_err(RangeError::Record)?;
        let mut whole = Whole::<()>::of(source.size());
        let mut recorded = Ok(());
        let extract = whole.read(&scan, range.from..range.until, range.begin, |part| {
            if let Some(recorder) = &mut recorder
                && recorded.is_ok()
            {
                recorded = recorder.part(part);
                if recorded.is_err() {
                    WATCH.stop.store(true, Ordering::Relaxed); // the rest is of no use
                }
            }
            progress.show();
        });
        recorded.map_err(RangeError::Record)?;
        let Extract { first, next, is_last } = extract.map_err(RangeError::Read)?;
        let end = End { first, next, is_last };
        let record = recorder.map(|recorder| recorder.end(&end)).transpose().map_err(RangeError::Record)?;
        Ok((whole.finish(path, profile).survey, end, record))
    }

    /// Reads the file at `path` whole.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`].
    pub fn of(path: &Path, message_size_max: u32) -> Result<Self, Failure> {
        Self::with::<()>("verify", path, message_size_max).map(|surveyed| surveyed.survey)
    }

    /// The same of a file that is open, and is called `path`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of_source(source: &Source, path: &Path, message_size_max: u32) -> io::Result<Self> {
        Self::gather::<()>("verify", source, path, message_size_max).map(|surveyed| surveyed.survey)
    }

    /// The same, and what `G` gathers; `what` names the work while it goes on.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`], [`Failure::Interrupted`].
    pub fn with<G: Gather>(
        what: &'static str,
        path: &Path,
        message_size_max: u32,
    ) -> Result<Surveyed<G>, Failure> {
        let surveyed =
            Source::open(path).and_then(|source| Self::gather(what, &source, path, message_size_max));
        surveyed.map_err(|error| Failure::read(path, error))
    }

    fn gather<G: Gather>(
        what: &'static str,
        source: &Source,
        path: &Path,
        message_size_max: u32,
    ) -> io::Result<Surveyed<G>> {
        let progress = Progress::new(what, source.size());
        let scan = scan(source, message_size_max)?;
        let mut whole = Whole::<G>::of(source.size());
        whole.read(&scan, 0..u64::MAX, Begin::AtBoundary, |_| progress.show())?;
        Ok(whole.finish(path, scan.profile().map(|profile| profile.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: &'static str, offset: u64) -> Finding {
        Finding { kind, offset, op: None, size: None, missing: None, detail: String::new(), near: None }
    }

    #[test]
    fn faults_are_kept_however_much_harmless_comes_before_them() {
        let mut findings = Findings::default();
        let count = FINDINGS_MAX as u64 + 7;
        for offset in 0..count {
            findings.push(finding("backtrack", offset));
        }
        findings.push(finding("body-checksum", count));
        let (kept, omitted) = findings.finish();
        assert_eq!((kept.len(), omitted), (FINDINGS_MAX, 8));
        assert!(kept.is_sorted_by_key(|finding| finding.offset));
        assert_eq!(kept.last(), Some(&finding("body-checksum", count)));
    }

    #[test]
    fn faults_alone_are_bounded_too() {
        let mut findings = Findings::default();
        for offset in 0..FINDINGS_MAX as u64 + 5 {
            findings.push(finding("magic", offset * 2));
            findings.push(finding("gap", offset * 2 + 1));
        }
        assert_eq!(findings.faults_count, FINDINGS_MAX as u64 + 5);
        let (kept, omitted) = findings.finish();
        assert_eq!((kept.len(), omitted), (FINDINGS_MAX, FINDINGS_MAX as u64 + 10));
        assert!(kept.iter().all(Finding::is_fault));
    }
}
