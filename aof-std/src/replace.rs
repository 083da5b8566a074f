//! A new file that appears whole or not at all: [`NewFile`].
//!
//! ```text
//! create   .OUT.aof-XXXXXX in the same directory
//! write    ...
//! commit   fsync the file -> rename (or link, where nothing may be replaced) -> fsync the directory
//! drop     the temporary file is removed, OUT is as it was
//! ```

use crate::sync::{directory_of, sync_directory_of};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

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
    temporary: NamedTempFile,
    target: PathBuf,
}

impl NewFile {
    /// Begins a file that will be `target`, in the same directory.
    ///
    /// # Errors
    ///
    /// The operating system's: no such directory, no permission.
    pub fn create(target: &Path) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".aof-");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        // A new file has the permissions that any other program would give it, not those of a secret.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(directory_of(target))?;
        Ok(Self { temporary, target: target.to_path_buf() })
    }

    /// The file, to read back what was written.
    #[must_use]
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Makes what was written durable, and then appear as the target. With `replace` an existing file is
    /// replaced, at one moment; without it is an error.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::AlreadyExists`]. The target is as it was, and the
    /// temporary file is gone, unless the directory's sync failed: then the new file is there and may be
    /// gone after a crash.
    pub fn commit(self, replace: bool) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        if replace {
            self.temporary.persist(&self.target)?;
        } else {
            self.temporary.persist_noclobber(&self.target)?;
        }
        sync_directory_of(&self.target)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}
