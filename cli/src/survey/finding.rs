//! What is not as in one unbroken chain: [`Finding`].

use super::times::TimeBack;
use super::zeros::ZerosAre;
use crate::fingerprint::Fingerprint;
use crate::human;
use aof_nostd::chain::Relation;
use aof_nostd::wire::HeaderRule;
use aof_nostd::{Damage, DamageKind, Op};
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::Range;

/// Of what kind a finding is. Printed as its [`name`](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Damage, by its stable name.
    Damage(&'static str),
    /// A header that is whole and names a size out of bounds: above `--message-size-max`, or below a header's.
    Size,
    /// The file ends inside an entry.
    TornTail,
    /// Zeros that end the file, see [`ZerosAre`].
    ZeroTail,
    /// The file goes back to an earlier op.
    Backtrack,
    /// Ops are missing.
    Gap,
    /// An entry has an earlier time than its parent.
    TimeBack,
    /// Two histories.
    Fork,
    /// An entry of another cluster than the file's first: a kind of fork, and no second history of the cluster.
    Stranger,
}

impl Kind {
    /// `magic`, `header-checksum`, `header-invalid`, `body-checksum`, `newer-layout`, `torn-tail`, `unreadable`,
    /// `zero-tail`, `backtrack`, `gap`, `time-back` or `fork`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Damage(name) => name,
            Self::Size => DamageKind::HeaderInvalid(HeaderRule::Size).name(),
            Self::TornTail => DamageKind::TornTail { missing: 0 }.name(),
            Self::ZeroTail => "zero-tail",
            Self::Backtrack => "backtrack",
            Self::Gap => "gap",
            Self::TimeBack => "time-back",
            Self::Fork | Self::Stranger => "fork",
        }
    }
}

impl From<DamageKind> for Kind {
    fn from(damage: DamageKind) -> Self {
        match damage {
            DamageKind::HeaderInvalid(HeaderRule::Size) => Self::Size,
            DamageKind::TornTail { .. } => Self::TornTail,
            other => Self::Damage(other.name()),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that the system cannot read.
pub(crate) const UNREADABLE: Kind = Kind::Damage(DamageKind::Unreadable { size: 0 }.name());

/// Something that is not as in one unbroken chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
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
    /// A fork whose entry has the checksum of another one of its op, and different bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forged: Option<Forged>,
    /// In words.
    pub detail: String,
    /// The op there, or else the last one before: for a place on a map. Not printed.
    #[serde(skip)]
    pub near: Option<u64>,
}

/// The entry whose checksum another one has, with different bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forged {
    /// What it is. Not printed.
    #[serde(skip)]
    pub(crate) first: Fingerprint,
    /// Where it is stored, bytes from the file's beginning; nothing where that is not known.
    pub(crate) first_offset: Option<u64>,
}

impl Finding {
    /// Whether it makes the file unsound rather than only unordered.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self.kind, Kind::Backtrack | Kind::Gap | Kind::TimeBack | Kind::ZeroTail)
    }

    /// Whether two histories stand there: two entries of one op, or entries of two clusters.
    #[must_use]
    pub const fn is_fork(&self) -> bool {
        matches!(self.kind, Kind::Fork | Kind::Stranger)
    }

    /// Zeros from `from` to the end of a file of `bytes`.
    #[must_use]
    pub fn zeros(from: u64, bytes: u64, are: ZerosAre) -> Self {
        Self {
            kind: Kind::ZeroTail,
            offset: from,
            op: None,
            size: Some(bytes.saturating_sub(from)),
            missing: None,
            forged: None,
            detail: format!("zeros to the end: {}", are.meaning()),
            near: None,
        }
    }

    /// Damage up to `until`.
    #[must_use]
    pub fn damage(damage: Damage, until: u64) -> Self {
        Self {
            kind: damage.kind.into(),
            offset: damage.offset,
            op: damage.op.map(|op| op.0),
            size: Some(until.saturating_sub(damage.offset)),
            missing: None,
            forged: None,
            detail: damage.kind.to_string(),
            near: damage.op.map(|op| op.0),
        }
    }

    /// Bytes that the system cannot read, in an entry of this op where that is known.
    #[must_use]
    pub fn unreadable(bytes: &Range<u64>, op: Option<Op>) -> Self {
        let size = bytes.end.saturating_sub(bytes.start);
        let damage = Damage { offset: bytes.start, op, kind: DamageKind::Unreadable { size } };
        let detail = "the system cannot read these bytes: copy those that can be read (ddrescue), and merge the copy \
                      with the other replicas' logs";
        Self { detail: detail.into(), ..Self::damage(damage, bytes.end) }
    }

    /// How the entry at `offset` stands to those before it, where that is worth telling.
    #[must_use]
    pub fn relation(relation: Relation, offset: u64, op: u64) -> Option<Self> {
        let (kind, missing) = match relation {
            Relation::First | Relation::Linked => return None,
            // The same entry once more is the shortest way back.
            Relation::Repeated | Relation::Backtrack { .. } => (Kind::Backtrack, None),
            Relation::Gap { first, last } => (Kind::Gap, Some((first.0, last.0))),
            Relation::Fork { .. } => (Kind::Fork, None),
        };
        let detail = relation.to_string();
        Some(Self { kind, offset, op: Some(op), size: None, missing, forged: None, detail, near: Some(op) })
    }

