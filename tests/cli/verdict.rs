//! Files that are no logs, zeros that end a file, and what is comparable of two logs.

use crate::util::{Ran, aof, data, file, findings, survey};
use aof_nostd::wire::{HEADER_SIZE, Header};
use aof_nostd::{Crc, Profile, TigerBeetle};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use zerocopy::IntoBytes as _;

fn run(words: &[&str], paths: &[&Path]) -> Ran {
    aof(words.iter().map(OsStr::new).chain(paths.iter().map(|path| path.as_os_str())))
}

/// The first copy of a data file's superblock, and zeros.
fn data_file() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    bytes[34] = 2;
    bytes[200] = 7;
    let checksum = TigerBeetle::default().checksum(&bytes[34..8192]);
    bytes[..16].copy_from_slice(&checksum.to_bytes());
    bytes[700_000] = 1;
    bytes
}

#[test]
fn file_without_an_entry_is_not_a_log_in_every_command() {
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("out");
    let tar = [&[b'n'; 257][..], b"ustar\x0000", &[b'x'; 2000]].concat();
    let data_file = data_file();
    for (name, bytes, text) in [
        ("packed.gz", &b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef"[..], "gzip: unpack it first"),
        ("packed.zst", b"\x28\xb5\x2f\xfd\x24\x0c\x61\0\0abc", "zstd: unpack it first"),
        ("packed.xz", b"\xfd7zXZ\0\0\x04\xe6\xd6", "xz: unpack it first"),
        ("packed.bz2", b"BZh91AY&SY\0\0", "bzip2: unpack it first"),
        ("all.tar", &tar, "a tar archive: unpack it first"),
        ("r0.tigerbeetle", &data_file, "this is a data file: the log is the file of --aof-file"),
        ("text", b"op 1\nop 2\n", "text"),
        ("page", b"<!DOCTYPE html>\n<html></html>", "an HTML page"),
        ("json", b"{\"ops\": [1, 2]}", "JSON"),
        ("zeros", &[0; 5000], "all zeros: in a log file, what was there is lost"),
        ("few-zeros", &[0; 5], "all zeros"),
        ("garbage", &[0xa5; 3000], "no entry is found in it"),
        ("one-byte", b"\x07", "no entry is found in it"),
    ] {
        let path = file(&directory, name, bytes);
        let told = format!("NOT A LOG: {text}");
        let ran = run(&["verify"], &[&path]).code(1);
        assert!(ran.stdout.starts_with(&format!("{}: {told}", path.display())), "{}", ran.stdout);
        let ran = run(&["inspect", "--color", "never"], &[&path]).code(1);
        assert!(ran.stdout.starts_with("NOT A LOG: "), "{}", ran.stdout);
        let report = run(&["inspect", "--json"], &[&path]).code(1).json().pop().unwrap();
        assert_eq!(
            (&report["verdict"]["word"], &report["verdict"]["level"]),
            (&json!("NOT A LOG"), &json!("bad"))
        );
        let surveyed = survey(&path);
        assert_eq!(surveyed["sound"], json!(false), "{name}");
        assert_eq!(report["files"][0]["not_a_log"], surveyed["not_a_log"]);
        assert!(surveyed["not_a_log"].is_string(), "{name}");
        for words in [
            &["debug"][..],
            &["debug", "--json"],
            &["show", "--op", "1"],
            &["show", "--at", "2026-11-21"],
            &["export", "--format", "jsonl", "--output", out.to_str().unwrap()],
            &["recover", "--cluster", "0", "--dry-run"],
            &["convert", "--profile", "crc", "--output", out.to_str().unwrap()],
        ] {
            let ran = run(words, &[&path]).code(1);
            assert!(ran.stderr.contains(&told), "{words:?}: {}", ran.stderr);
            assert!(!out.exists());
        }
    }
}

/// The header of a tar archive, of a file of so many bytes.
fn tar_header(size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..6].copy_from_slice(b"r0.aof");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[148..156].fill(b' ');
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// A log in an archive that is not compressed was a damaged log: its entries are found.
#[test]
fn archive_that_holds_a_log_is_named_in_every_command() {
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("out");
    let log = fs::read(data("single/small-bodies.aof")).unwrap();
    let end = vec![0; 1024 + 512 - log.len() % 512];
    let tar = file(&directory, "logs.tar", &[&tar_header(log.len())[..], &log, &end].concat());
    // Without a right sum the same bytes are damage, and the magic of an entry at the beginning is a log.
    let mut header = tar_header(log.len());
    header[0] = b'x';
    let broken = file(&directory, "broken.aof", &[&header[..], &log].concat());
    for words in [
        &["verify"][..],
        &["verify", "--json"],
        &["inspect"],
        &["debug"],
        &["show", "--op", "7"],
        &["repair", "--dry-run"],
        &["merge", "--force", "--output", out.to_str().unwrap()],
        &["export", "--force", "--format", "entries", "--output", out.to_str().unwrap()],
    ] {
        let ran = run(words, &[&tar]);
        let told = format!("aof: {}: a tar archive: unpack it first. ", tar.display());
        assert_eq!(ran.stderr.matches(&told).count(), 1, "{words:?}: {}", ran.stderr);
        assert!(!run(words, &[&broken]).stderr.contains("tar archive"), "{words:?}");
    }
    let surveyed = survey(&tar);
    assert_eq!((&surveyed["entries"], &surveyed["sound"]), (&json!(300), &json!(false)), "and it is read");
}

#[test]
fn file_in_which_an_entry_begins_is_a_log_and_an_empty_file_is_too() {
    let directory = TempDir::new().unwrap();
    let log = fs::read(data("single/small-bodies.aof")).unwrap();
    for size in [1, 15, 16, 100, 271] {
        let torn = file(&directory, "torn.aof", &log[..size]);
        let ran = run(&["verify"], &[&torn]).code(1);
        assert!(ran.stdout.contains("torn.aof: DAMAGED, 1 fault"), "{size}: {}", ran.stdout);
        assert_eq!(survey(&torn)["not_a_log"], json!(null));
    }
    let empty = file(&directory, "empty.aof", b"");
    assert!(run(&["verify"], &[&empty]).code(0).stdout.contains("sound (empty)"));
    assert_eq!(survey(&empty)["not_a_log"], json!(null));
}

#[test]
fn verdict_of_a_file_that_is_not_a_log_is_the_same_in_parts() {
    let directory = TempDir::new().unwrap();
    for (name, bytes) in [("a", data_file()), ("b", vec![0; 100_000]), ("c", vec![9; 100_000])] {
        let path = file(&directory, name, &bytes);
        let parts: Vec<_> = (1..=3).map(|number| directory.path().join(format!("{name}{number}"))).collect();
        for (range, part) in ["1/3", "2/3", "3/3"].iter().zip(&parts) {
            run(&["verify", "--range", range, "--part"], &[part, &path]);
        }
        let parts: Vec<_> = parts.iter().map(std::path::PathBuf::as_path).collect();
        let stitched = run(&["stitch", "--json"], &parts).code(1).json().pop().unwrap();
        assert_eq!(stitched, survey(&path), "{name}");
    }
}

#[test]
fn inspect_of_several_names_those_that_are_not_logs_and_judges_the_others() {
    let directory = TempDir::new().unwrap();
    let log = data("single/small-bodies.aof");
    let packed = file(&directory, "r1.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef");
    let report = run(&["inspect", "--json"], &[&log, &packed]).code(1).json().pop().unwrap();
    let verdict = &report["verdict"];
    assert_eq!((&verdict["word"], &verdict["level"]), (&json!("NOT A LOG"), &json!("bad")));
    let text = verdict["text"].as_str().unwrap();
    assert!(
        text.starts_with("1 of 2 files is not a log; ") && text.ends_with("holds every op from 1 to 300"),
        "{text}"
    );
    assert!(verdict["advice"][0].as_str().unwrap().ends_with("r1.gz: NOT A LOG: gzip: unpack it first."));
    let command = verdict["command"].as_str().unwrap();
    assert!(!command.contains("r1.gz"), "{command}");
}

#[test]
fn inputs_of_several_that_are_not_logs_are_named_by_all_that_merge() {
    let directory = TempDir::new().unwrap();
    let log = data("single/small-bodies.aof");
    let (out, rows) = (directory.path().join("whole.aof"), directory.path().join("rows.jsonl"));
    let (out, rows) = (out.to_str().unwrap(), rows.to_str().unwrap());
    for (name, bytes, text) in [
        ("r1.gz", &b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef"[..], "gzip: unpack it first"),
        ("r1.tigerbeetle", &data_file(), "this is a data file: the log is the file of --aof-file"),
        ("r1.zeros", &[0; 5000], "all zeros: in a log file, what was there is lost"),
    ] {
        let path = file(&directory, name, bytes);
        let told =
            format!("no entry was found in {} ({} bytes; NOT A LOG: {text}", path.display(), bytes.len());
        let ran = run(&["merge", "--force", "--json", "--output", out], &[&log, &path]).code(0);
        let notes = &ran.json()[0]["notes"];
        let note = notes.as_array().unwrap().iter().find(|note| note["kind"] == json!("not-a-log")).unwrap();
        assert!(note["detail"].as_str().unwrap().starts_with(&told), "{note}");
        let ran = run(&["merge", "--force", "--output", out], &[&log, &path]).code(0);
        assert!(ran.stdout.contains(&format!("NOTE: {told}")), "{}", ran.stdout);
        let ran = run(&["export", "--format", "jsonl", "--force", "--output", rows], &[&log, &path]).code(1);
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        let ran = run(&["recover", "--cluster", "0", "--dry-run"], &[&log, &path]);
        assert!(ran.stderr.contains(&format!("NOTE: {told}")), "{}", ran.stderr);

        // Without any log too.
        let ran = run(&["merge", "--force", "--output", out], &[&path]).code(1);
        assert!(ran.stdout.contains(&format!("NOTE: {told}")), "{}", ran.stdout);
        assert!(ran.stderr.contains("no input holds a valid entry"), "{}", ran.stderr);
        let ran = run(&["export", "--format", "jsonl", "--force", "--output", rows], &[&path, &path]).code(1);
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        let ran = run(&["recover", "--cluster", "0", "--dry-run"], &[&path, &path]).code(1);
        assert!(ran.stderr.contains(&format!("NOTE: {told}")), "{}", ran.stderr);
    }
    // A log in which no entry is intact begins as one does.
    let torn = file(&directory, "torn.aof", &fs::read(&log).unwrap()[..100]);
    let ran = run(&["merge", "--force", "--output", out], &[&log, &torn]).code(0);
    assert!(
        ran.stdout.contains("torn.aof (100 bytes): ") && !ran.stdout.contains("NOT A LOG"),
        "{}",
        ran.stdout
    );
}

#[test]
fn files_of_a_folder_that_are_not_logs_by_their_names_are_named() {
    let directory = TempDir::new().unwrap();
    let log = fs::read(data("single/small-bodies.aof")).unwrap();
    file(&directory, "r0.aof", &log);
    file(&directory, "r0.aof.1.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef");
    file(&directory, "r0.aof.json", b"{}");
    file(&directory, "r0.aof.2.part", b"half of a download");
    file(&directory, "r0.aof.3.zst", &[0xa5; 100]);
    let ran = run(&["verify"], &[directory.path()]).code(0);
    assert!(ran.stdout.lines().filter(|line| line.contains(": sound")).count() == 1, "{}", ran.stdout);
    for told in [
        "r0.aof.1.gz: not a log: gzip: unpack it first",
        "r0.aof.json: not a log: JSON",
        "r0.aof.2.part: not a log: text",
        "r0.aof.3.zst: not a log: by its name",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let output = directory.path().join("whole.aof");
    let ran = run(&["merge", "--output"], &[&output, directory.path()]).code(0);
    assert!(
        ran.stderr.contains("r0.aof.1.gz: not a log: gzip") && !ran.stdout.contains("r0.aof.1"),
        "{}",
        ran.stdout
    );

    let only = TempDir::new().unwrap();
    file(&only, "r0.aof.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef");
    let ran = run(&["verify"], &[only.path()]).code(2);
    assert!(ran.stderr.contains("r0.aof.gz: not a log: gzip: unpack it first"), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn file_whose_size_is_not_reported_is_not_taken_for_an_empty_one() {
    let status = Path::new("/proc/self/status");
    for words in [&["verify"][..], &["inspect"], &["debug"], &["show", "--op", "1"]] {
        let ran = run(words, &[status]).code(2);
        assert!(
            ran.stderr.contains("its size is not reported by the file system"),
            "{words:?}: {}",
            ran.stderr
        );
    }
}

#[test]
fn zeros_that_end_a_file_are_no_free_space_unless_a_writer_keeps_them_ahead() {
    let directory = TempDir::new().unwrap();
    let log = fs::read(data("single/small-bodies.aof")).unwrap();
    let with_size = |size: usize| {
        let mut bytes = log.clone();
        bytes.resize(size, 0);
        file(&directory, "r0.aof", &bytes)
    };
    for zeros in [1, 100, 512, 808_960] {
        let path = with_size(log.len() + zeros);
        let ran = run(&["verify"], &[&path]).code(0);
        let told = format!(
            "sound, then {} of zeros: in a log file, what was there is lost; on a device's image it is free space",
            aof_cli::human::size(zeros as u64)
        );
        assert!(ran.stdout.contains(&told), "{}", ran.stdout);
        run(&["verify", "--strict"], &[&path]).code(1);
        let surveyed = survey(&path);
        assert_eq!((&surveyed["zeros_are"], &surveyed["zeros"]), (&json!("unknown"), &json!(zeros)));
        let report = run(&["inspect", "--json"], &[&path]).code(0).json().pop().unwrap();
        assert_eq!(
            (&report["verdict"]["level"], &report["verdict"]["word"]),
            (&json!("care"), &json!("SOUND"))
        );
        assert!(report["verdict"]["advice"][0].as_str().unwrap().contains("of zeros: in a log file"));
        let both = run(&["inspect", "--json"], &[&path, &data("single/small-bodies.aof")]).code(0);
        assert_eq!(both.json()[0]["verdict"]["level"], json!("care"));
    }
    let path = with_size((1 << 20) - 1);
    assert_eq!(survey(&path)["zeros_are"], json!("ahead"));
    assert!(
        run(&["verify"], &[&path]).code(0).stdout.contains("sound, one unbroken chain, free space behind")
    );
    let report = run(&["inspect", "--json"], &[&path]).code(0).json().pop().unwrap();
    assert_eq!(report["verdict"]["level"], json!("good"));
    assert_eq!(survey(&data("single/small-bodies.aof"))["zeros_are"], json!(null));
}

#[test]
fn data_checksum_over_nothing_is_none_and_the_last_checksum_tells_two_logs_apart() {
    let directory = TempDir::new().unwrap();
    let (mut chains, mut lasts) = (Vec::new(), Vec::new());
    for (name, body) in [("one.aof", 8), ("two.aof", 9)] {
        let mut header = Header::new(); // its operation is none that a replay sends
        header.seal(&Crc, &[body; 3]).unwrap();
        let path = file(&directory, name, &[&Crc.magic(), header.as_bytes(), &[body; 3]].concat());
        let told = "data checksum chain  none: no entry that a replay sends";
        let ran = run(&["verify"], &[&path]).code(0);
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
        assert!(ran.stdout.contains("identifies the last entry and, by the parent links, all before it"));
        let ran = run(&["inspect", "--color", "never"], &[&path]).code(0);
        let shown = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("data checksum chain none: no entry that a replay sends"), "{shown}");
        assert!(
            shown.contains(": identifies the last entry and, by the parent links, all before it"),
            "{shown}"
        );
        let ran = run(&["debug"], &[&path]).code(0);
        assert!(
            ran.stdout.ends_with("Data checksum chain: none: no entry that a replay sends\n"),
            "{}",
            ran.stdout
        );
        let merged = directory.path().join("merged.aof");
        let ran = run(&["merge", "--force", "--output"], &[&merged, &path]).code(0);
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
        assert!(ran.stdout.contains("identifies the last entry and, by the parent links, all before it"));
        let converted = directory.path().join("converted.aof");
        let words = ["convert", "--profile", "tigerbeetle", "--keep-first-parent", "--force"];
        let words = [&words[..], &["--output"]].concat();
        let ran = run(&words, &[&converted, &path]).code(0);
        assert!(ran.stdout.contains(told) && !ran.stdout.contains("of the input"), "{}", ran.stdout);
        let report =
            run(&[&words[..5], &["--json", "--output"]].concat(), &[&converted, &path]).code(0).json();
        assert_eq!(report[0]["replayed_entries"], json!(0));
        let surveyed = survey(&path);
        assert_eq!(surveyed["replayed_entries"], json!(0));
        let report = run(&["merge", "--force", "--json", "--output"], &[&merged, &path]).code(0).json();
        assert_eq!(report[0]["replayed_entries"], json!(0));
        let last = run(&["debug", "--json"], &[&path]).code(0).json().pop().unwrap();
        assert_eq!(
            last,
            json!({"data_checksum_chain": surveyed["data_checksum_chain"], "replayed_entries": 0})
        );
        chains.push(surveyed["data_checksum_chain"].clone());
        lasts.push(surveyed["last_checksum"].as_str().unwrap().to_owned());
        assert!(
            run(&["verify"], &[&path])
                .stdout
                .contains(&format!("last checksum        {}", lasts[lasts.len() - 1]))
        );
    }
    assert_eq!(chains[0], chains[1]);
    assert_ne!(lasts[0], lasts[1]);
    assert_eq!(survey(&data("single/small-bodies.aof"))["replayed_entries"], json!(298));
}

/// An entry as a newer layout has it: the body's checksum in the padding of today's.
fn newer<P: Profile>(profile: &P, op: u64, body: &[u8]) -> Vec<u8> {
    let mut header = Header::new();
    header.op = op.into();
    header.seal(profile, body).unwrap();
    header.checksum_body_padding = header.checksum_body.get().into();
    header.checksum_body = aof_nostd::Checksum::ZERO;
    header.checksum = profile.checksum(header.covered());
    assert_eq!(header.as_bytes().len(), HEADER_SIZE);
    [&profile.magic(), header.as_bytes(), body].concat()
}

#[test]
fn entry_of_a_newer_layout_is_named() {
    const NAME: &str = "an entry of a newer layout, which this version does not read";
    let directory = TempDir::new().unwrap();
    let profile = TigerBeetle::default();
    let all: Vec<u8> = (1..=5).flat_map(|op| newer(&profile, op, b"sixteen bytes...")).collect();
    let path = file(&directory, "newer.aof", &all);
    let ran = run(&["verify"], &[&path]).code(1);
    assert!(ran.stdout.contains(&format!("NOT A LOG: {NAME}")), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("byte 0 (op 1): newer-layout: {NAME}")), "{}", ran.stdout);
    assert_eq!(survey(&path)["not_a_log"], json!("newer-log"));
    for words in [&["debug"][..], &["show", "--op", "1"], &["recover", "--cluster", "0", "--dry-run"]] {
        let ran = run(words, &[&path]).code(1);
        assert!(ran.stderr.contains(NAME), "{words:?}: {}", ran.stderr);
    }
    // After entries of today's layout it is damage, by its name; in parts too.
    let log = fs::read(data("single/small-bodies.aof")).unwrap();
    let path = file(&directory, "both.aof", &[&log[..], &newer(&profile, 301, b"body")].concat());
    let surveyed = survey(&path);
    assert_eq!(findings(&surveyed), [("newer-layout".to_owned(), log.len() as u64)]);
    assert_eq!((&surveyed["not_a_log"], &surveyed["findings"][0]["detail"]), (&json!(null), &json!(NAME)));
    let part = directory.path().join("part");
    run(&["verify", "--range", "1/1", "--part"], &[&part, &path]).code(1);
    assert_eq!(run(&["stitch", "--json"], &[&part]).json()[0], surveyed);

    // Another body than the header's checksum tells is no log of that layout, and a header without these zeros is invalid.
    let mut other = newer(&profile, 1, b"body");
    *other.last_mut().unwrap() ^= 1;
    let ran = run(&["verify"], &[&file(&directory, "other.aof", &other)]).code(1);
    assert!(!ran.stdout.contains("NOT A LOG"), "{}", ran.stdout);
    let mut header = Header::new();
    header.seal(&Crc, b"body").unwrap();
    header.checksum_body_padding = 5.into();
    header.checksum = Crc.checksum(header.covered());
    let padded = [&Crc.magic(), header.as_bytes(), b"body"].concat();
    let surveyed = survey(&file(&directory, "padded.aof", &padded));
    assert_eq!(findings(&surveyed), [("header-invalid".to_owned(), 0)]);
}
