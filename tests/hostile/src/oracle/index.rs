//! What the inputs hold, all of it in memory, 80 bytes an entry: [`Index`].

use aof_cli::fingerprint::Fingerprint;
use aof_cli::merge::index::{Conflict, Record};
use aof_nostd::{Checksum, Damage, Located, Profile};
use aof_std::Source;
use aof_std::scan::{Scan, Sink};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// An input, and what it holds.
#[derive(Debug)]
pub struct Input {
    /// `tigerbeetle`, `crc`, or nothing where no entry tells.
    pub profile: Option<aof_nostd::AnyProfile>,
    /// Valid entries, repeated ones included.
    pub entries: u64,
    /// Entries that were not taken, since they lie inside the body of a damaged one.
    pub nested: u64,
    /// Where entries of a cluster begin, and the cluster: one, unless logs were mixed up.
    pub clusters: Vec<(u64, u128)>,
    /// Damage, and where each ends.
    pub damage: Vec<(Damage, u64)>,
    /// Where the zeros begin that end the file: a device's free space, or a tail that was never written.
    pub zeros: Option<u64>,
}

/// What all inputs hold: their entries, sorted by op and checksum.
#[derive(Debug, Default)]
pub struct Index {
    /// The inputs, in the order given.
    pub inputs: Vec<Input>,
    records: Vec<Record>,
    /// Nested ones included.
    entries_read: u64,
}

/// Entries without damage between them.
#[derive(Clone, Copy, Debug)]
struct Run {
    damage_before: bool,
    damage_behind: bool,
    /// Its ops are above all before it and below all behind it, with room for a damaged entry on either side.
    is_in_order: bool,
    start: u64,
    end: u64,
    /// The checksum and op of its last entry.
    last: (Checksum, u64),
    /// The cluster of its first entry.
    cluster: u128,
}

impl Run {
    fn is_enclosed(&self) -> bool {
        self.damage_before && self.damage_behind
    }

    fn is_island(&self) -> bool {
        self.is_enclosed() && !self.is_in_order
    }
}

/// The extents of the runs that lie inside the body of a damaged entry, in one input.
fn nested(runs: &[Run], largest: &BTreeMap<(u64, Checksum), u64>, firm: &BTreeSet<u128>) -> Vec<(u64, u64)> {
    let mut nested = Vec::new();
    let mut before: Option<&Run> = None;
    for run in runs {
        // The child of the last entry should stand where that one ends. (One that stands in the run itself is
        // too short to reach from there over the run.)
        let covered = before.is_some_and(|before| {
            let child = largest.get(&(before.last.1, before.last.0));
            child.is_some_and(|size| run.end <= before.end.saturating_add(*size))
        });
        let foreign = !firm.is_empty() && !firm.contains(&run.cluster);
        if run.is_enclosed() && foreign || run.damage_before && covered {
            nested.push((run.start, run.end));
        } else {
            before = Some(run);
        }
    }
    nested
}

impl Index {
    /// Reads all inputs whole.
    pub fn read(paths: &[PathBuf], message_size_max: u32) -> Self {
        let mut index = Self::default();
        let mut runs = Vec::new();
        for path in paths {
            runs.push(index.read_input(&Source::open(path).unwrap(), message_size_max));
        }
        index.records.sort_unstable();
        index.drop_nested(&runs);
        index
    }

    fn read_input(&mut self, source: &Source, message_size_max: u32) -> Vec<Run> {
        let scan = Scan::detect(source, aof_std::backend()).unwrap();
        let scan = scan.with_message_size_max(message_size_max).with_threads(1, 32 << 20);
        let number = u32::try_from(self.inputs.len()).unwrap();
        let mut part = Part::default();
        scan.run(Part::default, |next| part.append(next)).unwrap();
        let runs = part.runs();
        self.inputs.push(Input {
            profile: scan.profile(),
            entries: part.records.len() as u64,
            nested: 0,
            clusters: part.clusters,
            damage: part.damage,
            zeros: part.zeros,
        });
        let mut run = runs.iter().peekable();
        let first = self.entries_read;
        self.entries_read += part.records.len() as u64;
        self.records.extend(part.records.into_iter().zip(first..).map(|(record, row)| {
            while run.next_if(|run| run.end <= record.offset).is_some() {}
            let island = run.peek().is_some_and(|run| run.is_island());
            Record { input: number, island, row, ..record }
        }));
        runs
    }

    /// Drops entries that lie inside the body of a damaged one. Two things give them away: some input holds
    /// the entry that should stand at the damage, and its size tells how far it reaches; or they are of a
    /// cluster that no log outside of damage has.
    ///
    /// All are judged before any is dropped, or the order of the inputs would matter: what is dropped from
    /// one may be what tells of another.
    fn drop_nested(&mut self, runs: &[Vec<Run>]) {
        let firm = runs.iter().flatten().filter(|run| !run.is_enclosed()).map(|run| run.cluster).collect();
        let largest = self.largest_children(runs);
        let nested: Vec<_> = runs.iter().map(|runs| nested(runs, &largest, &firm)).collect();
        if nested.iter().all(Vec::is_empty) {
            return;
        }
        // In order, and apart from each other.
        let is_nested = |input: usize, offset: u64| {
            let nested = nested.get(input).map_or(&[][..], Vec::as_slice);
            let behind = nested.partition_point(|&(start, _)| start <= offset);
            behind.checked_sub(1).and_then(|at| nested.get(at)).is_some_and(|&(_, end)| offset < end)
        };
        let inputs = &mut self.inputs;
        self.records.retain(|record| {
            let number = record.input as usize;
            let drop = is_nested(number, record.offset);
            if drop && let Some(input) = inputs.get_mut(number) {
                input.nested += 1;
            }
            !drop
        });
        for (number, input) in inputs.iter_mut().enumerate() {
            input.clusters.retain(|&(at, _)| !is_nested(number, at));
        }
    }

