//! Which entries lie inside the body of a damaged one: [`judge`].
//!
//! ```text
//! |entry 6|magic|hea??? ...... |entry 3|entry 4| ..... |entry 8|      7 is damaged; 3 and 4 are whole
//!                 the body of 7 |<---- island ---->|
//! ```
//!
//! Two things give such a run away: some input holds the entry that should stand at the damage, and its size
//! tells how far it reaches; or the run is of a cluster that no log outside of damage has.
//!
//! Where neither does, the run is an *island*, which gives way to what stands in a log, unless its ops tell that it
//! stands where it should: above all before it in the log and below all behind it, with room for a damaged entry on
//! either side. Behind the damaged entry 7 the log goes on with 8: nothing that somebody has put into its body is
//! above 8 and below it.
//!
//! All are judged before any is dropped, or the order of the inputs would matter: what is dropped from one may
//! be what tells of another.
//!
//! There may be as many damaged places as entries. Their entries are looked up among all others as many at a
//! time as the memory holds, by one pass over the stretches each time.

use super::index::STOP_EVERY;
use super::input::Input;
use super::read::{EntryRow, Found, Run};
use super::spool::Cursor;
use super::work::Work;
use crate::failure::Failure;
use crate::output;
use aof_nostd::Checksum;
use std::collections::BTreeSet;

/// Rows read at once for one of them: the next may be among them.
const WINDOW: usize = 256;

/// Judges all runs: marks the stretches of islands, empties those that are dropped, and tells each input's
/// clusters.
pub(crate) fn judge(found: &mut Found, inputs: &mut [Input], work: &Work) -> Result<(), Failure> {
    let firm = firm_clusters(found)?;
    largest_children(found, work)?;
    compare_ops(found)?;
    let mut before: Option<Run> = None;
    let mut runs = found.runs.walk();
    let mut judged = 0_u64;
    while let Some(run) = runs.next()? {
        judged += 1;
        if judged.is_multiple_of(STOP_EVERY) && output::stopped() {
            return Err(Failure::Interrupted);
        }
        // The child of the last entry should stand where that one ends. (One that stands in the run itself is
        // too short to reach from there over the run.)
        let covered = before
            .filter(|before| before.input == run.input && before.child_size > 0)
            .is_some_and(|before| run.end <= before.end.saturating_add(before.child_size));
        let foreign = !firm.is_empty() && !firm.contains(&run.cluster());
        let nested = run.is_enclosed() && foreign || run.damage_before() && covered;
        if nested || run.is_island() {
            for number in run.stretch..run.stretch + run.stretches {
                if let Some(mut stretch) = found.stretches.get(number)? {
                    stretch.island = u32::from(run.is_island());
                    stretch.count = if nested { 0 } else { stretch.count };
                    found.stretches.set(number, stretch)?;
                }
            }
        }
        let Some(input) = inputs.get_mut(run.input as usize) else { continue };
        if nested {
            input.nested += run.entries;
            continue;
        }
        note_clusters(&mut input.clusters, &run);
        before = Some(run);
    }
    Ok(())
}

/// Compares the ops of each run with those before and behind it in its log.
fn compare_ops(found: &mut Found) -> Result<(), Failure> {
    let mut highest: Option<(u32, u64)> = None;
    for number in 0..found.runs.len() {
        if number.is_multiple_of(STOP_EVERY) && output::stopped() {
            return Err(Failure::Interrupted);
        }
        let Some(mut run) = found.runs.get(number)? else { break };
        let before = highest.filter(|(input, _)| *input == run.input).map(|(_, op)| op);
        highest = Some((run.input, run.compare_before(before)));
        found.runs.set(number, run)?;
    }
    let mut lowest: Option<(u32, u64)> = None;
    for number in (0..found.runs.len()).rev() {
        if number.is_multiple_of(STOP_EVERY) && output::stopped() {
            return Err(Failure::Interrupted);
        }
        let Some(mut run) = found.runs.get(number)? else { break };
        let behind = lowest.filter(|(input, _)| *input == run.input).map(|(_, op)| op);
        lowest = Some((run.input, run.compare_behind(behind)));
        found.runs.set(number, run)?;
    }
    Ok(())
}

