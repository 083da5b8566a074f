//! How an entry relates to the one before it, its bytes included: [`Neighbour`]. For commands that remember no
//! other.

use super::Finding;
use crate::fingerprint::Fingerprint;
use aof_nostd::Located;
use aof_nostd::chain::Relation;

/// An entry, to the byte, and where it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Neighbour {
    op: u64,
    offset: u64,
    fingerprint: Fingerprint,
}

impl Neighbour {
    /// An entry that was read.
    #[must_use]
    pub fn of(located: &Located<'_>) -> Self {
        let (op, offset) = (located.entry.header.op.get(), located.offset);
        Self { op, offset, fingerprint: Fingerprint::of(located.entry) }
    }

    /// What is worth reporting of an entry, which has this relation to the one before it.
    #[must_use]
    pub fn finding(&self, relation: Relation, before: Option<&Self>) -> Option<Finding> {
        let original = before.filter(|before| {
            matches!(relation, Relation::Repeated) && before.fingerprint != self.fingerprint
        });
        let Some(original) = original else { return Finding::relation(relation, self.offset, self.op) };
        let mut finding = Finding::forged(original.fingerprint, self.offset, self.op);
        if original.offset < self.offset {
            finding.set_original(original.offset, &format!("byte {}", original.offset));
        } // else it is in another file, which was followed before this one
        Some(finding)
    }
}
