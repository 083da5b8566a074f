//! A log whose writer keeps zeros ahead of its end ([`OpenOptions::preallocate`]), read while it is being written: the
//! zeros are free space, and every command says what it says of the log without them.

use crate::follow::Following;
use crate::util::{aof, data, findings, sha256, survey};
use aof_nostd::{Backend, Entries, TigerBeetle};
use aof_std::{LogFile, OpenOptions};
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Bytes of what a replica wrote.
const SIZE: u64 = 183_616;

/// What a replica wrote, in a log that is open and has zeros behind its end.
struct Live {
    directory: TempDir,
    path: PathBuf,
    log: LogFile,
}

impl Live {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("replica.aof");
        let mut log = OpenOptions::new().preallocate(1 << 20).open(&path).unwrap();
        let bytes = std::fs::read(data("single/small-bodies.aof")).unwrap();
        for located in Entries::new(&bytes, TigerBeetle::new(Backend::compiled())) {
            log.write(located.unwrap().entry).unwrap();
        }
        log.sync().unwrap();
        assert!(path.metadata().unwrap().len() > SIZE + (1 << 19), "there are zeros");
        Self { directory, path, log }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn words(words: &[&str], paths: &[&Path]) -> Vec<OsString> {
    words.iter().map(OsString::from).chain(paths.iter().map(OsString::from)).collect()
}

#[test]
fn verify_finds_it_sound_with_free_space_behind() {
    let live = Live::new();
    let surveyed = survey(&live.path);
    assert_eq!(findings(&surveyed), [("zero-tail".to_owned(), SIZE)]);
    assert_eq!((&surveyed["sound"], &surveyed["entries"]), (&json!(true), &json!(300)));
    let ran = aof(words(&["verify"], &[&live.path])).code(0);
    assert!(ran.stdout.contains(": sound, one unbroken chain, free space behind"), "{}", ran.stdout);
    let parts: Vec<_> = (1..=3).map(|number| live.out(&format!("{number}.part"))).collect();
    for (range, part) in ["1/3", "2/3", "3/3"].iter().zip(&parts) {
        aof(words(&["verify", "--range", range, "--part"], &[part, &live.path])).code(0);
    }
    let parts: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    aof(words(&["stitch"], &parts)).code(0);
    // Its writer cuts them off, and all is as it was without.
    live.log.close().unwrap();
    assert_eq!(findings(&survey(&live.path)), []);
    assert!(std::fs::read(&live.path).unwrap() == std::fs::read(data("single/small-bodies.aof")).unwrap());
}

#[test]
fn merge_and_convert_take_the_entries_and_leave_the_zeros() {
    let live = Live::new();
    let (merged, crc, back) = (live.out("merged"), live.out("crc"), live.out("back"));
    let ran = aof(words(&["merge", "--output"], &[&merged, &live.path])).code(0);
    assert_eq!(sha256(&merged), sha256(&data("single/small-bodies.aof")));
    let ahead = "from byte 183616 on): free space that a writer keeps ahead of its log (preallocation)\n";
    assert!(ran.stdout.contains(ahead) && !ran.stdout.contains("lost"), "{}", ran.stdout);
    // Beside a log whose tail may be lost each has its own words.
    let lost = live.out("lost.aof");
    std::fs::write(&lost, [std::fs::read(&merged).unwrap(), vec![0; 4096]].concat()).unwrap();
    let files = [&merged, &live.path, &lost].map(PathBuf::as_path);
    let ran = aof(words(&["merge", "--force", "--output"], &files)).code(0);
    let told =
        "has 4096 from byte 183616 on): in a log file, what was there is lost, unless another input has it;";
    assert!(ran.stdout.contains(ahead) && ran.stdout.contains(told), "{}", ran.stdout);
    let report =
        aof(words(&["merge", "--force", "--json", "--output"], &files)).code(0).json().pop().unwrap();
    assert_eq!(report["notes"][0]["zeros_are"], json!(["ahead", "unknown"]));
    let out = live.out("rows");
    let ran =
        aof(words(&["export", "--format", "entries", "--output"], &[&out, &live.path, &live.path])).code(0);
    assert_eq!(ran.stderr, "", "free space is no loss");
    aof(words(&["convert", "--profile", "crc"], &[&live.path, Path::new("--output"), &crc])).code(0);
    aof(words(
        &["convert", "--profile", "tigerbeetle", "--keep-first-parent"],
        &[&crc, Path::new("--output"), &back],
    ))
    .code(0);
    assert_eq!(sha256(&back), sha256(&data("single/small-bodies.aof")));
}

#[test]
fn export_gives_the_same_rows_as_of_the_closed_log() {
    let live = Live::new();
    let export = |name: &str, format: &str| {
        let out = live.out(name);
        aof(words(&["export", "--format", format, "--force", "--output"], &[&out, &live.path])).code(0);
        sha256(&out)
    };
    let formats = ["jsonl", "entries", "csv"];
    let of_live = formats.map(|format| export("rows", format));
    let closed = std::fs::read(data("single/small-bodies.aof")).unwrap();
    std::fs::write(&live.path, closed).unwrap(); // as its writer would
    assert_eq!(of_live, formats.map(|format| export("rows", format)));
}

#[test]
fn inspect_and_debug_and_show_see_no_damage() {
    let live = Live::new();
    let ran = aof(words(&["inspect"], &[&live.path])).code(0);
    assert!(
        ran.stdout.contains("SOUND: every byte is sound, and ops 1 to 300 are all there"),
        "{}",
        ran.stdout
    );
    let of_live = aof(words(&["debug"], &[&live.path])).code(0);
    let of_file = aof(words(&["debug"], &[&data("single/small-bodies.aof")])).code(0);
    assert_eq!(of_live.stdout.lines().last(), of_file.stdout.lines().last(), "the same data");
    assert!(of_live.stdout.contains(&format!("# byte {SIZE}: zero-tail")), "{}", of_live.stdout);
    let show = |log: &Path| aof(words(&["show", "--op", "300"], &[log])).code(0).stdout;
    let body = |text: String| text.split_once("body:").map(|(_, body)| body.to_owned());
    assert_eq!(body(show(&live.path)), body(show(&data("single/small-bodies.aof"))));
}

#[test]
fn recover_would_send_the_same() {
    let live = Live::new();
    let plan = |log: &Path| {
        let flags = ["recover", "--cluster", "0", "--dry-run"];
        aof(words(&flags, &[log])).code(0).stdout
    };
    assert_eq!(plan(&live.path), plan(&data("single/small-bodies.aof")));
}

#[test]
fn repair_leaves_it_to_its_writer_and_cuts_what_a_crash_left() {
    let live = Live::new();
    let ran = aof(words(&["repair"], &[&live.path]));
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("another process writes this log"), "{}", ran.stderr);
    let left = live.out("left.aof");
    std::fs::copy(&live.path, &left).unwrap();
    aof(words(&["repair"], &[&left])).code(0);
    assert_eq!(sha256(&left), sha256(&data("single/small-bodies.aof")));
}

#[test]
fn follow_tells_entries_and_nothing_of_the_zeros() {
    let mut live = Live::new();
    let following = Following::start(&live.path, &["-n", "2"]);
    following.expect_ops([299, 300]);
    // Longer than it takes to tell of an entry that is not whole.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let draft = aof_nostd::Draft::default();
    live.log.write_new(&draft, b"over zeros").unwrap();
    following.expect_ops([301]);
    live.log.write_new(&draft, b"over zeros").unwrap();
    live.log.close().unwrap();
    following.expect_ops([302]);
    following.stop();
}
