//! Several logs of one cluster, as one: [`read`].
//!
//! They are indexed and merged as `aof merge` does, in memory that does not grow with them. Each entry is then
//! read from where it stands, in the order of ops, and checked again. Behind a gap an export goes on, unlike a
//! merge: rows of sound entries are no less true for the ones that are missing, which are told. At a fork
//! it ends.

use super::loss::Loss;
use super::ops::Ops;
use super::read::Taker;
use super::select::Select;
use crate::failure::Failure;
use crate::merge::chain::{Chain, Walk};
use crate::merge::index::Index;
use crate::merge::input::Input;
use crate::merge::notes::{self, Note, notes};
use crate::merge::plan::{Obstacle, Plan, Root};
use crate::merge::report;
use crate::merge::work::Work;
use crate::output::{self, Progress, WATCH};
use crate::replay::log::Log;
use crate::survey::ZerosAre;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Reads logs whole. Of the ops in `taken` no entry is taken again.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Interrupted`], [`Failure::Log`] where they are not logs of one cluster,
/// and those of `taker`.
pub fn read<T: Taker>(
    paths: &[PathBuf],
    message_size_max: u32,
    select: &Select,
    work: &Work,
    taken: &Ops,
    taker: &mut T,
) -> Result<Loss, Failure> {
    let index = Index::read(paths, message_size_max, work)?;
    if let Some(text) = index.too_large(message_size_max)? {
        return Err(Failure::Usage(text));
    }
    if let Some(conflict) = index.conflict() {
        return Err(Failure::Log(report::conflict_text(&index, &conflict)));
    }
    let mut loss = Loss::default();
    for text in report::damaged_inputs(&index)? {
        loss.tell(&text);
    }
    let mut plan = Plan::of(&index, Root::LowestOp)?;
    let found = notes(&index, &plan, Root::LowestOp)?;
    let of_chain = |note: &&Note| {
        !matches!(note, Note::LostBeginning { .. } | Note::Unconfirmed { .. } | Note::LeftOut { .. })
    };
    for note in found.iter().filter(of_chain) {
        tell(note, select, &mut loss);
    }
    // What was damaged there may be what is missing before the chain's first op.
    for note in found.iter().filter(|note| matches!(note, Note::LostBeginning { .. })) {
        if begins_damaged(&index)? {
            tell(note, select, &mut loss);
        } else {
            loss.first_op = plan.chain.first().map(|first| first.op);
        }
    }
    let missing = plan.go_on(&index)?;
    for note in notes::unconfirmed(&index, &plan.unconfirmed)? {
        tell(&note, select, &mut loss);
    }
    if let Some(fork @ Obstacle::Fork { op, .. }) = &plan.obstacle
        && select.reaches(*op)
    {
        loss.is_fault = true;
        loss.tell(&format!(
            "{}: what stands from there on is not exported",
            report::obstacle_text(&index, fork)?
        ));
    }
    let is_damaged = index.inputs.iter().any(Input::is_damaged);
    // What is missing may be what was damaged.
    let is_wanted = missing.kept.iter().any(|ops| select.ops(*ops).is_some());
    loss.is_fault |= is_damaged && (is_wanted || missing.omitted > 0);
    loss.missing = missing.kept;
    let Some((first, last)) = select.ops((0, u64::MAX)) else { return Ok(loss) };
    let bytes = bytes_between(&index, &plan.chain, first, last)?;
    let progress = Progress::new("export", bytes);
    let mut log = Log::planned(index, plan.chain);
    log.skip_to(first)?;
    let mut left = bytes;
    // Headers are not in the index: what else is asked for is known when an entry is read.
    while left > 0
        && let Some(entry) = log.next_entry()?
    {
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        left = left.saturating_sub(entry.header.size_disk());
        let is_taken = taken.holds(entry.header.op.get());
        if select.entry(&entry.header) && !is_taken {
            taker.take(&entry.place.file, entry.place.offset, &entry.header, &entry.body)?;
        }
        WATCH.bytes.fetch_add(entry.header.size_disk(), Ordering::Relaxed);
        progress.show();
    }
    Ok(loss)
}

/// Whether an input begins with damage.
fn begins_damaged(index: &Index) -> Result<bool, Failure> {
    let mut begins = false;
    for input in &index.inputs {
        index.damage(input, |damage, _| {
            begins |= damage.offset == 0;
            false
        })?;
    }
    Ok(begins)
}

/// Reports a note if it is about ops that are asked for.
fn tell(note: &Note, select: &Select, loss: &mut Loss) {
    let concerns = match note {
        // Free space is no loss; what was in a log file may be one.
        Note::ZeroTail { are, .. } => are.contains(&ZerosAre::Unknown),
        Note::NotALog { .. } | Note::OtherCluster { .. } => true,
        Note::UnknownEnd { last, .. } => select.ops((last.saturating_add(1), u64::MAX)).is_some(),
        note => note.ops().into_iter().any(|ops| select.ops(ops).is_some()),
    };
    if concerns {
        loss.is_fault |= note.is_loss();
        loss.tell(&note.to_string());
    }
}

/// The bytes of the entries with these ops, from the first to the last.
fn bytes_between(index: &Index, chain: &Chain, first: u64, last: u64) -> Result<u64, Failure> {
    if (first, last) == (0, u64::MAX) {
        return Ok(chain.bytes());
    }
    let mut bytes = 0;
    let mut walk = Walk::from(index, chain, first)?;
    while let Some(link) = walk.next(index, chain)?.filter(|link| link.op <= last) {
        bytes += link.size_disk;
    }
    Ok(bytes)
}
