//! What the segments of a log give, put together in order.

use super::finding::Findings;
use super::fingerprints::Fingerprints;
use super::part::{Part, Run, Seen, Spare};
use super::times::{TimeBack, Times};
use super::zeros::ZerosAre;
use super::{Finding, Survey};
use crate::data_checksum::DataChecksum;
use crate::fingerprint::Fingerprint;
use aof_nostd::chain::{Chain, ChainLink, History as _};
use aof_nostd::{Checksum, Header};
use aof_std::Runs;
use aof_std::scan::{Begin, Extract, Scan};
use std::io;
use std::ops::Range;
use std::path::Path;

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
    /// The bytes of these entries.
    pub fingerprints: Fingerprints,
}

/// Puts the segments together: of one file, or of several that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Whole<G> {
    /// All files' bytes.
    bytes: u64,
    /// Where the file begins that is being read.
    base: u64,
    /// Whether it is a device.
    is_device: bool,
    zeros: u64,
    zeros_are: Option<ZerosAre>,
    entries: u64,
    cluster: Option<u128>,
    first: Option<Checksum>,
    chain: Chain<Runs>,
    fingerprints: Fingerprints,
    data: DataChecksum,
    replayed: u64,
    times: Times,
    times_back: u64,
    first_time_back: Option<TimeBack>,
    findings: Findings,
    gathered: G,
}

impl<G: Gather> Whole<G> {
    /// Of a file of so many bytes, or of a device.
    pub(super) fn of(bytes: u64, is_device: bool) -> Self {
        Self { bytes, is_device, ..Self::default() }
    }

