//! Entries sealed anew, one after another, in the order of a file: [`Reseal`].
//!
//! ```text
//! op             5         6         7         6 again
//! old checksum   a   <--   b   <--   c         b          known: gives B again, to the bit
//! new checksum   A   <--   B   <--   C         B
//! ```
//!
//! Memory: 32 bytes an op. A file without gaps begins with its lowest op, so what is known of the ops is one
//! list without holes.

use aof_nostd::{AnyProfile, Checksum, Header, Profile};

/// What the entries before have become.
#[derive(Debug)]
pub struct Reseal {
    profile: AnyProfile,
    /// The op of the first entry.
    first: u64,
    /// Of each op from there on the checksum that it had, and the one that it has now.
    checksums: Vec<(Checksum, Checksum)>,
}

/// An entry that does not continue those before it: the file is not one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// Its parent did not come before it.
    Gap,
    /// Another entry with its op came before, or its parent is another one than that.
    Fork,
}

impl Reseal {
    /// Nothing came before.
    #[must_use]
    pub const fn new(profile: AnyProfile) -> Self {
        Self { profile, first: 0, checksums: Vec::new() }
    }

    /// Gives the header of the next entry its new parent and its new checksum. Its `checksum_body` is the new one
    /// already; all else stays. The parent of the first entry stays too: nothing of it is known.
    ///
    /// # Errors
    ///
    /// [`Unlinked`]; the header is as it was.
    pub fn seal(&mut self, header: &mut Header) -> Result<(), Unlinked> {
        let op = header.op.get();
        if self.checksums.is_empty() {
            self.first = op;
        }
        let index = op.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let index = index.ok_or(Unlinked::Gap)?;
        let old = header.checksum;
        let known = self.checksums.get(index);
        if known.is_some_and(|(known, _)| *known != old) {
            return Err(Unlinked::Fork);
        }
        let parent = match index.checked_sub(1) {
            None => header.parent,
            Some(before) => match self.checksums.get(before) {
                Some((known, new)) if *known == header.parent => *new,
                Some(_) => return Err(Unlinked::Fork),
                None => return Err(Unlinked::Gap),
            },
        };
        let is_new = known.is_none();
        header.parent = parent;
        header.checksum = self.profile.checksum(header.covered());
        if is_new {
            self.checksums.push((old, header.checksum));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::Op;
    use aof_tests::build::{Builder, PROFILES};

    fn sealed(log: &aof_tests::build::Log) -> Vec<Result<Header, Unlinked>> {
        let mut reseal = Reseal::new(PROFILES[0]);
        (0..log.entries.len())
            .map(|index| {
                let mut header = log.entry(index).header;
                reseal.seal(&mut header).map(|()| header)
            })
            .collect()
    }

    #[test]
    fn parents_are_the_new_checksums_and_repeats_become_the_same_entry() {
        let log = Builder::new(PROFILES[1]).chain(&[3, 0, 5]).repeat(1..3).chain(&[1]).build();
        let sealed: Vec<_> = sealed(&log).into_iter().map(Result::unwrap).collect();
        assert_eq!(sealed[0].parent, log.entry(0).header.parent);
        assert_eq!(sealed[1].parent, sealed[0].checksum);
        assert_ne!(sealed[1].parent, log.entries[0].checksum);
        assert_eq!((sealed[3], sealed[4]), (sealed[1], sealed[2]));
        assert_eq!(sealed[5].parent, sealed[4].checksum);
        assert!(sealed.iter().all(|header| header.verify(&PROFILES[0])));
    }

    #[test]
    fn forks_and_gaps_are_refused_where_they_stand() {
        let told = |log: &aof_tests::build::Log| {
            sealed(log).into_iter().map(Result::err).find(Option::is_some).flatten()
        };
        let start = || Builder::new(PROFILES[1]).chain(&[1, 2, 3]);
        assert_eq!(told(&start().gap(1).chain(&[4]).build()), Some(Unlinked::Gap));
        assert_eq!(told(&start().fork(0).chain(&[4]).build()), Some(Unlinked::Fork));
        let other_parent = start().gap(0).chain(&[4]).build(); // the next op, and a parent that nobody is
        assert_eq!(other_parent.entries[3].op, Op(4));
        assert_eq!(told(&other_parent), Some(Unlinked::Fork));
        // Back to before the beginning: what the first entry's parent became is known too late.
        let late = Builder::new(PROFILES[1]).chain(&[1, 2]).build();
        let mut reseal = Reseal::new(PROFILES[0]);
        reseal.seal(&mut log_header(&late, 1)).unwrap();
        assert_eq!(reseal.seal(&mut log_header(&late, 0)), Err(Unlinked::Gap));
    }

    fn log_header(log: &aof_tests::build::Log, index: usize) -> Header {
        log.entry(index).header
    }
}
