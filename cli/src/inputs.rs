//! The logs that a command line names: [`expand`].
//!
//! A folder stands for the logs in it: its files whose names contain `.aof`, such as `r0.aof`, `r0.aof.1` and
//! `log.aof-2026-11-21`, by name. Left out, and reported:
//!
//! | left out | why |
//! |---|---|
//! | names without `.aof` | no logs |
//! | `*.aof.1.gz`, `*.aof.json`, ... | the name ends as that of something else, see [`Looks::of_name`]: each is named, and what it is |
//! | names that begin with a dot | files in the making |
//! | `*.torn-at-N` | what `repair` cut off and kept |
//! | `*.progress` | how far a `recover` is |
//! | the command's output | |
//! | folders | one that was forgotten, or another cluster's: whoever means it names it |
//!
//! A pattern is the shell's to expand. One that reaches the command matched nothing, or stood in quotes.

use crate::failure::{Failure, shown};
use crate::looks_like::Looks;
use crate::output;
use crate::reading;
use std::path::{Path, PathBuf};

/// Names of files left out that are told.
const TOLD_MAX: usize = 5;

/// The files that `arguments` stand for, in their order.
///
/// # Errors
///
/// [`Failure::Usage`]: a folder without logs, or a pattern; [`Failure::Read`]: a folder that cannot be read.
pub fn expand(arguments: &[PathBuf], output: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            files.extend(logs_in(argument, output)?);
        } else if is_pattern(argument) {
            return Err(Failure::Usage(format!(
                "{}: no file has this name, and a pattern is for the shell to expand: write it without quotes, or \
                 name the folder that the logs are in",
                shown(argument)
            )));
        } else {
            files.push(argument.clone());
        }
    }
    Ok(files)
}

/// Whether it is a pattern that nobody expanded.
fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[']) && path.symlink_metadata().is_err()
}

fn logs_in(folder: &Path, output: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::read(folder, error);
    let output = output.and_then(|output| output.canonicalize().ok());
    let (mut logs, mut others, mut folders) = (Vec::new(), Vec::new(), Vec::new());
    let mut packed = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            folders.push(path);
            continue;
        }
        let is_output = output.is_some() && path.canonicalize().ok() == output;
        // A link that leads nowhere may be one to a disk that is not mounted: reading it reports that.
        let is_readable = path.is_file() || path.metadata().is_err();
        let is_input = is_log(&path) && is_readable && !is_output;
        match of_name(&path) {
            None if is_input => logs.push(path),
            Some(_) if is_input => packed.push(path),
            _ => others.push(path),
        }
    }
    logs.sort();
    packed.sort();
    others.sort();
    folders.sort();
    if logs.is_empty() {
        return Err(Failure::Usage(format!(
            "cannot read {}: no log is in this folder ({}): logs are files whose names contain .aof, in it and not below it; name \
             others one by one",
            shown(folder),
            match others.as_slice() {
                [] if packed.is_empty() => "it holds no file".into(),
                [] => packed.iter().take(TOLD_MAX).map(|path| not_a_log(path)).collect::<Vec<_>>().join("; "),
                others => format!("left out: {}", names(others)),
            }
        )));
    }
    for path in packed.iter().take(TOLD_MAX) {
        output::note(&format!("left out: {}", not_a_log(path)));
    }
    if let Some(more @ [_, ..]) = packed.get(TOLD_MAX..) {
        output::note(&format!("{}: left out, not logs either: {}", shown(folder), names(more)));
    }
    if !others.is_empty() {
        let left_out = names(&others);
        output::note(&format!(
            "{}: left out, since they are not named as logs, are no regular files, or are the output: {left_out}",
            shown(folder)
        ));
    }
    if !folders.is_empty() {
        let left_out = names(&folders);
        output::note(&format!("{}: folders in it are not looked into: {left_out}", shown(folder)));
    }
    Ok(logs)
}

fn is_log(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let is_kept = name
        .rsplit_once(".torn-at-")
        .is_some_and(|(_, at)| at.starts_with(|digit: char| digit.is_ascii_digit()));
    name.contains(".aof") && !name.starts_with('.') && !is_kept && !name.ends_with(".progress")
}

/// What a file is by its name, if it is something else than a log.
fn of_name(path: &Path) -> Option<Looks> {
    Looks::of_name(&path.file_name()?.to_string_lossy().to_lowercase())
}

/// That the file is not a log, and what it is: by its first bytes, or else by its name.
fn not_a_log(path: &Path) -> String {
    let by_bytes = reading::open(path).and_then(|source| Looks::of_source(&source)).ok();
    let what = match by_bytes {
        None | Some(Looks::Unknown | Looks::Zeros) => {
            "by its name; if it is one, name it on the command line"
        }
        Some(looks) => looks.advice(),
    };
    format!("{}: not a log: {what}", shown(path))
}

fn names(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.file_name().map(|name| shown(Path::new(name)).to_string());
    let mut text = paths.iter().take(TOLD_MAX).filter_map(name).collect::<Vec<_>>().join(", ");
    if paths.len() > TOLD_MAX {
        text.push_str(&format!(" and {} more", paths.len() - TOLD_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_files_are_known_by_their_ends() {
        for name in ["r0.aof.1.gz", "r0.AOF.GZ", "r0.aof.zst", "r0.aof.part", "r0.aof.json", "r0.aof.csv"] {
            assert!(of_name(Path::new(name)).is_some(), "{name}");
        }
        for name in
            ["r0.aof", "r0.aof.1", "r0.aof.gz.1", "log.aof-2026-11-21", "r0.aof.bak", "gz", "r0.aof.20261121"]
        {
            assert_eq!(of_name(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn logs_are_known_by_their_names() {
        for name in ["r0.aof", "r0.aof.1", "log.aof-2026-11-21", "a.torn-at-noon.aof"] {
            assert!(is_log(Path::new(name)), "{name}");
        }
        for name in [
            "r0",
            "aof",
            ".r0.aof.aof-x1y2z3",
            "r0.aof.torn-at-512",
            "r0.aof.torn-at-512.1",
            "w.aof.progress",
        ] {
            assert!(!is_log(Path::new(name)), "{name}");
        }
    }
}
