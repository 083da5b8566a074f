//! `aof convert`: there and back, what is refused, and what is said to be as it was.

use crate::util::{Ran, aof, data, file, replica, sha256, survey};
use aof_nostd::checksum::AnyProfile;
use aof_nostd::wire::Header;
use aof_nostd::{Crc, Entries, TigerBeetle};
use aof_tests::build::{Builder, PROFILES};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn convert(profile: &str, flags: &[&str], input: &Path, output: &Path) -> Ran {
    let mut words = vec!["convert".as_ref(), "--profile".as_ref(), profile.as_ref(), input.as_os_str()];
    words.extend(["--output".as_ref(), output.as_os_str()]);
    words.extend(flags.iter().map(std::ffi::OsStr::new));
    aof(words)
}

/// All headers of a sound log.
fn headers(path: &Path, profile: impl Into<AnyProfile>) -> Vec<(Header, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let entry = |located: Result<aof_nostd::Located<'_>, _>| {
        let entry = located.unwrap().entry;
        (entry.header, entry.body.to_vec())
    };
    Entries::new(&bytes, profile.into()).map(entry).collect()
}

fn nothing_but(directory: &TempDir, count: usize) {
    let names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), count, "{names:?}");
}

#[test]
fn real_log_there_and_back_is_the_same_to_the_bit() {
    for input in [data("single/small-bodies.aof"), data("single/large-bodies.aof"), replica(1)] {
        let directory = TempDir::new().unwrap();
        let (there, back) = (directory.path().join("there.aof"), directory.path().join("back.aof"));
        let there_report = convert("crc", &["--json"], &input, &there).code(0).json().pop().unwrap();
        let back_report = convert("aegis128l", &["--json"], &there, &back).code(0).json().pop().unwrap();
        assert_eq!(sha256(&back), sha256(&input));
        let (of_input, of_there) = (survey(&input), survey(&there));
        assert_eq!((&of_there["profile"], &of_there["sound"]), (&json!("crc"), &json!(true)));
        for fact in ["bytes", "entries", "distinct_ops", "first_op", "last_op", "findings"] {
            assert_eq!(of_there[fact], of_input[fact], "{fact}");
        }
        assert_eq!(there_report["input_data_checksum_chain"], of_input["data_checksum_chain"]);
        assert_eq!(there_report["data_checksum_chain"], of_there["data_checksum_chain"]);
        assert_eq!(back_report["data_checksum_chain"], of_input["data_checksum_chain"]);
        assert_eq!((&there_report["from"], &there_report["to"]), (&json!("tigerbeetle"), &json!("crc")));
        assert_eq!((&there_report["notes"], &there_report["reason"]), (&json!([]), &json!(null)));
        nothing_but(&directory, 2);
    }
}

#[cfg(unix)]
#[test]
fn output_is_as_private_as_the_input() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let (input, output) = (directory.path().join("private.aof"), directory.path().join("crc.aof"));
    fs::copy(replica(1), &input).unwrap();
    for mode in [0o600, 0o640] {
        fs::set_permissions(&input, fs::Permissions::from_mode(mode)).unwrap();
        convert("crc", &[], &input, &output).code(0);
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, mode);
        fs::remove_file(&output).unwrap();
    }
}

#[test]
fn only_magic_checksums_and_parent_change() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("crc.aof");
    let ran = convert("crc", &[], &replica(1), &output).code(0);
    let number = "178173931039472208887710302251157434731";
    for fact in ["read back and compared", "crc, from tigerbeetle", "3527", "1 to 3221", number] {
        assert!(ran.stdout.contains(fact), "{fact} in {}", ran.stdout);
    }
    let (old, new) = (headers(&replica(1), TigerBeetle::default()), headers(&output, Crc));
    assert_eq!(old.len(), new.len());
    for ((old, old_body), (new, new_body)) in old.iter().zip(&new) {
        let mut expected = *old;
        (expected.checksum, expected.checksum_body, expected.parent) =
            (new.checksum, new.checksum_body, new.parent);
        assert_eq!((&expected, old_body), (new, new_body));
    }
    assert_eq!(new[0].0.parent, old[0].0.parent, "the root is in no file");
    let restart = old.iter().skip(1).position(|(header, _)| header.op.get() == 1).unwrap() + 1;
    assert_eq!(new[restart], new[0], "written twice, sealed twice, the same");
}

#[test]
fn logs_that_are_not_one_whole_chain_are_refused_with_the_place_and_the_remedy() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.aof");
    let small = fs::read(data("single/small-bodies.aof")).unwrap();
    let mut damaged = small.clone();
    damaged[100_500] ^= 1;
    let forked = Builder::new(PROFILES[0]).chain(&[1, 2, 3]).fork(0).chain(&[4]).build().bytes;
    let late = Builder::new(PROFILES[0]).chain(&[1, 2, 3]).build();
    let late = [late.entry_bytes(1), late.entry_bytes(0), late.entry_bytes(1)].concat();
    let cases: [(PathBuf, &[&str], &[&str]); 5] = [
        (
            replica(2),
            &[],
            &["byte 693616 (op 2880): gap: ops 1112 to 2879 are missing", "aof merge --output"],
        ),
        (file(&directory, "damaged", &damaged), &[], &["byte 100192 (op 143): body-checksum", "aof merge"]),
        (file(&directory, "torn", &small[..183_500]), &[], &["torn-tail", "aof repair", "cuts a torn tail"]),
        (file(&directory, "forked", &forked), &[], &["fork: another entry for op", "shows both histories"]),
        (
            file(&directory, "late", &late),
            &["--keep-first-parent"],
            &["byte 274 (op 1)", "does not come before it"],
        ),
    ];
    for (input, flags, facts) in cases {
        let ran = convert("crc", flags, &input, &output).code(1);
        for fact in facts {
            assert!(ran.stderr.contains(fact), "{fact} in {}", ran.stderr);
        }
        assert!(ran.stderr.contains("nothing was written") && !output.exists(), "{}", ran.stderr);
    }
    nothing_but(&directory, 4);
    let report = convert("crc", &["--json"], &replica(2), &output).code(1).json().pop().unwrap();
    assert_eq!((&report["written"], &report["bytes"]), (&json!(false), &json!(null)));
    assert_eq!(report["findings"][0]["missing"], json!([1112, 2879]));
}

