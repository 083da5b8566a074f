//! Which system call means durable. See the table in the [crate's documentation](crate).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Makes a file's data, and its size where that changed, durable.
///
/// # Errors
///
/// The operating system's. After one, nothing is known of what should have been made durable, and a
/// later success says nothing about it.
pub fn sync_data(file: &File) -> io::Result<()> {
    // On Apple's systems std asks for F_FULLFSYNC, the only call that reaches the medium there.
    file.sync_data()
}

/// Makes the entry of `path` in its directory durable: after creating, renaming or removing it.
///
/// A file system that cannot sync a directory (`EINVAL`, `ENOTSUP`: some of SMB, FUSE and Windows' own) is no error:
/// nothing more can be done there, and [`unsynced_directories`] names the directory.
///
/// # Errors
///
/// The operating system's. On Windows nothing is done: a directory cannot be synced there.
pub fn sync_directory_of(path: &Path) -> io::Result<()> {
    #[cfg(windows)]
    {
        let _ = path;
        Ok(())
    }
    #[cfg(not(windows))]
    {
        let directory = directory_of(path);
        match File::open(directory)?.sync_all() {
            Err(error) if crate::fs::is_not_supported(&error) => {
                note_unsynced(directory);
                Ok(())
            }
            synced => synced,
        }
    }
}

/// Directories that could not be synced since their file system cannot do that.
static UNSYNCED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// So many of them are kept.
const UNSYNCED_MAX: usize = 100;

#[cfg(not(windows))]
fn note_unsynced(directory: &Path) {
    let mut unsynced = UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner);
    if unsynced.len() < UNSYNCED_MAX && !unsynced.iter().any(|known| known == directory) {
        unsynced.push(directory.to_path_buf());
    }
}

/// The directories in which this process has created, renamed or removed a file, and that their file system cannot
/// sync: whether such a change outlives a power cut is up to that file system. The first 100.
#[must_use]
pub fn unsynced_directories() -> Vec<PathBuf> {
    UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The directory that holds `path`; `.` for a bare file name.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_of_a_bare_name_is_the_current_one() {
        assert_eq!(directory_of(Path::new("a.aof")), Path::new("."));
        assert_eq!(directory_of(Path::new("d/a.aof")), Path::new("d"));
        assert_eq!(directory_of(Path::new("/a.aof")), Path::new("/"));
    }
}
