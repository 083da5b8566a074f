//! What a program prints: the figures that `aof verify` gives for the same log.

use crate::Failure;
use aof_nostd::{Checksum, Damage, Header, Profile};
use core::fmt;

/// Damages that a report has room for.
const DAMAGES_MAX: usize = 16;

/// What a log holds.
#[derive(Clone, Debug)]
pub struct Report {
    profile: &'static str,
    bytes: u64,
    entries: u64,
    first: Option<Checksum>,
    last: Option<Checksum>,
    damages: [Option<Damage>; DAMAGES_MAX],
}

impl Report {
    /// The report of a log of `profile` without entries.
    pub fn new(profile: &impl Profile) -> Self {
        Self {
            profile: profile.name(),
            bytes: 0,
            entries: 0,
            first: None,
            last: None,
            damages: [None; DAMAGES_MAX],
        }
    }

    /// Sets the log's size.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Counts an entry.
    pub fn entry(&mut self, header: &Header) {
        self.entries += 1;
        self.first.get_or_insert(header.checksum);
        self.last = Some(header.checksum);
    }

    /// Notes damage.
    ///
    /// # Errors
    ///
    /// [`Failure::TooMuchDamage`].
    pub fn damage(&mut self, damage: Damage) -> Result<(), Failure> {
        let free = self.damages.iter_mut().find(|slot| slot.is_none());
        *free.ok_or(Failure::TooMuchDamage)? = Some(damage);
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "profile {}", self.profile)?;
        writeln!(f, "bytes {}", self.bytes)?;
        writeln!(f, "entries {}", self.entries)?;
        for (name, checksum) in [("first_checksum", self.first), ("last_checksum", self.last)] {
            if let Some(checksum) = checksum {
                writeln!(f, "{name} {checksum}")?;
            }
        }
        for damage in self.damages.iter().flatten() {
            writeln!(f, "damage {} {}", damage.kind.name(), damage.offset)?;
        }
        Ok(())
    }
}
