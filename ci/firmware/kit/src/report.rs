//! What a program prints: the figures that `aof verify` gives for the same log, and where it is not one
//! unbroken chain. What a report takes is logged too.

use crate::data_checksum::DataChecksum;
use crate::{Failure, log};
use aof_nostd::chain::{Chain, ChainLink, Relation, Window};
use aof_nostd::{Checksum, Damage, DamageKind, Header, LocatedHeader, Profile};
use core::fmt;

/// Damages and breaks of the chain that a report has room for.
const FINDINGS_MAX: usize = 16;

/// Ops that are remembered, to see a fork where the log went back: few, for the smallest board. The desktop
/// remembers all.
const WINDOW: usize = 8;

/// What a log holds.
#[derive(Clone, Debug)]
pub struct Report {
    profile: &'static str,
    bytes: u64,
    entries: u64,
    first: Option<Checksum>,
    last: Option<Checksum>,
    data: DataChecksum,
    chain: Chain<Window<WINDOW>>,
    findings: [Option<Finding>; FINDINGS_MAX],
}

/// A place where a log is not one unbroken chain.
#[derive(Clone, Copy, Debug)]
struct Finding {
    /// `damage`, or `chain` between whole entries.
    what: &'static str,
    /// As `aof verify` calls it.
    kind: &'static str,
    offset: u64,
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
            data: DataChecksum::default(),
            chain: Chain::new(Window::new()),
            findings: [None; FINDINGS_MAX],
        }
    }

    /// Sets the log's size.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: u64) -> Self {
        self.set_bytes(bytes);
        self
    }

    /// Sets the log's size, in place: a report is 3 KiB.
    pub const fn set_bytes(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Counts an entry.
    pub fn entry(&mut self, header: &Header) {
        log::entry(header);
        self.entries += 1;
        self.first.get_or_insert(header.checksum);
        self.last = Some(header.checksum);
        self.data.entry(header);
    }

    /// Counts an entry, and notes how it stands to those before it where it does not continue them.
    ///
    /// # Errors
    ///
    /// [`Failure::TooManyFindings`].
    pub fn located(&mut self, located: &LocatedHeader) -> Result<(), Failure> {
        self.entry(&located.header);
        let (offset, relation) = (located.offset, self.chain.push(ChainLink::from(&located.header)));
        let kind = match relation {
            Relation::First | Relation::Linked => return Ok(()),
            Relation::Repeated => "backtrack", // the shortest way back
            _ => relation.name(),
        };
        log::relation(offset, located.header.op(), relation);
        self.note(Finding { what: "chain", kind, offset })
    }

    /// Notes damage.
    ///
    /// # Errors
    ///
    /// [`Failure::TooManyFindings`].
    pub fn damage(&mut self, damage: Damage) -> Result<(), Failure> {
        self.damage_until(damage, self.bytes)
    }

    /// Notes damage, behind which reading goes on at `until`.
    ///
    /// # Errors
    ///
    /// [`Failure::TooManyFindings`].
    pub fn damage_until(&mut self, damage: Damage, until: u64) -> Result<(), Failure> {
        log::damage(&damage, until);
        let kind = match damage.kind {
            // An entry that was begun and not finished. A tail has nothing behind it.
            DamageKind::TornTail { .. } if until < self.bytes => DamageKind::BodyChecksum,
            kind => kind,
        };
        self.note(Finding { what: "damage", kind: kind.name(), offset: damage.offset })
    }

    fn note(&mut self, finding: Finding) -> Result<(), Failure> {
        let free = self.findings.iter_mut().find(|slot| slot.is_none());
        *free.ok_or(Failure::TooManyFindings)? = Some(finding);
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
        writeln!(f, "data_checksum_chain {}", self.data)?;
        for Finding { what, kind, offset } in self.findings.iter().flatten() {
            writeln!(f, "{what} {kind} {offset}")?;
        }
        Ok(())
    }
}
