//! Opening, locking, torn tails, checkpoints, rotation and replacing, on a real file system.

use aof_nostd::{Crc, Draft, Op, TigerBeetle, WriteError};
use aof_std::{FileError, LogFile, OpenError, OpenOptions, Rotation};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A log of three entries, closed.
fn log_of_three(directory: &Path) -> PathBuf {
    let path = directory.join("log.aof");
    let mut log = LogFile::open(&path).unwrap();
    for body in [&b"one"[..], b"", b"three"] {
        log.write_new(&Draft::default(), body).unwrap();
    }
    log.close().unwrap();
    path
}

/// Checkpoints and waits for the answer.
fn checkpoint(log: &mut LogFile) -> std::io::Result<aof_std::Checkpointed> {
    let (sender, receiver) = mpsc::channel();
    log.checkpoint(move |result| sender.send(result).unwrap()).unwrap();
    let result = receiver.recv().unwrap();
    let _ = log.wait();
    result
}

#[test]
fn reopened_log_continues_the_chain() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let mut log = LogFile::open(&path).unwrap();
    assert_eq!((log.entries_at_open(), log.torn_tail()), (3, None));
    let last = log.last().unwrap().checksum;
    let link = log.write_new(&Draft::default(), b"four").unwrap();
    assert_eq!((link.op, link.parent), (Op(4), last));
    log.close().unwrap();
    let mut reader = aof_std::open(&path, aof_std::backend()).unwrap().with_chain_check(true);
    let mut ops = Vec::new();
    while let Some(located) = reader.next().unwrap() {
        ops.push(located.entry.header.op().0);
    }
    assert_eq!(ops, [1, 2, 3, 4]);
}

#[test]
fn second_writer_is_refused_while_the_first_holds_the_lock() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let first = LogFile::open(&path).unwrap();
    assert!(matches!(LogFile::open(&path), Err(OpenError::Locked)));
    drop(first);
    LogFile::open(&path).unwrap();
}

#[test]
fn torn_tail_is_told_and_nothing_is_written_behind_it_until_it_is_cut_and_kept() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let whole = fs::read(&path).unwrap();
    for cut in [whole.len() - 1, whole.len() - 5, whole.len() - 270, whole.len() - 276] {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let torn = log.torn_tail().unwrap();
        assert_eq!((torn.offset, torn.size), (275 + 272, cut as u64 - 547), "cut at {cut}");
        assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::TornTail(_))));
        assert_eq!(fs::read(&path).unwrap(), whole[..cut], "not silently cut");

        let saved = log.cut_torn_tail().unwrap().unwrap();
        assert_eq!(saved.file_name().unwrap(), "log.aof.torn-at-547");
        assert_eq!(fs::read(&saved).unwrap(), whole[547..cut]);
        assert_eq!(fs::read(&path).unwrap(), whole[..547]);
        assert_eq!(log.write_new(&Draft::default(), b"").unwrap().op, Op(3));
        log.close().unwrap();
        fs::remove_file(saved).unwrap();
    }
}

/// A replica that was killed between keeping a torn tail and cutting it could not start again: its tail was
/// kept already, and so could not be kept.
#[test]
fn cut_that_was_interrupted_behind_the_keeping_is_made_again() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let whole = fs::read(&path).unwrap();
    let torn = &whole[..whole.len() - 1];
    fs::write(&path, torn).unwrap();
    let kept = directory.path().join("log.aof.torn-at-547");
    fs::write(&kept, &torn[547..]).unwrap();
    let mut log = LogFile::open(&path).unwrap();
    assert_eq!(log.cut_torn_tail().unwrap(), Some(kept.clone()));
    assert_eq!(
        (fs::read(&kept).unwrap(), fs::read(&path).unwrap()),
        (torn[547..].to_vec(), whole[..547].to_vec())
    );
}

