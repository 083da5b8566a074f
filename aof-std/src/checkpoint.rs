//! Making a log durable while its owner goes on.
//!
//! ```text
//! owner       begin ----------------> writes ... ------------------> takes the answer
//!                \                                                  /
//! elsewhere       Job: sync -> look at the path -> answer -> callback
//! ```
//!
//! *Elsewhere* is a thread of the log's own, or what [`OpenOptions::sync_on`](crate::OpenOptions::sync_on)
//! was given. [`LogFile::sync`](crate::LogFile::sync) does the same on its caller's thread.

use crate::ahead::Ahead;
use crate::fs::{FileHandle, FileSystem};
use crate::rotate::{self, Rotation};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A checkpoint that called back with `Ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// What stood at the log's path. [`Rotation::Replaced`] is for the operator, loudly.
    pub rotation: Rotation,
}

pub(crate) type Callback = Box<dyn FnOnce(io::Result<Checkpointed>) + Send>;

/// What a checkpoint has to do: one sync and a few calls. It may block for as long as the disk does.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs [`Job`]s.
pub(crate) type Executor = Arc<dyn Fn(Job) + Send + Sync>;

/// The answer of a checkpoint: nothing where it failed, else the new file after a rotation.
type Answer = Option<Option<Arc<dyn FileHandle>>>;

/// Where checkpoints are carried out, and where the answer of the last one comes from.
pub(crate) struct Syncer {
    runs: Runs,
    /// Closed without an answer where the job was dropped, or panicked.
    pub(crate) done: Receiver<Answer>,
}

enum Runs {
    Thread { jobs: Arc<Jobs>, thread: JoinHandle<()> },
    Elsewhere(Executor),
}

/// Jobs on their way to the log's own thread. Nothing that is kept under the lock is left half changed.
#[derive(Default)]
struct Jobs {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// The log is gone: there will be no more.
    is_closed: bool,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The next one, if one waits.
    fn try_next(&self) -> Option<Job> {
        self.lock().jobs.pop_front()
    }

    /// Waits for the next one; `None` after the last.
    fn next(&self) -> Option<Job> {
        let waits = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.lock(), waits);
        waiting.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }

    /// What the thread does. A callback that panics has said so, and the checkpoint has been answered: the thread goes
    /// on, since the next checkpoint needs it.
    fn work(&self) {
        while let Some(job) = self.next() {
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }
}

impl fmt::Debug for Syncer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syncer").finish_non_exhaustive()
    }
}

impl Syncer {
    /// Carries out jobs on `executor`, or on a thread that it starts.
    pub(crate) fn start(executor: Option<&Executor>) -> io::Result<Self> {
        let runs = match executor {
            Some(executor) => Runs::Elsewhere(executor.clone()),
            None => {
                let jobs = Arc::<Jobs>::default();
                let queue = jobs.clone();
                let thread = std::thread::Builder::new().name("aof-sync".into());
                let thread = thread.spawn(move || queue.work())?;
                Runs::Thread { jobs, thread }
            }
        };
        Ok(Self { runs, done: mpsc::channel().1 })
    }

    /// Begins a checkpoint.
    pub(crate) fn begin(&mut self, checkpoint: Checkpoint, callback: Callback) {
        let (answer, done) = mpsc::channel();
        self.done = done;
        let job: Job = Box::new(move || checkpoint.run(&answer, callback));
        match &self.runs {
            Runs::Thread { jobs, .. } => jobs.push(job),
            Runs::Elsewhere(executor) => executor(job),
        }
    }

    /// Waits for the answer of the last checkpoint; nothing where its job was dropped, or panicked.
    pub(crate) fn wait(&self) -> Option<Answer> {
        if let Some(jobs) = self.own_jobs() {
            // A callback waits, on the thread that it keeps from the next job.
            while let Some(job) = jobs.try_next() {
                job();
            }
        }
        self.done.recv().ok()
    }

    /// The jobs of this thread, if it is the log's own: the caller is a callback.
    fn own_jobs(&self) -> Option<&Jobs> {
        match &self.runs {
            Runs::Thread { jobs, thread } if thread.thread().id() == std::thread::current().id() => {
                Some(jobs)
            }
            _ => None,
        }
    }

    /// Ends the thread after the last callback. Called by a callback, the log's last owner, it does not wait for it:
    /// a thread that waits for itself would never end, and the log stay locked.
    pub(crate) fn stop(self) {
        let is_own = self.own_jobs().is_some();
        if let Runs::Thread { jobs, thread } = self.runs {
            jobs.close();
            if !is_own {
                let _ = thread.join();
            }
        }
    }
}

/// What is made durable.
pub(crate) struct Checkpoint {
    pub(crate) fs: Arc<dyn FileSystem>,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn FileHandle>,
    /// Bytes that the file has if nobody else touched it.
    pub(crate) size: u64,
    /// Whether its owner may write meanwhile.
    pub(crate) may_grow: bool,
    /// What keeps zeros ahead of the log's end.
    pub(crate) ahead: Option<Arc<Ahead>>,
}

impl Checkpoint {
    fn run(self, answer: &Sender<Answer>, callback: Callback) {
        // The answer first: who waits for the callback finds the log ready.
        match self.sync() {
            Ok((rotation, new)) => {
                let _ = answer.send(Some(new));
                callback(Ok(Checkpointed { rotation }));
            }
            Err(error) => {
                let _ = answer.send(None);
                callback(Err(error));
            }
        }
    }

    /// Syncs, and looks at the file and its path. Gives the new file after a rotation.
    pub(crate) fn sync(&self) -> io::Result<(Rotation, Option<Arc<dyn FileHandle>>)> {
        if let Some(ahead) = &self.ahead {
            // Before the sync, which makes them durable too.
            ahead.extend(self.size)?;
        }
        self.file.sync_data()?;
        match &self.ahead {
            Some(ahead) => ahead.check()?,
            None => self.check()?,
        }
        rotate::rotate(&*self.fs, &self.path, &*self.file)
    }

    /// Whether the file is as long as it should be, where it ends with the log.
    fn check(&self) -> io::Result<()> {
        let size = self.file.size()?;
        if size < self.size || size > self.size && !self.may_grow { Err(cut_by_others()) } else { Ok(()) }
    }
}

/// The error of a log file that is shorter than what was written to it: entries that were acknowledged may
/// be gone.
pub(crate) fn cut_by_others() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the log file is not as long as what was written to it: somebody else cut it, or wrote to it",
    )
}
