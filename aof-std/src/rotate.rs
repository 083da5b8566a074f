//! Rotation: the operator moves the log file away, and the writer begins a new one.
//!
//! Looked at after each checkpoint, as replicas do. A file that somebody else put in the log's place is
//! not written to: moving it away lets the writer begin its own.

use crate::fs::{FileHandle, FileSystem};
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::sync::Arc;

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
pub(crate) fn rotate(
    fs: &dyn FileSystem,
    path: &Path,
    file: &dyn FileHandle,
) -> io::Result<(Rotation, Option<Arc<dyn FileHandle>>)> {
    match is_same(fs, path, file) {
        Ok(true) => Ok((Rotation::None, None)),
        Ok(false) => Ok((Rotation::Replaced, None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(fs, path) {
            Ok(new) => Ok((Rotation::Created, Some(new))),
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((Rotation::Replaced, None)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Whether `path` names `file`.
pub(crate) fn is_same(fs: &dyn FileSystem, path: &Path, file: &dyn FileHandle) -> io::Result<bool> {
    Ok(fs.identity(path)? == file.identity()?)
}

/// Creates a log file: locked, and it and its directory entry durable.
///
/// The directory is synced before too: a log that was moved away keeps its new name then, whatever becomes
/// of this file, and is not lost under it.
pub(crate) fn create(fs: &dyn FileSystem, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
    fs.sync_directory_of(path)?;
    let file = fs.create_new(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        TryLockError::Error(error) => error,
    })?;
    file.sync_all()?;
    fs.sync_directory_of(path)?;
    Ok(file)
}
