//! Which system call means durable. See the table in the [crate's documentation](crate).

use std::fs::File;
use std::io;
use std::path::Path;

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
    File::open(directory_of(path))?.sync_all()
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
