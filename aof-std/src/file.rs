//! A log file that is written: [`LogFile`].
//!
//! ```text
//! open      lock -> read all -> where the last whole entry ends; bytes behind it are a torn tail,
//!           which is told and never cut unasked
//! write     one system call an entry, into the page cache
//! checkpoint   fdatasync on a thread of its own -> the path is looked at -> the caller is called back
//! ```
//!
//! An entry is durable once a checkpoint that began after it has called back with `Ok`. A failed write
//! or sync is for good: everything after it is refused until the file is opened anew, since a later
//! success proves nothing about the pages that the failed one should have written.

use crate::replace::NewFile;
use crate::rotate::{self, Rotation};
use crate::scan::{Scan, Sink};
use crate::source::Source;
use crate::sync::sync_data;
use aof_nostd::chain::ChainLink;
use aof_nostd::writer::{State, UNSYNCED_MAX_DEFAULT};
use aof_nostd::{AnyProfile, Damage, Draft, Entry, Header, Located, Profile, WriteError, Writer};
use embedded_io_adapters::std::FromStd;
use std::ffi::OsString;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

/// How a log file is opened.
///
/// ```
/// use aof_nostd::Draft;
/// use aof_std::OpenOptions;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("replica.aof");
/// let mut log = OpenOptions::new().open(&path)?;
/// log.write_new(&Draft::default(), b"first")?;
/// log.checkpoint(|result| { result.expect("durable"); })?;
/// log.close()?;
///
/// let log = OpenOptions::new().open(&path)?;
/// assert_eq!(log.last().unwrap().op().0, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    profile: Option<AnyProfile>,
    message_size_max: u32,
    unsynced_max: u32,
    first: Header,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// The profile of the file, or the TigerBeetle profile for a new one; entries up to 1 MiB; 1,024 of
    /// them unsynced.
    #[must_use]
    pub fn new() -> Self {
        Self {
            profile: None,
            message_size_max: aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT,
            unsynced_max: UNSYNCED_MAX_DEFAULT,
            first: Header::new(),
        }
    }

    /// Sets the profile; a file of the other one is refused.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<AnyProfile>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Sets the largest `size` of an entry (header and body, bytes).
    #[must_use]
    pub fn message_size_max(mut self, message_size_max: u32) -> Self {
        self.message_size_max = message_size_max;
        self
    }

    /// Sets how many entries may be unsynced.
    #[must_use]
    pub fn unsynced_max(mut self, unsynced_max: u32) -> Self {
        self.unsynced_max = unsynced_max;
        self
    }

    /// Gives the header of the first entry that is sealed in an empty log: its op, parent, cluster, view,
    /// release and replica.
    #[must_use]
    pub fn start_with(mut self, first: Header) -> Self {
        self.first = first;
        self
    }

    /// Opens the log at `path` for appending, or creates it.
    ///
    /// An existing file is read whole, on all cores, to find where its last whole entry ends.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(&self, path: &Path) -> Result<LogFile, OpenError> {
        let file = match rotate::create(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_existing(path)?,
            Err(error) => return Err(OpenError::Io(error)),
        };
        let source = Source::from_file(file.try_clone()?)?;
        let (profile, contents) = self.read(&source)?;
        if contents.end == 0 && source.size() > 0 {
            return Err(OpenError::NotALog);
        }
        let torn = (contents.end < source.size())
            .then(|| TornTail { offset: contents.end, size: source.size() - contents.end });
        let file = Arc::new(file);
        let device = FromStd::new(Whole { file: file.clone(), entry: Vec::new() });
        let mut writer = Writer::new(device, profile)
            .with_unsynced_max(self.unsynced_max)
            .with_message_size_max(self.message_size_max)
            .start_with(self.first);
        if let Some(last) = contents.last {
            writer = writer.continue_after(last);
        }
        Ok(LogFile {
            path: path.to_path_buf(),
            file,
            writer,
            torn,
            damage: contents.damage,
            entries: contents.entries,
            syncer: None,
        })
    }

    fn read(&self, source: &Source) -> Result<(AnyProfile, Contents), OpenError> {
        let scan = Scan::detect(source, crate::backend())?.with_message_size_max(self.message_size_max);
        let default = || aof_nostd::TigerBeetle::new(crate::backend()).into();
        let profile = match (scan.profile(), self.profile) {
            (Some(found), Some(asked)) if found.name() != asked.name() => {
                return Err(OpenError::Profile { found: found.name(), asked: asked.name() });
            }
            (found, asked) => asked.or(found).unwrap_or_else(default),
        };
        let mut contents = Contents::default();
        scan.run(Contents::default, |part| contents.append(part))?;
        Ok((profile, contents))
    }
}

fn open_existing(path: &Path) -> Result<File, OpenError> {
    let file = File::options().read(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => return Err(OpenError::Io(error)),
    }
    // Rotated between opening and locking?
    if rotate::is_same(path, &file)? { Ok(file) } else { Err(OpenError::Locked) }
}

