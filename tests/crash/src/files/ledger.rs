//! What was acknowledged, and where it was written: [`Ledger`].

use crate::files::names::Inode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Inode,
    /// Its first byte there.
    pub offset: usize,
    /// A checkpoint said that it is durable there.
    pub acknowledged: bool,
}

/// An entry of the log, as its writer knows it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its number.
    pub op: u64,
    /// All of it.
    pub bytes: Arc<[u8]>,
    /// Where it stands: more than once where the writer wrote it again.
    pub places: Vec<Place>,
}

impl Place {
    /// Whether it is the same place.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        (self.file, self.offset) == (other.file, other.offset)
    }
}

impl Written {
    /// Whether a checkpoint said that it is durable.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.places.iter().any(|place| place.acknowledged)
    }

    /// The byte behind it at `place`.
    #[must_use]
    pub fn end(&self, place: Place) -> usize {
        place.offset + self.bytes.len()
    }
}

/// What a writer was told, and what it knows of its log. What is acknowledged here has to be on the disk
/// after any power cut.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The log's entries in its order, from op 1 on.
    pub chain: Vec<Written>,
    /// Up to which op a merged file holds all, if one was acknowledged.
    pub merged: Option<u64>,
    /// Damage that an opening told, and that nothing acknowledged lies in.
    pub told: BTreeSet<(Inode, usize)>,
    /// Torn tails that were cut: of which file, and the bytes that have to be kept.
    pub kept: Vec<Arc<[u8]>>,
}

impl Ledger {
    /// The last op that is acknowledged.
    #[must_use]
    pub fn acknowledged_op(&self) -> u64 {
        self.chain.iter().rfind(|entry| entry.is_acknowledged()).map_or(0, |entry| entry.op)
    }

    /// The first byte behind what is acknowledged in a file.
    #[must_use]
    pub fn acknowledged_end(&self, file: Inode) -> usize {
        let ends = self.chain.iter().flat_map(|entry| {
            let there = entry.places.iter().filter(move |place| place.file == file && place.acknowledged);
            there.map(|place| entry.end(*place))
        });
        ends.max().unwrap_or(0)
    }
}
