//! A new file that appears whole or not at all: [`NewFile`].
//!
//! ```text
//! create   .OUT.aof-XXXXXX in the same directory, locked as long as this process lives
//! write    ... synced on a thread meanwhile, each time that much was written
//! commit   the mode of the file that it replaces -> fsync the file -> rename (or link, where nothing may be
//!          replaced) -> fsync the directory
//! drop     the temporary file is removed, OUT is as it was
//! ```

use crate::fs::{FileHandle, FileSystem, Os, Temporary};
use crate::source::{Source, became_shorter};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file in the making, which nobody sees under its name before it is whole and durable.
///
/// Each time that 32 MiB were written, a thread begins to sync them. A process that ends meanwhile, without
/// [`commit`](Self::commit) too, is gone when the disk has done it.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("new");
/// use std::io::Write;
/// let mut file = aof_std::NewFile::create(&path)?;
/// file.write_all(b"all of it")?;
/// assert!(!path.exists());
/// file.commit(false)?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct NewFile {
    fs: Arc<dyn FileSystem>,
    temporary: Box<dyn Temporary>,
    target: PathBuf,
    behind: Behind,
}

/// Syncs of what was written so far, on a thread, so that the disk works while there is more to write: else all of
/// it would wait for the sync at the end.
#[derive(Debug, Default)]
struct Behind {
    /// Bytes written since the last one began.
    written: u64,
    sync: Option<JoinHandle<io::Result<()>>>,
    /// One failed: what it lost, no later one brings back.
    has_failed: bool,
}

/// Bytes behind which a sync begins.
const SYNC_BEHIND: u64 = 32 << 20;

impl NewFile {
    /// Begins a file that will be `target`, in the same directory.
    ///
    /// # Errors
    ///
    /// The operating system's: no such directory, no permission.
    pub fn create(target: impl AsRef<Path>) -> io::Result<Self> {
        let target = target.as_ref();
        Self::create_on(Arc::new(Os), target)
    }

    /// The same in another file system.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn create_on(fs: Arc<dyn FileSystem>, target: impl AsRef<Path>) -> io::Result<Self> {
        let target = target.as_ref();
        let temporary = fs.create_beside(target)?;
        Ok(Self { fs, temporary, target: target.to_path_buf(), behind: Behind::default() })
    }

    /// The file, to read back what was written, or to lock it before it appears.
    #[must_use]
    pub fn handle(&self) -> Arc<dyn FileHandle> {
        self.temporary.handle()
    }

    /// The operating system's file, for one that goes on writing to it.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::Unsupported`] in another file system.
    pub fn try_clone_file(&self) -> io::Result<File> {
        let handle = self.handle();
        handle.as_file().ok_or(io::ErrorKind::Unsupported)?.try_clone()
    }

    /// Appends up to `size` bytes of `source` from its position on, and moves it. Gives how many; 0 where
    /// the source is at its end.
    ///
    /// # Errors
    ///
    /// The system's, of reading, of writing, or of an earlier sync; [`io::ErrorKind::UnexpectedEof`] where the source became
    /// shorter than it was when it was opened.
    pub fn copy_from(&mut self, source: &mut Source, size: u64) -> io::Result<u64> {
        let to = self.handle();
        self.behind.begin(&to)?;
        let position = source.stream_position()?;
        let from = source.handle().clone();
        let (Some(from), Some(mut to)) = (from.as_file(), to.as_file()) else {
            return io::copy(&mut source.take(size), self);
        };
        // File to file: std lets the kernel copy where it can.
        let mut from = from;
        let size = size.min(source.size().saturating_sub(position));
        from.seek(SeekFrom::Start(position))?;
        let copied = loop {
            match io::copy(&mut from.take(size), &mut to) {
                // The kernel moves both positions by what it copied before a signal came.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    match from.stream_position()?.saturating_sub(position) {
                        0 => {}
                        copied => break copied,
                    }
                }
                copied => break copied?,
            }
        };
        if copied == 0 && size > 0 {
            return Err(became_shorter());
        }
        source.seek_relative(i64::try_from(copied).unwrap_or(i64::MAX))?;
        self.behind.written += copied;
        Ok(copied)
    }

    /// Makes what was written durable, and then appear as the target. With `replace` an existing file is
    /// replaced, at one moment, and its mode is kept (on Unix; its group too, where the system permits it), if it has
    /// the owner that the new one has; without it is an error.
    ///
    /// # Errors
    ///
    /// The operating system's, of an earlier sync too; [`io::ErrorKind::AlreadyExists`]. The target is as it was,
    /// and the temporary file is gone, unless the directory's sync failed: then the new file is there and may be
    /// gone after a crash.
    pub fn commit(mut self, replace: bool) -> io::Result<()> {
        self.behind.end()?;
        if replace {
            self.temporary.take_mode()?;
        }
        self.handle().sync_all()?;
        self.temporary.persist(replace)?;
        let synced = self.fs.sync_directory_of(&self.target);
        synced.map_err(NotDurable::error)
    }
}

impl Behind {
    /// Begins a sync if there is enough for one, and none under way.
    fn begin(&mut self, file: &Arc<dyn FileHandle>) -> io::Result<()> {
        if self.written < SYNC_BEHIND || self.sync.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return Ok(());
        }
        self.end()?;
        self.written = 0;
        let file = Arc::clone(file);
        let thread = std::thread::Builder::new().name("aof-sync".into());
        // Without a thread the sync at the end does it all.
        self.sync = thread.spawn(move || file.sync_data()).ok();
        Ok(())
    }

    /// Waits for the one that is under way.
    fn end(&mut self) -> io::Result<()> {
        let error = match self.sync.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) if !self.has_failed => return Ok(()),
            // Nobody shall try it again.
            Some(Ok(Err(error))) if error.kind() == io::ErrorKind::Interrupted => io::Error::other(error),
            Some(Ok(Err(error))) => error,
            _ => io::Error::other("an earlier sync of the file failed"),
        };
        self.has_failed = true;
        Err(error)
    }
}

/// The error of a [`commit`](NewFile::commit) whose new file (or directory) is in its place, and whose directory
/// could not be synced: it may be gone after a power cut. Inside an [`io::Error`].
#[derive(Debug)]
pub struct NotDurable(io::Error);

impl NotDurable {
    pub(crate) fn error(error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(error))
    }
}

impl fmt::Display for NotDurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its directory cannot be synced: {}", self.0)
    }
}

impl std::error::Error for NotDurable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.handle();
        // Before the append: an error means that nothing was written.
        self.behind.begin(&file)?;
        let written = file.append(bytes)?;
        self.behind.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
