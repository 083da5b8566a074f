//! Where a progress file is searched for when it is not at its usual place.
//!
//! The logs are named in any order, and `aof merge` makes another file of them. So a recovery may have begun
//! with another name than the one that is given now:
//!
//! ```text
//! recover r1.aof r0.aof     usual place  r1.aof.progress
//!                           also         r0.aof.progress             beside every input
//!                           also         *.progress in their folders, as whole.aof.progress: beside a merged log
//! ```
//!
//! A file found there is used only if it names this log and this cluster's id. With `--state` nothing is searched.

use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::replay::state::{State, StateFile};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// Files that are read, at most, of those that only their ending names.
const READ_MAX: usize = 100;

/// Paths that a message names, at most.
const NAMED_MAX: usize = 5;

/// The ending of a progress file's name.
const ENDING: &str = ".progress";

/// Returns the place of the progress file: `--state`, or beside the first log.
pub(super) fn usual_path(args: &RecoverArgs) -> PathBuf {
    let beside_first = || args.files.first().map(|file| beside(file)).unwrap_or_default();
    args.state.clone().unwrap_or_else(beside_first)
}

fn beside(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ENDING);
    path.into()
}

/// What the search found. The usual place is not part of it.
#[derive(Debug)]
pub(super) struct Search {
    /// The usual place, and those beside the other inputs.
    tried: Vec<PathBuf>,
    /// Progress files of recoveries that sent something, by path.
    found: Vec<(PathBuf, State)>,
    /// The place was given by `--state`, and nothing was searched.
    is_given: bool,
}

impl Search {
    /// Reads the progress files beside the inputs and in their folders. A file that cannot be read is passed over:
    /// it may be anybody's.
    pub(super) fn new(args: &RecoverArgs) -> Self {
        let usual = usual_path(args);
        if args.state.is_some() {
            return Self { tried: vec![usual], found: Vec::new(), is_given: true };
        }
        let mut tried = Vec::new();
        for path in args.files.iter().map(|file| beside(file)) {
            if !tried.contains(&path) {
                tried.push(path);
            }
        }
        let in_folders = in_folders(&args.files).into_iter().take(READ_MAX);
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for path in tried.iter().cloned().chain(in_folders) {
            // One file may be named in two ways.
            let is_new = path.canonicalize().is_ok_and(|real| seen.insert(real));
            if is_new
                && path != usual
                && let Some(state) = StateFile::peek(&path)
                && !state.is_unused()
            {
                found.push((path, state));
            }
        }
        Self { tried, found, is_given: false }
    }

    /// Returns the progress file of this log, where there is one.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: there are several.
    pub(super) fn of_log(&self, cluster: &str, log: &str) -> Result<Option<&Path>, Failure> {
        let is_ours = |state: &State| state.cluster == cluster && state.log == log;
        let ours: Vec<&Path> =
            self.found.iter().filter(|(_, state)| is_ours(state)).map(|(path, _)| path.as_path()).collect();
        match ours.as_slice() {
            [] => Ok(None),
            [path] => Ok(Some(*path)),
            several => Err(Failure::Usage(format!(
                "several progress files are of this log: {}. Name the one of this cluster by --state",
                list(several)
            ))),
        }
    }

    /// Returns the progress files of other logs that were replayed into a cluster with this id as far as `last_op`.
    pub(super) fn of_other_logs(&self, cluster: &str, log: &str, last_op: u64) -> Vec<&(PathBuf, State)> {
        // Two operations may have been in flight: a pulse, and the noop that confirms it.
        let fits = |state: &State| {
            state.cluster == cluster
                && state.log != log
                && (state.op..=state.op.saturating_add(2)).contains(&last_op)
        };
        self.found.iter().filter(|(_, state)| fits(state)).collect()
    }
}

/// Where a progress file was searched for without result.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried: Vec<&Path> = self.tried.iter().map(PathBuf::as_path).collect();
        if self.is_given {
            return write!(f, "no progress file is at {} (--state)", list(&tried));
        }
        write!(
            f,
            "no progress file of this log was found: neither {} nor another *{ENDING} in the same folder. If you have \
             it elsewhere, name it by --state",
            list(&tried)
        )
    }
}

fn list(paths: &[&Path]) -> String {
    let named: Vec<_> = paths.iter().take(NAMED_MAX).map(|path| shown(path).to_string()).collect();
    match paths.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The progress files, by their names, in the folders of some files, in order.
fn in_folders(files: &[PathBuf]) -> Vec<PathBuf> {
    let folder = |file: &PathBuf| {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
    };
    let folders: BTreeSet<_> = files.iter().map(folder).collect();
    let mut paths = BTreeSet::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let names = entries.flatten().map(|entry| entry.file_name()).filter(|name| is_progress_name(name));
        paths.extend(names.map(|name| folder.join(name)));
    }
    paths.into_iter().collect()
}

fn is_progress_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(ENDING.as_bytes())
}
