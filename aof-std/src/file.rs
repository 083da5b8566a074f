//! A log file that is written: [`LogFile`].
//!
//! ```text
//! open      lock -> read all -> where the last whole entry ends; bytes behind it are a torn tail,
//!           which is told and never cut unasked
//! write     one system call an entry, into the page cache; or fewer, see OpenOptions::write_buffer
//! checkpoint   fdatasync on a thread of its own -> the path is looked at -> the caller is called back
//! sync      the same on the caller's thread, which waits
//! ```
//!
//! An entry is durable once a checkpoint that began after it has called back with `Ok`. A failed write
//! or sync is for good: everything after it is refused until the file is opened anew, since a later
//! success proves nothing about the pages that the failed one should have written.

use crate::ahead::Ahead;
use crate::checkpoint::{Checkpoint, Checkpointed, Executor, Syncer, cut_by_others};
use crate::fs::{FileHandle, FileSystem};
use crate::open::{OpenError, OpenOptions};
use crate::repair::{Tail, keep};
use crate::source::Source;
use aof_nostd::chain::ChainLink;
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, Damage, Draft, Entry, Header, WriteError, Writer};
use embedded_io_adapters::std::FromStd;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};

/// Bytes behind a log's last whole entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where the last whole entry ends.
    pub offset: u64,
    /// Bytes behind it.
    pub size: u64,
}

/// Why an entry is not in the log, or not known to be durable.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The writer refused, or its file failed.
    Write(WriteError<io::Error>),
    /// The file has a torn tail: nothing is written behind it. Keep it by
    /// [`LogFile::cut_torn_tail`], which puts the bytes beside the file.
    TornTail(TornTail),
    /// A checkpoint, a sync, a wait, or another append to the same group was asked for by what a
    /// [`GroupLog`](crate::GroupLog) lets write, which makes all of it durable itself when it returns. Nothing was done.
    InGroup,
}

impl From<WriteError<io::Error>> for FileError {
    fn from(error: WriteError<io::Error>) -> Self {
        Self::Write(error)
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Write(WriteError::Device(error))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => fmt::Display::fmt(error, f),
            Self::TornTail(TornTail { offset, size }) => {
                write!(f, "{size} bytes from byte {offset} on are a torn tail: cut it first")
            }
            Self::InGroup => f.write_str(
                "refused inside a group's write: return from it, and the group makes what was written durable",
            ),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            Self::TornTail(_) | Self::InGroup => None,
        }
    }
}

/// Collects an entry's parts and writes them by one call; on request several entries.
#[derive(Debug)]
pub(crate) struct Whole {
    file: Arc<dyn FileHandle>,
    /// Whole entries, but while one is put together.
    entries: Vec<u8>,
    /// Up to so many bytes wait for the next write.
    kept_max: usize,
    /// Where the next write goes: the log's end in the file.
    at: u64,
    /// What keeps zeros there, if anything does.
    pub(crate) ahead: Option<Arc<Ahead>>,
}

impl Whole {
    pub(crate) fn device(file: Arc<dyn FileHandle>, kept_max: usize, at: u64) -> FromStd<Self> {
        FromStd::new(Self { file, entries: Vec::new(), kept_max, at, ahead: None })
    }

    /// Writes what waits.
    fn write_out(&mut self) -> io::Result<()> {
        let result = match &self.ahead {
            Some(ahead) if !self.entries.is_empty() => ahead.write(&self.entries, self.at),
            _ => self.file.append_all(&self.entries),
        };
        self.at = self.at.saturating_add(self.entries.len() as u64);
        self.entries.clear();
        result
    }
}

impl io::Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entries.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.entries.len() <= self.kept_max { Ok(()) } else { self.write_out() }
    }
}

