//! Zeros that are kept ahead of a log's end: entries go over them, and in the end the file is as without them.

use crate::disk::{Calls, Disk, Handle};
use crate::scanning::{Collect, Seen};
use aof_nostd::{DamageKind, Draft, Op, WriteError};
use aof_std::fs::{FileHandle, FileSystem, Os};
use aof_std::scan::Scan;
use aof_std::{FileError, Follower, GroupLog, LogFile, OpenError, OpenOptions, Rotation, Source};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

/// Zeros appended at a time.
const STEP: u64 = 10_000;

fn options() -> OpenOptions {
    OpenOptions::new().preallocate(STEP)
}

fn write(log: &mut LogFile, body: &[u8]) -> Op {
    log.write_new(&Draft::default(), body).unwrap().op
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// A directory, and the path of a log in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    (directory, path)
}

/// What a crash would leave now, in a file of its own.
fn crashed(path: &Path) -> PathBuf {
    let left = path.with_extension("left");
    fs::copy(path, &left).unwrap();
    left
}

/// A log with two synced entries, 544 bytes, and zeros behind them.
fn begun(path: &Path) -> LogFile {
    let mut log = options().open(path).unwrap();
    write(&mut log, b"");
    write(&mut log, b"");
    log.sync().unwrap();
    assert!(size(path) > 544 + STEP / 2, "{}", size(path));
    log
}

#[test]
fn log_that_was_closed_holds_the_bytes_of_one_without_zeros() {
    let (directory, path) = place();
    let plain = directory.path().join("plain.aof");
    for write_buffer in [0, 1000, 20_000] {
        let write_all = |mut log: LogFile| {
            for count in 0..300_usize {
                write(&mut log, &vec![7; count * 31 % 977]);
                match count % 9 {
                    3 => drop(log.sync().unwrap()),
                    // Written on while it runs; waited for by the next one.
                    6 => {
                        let _ = log.wait();
                        log.checkpoint(|result| assert!(result.is_ok())).unwrap();
                    }
                    _ => {}
                }
            }
            log
        };
        let log = write_all(options().write_buffer(write_buffer).open(&path).unwrap());
        let reserved = size(&path);
        log.close().unwrap();
        assert!(size(&path) < reserved, "there were zeros");
        write_all(OpenOptions::new().open(&plain).unwrap()).close().unwrap();
        assert!(fs::read(&path).unwrap() == fs::read(&plain).unwrap());
        fs::remove_file(&path).unwrap();
        fs::remove_file(&plain).unwrap();
    }
}

#[test]
fn length_of_the_file_changes_once_a_step_and_not_with_each_entry() {
    let (_directory, path) = place();
    let mut log = begun(&path);
    let mut sizes = vec![size(&path)];
    for _ in 0..200 {
        write(&mut log, &[1; 228]);
        log.sync().unwrap();
        sizes.push(size(&path));
    }
    sizes.dedup();
    assert!((9..=11).contains(&sizes.len()), "100,000 bytes in steps of 10,000: {sizes:?}");
    assert!(sizes.iter().all(|size| size % 512 == 511), "no image of a device: {sizes:?}");
}

#[test]
fn entries_that_the_zeros_do_not_suffice_for_make_the_file_longer() {
    let (_directory, path) = place();
    let mut log = begun(&path);
    let reserved = size(&path);
    for _ in 0..40 {
        write(&mut log, &[1; 700]);
    }
    let end = 544 + 40 * 972;
    assert!(reserved < end);
    assert_eq!(size(&path), end, "the last ones behind the zeros");
    log.sync().unwrap();
    assert_eq!(size(&path), end, "so much between two syncs gains nothing by zeros");
    write(&mut log, b"");
    log.sync().unwrap();
    assert!(size(&path) > end + STEP / 2, "and little does");
    drop(log);
    let log = LogFile::open(&path).unwrap();
    assert_eq!((log.entries_at_open(), log.torn_tail(), log.damage()), (43, None, &[][..]));
}

#[test]
fn log_that_is_dropped_ends_with_its_last_entry() {
    let (_directory, path) = place();
    let mut log = begun(&path);
    write(&mut log, b"unsynced");
    drop(log);
    assert_eq!(size(&path), 544 + 280);
    // Also where a checkpoint is carried out behind it.
    let (jobs, queue) = mpsc::channel::<aof_std::Job>();
    let mut log = options().sync_on(move |job| drop(jobs.send(job))).open(&path).unwrap();
    write(&mut log, b"unsynced");
    log.checkpoint(|result| assert!(result.is_ok())).unwrap();
    drop(log);
    queue.recv().unwrap()();
    assert_eq!(size(&path), 544 + 280 + 280);
}