#[test]
fn tails_torn_at_one_place_are_each_kept_under_a_name_of_their_own() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let whole = fs::read(&path).unwrap();
    for (number, cut) in (1..=4).zip([1, 2, 3, 2]) {
        let torn = &whole[..whole.len() - cut];
        fs::write(&path, torn).unwrap();
        let kept = LogFile::open(&path).unwrap().cut_torn_tail().unwrap().unwrap();
        // The fourth is the second once more.
        let name = ["", ".2", ".3", ".2"][number - 1];
        assert_eq!(kept, directory.path().join(format!("log.aof.torn-at-547{name}")));
        assert_eq!(fs::read(&kept).unwrap(), torn[547..]);
        assert_eq!(fs::read(&path).unwrap(), whole[..547]);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "the log and three tails");
}

#[test]
fn torn_tail_is_not_cut_where_its_bytes_cannot_be_kept() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    // Whatever has these names, it is not written over.
    let names = (2..=100).map(|number| format!("log.aof.torn-at-547.{number}"));
    for name in names.chain(["log.aof.torn-at-547".into()]) {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    let mut log = LogFile::open(&path).unwrap();
    assert_eq!(log.cut_torn_tail().unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() - 1]);
    assert!(log.torn_tail().is_some());
}

#[test]
fn entries_that_no_crash_leaves_are_not_taken_for_a_torn_tail() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let mut log = LogFile::open(&path).unwrap();
    log.write_new(&Draft::default(), &[4; 3000]).unwrap();
    log.close().unwrap();
    let whole = fs::read(&path).unwrap();
    // A smaller limit than the one that it was written with.
    let refused = OpenOptions::new().message_size_max(2048).open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::NotTorn { offset: 824, .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert!(refused.to_string().contains("byte 824 (op 4)"), "{refused}");
}

#[test]
fn file_that_is_no_log_is_left_alone() {
    let directory = directory();
    let path = directory.path().join("precious.txt");
    fs::write(&path, b"not a log").unwrap();
    assert!(matches!(LogFile::open(&path), Err(OpenError::NotALog)));
    assert_eq!(fs::read(&path).unwrap(), b"not a log");
}

#[test]
fn profile_of_the_file_is_kept_and_the_other_one_refused() {
    let directory = directory();
    let path = directory.path().join("crc.aof");
    let mut log = OpenOptions::new().profile(Crc).open(&path).unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    log.close().unwrap();
    let tigerbeetle = OpenOptions::new().profile(TigerBeetle::default());
    assert!(matches!(tigerbeetle.open(&path), Err(OpenError::Profile { found: "crc", .. })));
    let mut log = LogFile::open(&path).unwrap();
    assert_eq!(log.write_new(&Draft::default(), b"").unwrap().op, Op(2));
}

#[test]
fn checkpoint_calls_back_and_frees_the_bound_of_unsynced_entries() {
    let directory = directory();
    let mut log = OpenOptions::new().unsynced_max(2).open(directory.path().join("log.aof")).unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    let refused = log.write_new(&Draft::default(), b"").unwrap_err();
    assert!(matches!(refused, FileError::Write(WriteError::Unsynced { max: 2 })));
    assert_eq!(checkpoint(&mut log).unwrap().rotation, Rotation::None);
    assert_eq!(log.unsynced(), 0);
    log.write_new(&Draft::default(), b"").unwrap();
}

#[test]
fn moved_away_log_is_begun_anew_and_the_chain_goes_on() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let moved = directory.path().join("log.1.aof");
    let mut log = LogFile::open(&path).unwrap();
    log.write_new(&Draft::default(), b"old").unwrap();
    fs::rename(&path, &moved).unwrap();
    log.write_new(&Draft::default(), b"still old").unwrap();
    assert_eq!(checkpoint(&mut log).unwrap().rotation, Rotation::Created);
    log.write_new(&Draft::default(), b"new").unwrap();
    assert!(matches!(LogFile::open(&path), Err(OpenError::Locked)), "the new file is locked too");
    log.close().unwrap();
    assert_eq!(fs::metadata(&moved).unwrap().len(), 275 + 281);
    let new = LogFile::open(&path).unwrap();
    assert_eq!((new.entries_at_open(), new.last().unwrap().op()), (1, Op(3)));
    let old = LogFile::open(&moved).unwrap();
    assert_eq!(new.last().unwrap().parent, old.last().unwrap().checksum);
}