/// A log file open for appending, under an exclusive lock. See the [module](self).
///
/// Dropping it leaves unsynced entries in the page cache; [`close`](Self::close) makes them durable.
pub struct LogFile {
    pub(crate) fs: Arc<dyn FileSystem>,
    pub(crate) executor: Option<Executor>,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn FileHandle>,
    /// Zeros that are kept ahead.
    pub(crate) preallocate: u64,
    pub(crate) writer: Writer<FromStd<Whole>, AnyProfile>,
    pub(crate) torn: Option<Tail>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) entries: u64,
    pub(crate) unsynced_max: u32,
    pub(crate) syncer: Option<Syncer>,
    /// Whether a group has lent it to a write: then the group makes it durable, and nobody else.
    pub(crate) is_lent: bool,
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile")
            .field("path", &self.path)
            .field("state", &self.writer.state())
            .field("last", &self.last())
            .field("torn", &self.torn)
            .finish_non_exhaustive()
    }
}

impl LogFile {
    /// Creates or opens the log at `path`, with the defaults of [`OpenOptions`].
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        OpenOptions::new().open(path)
    }

    /// The header of the last entry.
    #[must_use]
    pub fn last(&self) -> Option<&Header> {
        self.writer.last()
    }

    /// Entries that the file had when it was opened.
    #[must_use]
    pub fn entries_at_open(&self) -> u64 {
        self.entries
    }

    /// Damage that the file had when it was opened (the first 1,024 places), a torn tail included.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The bytes behind the last whole entry, if there are any: nothing is written behind them.
    #[must_use]
    pub fn torn_tail(&self) -> Option<TornTail> {
        self.torn.map(|tail| TornTail { offset: tail.offset, size: tail.size })
    }

    /// Entries written since the last checkpoint began.
    #[must_use]
    pub fn unsynced(&self) -> u32 {
        self.writer.unsynced()
    }

    /// Puts the torn tail's bytes into a file beside the log, durably, then cuts them off. Gives the
    /// other file's path: the log's, with `.torn-at-OFFSET` behind it, and a number if other bytes were kept
    /// under that name before. Zeros that end the file are not kept; a tail of nothing else gives no path. A cut
    /// that a crash or a failure interrupted can be made again.
    ///
    /// # Errors
    ///
    /// The operating system's. The log is as it was unless the bytes are safe. Where the cut itself cannot
    /// be made durable, the log is failed for good, like after any failed sync.
    pub fn cut_torn_tail(&mut self) -> io::Result<Option<PathBuf>> {
        let Some(torn) = self.torn else { return Ok(None) };
        let log = self.fs.resolve(&self.path)?;
        let kept = keep::keep(&self.fs, &log, &Source::new(self.file.clone())?, torn, None)?;
        self.file.set_size(torn.offset)?;
        self.torn = None;
        let device = self.writer.device_mut().inner_mut();
        device.at = torn.offset;
        if let Some(ahead) = &device.ahead {
            ahead.was_cut(torn.offset);
        }
        if let Err(error) = self.file.sync_all() {
            self.fail();
            return Err(error);
        }
        Ok(kept)
    }

    /// Appends a sealed entry as it is, after verifying it.
    ///
    /// # Errors
    ///
    /// See [`FileError`]. Unless `Ok`, the entry is not in the log.
    pub fn write(&mut self, entry: &Entry) -> Result<(), FileError> {
        self.ready()?;
        Ok(self.writer.append(entry)?)
    }

    /// Appends a sealed prepare (header and body) as it is, after verifying it.
    ///
    /// # Errors
    ///
    /// See [`FileError`]. Unless `Ok`, the entry is not in the log.
    pub fn write_prepare(&mut self, header: &Header, body: &[u8]) -> Result<(), FileError> {
        self.ready()?;
        Ok(self.writer.append_prepare(header, body)?)
    }

    /// Seals an entry that continues the last one, and appends it. Gives its place in the chain.
    ///
    /// # Errors
    ///
    /// See [`FileError`]. Unless `Ok`, the entry is not in the log.
    pub fn write_new(&mut self, draft: &Draft, body: &[u8]) -> Result<ChainLink, FileError> {
        self.ready()?;
        Ok(self.writer.append_new(draft, body)?)
    }

    /// Begins to make everything written durable, on a thread of its own, which calls `done` at the end.
    /// Meanwhile entries may be written, which this checkpoint does not cover.
    ///
    /// # Errors
    ///
    /// [`WriteError::Checkpointing`] while another one is under way; see [`wait`](Self::wait). On an
    /// error `done` is not called.
    pub fn checkpoint(
        &mut self,
        done: impl FnOnce(io::Result<Checkpointed>) + Send + 'static,
    ) -> Result<(), FileError> {
        self.refuse_if_lent()?;
        self.ready()?;
        if self.syncer.is_none() {
            self.syncer = Some(Syncer::start(self.executor.as_ref())?);
        }
        self.write_out()?;
        self.writer.begin_checkpoint()?;
        // Asked before more is written, so that no entry can fill the place of one that was cut.
        if let Err(error) = self.check() {
            self.fail();
            return Err(error.into());
        }
        let checkpoint = self.checkpoint_of(true);
        match &mut self.syncer {
            Some(syncer) => syncer.begin(checkpoint, Box::new(done)),
            None => return Err(self.fail()),
        }
        Ok(())
    }

    /// Makes everything written durable, on the caller's thread: [`checkpoint`](Self::checkpoint) and
    /// [`wait`](Self::wait) without the way to another thread and back. A checkpoint that is under way is waited
    /// for first.
    ///
    /// # Errors
    ///
    /// See [`FileError`]. A sync that failed fails the log for good.
    pub fn sync(&mut self) -> Result<Checkpointed, FileError> {
        self.wait()?;
        self.ready()?;
        self.write_out()?;
        self.writer.begin_checkpoint()?;
        // Nothing is written meanwhile: the file's length is asked once, behind the sync.
        match self.checkpoint_of(false).sync() {
            Ok((rotation, new)) => {
                self.end(Some(new))?;
                Ok(Checkpointed { rotation })
            }
            Err(error) => {
                self.fail();
                Err(error.into())
            }
        }
    }

    fn checkpoint_of(&self, may_grow: bool) -> Checkpoint {
        Checkpoint {
            fs: self.fs.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            size: self.written(),
            may_grow,
            ahead: self.ahead().cloned(),
        }
    }

    fn ahead(&self) -> Option<&Arc<Ahead>> {
        self.writer.device().inner().ahead.as_ref()
    }

    /// Whether the file is as long as it should be. Nothing waits to be written.
    fn check(&self) -> io::Result<()> {
        match self.ahead() {
            Some(ahead) => ahead.check(),
            None if self.file.size()? == self.written() => Ok(()),
            None => Err(cut_by_others()),
        }
    }

    /// A group that has lent the log carries out its checkpoints, and waits for the writer meanwhile.
    fn refuse_if_lent(&self) -> Result<(), FileError> {
        if self.is_lent { Err(FileError::InGroup) } else { Ok(()) }
    }

    /// Waits for the checkpoint under way, if there is one. Called by a callback, it carries out itself what waits for
    /// the log's own thread.
    ///
    /// # Errors
    ///
    /// [`WriteError::Failed`]: the log is failed for good. The callback got the reason.
    pub fn wait(&mut self) -> Result<(), FileError> {
        self.refuse_if_lent()?;
        while let (State::Checkpointing { .. }, Some(syncer)) = (self.writer.state(), &self.syncer) {
            match syncer.wait() {
                Some(answer) => self.end(answer)?,
                None => return Err(self.fail()),
            }
        }
        match self.writer.state() {
            State::Failed => Err(WriteError::Failed.into()),
            _ => Ok(()),
        }
    }

    /// Makes everything written durable, and closes the file.
    ///
    /// # Errors
    ///
    /// See [`FileError`].
    pub fn close(mut self) -> Result<(), FileError> {
        self.wait()?;
        if self.writer.unsynced() > 0 {
            let (sender, reason) = mpsc::channel();
            self.checkpoint(move |result| drop(sender.send(result)))?;
            // Before the reason is waited for: a callback that closes the log has its own thread.
            let waited = self.wait();
            match reason.recv() {
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) | Err(_) => waited?,
            }
        }
        let cut = self.cut_zeros().and_then(|had_some| if had_some { self.file.sync_all() } else { Ok(()) });
        cut.map_err(|error| {
            self.fail();
            error.into()
        })
    }

    /// Takes the answer of a checkpoint that ended; refuses if the log cannot be written.
    fn ready(&mut self) -> Result<(), FileError> {
        if let (State::Checkpointing { .. }, Some(syncer)) = (self.writer.state(), &self.syncer) {
            match syncer.done.try_recv() {
                Ok(answer) => self.end(answer)?,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(self.fail()),
            }
        }
        match self.torn_tail() {
            Some(torn) => Err(FileError::TornTail(torn)),
            None => Ok(()),
        }
    }

    /// Ends a checkpoint; goes over to a new file after a rotation.
    fn end(&mut self, answer: Option<Option<Arc<dyn FileHandle>>>) -> Result<(), FileError> {
        self.writer.end_checkpoint(answer.is_some())?;
        if let Some(Some(new)) = answer {
            // The old file ends with its last entry, and what was written since the checkpoint began is there.
            let left = self.cut_zeros().and_then(|had_some| {
                if had_some || self.writer.unsynced() > 0 { self.file.sync_data() } else { Ok(()) }
            });
            if let Err(error) = left {
                self.fail();
                return Err(error.into());
            }
            self.file = new;
            let device = self.writer.device_mut().inner_mut();
            device.file = self.file.clone();
            device.at = 0; // what waits to be written goes to the new file
            device.ahead = Ahead::open(&*self.fs, &self.path, &self.file, self.preallocate, 0);
        }
        Ok(())
    }

    /// Writes what waits in the write buffer.
    fn write_out(&mut self) -> Result<(), FileError> {
        if let Err(error) = self.writer.device_mut().inner_mut().write_out() {
            self.fail();
            return Err(error.into());
        }
        Ok(())
    }

    /// Where the log ends in the file: behind what was written. Without zeros ahead the file does too, if nobody else
    /// touched it.
    fn written(&self) -> u64 {
        self.writer.device().inner().at
    }

    /// Cuts off the zeros that are kept ahead. True if there were any.
    fn cut_zeros(&self) -> io::Result<bool> {
        let device = self.writer.device().inner();
        device.ahead.as_ref().map_or(Ok(false), |ahead| ahead.cut(device.at))
    }

    /// Lets up to so many bytes of entries wait to be written; gives how many it was before.
    pub(crate) fn buffer(&mut self, size: usize) -> usize {
        std::mem::replace(&mut self.writer.device_mut().inner_mut().kept_max, size)
    }

    /// Lets `executor` carry out the checkpoints from here on; gives what did so before. None is under way.
    pub(crate) fn sync_with(&mut self, executor: Option<Executor>) -> Option<Executor> {
        if let Some(syncer) = self.syncer.take() {
            syncer.stop();
        }
        std::mem::replace(&mut self.executor, executor)
    }

    /// Fails the writer for good.
    fn fail(&mut self) -> FileError {
        // A checkpoint that ends without having synced is what fails a writer.
        let _ = self.writer.begin_checkpoint::<io::Error>();
        let _ = self.writer.end_checkpoint::<io::Error>(false);
        WriteError::Failed.into()
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        // What waits is as unsynced as what was written; it goes to the page cache too. A log that is failed is
        // left as it is.
        let is_written = self.writer.state() != State::Failed && self.write_out().is_ok();
        if let Some(syncer) = self.syncer.take() {
            syncer.stop();
        }
        if is_written {
            let _ = self.cut_zeros();
        }
    }
}
