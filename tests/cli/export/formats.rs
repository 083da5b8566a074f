//! JSON lines and CSV.

use super::{every_form, export, rows};
use serde_json::Value;

#[test]
fn numbers_of_128_bits_are_strings_of_all_their_digits() {
    let (_directory, path) = every_form();
    let rows = rows(&["--operation", "130"], &[path]);
    let amounts: Vec<&str> = rows.iter().map(|row| row["amount"].as_str().unwrap()).collect();
    let expected = [
        "0",
        "1",
        "18446744073709551615",
        "99999999999999999999999999999999999999",
        "100000000000000000000000000000000000000",
        "340282366920938463463374607431768211455",
    ];
    assert_eq!(amounts, expected);
    let first = &rows[0];
    assert_eq!(first["id"], "1");
    assert_eq!(first["pending_id"], (1_u128 << 100).to_string());
    assert_eq!(first["user_data_128"], (u128::MAX - 1).to_string());
    assert_eq!(first["user_data_64"], u64::MAX - 1);
    assert_eq!(first["user_data_32"], u32::MAX);
    assert_eq!((&first["timeout"], &first["ledger"]), (&Value::from(61), &Value::from(1)));
    assert_eq!((&first["code"], &first["flags"]), (&Value::from(65535), &Value::from(2)));
    assert_eq!(first["timestamp"], u64::MAX);
    assert_eq!(first["operation_name"], "create_transfers_unbatched");
    assert!(first["debits_posted"].is_null(), "an account has them");
}

#[test]
fn csv_has_the_names_first_and_the_values_of_the_json() {
    let (_directory, path) = every_form();
    for what in ["events", "entries"] {
        let expected = rows(&["--what", what], &[&path]);
        let ran = export(&["--format", "csv", "--output", "-", "--what", what], &[&path]).code(0);
        let mut lines = ran.stdout.split_terminator("\r\n");
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        for (line, expected) in lines.by_ref().zip(&expected) {
            let values: Vec<&str> = line.split(',').collect();
            assert_eq!(values.len(), names.len());
            for (name, value) in names.iter().zip(values) {
                match &expected[*name] {
                    Value::Null => assert_eq!(value, ""),
                    Value::String(text) => assert_eq!(value, text),
                    other => assert_eq!(value, other.to_string()),
                }
            }
        }
        assert_eq!(lines.next(), None);
        assert_eq!(ran.stdout.matches("\r\n").count(), expected.len() + 1);
    }
}

#[test]
fn text_that_csv_would_mistake_is_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let log = super::bodies::every_form();
    let path = crate::util::file(&directory, "a \"log\", of mine.aof", &log.bytes);
    let ran = export(&["--what", "entries", "--format", "csv", "--output", "-", "--until-op", "1"], &[path])
        .code(0);
    let row = ran.stdout.lines().nth(1).unwrap();
    assert!(row.contains("a \"\"log\"\", of mine.aof\","), "{row}");
}

#[test]
fn the_issues_spelling_exports_headers() {
    let (_directory, path) = every_form();
    let short = export(&["--format", "entries", "--output", "-"], &[&path]).code(0);
    assert_eq!(short.json(), rows(&["--what", "entries"], &[&path]));
    let ran = export(&["--format", "entries", "--what", "events", "--output", "-"], &[&path]).code(2);
    assert!(ran.stderr.contains("choose one"), "{}", ran.stderr);
}
