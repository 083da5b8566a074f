//! The steps of a repair, and each of them failing.

use crate::disk::{Calls, Disk, Handle};
use aof_std::fs::{FileHandle, FileSystem, Os, Temporary};
use aof_std::repair::{Repair, RepairError};
use aof_tests::build::{PROFILES, chain};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The real file system. Each call that changes something is written down; from one of them on, none is
/// carried out.
#[derive(Clone, Debug)]
struct Steps {
    done: Arc<Mutex<Vec<String>>>,
    /// Steps that are carried out.
    left: Arc<Mutex<usize>>,
}

impl Steps {
    fn new(left: usize) -> Self {
        Self { done: Arc::default(), left: Arc::new(Mutex::new(left)) }
    }

    fn step(&self, what: &str) -> io::Result<()> {
        let mut left = self.left.lock().unwrap();
        if *left == 0 {
            return Err(io::Error::other("the power is gone"));
        }
        *left -= 1;
        self.done.lock().unwrap().push(what.to_owned());
        Ok(())
    }
}

impl Calls for Steps {
    fn append(&self, file: &Handle<Self>, bytes: &[u8]) -> io::Result<usize> {
        self.step(&format!("append {}", file.name))?;
        file.inner.append(bytes)
    }

    fn write_at(&self, file: &Handle<Self>, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.step(&format!("write {}", file.name))?;
        file.inner.write_at(bytes, offset)
    }

    fn set_size(&self, file: &Handle<Self>, size: u64) -> io::Result<()> {
        self.step(&format!("cut {}", file.name))?;
        file.inner.set_size(size)
    }

    fn sync_data(&self, file: &Handle<Self>) -> io::Result<()> {
        self.step(&format!("sync {}", file.name))?;
        file.inner.sync_data()
    }

    fn sync_all(&self, file: &Handle<Self>) -> io::Result<()> {
        self.step(&format!("sync {}", file.name))?;
        file.inner.sync_all()
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        panic!("a repair creates no log: {path:?}")
    }

    fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>> {
        self.step("begin kept")?;
        Os.create_beside(target)
    }

    fn persist(&self, new: Box<dyn Temporary>, replace: bool) -> io::Result<()> {
        self.step("kept appears")?;
        new.persist(replace)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        self.step("sync the directory")?;
        Os.sync_directory_of(path)
    }
}

const STEPS: [&str; 7] =
    ["begin kept", "append kept", "sync kept", "kept appears", "sync the directory", "cut log", "sync log"];

#[test]
fn tail_is_durable_beside_the_log_before_the_log_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let log = chain(PROFILES[0], &[3, 40]);
    std::fs::write(&path, &log.bytes[..log.bytes.len() - 1]).unwrap();
    let steps = Steps::new(usize::MAX);
    Repair::new().file_system(Arc::new(Disk(steps.clone()))).run(&path).unwrap();
    assert_eq!(*steps.done.lock().unwrap(), STEPS);
}

#[test]
fn repair_that_stops_at_any_step_loses_nothing_and_the_next_one_ends_it() {
    let log = chain(PROFILES[0], &[3, 40]);
    let end = log.entries[0].end();
    let torn = &log.bytes[..log.bytes.len() - 1];
    for (first, second) in
        (0..STEPS.len()).flat_map(|first| (0..=STEPS.len()).map(move |second| (first, second)))
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let kept = directory.path().join(format!("log.aof.torn-at-{end}"));
        std::fs::write(&path, torn).unwrap();
        let look = |what: &str| {
            let bytes = std::fs::read(&path).unwrap();
            let is_cut = bytes == torn[..end];
            assert!(is_cut || bytes == torn, "{what}: neither as it was nor cut");
            assert!(!is_cut || std::fs::read(&kept).unwrap() == torn[end..], "{what}: cut, and not kept");
            is_cut
        };
        let run = |left| Repair::new().file_system(Arc::new(Disk(Steps::new(left)))).run(&path);
        let error = run(first).unwrap_err();
        let is_cut = look(&format!("{first} steps"));
        match error {
            RepairError::Keep { .. } => assert!(first < 5 && !is_cut),
            RepairError::Cut { kept: told, .. } => assert!(first >= 5 && told.as_ref() == Some(&kept)),
            error => panic!("{error}"),
        }
        let again = run(second);
        look(&format!("{first} steps, then {second}"));
        assert!(again.is_ok() || !is_cut && second < STEPS.len());
        run(usize::MAX).unwrap();
        assert!(look("at last"));
        let left: Vec<_> = std::fs::read_dir(&directory).unwrap().collect();
        assert_eq!(left.len(), 2, "the log and what is kept: {left:?}");
    }
}