#[test]
fn zeros_that_a_crash_left_are_cut_by_opening_and_the_log_goes_on() {
    let (_directory, path) = place();
    let log = begun(&path);
    let left = crashed(&path);
    drop(log);
    let mut log = options().open(&left).unwrap();
    assert_eq!((log.torn_tail(), log.damage(), size(&left)), (None, &[][..], 544));
    assert_eq!(write(&mut log, b""), Op(3));
    log.close().unwrap();
    assert_eq!(size(&left), 816);
}

#[test]
fn without_the_option_zeros_that_a_crash_left_are_a_torn_tail_with_nothing_to_keep() {
    let (_directory, path) = place();
    let log = begun(&path);
    let left = crashed(&path);
    drop(log);
    let repaired = aof_std::repair::Repair::new().look(&left).unwrap();
    assert!(repaired.is_whole(), "repair cuts them without being told to: {repaired:?}");
    let mut log = LogFile::open(&left).unwrap();
    assert_eq!(log.torn_tail().map(|torn| torn.offset), Some(544));
    assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::TornTail(_))));
    assert_eq!(log.cut_torn_tail().unwrap(), None);
    assert_eq!((write(&mut log, b""), size(&left)), (Op(3), 816));
}

#[test]
fn log_of_zeros_alone_is_one_that_was_not_begun() {
    let (_directory, path) = place();
    fs::write(&path, vec![0; 7000]).unwrap();
    let mut log = options().open(&path).unwrap();
    assert_eq!(write(&mut log, b""), Op(1));
    log.close().unwrap();
    assert_eq!(size(&path), 272);
}

#[test]
fn torn_entry_in_front_of_zeros_is_told_and_kept_without_them() {
    let (_directory, path) = place();
    let mut log = begun(&path);
    write(&mut log, &[3; 1000]);
    log.sync().unwrap();
    let left = crashed(&path);
    drop(log);
    let whole = fs::read(&left).unwrap();
    for cut in [544 + 1, 544 + 16, 544 + 271, 544 + 300, 544 + 1271] {
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        fs::write(&left, &bytes).unwrap();
        let mut log = options().open(&left).unwrap();
        assert_eq!(log.torn_tail().unwrap().offset, 544, "cut at {cut}");
        assert!(matches!(log.damage()[0].kind, DamageKind::TornTail { .. }), "{:?}", log.damage());
        assert!(matches!(log.write_new(&Draft::default(), b""), Err(FileError::TornTail(_))));
        let kept = log.cut_torn_tail().unwrap().unwrap();
        let zeros = whole[544..cut].iter().rev().take_while(|byte| **byte == 0).count();
        assert_eq!(fs::read(&kept).unwrap(), whole[544..cut - zeros]);
        assert_eq!(write(&mut log, b"again"), Op(3));
        log.sync().unwrap();
        assert!(size(&left) > 10_000, "zeros are kept ahead again");
        log.close().unwrap();
        assert_eq!(size(&left), 544 + 277);
        fs::remove_file(kept).unwrap();
    }
}

