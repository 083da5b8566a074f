//! What the segments of a log give, put together in order.

use super::{Finding, Findings, Survey};
use crate::data_checksum::{DataBytes, DataChecksum};
use aof_nostd::chain::{Chain, ChainLink};
use aof_nostd::{Checksum, Damage, Header, Located};
use aof_std::Runs;
use aof_std::scan::Sink;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a command wants to know of the entries beside a [`Survey`]: gathered by the workers of a scan, each
/// for its segment, and put together in the order of the file.
pub trait Gather: Default + Send {
    /// Takes the next entry's header.
    fn entry(&mut self, header: &Header);

    /// Takes what the next segment gave.
    fn append(&mut self, next: Self);
}

/// Nothing beside.
impl Gather for () {
    fn entry(&mut self, _: &Header) {}

    fn append(&mut self, (): ()) {}
}

/// A survey, and what was gathered on the way.
#[derive(Debug)]
pub struct Surveyed<G> {
    /// The facts and findings.
    pub survey: Survey,
    /// What was gathered beside.
    pub gathered: G,
    /// The file's entries, by op.
    pub chain: Chain<Runs>,
}

/// What one segment gives.
#[derive(Debug, Default)]
pub(crate) struct Part<G> {
    pub(super) events: Vec<Seen>,
    pub(super) data: DataBytes,
    pub(super) cluster: Option<u128>,
    pub(super) gathered: G,
}

/// What stands in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Entry(u64, ChainLink),
    Damage(Damage, u64),
    /// Damage, as it was recorded elsewhere.
    Found(Box<Finding>),
    Zeros(u64),
    /// The entries from here on are of this cluster.
    Cluster(u128),
}

impl<G: Gather> Sink for Part<G> {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        self.data.push(header);
        self.gathered.entry(header);
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

/// Parts that were taken, to be filled again: their memory costs more to get and to give back than to fill.
#[derive(Debug, Default)]
pub(super) struct Spare<G>(Mutex<Vec<Part<G>>>);

impl<G: Gather> Spare<G> {
    pub(super) fn part(&self) -> Part<G> {
        self.lock().pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, part: Part<G>) {
        self.lock().push(part);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part<G>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the segments together: of one file, or of several that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Whole<G> {
    /// All files' bytes.
    bytes: u64,
    /// Where the file begins that is being read.
    base: u64,
    zeros: u64,
    entries: u64,
    cluster: Option<u128>,
    first: Option<Checksum>,
    chain: Chain<Runs>,
    data: DataChecksum,
    findings: Findings,
    gathered: G,
}

impl<G: Gather> Whole<G> {
    /// Of a file of so many bytes.
    pub(super) fn of(bytes: u64) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Goes on with another file, of so many bytes.
    pub(crate) fn next_file(&mut self, bytes: u64) {
        self.base = self.bytes;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes all that a part holds.
    pub(crate) fn take(&mut self, part: &mut Part<G>) {
        self.data.update(&part.data);
        part.data.clear();
        self.gathered.append(std::mem::take(&mut part.gathered));
        part.cluster = None;
        let mut cluster = 0; // each part tells before its first entry
        for seen in part.events.drain(..) {
            match seen {
                Seen::Cluster(of) => cluster = of,
                Seen::Entry(offset, link) => self.entry(self.base.saturating_add(offset), cluster, link),
                Seen::Damage(damage, until) => {
                    let mut finding = Finding::damage(damage, until);
                    finding.offset = self.base.saturating_add(finding.offset);
                    self.place(finding);
                }
                Seen::Found(finding) => {
                    let offset = self.base.saturating_add(finding.offset);
                    self.place(Finding { offset, ..*finding });
                }
                Seen::Zeros(from) => {
                    let from = self.base.saturating_add(from);
                    self.zeros = self.zeros.saturating_add(self.bytes.saturating_sub(from));
                    self.place(Finding::zeros(from, self.bytes));
                }
            }
        }
    }

    /// A finding that is no entry: it stands behind the last one.
    fn place(&mut self, finding: Finding) {
        let near = finding.near.or(self.chain.last().map(|last| last.op.0));
        self.findings.push(Finding { near, ..finding });
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
                near: Some(link.op.0),
            });
        } else if let Some(finding) = Finding::relation(relation, offset, link.op.0) {
            self.findings.push(finding);
        }
    }

    /// All that is known, of the log called `path`.
    pub(crate) fn finish(self, path: &Path, profile: Option<&'static str>) -> Surveyed<G> {
        let history = self.chain.history();
        let faults = self.findings.faults_count;
        let (findings, findings_omitted) = self.findings.finish();
        let survey = Survey {
            file: path.to_string_lossy().into_owned(),
            profile,
            cluster: self.cluster.map(|cluster| cluster.to_string()),
            bytes: self.bytes,
            entries: self.entries,
            distinct_ops: history.ops(),
            first_op: history.first_op().map(|op| op.0),
            last_op: history.last_op().map(|op| op.0),
            missing_ops: history.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect(),
            first_checksum: self.first.map(|checksum| checksum.to_string()),
            last_checksum: self.chain.last().map(|link| link.checksum.to_string()),
            data_checksum_chain: self.data.finish().to_string(),
            sound: faults == 0,
            findings,
            findings_omitted,
            faults,
            zeros: self.zeros,
        };
        Surveyed { survey, gathered: self.gathered, chain: self.chain }
    }
}
