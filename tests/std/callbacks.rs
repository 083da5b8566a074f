//! A log and what is called back by it: nothing hangs, nothing is accepted for nothing.

use aof_nostd::Draft;
use aof_std::{FileError, GroupLog, LogFile};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than anything here takes, and shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `test` on a log, on a thread of its own, which has to end.
fn ends(test: impl FnOnce(&Path) + Send + 'static) {
    let (sender, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let directory = tempfile::tempdir().unwrap();
        test(&directory.path().join("log.aof"));
        sender.send(()).unwrap();
    });
    match ended.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => thread.join().unwrap(),
    }
}

fn log_with_one(path: &Path) -> LogFile {
    let mut log = LogFile::open(path).unwrap();
    log.write_new(&Draft::default(), b"one").unwrap();
    log
}

/// Waits until the log can be opened, and gives how many entries it has and how many bytes.
fn reopened(path: &Path) -> (u64, u64) {
    for _ in 0..3000 {
        match LogFile::open(path) {
            Ok(log) => return (log.entries_at_open(), path.metadata().unwrap().len()),
            Err(aof_std::OpenError::Locked) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it stays locked");
}

#[test]
fn log_whose_last_owner_is_its_own_callback_is_closed_there() {
    ends(|path: &Path| {
        let path = path.to_path_buf();
        let mut log = aof_std::OpenOptions::new().preallocate(1 << 20).open(&path).unwrap();
        log.write_new(&Draft::default(), b"one").unwrap();
        let shared = Arc::new(Mutex::new(None::<LogFile>));
        let (own, (sender, called), (go, may_go)) = (shared.clone(), mpsc::channel(), mpsc::channel());
        log.checkpoint(move |result| {
            result.unwrap();
            may_go.recv().unwrap();
            drop(own.lock().unwrap().take());
            sender.send(()).unwrap();
        })
        .unwrap();
        *shared.lock().unwrap() = Some(log);
        go.send(()).unwrap();
        assert_eq!(called.recv_timeout(PATIENCE), Ok(()), "the callback ends");
        assert_eq!(reopened(&path), (1, 275), "the zeros that were kept ahead are cut off");
    });
}

#[test]
fn callback_that_panics_ends_no_later_checkpoint() {
    ends(|path: &Path| {
        let mut log = log_with_one(path);
        for _ in 0..3 {
            log.checkpoint(|_| panic!("on purpose")).unwrap();
            log.wait().unwrap();
            log.write_new(&Draft::default(), b"more").unwrap();
            let (sender, called) = mpsc::channel();
            log.checkpoint(move |result| sender.send(result.is_ok()).unwrap()).unwrap();
            assert_eq!(called.recv_timeout(PATIENCE), Ok(true), "a checkpoint that was begun is answered");
        }
        log.close().unwrap();
        assert_eq!(reopened(path).0, 4);
    });
}

/// What a callback does with the log, and how many entries there are then.
fn in_callback(act: impl FnOnce(LogFile) + Send + 'static) -> impl FnOnce(&Path) + Send + 'static {
    move |path: &Path| {
        let path: PathBuf = path.to_path_buf();
        let shared = Arc::new(Mutex::new(None::<LogFile>));
        let (own, (sender, called)) = (shared.clone(), mpsc::channel());
        let mut log = log_with_one(&path);
        let (go, may_go) = mpsc::channel();
        log.checkpoint(move |result| {
            result.unwrap();
            may_go.recv().unwrap();
            act(own.lock().unwrap().take().unwrap());
            sender.send(()).unwrap();
        })
        .unwrap();
        *shared.lock().unwrap() = Some(log);
        go.send(()).unwrap();
        assert_eq!(called.recv_timeout(PATIENCE), Ok(()), "the callback ends");
        assert_eq!(reopened(&path).0, 2);
    }
}

#[test]
fn callback_may_checkpoint_wait_sync_and_close() {
    ends(in_callback(|mut log| {
        log.write_new(&Draft::default(), b"two").unwrap();
        let (sender, called) = mpsc::channel();
        log.checkpoint(move |result| sender.send(result.is_ok()).unwrap()).unwrap();
        log.wait().unwrap();
        assert_eq!(called.try_recv(), Ok(true), "its callback was called");
    }));
    ends(in_callback(|mut log| {
        log.write_new(&Draft::default(), b"two").unwrap();
        log.sync().unwrap();
    }));
    ends(in_callback(|mut log| {
        log.write_new(&Draft::default(), b"two").unwrap();
        log.close().unwrap();
    }));
}

#[test]
fn group_refuses_checkpoints_and_waits_of_a_write_and_goes_on() {
    ends(|path: &Path| {
        let group = GroupLog::new(log_with_one(path));
        let refused = |result: Result<(), FileError>| matches!(result, Err(FileError::InGroup));
        group
            .append_with(|log| {
                log.write_new(&Draft::default(), b"two")?;
                assert!(refused(log.checkpoint(|_| panic!("it is not called"))));
                assert!(refused(log.wait()));
                assert!(refused(log.sync().map(drop)));
                assert!(refused(group.append_new(&Draft::default(), b"within").map(drop)));
                Ok(())
            })
            .unwrap();
        // Passed on, the refusal is the write's own, and nothing else.
        let passed = group.append_with(|log| log.wait());
        assert!(refused(passed.map(drop)));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            group.append_with::<()>(|_| panic!("on purpose"))
        }));
        assert!(panicked.is_err());
        group.append_new(&Draft::default(), b"three").unwrap();
        let mut log = group.into_inner();
        log.write_new(&Draft::default(), b"four").unwrap();
        log.close().unwrap();
        assert_eq!(reopened(path).0, 4);
    });
}
