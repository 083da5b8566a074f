//! What appends.

use aof_nostd::Draft;
use aof_nostd::wire::HEAD_SIZE;
use aof_std::{GroupLog, LogFile, OpenOptions};
use okaywal::{Entry, EntryId, LogManager, SegmentReader, WriteAheadLog};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use walrus_rust::{FsyncSchedule, ReadConsistency, Walrus};

/// The writers of one thread.
pub const ONE: [&str; 10] = [
    "raw",
    "raw-reserved",
    "raw-zeroed",
    "aof",
    "aof-here",
    "aof-buffered",
    "aof-preallocated",
    "aof-both",
    "okaywal",
    "walrus",
];
/// The writers that threads share.
pub const MANY: [&str; 6] =
    ["raw-locked", "aof-locked", "aof-group", "aof-group-preallocated", "okaywal-shared", "walrus-shared"];

/// Bytes that are reserved, or written as zeros, before the first entry.
const RESERVED: u64 = 256 << 20;

/// Zeros that a log keeps ahead of its end, unless `PREALLOCATE` says another number of bytes.
const PREALLOCATED: u64 = 4 << 20;

/// Bytes that a log gathers before it writes them.
const BUFFER: usize = 1 << 20;

/// A log that one thread writes.
pub enum Writer {
    /// `write` and `fdatasync`.
    Raw(File),
    /// The same at positions of a file that has all its zeros: its length does not change.
    Zeroed(File, u64),
    /// Checkpoints on the log's thread.
    Aof(LogFile),
    /// Checkpoints on the caller's thread.
    AofHere(LogFile),
    Okaywal(WriteAheadLog),
    Walrus(Walrus),
}

impl Writer {
    pub fn open(name: &str, directory: &Path) -> Option<Self> {
        let path = directory.join("log");
        let raw = || File::options().append(true).create_new(true).open(&path).unwrap();
        Some(match name {
            "raw" => Self::Raw(raw()),
            "raw-reserved" => {
                let file = raw();
                rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, RESERVED).unwrap();
                file.sync_all().unwrap();
                Self::Raw(file)
            }
            "raw-zeroed" => {
                let mut file = File::create_new(&path).unwrap();
                let zeros = vec![0; 1 << 20];
                (0..RESERVED >> 20).for_each(|_| file.write_all(&zeros).unwrap());
                file.sync_all().unwrap();
                Self::Zeroed(file, 0)
            }
            "aof" => Self::Aof(LogFile::open(&path).unwrap()),
            "aof-here" => Self::AofHere(LogFile::open(&path).unwrap()),
            "aof-buffered" => Self::AofHere(OpenOptions::new().write_buffer(BUFFER).open(&path).unwrap()),
            "aof-preallocated" => Self::AofHere(preallocated(0, &path)),
            "aof-both" => Self::AofHere(preallocated(BUFFER, &path)),
            "okaywal" => Self::Okaywal(okaywal(directory)),
            "walrus" => Self::Walrus(walrus()),
            _ => return None,
        })
    }

    /// Appends `every` entries and makes them durable.
    pub fn append(&mut self, entry: &[u8], every: u64) {
        match self {
            Self::Raw(file) => {
                (0..every).for_each(|_| file.write_all(entry).unwrap());
                file.sync_data().unwrap();
            }
            Self::Zeroed(file, offset) => {
                for _ in 0..every {
                    file.write_all_at(entry, *offset).unwrap();
                    *offset += entry.len() as u64;
                }
                file.sync_data().unwrap();
            }
            Self::Aof(log) => {
                write(log, entry, every);
                log.checkpoint(|result| assert!(result.is_ok())).unwrap();
                log.wait().unwrap();
            }
            Self::AofHere(log) => {
                write(log, entry, every);
                let _ = log.sync().unwrap();
            }
            Self::Okaywal(log) => {
                let mut writer = log.begin_entry().unwrap();
                (0..every).for_each(|_| _ = writer.write_chunk(entry).unwrap());
                writer.commit().unwrap();
            }
            Self::Walrus(log) if every == 1 => log.append_for_topic("log", entry).unwrap(),
            Self::Walrus(log) => {
                let batch = vec![entry; usize::try_from(every).unwrap()];
                log.batch_append_for_topic("log", &batch).unwrap();
            }
        }
    }
}

fn write(log: &mut LogFile, entry: &[u8], every: u64) {
    for _ in 0..every {
        log.write_new(&Draft::default(), &entry[HEAD_SIZE..]).unwrap();
    }
}

/// A log that threads share.
pub enum Shared {
    /// One `fdatasync` an entry, under a lock.
    Raw(Mutex<File>),
    /// One checkpoint an entry, under a lock.
    Aof(Mutex<LogFile>),
    /// One sync for all threads that wait.
    Group(GroupLog),
    Okaywal(WriteAheadLog),
    Walrus(Walrus),
}

impl Shared {
    pub fn open(name: &str, directory: &Path) -> Option<Self> {
        let path = directory.join("log");
        Some(match name {
            "raw-locked" => {
                Self::Raw(Mutex::new(File::options().append(true).create_new(true).open(&path).unwrap()))
            }
            "aof-locked" => Self::Aof(Mutex::new(LogFile::open(&path).unwrap())),
            "aof-group" => Self::Group(GroupLog::new(LogFile::open(&path).unwrap())),
            "aof-group-preallocated" => Self::Group(GroupLog::new(preallocated(0, &path))),
            "okaywal-shared" => Self::Okaywal(okaywal(directory)),
            "walrus-shared" => Self::Walrus(walrus()),
            _ => return None,
        })
    }

    /// Appends an entry; it is durable afterwards.
    pub fn append(&self, entry: &[u8]) {
        match self {
            Self::Raw(file) => {
                let mut file = file.lock().unwrap();
                file.write_all(entry).unwrap();
                file.sync_data().unwrap();
            }
            Self::Aof(log) => {
                let mut log = log.lock().unwrap();
                write(&mut log, entry, 1);
                let _ = log.sync().unwrap();
            }
            Self::Group(log) => _ = log.append_new(&Draft::default(), &entry[HEAD_SIZE..]).unwrap(),
            Self::Okaywal(log) => {
                let mut writer = log.begin_entry().unwrap();
                writer.write_chunk(entry).unwrap();
                writer.commit().unwrap();
            }
            Self::Walrus(log) => log.append_for_topic("log", entry).unwrap(),
        }
    }
}

fn preallocated(write_buffer: usize, path: &Path) -> LogFile {
    let size = std::env::var("PREALLOCATE").map_or(PREALLOCATED, |size| size.parse().unwrap());
    OpenOptions::new().write_buffer(write_buffer).preallocate(size).open(path).unwrap()
}

fn okaywal(directory: &Path) -> WriteAheadLog {
    WriteAheadLog::recover(directory.join("okaywal"), Forget).unwrap()
}

fn walrus() -> Walrus {
    Walrus::with_consistency_and_schedule(ReadConsistency::StrictlyAtOnce, FsyncSchedule::SyncEach).unwrap()
}

/// Keeps nothing of what a log hands over at its checkpoints.
#[derive(Debug)]
struct Forget;

impl LogManager for Forget {
    fn recover(&mut self, _entry: &mut Entry<'_>) -> io::Result<()> {
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _last: EntryId,
        _entries: &mut SegmentReader,
        _log: &WriteAheadLog,
    ) -> io::Result<()> {
        Ok(())
    }
}
