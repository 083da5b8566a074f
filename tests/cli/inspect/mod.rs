//! `aof inspect`: its facts, what it makes of several logs, its forms, and its page in a real browser.

mod browser;
mod facts;
mod page;
mod rate;
mod shown;
mod terminal;
mod together;

use crate::util::aof;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// `aof inspect --json`, and its exit code.
fn inspect(files: &[&Path]) -> (Value, i32) {
    let ran =
        aof(["inspect", "--json"].iter().map(OsStr::new).chain(files.iter().map(|file| file.as_os_str())));
    let code = ran.code.unwrap();
    assert_eq!(ran.json().len(), 1, "{}\n{}", ran.stdout, ran.stderr);
    (ran.json().pop().unwrap(), code)
}

/// The page about these logs, in this directory.
fn page(directory: &Path, files: &[&Path]) -> PathBuf {
    let path = directory.join("report.html");
    let options = [OsStr::new("inspect"), OsStr::new("--force"), OsStr::new("--html"), path.as_os_str()];
    let ran = aof(options.into_iter().chain(files.iter().map(|file| file.as_os_str())));
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
    path
}

/// A log of 300,000 entries with 100,000 findings: every second entry stands there twice. 82 MB.
fn many(directory: &Path) -> PathBuf {
    let log = aof_tests::build::chain(aof_tests::build::PROFILES[1], &[0; 200_000]);
    let order: Vec<_> = (0..200_000).flat_map(|at| std::iter::repeat_n(at, 1 + at % 2)).collect();
    let path = directory.join("many.aof");
    std::fs::write(&path, aof_tests::damage::reorder(&log, &order)).unwrap();
    path
}
