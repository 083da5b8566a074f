//! Group commit: what a thread is told is durable is durable, and one sync serves all that wait.

use crate::disk::{Calls, Disk, Handle};
use aof_nostd::{Draft, Entry, Op, WriteError};
use aof_std::{FileError, GroupLog, LogFile, OpenOptions, Rotation};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use zerocopy::IntoBytes;

/// The real file system, with a disk that takes its time: what is durable on it is counted, in entries.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    appended: AtomicU64,
    durable: AtomicU64,
    syncs: AtomicU64,
    /// The sync from which on all fail, if that is not 0.
    fails_from: AtomicU64,
    /// How many milliseconds a sync takes beyond the first two.
    delay: AtomicU64,
}

impl Slow {
    fn durable(&self) -> u64 {
        self.0.durable.load(Ordering::SeqCst)
    }

    fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    fn open(&self, path: &Path) -> LogFile {
        OpenOptions::new().file_system(Arc::new(Disk(self.clone()))).open(path).unwrap()
    }
}

impl Calls for Slow {
    fn append(&self, file: &Handle<Self>, bytes: &[u8]) -> io::Result<usize> {
        let size = file.inner.append(bytes)?;
        let mut rest = &bytes[..size];
        while let Some(entry) = Entry::from_prefix(rest) {
            rest = &rest[entry.as_bytes().len()..];
            self.0.appended.fetch_add(1, Ordering::SeqCst);
        }
        assert!(rest.is_empty(), "whole entries are written");
        Ok(size)
    }

    fn sync_data(&self, file: &Handle<Self>) -> io::Result<()> {
        let counts = &self.0;
        let covered = counts.appended.load(Ordering::SeqCst);
        let number = counts.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        thread::sleep(Duration::from_millis(2 + counts.delay.load(Ordering::SeqCst)));
        let fails_from = counts.fails_from.load(Ordering::SeqCst);
        if fails_from > 0 && number >= fails_from {
            return Err(io::Error::other("the disk is broken"));
        }
        file.inner.sync_data()?;
        counts.durable.fetch_max(covered, Ordering::SeqCst);
        Ok(())
    }
}

/// Lets threads append, each so many entries; calls `told` with what each was told of its op.
fn append(log: &GroupLog, threads: usize, each: usize, told: impl Fn(Result<Op, FileError>) + Sync) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..each {
                    told(log.append_new(&Draft::default(), b"body").map(|durable| durable.written.op));
                }
            });
        }
    });
}

#[test]
fn every_thread_waits_until_its_own_entry_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let disk = Slow::default();
    let log = GroupLog::new(disk.open(&path));
    append(&log, 16, 20, |told| {
        let (op, durable) = (told.unwrap(), disk.durable());
        assert!(op.0 <= durable, "op {op} was called durable, and {durable} were");
    });
    let syncs = disk.syncs();
    assert!((20..160).contains(&syncs), "{syncs} syncs for 320 entries of 16 threads");
    let log = log.into_inner();
    assert_eq!((log.last().unwrap().op(), log.unsynced()), (Op(320), 0));
    drop(log);
    let mut reader = aof_std::open(&path, aof_std::backend()).unwrap().with_chain_check(true);
    let mut entries = 0;
    while reader.next().unwrap().is_some() {
        entries += 1;
    }
    assert_eq!(entries, 320);
}

#[test]
fn one_thread_has_one_sync_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Slow::default();
    let log = GroupLog::new(disk.open(&directory.path().join("log.aof")));
    append(&log, 1, 10, |told| assert_eq!(told.unwrap().0, disk.durable()));
    assert_eq!(disk.syncs(), 10);
}

/// The second thread's entry waits for the first one's sync. The first comes back at its end, and shares the next.
#[test]
fn threads_that_append_one_entry_after_the_other_share_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Slow::default();
    // The next sync is put off by an eighth of it at most: long enough for any thread to come back.
    disk.0.delay.store(1600, Ordering::SeqCst);
    let log = GroupLog::new(disk.open(&directory.path().join("log.aof")));
    let append = || log.append_new(&Draft::default(), b"").unwrap().written.op.0;
    thread::scope(|scope| {
        scope.spawn(|| {
            append();
            append();
        });
        while disk.syncs() == 0 {
            thread::yield_now();
        }
        append();
    });
    assert_eq!((disk.syncs(), disk.durable()), (2, 3));
}

#[test]
fn failed_sync_is_told_to_all_that_wait_and_to_all_that_come() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Slow::default();
    disk.0.fails_from.store(5, Ordering::SeqCst);
    let log = GroupLog::new(disk.open(&directory.path().join("log.aof")));
    let refused = AtomicU64::new(0);
    append(&log, 8, 10, |told| match told {
        Ok(op) => assert!(op.0 <= disk.durable(), "op {op}"),
        Err(_) => _ = refused.fetch_add(1, Ordering::SeqCst),
    });
    assert!(refused.load(Ordering::SeqCst) >= 80 - disk.durable());
    assert_eq!(disk.syncs(), 5, "no sync after the failed one");
    let error = log.append_new(&Draft::default(), b"").unwrap_err();
    assert!(matches!(error, FileError::Write(WriteError::Failed)), "{error}");
    let mut log = log.into_inner();
    assert!(matches!(log.sync(), Err(FileError::Write(WriteError::Failed))));
}

#[test]
fn more_threads_than_entries_may_be_unsynced_take_turns() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Slow::default();
    let options = OpenOptions::new().file_system(Arc::new(Disk(disk.clone()))).unsynced_max(2);
    let log = GroupLog::new(options.open(directory.path().join("log.aof")).unwrap());
    append(&log, 9, 5, |told| assert!(told.unwrap().0 <= disk.durable()));
    assert_eq!(log.into_inner().last().unwrap().op(), Op(45));
}

#[test]
fn several_entries_of_one_thread_are_made_durable_by_one_sync() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Slow::default();
    let log = GroupLog::new(disk.open(&directory.path().join("log.aof")));
    let written = log.append_with(|log| {
        for _ in 0..30 {
            log.write_new(&Draft::default(), b"")?;
        }
        Ok(log.unsynced())
    });
    assert_eq!((written.unwrap().written, disk.durable(), disk.syncs()), (30, 30, 1));
    let refused = log.append_with(|_| Err::<(), _>(io::Error::other("of the caller").into()));
    assert!(refused.is_err() && disk.syncs() == 1);
    log.append_new(&Draft::default(), b"").unwrap();
}

#[test]
fn log_that_is_moved_away_goes_on_in_a_new_file_and_is_given_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let moved = directory.path().join("log.1.aof");
    let mut log = LogFile::open(&path).unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    log.checkpoint(|result| assert!(result.is_ok())).unwrap(); // under way when it is shared
    let log = GroupLog::new(log);
    append(&log, 4, 10, |told| assert!(told.is_ok()));
    std::fs::rename(&path, &moved).unwrap();
    let found = log.append_new(&Draft::default(), b"").unwrap().checkpointed;
    assert_eq!(found.rotation, Rotation::Created);
    append(&log, 4, 10, |told| assert!(told.is_ok()));
    let mut log = log.into_inner();
    log.write_new(&Draft::default(), b"").unwrap();
    log.checkpoint(|result| assert!(result.is_ok())).unwrap();
    log.close().unwrap();
    let (old, new) = (LogFile::open(&moved).unwrap(), LogFile::open(&path).unwrap());
    assert_eq!((old.entries_at_open(), new.entries_at_open()), (42, 41));
    assert_eq!(new.last().unwrap().op(), Op(83));
}