#[test]
fn file_that_was_moved_away_ends_with_its_last_entry_once_a_new_one_is_begun() {
    let (directory, path) = place();
    for write_buffer in [0, 1 << 20] {
        let moved = directory.path().join(format!("log.{write_buffer}.aof"));
        let (jobs, queue) = mpsc::channel();
        let queued = options().sync_on(move |job| jobs.send(job).unwrap());
        let mut log = queued.write_buffer(write_buffer).open(&path).unwrap();
        write(&mut log, b"old");
        log.sync().unwrap();
        fs::rename(&path, &moved).unwrap();
        assert!(size(&moved) > STEP / 2);
        write(&mut log, b"old too");
        let (sender, called) = mpsc::channel();
        log.checkpoint(move |result| sender.send(result.unwrap().rotation).unwrap()).unwrap();
        write(&mut log, b"while it runs");
        queue.recv().unwrap()();
        assert_eq!(called.recv().unwrap(), Rotation::Created);
        log.wait().unwrap();
        let old_end = 275 + 279 + if write_buffer == 0 { 285 } else { 0 };
        assert_eq!(size(&moved), old_end);
        write(&mut log, b"new");
        log.sync().unwrap();
        assert!(size(&path) > STEP / 2, "zeros are kept ahead in the new file");
        log.close().unwrap();
        let (new, old) = (LogFile::open(&path).unwrap(), LogFile::open(&moved).unwrap());
        assert_eq!((new.last().unwrap().op(), old.entries_at_open() + new.entries_at_open()), (Op(4), 4));
        assert_eq!((new.torn_tail(), old.torn_tail()), (None, None));
        drop(new);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn log_that_was_replaced_keeps_its_zeros_until_it_is_closed() {
    let (directory, path) = place();
    let moved = directory.path().join("moved.aof");
    let mut log = begun(&path);
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, b"precious").unwrap();
    write(&mut log, b"");
    assert_eq!(log.sync().unwrap().rotation, Rotation::Replaced);
    log.close().unwrap();
    assert_eq!((size(&moved), fs::read(&path).unwrap()), (816, b"precious".to_vec()));
}

/// Written over zeros, entries fill up to where the file should end whatever was cut: the length alone would tell
/// nothing then.
#[test]
fn log_that_somebody_else_cut_or_wrote_to_is_not_acknowledged_as_durable() {
    let (_directory, path) = place();
    for more in [1, 10, 100] {
        for other_size in [0, 272, 543, 544, 5000, 100_000] {
            let mut log = begun(&path);
            let other = fs::OpenOptions::new().write(true).open(&path).unwrap();
            other.set_len(other_size).unwrap();
            let wrote: Result<Vec<_>, _> = (0..more).map(|_| log.write_new(&Draft::default(), b"")).collect();
            let told = match wrote {
                Ok(_) => log.sync().unwrap_err(),
                Err(error) => error,
            };
            assert!(told.to_string().contains("somebody else"), "{more} behind {other_size}: {told}");
            let later = log.write_new(&Draft::default(), b"");
            assert!(matches!(later, Err(FileError::Write(WriteError::Failed))));
            let left = size(&path);
            drop(log);
            assert_eq!(size(&path), left, "not made longer, and nothing hidden");
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn log_that_somebody_else_cut_is_not_made_longer_when_it_ends() {
    let (_directory, path) = place();
    for closes in [false, true] {
        let log = begun(&path);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(272).unwrap();
        if closes {
            assert!(log.close().unwrap_err().to_string().contains("somebody else"));
        } else {
            drop(log);
        }
        assert_eq!(size(&path), 272);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn second_writer_is_refused() {
    let (_directory, path) = place();
    let log = begun(&path);
    assert!(matches!(options().open(&path), Err(OpenError::Locked)));
    assert!(matches!(LogFile::open(&path), Err(OpenError::Locked)));
    drop(log);
    assert_eq!(options().open(&path).unwrap().entries_at_open(), 2);
}

#[test]
fn threads_that_share_a_log_write_over_zeros_too() {
    let (_directory, path) = place();
    let log = GroupLog::new(options().open(&path).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    log.append_new(&Draft::default(), &[1; 90]).unwrap();
                }
            });
        }
    });
    assert!(size(&path) > 400 * 362 + STEP / 4, "zeros are ahead");
    drop(log);
    assert_eq!(size(&path), 400 * 362);
    let log = LogFile::open(&path).unwrap();
    assert_eq!((log.entries_at_open(), log.last().unwrap().op()), (400, Op(400)));
}

/// The real file system, but for zeros: of these only so many bytes are taken, and the disk is full for more.
/// With a hook before a second handle is opened.
#[derive(Clone)]
struct Small {
    zeros_max: Arc<AtomicU64>,
    before_rewrite: Arc<dyn Fn() + Send + Sync>,
}

impl Small {
    fn new(zeros_max: u64, before_rewrite: impl Fn() + Send + Sync + 'static) -> Self {
        Self { zeros_max: Arc::new(zeros_max.into()), before_rewrite: Arc::new(before_rewrite) }
    }
}

impl std::fmt::Debug for Small {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Small").finish_non_exhaustive()
    }
}

impl Calls for Small {
    fn append(&self, file: &Handle<Self>, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().any(|byte| *byte != 0) {
            return file.inner.append(bytes);
        }
        let room = self.zeros_max.load(Ordering::SeqCst);
        let taken = usize::try_from(room).unwrap().min(bytes.len());
        self.zeros_max.fetch_sub(taken as u64, Ordering::SeqCst);
        if taken > 0 {
            file.inner.append(&bytes[..taken])?;
        }
        // Some systems say how many there was room for, and some say only that there was not.
        if taken < bytes.len() && (taken == 0 || room.is_multiple_of(2)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(taken)
    }

    fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        (self.before_rewrite)();
        Os.open_rewrite(path)
    }
}