#[test]
fn file_put_in_the_logs_place_is_warned_of_and_not_written_to() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let moved = directory.path().join("log.1.aof");
    let mut log = LogFile::open(&path).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, b"").unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    assert_eq!(checkpoint(&mut log).unwrap().rotation, Rotation::Replaced);
    log.write_new(&Draft::default(), b"").unwrap();
    log.close().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    assert_eq!(fs::metadata(&moved).unwrap().len(), 2 * 272);
}

#[test]
fn failed_checkpoint_fails_the_log_for_good() {
    let directory = directory();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let mut log = LogFile::open(inner.join("log.aof")).unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    // The path cannot be looked at, nor a new file be created there: the directory is gone.
    fs::remove_dir_all(&inner).unwrap();
    assert!(checkpoint(&mut log).is_err());
    fs::create_dir(&inner).unwrap();
    let refused = log.write_new(&Draft::default(), b"").unwrap_err();
    assert!(matches!(refused, FileError::Write(WriteError::Failed)), "{refused}");
    assert!(log.close().is_err());
}

#[test]
fn log_that_somebody_else_cut_or_wrote_to_is_not_acknowledged_as_durable() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let size = fs::metadata(&path).unwrap().len();
    for other_size in [0, 547, size - 1, size + 1] {
        let mut log = LogFile::open(&path).unwrap();
        let other = fs::OpenOptions::new().write(true).open(&path).unwrap();
        other.set_len(other_size).unwrap();
        // As many bytes as were cut, if 272 were.
        log.write_new(&Draft::default(), b"").unwrap();
        let refused = log.checkpoint(|_| unreachable!("nothing is durable")).unwrap_err();
        assert!(refused.to_string().contains("somebody else"), "{refused}");
        assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::Write(WriteError::Failed))));
        drop(log);
        fs::remove_file(&path).unwrap();
        log_of_three(directory.path());
    }
}

#[test]
fn sync_covers_all_that_was_written_on_the_callers_thread() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let mut log = OpenOptions::new().unsynced_max(2).open(&path).unwrap();
    for _ in 0..3 {
        log.write_new(&Draft::default(), b"").unwrap();
        log.write_new(&Draft::default(), b"").unwrap();
        assert_eq!(log.sync().unwrap().rotation, Rotation::None);
        assert_eq!(log.unsynced(), 0);
    }
    // One that is under way is waited for, and what was written since is covered too.
    log.write_new(&Draft::default(), b"").unwrap();
    let (sender, called) = mpsc::channel();
    log.checkpoint(move |result| sender.send(result).unwrap()).unwrap();
    log.write_new(&Draft::default(), b"meanwhile").unwrap();
    log.sync().unwrap();
    assert!(called.recv().unwrap().is_ok());
    assert_eq!(log.unsynced(), 0);
    let moved = directory.path().join("log.1.aof");
    fs::rename(&path, &moved).unwrap();
    assert_eq!(log.sync().unwrap().rotation, Rotation::Created);
    log.write_new(&Draft::default(), b"new").unwrap();
    log.close().unwrap();
    assert_eq!(LogFile::open(&path).unwrap().last().unwrap().op(), Op(9));
    assert_eq!(LogFile::open(&moved).unwrap().entries_at_open(), 8);
}

#[test]
fn buffered_entries_are_written_by_one_call_and_no_later_than_the_next_checkpoint() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let size = || fs::metadata(&path).unwrap().len();
    let mut log = OpenOptions::new().write_buffer(1000).open(&path).unwrap();
    let write = |log: &mut LogFile, times| {
        (0..times).for_each(|_| assert!(log.write_new(&Draft::default(), b"").is_ok()));
    };
    write(&mut log, 3);
    assert_eq!((size(), log.last().unwrap().op()), (0, Op(3)));
    write(&mut log, 1); // beyond the buffer
    assert_eq!(size(), 4 * 272);
    write(&mut log, 1);
    checkpoint(&mut log).unwrap();
    assert_eq!(size(), 5 * 272);
    write(&mut log, 2);
    log.sync().unwrap();
    assert_eq!((size(), log.unsynced()), (7 * 272, 0));
    // Behind a rotation what waits goes to the new file, in order.
    let moved = directory.path().join("log.1.aof");
    fs::rename(&path, &moved).unwrap();
    let (sender, called) = mpsc::channel();
    log.checkpoint(move |result| sender.send(result.unwrap()).unwrap()).unwrap();
    assert_eq!(called.recv().unwrap().rotation, Rotation::Created);
    write(&mut log, 1);
    assert_eq!(size(), 0);
    log.sync().unwrap();
    write(&mut log, 1);
    drop(log);
    assert_eq!((size(), fs::metadata(&moved).unwrap().len()), (2 * 272, 7 * 272));
    let (new, old) = (LogFile::open(&path).unwrap(), LogFile::open(&moved).unwrap());
    assert_eq!((new.last().unwrap().op(), old.last().unwrap().op()), (Op(9), Op(7)));
}

