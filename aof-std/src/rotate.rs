//! Rotation: the operator moves the log file away, and the writer begins a new one.
//!
//! Looked at after each checkpoint, as replicas do. A file that somebody else put in the log's place is
//! not written to: moving it away lets the writer begin its own.
//!
//! A log that was *deleted* is no rotation: what a checkpoint would call durable is nowhere. The same where it
//! was moved to another file system, which is to copy it and then to delete it: nobody knows whether the copy
//! has the last entries. So the checkpoint fails.

use crate::fs::{FileHandle, FileSystem};
use std::fmt;
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
    let same = is_same(fs, path, file);
    // Asked behind the look at the path: what made the path another one has been done by now.
    if !matches!(same, Ok(true)) && file.is_deleted()? {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the log file was deleted, or moved to another file system, while it was being written: entries \
             since the last checkpoint may be lost",
        ));
    }
    match same {
        Ok(true) => Ok((Rotation::None, None)),
        Ok(false) => Ok((Rotation::Replaced, None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(fs, path) {
            Ok(new) => Ok((Rotation::Created, Some(new))),
            // Somebody was faster: in creating it, or in locking what was created here.
            Err(error) if is_taken(&error) => Ok((Rotation::Replaced, None)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Whether another process has the place: its file is there, or it locked the new file in the moment between
/// its creation and its locking.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock)
}

/// Whether `path` names `file`.
pub(crate) fn is_same(fs: &dyn FileSystem, path: &Path, file: &dyn FileHandle) -> io::Result<bool> {
    Ok(fs.identity(path)? == file.identity()?)
}

/// Opens `file`, which was opened at `path`, once more, for writing at positions.
pub(crate) fn open_rewrite(
    fs: &dyn FileSystem,
    path: &Path,
    file: &dyn FileHandle,
) -> io::Result<Arc<dyn FileHandle>> {
    let again = fs.open_rewrite(path)?;
    if again.identity()? == file.identity()? {
        return Ok(again);
    }
    // What stands there now is somebody else's, and must not be written to.
    Err(io::Error::new(io::ErrorKind::NotFound, "the log file was moved away while it was being opened"))
}

/// Locks `file`; distinguishes a file system without locks from a file that cannot be read.
fn try_lock(file: &dyn FileHandle) -> Result<(), TryLockError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => TryLockError::WouldBlock,
        TryLockError::Error(error) => TryLockError::Error(io::Error::new(error.kind(), LockRefused(error))),
    })
}

/// The error of a log that the file system refuses to lock (NFS without its lock service, some FUSE mounts). Without a
/// lock nothing is written. Inside an [`io::Error`].
#[derive(Debug)]
pub struct LockRefused(io::Error);

impl fmt::Display for LockRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0.to_string();
        let reason = error.split(" (os error").next().unwrap_or(&error);
        write!(
            f,
            "the file system refuses to lock it ({reason}), and without a lock no log is written: it can be read, and \
             copied to a file system that has locks"
        )
    }
}

impl std::error::Error for LockRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Locks `file`, which was opened at `path`; refuses if it was moved away meanwhile.
pub(crate) fn lock(fs: &dyn FileSystem, path: &Path, file: &dyn FileHandle) -> Result<(), TryLockError> {
    try_lock(file)?;
    match is_same(fs, path, file) {
        Ok(true) => Ok(()),
        // Whoever moved it begins a new one there.
        Ok(false) => Err(TryLockError::WouldBlock),
        Err(error) => Err(TryLockError::Error(error)),
    }
}

/// Creates a log file: locked, and it and its directory entry durable.
///
/// The directory is synced before too: a log that was moved away keeps its new name then, whatever becomes
/// of this file, and is not lost under it.
pub(crate) fn create(fs: &dyn FileSystem, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
    fs.sync_directory_of(path)?;
    let file = fs.create_new(path)?;
    try_lock(&*file)?;
    // Another process may have opened it before it was locked, written to it, and ended.
    if file.size()? > 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    file.sync_all()?;
    fs.sync_directory_of(path)?;
    Ok(file)
}
