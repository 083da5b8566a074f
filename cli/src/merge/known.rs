//! Entries that belong to the log for sure, by op: [`Known`].
//!
//! An entry's checksum covers its size and its parent. So an entry that names another one as its parent
//! determines how long that one is, wherever a copy of it is stored: the entry that ends where it begins can be laid
//! out backwards.

use super::read::{EntryRow, Found, State, Stretch};
use super::region::Sealed;
use super::spool::Spool;
use super::work::Work;
use crate::failure::Failure;
use aof_nostd::Checksum;
use zerocopy::FromZeros as _;

/// Rows that are read at once, and so many times are kept.
const BLOCK: u64 = 512;
const BLOCKS: usize = 16;

/// Stretches that may be looked at, over a whole merge, for each that was found, and at the most: hostile logs have many
/// of one op.
const BUDGET_EACH: u64 = 128;
const BUDGET: u64 = 1 << 23;

/// So many are kept in any case: half a megabyte.
const KEPT_MIN: usize = 1 << 12;

/// Entries that belong to the log.
#[derive(Debug)]
pub(super) struct Known {
    /// By the op of the first entry.
    stretches: Vec<Stretch>,
    /// The highest op of a stretch and of all before it.
    highest: Vec<u64>,
    /// Damaged entries whose headers are sealed, by op.
    sealed: Vec<Sealed>,
    blocks: Blocks,
    budget: u64,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) checksum: Checksum,
    pub(super) parent: Checksum,
    pub(super) size_disk: u64,
    /// Whether it is more than unconfirmed.
    pub(super) belongs: bool,
    /// Whether it is more than likely.
    pub(super) is_sure: bool,
}

impl Known {
    /// Nothing yet, of so many stretches.
    pub(super) fn new(stretches: u64) -> Self {
        Self {
            stretches: Vec::new(),
            highest: Vec::new(),
            sealed: Vec::new(),
            blocks: Blocks::default(),
            budget: stretches.max(KEPT_MIN as u64).saturating_mul(BUDGET_EACH).min(BUDGET),
        }
    }

    /// Takes the entries that belong to the log by now, or also those of which nothing confirms it; as many as the memory
    /// allows.
    pub(super) fn renew(
        &mut self,
        found: &Found,
        work: &Work,
        with_unconfirmed: bool,
    ) -> Result<(), Failure> {
        let stretches_max = work.share(16, size_of::<Stretch>() + size_of::<u64>()).max(KEPT_MIN);
        self.stretches.clear();
        let mut walk = found.stretches.walk();
        while let Some(stretch) = walk.next()?.filter(|_| self.stretches.len() < stretches_max) {
            let is_known = match stretch.state() {
                State::InPlace | State::Named | State::Likely => true,
                State::Unconfirmed | State::Inside => with_unconfirmed,
            };
            if stretch.count > 0 && is_known {
                self.stretches.push(stretch);
            }
        }
        self.stretches.sort_unstable_by_key(|stretch| (stretch.op, stretch.row));
        let highest = self.stretches.iter().scan(0, |highest, stretch| {
            *highest = stretch.last_op().max(*highest);
            Some(*highest)
        });
        self.highest = highest.collect();
        self.sealed.clear();
        let sealed_max = work.share(64, size_of::<Sealed>()).max(KEPT_MIN);
        let mut walk = found.sealed.walk();
        while let Some(sealed) = walk.next()?.filter(|_| self.sealed.len() < sealed_max) {
            if sealed.is_in_place() {
                self.sealed.push(sealed);
            }
        }
        self.sealed.sort_unstable_by_key(|sealed| sealed.op);
        Ok(())
    }

    /// The entry with this op and checksum.
    pub(super) fn find(
        &mut self,
        found: &Found,
        op: u64,
        checksum: Checksum,
    ) -> Result<Option<Facts>, Failure> {
        self.first(found, op, |facts| facts.checksum == checksum)
    }

    /// An entry of the log with this op and parent.
    pub(super) fn child(
        &mut self,
        found: &Found,
        op: u64,
        parent: Checksum,
    ) -> Result<Option<Facts>, Failure> {
        self.first(found, op, |facts| facts.belongs && facts.parent == parent)
    }

    /// Whether the entry with this op and checksum is one of the log, or the parent of one.
    pub(super) fn is_own(&mut self, found: &Found, op: u64, checksum: Checksum) -> Result<bool, Failure> {
        if self.first(found, op, |facts| facts.belongs && facts.checksum == checksum)?.is_some() {
            return Ok(true);
        }
        op.checked_add(1).map_or(Ok(false), |next| self.is_named(found, next, checksum))
    }