    /// An entry with an earlier time than its parent.
    #[must_use]
    pub fn time_back(back: &TimeBack) -> Self {
        Self {
            kind: Kind::TimeBack,
            offset: back.offset,
            op: Some(back.op),
            size: None,
            missing: None,
            forged: None,
            detail: format!("the time goes back by {} from that of its parent", human::duration(back.by)),
            near: Some(back.op),
        }
    }

    /// An entry of `cluster` in a log of `expected`.
    #[must_use]
    pub fn stranger(cluster: u128, expected: u128, offset: u64, op: u64) -> Self {
        Self {
            kind: Kind::Stranger,
            offset,
            op: Some(op),
            size: None,
            missing: None,
            forged: None,
            detail: format!("an entry of cluster {cluster} in a log of cluster {expected}"),
            near: Some(op),
        }
    }

    /// An entry with op and checksum of the entry `first`, and different bytes.
    #[must_use]
    pub fn forged(first: Fingerprint, offset: u64, op: u64) -> Self {
        Self {
            kind: Kind::Fork,
            offset,
            op: Some(op),
            size: None,
            missing: None,
            forged: Some(Forged { first, first_offset: None }),
            detail: forged_detail("another entry of this op"),
            near: Some(op),
        }
    }

    /// Sets where the entry is stored whose checksum this one has: for programs and in words.
    pub(crate) fn set_original(&mut self, offset: u64, place: &str) {
        if let Some(forged) = &mut self.forged {
            forged.first_offset = Some(offset);
            self.detail = forged_detail(&format!("the entry of this op at {place}"));
        }
    }
}

fn forged_detail(original: &str) -> String {
    format!(
        "{original} has the same checksum and different bytes: at least one of the two was forged (checksums find \
         accidents, not intent)"
    )
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(op) = self.op {
            write!(f, " (op {op})")?;
        }
        write!(f, ": {}: {}", self.kind, self.detail)?;
        match self.size {
            Some(size) if self.kind == UNREADABLE => write!(f, " ({size} bytes)"),
            Some(size) => write!(f, " ({size} bytes belong to no entry)"),
            None => Ok(()),
        }
    }
}

/// Findings kept per file: a hostile file could have one every 272 bytes.
const FINDINGS_MAX: usize = 100_000;

/// Findings that are kept: the first faults, and the first of the others in the room that these leave.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<Finding>,
    others: Vec<Finding>,
    pub(super) faults_count: u64,
    others_count: u64,
    pub(super) backtracks: u64,
    pub(super) gaps: u64,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let (kept, count) = if finding.is_fault() {
            (&mut self.faults, &mut self.faults_count)
        } else {
            (&mut self.others, &mut self.others_count)
        };
        *count += 1;
        match finding.kind {
            Kind::Backtrack => self.backtracks += 1,
            Kind::Gap => self.gaps += 1,
            _ => {}
        }
        if kept.len() < FINDINGS_MAX {
            kept.push(finding);
        }
    }

    /// Those kept, in the order of the file, and how many there are beyond them.
    pub(super) fn finish(self) -> (Vec<Finding>, u64) {
        let mut kept = self.faults;
        let room = FINDINGS_MAX - kept.len();
        kept.extend(self.others.into_iter().take(room));
        kept.sort_by_key(|finding| finding.offset); // stable: where two are at one place, faults come first
        let omitted = self.faults_count + self.others_count - kept.len() as u64;
        (kept, omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: Kind, offset: u64) -> Finding {
        let (op, size, missing, forged, near) = (None, None, None, None, None);
        Finding { kind, offset, op, size, missing, forged, detail: String::new(), near }
    }

    #[test]
    fn faults_are_kept_however_much_harmless_comes_before_them() {
        let mut findings = Findings::default();
        let count = FINDINGS_MAX as u64 + 7;
        for offset in 0..count {
            findings.push(finding(Kind::Backtrack, offset));
        }
        findings.push(finding(Kind::Damage("body-checksum"), count));
        let (kept, omitted) = findings.finish();
        assert_eq!((kept.len(), omitted), (FINDINGS_MAX, 8));
        assert!(kept.is_sorted_by_key(|finding| finding.offset));
        assert_eq!(kept.last(), Some(&finding(Kind::Damage("body-checksum"), count)));
    }

    #[test]
    fn faults_alone_are_bounded_too() {
        let mut findings = Findings::default();
        for offset in 0..FINDINGS_MAX as u64 + 5 {
            findings.push(finding(Kind::Damage("magic"), offset * 2));
            findings.push(finding(Kind::Gap, offset * 2 + 1));
        }
        assert_eq!(findings.faults_count, FINDINGS_MAX as u64 + 5);
        let (kept, omitted) = findings.finish();
        assert_eq!((kept.len(), omitted), (FINDINGS_MAX, FINDINGS_MAX as u64 + 10));
        assert!(kept.iter().all(Finding::is_fault));
    }
}