/// The first cluster of an input, and the first that is another.
fn note_clusters(clusters: &mut Vec<(u64, u128)>, run: &Run) {
    for (offset, cluster) in [Some((run.start, run.cluster())), run.other_cluster()].into_iter().flatten() {
        match clusters.as_slice() {
            [] => clusters.push((offset, cluster)),
            [(_, first)] if *first != cluster => clusters.push((offset, cluster)),
            _ => {}
        }
    }
}

/// The clusters of runs without damage on one side or both: two an input at most.
fn firm_clusters(found: &Found) -> Result<BTreeSet<u128>, Failure> {
    let mut clusters = BTreeSet::new();
    let mut runs = found.runs.walk();
    while let Some(run) = runs.next()? {
        if !run.is_enclosed() {
            clusters.insert(run.cluster());
        }
    }
    Ok(clusters)
}

/// The last entry before damage, and the bytes of its largest child.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parent {
    op: u64,
    checksum: Checksum,
    run: u64,
    child_size: u64,
}

/// Finds the bytes of the largest child of each entry that damage follows, and a run behind that.
fn largest_children(found: &mut Found, work: &Work) -> Result<(), Failure> {
    let parents_max = work.share(8, size_of::<Parent>());
    let mut runs: Cursor<Run> = Cursor::new(0..found.runs.len(), WINDOW);
    let mut number = 0;
    let mut run = runs.next(&found.runs)?;
    while run.is_some() {
        let mut parents = Vec::new();
        while let Some(before) = run.filter(|_| parents.len() < parents_max) {
            run = runs.next(&found.runs)?;
            if before.damage_behind() && run.is_some_and(|behind| behind.input == before.input) {
                let (op, checksum) = (before.last_op, before.last);
                parents.push(Parent { op, checksum, run: number, child_size: 0 });
            }
            number += 1;
        }
        if parents.is_empty() {
            continue;
        }
        parents.sort_unstable();
        find_children(found, &mut parents)?;
        let mut before: Option<&Parent> = None;
        for parent in &parents {
            // Only the first of those that are one entry was looked up.
            let same = before.filter(|before| (before.op, before.checksum) == (parent.op, parent.checksum));
            let found_of = same.unwrap_or(parent);
            if let Some(mut run) = found.runs.get(parent.run)? {
                run.child_size = found_of.child_size;
                found.runs.set(parent.run, run)?;
            }
            before = Some(found_of);
        }
    }
    Ok(())
}

/// Looks for the children of `parents`, which are in order, in all stretches.
fn find_children(found: &Found, parents: &mut [Parent]) -> Result<(), Failure> {
    let mut stretches = found.stretches.walk();
    let mut rows: Cursor<EntryRow> = Cursor::new(0..0, WINDOW);
    while let Some(stretch) = stretches.next()? {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        rows = rows.over(stretch.row..stretch.row + stretch.count);
        let mut at = parents.partition_point(|parent| parent.op < stretch.op.saturating_sub(1));
        while let Some(op) = parents.get(at).map(|parent| parent.op).filter(|op| *op < stretch.last_op()) {
            // `op + 1` is the child's op, and within the stretch.
            let child = (op + 1).saturating_sub(stretch.op);
            let parent = match child.checked_sub(1) {
                None => Some(stretch.parent),
                Some(before) => rows.seek(&found.rows, stretch.row + before)?.map(|row| row.checksum),
            };
            let of_op = parents.get(at..).map_or(0, |rest| rest.partition_point(|parent| parent.op == op));
            let Some(same_op) = parents.get_mut(at..at + of_op) else { break };
            at += of_op;
            let Some(parent) = parent else { break };
            let place = same_op.partition_point(|other| other.checksum < parent);
            if let Some(known) = same_op.get_mut(place).filter(|known| known.checksum == parent)
                && let Some(row) = rows.seek(&found.rows, stretch.row + child)?
            {
                known.child_size = known.child_size.max(row.size_disk());
            }
        }
    }
    Ok(())
}
