//! What is content of bodies, or contradicts the log, is left out: what [`membership`](super::membership) does once it
//! has found all that belongs to the log.

use super::input::Input;
use super::membership::{Laid, Settling, Way};
use super::read::{State, Stretch};
use super::spool::Cursor;
use crate::failure::Failure;
use aof_nostd::Checksum;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

impl Settling<'_> {
    /// Leaves out what begins strictly inside of an extent: of `stretch`, or of what is stored before it.
    pub(super) fn cover(
        &mut self,
        input: &mut Input,
        number: u64,
        stretch: &Stretch,
        way: &mut Way,
    ) -> Result<(), Failure> {
        let (pending, boundary) = (way.pending..number, way.boundary);
        self.lay(&mut way.laid, stretch.offset)?;
        // What reaches over the end of the extent is not in its body.
        if stretch.end <= way.laid.end
            && stretch.state() == State::Unconfirmed
            && way.laid.covers(stretch.offset)
            && !self.is_child_of_later(stretch, &way.laid)?
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
            && self.may_look()
            && let Some(before) = op.checked_sub(1)
            && let Some(entry) = self.known.find(self.found, before, parent)?
        {
            at = at.saturating_sub(entry.size_disk);
            (op, parent) = (before, entry.parent);
            boundaries.push(at);
        }
        // From the last one back: what is before the first boundary is not inside.
        for inside in pending.rev() {
            if !self.may_look() {
                break;
            }
            let Some(covered) = self.found.stretches.get(inside)?.filter(|covered| covered.offset > at)
            else {
                break;
            };
            // The boundaries fall: the first one below its end is the only one that may be in it.
            let below = boundaries.partition_point(|boundary| *boundary >= covered.end);
            let is_crossed = boundaries.get(below).is_some_and(|boundary| *boundary >= covered.offset);
            // One that follows on an entry of the log may be the next one, written before the replica went back.
            let follows = match covered.op.checked_sub(1) {
                Some(op) if !is_crossed => self.known.find(self.found, op, covered.parent)?.is_some(),
                _ => true,
            };
            if !is_crossed && !follows {
                self.leave_out(input, inside..inside + 1, |_| true)?;
            }
        }
        Ok(())
    }

    /// Takes one look from the budget. Where it is used up, what would have been found to be content stays unconfirmed, and is
    /// reported.
    fn may_look(&mut self) -> bool {
        self.cover_budget = self.cover_budget.saturating_sub(1);
        self.cover_budget > 0
    }

    /// Whether a stretch names an entry of the log as its parent that is not before the one whose extent it is in: nobody
    /// who wrote that body could know its checksum.
    fn is_child_of_later(&mut self, stretch: &Stretch, laid: &Laid) -> Result<bool, Failure> {
        match stretch.op.checked_sub(1).zip(laid.anchor) {
            Some((op, around)) if op >= around.op => self.known.is_own(self.found, op, stretch.parent),
            _ => Ok(false),
        }
    }

    /// Leaves out those of some stretches that are unconfirmed.
    pub(super) fn leave_out(
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
    pub(super) fn leave_out_contradicted(&mut self, inputs: &mut [&mut Input]) -> Result<(), Failure> {
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
    pub(super) fn note_clusters(&mut self, input: &mut Input) -> Result<(), Failure> {
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
    pub(super) fn leave_out_foreign(&mut self, input: &mut Input, own: &[u128]) -> Result<(), Failure> {
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
