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
//! 4. as part of a linked stretch that is longer than any body.
//!
//! An entry is *named* where an entry that belongs to the log has it as its parent: then it is the log's own, wherever
//! this copy is stored. What 3 needs to know of an entry it takes from those in place, those named, and from sealed
//! headers of damaged entries in place. So each finding may lead to others: all inputs are walked again until nothing
//! changes.
//!
//! After that, entries are *likely* in place, or named, if what 3 needs to know is taken from unconfirmed entries too:
//! the sizes fit on both sides, but somebody might have made them fit. They count as the log's, and are reported.
//!
//! What is then neither is *content*, if it begins strictly inside an extent that is known: between two boundaries
//! that rule 2 or 3 joined, or inside an entry that follows on the last boundary. The rest is *unconfirmed*. Of that,
//! what contradicts an entry of the log is left out, with all that descends from it, and reported.
//!
//! Why this takes no planted entry for one of the log: it can name as its parent only an entry whose checksum was
//! known when its body was written, so one that is before the entry whose body it is in; laid out from there, the
//! sizes end at or before the beginning of that entry, and never inside of it.

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
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

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
    let mut settling = Settling { found, known: Known::new(), body_max, rule: Rule::Proof };
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
struct Boundary {
    at: u64,
    /// The entry that ends there; `None` at a file's beginning.
    anchor: Option<Anchor>,
    /// Whether it is a boundary only if unconfirmed entries are the log's.
    is_likely: bool,
}

/// What a walk found.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    changed: bool,
    unconfirmed: bool,
}

