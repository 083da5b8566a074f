//! Which entries belong to the log, and which are content of a body: [`settle`].
//!
//! After damage whose end is not known, the search for the next entry may lead into the body of the damaged one,
//! where whoever can write bodies may have planted entries. They are valid, they may name entries of the log as
//! their parents, and nothing in their bytes gives them away. Their place does:
//!
//! ```text
//!  boundary P                                     boundary
//! |entry 6| damaged ............................. |entry 9|
//!         |<--- size of 7 --->|<--- size of 8 --->|           7 and 8: from other inputs, named by 9
//!                    |planted 7|                              begins inside the extent of 7: content
//! ```
//!
//! An entry is *in place* where a boundary of the log is known to be:
//!
//! 1. from a file's first byte on, as long as valid entries follow each other;
//! 2. after damage whose end is proven ([`region`](super::region));
//! 3. where the entries that it descends from, laid out backwards with the sizes that their checksums vouch for,
//!    end exactly at the last boundary, with the child of the entry that ends there;
//! 4. as part of a linked stretch that is longer than any body;
//! 5. where a writer was torn, and went on: in a linked row of entries that begins strictly inside the extent of an
//!    entry of the log, and holds that entry or one above. Where the header of the torn entry is sealed, and the scan
//!    has seen that it was torn, any entry of the log in the row that the scan found will do.
//!
//! Rule 3 is asked of the sealed headers of damaged entries too, wherever they are: where one is in place, so is its end.
//!
//! An entry is *named* where an entry that belongs to the log has it as its parent: then it is the log's own, wherever
//! this copy is stored. What 3 needs to know of an entry it takes from those in place, those named, and from sealed
//! headers of damaged entries in place. So each finding may lead to others: all inputs are walked again until nothing
//! changes.
//!
//! After that, entries are *likely* in place, or named, if what 3 needs to know is taken from unconfirmed entries too:
//! the sizes fit on both sides, but somebody might have made them fit. So they are where the sizes fit at a file's
//! first byte, since a file may begin with any entry. They count as the log's, and are reported; none that contradicts
//! an entry found without such help is likely.
//!
//! What is then neither is *content*, if it begins strictly inside an extent that is known: between two boundaries
//! that rule 2 or 3 joined, or inside an entry that follows on the last boundary; but not if it names as its parent that
//! entry or one above. The rest is *unconfirmed*. Of that, what contradicts an entry of the log is left out, with all
//! that descends from it, and reported ([`content`](super::content)).
//!
//! Why this takes no planted entry for one of the log: it can name as its parent only an entry whose checksum was
//! known when its body was written, so one that is before the entry whose body it is in; laid out from there, the
//! sizes end at or before the beginning of that entry, and never inside of it.
//!
//! Why rule 5 takes none: let the row begin in the extent of entry h. In the body of h, of the log's entries there
//! are only some before h. A row that leaves the body would have to go on with one of these, or with h; but behind h the
//! file has the child of h, or, where the writer began again, an entry that is in place. So the row is not in the body of
//! h: the writer was torn before that. After a crash it goes on with h or one before, and of their bodies the same
//! holds. (One that goes on far above instead, as after a state sync, writes a body that may hold h; where the head
//! of that entry is lost too, the rule can be wrong.)

use super::index::STOP_EVERY;
use super::input::Input;
use super::known::Known;
use super::read::{Found, State, Stretch};
use super::region::{Anchor, Region};
use super::spool::Cursor;
use super::work::Work;
use crate::failure::Failure;
use crate::output;
use aof_nostd::Checksum;
use aof_nostd::wire::MAGIC_SIZE;

/// Walks over all inputs; each but the last finds more of the log.
const WALKS_MAX: usize = 256;

/// Decides of each stretch whether it belongs to the log: content is left out, and what is unconfirmed is marked.
/// Notes each input's clusters, and what is left out since it is of another one.
pub(super) fn settle(
    found: &mut Found,
    inputs: &mut [Input],
    message_size_max: u32,
    work: &Work,
) -> Result<(), Failure> {
    let body_max = u64::from(message_size_max) + MAGIC_SIZE as u64;
    let count = found.stretches.len();
    let cover_budget = count.max(COVER_MIN).saturating_mul(COVER_EACH);
    let known = Known::new(count);
    let mut settling = Settling { found, known, body_max, rule: Rule::Proof, cover_budget };
    let mut unsure = Vec::new();
    for input in inputs.iter_mut() {
        if settling.walk(input)?.unconfirmed {
            unsure.push(input);
        }
    }
    if !unsure.is_empty() {
        settling.until_nothing_changes(&mut unsure, work)?;
        settling.rule = Rule::Cover;
        for input in &mut unsure {
            settling.walk(input)?;
        }
        for input in &mut unsure {
            let numbers = input.stretches.clone();
            settling.leave_out(input, numbers, |stretch| stretch.state() == State::Inside)?;
        }
        settling.leave_out_contradicted(&mut unsure)?;
    }
    for input in inputs.iter_mut() {
        settling.note_clusters(input)?;
    }
    let own: Vec<u128> =
        inputs.iter().flat_map(|input| &input.clusters).map(|&(_, cluster)| cluster).collect();
    for input in inputs.iter_mut() {
        settling.leave_out_foreign(input, &own)?;
    }
    Ok(())
}