#[test]
fn disk_without_room_for_zeros_is_no_error_and_the_log_grows_as_without_them() {
    for room in [0, 1, 700, 701, STEP, 3 * STEP / 2, 3 * STEP] {
        let (_directory, path) = place();
        let small = Small::new(room, || ());
        let zeros_max = small.zeros_max.clone();
        let mut log = options().file_system(Arc::new(Disk(small))).open(&path).unwrap();
        for _ in 0..200 {
            write(&mut log, &[1; 200]);
            log.sync().unwrap();
        }
        assert_eq!(size(&path), 200 * 472, "room for {room} zeros");
        // It is not tried again at each sync.
        zeros_max.store(u64::MAX, Ordering::SeqCst);
        write(&mut log, &[1; 200]);
        log.sync().unwrap();
        assert_eq!(size(&path), 201 * 472);
        log.close().unwrap();
        let log = LogFile::open(&path).unwrap();
        assert_eq!((log.entries_at_open(), log.damage()), (201, &[][..]));
    }
}

/// Opening writes the last entries once more, by a second handle: not into a file that stands in the log's place by
/// then.
#[test]
fn file_put_in_the_logs_place_while_it_is_opened_is_not_written_to() {
    for preallocate in [0, STEP] {
        let (directory, path) = place();
        begun(&path).close().unwrap();
        let (log, moved) = (path.clone(), directory.path().join("moved.aof"));
        let swap = move || {
            fs::rename(&log, &moved).unwrap();
            fs::write(&log, b"precious").unwrap();
        };
        let small = Arc::new(Disk(Small::new(u64::MAX, swap)));
        let refused = OpenOptions::new().preallocate(preallocate).file_system(small).open(&path).unwrap_err();
        assert!(refused.to_string().contains("moved away while it was being opened"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}

fn run(scan: &Scan<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    scan.run(Collect::default, |part| seen.extend(part.0)).unwrap();
    seen
}

fn scanned(source: &Source) -> Vec<Seen> {
    run(&Scan::detect(source, aof_std::backend()).unwrap())
}

#[test]
fn scan_of_a_log_that_is_being_written_ends_where_its_zeros_began() {
    let (_directory, path) = place();
    let mut log = begun(&path);
    let source = Source::open(&path).unwrap();
    assert_eq!(scanned(&source).last(), Some(&Seen::Zeros(544)));
    // What comes behind where the zeros began when it looked is not judged: here a hole with an entry behind it, as
    // a reader sees that looks at the one place before it is written and at the other after.
    let scan = Scan::detect(&source, aof_std::backend()).unwrap();
    write(&mut log, b"hole");
    write(&mut log, b"behind");
    let other = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&other, &[0; 276], 544).unwrap();
    assert_eq!(run(&scan).last(), Some(&Seen::Zeros(544)));
    assert!(matches!(scanned(&source)[2], Seen::Damage(..)), "as it stands it is damage");
    std::os::unix::fs::FileExt::write_all_at(&other, &[0; 278], 820).unwrap();
    // Its owner cuts the zeros off: nothing is lost. A cut in front of them is an error.
    let scan = Scan::detect(&source, aof_std::backend()).unwrap();
    other.set_len(544).unwrap();
    assert_eq!(run(&scan).last(), Some(&Seen::Zeros(544)));
    other.set_len(543).unwrap();
    let error = scan.run(Collect::default, drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn follower_waits_at_zeros_and_for_nothing() {
    use aof_std::follow::{News, Start, Wait};
    use std::ops::ControlFlow;
    let (directory, path) = place();
    let mut log = begun(&path);
    let mut follower = Follower::new(&path).start(Start::Last(1));
    let mut poll = || {
        let mut told = Vec::new();
        let take = |news: News<'_>| {
            told.push(match news {
                News::Entry(located, _) => located.entry.header.op().0.to_string(),
                other => format!("{other:?}"),
            });
            ControlFlow::Continue(())
        };
        let wait = follower.poll(std::time::Instant::now(), take).unwrap();
        assert_eq!(wait, Wait::More { unfinished: None, until: None });
        told
    };
    assert_eq!(poll(), ["Opened", "2"]);
    write(&mut log, b"");
    assert_eq!(poll(), ["3"]);
    fs::rename(&path, directory.path().join("moved.aof")).unwrap();
    assert_eq!(poll(), ["Moved"]);
    write(&mut log, b"");
    log.sync().unwrap();
    write(&mut log, b"");
    assert_eq!(poll(), ["4", "Rotated", "5"]);
    log.sync().unwrap();
    write(&mut log, b"");
    log.close().unwrap();
    assert_eq!(poll(), ["6"], "zeros that were cut are nothing that was there");
}
