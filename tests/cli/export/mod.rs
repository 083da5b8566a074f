//! `aof export`.

pub(crate) mod bodies;
mod formats;
mod outputs;
mod parquet;
mod python;
pub(crate) mod rows;

use crate::util::{Ran, aof, file};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use tempfile::TempDir;

/// `aof export`, of these files.
pub(crate) fn export<P: AsRef<Path>>(arguments: &[&str], files: &[P]) -> Ran {
    let mut all: Vec<OsString> = vec!["export".into()];
    all.extend(arguments.iter().map(Into::into));
    all.extend(files.iter().map(|path| path.as_ref().into()));
    aof(all)
}

/// The rows, as JSON.
#[track_caller]
pub(crate) fn rows<P: AsRef<Path>>(arguments: &[&str], files: &[P]) -> Vec<Value> {
    let arguments = [&["--format", "jsonl", "--output", "-"], arguments].concat();
    export(&arguments, files).code(0).json()
}

/// A log with every form of a body, in a directory of its own.
pub(crate) fn every_form() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "every-form.aof", &bodies::every_form().bytes);
    (directory, path)
}
