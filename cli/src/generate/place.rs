//! One file: what stands where in it, and what `aof verify` has to find there.
//!
//! A [`FileBuilder`] is told what comes next. It knows the offset, and keeps the ops that a reader has seen by
//! then: so it tells the findings by the rules of `docs/format.md`, without reading anything. That they are what
//! a reader finds is a test of both.

use super::offsets::Offsets;
use crate::survey::{Finding, Kind};
use aof_nostd::chain::Relation;
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Damage, DamageKind, ForeignMagic, Op};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is written, from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Whole entries, one op after another.
    Run {
        /// The first op.
        first: u64,
        /// The last op.
        last: u64,
    },
    /// The first bytes of an entry.
    Cut {
        /// Its op.
        op: u64,
        /// How many bytes.
        kept: u64,
    },
    /// An entry of another history.
    Other {
        /// Its op.
        op: u64,
    },
}

/// A change of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// A bit of the byte there, from the lowest on, the other way round.
    Flip {
        /// The byte.
        offset: u64,
        /// The bit, 0 to 7.
        bit: u8,
    },
    /// Zeros.
    Zero {
        /// The first byte.
        offset: u64,
        /// Bytes.
        size: u64,
    },
}

/// A file in full.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Whose log it is.
    pub replica: u8,
    /// Its name in the output's directory; empty where the output is this file.
    pub name: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// The whole entries of it.
    pub entries: u64,
    /// What is written at which offset.
    pub steps: Vec<(u64, Step)>,
    /// What is changed afterwards.
    pub patches: Vec<Patch>,
    /// What is found, in the file's order.
    pub findings: Vec<Finding>,
}

/// A file in the making.
#[derive(Debug)]
pub struct FileBuilder<'a> {
    offsets: &'a Offsets<'a>,
    file: PlannedFile,
    /// The op of the last whole entry.
    last: Option<u64>,
    /// The op of the entry of another history just before, if there is one.
    other: Option<u64>,
    /// Ranges of ops of which a whole entry came, first to last.
    seen: BTreeMap<u64, u64>,
}

impl<'a> FileBuilder<'a> {
    /// An empty file.
    #[must_use]
    pub fn new(offsets: &'a Offsets<'a>, replica: u8, name: PathBuf) -> Self {
        let file = PlannedFile {
            replica,
            name,
            size: 0,
            entries: 0,
            steps: Vec::new(),
            patches: Vec::new(),
            findings: Vec::new(),
        };
        Self { offsets, file, last: None, other: None, seen: BTreeMap::new() }
    }

