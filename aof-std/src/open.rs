//! Opening a log file: [`OpenOptions`].
//!
//! ```text
//! no file     create, lock, sync the file and its directory
//! a file      lock, then read it whole: its profile, its last entry, where that one ends; what may not
//!             be durable of it is written once more, and synced
//! ```

use crate::ahead::Ahead;
use crate::checkpoint::{Executor, Job};
use crate::file::{LogFile, Whole};
use crate::fs::{FileHandle, FileSystem, Os};
use crate::repair::find::{self, Found};
use crate::repair::{Reason, TailKind};
use crate::rotate;
use crate::source::Source;
use aof_nostd::writer::UNSYNCED_MAX_DEFAULT;
use aof_nostd::{AnyProfile, Header, Profile, TigerBeetle, Writer};
use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

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
#[derive(Clone)]
pub struct OpenOptions {
    profile: Option<AnyProfile>,
    message_size_max: u32,
    unsynced_max: u32,
    write_buffer: usize,
    preallocate: u64,
    first: Header,
    fs: Arc<dyn FileSystem>,
    executor: Option<Executor>,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("profile", &self.profile)
            .field("message_size_max", &self.message_size_max)
            .field("unsynced_max", &self.unsynced_max)
            .field("fs", &self.fs)
            .finish_non_exhaustive()
    }
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
            write_buffer: 0,
            preallocate: 0,
            first: Header::new(),
            fs: Arc::new(Os),
            executor: None,
        }
    }

    /// Sets the file system, for a test that makes it fail.
    #[must_use]
    pub fn file_system(mut self, fs: Arc<dyn FileSystem>) -> Self {
        self.fs = fs;
        self
    }

    /// Sets what carries out checkpoints: it is given one job at a time, which blocks while the disk syncs,
    /// and may run it when and where it likes (a thread pool, say). A job that is dropped instead fails the
    /// log. Unless set, the log has a thread of its own.
    #[must_use]
    pub fn sync_on(mut self, executor: impl Fn(Job) + Send + Sync + 'static) -> Self {
        self.executor = Some(Arc::new(executor));
        self
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

    /// Lets up to so many bytes of entries wait in memory, to be written by one call: at the latest when a
    /// checkpoint begins, or the log is dropped. Unless set, every entry is written at once.
    ///
    /// What is durable is as before. What is not may be lost with the process too, not only with the power; who
    /// reads the file meanwhile sees entries later; and a write that fails may be one of entries that were taken
    /// before.
    #[must_use]
    pub fn write_buffer(mut self, size: usize) -> Self {
        self.write_buffer = size;
        self
    }

    /// Keeps zeros ahead of the log's end, so many bytes at a time, and writes entries over them: a sync then has
    /// no new length to make durable, which on a journalling file system is half of its work and more. Unless set,
    /// or with 0, the file ends with the log's last entry at every moment.
    ///
    /// The zeros are written by whoever carries out a checkpoint, just before its sync, so that a writer does not
    /// wait for them. They gain where little is written between two syncs; who writes more than half of `size`
    /// between two gets none. A few MiB are enough.
    ///
    /// [`close`](LogFile::close) cuts them off, and so does dropping the log, and a checkpoint that finds it moved
    /// away (rotation). **Until then, and after a crash, the file ends with zeros.** This library and its tools take
    /// them for free space, and opening a log with this option cuts them; without it they are a
    /// [torn tail](LogFile::torn_tail) of zeros. An iterator ([`open`](crate::open())) gives damage where they begin,
    /// and [`Source::zeros_begin`] is that place or before it. *Other readers may stumble over them*: for the reference's tools
    /// they are damage. So do not set it where another program reads the log while it is being written.
    ///
    /// A disk without room for the zeros is no error: the log grows as without them from then on, until it is opened
    /// anew or moved away. What they take, up to one and a half times `size`, others on that disk have not.
    /// On Windows nothing is done: a locked file cannot be written to by the second handle that this takes.
    #[must_use]
    pub fn preallocate(mut self, size: u64) -> Self {
        self.preallocate = size;
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
    pub fn open(&self, path: impl AsRef<Path>) -> Result<LogFile, OpenError> {
        let path = path.as_ref();
        let fs = &*self.fs;
        let file = match rotate::create(fs, path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_existing(fs, path)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(OpenError::Locked),
            Err(error) => return Err(OpenError::Io(error)),
        };
        let source = Source::new(file.clone())?;
        let mut size = source.size();
        let mut found = find::find(&source, self.message_size_max, None)?;
        let profile = self.profile_of(&found)?;
        if !found.is_log() {
            return Err(OpenError::NotALog);
        }
        if let Some(reason) = found.no_crash() {
            return Err(OpenError::NotTorn { offset: found.end, reason });
        }
        if self.preallocate > 0 && found.tail.is_some_and(|tail| tail.kind == TailKind::Zeros) {
            // Those of a writer that could not cut them. They may be of a sync that failed: new ones are written.
            file.set_size(found.end)?;
            file.sync_all()?;
            (size, found.tail) = (found.end, None);
        }
        settle(fs, path, &source, found.unsynced_from, found.end)?;
        let mut device = Whole::device(file.clone(), self.write_buffer, size);
        device.inner_mut().ahead = Ahead::open(fs, path, &file, self.preallocate, size);
        let mut writer = Writer::new(device, profile)
            .with_unsynced_max(self.unsynced_max)
            .with_message_size_max(self.message_size_max)
            .start_with(self.first);
        if let Some(last) = found.last {
            writer = writer.continue_after(last);
        }
        Ok(LogFile {
            fs: self.fs.clone(),
            executor: self.executor.clone(),
            path: path.to_path_buf(),
            preallocate: self.preallocate,
            file,
            writer,
            torn: found.tail,
            damage: found.damage.into_iter().chain(found.tail_damage).map(|(damage, _)| damage).collect(),
            entries: found.entries,
            unsynced_max: self.unsynced_max.max(1),
            syncer: None,
            is_lent: false,
        })
    }

    fn profile_of(&self, found: &Found) -> Result<AnyProfile, OpenError> {
        match (found.profile, self.profile) {
            (Some(found), Some(asked)) if found.name() != asked.name() => {
                Err(OpenError::Profile { found: found.name(), asked: asked.name() })
            }
            (found, asked) => {
                Ok(asked.or(found).unwrap_or_else(|| TigerBeetle::new(crate::backend()).into()))
            }
        }
    }
}

fn open_existing(fs: &dyn FileSystem, path: &Path) -> Result<Arc<dyn FileHandle>, OpenError> {
    let file = fs.open_append(path)?;
    rotate::lock(fs, path, &*file).map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::Locked,
        TryLockError::Error(error) => OpenError::Io(error),
    })?;
    // Whoever created it may have died before this.
    fs.sync_directory_of(path)?;
    Ok(file)
}