/// Which findings a walk may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// By what the input itself proves: rules 1, 2 and 4.
    Proof,
    /// Also by what all inputs hold: rule 3, and entries that are named.
    All,
    /// The same, with what unconfirmed entries tell.
    Likely,
    /// None any more: what lies inside of known extents is content.
    Cover,
}

/// The last known boundary of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub(super) at: u64,
    /// The entry that ends there; `None` at a file's beginning.
    pub(super) anchor: Option<Anchor>,
    /// Whether it is a boundary only if unconfirmed entries are the log's.
    is_likely: bool,
}

/// How far a walk has come.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) boundary: Boundary,
    /// What follows on the boundary.
    pub(super) laid: Laid,
    /// Where the region that was passed ends, if that is a boundary.
    proven_at: Option<u64>,
    /// Where it ends, if a writer was torn in it.
    torn_at: Option<u64>,
    /// The first stretch after the last one in place.
    pub(super) pending: u64,
    walked: Walked,
}

impl Way {
    fn from(pending: u64) -> Self {
        let boundary = Boundary { at: 0, anchor: None, is_likely: false };
        let (laid, walked) = (Laid::at(boundary), Walked::default());
        Self { boundary, laid, proven_at: None, torn_at: None, pending, walked }
    }

    fn go_to(&mut self, boundary: Boundary) {
        (self.boundary, self.laid) = (boundary, Laid::at(boundary));
        (self.proven_at, self.torn_at) = (None, None);
    }
}

/// What a walk found.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    changed: bool,
    unconfirmed: bool,
}

pub(super) struct Settling<'a> {
    pub(super) found: &'a mut Found,
    pub(super) known: Known,
    /// The largest extent of an entry.
    body_max: u64,
    rule: Rule,
    /// Looks that are left for what stretches cover.
    pub(super) cover_budget: u64,
}

