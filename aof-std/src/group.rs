//! Group commit: many threads append to one log, each waits until its own entry is durable, and one sync serves
//! all that wait: [`GroupLog`].
//!
//! ```text
//! thread 1   write  sync --------------------.  durable
//! thread 2     write  waits for that one ....|  sync -----------.  durable
//! thread 3        write  waits ..............|  waits ..........|  durable
//!                                                    ^ covers what 2 and 3 wrote
//! ```
//!
//! A sync makes durable what was written before it began. The first thread that waits while none is under way
//! carries it out, on its own thread and without the lock, so that others write meanwhile; of those the first to
//! wake carries out the next one. Nobody is told of an entry before it is durable, so that entries wait in memory
//! for the sync: one call writes those of all threads. With one thread it is [`LogFile::sync`] after each entry.
//!
//! Threads that append one entry after the other would fall into two halves, of which one writes while the other
//! waits for its sync. So a sync begins when as many entries wait as there were threads at the last one, those
//! that it served among them, or when an eighth of a sync's time has gone by: those that are back by then share it.
//!
//! It is a [`LogFile`] behind a lock, and its promises are that one's: a thread that is told `Ok` has its entry on
//! the disk; after the first failed write or sync nobody is told `Ok` any more.

use crate::checkpoint::{Checkpointed, Executor, Job};
use crate::file::{FileError, LogFile};
use aof_nostd::chain::ChainLink;
use aof_nostd::{Draft, Entry, WriteError};
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// An entry that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable<T> {
    /// What writing it gave.
    pub written: T,
    /// What the sync that made it durable found. [`Rotation::Replaced`](crate::Rotation::Replaced) is for the
    /// operator, loudly.
    pub checkpointed: Checkpointed,
}

/// A log that threads share. See the [module](self).
///
/// ```
/// use aof_nostd::Draft;
/// use aof_std::{GroupLog, LogFile};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("replica.aof");
/// let log = GroupLog::new(LogFile::open(&path)?);
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| log.append_new(&Draft::default(), b"durable when this returns").expect("durable"));
///     }
/// });
/// let log = log.into_inner();
/// assert_eq!((log.last().map(|last| last.op().0), log.unsynced()), (Some(4), 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GroupLog {
    state: Mutex<State>,
    /// A sync ended.
    ended: Condvar,
    /// All entries that were expected wait for the sync that is about to begin.
    gathered: Condvar,
    /// The sync that a thread is to carry out.
    job: Arc<Mutex<Option<Job>>>,
    /// What carried out the log's checkpoints before.
    executor: Option<Executor>,
    /// The log's write buffer before.
    write_buffer: usize,
    /// The thread that has the log, while it writes.
    writing: Mutex<Option<ThreadId>>,
}

/// A log that a write has. What is set for it is taken back even if the write panics.
struct Lent<'a> {
    log: &'a mut LogFile,
    writing: &'a Mutex<Option<ThreadId>>,
}

impl<'a> Lent<'a> {
    fn new(log: &'a mut LogFile, writing: &'a Mutex<Option<ThreadId>>, this: ThreadId) -> Self {
        log.is_lent = true;
        *lock(writing) = Some(this);
        Self { log, writing }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.log.is_lent = false;
        *lock(self.writing) = None;
    }
}

/// Bytes of entries that wait in memory for a sync; more are written at once.
const WRITE_BUFFER: usize = 1 << 20;

struct State {
    log: LogFile,
    /// How often threads have written.
    written: u64,
    /// The writes that are durable: the first so many.
    durable: u64,
    /// Whether a thread carries out a sync, or is about to.
    syncing: bool,
    /// How many writes are worth waiting for before the next sync begins: those that the last one covered, from
    /// whose threads more may come, and those that waited at its end.
    expected: u64,
    /// How long the last sync took.
    duration: Duration,
    /// What the last sync found that succeeded.
    last: Option<Checkpointed>,
    /// Whether one has failed: there will be no other.
    failed: bool,
}

impl State {
    /// Whether the next sync has nothing to wait for: what is expected was written, or no more fits in unsynced.
    fn has_gathered(&self) -> bool {
        self.written - self.durable >= self.expected || self.log.unsynced() >= self.log.unsynced_max
    }
}

impl fmt::Debug for GroupLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("GroupLog")
            .field("log", &state.log)
            .field("written", &state.written)
            .field("durable", &state.durable)
            .finish_non_exhaustive()
    }
}

