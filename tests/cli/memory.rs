//! `aof merge` in little memory: what does not fit goes to disk, and nobody sees a difference but in how much
//! it takes. `AOF_MERGE_MEMORY` sets the measure, so that small logs take the ways of large ones.

use crate::util::{Ran, WHOLE_SHA256, aof, command, file, replica, sha256};
use aof_nostd::TigerBeetle;
use aof_tests::build::{Builder, Log};
use aof_tests::random::Random;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Merges in so much memory.
fn merge_in(memory: u64, flags: &[&str], output: &Path, inputs: &[PathBuf]) -> Ran {
    let mut command = Command::new("env");
    command.arg(format!("AOF_MERGE_MEMORY={memory}")).arg(env!("CARGO_BIN_EXE_aof")).arg("merge");
    command.args(flags).arg("--output").arg(output).args(inputs);
    Ran::of(command.stdin(Stdio::null()))
}

/// Too little for anything but sorting entry by entry; for some stretches; for all but the entries.
const LITTLE: [u64; 3] = [1, 20_000, 300_000];

#[test]
fn merge_in_little_memory_writes_the_same_bytes_and_tells_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let inputs = [replica(0), replica(1), replica(2)];
    let expected = aof(["merge", "--json", "-o"]
        .map(Path::new)
        .iter()
        .copied()
        .chain([&*output])
        .chain(inputs.iter().map(PathBuf::as_path)))
    .code(0)
    .stdout;
    for memory in LITTLE {
        let ran = merge_in(memory, &["--json", "--force"], &output, &inputs).code(0);
        assert_eq!(sha256(&output), WHOLE_SHA256, "{memory}");
        assert_eq!(ran.stdout, expected, "{memory}");
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn refusal_in_little_memory_tells_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let mut damaged = fs::read(replica(2)).unwrap();
    for at in (5_000..600_000).step_by(7_001) {
        damaged[at] ^= 1;
    }
    let inputs = [replica(2), file(&directory, "damaged.aof", &damaged)];
    let expected = merge_in(1 << 30, &["--json"], &output, &inputs).code(1);
    assert!(expected.stderr.contains("ops 1112-2879 are missing"), "{}", expected.stderr);
    for memory in LITTLE {
        let ran = merge_in(memory, &["--json"], &output, &inputs).code(1);
        assert_eq!((ran.stdout, ran.stderr), (expected.stdout.clone(), expected.stderr.clone()), "{memory}");
    }
}

#[test]
fn recover_and_export_in_little_memory_give_the_same() {
    let files = [replica(0), replica(1), replica(2)].map(|path| path.to_str().unwrap().to_owned());
    for words in [
        "recover --cluster 0 --dry-run --json",
        "recover --cluster 0 --to jsonl --until-op 300",
        "export --what entries --format jsonl --output - --from-op 700 --until-op 1200",
    ] {
        let run = |memory: &str| {
            let mut command = command();
            command.args(words.split(' ')).args(&files).env("AOF_MERGE_MEMORY", memory);
            Ran::of(&mut command).code(0).stdout
        };
        let expected = run("1000000000");
        assert!(expected.lines().count() > 0);
        for memory in LITTLE {
            assert_eq!(run(&memory.to_string()), expected, "{words} in {memory}");
        }
    }
}

#[test]
fn disk_without_room_for_what_memory_does_not_hold_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    // The rows of the log take 70 KB.
    let script = "trap '' XFSZ; ulimit -f 20; AOF_MERGE_MEMORY=20000 exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_aof"), "merge", "-o"]);
    let ran = Ran::of(command.arg(&output).arg(replica(1))).code(1);
    let place = format!("cannot keep temporary data in {}: File too large", directory.path().display());
    assert!(ran.stderr.contains(&place), "{}", ran.stderr);
    assert!(ran.stderr.contains("make room there, or choose an output elsewhere"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    let ran = Ran::of(
        Command::new("bash")
            .args(["-c", script, "bash", env!("CARGO_BIN_EXE_aof"), "recover", "--cluster=0", "--dry-run"])
            .arg(replica(1))
            .env("TMPDIR", directory.path()),
    );
    assert!(ran.code(1).stderr.contains("or let TMPDIR name a directory elsewhere"));
}

/// A log of so many entries without bodies.
fn log(count: usize) -> Log {
    Builder::new(TigerBeetle::new(aof_std::backend())).chain(&vec![0; count]).build()
}

/// The most anonymous memory that the command ever had, as far as looking each millisecond tells.
fn anonymous_bytes(command: &mut Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let anonymous =
            status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        most = most.max(anonymous.map_or(0, |kilobytes| kilobytes.trim().parse().unwrap()) * 1024);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    most
}

/// Logs that are in order, shuffled, and repeated many times: each is a way of its own.
#[cfg(target_os = "linux")]
#[test]
fn memory_of_a_merge_does_not_grow_with_the_entries() {
    const MEMORY: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("whole.aof");
    let mut tell = String::new();
    let (mut least, mut most) = (u64::MAX, 0);
    for count in [10_000, 150_000] {
        let log = log(count);
        let mut random = Random::new(7);
        let mut shuffled: Vec<&[u8]> = log.entries.iter().map(|entry| &log.bytes[entry.range()]).collect();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at + 1));
        }
        let inputs = [
            file(&directory, "in-order.aof", &log.bytes),
            file(&directory, "shuffled.aof", &shuffled.concat()),
            file(&directory, "repeated.aof", &log.bytes[..272 * 20].repeat(count / 20)),
        ];
        for inputs in [&inputs[..1], &inputs[1..2], &inputs[..]] {
            let mut merge = command();
            merge.args(["merge", "--force", "-o"]).arg(&output).args(inputs);
            let bytes = anonymous_bytes(merge.env("AOF_MERGE_MEMORY", MEMORY.to_string()));
            assert!(fs::read(&output).unwrap() == log.bytes);
            tell.push_str(&format!("{count} entries, {} inputs: {bytes} bytes\n", inputs.len()));
            (least, most) = (least.min(bytes), most.max(bytes));
        }
    }
    // Every worker has a buffer of 1.3 MB, and eight there are at most. With memory for all it would be 37 MB.
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(8)) as u64;
    assert!(most < MEMORY + (8 << 20) + workers * (2 << 20), "{tell}");
    assert!(least > 0, "{tell}");
    println!("{tell}");
}