struct Settling<'a> {
    found: &'a mut Found,
    known: Known,
    /// The largest extent of an entry.
    body_max: u64,
    rule: Rule,
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
        let mut walked = Walked::default();
        let mut boundary = Boundary { at: 0, anchor: None, is_likely: false };
        let mut regions = Cursor::new(input.regions.clone(), 64);
        let mut region = regions.next(&self.found.regions)?;
        // Where the region that was passed ends, if that is a boundary.
        let mut proven_at = None;
        // The first stretch after the last one in place.
        let mut pending = input.stretches.start;
        let mut laid = Laid::at(boundary);
        let mut stretches = Cursor::new(input.stretches.clone(), 256);
        for number in input.stretches.clone() {
            if number.is_multiple_of(STOP_EVERY) && output::stopped() {
                return Err(Failure::Interrupted);
            }
            let Some(mut stretch) = stretches.next(&self.found.stretches)? else { break };
            while let Some(passed) = region.filter(|region| region.begin <= stretch.offset) {
                proven_at = self.pass(&passed, &mut boundary)?;
                laid = Laid::at(boundary);
                region = regions.next(&self.found.regions)?;
            }
            if stretch.count == 0 {
                continue;
            }
            let attaches = stretch.offset == boundary.at || proven_at == Some(stretch.offset);
            let before = stretch.state();
            let in_place = if boundary.is_likely { State::Likely } else { State::InPlace };
            let (state, is_boundary, explains) = match before {
                State::InPlace if self.rule > Rule::Proof => (State::InPlace, true, attaches),
                _ if attaches => (in_place, true, true),
                State::Likely => (State::Likely, self.is_laid_out(&stretch, boundary)?, false),
                _ if self.is_laid_out(&stretch, boundary)? => (self.found_by_rule(), true, true),
                State::Named => (State::Named, false, false),
                _ if self.is_long(number, &stretch)? => (State::InPlace, true, false),
                State::Unconfirmed | State::Inside if self.is_named(&stretch)? => {
                    (self.named_by_rule(), false, false)
                }
                State::Inside => (State::Inside, false, false),
                _ => (State::Unconfirmed, false, false),
            };
            if state != before {
                walked.changed = true;
                stretch.set_state(state);
                self.found.stretches.set(number, stretch)?;
            }
            if is_boundary {
                if explains {
                    self.leave_out(input, pending..number, |_| true)?;
                }
                pending = number + 1;
                let is_likely = state == State::Likely;
                boundary = Boundary { at: stretch.end, anchor: Some(anchor(&stretch)), is_likely };
                (laid, proven_at) = (Laid::at(boundary), None);
                continue;
            }
            walked.unconfirmed = true;
            if self.rule == Rule::Cover {
                self.cover(input, pending..number, &stretch, boundary, &mut laid)?;
            }
        }
        while let Some(passed) = region {
            self.pass(&passed, &mut boundary)?;
            region = regions.next(&self.found.regions)?;
        }
        Ok(walked)
    }

    /// Passes a region: moves the boundary as far as the region is proven. Returns where it ends, if that is one.
    fn pass(&mut self, region: &Region, boundary: &mut Boundary) -> Result<Option<u64>, Failure> {
        if boundary.at != region.begin {
            return Ok(None);
        }
        *boundary = Boundary { at: region.start, anchor: region.anchor(), ..*boundary };
        for number in region.sealed[0]..region.sealed[1] {
            if let Some(mut sealed) = self.found.sealed.get(number)?.filter(|sealed| !sealed.is_in_place()) {
                sealed.set_in_place();
                self.found.sealed.set(number, sealed)?;
            }
        }
        Ok(region.is_proven().then_some(region.end))
    }

    /// Rule 3.
    fn is_laid_out(&mut self, stretch: &Stretch, boundary: Boundary) -> Result<bool, Failure> {
        let Some(anchor) = boundary.anchor.filter(|_| matches!(self.rule, Rule::All | Rule::Likely)) else {
            return Ok(false);
        };
        let (mut at, mut op, mut parent) = (stretch.offset, stretch.op, stretch.parent);
        while at > boundary.at {
            let Some(before) = op.checked_sub(1) else { return Ok(false) };
            let Some(entry) = self.known.find(self.found, before, parent)? else { return Ok(false) };
            let Some(begin) = at.checked_sub(entry.size_disk) else { return Ok(false) };
            (at, op, parent) = (begin, before, entry.parent);
        }
        Ok(at == boundary.at && anchor.op.checked_add(1) == Some(op) && anchor.checksum == parent)
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

    /// Leaves out what begins strictly inside of an extent: of `stretch`, or of what is stored before it.
    fn cover(
        &mut self,
        input: &mut Input,
        pending: Range<u64>,
        stretch: &Stretch,
        boundary: Boundary,
        laid: &mut Laid,
    ) -> Result<(), Failure> {
        let number = pending.end;
        while laid.end <= stretch.offset
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
        // What reaches over the end of the extent is not in its body.
        let extent = laid.begin..laid.end;
        if stretch.end <= laid.end
            && stretch.state() == State::Unconfirmed
            && extent.contains(&stretch.offset)
            && stretch.offset > extent.start
        {
            return self.leave_out(input, number..number + 1, |_| true);
        }
        // A copy of an entry of the log: those that it descends from are stored before it, if it is in place.
        let first = self.known.first_checksum(self.found, stretch)?;
        if pending.is_empty() || self.known.find(self.found, stretch.op, first)?.is_none() {
            return Ok(());
        }
        let mut boundaries = vec![stretch.offset];
        let (mut at, mut op, mut parent) = (stretch.offset, stretch.op, stretch.parent);
        while at > boundary.at
            && boundaries.len() < LAID_OUT_MAX
            && let Some(before) = op.checked_sub(1)
            && let Some(entry) = self.known.find(self.found, before, parent)?
        {
            at = at.saturating_sub(entry.size_disk);
            (op, parent) = (before, entry.parent);
            boundaries.push(at);
        }
        for inside in pending {
            let Some(covered) = self.found.stretches.get(inside)? else { break };
            let crosses = |boundary: &u64| (covered.offset..covered.end).contains(boundary);
            let begins_inside = covered.offset > at && !boundaries.iter().any(crosses);
            // One that follows on an entry of the log may be the next one, written before the replica went back.
            let follows = match covered.op.checked_sub(1) {
                Some(op) if begins_inside => self.known.find(self.found, op, covered.parent)?.is_some(),
                _ => true,
            };
            if begins_inside && !follows {
                self.leave_out(input, inside..inside + 1, |_| true)?;
            }
        }
        Ok(())
    }

    /// Leaves out those of some stretches that are unconfirmed.
    fn leave_out(
        &mut self,
        input: &mut Input,
        numbers: Range<u64>,
        is_inside: impl Fn(&Stretch) -> bool,
    ) -> Result<(), Failure> {
        for number in numbers {
            let Some(mut stretch) = self.found.stretches.get(number)? else { break };
            if matches!(stretch.state(), State::Unconfirmed | State::Inside)
                && stretch.count > 0
                && is_inside(&stretch)
            {
                input.nested += stretch.count;
                stretch.count = 0;
                self.found.stretches.set(number, stretch)?;
            }
        }
        Ok(())
    }

    /// Leaves out what is unconfirmed and contradicts an entry of the log, and what descends from that.
    fn leave_out_contradicted(&mut self, inputs: &mut [&mut Input]) -> Result<(), Failure> {
        let mut left_out: HashSet<Checksum> = HashSet::new();
        loop {
            let before = left_out.len();
            for input in &mut *inputs {
                for number in input.stretches.clone() {
                    let stretch = self.found.stretches.get(number)?;
                    let Some(mut stretch) = stretch.filter(|stretch| stretch.is_unconfirmed()) else {
                        continue;
                    };
                    let Some(op) = self.contradicts(&stretch, &left_out)? else { continue };
                    if left_out.len() < CONTRADICTIONS_MAX {
                        left_out.insert(stretch.last);
                    }
                    input.leave_out(&stretch, op);
                    stretch.count = 0;
                    self.found.stretches.set(number, stretch)?;
                }
            }
            if left_out.len() == before {
                return Ok(());
            }
        }
    }

    /// The op of which a stretch contradicts an entry of the log: its own, its parent's, or that of what it descends
    /// from.
    fn contradicts(
        &mut self,
        stretch: &Stretch,
        left_out: &HashSet<Checksum>,
    ) -> Result<Option<u64>, Failure> {
        let first = self.known.first_checksum(self.found, stretch)?;
        if self.known.contradicts(self.found, stretch.op, first)? {
            return Ok(Some(stretch.op));
        }
        if let Some(op) = stretch.op.checked_sub(1)
            && (left_out.contains(&stretch.parent)
                || self.known.contradicts(self.found, op, stretch.parent)?)
        {
            return Ok(Some(op));
        }
        // Its entries descend from each other: the last contradicts the log where any of them does.
        let last = stretch.last_op();
        Ok(self.known.contradicts(self.found, last, stretch.last)?.then_some(last))
    }

    /// Notes the clusters of the entries of an input that belong to the log.
    fn note_clusters(&mut self, input: &mut Input) -> Result<(), Failure> {
        let mut stretches = Cursor::new(input.stretches.clone(), 256);
        while let Some(stretch) = stretches.next(&self.found.stretches)? {
            if stretch.count > 0 && stretch.state() != State::Unconfirmed {
                note_cluster(&mut input.clusters, stretch.offset, stretch.cluster());
            }
        }
        Ok(())
    }

    /// Leaves out what is unconfirmed and of another cluster than the logs; where nothing is confirmed in any of them,
    /// of another one than most of the input.
    fn leave_out_foreign(&mut self, input: &mut Input, own: &[u128]) -> Result<(), Failure> {
        let mut unconfirmed: BTreeMap<u128, (u64, u64)> = BTreeMap::new();
        let mut stretches = Cursor::new(input.stretches.clone(), 256);
        while let Some(stretch) = stretches.next(&self.found.stretches)? {
            let is_known = unconfirmed.len() < CLUSTERS_MAX || unconfirmed.contains_key(&stretch.cluster());
            if stretch.is_unconfirmed() && is_known {
                let (_, bytes) = unconfirmed.entry(stretch.cluster()).or_insert((stretch.offset, 0));
                *bytes += stretch.end - stretch.offset;
            }
        }
        let most = unconfirmed.iter().max_by_key(|(_, (_, bytes))| *bytes);
        if let Some((cluster, (offset, _))) = most.filter(|_| own.is_empty()) {
            input.clusters.push((*offset, *cluster));
        }
        let kept =
            if own.is_empty() { input.clusters.iter().map(|&(_, own)| own).collect() } else { own.to_vec() };
        if let Some((cluster, (offset, _))) = unconfirmed.iter().find(|(cluster, _)| !kept.contains(cluster))
        {
            input.foreign = Some((*offset, *cluster));
            let numbers = input.stretches.clone();
            self.leave_out(input, numbers, |stretch| !kept.contains(&stretch.cluster()))?;
        }
        Ok(())
    }
}

/// Entries that are laid out before a copy of an entry of the log.
const LAID_OUT_MAX: usize = 1 << 12;

/// Stretches that contradict the log, whose descendants are found.
const CONTRADICTIONS_MAX: usize = 1 << 16;

/// Clusters that are counted among what is unconfirmed.
const CLUSTERS_MAX: usize = 16;

/// The first cluster of an input, and the first that is another.
fn note_cluster(clusters: &mut Vec<(u64, u128)>, offset: u64, cluster: u128) {
    match clusters.as_slice() {
        [] => clusters.push((offset, cluster)),
        [(_, first)] if *first != cluster => clusters.push((offset, cluster)),
        _ => {}
    }
}

fn anchor(stretch: &Stretch) -> Anchor {
    Anchor { op: stretch.last_op(), checksum: stretch.last }
}

/// The extent of an entry that follows on the last boundary.
#[derive(Clone, Copy, Debug)]
struct Laid {
    begin: u64,
    end: u64,
    /// The entry; `None` where no child of it is known.
    anchor: Option<Anchor>,
}

impl Laid {
    fn at(boundary: Boundary) -> Self {
        Self { begin: boundary.at, end: boundary.at, anchor: boundary.anchor }
    }
}
