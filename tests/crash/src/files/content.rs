//! What a file holds, and what a power cut leaves of it: [`Content`].
//!
//! ```text
//!   live        what reads give
//!   durable     as of the last sync that succeeded
//!   pending     writes and changes of length since then, in order
//! ```
//!
//! A power cut leaves, of what is pending, any part in any order: pieces of writes, a length without the
//! bytes that belong to it (zeros or garbage stand there), bytes without their length (they are gone). What
//! was durable and not written again stays. A sync that fails makes some of it durable and forgets the rest,
//! which can be read on and counts as clean: the Linux way.

use crate::files::loss::Loss;
use aof_tests::random::Random;

/// A change that is not durable.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Size(usize),
}

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Content {
    /// What reads give.
    #[must_use]
    pub fn live(&self) -> &[u8] {
        &self.live
    }

    /// The length that is durable.
    #[must_use]
    pub fn durable_size(&self) -> usize {
        self.durable.len()
    }

    /// Changes that are not durable.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Writes, and makes the file longer where the bytes reach beyond its end.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        self.live.resize(self.live.len().max(end), 0);
        self.live[offset..end].copy_from_slice(bytes);
        self.pending.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    /// Cuts the file, or makes it longer by zeros.
    pub fn set_size(&mut self, size: usize) {
        self.live.resize(size, 0);
        self.pending.push(Change::Size(size));
    }

    /// Makes all that is pending durable.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.durable);
        }
        // The length is the file's, even where writes below it were forgotten by a sync that failed.
        self.durable.resize(self.live.len(), 0);
    }

    /// Fails to: of what is pending some becomes durable, and the rest is forgotten.
    pub fn fail_sync(&mut self, random: &mut Random) {
        for change in std::mem::take(&mut self.pending) {
            if random.one_in(3) {
                change.apply(&mut self.durable);
            }
        }
    }

    /// The file after a power cut; all of it is durable.
    #[must_use]
    pub fn cut(&self, loss: Loss, file: u64) -> Self {
        let left = self.left(loss, file);
        Self { durable: left.clone(), live: left, pending: Vec::new() }
    }

    fn left(&self, loss: Loss, file: u64) -> Vec<u8> {
        let mut random = Random::new(file);
        let mut left = self.durable.clone();
        match loss {
            Loss::Everything => {}
            Loss::Nothing => self.keep(&mut left, |_| true),
            Loss::Behind { kept } => self.keep(&mut left, |index| index < kept),
            Loss::One { lost } => {
                self.lengthen(&mut left, None);
                self.keep(&mut left, |index| index != lost);
            }
            Loss::Zeros => self.lengthen(&mut left, None),
            Loss::Garbage => self.lengthen(&mut left, Some(&mut random)),
            Loss::Torn { size } => {
                let (last, others) = match self.pending.split_last() {
                    Some((last, others)) => (Some(last), others),
                    None => (None, &[][..]),
                };
                others.iter().for_each(|change| change.apply(&mut left));
                if let Some(last) = last {
                    last.apply_part(&mut left, size);
                }
            }
            Loss::Any { seed } => {
                let mut random = Random::new(seed ^ file.wrapping_mul(0x9e37_79b9));
                self.any(&mut left, &mut random);
            }
        }
        left
    }

    fn keep(&self, left: &mut Vec<u8>, mut kept: impl FnMut(usize) -> bool) {
        for (index, change) in self.pending.iter().enumerate() {
            if kept(index) {
                change.apply(left);
            }
        }
    }

    /// Gives it the length of the file, and zeros or garbage for what is missing.
    fn lengthen(&self, left: &mut Vec<u8>, noise: Option<&mut Random>) {
        let missing = self.live.len().saturating_sub(left.len());
        match noise {
            Some(random) => left.extend(random.bytes(missing)),
            None => left.resize(left.len() + missing, 0),
        }
    }

    /// Anything that a power cut may leave.
    fn any(&self, left: &mut Vec<u8>, random: &mut Random) {
        let durable = self.durable.len();
        for change in &self.pending {
            match change {
                Change::Size(size) if random.one_in(2) => left.resize(*size, 0),
                Change::Size(_) => {}
                Change::Write { offset, bytes } => Self::any_of_write(left, *offset, bytes, random),
            }
        }
        // A length between what is durable and what there is now: what is beyond it is gone.
        if left.len() > durable && random.one_in(3) {
            left.truncate(durable + random.below(left.len() - durable + 1));
        } else if self.live.len() > left.len() && random.one_in(3) {
            let noise = random.one_in(2);
            let mut other = random.clone();
            self.lengthen(left, noise.then_some(&mut other));
        }
        // What was never durable may be anything.
        if left.len() > durable && random.one_in(8) {
            let start = durable + random.below(left.len() - durable);
            let size = 1 + random.below((left.len() - start).min(700));
            let noise = random.bytes(size);
            left[start..start + size].copy_from_slice(&noise);
        }
    }

    /// Pieces of a write: sectors, or bytes.
    fn any_of_write(left: &mut Vec<u8>, offset: usize, bytes: &[u8], random: &mut Random) {
        let by_sector = random.one_in(2);
        let mut start = 0;
        while start < bytes.len() {
            let size = if by_sector { 512 - (offset + start) % 512 } else { 1 + random.below(400) };
            let end = bytes.len().min(start + size);
            if !random.one_in(3) {
                let range = offset + start..offset + end;
                left.resize(left.len().max(range.end), 0);
                left[range].copy_from_slice(&bytes[start..end]);
            }
            start = end;
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        self.apply_part(bytes, usize::MAX);
    }

    /// The first bytes of a write, or a length.
    fn apply_part(&self, bytes: &mut Vec<u8>, size: usize) {
        match self {
            Self::Size(size) => bytes.resize(*size, 0),
            Self::Write { offset, bytes: written } => {
                let size = written.len().min(size);
                let end = offset + size;
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(&written[..size]);
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Size(_) => 0,
            Self::Write { bytes, .. } => bytes.len(),
        }
    }
}

impl Content {
    /// Bytes of the last write that is pending.
    #[must_use]
    pub fn last_size(&self) -> usize {
        self.pending.last().map_or(0, Change::size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let mut content = Content::default();
        content.write(0, b"durable.");
        content.sync();
        content.write(8, b"first ");
        content.write(14, b"second");
        content
    }

    #[test]
    fn what_was_synced_survives_whatever_is_lost_and_the_rest_as_said() {
        let left = |loss| String::from_utf8_lossy(content().cut(loss, 1).live()).replace('\0', "0");
        assert_eq!(left(Loss::Everything), "durable.");
        assert_eq!(left(Loss::Nothing), "durable.first second");
        assert_eq!(left(Loss::Behind { kept: 1 }), "durable.first ");
        assert_eq!(left(Loss::One { lost: 0 }), "durable.000000second");
        assert_eq!(left(Loss::Zeros), "durable.000000000000");
        assert_eq!(left(Loss::Torn { size: 2 }), "durable.first se");
        for seed in 0..2000 {
            let left = content().cut(Loss::Any { seed }, 1);
            assert!(left.live().starts_with(b"durable."), "{left:?}");
        }
    }

    #[test]
    fn failed_sync_forgets_and_the_next_one_does_not_bring_it_back() {
        let seen = (0..50).any(|seed| {
            let mut content = content();
            content.fail_sync(&mut Random::new(seed));
            assert_eq!(content.live(), b"durable.first second", "it can be read");
            content.sync();
            content.cut(Loss::Everything, 1).live() != b"durable.first second"
        });
        assert!(seen);
    }
}