#[test]
fn log_that_begins_late_is_converted_only_if_its_first_parent_may_stay() {
    let directory = TempDir::new().unwrap();
    let whole = fs::read(data("single/small-bodies.aof")).unwrap();
    let from = usize::try_from(survey(&data("single/small-bodies.aof"))["bytes"].as_u64().unwrap()).unwrap()
        - 2 * 528;
    let input = file(&directory, "late.aof", &whole[from..]);
    let output = directory.path().join("out.aof");
    let ran = convert("crc", &[], &input, &output).code(1);
    assert!(
        ran.stderr.contains("begins at op 299") && ran.stderr.contains("--keep-first-parent"),
        "{}",
        ran.stderr
    );
    nothing_but(&directory, 1);
    let ran = convert("crc", &["--keep-first-parent"], &input, &output).code(0);
    assert!(
        ran.stdout.contains("NOTE: op 299, the first, names as its parent the old checksum of op 298"),
        "{}",
        ran.stdout
    );
    assert_eq!(headers(&output, Crc)[0].0.parent, headers(&input, TigerBeetle::default())[0].0.parent);
    let back = directory.path().join("back.aof");
    convert("tigerbeetle", &["--keep-first-parent"], &output, &back).code(0);
    assert_eq!(fs::read(&back).unwrap(), whole[from..]);
}

#[test]
fn wrong_usage_is_refused_before_anything_is_written() {
    let directory = TempDir::new().unwrap();
    let input = file(&directory, "in.aof", &fs::read(data("single/small-bodies.aof")).unwrap());
    let output = directory.path().join("out.aof");
    let ran = convert("tigerbeetle", &[], &input, &output).code(2);
    assert!(ran.stderr.contains("has the profile tigerbeetle already"), "{}", ran.stderr);
    convert("sha256", &[], &input, &output).code(2);
    let ran = convert("crc", &["--force"], &input, &input).code(2);
    assert!(ran.stderr.contains("the output") && ran.stderr.contains("is the input"), "{}", ran.stderr);
    let ran = convert("crc", &[], &file(&directory, "empty", b""), &output).code(1);
    assert!(ran.stderr.contains("holds no entry"), "{}", ran.stderr);
    convert("crc", &[], &directory.path().join("missing"), &output).code(2);
    fs::write(&output, b"precious").unwrap();
    let ran = convert("crc", &[], &input, &output).code(2);
    assert!(ran.stderr.contains("exists") && fs::read(&output).unwrap() == b"precious", "{}", ran.stderr);
    convert("crc", &["--force"], &input, &output).code(0);
    assert_eq!(survey(&output)["profile"], "crc");
}

#[test]
fn zeros_behind_a_log_are_not_converted_and_that_is_said() {
    let directory = TempDir::new().unwrap();
    let mut bytes = fs::read(data("single/small-bodies.aof")).unwrap();
    let size = bytes.len();
    bytes.resize(1 << 20, 0);
    let (image, output) = (file(&directory, "disk.img", &bytes), directory.path().join("out.aof"));
    let ran = convert("crc", &[], &image, &output).code(0);
    assert!(ran.stdout.contains("NOTE: 864960 zeros from byte 183616 to the input's end"), "{}", ran.stdout);
    assert_eq!(fs::metadata(&output).unwrap().len(), size as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any log without a gap, with any ways back: there and back is the same, and in between it is as sound.
    #[test]
    fn there_and_back_is_the_same_to_the_bit(
        bodies in prop::collection::vec(0_usize..600, 1..12),
        back in prop::collection::vec((0_usize..100, 1_usize..5), 0..3),
        crc_first in any::<bool>(),
    ) {
        let (from, names) = if crc_first { (1, ["tigerbeetle", "crc"]) } else { (0, ["crc", "tigerbeetle"]) };
        let mut builder = Builder::new(PROFILES[from]).chain(&bodies);
        for (start, count) in back {
            let start = start % bodies.len();
            builder = builder.repeat(start..(start + count).min(bodies.len()));
        }
        let directory = TempDir::new().unwrap();
        let input = file(&directory, "in.aof", &builder.build().bytes);
        let (there, back) = (directory.path().join("there.aof"), directory.path().join("back.aof"));
        convert(names[0], &[], &input, &there).code(0);
        convert(names[1], &[], &there, &back).code(0);
        prop_assert_eq!(fs::read(&input).unwrap(), fs::read(&back).unwrap());
        prop_assert_eq!(&survey(&input)["findings"], &survey(&there)["findings"]);
    }
}