impl Settling<'_> {
    fn until_nothing_changes(&mut self, unsure: &mut [&mut Input], work: &Work) -> Result<(), Failure> {
        for rule in [Rule::All, Rule::Likely] {
            self.rule = rule;
            for _ in 0..WALKS_MAX {
                self.known.renew(self.found, work, rule == Rule::Likely)?;
                let mut changed = false;
                for input in &mut *unsure {
                    changed |= self.walk(input)?.changed;
                }
                if !changed {
                    break;
                }
            }
        }
        self.known.renew(self.found, work, false)
    }

    /// Walks over the stretches of an input.
    fn walk(&mut self, input: &mut Input) -> Result<Walked, Failure> {
        let mut way = Way::from(input.stretches.start);
        let mut regions = Cursor::new(input.regions.clone(), 64);
        let mut region = regions.next(&self.found.regions)?;
        let mut stretches = Cursor::new(input.stretches.clone(), 256);
        for number in input.stretches.clone() {
            if number.is_multiple_of(STOP_EVERY) && output::stopped() {
                return Err(Failure::Interrupted);
            }
            let Some(mut stretch) = stretches.next(&self.found.stretches)? else { break };
            while let Some(passed) = region.filter(|region| region.begin <= stretch.offset) {
                self.pass(input, &passed, number, &mut way)?;
                region = regions.next(&self.found.regions)?;
            }
            if stretch.count == 0 {
                continue;
            }
            let before = stretch.state();
            let (state, is_boundary, explains) = self.judge(number, &stretch, &mut way)?;
            if state != before {
                way.walked.changed = true;
                stretch.set_state(state);
                self.found.stretches.set(number, stretch)?;
            }
            if is_boundary {
                if explains {
                    self.leave_out(input, way.pending..number, |_| true)?;
                }
                way.go_to(Boundary {
                    at: stretch.end,
                    anchor: Some(anchor(&stretch)),
                    is_likely: state == State::Likely,
                });
                way.pending = number + 1;
                continue;
            }
            way.walked.unconfirmed = true;
            if self.rule == Rule::Cover {
                self.cover(input, number, &stretch, &mut way)?;
            }
        }
        while let Some(passed) = region {
            self.pass(input, &passed, input.stretches.end, &mut way)?;
            region = regions.next(&self.found.regions)?;
        }
        Ok(way.walked)
    }

    /// What a stretch is, whether a boundary is where it ends, and whether what is before it is explained then.
    fn judge(
        &mut self,
        number: u64,
        stretch: &Stretch,
        way: &mut Way,
    ) -> Result<(State, bool, bool), Failure> {
        let boundary = way.boundary;
        let attaches = stretch.offset == boundary.at || way.proven_at == Some(stretch.offset);
        let in_place = if boundary.is_likely { State::Likely } else { State::InPlace };
        let is_laid_out =
            |settling: &mut Self| settling.is_laid_out(stretch.offset, stretch.op, stretch.parent, boundary);
        Ok(match stretch.state() {
            State::InPlace if self.rule > Rule::Proof => (State::InPlace, true, attaches),
            _ if attaches => (in_place, true, true),
            State::Likely => (State::Likely, is_laid_out(self)?, false),
            _ if is_laid_out(self)? && self.may_be_own(stretch)? => (self.found_by_rule(), true, true),
            _ if self.is_written_again(number, stretch, way)? => (self.found_by_rule(), true, false),
            State::Named => (State::Named, false, false),
            _ if self.is_long(number, stretch)? => (State::InPlace, true, false),
            State::Unconfirmed | State::Inside if self.is_named(stretch)? && self.may_be_own(stretch)? => {
                (self.named_by_rule(), false, false)
            }
            State::Inside => (State::Inside, false, false),
            _ => (State::Unconfirmed, false, false),
        })
    }

    /// Passes a region, which is before the stretch `number`: moves the boundary as far as the region is proven. One that
    /// begins with a sealed header may begin at a boundary though what is before it is of unknown size.
    fn pass(
        &mut self,
        input: &mut Input,
        region: &Region,
        number: u64,
        way: &mut Way,
    ) -> Result<(), Failure> {
        (way.proven_at, way.torn_at) = (None, None);
        let mut is_likely = way.boundary.is_likely;
        if way.boundary.at != region.begin {
            let first = region.sealed[0];
            let head = if first < region.sealed[1] { self.found.sealed.get(first)? } else { None };
            let Some(head) = head.filter(|head| head.offset == region.begin) else { return Ok(()) };
            if head.is_in_place() {
                is_likely = !head.is_sure();
            } else if self.is_laid_out(head.offset, head.op, head.parent, way.boundary)?
                && !(self.rule == Rule::Likely && self.known.refutes(self.found, head.op, head.checksum)?)
            {
                is_likely |= self.rule == Rule::Likely;
            } else {
                return Ok(());
            }
            self.leave_out(input, way.pending..number, |_| true)?;
            way.pending = number;
        }
        way.go_to(Boundary { at: region.start, anchor: region.anchor(), is_likely });
        for number in region.sealed[0]..region.sealed[1] {
            let Some(mut sealed) = self.found.sealed.get(number)? else { break };
            if sealed.set_in_place(is_likely) {
                way.walked.changed = true;
                self.found.sealed.set(number, sealed)?;
            }
            if region.anchor().is_some_and(|anchor| anchor.checksum == sealed.checksum) {
                way.laid = Laid { begin: sealed.offset, end: sealed.end(), anchor: region.anchor() };
            }
        }
        way.proven_at = region.is_proven().then_some(region.end);
        way.torn_at = region.is_torn().then_some(region.end);
        Ok(())
    }

    /// Rule 3, of an entry at `at`.
    fn is_laid_out(
        &mut self,
        mut at: u64,
        mut op: u64,
        mut parent: Checksum,
        boundary: Boundary,
    ) -> Result<bool, Failure> {
        if !matches!(self.rule, Rule::All | Rule::Likely) {
            return Ok(false);
        }
        while at > boundary.at {
            let Some(before) = op.checked_sub(1) else { return Ok(false) };
            let Some(entry) = self.known.find(self.found, before, parent)? else { return Ok(false) };
            let Some(begin) = at.checked_sub(entry.size_disk) else { return Ok(false) };
            (at, op, parent) = (begin, before, entry.parent);
        }
        let follows = match boundary.anchor {
            Some(anchor) => anchor.op.checked_add(1) == Some(op) && anchor.checksum == parent,
            // A file may begin with any entry: somebody may have made the sizes fit.
            None => self.rule == Rule::Likely,
        };
        Ok(follows && at == boundary.at)
    }

    /// Rule 4.
    fn is_long(&self, number: u64, stretch: &Stretch) -> Result<bool, Failure> {
        let mut last = *stretch;
        let mut next = number + 1;
        while last.end - stretch.offset <= self.body_max {
            match self.found.stretches.get(next)? {
                Some(following) if last.is_continued_by(&following) => last = following,
                _ => return Ok(false),
            }
            next += 1;
        }
        Ok(true)
    }

    /// Rule 5.
    fn is_written_again(&mut self, number: u64, stretch: &Stretch, way: &mut Way) -> Result<bool, Failure> {
        if !matches!(self.rule, Rule::All | Rule::Likely) {
            return Ok(false);
        }
        if way.torn_at == Some(stretch.offset) {
            return self.holds_own(number, stretch, 0);
        }
        let laid = &mut way.laid;
        self.lay(laid, stretch.offset)?;
        let Some(around) = laid.anchor.filter(|_| laid.covers(stretch.offset)) else { return Ok(false) };
        self.holds_own(number, stretch, around.op)
    }

    /// Whether a stretch, or what continues it, holds an entry of the log with this op or one above.
    fn holds_own(&mut self, mut number: u64, stretch: &Stretch, op: u64) -> Result<bool, Failure> {
        let (mut stretch, begin) = (*stretch, stretch.offset);
        while stretch.offset - begin <= self.body_max {
            let first = op.saturating_sub(stretch.op);
            for entry in (first..stretch.count).take(OWN_MAX) {
                let Some(row) = self.known.row(self.found, &stretch, entry)? else { break };
                if self.known.is_own(self.found, stretch.op + entry, row.checksum)? {
                    return Ok(true);
                }
            }
            number += 1;
            match self.found.stretches.get(number)? {
                Some(next) if stretch.is_continued_by(&next) => stretch = next,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Whether no entry that belongs to the log for sure contradicts a stretch: with what unconfirmed entries tell, sizes
    /// may be made to fit.
    fn may_be_own(&mut self, stretch: &Stretch) -> Result<bool, Failure> {
        if self.rule != Rule::Likely {
            return Ok(true);
        }
        let first = self.known.first_checksum(self.found, stretch)?;
        Ok(!self.known.refutes(self.found, stretch.op, first)?
            && !self.known.refutes(self.found, stretch.last_op(), stretch.last)?)
    }

    /// Lays out what follows on the last boundary, up to the entry that reaches over `offset`.
    pub(super) fn lay(&mut self, laid: &mut Laid, offset: u64) -> Result<(), Failure> {
        while laid.end <= offset
            && let Some(anchor) = laid.anchor
            && let Some(op) = anchor.op.checked_add(1)
        {
            match self.known.child(self.found, op, anchor.checksum)? {
                Some(child) => {
                    laid.begin = laid.end;
                    laid.end = laid.end.saturating_add(child.size_disk);
                    laid.anchor = Some(Anchor { op, checksum: child.checksum });
                }
                None => laid.anchor = None,
            }
        }
        Ok(())
    }

    /// What an entry is that the present rule finds in place, and what one is that it finds named.
    fn found_by_rule(&self) -> State {
        if self.rule == Rule::Likely { State::Likely } else { State::InPlace }
    }

    fn named_by_rule(&self) -> State {
        if self.rule == Rule::Likely { State::Likely } else { State::Named }
    }

    /// Whether an entry of the log names the last one of a stretch as its parent.
    fn is_named(&mut self, stretch: &Stretch) -> Result<bool, Failure> {
        if self.rule < Rule::All {
            return Ok(false);
        }
        let Some(op) = stretch.last_op().checked_add(1) else { return Ok(false) };
        self.known.is_named(self.found, op, stretch.last)
    }
}

/// Looks before stretches for what they cover, for each stretch, and for so many at the least.
const COVER_EACH: u64 = 64;
const COVER_MIN: u64 = 1 << 12;

/// Entries of a stretch of which it is asked whether they are the log's.
const OWN_MAX: usize = 16;

fn anchor(stretch: &Stretch) -> Anchor {
    Anchor { op: stretch.last_op(), checksum: stretch.last }
}

/// The extent of an entry that follows on the last boundary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laid {
    begin: u64,
    pub(super) end: u64,
    /// The entry; `None` where no child of it is known.
    pub(super) anchor: Option<Anchor>,
}

impl Laid {
    fn at(boundary: Boundary) -> Self {
        Self { begin: boundary.at, end: boundary.at, anchor: boundary.anchor }
    }

    /// Whether a byte is strictly inside the extent.
    pub(super) fn covers(&self, offset: u64) -> bool {
        self.begin < offset && offset < self.end
    }
}
