//! A new file that appears whole or not at all: [`NewFile`].
//!
//! ```text
//! create   .OUT.aof-XXXXXX in the same directory
//! write    ...
//! commit   the mode of the file that it replaces -> fsync the file -> rename (or link, where nothing may be
//!          replaced) -> fsync the directory
//! drop     the temporary file is removed, OUT is as it was
//! ```

use crate::sync::{directory_of, sync_directory_of};
use std::fs::File;
#[cfg(unix)]
use std::fs::Metadata;
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
        // One that takes the place of a secret is never readable for more people than that.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = replaced(target).map_or(0o666, |there| there.permissions().mode() & 0o777);
            builder.permissions(PermissionsExt::from_mode(mode));
        }
        let temporary = builder.tempfile_in(directory_of(target))?;
        Ok(Self { temporary, target: target.to_path_buf() })
    }

    /// The file, to read back what was written.
    #[must_use]
    pub fn file(&self) -> &File {
        self.temporary.as_file()
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
        #[cfg(unix)]
        if replace && let Some(there) = replaced(&self.target) {
            keep_mode(self.file(), &there)?;
        }
        self.temporary.as_file().sync_all()?;
        if replace {
            self.temporary.persist(&self.target)?;
        } else {
            self.temporary.persist_noclobber(&self.target)?;
        }
        sync_directory_of(&self.target)
    }
}

/// The file that stands at `target`, or that a link there leads to.
#[cfg(unix)]
fn replaced(target: &Path) -> Option<Metadata> {
    std::fs::metadata(target).ok().filter(Metadata::is_file)
}

/// Gives `file` the mode of the file that it replaces, and its owner and group.
#[cfg(unix)]
fn keep_mode(file: &File, there: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    file.set_permissions(there.permissions())?;
    // Only root may give a file away, and others choose among their own groups: a try.
    let here = file.metadata()?;
    if here.gid() != there.gid() {
        let _ = fchown(file, None, Some(there.gid()));
    }
    if here.uid() != there.uid() {
        let _ = fchown(file, Some(there.uid()), None);
    }
    Ok(())
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}
