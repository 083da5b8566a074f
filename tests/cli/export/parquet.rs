//! Parquet files, as DuckDB reads them: the same as the JSON, row by row.

use super::python::python;
use super::{every_form, export};
use crate::util::{data, replica};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exports as Parquet and as JSON lines, has both compared, and gives what DuckDB said; nothing where there
/// is no DuckDB.
#[track_caller]
fn compare(arguments: &[&str], files: &[PathBuf]) -> Option<Value> {
    let directory = tempfile::tempdir().unwrap();
    let parquet = directory.path().join("rows.parquet");
    let jsonl = directory.path().join("rows.jsonl");
    let to = |format: &'static str, path: &Path, more: &[&str]| {
        let arguments = [more, &["--format", format, "--output", path.to_str().unwrap()]].concat();
        export(&arguments, files).code(0);
    };
    to("parquet", &parquet, arguments);
    let plain: Vec<&str> =
        arguments.iter().copied().filter(|argument| !argument.starts_with("--rows-per-file")).collect();
    to("jsonl", &jsonl, &plain);
    let python = python()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli/export/compare.py");
    let output = Command::new(python).arg(script).args([&parquet, &jsonl]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[track_caller]
fn compare_rows(arguments: &[&str], files: &[PathBuf], rows: usize) {
    if let Some(told) = compare(arguments, files) {
        assert_eq!(told["rows"], rows);
    }
}

#[test]
fn events_of_recorded_logs_are_the_same_in_duckdb() {
    compare_rows(&[], &[data("single/small-bodies.aof")], 497);
    compare_rows(&[], &[data("single/large-bodies.aof")], 18_189);
    compare_rows(&[], &[data("expiry.aof")], 5);
    compare_rows(&[], &[replica(0)], 3806);
}

#[test]
fn events_of_merged_logs_are_the_same_in_duckdb() {
    compare_rows(&[], &[replica(2), replica(0)], 4080);
}

#[test]
fn events_of_every_form_are_the_same_in_duckdb() {
    let (_directory, path) = every_form();
    compare_rows(&[], &[path], super::bodies::EVERY_FORM.0);
}

#[test]
fn entries_are_the_same_in_duckdb() {
    let (_directory, path) = every_form();
    compare_rows(&["--what", "entries"], &[path], 265);
    compare_rows(&["--what", "entries"], &[replica(0), replica(1)], 3221);
}

#[test]
fn files_of_a_directory_together_are_the_same_in_duckdb() {
    compare_rows(&["--rows-per-file=700"], &[replica(1)], 4080);
}

#[test]
fn an_export_without_rows_is_a_file_that_duckdb_reads() {
    compare_rows(&["--from-op", "999999"], &[replica(1)], 0);
}

#[test]
fn types_are_those_that_the_documentation_tells() {
    let (_directory, path) = every_form();
    let document =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/export.md")).unwrap();
    for what in ["events", "entries"] {
        let Some(told) = compare(&["--what", what], std::slice::from_ref(&path)) else { return };
        for (column, kind) in told["columns"].as_object().unwrap() {
            let row = format!("| `{column}` | {} |", kind.as_str().unwrap());
            assert!(document.contains(&row), "{what}: {row}");
        }
    }
}
