//! What the first entry of each op is, to the byte: [`Fingerprints`]; and where it is: [`Originals`].
//!
//! A log's history knows the checksum of the first entry of each op. An entry with the same checksum may have
//! been forged, so its bytes are compared too: see [`fingerprint`](crate::fingerprint). Where the first entry
//! is stored in the file is not remembered. Where it has to be reported, which only a forgery asks for, the
//! entries are read again.

use super::Finding;
use crate::fingerprint::Fingerprint;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The fingerprint of the first entry of each op: 8 bytes an op.
#[derive(Clone, Debug, Default)]
pub struct Fingerprints {
    /// By the first of consecutive ops. They do not overlap.
    runs: BTreeMap<u64, Vec<Fingerprint>>,
}

impl Fingerprints {
    /// The fingerprint of the first entry of this op.
    #[must_use]
    pub fn get(&self, op: u64) -> Option<Fingerprint> {
        let (first, run) = self.runs.range(..=op).next_back()?;
        run.get(usize::try_from(op - first).ok()?).copied()
    }

    /// Runs of consecutive ops, in order: the first op of each, and their fingerprints.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[Fingerprint])> {
        self.runs.iter().map(|(first, run)| (*first, run.as_slice()))
    }

    /// Takes entries of consecutive ops, from `op` on. The first one of an op is remembered; of each other one
    /// with different bytes `differs` is given the op and the first one's fingerprint.
    pub fn take(
        &mut self,
        mut op: u64,
        mut entries: &[Fingerprint],
        mut differs: impl FnMut(u64, Fingerprint),
    ) {
        while !entries.is_empty() {
            let next = self.runs.range((Bound::Excluded(op), Bound::Unbounded)).next().map(|(next, _)| *next);
            let run = self.runs.range_mut(..=op).next_back();
            let run = run.and_then(|(first, run)| Some((usize::try_from(op - first).ok()?, run)));
            let size = match run {
                Some((at, run)) if at < run.len() => {
                    let known = run.get(at..).unwrap_or_default();
                    for (op, (first, entry)) in (op..=u64::MAX).zip(known.iter().zip(entries)) {
                        if first != entry {
                            differs(op, *first);
                        }
                    }
                    known.len().min(entries.len())
                }
                run => {
                    let room = next.and_then(|next| usize::try_from(next - op).ok()).unwrap_or(usize::MAX);
                    let new = entries.get(..room).unwrap_or(entries);
                    match run {
                        Some((at, run)) if at == run.len() => run.extend_from_slice(new),
                        _ => {
                            self.runs.insert(op, new.to_vec());
                        }
                    }
                    new.len()
                }
            };
            entries = entries.get(size..).unwrap_or_default();
            op = op.saturating_add(size as u64);
        }
    }
}

/// Entries that others have the checksum of, and where they are stored.
#[derive(Clone, Debug, Default)]
pub struct Originals(BTreeMap<(u64, Fingerprint), Option<u64>>);

impl Originals {
    /// The entries that forged ones among `findings` were compared with, unless there are none.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Option<Self> {
        let forged = findings.iter().filter_map(|finding| finding.op.zip(finding.forged));
        let mut wanted = Self::default();
        forged.for_each(|(op, forged)| wanted.want(op, forged.first));
        (!wanted.0.is_empty()).then_some(wanted)
    }

    /// Looks for another entry.
    pub fn want(&mut self, op: u64, fingerprint: Fingerprint) {
        self.0.entry((op, fingerprint)).or_default();
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an entry of this op is looked for.
    #[must_use]
    pub fn wants(&self, op: u64) -> bool {
        self.0.range((op, Fingerprint::default())..).next().is_some_and(|((next, _), _)| *next == op)
    }

    /// Shows it an entry: the first place of those that are looked for counts.
    pub fn see(&mut self, op: u64, fingerprint: Fingerprint, offset: u64) {
        if let Some(place) = self.0.get_mut(&(op, fingerprint)) {
            place.get_or_insert(offset);
        }
    }

    /// Takes the places that were seen in what comes next.
    pub fn append(&mut self, next: &Self) {
        for (known, seen) in self.0.values_mut().zip(next.0.values()) {
            *known = known.or(*seen);
        }
    }

    /// Where an entry is stored, if it was seen.
    #[must_use]
    pub fn place(&self, op: u64, fingerprint: Fingerprint) -> Option<u64> {
        self.0.get(&(op, fingerprint)).copied().flatten()
    }

    /// Puts the places into `findings`.
    pub fn tell(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Some((op, forged)) = finding.op.zip(finding.forged)
                && let Some(offset) = self.place(op, forged.first)
            {
                finding.set_original(offset, &format!("byte {offset}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fingerprint(of: u8) -> Fingerprint {
        Fingerprint::of_digest(&[of; 32])
    }

    proptest! {
        #[test]
        fn agree_with_a_map(
            entries in prop::collection::vec((0_u64..30, prop::collection::vec(0_u8..3, 1..8)), 0..30),
        ) {
            let (mut fingerprints, mut map) = (Fingerprints::default(), BTreeMap::new());
            for (op, entries) in entries {
                let entries: Vec<_> = entries.into_iter().map(fingerprint).collect();
                let mut differing = Vec::new();
                fingerprints.take(op, &entries, |op, first| differing.push((op, first)));
                let mut expected = Vec::new();
                for (op, entry) in (op..).zip(entries) {
                    let first = *map.entry(op).or_insert(entry);
                    if first != entry {
                        expected.push((op, first));
                    }
                }
                prop_assert_eq!(differing, expected);
            }
            for op in 0..40 {
                prop_assert_eq!(fingerprints.get(op), map.get(&op).copied());
            }
            prop_assert_eq!(fingerprints.iter().map(|(_, run)| run.len()).sum::<usize>(), map.len());
        }
    }

    #[test]
    fn highest_op_there_is_does_not_overflow() {
        let mut fingerprints = Fingerprints::default();
        let mut differing = 0;
        for of in [1, 1, 2] {
            fingerprints.take(u64::MAX, &[fingerprint(of)], |_, _| differing += 1);
        }
        fingerprints.take(0, &[fingerprint(3)], |_, _| differing += 1);
        assert_eq!((differing, fingerprints.get(u64::MAX)), (1, Some(fingerprint(1))));
    }
}
