//! Which side of a fork may be content of a damaged body: [`tell`].
//!
//! ```text
//! |entry 5| damaged ............................ |entry 7|      after 5 the search for the next entry has found 6':
//!                   |6', in the body of 6?|                     it contradicts 7, and one of them is no entry
//! ```
//!
//! A survey takes each valid entry for one of its log. A merge distinguishes those that follow damage whose end is not
//! proven: a log with damage before a fork is read once more, as a merge reads it.

use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::merge::index::{Index, Record};
use crate::merge::work::Work;
use crate::output;
use crate::survey::{Finding, Kind, Survey};
use aof_nostd::Checksum;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Forks that are looked up.
const FORKS_MAX: usize = 1000;

/// Adds to the forks among the findings of a log which side may be content of a damaged body, if one may.
///
/// # Errors
///
/// [`Failure::Interrupted`]. If the log cannot be read again, that is reported, and the findings stay as they are.
pub(crate) fn tell(survey: &mut Survey, path: &Path, message_size_max: u32) -> Result<(), Failure> {
    let mut forks = Forks::after_damage(&survey.findings);
    if forks.by_offset.is_empty() {
        return Ok(());
    }
    let read = Index::read(&[path.to_path_buf()], message_size_max, &Work::temporary());
    match read.and_then(|index| forks.look_up(&index)) {
        Ok(()) => {
            for finding in survey.findings.iter_mut().filter(|finding| finding.kind == Kind::Fork) {
                if let Some(text) = forks.by_offset.get(&finding.offset).and_then(Fork::text) {
                    finding.detail.push_str(text);
                }
            }
            Ok(())
        }
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => {
            output::note(&failure.to_string());
            Ok(())
        }
    }
}

/// An entry that contradicts one before it in the file.
#[derive(Clone, Copy, Debug)]
struct Fork {
    /// It: its checksum, its parent and its bytes, if a merge takes it for an entry.
    own: Option<(Checksum, Checksum, Fingerprint)>,
    /// Whether it belongs to the log.
    is_sure: bool,
    /// Whether an entry that it contradicts does.
    is_other_sure: bool,
}

impl Fork {
    /// Whether it contradicts an entry of its op, or of the op before it.
    fn contradicts(&self, op: u64, offset: u64, record: &Record) -> bool {
        let Some((checksum, parent, fingerprint)) = self.own else {
            return record.op == op && record.offset != offset;
        };
        match record.op == op {
            true => (record.checksum, record.fingerprint) != (checksum, fingerprint),
            false => record.checksum != parent,
        }
    }

    fn text(&self) -> Option<&'static str> {
        match (self.is_sure, self.is_other_sure) {
            (true, true) => None,
            (false, true) => Some(
                "; this entry follows damage whose end is not proven, and may be content of the damaged body: another \
                 replica's log may tell",
            ),
            (true, false) => Some(
                "; that other entry follows damage whose end is not proven, and may be content of the damaged body: another \
                 replica's log may tell",
            ),
            (false, false) => Some(
                "; both entries follow damage whose end is not proven, and either may be content of the damaged body: \
                 another replica's log may tell",
            ),
        }
    }
}

/// Forks after damage.
#[derive(Debug, Default)]
struct Forks {
    by_offset: HashMap<u64, Fork>,
    /// Where those are stored that are about an op: theirs, or the one before it.
    by_op: BTreeMap<u64, Vec<(u64, u64)>>,
}

impl Forks {
    /// The first of those that have damage before them in the file.
    fn after_damage(findings: &[Finding]) -> Self {
        let is_damage =
            |finding: &&Finding| matches!(finding.kind, Kind::Damage(_) | Kind::Size | Kind::TornTail);
        let damage = findings.iter().find(is_damage).map_or(u64::MAX, |damage| damage.offset);
        let mut forks = Self::default();
        for finding in findings.iter().filter(|finding| finding.kind == Kind::Fork && finding.offset > damage)
        {
            let Some(op) = finding.op.filter(|_| forks.by_offset.len() < FORKS_MAX) else { continue };
            let fork = Fork { own: None, is_sure: false, is_other_sure: false };
            forks.by_offset.insert(finding.offset, fork);
            for about in [Some(op), op.checked_sub(1)].into_iter().flatten() {
                forks.by_op.entry(about).or_default().push((op, finding.offset));
            }
        }
        forks
    }

    fn look_up(&mut self, index: &Index) -> Result<(), Failure> {
        let is_sure = |record: &Record| !record.unconfirmed && !record.likely;
        index.each(|record| {
            if let Some(fork) = self.by_offset.get_mut(&record.offset) {
                fork.own = Some((record.checksum, record.parent, record.fingerprint));
                fork.is_sure = is_sure(record);
            }
        })?;
        index.each(|record| {
            for (op, offset) in self.by_op.get(&record.op).into_iter().flatten() {
                if let Some(fork) = self.by_offset.get_mut(offset) {
                    fork.is_other_sure |= is_sure(record) && fork.contradicts(*op, *offset, record);
                }
            }
        })
    }
}
