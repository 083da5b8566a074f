//! Rotation: the operator moves the log file away, and the writer begins a new one.
//!
//! Looked at after each checkpoint, as replicas do. A file that somebody else put in the log's place is
//! not written to: moving it away lets the writer begin its own.

use crate::sync::sync_directory_of;
use std::fs::File;
use std::io;
use std::path::Path;

/// What a checkpoint found at the log's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// The file that is being written.
    None,
    /// Nothing: it was moved away. A new file was created, and the next entry goes there.
    Created,
    /// **Another file.** Entries still go to the one that was moved away. Warn the operator: move the
    /// other file out of the way, and a new one is begun after the next checkpoint.
    Replaced,
}

/// Looks at `path`, at which `file` was opened. Creates a new file, locked and durable, if there is none.
pub(crate) fn rotate(path: &Path, file: &File) -> io::Result<(Rotation, Option<File>)> {
    match is_same(path, file) {
        Ok(true) => Ok((Rotation::None, None)),
        Ok(false) => Ok((Rotation::Replaced, None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(path) {
            Ok(new) => Ok((Rotation::Created, Some(new))),
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((Rotation::Replaced, None)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Creates a log file: locked, and it and its directory entry durable.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).append(true).create_new(true).open(path)?;
    file.try_lock()?;
    file.sync_all()?;
    sync_directory_of(path)?;
    Ok(file)
}

/// Whether `path` names `file`.
#[cfg(unix)]
pub(crate) fn is_same(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (there, here) = (std::fs::metadata(path)?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

/// Whether `path` names `file`, as far as can be told: a file that is open cannot be moved away here.
#[cfg(not(unix))]
pub(crate) fn is_same(path: &Path, file: &File) -> io::Result<bool> {
    let (there, here) = (std::fs::metadata(path)?, file.metadata()?);
    Ok(there.created()? == here.created()?)
}
