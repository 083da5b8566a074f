//! Several logs of one cluster, as one: [`read`].
//!
//! They are indexed and merged as `aof merge` does: 64 bytes of memory an entry, and as much again for the chain;
//! about 150 in practice. Each entry is then read
//! from where it stands, in the order of ops, and checked again. Behind a gap an export goes on, unlike a
//! merge: rows of sound entries are no less true for the ones that are missing, which are told. At a fork
//! it ends.

use super::loss::Loss;
use super::read::Taker;
use super::select::Select;
use crate::failure::Failure;
use crate::merge::index::{Index, Record};
use crate::merge::notes::{Note, notes};
use crate::merge::plan::{Obstacle, Plan, Root};
use crate::merge::report;
use crate::output::{self, Progress, WATCH};
use crate::replay::log::Log;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Reads logs whole.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Interrupted`], [`Failure::Log`] where they are not logs of one cluster,
/// and those of `taker`.
pub fn read<T: Taker>(
    paths: &[PathBuf],
    message_size_max: u32,
    select: &Select,
    taker: &mut T,
) -> Result<Loss, Failure> {
    let index = Index::read(paths, message_size_max)?;
    if let Some(text) = index.too_large(message_size_max) {
        return Err(Failure::Usage(text));
    }
    if let Some(conflict) = index.conflict() {
        return Err(Failure::Log(report::conflict_text(&index, &conflict)));
    }
    let mut loss = Loss::default();
    for text in report::damaged_inputs(&index) {
        loss.tell(&text);
    }
    let mut plan = Plan::of(&index, Root::LowestOp);
    let notes = notes(&index, &plan, Root::LowestOp);
    for note in notes.iter().filter(|note| !matches!(note, Note::LostBeginning { .. })) {
        let lost = match note {
            // The zeros that end a device are its free space, and no damage.
            Note::ZeroTail { .. } => false,
            Note::UnknownEnd { last, .. } => select.ops((last.saturating_add(1), u64::MAX)).is_some(),
            note => note.ops().into_iter().any(|ops| select.ops(ops).is_some()),
        };
        loss.is_fault |= lost;
        if lost || matches!(note, Note::ZeroTail { .. }) {
            loss.tell(&note.to_string());
        }
    }
    if matches!(plan.obstacle, Some(Obstacle::Gap { .. })) {
        go_on(&index, &mut plan);
    }
    if let Some(fork @ Obstacle::Fork { op, .. }) = &plan.obstacle
        && select.reaches(*op)
    {
        loss.is_fault = true;
        loss.tell(&format!(
            "{}: what stands from there on is not exported",
            report::obstacle_text(&index, fork)
        ));
    }
    loss.missing = missing(&plan.chain);
    let is_damaged = index.inputs.iter().any(|input| !input.damage.is_empty());
    // What is missing may be what was damaged.
    loss.is_fault |= is_damaged && loss.missing.iter().any(|ops| select.ops(*ops).is_some());
    // Headers are not among the records: what is asked for is known when an entry is read.
    plan.chain.retain(|record| select.ops((record.op, record.op)).is_some());
    let progress = Progress::new("export", plan.chain.iter().map(|record| record.size_disk).sum());
    let mut log = Log::planned(index, plan);
    while let Some(entry) = log.next_entry()? {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        if select.entry(&entry.header) {
            taker.take(&entry.place.file, entry.place.offset, &entry.header, &entry.body)?;
        }
        WATCH.bytes.fetch_add(entry.header.size_disk(), Ordering::Relaxed);
        progress.show();
    }
    Ok(loss)
}

/// Adds to a chain that ends at a gap what stands behind it, op by op, up to a fork.
///
/// An island might lie in a damaged entry's body. It is taken as a child of the last entry, and behind a gap if
/// an entry that stands in a log names it. It gives way to one that contradicts it.
fn go_on(index: &Index, plan: &mut Plan) {
    let tip = plan.chain.last().map_or(0, |record| record.op);
    let start = index.records().partition_point(|record| record.op <= tip);
    plan.obstacle = None;
    for copies in index.records().get(start..).unwrap_or(&[]).chunk_by(|one, other| one.op == other.op) {
        let is_firm = copies.iter().any(|record| !record.island);
        let tip = plan.chain.last().copied();
        let is_child = |record: &Record| tip.is_some_and(|tip| follows(&tip, record) && names(record, &tip));
        let mut meant =
            copies.iter().filter(|record| if is_firm { !record.island } else { is_child(record) });
        let Some(first) = meant.next() else { continue };
        let mut fork = meant.find(|record| record.checksum != first.checksum).map(|other| (*first, *other));
        let mut run = vec![*first];
        if is_firm && fork.is_none() {
            fork = join(index, &mut plan.chain, &mut run);
        }
        if let Some((one, other)) = fork {
            plan.obstacle = Some(Obstacle::Fork { op: first.op, sides: vec![vec![one], vec![other]] });
            return;
        }
        plan.chain.extend(run.iter().rev());
    }
}

/// Joins an entry that stands in a log to the chain: puts the islands that it names, and those that they name,
/// behind it in `run`, and takes off the chain those that contradict it. Gives the fork, if it is one.
fn join(index: &Index, chain: &mut Vec<Record>, run: &mut Vec<Record>) -> Option<(Record, Record)> {
    loop {
        let tip = chain.last().copied();
        while let Some(head) = run.last()
            && let Some(op) = head.op.checked_sub(1)
            && tip.is_none_or(|tip| tip.op < op)
            && let Some(parent) = index.at(op).iter().find(|record| names(head, record))
        {
            run.push(*parent);
        }
        let head = run.last()?;
        let tip = tip.filter(|tip| follows(tip, head) && !names(head, tip))?;
        if !tip.island {
            return Some((*head, tip));
        }
        // With it goes what stands before it in the same body.
        let mut behind = tip;
        while let Some(last) = chain.pop_if(|last| {
            *last == behind || last.island && last.end() == behind.offset && last.input == behind.input
        }) {
            behind = last;
        }
    }
}

/// Whether an entry's op is the one behind another's.
fn follows(before: &Record, record: &Record) -> bool {
    before.op.checked_add(1) == Some(record.op)
}

/// Whether an entry names another as its parent.
fn names(record: &Record, parent: &Record) -> bool {
    record.parent == parent.checksum
}

/// The ops between the first and the last that are not there.
fn missing(chain: &[Record]) -> Vec<(u64, u64)> {
    let pairs = chain.iter().zip(chain.iter().skip(1));
    let gap = |(before, behind): (&Record, &Record)| {
        let (first, last) = (before.op.saturating_add(1), behind.op.saturating_sub(1));
        (first <= last).then_some((first, last))
    };
    pairs.filter_map(gap).collect()
}
