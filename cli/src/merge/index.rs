//! What the inputs hold: [`Index`].
//!
//! ```text
//! read         rows, stretches, regions, damage   in the order of the inputs
//! membership   what is content of bodies is left out
//! order        the stretches by op, or, where they are too many, all entries sorted in a file
//! ```
//!
//! Its memory does not grow with the inputs, but for some hundred bytes for each of them: see
//! [`work`](super::work).

use super::input::{DamageRow, Input};
use super::judge::Witness;
use super::membership;
use super::order::{self, Groups, Order};
use super::profile::{self, Doubt};
use super::read::{self, EntryRow, Found, State, Stretch};
use super::region::Region;
use super::spool::{Cursor, Spool};
use super::work::Work;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::limit;
use crate::output::{self, Progress};
use aof_nostd::wire::HeaderRule;
use aof_nostd::{Checksum, Damage, DamageKind, Profile};
use aof_std::Source;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::PathBuf;

/// Where an entry stands in an input, and in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Its op.
    pub op: u64,
    /// Its identity.
    pub checksum: Checksum,
    /// The prepare before it.
    pub parent: Checksum,
    /// The input that holds it, by its number.
    pub input: u32,
    /// Whether nothing confirms that it belongs to the log: it follows damage and might be content of a body.
    pub unconfirmed: bool,
    /// Whether it belongs to the log only if unconfirmed entries do.
    pub likely: bool,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes: magic, header and body.
    pub size_disk: u64,
    /// Its number among all entries, in the order read.
    pub row: u64,
    /// Its bytes. The last field: it differs from run to run, and no two records get as far in a comparison.
    pub fingerprint: Fingerprint,
}

impl Record {
    /// The byte behind its last.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size_disk)
    }

    /// Whether the two are one entry, to the byte. Equal checksums alone do not make copies: they find
    /// accidents, and an entry can be forged to have the checksum of another.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        self.checksum == other.checksum && self.fingerprint == other.fingerprint
    }
}

/// All copies of an entry, by their inputs; or the first of them, where there are very many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// The first.
    pub kept: Vec<Record>,
    /// How many there are beyond them.
    pub omitted: u64,
}

impl Copies {
    /// The least.
    #[must_use]
    pub fn first(&self) -> Option<&Record> {
        self.kept.first()
    }
}

/// The least of many things, and how many there were beside.
#[derive(Debug)]
pub struct Least<T> {
    kept: BinaryHeap<T>,
    kept_max: usize,
    omitted: u64,
}

impl<T: Ord> Least<T> {
    /// Of nothing yet; keeps so many.
    #[must_use]
    pub fn new(kept_max: usize) -> Self {
        Self { kept: BinaryHeap::new(), kept_max, omitted: 0 }
    }

    /// Takes a thing.
    pub fn push(&mut self, thing: T) {
        self.kept.push(thing);
        if self.kept.len() > self.kept_max {
            self.kept.pop();
            self.omitted += 1;
        }
    }

    /// The least, in order, and how many there are beyond them.
    #[must_use]
    pub fn finish(self) -> (Vec<T>, u64) {
        (self.kept.into_sorted_vec(), self.omitted)
    }
}

/// Copies and places that are kept: a log repeated a million times has a million copies of each entry.
pub const PLACES_MAX: usize = 10_000;

/// Steps between two looks at whether to stop.
pub(crate) const STOP_EVERY: u64 = 1 << 12;

/// What all inputs hold.
#[derive(Debug)]
pub struct Index {
    /// The inputs, in the order given.
    pub inputs: Vec<Input>,
    pub(crate) work: Work,
    pub(crate) rows: Spool<EntryRow>,
    pub(super) stretches: Spool<Stretch>,
    pub(super) regions: Spool<Region>,
    damage: Spool<DamageRow>,
    pub(crate) order: Order,
    /// An input that holds entries of both profiles, and nothing shows which of them are content of bodies.
    unknown_profile: Option<u32>,
}

/// Why inputs do not belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Of two profiles: an input of each.
    Profiles(u32, u32),
    /// No input has the head that it began with, and this one has entries of both profiles.
    UnknownProfile(u32),
    /// Of two clusters: for each an input, its cluster, and the byte of its first entry.
    Clusters((u32, u128, u64), (u32, u128, u64)),
}

impl Index {
    /// Reads all inputs whole.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`], [`Failure::Work`], [`Failure::Interrupted`].
    pub fn read(paths: &[PathBuf], message_size_max: u32, work: &Work) -> Result<Self, Failure> {
        Self::of_inputs(Input::all(paths)?, message_size_max, work)
    }