    /// Whether an entry of the log with this op has this parent.
    pub(super) fn is_named(&mut self, found: &Found, op: u64, parent: Checksum) -> Result<bool, Failure> {
        Ok(self.first(found, op, |facts| facts.belongs && facts.parent == parent)?.is_some())
    }

    /// Whether entries with this op are known, and none of them has this checksum.
    pub(super) fn contradicts(
        &mut self,
        found: &Found,
        op: u64,
        checksum: Checksum,
    ) -> Result<bool, Failure> {
        let is_known = self.first(found, op, |_| true)?.is_some();
        Ok(is_known && self.find(found, op, checksum)?.is_none())
    }

    /// Whether entries with this op belong to the log for sure, and none of them has this checksum.
    pub(super) fn refutes(&mut self, found: &Found, op: u64, checksum: Checksum) -> Result<bool, Failure> {
        let is_known = self.first(found, op, |facts| facts.is_sure)?.is_some();
        let is_it = |facts: &Facts| facts.is_sure && facts.checksum == checksum;
        Ok(is_known && self.first(found, op, is_it)?.is_none())
    }

    fn first(
        &mut self,
        found: &Found,
        op: u64,
        is_wanted: impl Fn(&Facts) -> bool,
    ) -> Result<Option<Facts>, Failure> {
        let from = self.sealed.partition_point(|sealed| sealed.op < op);
        let of_op = self.sealed.iter().skip(from).take_while(|sealed| sealed.op == op);
        let facts = of_op.map(|sealed| Facts {
            checksum: sealed.checksum,
            parent: sealed.parent,
            size_disk: sealed.size_disk,
            belongs: true,
            is_sure: sealed.is_sure(),
        });
        if let Some(facts) = facts.take(BLOCKS).find(&is_wanted) {
            return Ok(Some(facts));
        }
        let mut at = self.stretches.partition_point(|stretch| stretch.op <= op);
        while let Some(before) = at.checked_sub(1) {
            at = before;
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 || self.highest.get(at).is_none_or(|highest| *highest < op) {
                return Ok(None);
            }
            let Some(stretch) = self.stretches.get(at).filter(|stretch| op <= stretch.last_op()) else {
                continue;
            };
            let row = stretch.row + (op - stretch.op);
            let Some(entry) = self.blocks.get(&found.rows, row)? else { continue };
            let parent = if op == stretch.op {
                Some(stretch.parent)
            } else {
                self.blocks.get(&found.rows, row - 1)?.map(|row| row.checksum)
            };
            let Some(parent) = parent else { continue };
            let facts = Facts {
                checksum: entry.checksum,
                parent,
                size_disk: entry.size_disk(),
                belongs: !matches!(stretch.state(), State::Unconfirmed | State::Inside),
                is_sure: matches!(stretch.state(), State::InPlace | State::Named),
            };
            if is_wanted(&facts) {
                return Ok(Some(facts));
            }
        }
        Ok(None)
    }

    /// What is stored of the entry of a stretch with this number among its entries.
    pub(super) fn row(
        &mut self,
        found: &Found,
        stretch: &Stretch,
        number: u64,
    ) -> Result<Option<EntryRow>, Failure> {
        if number >= stretch.count {
            return Ok(None);
        }
        self.blocks.get(&found.rows, stretch.row + number)
    }

    /// The checksum of a stretch's first entry.
    pub(super) fn first_checksum(&mut self, found: &Found, stretch: &Stretch) -> Result<Checksum, Failure> {
        let row = self.blocks.get(&found.rows, stretch.row)?;
        Ok(row.map_or(stretch.last, |row| row.checksum))
    }
}

/// The rows that were read last.
#[derive(Debug, Default)]
struct Blocks {
    blocks: Vec<(u64, Vec<EntryRow>)>,
    oldest: usize,
}

impl Blocks {
    fn get(&mut self, rows: &Spool<EntryRow>, number: u64) -> Result<Option<EntryRow>, Failure> {
        let (block, at) = (number / BLOCK, number % BLOCK);
        #[expect(clippy::cast_possible_truncation, reason = "below BLOCK")]
        let at = at as usize;
        if let Some((_, kept)) = self.blocks.iter().find(|(kept, _)| *kept == block) {
            return Ok(kept.get(at).copied());
        }
        #[expect(clippy::cast_possible_truncation, reason = "512")]
        let mut read = vec![EntryRow::new_zeroed(); BLOCK as usize];
        let count = rows.read(block * BLOCK, &mut read)?;
        read.truncate(count);
        let row = read.get(at).copied();
        if self.blocks.len() < BLOCKS {
            self.blocks.push((block, read));
        } else if let Some(oldest) = self.blocks.get_mut(self.oldest) {
            *oldest = (block, read);
            self.oldest = (self.oldest + 1) % BLOCKS;
        }
        Ok(row)
    }
}