    /// Continues with another file, of so many bytes, or with a device.
    pub(crate) fn next_file(&mut self, bytes: u64, is_device: bool) {
        self.base = self.bytes;
        self.is_device = is_device;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Reads a range of a file, and takes what it holds. `look` sees each part before, with its entries' digests if it
    /// wants them.
    pub(super) fn read(
        &mut self,
        scan: &Scan<'_>,
        range: Range<u64>,
        begin: Begin,
        with_digests: bool,
        mut look: impl FnMut(&Part<G>),
    ) -> io::Result<Extract> {
        let spare = Spare::of(with_digests);
        let take = |mut part| {
            look(&part);
            self.take(&mut part);
            spare.give_back(part);
        };
        scan.run_range(range, begin, || spare.part(), take)
    }

    /// Takes all that a part holds.
    pub(crate) fn take(&mut self, part: &mut Part<G>) {
        self.data.update(&part.data);
        self.replayed += part.data.entries();
        self.gathered.append(std::mem::take(&mut part.gathered));
        let mut cluster = 0; // each part tells before its first entry
        for seen in part.seen() {
            match seen {
                Seen::Cluster(of) => cluster = of,
                Seen::Run(run) => self.run(cluster, &run),
                Seen::Damage(damage, until) => {
                    let mut finding = Finding::damage(damage, until);
                    finding.offset = self.base.saturating_add(finding.offset);
                    self.place(finding);
                }
                Seen::Found(finding) => {
                    let offset = self.base.saturating_add(finding.offset);
                    self.place(Finding { offset, ..finding.clone() });
                }
                Seen::Zeros(from) => {
                    let from = self.base.saturating_add(from);
                    self.zeros = self.zeros.saturating_add(self.bytes.saturating_sub(from));
                    let are = ZerosAre::of(self.bytes.saturating_sub(self.base), self.is_device);
                    self.zeros_are = self.zeros_are.max(Some(are));
                    self.place(Finding::zeros(from, self.bytes, are));
                }
            }
        }
    }

    /// A finding that is no entry: it stands behind the last one.
    fn place(&mut self, finding: Finding) {
        let near = finding.near.or(self.chain.last().map(|last| last.op.0));
        self.findings.push(Finding { near, ..finding });
    }

    /// Entries that continue each other: mostly there is nothing to tell but of the first one.
    fn run(&mut self, cluster: u128, run: &Run<'_>) {
        let (mut checksums, mut fingerprints) = (run.checksums, run.fingerprints);
        let mut entries = run.entries();
        while let Some((offset, link, time)) = entries.next()
            && let Some(fingerprint) = fingerprints.split_off_first()
        {
            self.entry(self.base.saturating_add(offset), cluster, link, *fingerprint, time);
            checksums = checksums.get(1..).unwrap_or_default();
            if self.cluster == Some(cluster) {
                let ops = self.chain.history().ops();
                let taken = self.chain.follow(checksums);
                self.entries += taken as u64;
                // All of them are new, or none is.
                let is_new = self.chain.history().ops() > ops;
                checksums = checksums.get(taken..).unwrap_or_default();
                let followed = fingerprints.split_off(..taken).unwrap_or_default();
                let forged = self.compare(link.op.0.saturating_add(1), followed);
                if !forged.is_empty() {
                    self.forged(&forged, entries.clone().take(taken));
                }
                self.follow_times(entries.by_ref().take(taken), is_new);
                if checksums.is_empty() {
                    return;
                }
            }
        }
    }

    /// Compares entries that follow each other with those known before, which have the same checksums. Gives the
    /// ops of those that have other bytes, and what the ones known before are.
    fn compare(&mut self, op: u64, followed: &[Fingerprint]) -> Vec<(u64, Fingerprint)> {
        let mut forged = Vec::new();
        self.fingerprints.take(op, followed, |op, first| forged.push((op, first)));
        forged
    }

    /// Finds those of `entries` that were forged.
    fn forged(
        &mut self,
        forged: &[(u64, Fingerprint)],
        entries: impl Iterator<Item = (u64, ChainLink, u64)>,
    ) {
        let mut forged = forged.iter().peekable();
        for (offset, link, _) in entries {
            if let Some((op, first)) = forged.next_if(|(op, _)| *op == link.op.0) {
                self.findings.push(Finding::forged(*first, self.base.saturating_add(offset), *op));
            }
        }
    }

    /// Compares the times of entries that continue the last one.
    fn follow_times(&mut self, entries: impl Iterator<Item = (u64, ChainLink, u64)>, is_new: bool) {
        let base = self.base;
        let entries = entries.map(|(offset, link, time)| (base.saturating_add(offset), link.checksum, time));
        let mut found = Vec::new();
        self.times.follow(entries, is_new, |back| found.push(back));
        found.iter().for_each(|back| self.time_back(back));
    }

    fn time_back(&mut self, back: &TimeBack) {
        self.times_back += 1;
        // An entry that came late may be one that is earlier in the file.
        if self.first_time_back.is_none_or(|first| back.offset < first.offset) {
            self.first_time_back = Some(*back);
        }
        self.findings.push(Finding::time_back(back));
    }

    fn entry(&mut self, offset: u64, cluster: u128, link: ChainLink, fingerprint: Fingerprint, time: u64) {
        self.entries += 1;
        self.first.get_or_insert(link.checksum);
        let expected = *self.cluster.get_or_insert(cluster);
        let ops = self.chain.history().ops();
        let relation = self.chain.push(link);
        let mut forged = None;
        self.fingerprints.take(link.op.0, &[fingerprint], |_, first| forged = Some(first));
        // With another checksum it is an ordinary fork.
        let has_checksum = |known: ChainLink| known.checksum == link.checksum;
        let forged = forged.filter(|_| self.chain.history().get(link.op).is_some_and(has_checksum));
        let is_new = self.chain.history().ops() > ops;
        let mut found = Vec::new();
        self.times.entry(offset, link, time, is_new, |back| found.push(back));
        found.iter().for_each(|back| self.time_back(back));
        if cluster != expected {
            self.findings.push(Finding::stranger(cluster, expected, offset, link.op.0));
        } else if let Some(first) = forged {
            self.findings.push(Finding::forged(first, offset, link.op.0));
        } else if let Some(finding) = Finding::relation(relation, offset, link.op.0) {
            self.findings.push(finding);
        }
    }

    /// All that is known, of the log called `path`.
    pub(crate) fn finish(self, path: &Path, profile: Option<&'static str>) -> Surveyed<G> {
        let history = self.chain.history();
        let faults = self.findings.faults_count;
        let (backtracks, gaps) = (self.findings.backtracks, self.findings.gaps);
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
            replayed_entries: self.replayed,
            times_back: self.times_back,
            first_time_back: self.first_time_back,
            not_a_log: None,
            sound: faults == 0,
            findings,
            findings_omitted,
            faults,
            backtracks,
            gaps,
            zeros: self.zeros,
            zeros_are: self.zeros_are,
        };
        Surveyed { survey, gathered: self.gathered, chain: self.chain, fingerprints: self.fingerprints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::{Damage, DamageKind, Op};
    use aof_std::scan::Sink as _;
    use proptest::prelude::*;

    /// What stands in a log, made up.
    #[derive(Clone, Debug)]
    enum Made {
        Entry(ChainLink, Fingerprint, u64),
        Cluster(u128),
        Damage,
        Zeros,
    }

    /// A stretch of one of three histories, which know each other's entries in part, or something between.
    fn made() -> impl Strategy<Value = Vec<Made>> {
        let kinds = (0_u128..4, 0_u8..40, 0..3);
        let stretch = (1_u64..40, 1_u64..20, kinds).prop_map(|(first, count, (kind, forged, time_kind))| {
            let checksum = move |op: u64| match kind {
                0 => u128::from(op / 3), // neighbours with one checksum
                1 if op > 20 => 1000 + u128::from(op),
                _ => 50 + u128::from(op),
            };
            let link = move |op| ChainLink {
                op: Op(op),
                checksum: Checksum::new(checksum(op)),
                parent: Checksum::new(checksum(op - 1)),
            };
            let fingerprint = move |op| Fingerprint::of_digest(&[u8::from(op == u64::from(forged)); 32]);
            let time = move |op: u64| if time_kind == 0 { op } else { op * 7 % 11 };
            (first..first + count).map(|op| Made::Entry(link(op), fingerprint(op), time(op))).collect()
        });
        prop_oneof![
            12 => stretch,
            1 => (0_u128..2).prop_map(|cluster| vec![Made::Cluster(cluster)]),
            2 => Just(vec![Made::Damage]),
            1 => Just(vec![Made::Zeros]),
        ]
    }

    /// The survey, as JSON, of parts of `size` events each.
    fn surveyed(all: &[Made], size: usize) -> serde_json::Value {
        let mut whole = Whole::<()>::of(1 << 20, false);
        let (mut offset, mut cluster) = (0, 0);
        for made in all.chunks(size) {
            let mut part = Part::default();
            part.push_cluster(cluster);
            for made in made {
                match made {
                    Made::Entry(link, fingerprint, time) => {
                        part.push_entry(offset, *link, *fingerprint, *time);
                    }
                    Made::Cluster(of) => {
                        cluster = *of;
                        part.push_cluster(cluster);
                    }
                    Made::Damage => {
                        let kind = DamageKind::BodyChecksum;
                        part.damage(Damage { offset, op: None, kind }, offset + 272);
                    }
                    Made::Zeros => part.zeros(offset),
                }
                offset += 272;
            }
            whole.take(&mut part);
        }
        let surveyed = whole.finish(Path::new("made.aof"), None);
        let near: Vec<_> = surveyed.survey.findings.iter().map(|finding| finding.near).collect();
        serde_json::json!([surveyed.survey, near, format!("{:?}", surveyed.chain)])
    }

    proptest! {
        /// Entry by entry, each a part of its own, is the simple way.
        #[test]
        fn runs_of_entries_give_what_they_give_one_by_one(
            all in prop::collection::vec(made(), 0..20).prop_map(|all| all.concat()),
            size in 1_usize..100,
        ) {
            prop_assert_eq!(surveyed(&all, size), surveyed(&all, 1));
        }
    }
}