    /// The same of files that are open, with their names.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub fn of(inputs: Vec<(PathBuf, Source)>, message_size_max: u32, work: &Work) -> Result<Self, Failure> {
        let inputs = inputs.into_iter().map(|(path, source)| Input::new(path, source)).collect();
        Self::of_inputs(inputs, message_size_max, work)
    }

    fn of_inputs(mut inputs: Vec<Input>, message_size_max: u32, work: &Work) -> Result<Self, Failure> {
        let progress = Progress::new("read", inputs.iter().map(Input::size).sum());
        let mut found = Found::new(work);
        let mut expected = None;
        for input in &inputs {
            expected = expected.or(read::first_profile(input)?);
        }
        for (number, input) in (0..).zip(&mut inputs) {
            read::read(input, number, expected, message_size_max, work, &mut found, &progress)?;
        }
        let mut unknown_profile = None;
        if expected.is_none() {
            match profile::doubt(&inputs, &found, message_size_max, work)? {
                Doubt::None => {}
                Doubt::Unknown(input) => unknown_profile = Some(input),
                Doubt::Other(profile) => {
                    let of_others =
                        |input: &Input| input.profile.is_none_or(|own| own.name() != profile.name());
                    if inputs.iter().any(of_others) {
                        found = Found::new(work);
                        for (number, input) in (0..).zip(&mut inputs) {
                            let expected = Some(profile);
                            read::read(
                                input,
                                number,
                                expected,
                                message_size_max,
                                work,
                                &mut found,
                                &progress,
                            )?;
                        }
                    }
                }
            }
        }
        membership::settle(&mut found, &mut inputs, message_size_max, work)?;
        let order = order::order(&found.stretches, &found.rows, work)?;
        let Found { rows, stretches, regions, damage, .. } = found;
        let work = work.clone();
        Ok(Self { inputs, work, rows, stretches, regions, damage, order, unknown_profile })
    }

    /// Shows all entries with this op, in any order.
    pub(crate) fn at(&self, op: u64, mut show: impl FnMut(&Record)) -> Result<(), Failure> {
        match &self.order {
            Order::Stretches(stretches) => {
                let mut rows = Cursor::new(0..0, 1 << 10);
                let first = stretches.partition_point(|stretch| stretch.op <= op);
                for stretch in stretches.iter().take(first).filter(|stretch| op <= stretch.last_op()) {
                    let mut entries = Entries::new(stretch, rows);
                    entries.skip_to(op, &self.rows)?;
                    if let Some(record) = entries.next(&self.rows)? {
                        show(&record);
                    }
                    rows = entries.into_rows();
                }
            }
            Order::Sorted(records) => {
                let first = records.partition_point(|record| record.op() < op)?;
                let mut cursor = Cursor::new(first..records.len(), 1 << 10);
                while let Some(record) = cursor.next(records)?.filter(|record| record.op() == op) {
                    show(&record.record());
                }
            }
        }
        Ok(())
    }

    /// Shows all entries, by op.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Interrupted`].
    pub fn each(&self, show: impl FnMut(&Record)) -> Result<(), Failure> {
        struct Shown<F>(F);
        impl<F: FnMut(&Record)> Witness for Shown<F> {
            fn push(&mut self, record: &Record) {
                (self.0)(record);
            }
        }
        let mut shown = Shown(show);
        let mut groups = Groups::new(self, 0)?;
        while groups.next(&mut shown)?.is_some() {}
        Ok(())
    }

    /// All copies of an entry.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn copies(&self, record: &Record) -> Result<Copies, Failure> {
        let mut copies = Least::new(PLACES_MAX);
        self.at(record.op, |copy| {
            if copy.is_copy_of(record) {
                copies.push(*copy);
            }
        })?;
        let (kept, omitted) = copies.finish();
        Ok(Copies { kept, omitted })
    }

    /// Shows the damage of an input, and where each ends, in the order of the file, until told to stop.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Interrupted`].
    pub fn damage(&self, input: &Input, mut show: impl FnMut(Damage, u64) -> bool) -> Result<(), Failure> {
        let mut cursor = Cursor::new(input.damage.clone(), 1 << 10);
        let mut shown = 0_u64;
        while let Some(row) = cursor.next(&self.damage)? {
            shown += 1;
            if shown.is_multiple_of(STOP_EVERY) && output::stopped() {
                return Err(Failure::Interrupted);
            }
            if !show(row.damage(), row.until) {
                break;
            }
        }
        Ok(())
    }

    /// The damage of an input, to be looked at range by range.
    pub(super) fn damage_in_order(&self, input: &Input) -> DamageInOrder<'_> {
        DamageInOrder { index: self, cursor: Cursor::new(input.damage.clone(), 64), next: None }
    }

    /// An entry whose header is whole, and tells a size above the limit: then it is the limit that is wrong.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`], [`Failure::Read`].
    pub fn too_large(&self, message_size_max: u32) -> Result<Option<String>, Failure> {
        for input in self.inputs.iter().filter(|input| input.is_damaged()) {
            let mut source = None;
            let mut text = None;
            self.damage(input, |damage, _| {
                if damage.kind == DamageKind::HeaderInvalid(HeaderRule::Size) {
                    let source = source.get_or_insert_with(|| input.open().ok());
                    let Some(source) = source else { return false };
                    text = limit::above(&input.path, source, damage.offset, damage.op, message_size_max);
                }
                text.is_none()
            })?;
            if text.is_some() {
                return Ok(text);
            }
        }
        Ok(None)
    }

    /// Why the inputs do not belong together, if they do not.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        if let Some(number) = self.unknown_profile {
            return Some(Conflict::UnknownProfile(number));
        }
        let mut profile: Option<(u32, &'static str)> = None;
        let mut cluster: Option<(u32, u128, u64)> = None;
        for (number, input) in (0..).zip(&self.inputs) {
            // A magic alone is no entry.
            let profile_of_entries = input.profile.filter(|_| input.entries > 0);
            if let Some(name) = profile_of_entries.map(|profile| profile.name()) {
                let (first, expected) = *profile.get_or_insert((number, name));
                if name != expected {
                    return Some(Conflict::Profiles(first, number));
                }
            }
            for &(offset, id) in &input.clusters {
                let first = *cluster.get_or_insert((number, id, offset));
                if id != first.1 {
                    return Some(Conflict::Clusters(first, (number, id, offset)));
                }
            }
        }
        None
    }
}