    /// The bytes of the largest child of each entry that damage follows. By one pass over the records: there
    /// may be as many damaged places as entries, and as many children of one entry.
    fn largest_children(&self, runs: &[Vec<Run>]) -> BTreeMap<(u64, Checksum), u64> {
        let before = runs.iter().flatten().filter(|run| run.damage_behind);
        let mut largest: BTreeMap<_, u64> = before.map(|run| ((run.last.1, run.last.0), 0)).collect();
        if !largest.is_empty() {
            for record in &self.records {
                let parent = record.op.checked_sub(1).map(|op| (op, record.parent));
                if let Some(size) = parent.and_then(|parent| largest.get_mut(&parent)) {
                    *size = record.size_disk.max(*size);
                }
            }
        }
        largest
    }

    /// All entries, copies included, by op and checksum.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// All entries with this op.
    #[must_use]
    pub fn at(&self, op: u64) -> &[Record] {
        let start = self.records.partition_point(|record| record.op < op);
        let rest = self.records.get(start..).unwrap_or(&[]);
        rest.get(..rest.partition_point(|record| record.op == op)).unwrap_or(&[])
    }

    /// All entries whose parent is the entry with this op and checksum.
    pub fn children(&self, op: u64, checksum: Checksum) -> impl Iterator<Item = &Record> {
        let next = op.checked_add(1).map_or(&[][..], |op| self.at(op));
        next.iter().filter(move |record| record.parent == checksum)
    }

    /// Why the inputs do not belong together, if they do not.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        let mut profile: Option<(u32, &'static str)> = None;
        let mut cluster: Option<(u32, u128, u64)> = None;
        for (number, input) in (0..).zip(&self.inputs) {
            // A magic alone is no entry.
            let profile_of_entries = input.profile.filter(|_| input.entries > 0);
            if let Some(name) = profile_of_entries.map(|profile| profile.name()) {
                let (first, expected) = *profile.get_or_insert((number, name));
                if name != expected {
                    return Some(Conflict::Profiles(first, number));
                }
            }
            for &(offset, id) in &input.clusters {
                let first = *cluster.get_or_insert((number, id, offset));
                if id != first.1 {
                    return Some(Conflict::Clusters(first, (number, id, offset)));
                }
            }
        }
        None
    }
}

/// What a segment of an input holds.
#[derive(Debug, Default)]
struct Part {
    records: Vec<Record>,
    damage: Vec<(Damage, u64)>,
    clusters: Vec<(u64, u128)>,
    zeros: Option<u64>,
}

impl Part {
    fn append(&mut self, mut next: Self) {
        self.records.append(&mut next.records);
        self.damage.append(&mut next.damage);
        self.zeros = next.zeros.or(self.zeros);
        for (offset, cluster) in next.clusters {
            self.note_cluster(offset, cluster);
        }
    }

    fn note_cluster(&mut self, offset: u64, cluster: u128) {
        // Behind damage anew: what was noted before it may lie in a body, and be dropped.
        let is_known = self.clusters.last().is_some_and(|&(at, last)| {
            last == cluster && self.damage.last().is_none_or(|(damage, _)| damage.offset < at)
        });
        if !is_known {
            self.clusters.push((offset, cluster));
        }
    }

    /// The entries between damages.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut damage = self.damage.iter().peekable();
        let mut clusters = self.clusters.iter().peekable();
        let mut cluster = 0; // the first entry has one
        for record in &self.records {
            while let Some(&(_, id)) = clusters.next_if(|(at, _)| *at <= record.offset) {
                cluster = id;
            }
            let mut damage_before = false;
            while damage.next_if(|(found, _)| found.offset < record.offset).is_some() {
                damage_before = true;
            }
            let last = (record.checksum, record.op);
            match runs.last_mut() {
                Some(run) if !damage_before => {
                    run.end = record.end();
                    run.last = last;
                }
                before => {
                    if let Some(before) = before {
                        before.damage_behind = true;
                    }
                    let (start, end) = (record.offset, record.end());
                    let (damage_behind, is_in_order) = (false, false);
                    runs.push(Run { damage_before, damage_behind, is_in_order, start, end, last, cluster });
                }
            }
        }
        if let (Some(run), Some(_)) = (runs.last_mut(), damage.peek()) {
            run.damage_behind = true;
        }
        let ops = |from: u64, until: u64| {
            self.records.iter().filter(move |record| from <= record.offset && record.offset < until)
        };
        for run in &mut runs {
            let highest_before = ops(0, run.start).map(|record| record.op).max();
            let lowest_behind = ops(run.end, u64::MAX).map(|record| record.op).min();
            run.is_in_order = ops(run.start, run.end).all(|record| {
                highest_before.is_some_and(|op| op < record.op && op + 1 < record.op)
                    && lowest_behind.is_some_and(|op| record.op < op && record.op + 1 < op)
            });
        }
        runs
    }
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        self.note_cluster(located.offset, header.cluster.get());
        self.records.push(Record {
            op: header.op.get(),
            checksum: header.checksum,
            parent: header.parent,
            input: 0,
            island: false,
            offset: located.offset,
            size_disk: header.size_disk(),
            row: 0,
            fingerprint: Fingerprint::of(located.entry),
        });
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.damage.push((damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.zeros = Some(from);
    }
}
