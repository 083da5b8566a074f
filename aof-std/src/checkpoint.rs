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
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
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
    Thread { jobs: Sender<Job>, thread: JoinHandle<()> },
    Elsewhere(Executor),
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
                let (jobs, queue) = mpsc::channel::<Job>();
                let work = move || queue.into_iter().for_each(|job| job());
                let thread = std::thread::Builder::new().name("aof-sync".into()).spawn(work)?;
                Runs::Thread { jobs, thread }
            }
        };
        Ok(Self { runs, done: mpsc::channel().1 })
    }

    /// Begins a checkpoint. False where the thread is gone.
    pub(crate) fn begin(&mut self, checkpoint: Checkpoint, callback: Callback) -> bool {
        let (answer, done) = mpsc::channel();
        self.done = done;
        let job: Job = Box::new(move || checkpoint.run(&answer, callback));
        match &self.runs {
            Runs::Thread { jobs, .. } => jobs.send(job).is_ok(),
            Runs::Elsewhere(executor) => {
                executor(job);
                true
            }
        }
    }

    /// Ends the thread after the last callback.
    pub(crate) fn stop(self) {
        if let Runs::Thread { jobs, thread } = self.runs {
            drop(jobs);
            let _ = thread.join();
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
