//! One file's facts and findings, from reading it whole: what `verify` prints.

use crate::data_checksum::{DataBytes, DataChecksum};
use crate::failure::Failure;
use crate::output::{Progress, WATCH};
use aof_nostd::chain::{Chain, ChainLink, Relation};
use aof_nostd::{Checksum, Damage, Located, Profile};
use aof_std::scan::{Scan, Sink};
use aof_std::{Runs, Source};
use serde::Serialize;
use std::fmt;
use std::io;
use std::path::Path;

/// What a log holds.
#[derive(Clone, Debug, Serialize)]
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
        Some(Self { kind, offset, op: Some(op), size: None, missing, detail: relation.to_string() })
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

/// What one segment gives.
#[derive(Debug, Default)]
struct Part {
    events: Vec<Seen>,
    data: DataBytes,
    cluster: Option<u128>,
}

#[derive(Debug)]
enum Seen {
    Entry(u64, ChainLink),
    Damage(Damage, u64),
    Zeros(u64),
    /// The entries from here on are of this cluster.
    Cluster(u128),
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        self.data.push(header);
        let cluster = header.cluster.get();
        if self.cluster != Some(cluster) {
            self.cluster = Some(cluster);
            self.events.push(Seen::Cluster(cluster));
        }
        self.events.push(Seen::Entry(located.offset, header.into()));
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.events.push(Seen::Damage(damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.events.push(Seen::Zeros(from));
    }
}

/// Puts the segments together.
#[derive(Debug, Default)]
struct Whole {
    bytes: u64,
    zeros: u64,
    entries: u64,
    cluster: Option<u128>,
    first: Option<Checksum>,
    chain: Chain<Runs>,
    data: DataChecksum,
    findings: Findings,
}

impl Whole {
    fn take(&mut self, part: &Part) {
        self.data.update(&part.data);
        let mut cluster = 0; // each part tells before its first entry
        for seen in &part.events {
            match *seen {
                Seen::Cluster(of) => cluster = of,
                Seen::Entry(offset, link) => self.entry(offset, cluster, link),
                Seen::Damage(damage, until) => self.findings.push(Finding::damage(damage, until)),
                Seen::Zeros(from) => {
                    self.zeros = self.bytes.saturating_sub(from);
                    self.findings.push(Finding::zeros(from, self.bytes));
                }
            }
        }
    }

    fn entry(&mut self, offset: u64, cluster: u128, link: ChainLink) {
        self.entries += 1;
        self.first.get_or_insert(link.checksum);
        let expected = *self.cluster.get_or_insert(cluster);
        let relation = self.chain.push(link);
        if cluster != expected {
            self.findings.push(Finding {
                kind: "fork",
                offset,
                op: Some(link.op.0),
                size: None,
                missing: None,
                detail: format!("an entry of cluster {cluster} in a log of cluster {expected}"),
            });
        } else if let Some(finding) = Finding::relation(relation, offset, link.op.0) {
            self.findings.push(finding);
        }
    }
}

impl Survey {
    /// Reads the file at `path` whole.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`].
    pub fn of(path: &Path, message_size_max: u32) -> Result<Self, Failure> {
        let survey = Source::open(path).and_then(|source| Self::of_source(&source, path, message_size_max));
        survey.map_err(|error| Failure::read(path, error))
    }

    /// The same of a file that is open, and is called `path`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of_source(source: &Source, path: &Path, message_size_max: u32) -> io::Result<Self> {
        let progress = Progress::new("verify", source.size());
        let scan = Scan::detect(source, aof_std::backend())?;
        let scan = scan.with_message_size_max(message_size_max).with_watch(&WATCH);
        let mut whole = Whole { bytes: source.size(), ..Whole::default() };
        scan.run(Part::default, |part| {
            whole.take(&part);
            progress.show();
        })?;
        let history = whole.chain.history();
        let faults = whole.findings.faults_count;
        let (findings, findings_omitted) = whole.findings.finish();
        Ok(Self {
            file: path.to_string_lossy().into_owned(),
            profile: scan.profile().map(|profile| profile.name()),
            cluster: whole.cluster.map(|cluster| cluster.to_string()),
            bytes: whole.bytes,
            entries: whole.entries,
            distinct_ops: history.ops(),
            first_op: history.first_op().map(|op| op.0),
            last_op: history.last_op().map(|op| op.0),
            missing_ops: history.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect(),
            first_checksum: whole.first.map(|checksum| checksum.to_string()),
            last_checksum: whole.chain.last().map(|link| link.checksum.to_string()),
            data_checksum_chain: whole.data.finish().to_string(),
            sound: faults == 0,
            findings,
            findings_omitted,
            faults,
            zeros: whole.zeros,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: &'static str, offset: u64) -> Finding {
        Finding { kind, offset, op: None, size: None, missing: None, detail: String::new() }
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
