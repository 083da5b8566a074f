//! The thread that makes a log durable while its owner goes on.

use crate::rotate::{self, Rotation};
use crate::sync::sync_data;
use std::fs::File;
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

/// The thread that syncs.
#[derive(Debug)]
pub(crate) struct Syncer {
    jobs: Sender<(Arc<File>, Callback)>,
    /// Answers, one a job: whether it was synced, and the new file after a rotation.
    pub(crate) done: Receiver<Option<Option<File>>>,
    thread: JoinHandle<()>,
}

impl Syncer {
    /// Starts the thread, for the log at `path`.
    pub(crate) fn start(path: PathBuf) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<(Arc<File>, Callback)>();
        let (answers, done) = mpsc::channel();
        let thread = std::thread::Builder::new().name("aof-sync".into()).spawn(move || {
            for (file, callback) in queue {
                let result = sync_data(&file).and_then(|()| rotate::rotate(&path, &file));
                // The answer first: who waits for the callback finds the log ready.
                match result {
                    Ok((rotation, new)) => {
                        let _ = answers.send(Some(new));
                        callback(Ok(Checkpointed { rotation }));
                    }
                    Err(error) => {
                        let _ = answers.send(None);
                        callback(Err(error));
                    }
                }
            }
        })?;
        Ok(Self { jobs, done, thread })
    }

    /// Begins to sync `file`. False where the thread is gone.
    pub(crate) fn begin(&self, file: Arc<File>, callback: Callback) -> bool {
        self.jobs.send((file, callback)).is_ok()
    }

    /// Ends the thread after the last callback.
    pub(crate) fn stop(self) {
        drop(self.jobs);
        let _ = self.thread.join();
    }
}
