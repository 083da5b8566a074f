//! Zeros ahead of a log's end, over which entries are written: [`Ahead`].
//!
//! A sync of a file that has become longer makes its length durable too, and where its new bytes stand: on a
//! journalling file system a commit of the journal, beside the data. A sync of bytes that were there before, as
//! zeros, writes the data alone.
//!
//! ```text
//!   | entry | entry | entry |00000000000000000000000000000|
//!   0                       at                            length
//!                           the next entry goes here      more zeros go here
//! ```
//!
//! The zeros are *written*: room that is only reserved (`fallocate`) has to be marked as written at the sync, which
//! is a commit again. They are durable with the sync before which they were written, and what an entry is written
//! over is never anything else.
//!
//! | who | does | lock |
//! |---|---|---|
//! | the writer | writes entries over zeros | none: it is not held up |
//! | the writer | makes the file longer, where the zeros do not suffice | held |
//! | whoever syncs | appends a step of zeros before its sync, where less than half of one is left | held |
//! | the writer | cuts the zeros off: closed, dropped, moved away | held |
//!
//! **Somebody else cuts the file.** Without zeros each entry goes to the file's end, and a cut shows in the length
//! for ever. Here an entry goes to its place, and a cut would be hidden by writing on up to where the zeros
//! ended. So the length is looked at before anything is written that reaches it.

use crate::checkpoint::cut_by_others;
use crate::fs::{FileHandle, FileSystem};
use crate::rotate;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Zeros written at a time.
const CHUNK_SIZE: usize = 256 << 10;

/// See the [module](self). Shared by the log and its checkpoints.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// The log's own handle: what it writes goes to the file's end, wherever it is told to go.
    file: Arc<dyn FileHandle>,
    /// Another handle of the file, that writes at positions.
    positions: Arc<dyn FileHandle>,
    /// Zeros appended at a time.
    step: u64,
    /// Bytes of the file, if nobody else touches it. Changed under the lock only.
    length: AtomicU64,
    growing: Mutex<Growing>,
}

#[derive(Debug)]
struct Growing {
    /// No more zeros are written: the log is over, or the disk is full.
    is_over: bool,
    /// Where the log ended at the last sync.
    synced: u64,
}

impl Ahead {
    /// Writes zeros ahead in `file`, which is open at `path` and has `length` bytes, all of them the log's. `None`
    /// where that cannot be: the log grows then as others do.
    pub(crate) fn open(
        fs: &dyn FileSystem,
        path: &Path,
        file: &Arc<dyn FileHandle>,
        step: u64,
        length: u64,
    ) -> Option<Arc<Self>> {
        // There the lock keeps out other handles, this too.
        if step == 0 || cfg!(windows) {
            return None;
        }
        let positions = rotate::open_rewrite(fs, path, &**file).ok()?;
        Some(Arc::new(Self {
            file: file.clone(),
            positions,
            step,
            length: AtomicU64::new(length),
            growing: Mutex::new(Growing { is_over: false, synced: length }),
        }))
    }

    /// Writes entries at `at`, where the log ends.
    pub(crate) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let end = at.saturating_add(bytes.len() as u64);
        if end < self.length() {
            return self.positions.write_all_at(bytes, at);
        }
        let _growing = self.lock();
        self.look()?;
        let zeros = usize::try_from(self.length().saturating_sub(at)).unwrap_or(usize::MAX);
        let (over, behind) = bytes.split_at(zeros.min(bytes.len()));
        self.positions.write_all_at(over, at)?;
        self.file.append_all(behind)?;
        self.length.fetch_max(end, Ordering::AcqRel);
        Ok(())
    }

    /// Appends zeros where they run short behind `end`, where the log ended when the sync began that is to come.
    /// A disk that has no room for them is no error.
    pub(crate) fn extend(&self, end: u64) -> io::Result<()> {
        let mut growing = self.lock();
        let written = end.saturating_sub(std::mem::replace(&mut growing.synced, end));
        let half = self.step / 2;
        let length = self.length();
        // Who writes that much between two syncs would write everything twice, to save one commit in two.
        if growing.is_over || length.saturating_sub(end) > half || written == 0 || written > half {
            return Ok(());
        }
        self.look()?;
        // Not whole sectors: what a crash leaves is not taken for the image of a device.
        let until = length.saturating_add(self.step) | 511;
        if !self.append_zeros(length, until) {
            growing.is_over = true;
            // A write that failed may have written some.
            let size = self.file.size()?;
            if size < self.length() || size > until {
                return Err(cut_by_others());
            }
            self.length.store(size, Ordering::Release);
        }
        Ok(())
    }

    /// Whether all of them could be written.
    fn append_zeros(&self, from: u64, until: u64) -> bool {
        let missing = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
        let zeros = vec![0; missing.min(CHUNK_SIZE)];
        let mut length = from;
        while length < until {
            let missing = usize::try_from(until - length).unwrap_or(usize::MAX);
            let chunk = zeros.get(..missing).unwrap_or(&zeros);
            if self.file.append_all(chunk).is_err() {
                return false;
            }
            length = length.saturating_add(chunk.len() as u64);
            self.length.store(length, Ordering::Release);
        }
        true
    }

    /// Cuts the zeros off behind `end`, where the log ends, and writes no more of them. True if there were any.
    pub(crate) fn cut(&self, end: u64) -> io::Result<bool> {
        let mut growing = self.lock();
        growing.is_over = true;
        if self.length() <= end {
            return Ok(false);
        }
        // Cut by somebody else, it would be made longer here, and look as if nothing had been.
        self.look()?;
        self.file.set_size(end)?;
        self.length.store(end, Ordering::Release);
        Ok(true)
    }

    /// The log was cut at `end` by its owner, before anything was written.
    pub(crate) fn was_cut(&self, end: u64) {
        let mut growing = self.lock();
        growing.synced = end;
        self.length.store(end, Ordering::Release);
    }

    /// Whether the file is as long as it should be.
    pub(crate) fn check(&self) -> io::Result<()> {
        let _growing = self.lock();
        self.look()
    }

    /// The same, under the lock.
    fn look(&self) -> io::Result<()> {
        if self.file.size()? == self.length() { Ok(()) } else { Err(cut_by_others()) }
    }

    fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    /// Nothing that is kept under the lock is left half changed.
    fn lock(&self) -> MutexGuard<'_, Growing> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