/// Nothing that is kept under a lock here is left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GroupLog {
    /// Shares `log`. Its checkpoints are carried out by the threads that wait for them from here on, whatever
    /// [`OpenOptions::sync_on`](crate::OpenOptions::sync_on) said.
    #[must_use]
    pub fn new(mut log: LogFile) -> Self {
        // One that is under way ends as it was begun. Where it fails, so does the log, and tells at the next write.
        let _ = log.wait();
        let job = Arc::new(Mutex::new(None));
        let slot = job.clone();
        let executor = log.sync_with(Some(Arc::new(move |job| *lock(&slot) = Some(job))));
        let write_buffer = log.buffer(WRITE_BUFFER);
        let state = State {
            log,
            written: 0,
            durable: 0,
            syncing: false,
            expected: 0,
            duration: Duration::ZERO,
            last: None,
            failed: false,
        };
        let (ended, gathered) = (Condvar::new(), Condvar::new());
        Self {
            state: Mutex::new(state),
            ended,
            gathered,
            job,
            executor,
            write_buffer,
            writing: Mutex::default(),
        }
    }

    /// Seals an entry that continues the last one, and appends it. It is durable when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// See [`FileError`]. Unless `Ok`, the entry may be in the log or not, where the log is failed; else it is not.
    pub fn append_new(&self, draft: &Draft, body: &[u8]) -> Result<Durable<ChainLink>, FileError> {
        self.append_with(|log| log.write_new(draft, body))
    }

    /// Appends a sealed entry as it is, after verifying it. It is durable when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// As of [`append_new`](Self::append_new).
    pub fn append(&self, entry: &Entry) -> Result<Durable<()>, FileError> {
        self.append_with(|log| log.write(entry))
    }

    /// Lets `write` write to the log, under the lock: one entry, or several behind each other. All is durable when
    /// this returns `Ok`. The log's own checkpoints, and waiting for them, are not for `write`
    /// ([`FileError::InGroup`]), nor is another append to the group.
    ///
    /// # Errors
    ///
    /// Those of `write`, and as of [`append_new`](Self::append_new).
    pub fn append_with<T>(
        &self,
        write: impl FnOnce(&mut LogFile) -> Result<T, FileError>,
    ) -> Result<Durable<T>, FileError> {
        let this = std::thread::current().id();
        if *lock(&self.writing) == Some(this) {
            return Err(FileError::InGroup);
        }
        let mut state = lock(&self.state);
        // More threads wait than entries may be unsynced.
        while state.log.unsynced() >= state.log.unsynced_max {
            state = self.next_sync(state)?;
        }
        let written = write(Lent::new(&mut state.log, &self.writing, this).log)?;
        state.written += 1;
        let number = state.written;
        if state.has_gathered() {
            self.gathered.notify_one();
        }
        while state.durable < number {
            state = self.next_sync(state)?;
        }
        // What is durable stays so, even if a later sync has failed by now.
        match state.last {
            Some(checkpointed) => Ok(Durable { written, checkpointed }),
            None => Err(WriteError::Failed.into()),
        }
    }

    /// The log for this thread alone. All that threads were told `Ok` for is durable.
    #[must_use]
    pub fn into_inner(self) -> LogFile {
        let mut log = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).log;
        log.sync_with(self.executor);
        log.buffer(self.write_buffer);
        log
    }

    /// Waits for the sync under way, or carries out one.
    fn next_sync<'a>(&'a self, state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, FileError> {
        if state.failed {
            return Err(WriteError::Failed.into());
        }
        if state.syncing {
            let state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            return Ok(state);
        }
        self.lead(state)
    }

    /// Waits for the writes that the next sync is expected to cover, not for long.
    fn gather<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let most = state.duration / 8;
        let gathered = self.gathered.wait_timeout_while(state, most, |state| !state.has_gathered());
        gathered.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Carries out a sync of all that was written, without the lock.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, FileError> {
        state.syncing = true;
        let mut state = self.gather(state);
        let (covered, before, start) = (state.written, state.durable, Instant::now());
        let found: Arc<Mutex<Option<io::Result<Checkpointed>>>> = Arc::default();
        let slot = found.clone();
        if let Err(error) = state.log.checkpoint(move |result| *lock(&slot) = Some(result)) {
            return Err(self.fail(state, error));
        }
        drop(state);
        if let Some(job) = lock(&self.job).take() {
            job();
        }
        let mut state = lock(&self.state);
        state.syncing = false;
        // The writer takes the answer, and goes over to a new file if there is one.
        let ended = state.log.wait();
        match (lock(&found).take(), ended) {
            (Some(Ok(checkpointed)), Ok(())) => {
                state.durable = covered;
                state.expected = state.written - before;
                state.duration = start.elapsed();
                state.last = Some(checkpointed);
                self.ended.notify_all();
                Ok(state)
            }
            (Some(Err(error)), _) => Err(self.fail(state, error.into())),
            (_, Err(error)) => Err(self.fail(state, error)),
            (None, Ok(())) => Err(self.fail(state, WriteError::Failed.into())),
        }
    }

    /// Tells all threads; the one that asked gets the reason.
    fn fail(&self, mut state: MutexGuard<'_, State>, error: FileError) -> FileError {
        state.failed = true;
        self.ended.notify_all();
        error
    }
}
