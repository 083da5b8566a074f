//! Logs that a command reads: [`open`]. A sector that cannot be read does not keep the rest from being read.
//!
//! Its bytes count as damage, see [`aof_std::unreadable`], and each file of which something could not be read, or not
//! at the first attempt, is reported on standard error when the command ends.

use crate::failure::{Reason, shown};
use crate::human::noun;
use crate::output;
use aof_std::Source;
use aof_std::unreadable::Unreadable;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What cannot be read of each file that was opened: a file that is read twice looks the same twice, and a disk is not
/// asked again for a sector that it gave up.
static OPENED: Mutex<BTreeMap<PathBuf, Arc<Unreadable>>> = Mutex::new(BTreeMap::new());

/// Nothing that is kept under the lock is left half changed.
fn opened() -> MutexGuard<'static, BTreeMap<PathBuf, Arc<Unreadable>>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the log at `path` for reading, with the length that it has now.
///
/// # Errors
///
/// As of [`Source::open`].
pub fn open(path: &Path) -> io::Result<Source> {
    let unreadable = opened().entry(path.to_path_buf()).or_default().clone();
    let source = Source::open(path)?;
    Ok(source.noting(unreadable))
}

/// Reports what could not be read, file by file.
pub(crate) fn tell() {
    for (path, unreadable) in &*opened() {
        if let Some(text) = report(path, unreadable) {
            output::note(&text);
        }
    }
}

fn report(path: &Path, unreadable: &Unreadable) -> Option<String> {
    let failed = unreadable.first_failed()?;
    let ranges = unreadable.ranges();
    let name = shown(path);
    let reason = Reason(&failed.error);
    let Some(first) = ranges.first() else {
        return Some(format!(
            "{name}: a read at byte {} failed ({reason}), and succeeded when it was tried again: its disk may be \
             failing: copy the log to another one",
            failed.offset
        ));
    };
    let size: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
    let place = match ranges.len() {
        1 => format!("from byte {} on", first.start),
        count => format!("in {count} ranges, the first from byte {} on,", first.start),
    };
    Some(format!(
        "{name}: {} {place} cannot be read ({reason}), and count as damage: copy what can be read (ddrescue, or dd \
         conv=noerror,sync), and merge the copy with the other replicas' logs",
        noun(size, "byte", "bytes")
    ))
}
