//! No room: a small tmpfs, and a limit of a file's size, which hits at any byte. The failure is told, nothing
//! that was there is lost, nothing half-done is left, and all goes on once there is room.

use crate::command::{AOF, data, files, merge, names, run};
use crate::environment::{Tmpfs, has, stride, tell};
use crate::log::{self, goes_on};
use crate::writer::Writer;
use std::path::Path;
use std::process::Command;

const PAGE: u64 = 4096;

/// The words that start a program with a limit of a file's size, as an error and not as a signal.
fn limit(bytes: u64) -> [String; 4] {
    ["prlimit", &format!("--fsize={bytes}"), "env", "--ignore-signal=XFSZ"].map(str::to_owned)
}

#[test]
fn writer_that_runs_into_a_limit_at_any_byte_loses_nothing_and_goes_on() {
    if !has(&["prlimit", "env"]) {
        return;
    }
    let (mut count, mut torn) = (0, 0);
    // With zeros ahead the disk is full for those first, which is no failure.
    let each = |bytes| [(bytes, 0), (bytes, 600)];
    for (bytes, preallocate) in (0..1700).step_by(stride(31)).flat_map(each) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = Writer { sizes: vec![0, 40], every: 2, preallocate, ..Writer::new(&path) };
        let said = Writer { up_to: 100, ..writer.clone() }.through(&limit(bytes)).run();
        assert!(said.lines.iter().any(|line| line.contains("File too large")), "{bytes}: {said:?}");
        assert!(said.has("refused") && !said.has("closed"), "{bytes}: {said:?}");
        let found = log::read(&path, &writer.sizes);
        assert_eq!((found.end + found.tail.len()) as u64, bytes, "it was written up to the limit");
        assert!(found.last_op >= said.acknowledged(), "{bytes}: {said:?}");
        log::verify(&path, &found);
        torn += u64::from(!found.tail.is_empty());
        goes_on(&writer, &found, 2);
        count += 1;
    }
    tell(&format!("{count} limits, {torn} of them within an entry"));
}

#[test]
fn writer_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    let (mut count, mut uncut) = (0, 0);
    for (pages, preallocate) in (1..=40).step_by(stride(3)).flat_map(|pages| [(pages, 0), (pages, 20_000)]) {
        let Some(disk) = Tmpfs::mount(pages * PAGE) else { return };
        let path = disk.join("log.aof");
        let size = 300 + usize::try_from(pages).unwrap() * 37;
        let writer = Writer { sizes: vec![size, 5000, 0], every: 2, preallocate, ..Writer::new(&path) };
        let said = Writer { up_to: 1000, ..writer.clone() }.run();
        assert!(said.lines.iter().any(|line| line.contains("No space left on device")), "{said:?}");
        assert!(said.has("refused") && !said.has("closed"), "{said:?}");
        let found = log::read(&path, &writer.sizes);
        assert!(found.last_op >= said.acknowledged(), "{said:?}");
        log::verify(&path, &found);

        // Still no room: the torn tail cannot be kept, so it is not cut.
        if !found.tail.is_empty() {
            let said = Writer { up_to: 0, ..writer.clone() }.run();
            if said.has("ended") {
                uncut += 1;
                assert!(said.lines.iter().any(|line| line.contains("No space left on device")), "{said:?}");
                assert_eq!(log::read(&path, &writer.sizes), found, "the log is as it was");
                assert_eq!(names(disk.path()), ["log.aof"], "and nothing is beside it");
            } else {
                std::fs::remove_file(said.all("kept").next().unwrap()).unwrap();
            }
        }
        disk.resize((pages + 100) * PAGE);
        let found = log::read(&path, &writer.sizes);
        goes_on(&writer, &found, 5);
        count += 1;
    }
    assert!(uncut > 0, "no torn tail ever lacked room");
    tell(&format!("{count} full disks; {uncut} times there was no room to keep the torn tail"));
}

#[test]
fn torn_tail_is_cut_only_where_all_of_it_could_be_kept() {
    if !has(&["prlimit", "env"]) {
        return;
    }
    const TORN: u64 = 700;
    let mut count = 0;
    // The log itself is shorter than each limit: opening it may write its entries once more.
    for bytes in (272..TORN).step_by(stride(31)).chain([TORN]) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = Writer { sizes: vec![1000, 0], ..Writer::new(&path) };
        assert!(Writer { up_to: 2, ..writer.clone() }.run().has("closed"));
        let mut log = std::fs::read(&path).unwrap();
        log.truncate(272 + usize::try_from(TORN).unwrap());
        std::fs::write(&path, &log).unwrap();
        let said = Writer { up_to: 0, ..writer.clone() }.through(&limit(bytes)).run();
        if bytes < TORN {
            assert!(said.lines.iter().any(|line| line.contains("File too large")), "{bytes}: {said:?}");
            assert!(std::fs::read(&path).unwrap() == log, "the log is as it was");
            assert_eq!(names(directory.path()), ["log.aof"], "and nothing is beside it");
            goes_on(&writer, &log::read(&path, &writer.sizes), 2);
            count += 1;
        } else {
            assert!(said.has("kept") && said.has("closed"), "{said:?}");
        }
    }
    tell(&format!("{count} times no room for the bytes of a torn tail"));
}

/// A merge into `output`, which cannot be written; then there is room, and it can.
fn assert_merge_fails_clean(through: &[String], output: &Path, reason: &str, make_room: impl FnOnce()) {
    let directory = output.parent().unwrap();
    let before = files(directory);
    let flags: &[&str] = if output.exists() { &["--force"] } else { &[] };
    let words = merge(flags, output, &[&data("single/small-bodies.aof")]);
    let mut command = Command::new(through.first().map_or(AOF, String::as_str));
    command.args(through.iter().skip(1)).args((!through.is_empty()).then_some(AOF)).args(&words);
    let left = if flags.is_empty() { "nothing was left there" } else { "is as it was" };
    run(&mut command).code(1).says(&[reason, "whole.aof", left]);
    assert!(files(directory) == before, "{:?}", names(directory));
    make_room();
    run(Command::new(AOF).args(&words)).code(0);
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    assert!(std::fs::read(output).unwrap() == whole);
}

#[test]
fn merge_without_room_leaves_nothing_and_the_old_output_as_it_was() {
    let size = std::fs::metadata(data("single/small-bodies.aof")).unwrap().len();
    let (mut disks, mut limits) = (0, 0);
    for (number, pages) in (1..size.div_ceil(PAGE)).step_by(stride(3)).enumerate() {
        let Some(disk) = Tmpfs::mount(pages * PAGE) else { break };
        let output = disk.join("whole.aof");
        if number % 2 == 1 {
            std::fs::write(&output, b"precious").unwrap();
        }
        assert_merge_fails_clean(&[], &output, "No space left on device", || disk.resize(4 * size));
        disks += 1;
    }
    if has(&["prlimit", "env"]) {
        for (number, bytes) in (0..size).step_by(stride(5) * 997).enumerate() {
            let directory = tempfile::tempdir().unwrap();
            let output = directory.path().join("whole.aof");
            if number % 2 == 1 {
                std::fs::write(&output, b"precious").unwrap();
            }
            assert_merge_fails_clean(&limit(bytes), &output, "File too large", || {});
            limits += 1;
        }
    }
    tell(&format!("{disks} full disks, {limits} limits"));
}