    /// Bytes so far: where the next entry starts.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.file.size
    }

    /// Whole entries; nothing where `last` is below `first`.
    pub fn run(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        self.relate(first);
        if self.other.take() == Some(first) && first < last {
            // The entry behind the fork names the second of the two as its parent; a reader knows the first.
            self.fork(self.file.size + self.offsets.size(first), first + 1);
        }
        self.write(first, last);
        self.file.entries += last - first + 1;
        self.see(first, last);
        self.last = Some(last);
    }

    /// Entries that will be damaged in their place: `damage` tells what is found, at `offset`.
    pub fn harmed(&mut self, first: u64, last: u64, patch: Patch, kind: DamageKind, detail: String) {
        let until = self.file.size + self.offsets.of(first, last);
        self.damage(first, kind, until, detail);
        self.file.patches.push(patch);
        self.write(first, last);
    }

    /// The first bytes of an entry, with other entries behind it: more bytes than are missing.
    pub fn cut(&mut self, op: u64, kept: u64) {
        let size = self.offsets.size(op);
        let kind = match usize::try_from(kept) {
            Ok(0..16) => DamageKind::Magic(ForeignMagic::Unknown),
            Ok(16..HEAD_SIZE) => DamageKind::HeaderChecksum,
            _ => DamageKind::BodyChecksum,
        };
        let detail = format!("only the first {kept} of {size} bytes of op {op} are there");
        self.damage(op, kind, self.file.size + kept, detail);
        self.push(Step::Cut { op, kept }, kept);
    }

    /// The first bytes of an entry, with which the file ends.
    pub fn torn(&mut self, op: u64, kept: u64) {
        let size = self.offsets.size(op);
        let detail = format!("only the first {kept} of {size} bytes of op {op} are there");
        let kind = DamageKind::TornTail { missing: size - kept };
        let whole_head = kept >= HEAD_SIZE as u64;
        self.found(kind, whole_head.then_some(op), self.file.size + kept, detail);
        self.push(Step::Cut { op, kept }, kept);
    }

    /// An entry of another history; the history's own entries from `op` on come next.
    pub fn other(&mut self, op: u64) {
        self.relate(op);
        self.push(Step::Other { op }, self.offsets.size(op));
        self.file.entries += 1;
        self.last = Some(op);
        self.see(op, op);
        self.other = Some(op);
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> PlannedFile {
        self.file
    }

    /// How the entry of `op` stands to those before it, where that is worth telling.
    fn relate(&mut self, op: u64) {
        let Some(last) = self.last else { return };
        let offset = self.file.size;
        if self.other == Some(op) {
            self.fork(offset, op);
        } else if op <= last {
            self.note(Relation::Backtrack { from: Op(last) }, offset, op);
        } else if op > last + 1 && !self.has_seen(op - 1) {
            self.note(Relation::Gap { first: Op(last + 1), last: Op(op - 1) }, offset, op);
        }
    }

    fn note(&mut self, relation: Relation, offset: u64, op: u64) {
        self.file.findings.extend(Finding::relation(relation, offset, op));
    }

    /// A fork, whose checksums are not known while it is planned.
    fn fork(&mut self, offset: u64, op: u64) {
        self.file.findings.push(Finding {
            kind: Kind::Fork,
            offset,
            op: Some(op),
            size: None,
            missing: None,
            forged: None,
            detail: "two entries of an op came before, or one of them is it".to_owned(),
            near: Some(op),
        });
    }

    /// Damage at the entry of `op`, which stands next.
    fn damage(&mut self, op: u64, kind: DamageKind, until: u64, detail: String) {
        // A reader knows the op where the header's checksum is right.
        let is_known = matches!(kind, DamageKind::BodyChecksum);
        self.found(kind, is_known.then_some(op), until, detail);
    }

    fn found(&mut self, kind: DamageKind, op: Option<u64>, until: u64, detail: String) {
        let damage = Damage { offset: self.file.size, op: op.map(Op), kind };
        self.file.findings.push(Finding { detail, ..Finding::damage(damage, until) });
    }

    /// What a magic was damaged in: the header is whole, and tells the op.
    pub fn harmed_magic(&mut self, op: u64, patch: Patch, detail: String) {
        let until = self.file.size + self.offsets.size(op);
        self.found(DamageKind::Magic(ForeignMagic::Unknown), Some(op), until, detail);
        self.file.patches.push(patch);
        self.write(op, op);
    }

    fn write(&mut self, first: u64, last: u64) {
        self.push(Step::Run { first, last }, self.offsets.of(first, last));
    }

    fn push(&mut self, step: Step, size: u64) {
        match (self.file.steps.last_mut(), step) {
            (Some((_, Step::Run { last: before, .. })), Step::Run { first, last })
                if *before + 1 == first =>
            {
                *before = last;
            }
            _ => self.file.steps.push((self.file.size, step)),
        }
        self.file.size += size;
    }

    fn see(&mut self, first: u64, last: u64) {
        let (mut low, mut high) = (first, last);
        // Ranges that touch it or lie in it become one.
        while let Some((&start, &end)) = self.seen.range(..=high.saturating_add(1)).next_back() {
            if end + 1 < low {
                break;
            }
            (low, high) = (low.min(start), high.max(end));
            self.seen.remove(&start);
        }
        self.seen.insert(low, high);
    }

    fn has_seen(&self, op: u64) -> bool {
        self.seen.range(..=op).next_back().is_some_and(|(_, &last)| op <= last)
    }
}