/// The entries of a stretch, one after another.
#[derive(Debug)]
pub(crate) struct Entries {
    /// What the next one has beside its row.
    next: Record,
    left: u64,
    rows: Cursor<EntryRow>,
}

impl Entries {
    /// All of `stretch`, through the window of `rows`.
    pub(crate) fn new(stretch: &Stretch, rows: Cursor<EntryRow>) -> Self {
        let next = Record {
            op: stretch.op,
            checksum: Checksum::ZERO,
            parent: stretch.parent,
            input: stretch.input,
            unconfirmed: stretch.state() == State::Unconfirmed,
            likely: stretch.state() == State::Likely,
            offset: stretch.offset,
            size_disk: 0,
            row: stretch.row,
            fingerprint: Fingerprint::default(),
        };
        Self { next, left: stretch.count, rows: rows.over(stretch.row..stretch.row + stretch.count) }
    }

    /// Passes over those before `op`.
    pub(crate) fn skip_to(&mut self, op: u64, rows: &Spool<EntryRow>) -> Result<(), Failure> {
        while self.next.op < op && self.next(rows)?.is_some() {}
        Ok(())
    }

    /// The next one.
    pub(crate) fn next(&mut self, rows: &Spool<EntryRow>) -> Result<Option<Record>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(row) = self.rows.next(rows)? else { return Ok(None) };
        self.left -= 1;
        let (checksum, fingerprint) = (row.checksum, row.fingerprint);
        let record = Record { checksum, fingerprint, size_disk: row.size_disk(), ..self.next };
        self.next.op = record.op.saturating_add(1);
        self.next.parent = record.checksum;
        self.next.offset = record.end();
        self.next.row += 1;
        Ok(Some(record))
    }

    /// Whether there is another.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The window, for another stretch.
    pub(crate) fn into_rows(self) -> Cursor<EntryRow> {
        self.rows
    }
}

/// The damage of an input, from its beginning on: ranges are looked at in the order of the file, so that all of them
/// together cost one reading.
pub(super) struct DamageInOrder<'a> {
    index: &'a Index,
    cursor: Cursor<DamageRow>,
    next: Option<DamageRow>,
}

impl DamageInOrder<'_> {
    /// Shows the damage that begins in `range`, which is not before the one asked for last.
    pub(super) fn within(&mut self, range: &Range<u64>, mut show: impl FnMut(Damage)) -> Result<(), Failure> {
        loop {
            let row = match self.next.take() {
                Some(row) => Some(row),
                None => self.cursor.next(&self.index.damage)?,
            };
            let Some(row) = row else { return Ok(()) };
            let damage = row.damage();
            if damage.offset >= range.end {
                self.next = Some(row);
                return Ok(());
            }
            if damage.offset >= range.start {
                show(damage);
            }
        }
    }
}
