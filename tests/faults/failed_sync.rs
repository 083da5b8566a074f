//! A sync that fails: the checkpoint's callback gets the error, and the log refuses everything after it, even
//! where the next sync would succeed. A later success says nothing about the pages that the failed one lost.

use crate::environment::{has_strace, tell};
use crate::log::{self, Found, goes_on};
use crate::sweep::strace;
use crate::writer::{Said, Writer};

/// Entries that a writer would write if nothing failed; a checkpoint behind every third.
const ENTRIES: u64 = 30;

fn writer(path: &std::path::Path, inject: &str) -> Writer {
    let call = inject.split(':').next().unwrap();
    let words = strace(&[&format!("trace={call}"), &format!("inject={inject}")], "/dev/null");
    Writer { every: 3, up_to: ENTRIES, ..Writer::new(path) }.through(&words)
}

/// The writer told the failure, and was refused all that it tried afterwards.
#[track_caller]
fn assert_latched(said: &Said, acknowledged: u64) {
    assert!(!said.status.success() && !said.has("closed"), "{said:?}");
    assert_eq!(said.acknowledged(), acknowledged, "nothing is acknowledged after the failure: {said:?}");
    let later: Vec<_> = said.all("later").collect();
    let refused = "the device failed before: reopen the log";
    assert_eq!(later, [format!("{refused} / {refused}")], "{said:?}");
}

#[test]
fn failed_sync_is_told_to_the_callback_and_is_for_good_even_if_the_next_would_succeed() {
    if !has_strace() {
        return;
    }
    let mut count = 0;
    // Once, and from there on.
    for (first, when) in
        (1..=ENTRIES / 3).flat_map(|first| [(first, format!("{first}")), (first, format!("{first}+"))])
    {
        for error in ["EIO", "ENOSPC", "EDQUOT"] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("log.aof");
            let writer = writer(&path, &format!("fdatasync:error={error}:when={when}"));
            let said = writer.run();
            assert_latched(&said, (first - 1) * 3);
            let told: Vec<_> = said.all("unsynced").collect();
            assert_eq!(told.len(), 1, "the callback gets the error, once: {said:?}");
            assert!(told[0].starts_with(&format!("{}: ", first * 3)), "{said:?}");
            let found = log::read(&path, &writer.sizes);
            assert!(found.last_op >= said.acknowledged());
            goes_on(&writer, &found, 2);
            count += 1;
        }
    }
    tell(&format!("{count} syncs failed"));
}

#[test]
fn failed_write_is_for_good_and_what_was_acknowledged_before_stays() {
    if !has_strace() {
        return;
    }
    // The writer's own lines are writes too; so its log is told apart by the file's descriptor being written
    // to with `write` just as they are: every number hits one or the other.
    let mut count = 0;
    for number in 1..=20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = writer(&path, &format!("write:error=EIO:when={number}"));
        let said = writer.run();
        let refused: Vec<_> = said.all("refused").collect();
        if let [refused] = refused[..] {
            count += 1;
            let op: u64 = refused.split(':').next().unwrap().parse().unwrap();
            assert!(refused.contains("Input/output error"), "{said:?}");
            assert_latched(&said, (op - 1) / 3 * 3);
            let found = log::read(&path, &writer.sizes);
            assert_eq!(found.last_op, op - 1, "the entry that was refused is not there");
            goes_on(&writer, &found, 2);
        }
    }
    assert!(count > 5, "{count} writes of entries failed");
    tell(&format!("{count} writes failed"));
}

#[test]
fn new_log_whose_directory_cannot_be_synced_is_not_opened() {
    if !has_strace() {
        return;
    }
    // The directory, the file, the directory again: an entry in a file that may be gone is not durable.
    for number in [1, 2, 3] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = writer(&path, &format!("fsync:error=EIO:when={number}"));
        let said = writer.run();
        assert!(said.has("ended") && !said.has("opened") && said.acknowledged() == 0, "{said:?}");
        assert!(said.lines.iter().any(|line| line.contains("Input/output error")), "{said:?}");
        let found = if path.exists() { log::read(&path, &writer.sizes) } else { Found::default() };
        goes_on(&writer, &found, 2);
    }
}
