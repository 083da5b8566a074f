//! How an entry relates to those before it, its bytes included, for commands that do not remember all of them:
//! [`Neighbour`], [`Recent`].

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
        let original = before.filter(|_| relation == Relation::Repeated);
        let forged = original.and_then(|original| self.compare(original));
        forged.or_else(|| Finding::relation(relation, self.offset, self.op))
    }

    /// The fork that it makes with an entry of the same checksum, if its bytes are different.
    fn compare(&self, original: &Self) -> Option<Finding> {
        if original.fingerprint == self.fingerprint {
            return None;
        }
        let mut finding = Finding::forged(original.fingerprint, self.offset, self.op);
        // Otherwise it is in another file, which was followed before this one.
        if original.offset < self.offset {
            finding.set_original(original.offset, &format!("byte {}", original.offset));
        }
        Some(finding)
    }
}

/// The entries of the last ops, the first one of each: as many as a
/// [`Window`](aof_nostd::chain::Window) of the same size remembers.
#[derive(Debug)]
pub struct Recent(Vec<Option<Neighbour>>);

impl Recent {
    /// Of so many ops.
    #[must_use]
    pub fn new(ops: usize) -> Self {
        Self(vec![None; ops])
    }

    /// Takes an entry that is not of another history by its checksum. Gives the fork if its bytes are different
    /// from those of the entry of its op.
    pub fn push(&mut self, entry: Neighbour) -> Option<Finding> {
        let slot = usize::try_from(entry.op % (self.0.len().max(1) as u64)).ok()?;
        let known = self.0.get_mut(slot)?;
        match known {
            Some(known) if known.op == entry.op => entry.compare(known),
            _ => {
                *known = Some(entry);
                None
            }
        }
    }
}
