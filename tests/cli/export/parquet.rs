//! Parquet files, as DuckDB reads them: the same as the JSON, row by row.

use super::bodies::transfer;
use super::python::python;
use super::{every_form, export};
use crate::util::{aof, data, file, replica};
use aof_nostd::{AnyProfile, Draft, Operation};
use aof_tests::build::Builder;
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

/// A page has 20,480 rows at most. The accounts have no amounts, and stand among the transfers.
#[test]
fn columns_of_several_pages_are_the_same_in_duckdb() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.aof");
    let mut generate: Vec<_> =
        "generate --entries 90 --events 1..1000 --operations create_accounts,create_transfers --output"
            .split(' ')
            .map(AsRef::as_ref)
            .collect();
    generate.push(log.as_os_str());
    aof(generate).code(0);
    let Some(told) = compare(&[], &[log]) else { return };
    assert!(told["rows"].as_u64().unwrap() > 40_000, "{told}");
}

/// Every other amount is no decimal, or every third: which rows have a value is kept as bits, and in long stretches
/// of rows that have one as a run.
#[test]
fn columns_with_many_nulls_are_the_same_in_duckdb() {
    let amount = |number: u128| match number {
        0..4000 if number.is_multiple_of(2) => u128::MAX - number,
        8000..21_000 if number.is_multiple_of(3) => u128::MAX,
        _ => number,
    };
    let mut builder = Builder::new(AnyProfile::default());
    for first in (0..24_000).step_by(6000) {
        let draft = Draft { operation: Operation(130), timestamp_ns: 1 << 60, ..Draft::default() };
        let transfers: Vec<_> =
            (first..first + 6000).map(|number| transfer(number, amount(number))).collect();
        builder = builder.draft(draft).entry(&transfers.concat());
    }
    let directory = tempfile::tempdir().unwrap();
    compare_rows(&[], &[file(&directory, "amounts.aof", &builder.build().bytes)], 24_000);
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
