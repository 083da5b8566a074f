//! `aof debug`: its facts agree with what the reference tool prints of the same files.

use crate::util::{aof, data, file, replica};
use std::collections::BTreeMap;

/// The fields of a line, by name; 128-bit numbers, operations and releases as text.
fn fields(line: &str) -> BTreeMap<String, String> {
    let fields = line.split_whitespace().filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The fields of a line of the reference tool.
fn reference_fields(line: &str) -> BTreeMap<String, String> {
    let inner = line.strip_prefix("Prepare{ ").unwrap().strip_suffix(" }").unwrap();
    let field = |field: &str| {
        let (name, value) = field.trim_start_matches('.').split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    inner.split(", ").map(field).collect()
}

#[test]
fn facts_agree_with_the_references_debug() {
    for name in ["small-bodies", "large-bodies"] {
        let reference = std::fs::read_to_string(data(&format!("single/{name}.debug.txt"))).unwrap();
        let (reference, chain) = reference.trim_end().rsplit_once('\n').unwrap();
        let ran = aof(["debug".as_ref(), data(&format!("single/{name}.aof")).as_os_str()]).code(0);
        assert_eq!(ran.stdout.lines().next_back(), Some(chain));
        assert!(chain.starts_with("Data checksum chain: "));

        let lines: Vec<_> = ran.stdout.lines().filter(|line| line.contains(" op=")).collect();
        let expected: Vec<_> = reference.lines().filter(|line| line.starts_with("Prepare{")).collect();
        assert_eq!(lines.len(), expected.len(), "{name}");
        for (line, expected) in lines.iter().zip(expected) {
            let (fields, expected) = (fields(line), reference_fields(expected));
            for (field, value) in expected {
                let ours = &fields[&field];
                match field.as_str() {
                    "command" => assert_eq!(ours, "prepare"),
                    // Theirs is "vsr.Operation(146)", ours "create_accounts(146)".
                    "operation" => {
                        let number = |text: &str| text.split_once('(').unwrap().1.to_owned();
                        assert_eq!(number(ours), number(&value));
                    }
                    _ => assert_eq!(ours, &value, "{field} in {line}"),
                }
            }
        }
    }
}

#[test]
fn all_entries_are_printed_on_demand_with_their_operations_by_name() {
    let path = data("single/small-bodies.aof");
    let some = aof(["debug".as_ref(), path.as_os_str()]).code(0);
    let all = aof(["debug".as_ref(), "--all".as_ref(), path.as_os_str()]).code(0);
    let count = |text: &str| text.lines().filter(|line| line.contains(" op=")).count();
    assert_eq!((count(&some.stdout), count(&all.stdout)), (298, 300));
    assert!(all.stdout.contains("operation=pulse(4)"), "op 1 is a pulse");
    assert!(all.stdout.contains("operation=register(2)"));
    assert_eq!(some.stdout.lines().next_back(), all.stdout.lines().next_back());
}

#[test]
fn json_has_one_object_a_line_and_the_digest_last() {
    let path = data("single/small-bodies.aof");
    let lines = aof(["debug".as_ref(), "--all".as_ref(), "--json".as_ref(), path.as_os_str()]).code(0).json();
    assert_eq!(lines.len(), 301);
    for (line, op) in lines.iter().zip(1..=300) {
        assert_eq!(line["op"], op);
    }
    assert_eq!(lines[2]["operation_name"], "create_accounts");
    assert_eq!(lines[300]["data_checksum_chain"], "297885640538300671883383348009515472968");
}

#[test]
fn entries_that_are_not_shown_are_counted_beside_the_output() {
    let path = data("single/small-bodies.aof");
    for more in [&[][..], &["--json"]] {
        let debug = |options: &[&str]| {
            let words = ["debug"].iter().chain(more).chain(options).map(AsRef::as_ref);
            aof(words.chain([path.as_os_str()])).code(0).stderr
        };
        let told = "2 entries are not shown, which no replay sends: --all shows every entry\n";
        assert!(debug(&[]).ends_with(told), "{}", debug(&[]));
        assert_eq!(debug(&["--all"]), "");
    }
}

#[test]
fn time_that_people_read_is_beside_the_nanoseconds() {
    let path = data("single/large-bodies.aof");
    let text = aof(["debug".as_ref(), path.as_os_str()]).code(0).stdout;
    let expected = " timestamp=1795233748377010529 time=2026-11-21T04:02:28.377010529Z request=1 ";
    assert!(text.lines().next().unwrap().contains(expected), "{text}");
    let lines = aof(["debug".as_ref(), "--json".as_ref(), path.as_os_str()]).code(0).json();
    assert_eq!(lines[0]["timestamp"], 1_795_233_748_377_010_529_u64);
    assert_eq!(lines[0]["time"], "2026-11-21T04:02:28.377010529Z");
    // A spreadsheet reads the text, and Parquet has a type for the number.
    let export = |format: &str, what: &str| {
        let words = ["export", "--format", format, "--what", what, "--output", "-"].map(AsRef::as_ref);
        aof(words.into_iter().chain([path.as_os_str()])).code(0).stdout
    };
    for what in ["entries", "events"] {
        let of = if what == "entries" { "timestamp" } else { "event_timestamp" };
        let csv = export("csv", what);
        let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = rows.next().unwrap();
        let place = |name: &str| head.iter().position(|column| *column == name).unwrap();
        let json = export("jsonl", what);
        let mut count = 0;
        for (row, line) in rows.zip(json.lines()) {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            let ns = object[of].as_u64().unwrap();
            assert_eq!(row[place(of)], ns.to_string());
            assert_eq!(object["time"], aof_cli::human::time(ns));
            assert_eq!(row[place("time")], aof_cli::human::time(ns));
            count += 1;
        }
        assert!(count > 2, "{what}");
    }
}

#[test]
fn damage_is_told_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let last = bytes.len() - 528; // the last entry
    bytes[last - 528 + 300] ^= 1; // the body of the one before it
    let path = file(&directory, "damaged.aof", &bytes);
    let ran = aof(["debug".as_ref(), path.as_os_str()]).code(1);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let at = lines.iter().position(|line| line.starts_with('#')).unwrap();
    assert!(
        lines[at].starts_with(&format!("# byte {} (op 299): body-checksum", last - 528)),
        "{}",
        lines[at]
    );
    assert!(lines[at - 1].contains(" op=298 "));
    assert!(lines[at + 1].starts_with("# byte"), "and the gap that it leaves: {}", lines[at + 1]);
    assert!(lines[at + 2].contains(" op=300 "));
}

#[test]
fn breaks_of_the_chain_are_told_in_their_place() {
    let ran = aof(["debug".as_ref(), replica(0).as_os_str()]).code(0);
    let notes: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        notes,
        [
            "# byte 492608 (op 1): backtrack: goes back from op 804",
            "# byte 997024 (op 960): gap: ops 823 to 959 are missing before it",
        ]
    );
}
