//! A new file that appears whole or not at all: [`NewFile`].
//!
//! ```text
//! create   .OUT.aof-XXXXXX in the same directory
//! write    ...
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

/// A file in the making, which nobody sees under its name before it is whole and durable.
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
}

impl NewFile {
    /// Begins a file that will be `target`, in the same directory.
    ///
    /// # Errors
    ///
    /// The operating system's: no such directory, no permission.
    pub fn create(target: &Path) -> io::Result<Self> {
        Self::create_on(Arc::new(Os), target)
    }

    /// The same in another file system.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn create_on(fs: Arc<dyn FileSystem>, target: &Path) -> io::Result<Self> {
        let temporary = fs.create_beside(target)?;
        Ok(Self { fs, temporary, target: target.to_path_buf() })
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
    /// The system's, of reading or of writing; [`io::ErrorKind::UnexpectedEof`] where the source became
    /// shorter than it was when it was opened.
    pub fn copy_from(&mut self, source: &mut Source, size: u64) -> io::Result<u64> {
        let to = self.handle();
        let position = source.stream_position()?;
        let from = source.handle().clone();
        let (Some(from), Some(mut to)) = (from.as_file(), to.as_file()) else {
            return io::copy(&mut source.take(size), self);
        };
        // File to file: std lets the kernel copy where it can.
        let mut from = from;
        let size = size.min(source.size().saturating_sub(position));
        from.seek(SeekFrom::Start(position))?;
        let copied = io::copy(&mut from.take(size), &mut to)?;
        if copied == 0 && size > 0 {
            return Err(became_shorter());
        }
        source.seek_relative(i64::try_from(copied).unwrap_or(i64::MAX))?;
        Ok(copied)
    }

    /// Makes what was written durable, and then appear as the target. With `replace` an existing file is
    /// replaced, at one moment, and its mode is kept (on Unix; its owner and group too, where the system
    /// permits it); without it is an error.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::AlreadyExists`]. The target is as it was, and the
    /// temporary file is gone, unless the directory's sync failed: then the new file is there and may be
    /// gone after a crash.
    pub fn commit(self, replace: bool) -> io::Result<()> {
        if replace {
            self.temporary.take_mode()?;
        }
        self.handle().sync_all()?;
        self.temporary.persist(replace)?;
        let synced = self.fs.sync_directory_of(&self.target);
        synced.map_err(NotDurable::error)
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
        self.handle().append(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