/// Bytes written again at a time.
const SETTLE_SIZE: usize = 1 << 20;

/// Makes what was read between `from` and `until` durable, by writing it once more.
///
/// A writer before this one may have died of a failed sync. What that sync should have written can be read,
/// from memory, and counts as clean: no sync writes it any more, and the next power cut takes it, from under
/// entries that were acknowledged since. Written again it is part of the next sync.
fn settle(fs: &dyn FileSystem, path: &Path, source: &Source, from: u64, until: u64) -> io::Result<()> {
    // There a failed sync leaves its pages to the next one; and the lock keeps out other handles, this too.
    if cfg!(windows) || from >= until {
        return Ok(());
    }
    let file = rotate::open_rewrite(fs, path, &**source.handle())?;
    let mut source = source.cut_at(until);
    source.seek(SeekFrom::Start(from))?;
    let mut bytes = vec![0; SETTLE_SIZE];
    let mut offset = from;
    loop {
        let size = match source.read(&mut bytes) {
            Ok(0) => break,
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        file.write_all_at(&bytes[..size], offset)?;
        offset += size as u64;
    }
    file.sync_data()
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
    /// What stands behind the last whole entry is not what a crash left: it may have been acknowledged.
    NotTorn {
        /// Where that entry ends.
        offset: u64,
        /// What tells.
        reason: Reason,
    },
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
            Self::NotTorn { offset, reason } => write!(
                f,
                "what stands from byte {offset} on is not what a crash left, and nothing is written behind it: {reason}"
            ),
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