#[test]
fn sync_of_a_log_that_somebody_else_cut_or_wrote_to_fails_it_for_good() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let size = fs::metadata(&path).unwrap().len();
    for other_size in [0, 547, size - 1, size + 1] {
        let mut log = LogFile::open(&path).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(other_size).unwrap();
        log.write_new(&Draft::default(), b"").unwrap();
        let refused = log.sync().unwrap_err();
        assert!(refused.to_string().contains("somebody else"), "{refused}");
        assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::Write(WriteError::Failed))));
        assert!(matches!(log.sync(), Err(FileError::Write(WriteError::Failed))));
        drop(log);
        fs::remove_file(&path).unwrap();
        log_of_three(directory.path());
    }
}

#[test]
fn checkpoint_is_carried_out_where_the_caller_says() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let (jobs, queue) = mpsc::channel();
    let mut log = OpenOptions::new().sync_on(move |job| jobs.send(job).unwrap()).open(&path).unwrap();
    log.write_new(&Draft::default(), b"").unwrap();
    let (sender, called) = mpsc::channel();
    log.checkpoint(move |result| sender.send(result.unwrap()).unwrap()).unwrap();
    log.write_new(&Draft::default(), b"meanwhile").unwrap();
    assert!(called.try_recv().is_err(), "nobody ran it yet");
    queue.recv().unwrap()();
    assert_eq!(called.recv().unwrap().rotation, Rotation::None);
    log.wait().unwrap();
    assert_eq!(log.unsynced(), 1);
    // A job that is dropped is a sync that did not happen.
    log.checkpoint(|_| unreachable!("it did not run")).unwrap();
    drop(queue.recv().unwrap());
    assert!(matches!(log.wait(), Err(FileError::Write(WriteError::Failed))));
}

#[test]
fn full_disk_fails_the_log_for_good() {
    // Every write to this device fails as on a full disk. Absent on other systems.
    let full = Path::new("/dev/full");
    if !full.exists() {
        eprintln!("NOT RUN: there is no /dev/full here");
        return;
    }
    let directory = directory();
    let path = directory.path().join("full.aof");
    std::os::unix::fs::symlink(full, &path).unwrap();
    let mut log = LogFile::open(&path).unwrap();
    let error = log.write_new(&Draft::default(), b"").unwrap_err();
    let FileError::Write(WriteError::Device(error)) = error else { panic!("{error}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::Write(WriteError::Failed))));
}

#[test]
fn log_whose_first_entry_was_torn_can_be_cut_and_used() {
    let directory = directory();
    let path = log_of_three(directory.path());
    let whole = fs::read(&path).unwrap();
    let torn = |cut: usize, size: usize| [&whole[..cut], &vec![0; size - cut]].concat();
    let cuts = [1, 15, 16, 100, 274].map(|cut| torn(cut, cut));
    // A file system may have made the file longer, and written only part of it.
    let zeros = [torn(0, 1), torn(0, 5000), torn(16, 5000), torn(274, 5000)];
    for bytes in cuts.into_iter().chain(zeros) {
        let cut = bytes.len();
        fs::write(&path, bytes).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        assert_eq!(log.torn_tail().unwrap().offset, 0, "cut at {cut}");
        // Of zeros there is nothing to keep.
        if let Some(kept) = log.cut_torn_tail().unwrap() {
            fs::remove_file(kept).unwrap();
        }
        assert_eq!(log.write_new(&Draft::default(), b"").unwrap().op, Op(1));
        log.close().unwrap();
    }
}
