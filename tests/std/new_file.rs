//! A new file: it appears whole or not at all, with the mode of the one that it replaces, and is synced while it is written.

use crate::disk::{Calls, Disk, Handle};
use aof_std::{NewFile, Source};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The real file system, whose syncs are counted; from one of them on they fail.
#[derive(Clone, Debug)]
struct Syncs {
    /// Those behind what is written, and those at the end.
    behind: Arc<AtomicU32>,
    at_end: Arc<AtomicU32>,
    fail_from: u32,
}

impl Calls for Syncs {
    fn sync_data(&self, file: &Handle<Self>) -> io::Result<()> {
        let number = self.behind.fetch_add(1, Ordering::SeqCst) + 1;
        if number < self.fail_from { file.inner.sync_data() } else { Err(io::Error::other("no sync")) }
    }

    fn sync_all(&self, file: &Handle<Self>) -> io::Result<()> {
        self.at_end.fetch_add(1, Ordering::SeqCst);
        file.inner.sync_all()
    }
}

/// A new file whose syncs fail from one on.
fn begin(target: &Path, fail_from: u32) -> (NewFile, Syncs) {
    let syncs = Syncs { behind: Arc::default(), at_end: Arc::default(), fail_from };
    (NewFile::create_on(Arc::new(Disk(syncs.clone())), target).unwrap(), syncs)
}

impl Syncs {
    /// Writes, a byte at a time, until so many syncs began. Gives how many bytes.
    fn write_until(&self, began: u32, file: &mut NewFile) -> u64 {
        let mut bytes = 0;
        while self.behind.load(Ordering::SeqCst) < began {
            file.write_all(&[1]).unwrap();
            bytes += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        bytes
    }
}

const MIB: usize = 1 << 20;

#[test]
fn new_file_appears_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let mut file = NewFile::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    drop(file);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");

    let mut file = NewFile::create(&path).unwrap();
    file.write_all(b"whole").unwrap();
    file.commit(false).unwrap();
    let mut file = NewFile::create(&path).unwrap();
    file.write_all(b"other").unwrap();
    assert_eq!(file.commit(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    let mut file = NewFile::create(&path).unwrap();
    file.write_all(b"other").unwrap();
    file.commit(true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"other");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn replaced_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let write = |path: &Path, replace| {
        let mut file = NewFile::create(path).unwrap();
        file.write_all(b"new").unwrap();
        file.commit(replace).unwrap();
    };
    write(&path, true);
    let usual = mode(&path);
    fs::write(directory.path().join("other"), b"").unwrap();
    assert_eq!(usual, mode(&directory.path().join("other")), "a new file is like any other new file");
    for kept in [0o600, 0o640, 0o666, 0o444] {
        fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
        write(&path, true);
        assert_eq!(mode(&path), kept);
    }
    // What may be secret is not readable for others while it is written either.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let file = NewFile::create(&path).unwrap();
    assert_eq!(file.try_clone_file().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    drop(file);
    // A link is replaced by a file, with the mode of the file that it led to.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write(&link, true);
    assert!(link.symlink_metadata().unwrap().is_file());
    assert_eq!((mode(&link), mode(&path)), (0o600, 0o600));
    let dangling = directory.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    write(&dangling, true);
    assert_eq!(mode(&dangling), usual);
}

#[test]
fn large_file_is_synced_while_it_is_written_and_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("new");
    let (mut file, syncs) = begin(&target, u32::MAX);
    file.write_all(&vec![1; 32 * MIB - 1]).unwrap();
    file.write_all(&[1]).unwrap();
    assert_eq!(syncs.behind.load(Ordering::SeqCst), 0, "a small file is synced once");
    let first = syncs.write_until(1, &mut file);
    // What is copied from another file counts too.
    let other = directory.path().join("other");
    File::create(&other).unwrap().set_len(32 << 20).unwrap();
    let mut source = Source::open(&other).unwrap();
    while file.copy_from(&mut source, u64::MAX).unwrap() > 0 {}
    let second = syncs.write_until(2, &mut file);
    assert!(second < MIB as u64, "{second} bytes beside the copy");
    file.commit(false).unwrap();
    assert_eq!((syncs.behind.load(Ordering::SeqCst), syncs.at_end.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(target.metadata().unwrap().len(), (64 << 20) + first + second);
}

/// The system tells a failed sync once: the next one succeeds, and what was lost is lost.
#[test]
fn file_does_not_appear_after_a_sync_that_failed_even_if_the_last_one_succeeds() {
    for writes_on in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("new");
        let (mut file, syncs) = begin(&target, 1);
        file.write_all(&vec![1; 32 * MIB]).unwrap();
        syncs.write_until(1, &mut file);
        if writes_on {
            // It is seen by the first write behind the next 32 MiB.
            let told = (0..).find_map(|_| file.write_all(&vec![1; MIB]).err()).unwrap();
            assert_eq!(told.to_string(), "no sync");
        }
        let told = file.commit(false).unwrap_err().to_string();
        assert_eq!(told, if writes_on { "an earlier sync of the file failed" } else { "no sync" });
        assert_eq!(syncs.at_end.load(Ordering::SeqCst), 0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
    }
}
