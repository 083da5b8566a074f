//! What must be true of a disk after a power cut: [`check`].

use crate::files::disk::Picture;
use crate::files::ledger::{Ledger, Place};
use crate::files::names::Inode;
use aof_nostd::{Backend, Checksum, Entries, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The log's name. What is moved away gets a number behind it.
pub const LOG: &str = "log.aof";
/// The merged file's name.
pub const MERGED: &str = "merged.out";

/// Whether a file is the log or was it.
#[must_use]
pub fn is_log(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let number = name.strip_prefix(LOG).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// All that was ever sealed: op and bytes of each entry.
pub type History = BTreeMap<Checksum, (u64, Arc<[u8]>)>;

/// Whole entries and damage of a file, in its order: where, and the entry's checksum.
pub type Found = Vec<(usize, Option<Checksum>)>;

/// What a file holds.
#[must_use]
pub fn entries(bytes: &[u8]) -> Found {
    let mut found = Vec::new();
    let mut entries = Entries::detect(bytes, Backend::compiled());
    while let Some(event) = entries.next_event() {
        found.push(match event {
            Event::Entry(located) => (at(located.offset), Some(located.entry.header.checksum)),
            Event::Damage(damage, _) => (at(damage.offset), None),
        });
    }
    found
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Whether a disk keeps every promise, with all that was sealed up to then.
///
/// # Errors
///
/// The promise that is broken, and where.
pub fn check(picture: &Picture, history: &History) -> Result<(), String> {
    let ledger = &picture.ledger;
    let logs: BTreeMap<Inode, &[u8]> =
        picture.files().filter(|(path, ..)| is_log(path)).map(|(_, inode, bytes)| (inode, bytes)).collect();
    acknowledged_is_there(ledger, &logs)?;
    let mut ops = BTreeMap::new();
    for (inode, bytes) in &logs {
        nothing_else_is_there(ledger, *inode, bytes, history, &mut ops)?;
    }
    moved_away_ends_with_an_entry(ledger, &logs, history)?;
    merged_is_whole(ledger, picture.file(Path::new(MERGED)), history)?;
    for kept in &ledger.kept {
        if !picture.files().any(|(path, _, bytes)| !is_log(path) && trimmed(bytes) == &**kept) {
            return Err(format!("{} bytes of a torn tail are cut off and kept nowhere", kept.len()));
        }
    }
    Ok(())
}

/// Whether all bytes are zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Bytes without the zeros that end them: those are not kept.
#[must_use]
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    &bytes[..bytes.len() - zeros]
}

fn acknowledged_is_there(ledger: &Ledger, logs: &BTreeMap<Inode, &[u8]>) -> Result<(), String> {
    for entry in ledger.chain.iter().filter(|entry| entry.is_acknowledged()) {
        let is_there = |place: &&Place| {
            let range = place.offset..entry.end(**place);
            logs.get(&place.file).and_then(|bytes| bytes.get(range)) == Some(&*entry.bytes)
        };
        let mut places = entry.places.iter().filter(|place| place.acknowledged);
        if !places.all(|place| is_there(&place)) {
            return Err(format!("op {} was acknowledged and is not there: {:?}", entry.op, entry.places));
        }
    }
    Ok(())
}

fn nothing_else_is_there(
    ledger: &Ledger,
    inode: Inode,
    bytes: &[u8],
    history: &History,
    ops: &mut BTreeMap<u64, Checksum>,
) -> Result<(), String> {
    let acknowledged_end = ledger.acknowledged_end(inode);
    for (offset, found) in entries(bytes) {
        match found.map(|checksum| (checksum, history.get(&checksum))) {
            Some((_, None)) => {
                return Err(format!("file {inode}, byte {offset}: an entry that nobody wrote"));
            }
            Some((checksum, Some((op, _)))) if *ops.entry(*op).or_insert(checksum) != checksum => {
                return Err(format!("file {inode}, byte {offset}: another entry of op {op}"));
            }
            None if offset < acknowledged_end && !ledger.told.contains(&(inode, offset)) => {
                return Err(format!(
                    "file {inode}, byte {offset}: damage before byte {acknowledged_end}, up to which all is acknowledged"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A log that was moved away has no zeros behind its last entry once anything is acknowledged in one that was begun
/// after it.
fn moved_away_ends_with_an_entry(
    ledger: &Ledger,
    logs: &BTreeMap<Inode, &[u8]>,
    history: &History,
) -> Result<(), String> {
    let acknowledged = ledger.chain.iter().flat_map(|entry| &entry.places).filter(|place| place.acknowledged);
    let Some(newest) = acknowledged.map(|place| place.file).max() else { return Ok(()) };
    for (inode, bytes) in logs.range(..newest) {
        let whole = entries(bytes).into_iter().filter_map(|(offset, checksum)| {
            checksum.and_then(|checksum| history.get(&checksum)).map(|(_, entry)| offset + entry.len())
        });
        let end = whole.max().unwrap_or(0);
        if end < bytes.len() && is_zero(&bytes[end..]) {
            return Err(format!("file {inode} was moved away, and ends with zeros from byte {end} on"));
        }
    }
    Ok(())
}

/// The merged file is the one that was acknowledged or a newer one, whole: an unbroken chain from op 1 on, with
/// all that was acknowledged then.
fn merged_is_whole(ledger: &Ledger, merged: Option<&[u8]>, history: &History) -> Result<(), String> {
    let Some(bytes) = merged else {
        return match &ledger.merged {
            Some(_) => Err("a merged file was acknowledged and is not there".into()),
            None => Ok(()),
        };
    };
    let mut ops = BTreeSet::new();
    for (offset, found) in entries(bytes) {
        let op = found.and_then(|checksum| history.get(&checksum));
        let Some((op, _)) = op else { return Err(format!("the merged file is damaged at byte {offset}")) };
        ops.insert(*op);
    }
    if ops.last().copied() < ledger.merged {
        return Err(format!("the merged file ends with op {:?}, not {:?}", ops.last(), ledger.merged));
    }
    if ops.last().is_some_and(|last| *last != ops.len() as u64) {
        return Err("the merged file is no unbroken chain".into());
    }
    Ok(())
}