/// Why a log file was not opened. It is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused.
    Io(io::Error),
    /// Another process writes this log.
    Locked,
    /// The file is a log of the other profile.
    Profile {
        /// The file's.
        found: &'static str,
        /// The one asked for.
        asked: &'static str,
    },
    /// The file is not empty and holds not a single whole entry: it is left alone.
    NotALog,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Locked => f.write_str("another process writes this log"),
            Self::Profile { found, asked } => write!(f, "the log has the profile {found}, not {asked}"),
            Self::NotALog => {
                f.write_str("the file holds not a single whole entry: not a log, or damaged whole")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// What an existing file holds.
#[derive(Default)]
struct Contents {
    entries: u64,
    /// Where the last whole entry ends.
    end: u64,
    last: Option<Header>,
    damage: Vec<Damage>,
}

/// Places of damage that are kept; there may be millions.
const DAMAGE_KEPT: usize = 1024;

impl Contents {
    fn append(&mut self, part: Self) {
        self.entries += part.entries;
        self.end = self.end.max(part.end);
        self.last = part.last.or(self.last);
        let room = DAMAGE_KEPT.saturating_sub(self.damage.len());
        self.damage.extend(part.damage.into_iter().take(room));
    }
}

impl Sink for Contents {
    fn entry(&mut self, located: Located<'_>) {
        self.entries += 1;
        self.end = located.offset.saturating_add(located.entry.header.size_disk());
        self.last = Some(located.entry.header);
    }

    fn damage(&mut self, damage: Damage, _until: u64) {
        if self.damage.len() < DAMAGE_KEPT {
            self.damage.push(damage);
        }
    }
}

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
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            Self::TornTail(_) => None,
        }
    }
}

/// Collects an entry's parts and writes them by one call.
#[derive(Debug)]
struct Whole {
    file: Arc<File>,
    entry: Vec<u8>,
}

impl io::Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entry.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = (&*self.file).write_all(&self.entry);
        self.entry.clear();
        result
    }
}

/// A checkpoint that called back with `Ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// What stood at the log's path. [`Rotation::Replaced`] is for the operator, loudly.
    pub rotation: Rotation,
}

type Callback = Box<dyn FnOnce(io::Result<Checkpointed>) + Send>;

/// The thread that syncs.
#[derive(Debug)]
struct Syncer {
    jobs: Sender<(Arc<File>, Callback)>,
    /// Answers, one a job: whether it was synced, and the new file after a rotation.
    done: Receiver<Option<Option<File>>>,
    thread: JoinHandle<()>,
}

impl Syncer {
    fn start(path: PathBuf) -> io::Result<Self> {
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
}

/// A log file open for appending, under an exclusive lock. See the [module](self).
///
/// Dropping it leaves unsynced entries in the page cache; [`close`](Self::close) makes them durable.
pub struct LogFile {
    path: PathBuf,
    file: Arc<File>,
    writer: Writer<FromStd<Whole>, AnyProfile>,
    torn: Option<TornTail>,
    damage: Vec<Damage>,
    entries: u64,
    syncer: Option<Syncer>,
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
    pub fn open(path: &Path) -> Result<Self, OpenError> {
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
        self.torn
    }

    /// Entries written since the last checkpoint began.
    #[must_use]
    pub fn unsynced(&self) -> u32 {
        self.writer.unsynced()
    }

    /// Puts the torn tail's bytes into a file beside the log, durably, then cuts them off. Gives the
    /// other file's path: the log's, with `.torn-at-OFFSET` behind it.
    ///
    /// # Errors
    ///
    /// The operating system's. The log is as it was unless the bytes are safe.
    pub fn cut_torn_tail(&mut self) -> io::Result<Option<PathBuf>> {
        let Some(torn) = self.torn else { return Ok(None) };
        let mut name = OsString::from(self.path.as_os_str());
        name.push(format!(".torn-at-{}", torn.offset));
        let saved = PathBuf::from(name);
        let mut tail = Source::from_file(self.file.try_clone()?)?;
        io::Seek::seek(&mut tail, io::SeekFrom::Start(torn.offset))?;
        let mut copy = NewFile::create(&saved)?;
        io::copy(&mut tail, &mut copy)?;
        copy.commit(false)?;
        self.file.set_len(torn.offset)?;
        self.file.sync_all()?;
        self.torn = None;
        Ok(Some(saved))
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
        self.ready()?;
        let syncer = match &mut self.syncer {
            Some(syncer) => syncer,
            None => self.syncer.insert(Syncer::start(self.path.clone())?),
        };
        self.writer.begin_checkpoint()?;
        if syncer.jobs.send((self.file.clone(), Box::new(done))).is_err() {
            return Err(self.fail());
        }
        Ok(())
    }

    /// Waits for the checkpoint under way, if there is one.
    ///
    /// # Errors
    ///
    /// [`WriteError::Failed`]: the log is failed for good. The callback got the reason.
    pub fn wait(&mut self) -> Result<(), FileError> {
        while let (State::Checkpointing { .. }, Some(syncer)) = (self.writer.state(), &self.syncer) {
            match syncer.done.recv() {
                Ok(answer) => self.end(answer)?,
                Err(_) => return Err(self.fail()),
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
            match reason.recv() {
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) | Err(_) => self.wait()?,
            }
        }
        Ok(())
    }

    /// Takes the answer of a checkpoint that ended; refuses if the log cannot be written.
    fn ready(&mut self) -> Result<(), FileError> {
        if let (State::Checkpointing { .. }, Some(syncer)) = (self.writer.state(), &self.syncer)
            && let Ok(answer) = syncer.done.try_recv()
        {
            self.end(answer)?;
        }
        match self.torn {
            Some(torn) => Err(FileError::TornTail(torn)),
            None => Ok(()),
        }
    }

    /// Ends a checkpoint; goes over to a new file after a rotation.
    fn end(&mut self, answer: Option<Option<File>>) -> Result<(), FileError> {
        self.writer.end_checkpoint(answer.is_some())?;
        if let Some(Some(new)) = answer {
            // What was written since the checkpoint began is in the old file.
            if self.writer.unsynced() > 0
                && let Err(error) = sync_data(&self.file)
            {
                self.fail();
                return Err(error.into());
            }
            self.file = Arc::new(new);
            self.writer.device_mut().inner_mut().file = self.file.clone();
        }
        Ok(())
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
        if let Some(Syncer { jobs, thread, .. }) = self.syncer.take() {
            drop(jobs);
            let _ = thread.join(); // after the last callback
        }
    }
}
