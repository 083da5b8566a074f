//! Logs on raw devices: behind them the device is zero, and that is no damage.

use crate::util::{WHOLE_SHA256, aof, data, file, findings, replica, sha256, survey};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;

/// The image of a device of 4 MiB that begins with `log`.
fn image(directory: &TempDir, name: &str, log: &[u8]) -> std::path::PathBuf {
    let mut bytes = log.to_vec();
    bytes.resize(4 << 20, 0);
    file(directory, name, &bytes)
}

#[test]
fn free_space_is_told_and_is_no_damage_unless_strict() {
    let directory = TempDir::new().unwrap();
    let log = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let disk = image(&directory, "disk.img", &log);
    let surveyed = survey(&disk);
    assert_eq!(findings(&surveyed), [("zero-tail".to_owned(), 183_616)]);
    assert_eq!(surveyed["findings"][0]["size"], (4 << 20) - 183_616);
    assert_eq!((&surveyed["zeros"], &surveyed["faults"]), (&json!((4 << 20) - 183_616), &json!(0)));
    assert_eq!((&surveyed["entries"], &surveyed["sound"]), (&json!(300), &json!(true)));
    assert_eq!(surveyed["data_checksum_chain"], "297885640538300671883383348009515472968");

    let ran = aof(["verify".as_ref(), disk.as_os_str()]).code(0);
    let told = ": sound, then 3.82 MiB of zeros: in a log file, what was there is lost; on a device's image it is free space";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    assert!(ran.stdout.contains("byte 183616: zero-tail: zeros to the end"), "{}", ran.stdout);
    aof(["verify".as_ref(), "--strict".as_ref(), disk.as_os_str()]).code(1);

    let of_file = aof(["debug".as_ref(), data("single/small-bodies.aof").as_os_str()]).code(0);
    let of_disk = aof(["debug".as_ref(), disk.as_os_str()]).code(0);
    let line = "# byte 183616: zero-tail: zeros to the end";
    let (before, _) = of_disk.stdout.split_once(line).unwrap();
    assert!(of_file.stdout.starts_with(before) && before.lines().count() > 100);
    assert_eq!(of_file.stdout.lines().last(), of_disk.stdout.lines().last());
}

#[test]
fn entry_cut_by_a_power_loss_is_a_torn_tail_and_the_free_space_begins_behind_it() {
    let directory = TempDir::new().unwrap();
    let log = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let disk = image(&directory, "disk.img", &log[..100_100]);
    let surveyed = survey(&disk);
    let found = findings(&surveyed);
    assert_eq!(found.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["torn-tail", "zero-tail"]);
    assert!(found[0].1 < 100_100 && found[1].1 <= 100_100, "{found:?}");
    assert_eq!((&surveyed["sound"], &surveyed["faults"]), (&json!(false), &json!(1)));
    let ran = aof(["verify".as_ref(), disk.as_os_str()]).code(1);
    assert!(ran.stdout.contains("DAMAGED, 1 fault, then 3.90 MiB of zeros: in a log file"), "{}", ran.stdout);
    aof(["debug".as_ref(), disk.as_os_str()]).code(1);
}

#[test]
fn file_of_nothing_but_zeros_is_not_a_log() {
    let directory = TempDir::new().unwrap();
    let disk = image(&directory, "disk.img", &[]);
    let surveyed = survey(&disk);
    assert_eq!((&surveyed["entries"], &surveyed["profile"]), (&json!(0), &json!(null)));
    assert_eq!(findings(&surveyed), [("zero-tail".to_owned(), 0)]);
    assert_eq!((&surveyed["not_a_log"], &surveyed["sound"]), (&json!("zeros"), &json!(false)));
    let ran = aof(["verify".as_ref(), disk.as_os_str()]).code(1);
    assert!(
        ran.stdout.contains("NOT A LOG: all zeros: in a log file, what was there is lost"),
        "{}",
        ran.stdout
    );
}

#[test]
fn images_merge_and_replay_like_files() {
    let directory = TempDir::new().unwrap();
    let images: Vec<_> = (0..3)
        .map(|number| {
            let log = std::fs::read(replica(number)).unwrap();
            image(&directory, &format!("disk{number}.img"), &log)
        })
        .collect();
    let output = directory.path().join("whole.aof");
    let mut words = vec!["merge".as_ref(), "--output".as_ref(), output.as_os_str()];
    words.extend(images.iter().map(|path| path.as_os_str()));
    aof(words).code(0);
    assert_eq!(sha256(&output), WHOLE_SHA256);

    let disk = image(&directory, "whole.img", &std::fs::read(&output).unwrap());
    let count = |path: &Path, more: &[&str]| {
        let mut words = vec!["recover", "--cluster", "0", "--to", "jsonl"];
        words.extend(more);
        words.push(path.to_str().unwrap());
        aof(words).code(0).stdout.lines().count()
    };
    let expected = count(&output, &[]);
    assert_eq!(count(&disk, &[]), expected);
    assert_eq!(count(&disk, &["--no-preflight"]), expected);
}

#[test]
fn zeros_behind_a_log_are_noted_by_merge_and_recover() {
    let directory = TempDir::new().unwrap();
    let log = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let disk = image(&directory, "disk.img", &log);
    let file = data("single/small-bodies.aof");
    let output = directory.path().join("whole.aof");
    let merge = |flags: &[&str]| {
        let mut words = vec!["merge".as_ref(), "--force".as_ref(), "--output".as_ref(), output.as_os_str()];
        words.extend(flags.iter().map(std::ffi::OsStr::new));
        words.extend([disk.as_os_str(), file.as_os_str()]);
        aof(words).code(0)
    };
    let text = merge(&[]).stdout;
    assert!(
        text.contains("NOTE: zeros to the end (")
            && text.contains("disk.img has 4010688 from byte 183616 on"),
        "{text}"
    );
    let report = merge(&["--json"]).json().pop().unwrap();
    let note = &report["notes"][0];
    assert_eq!(
        (&note["kind"], &note["ops"], &report["complete"]),
        (&json!("zero-tail"), &json!([]), &json!(true))
    );
    let place = json!([{"file": disk.to_str(), "offset": 183_616, "op": null}]);
    assert_eq!((&note["places"], report["notes"].as_array().unwrap().len()), (&place, 1));

    let recover = |path: &Path| {
        let words = ["recover", "--cluster", "0", "--dry-run", path.to_str().unwrap()];
        aof(words).code(0).stderr
    };
    let told = recover(&disk);
    assert!(told.contains("NOTE: zeros to the end (") && told.contains("183616"), "{told}");
    assert!(!recover(&file).contains("zeros"));
}
