//! A new directory that appears whole or not at all: [`NewDirectory`].
//!
//! ```text
//! create   .OUT.aof-XXXXXX beside OUT
//! write    files in it
//! commit   fsync each file and the directory -> rename -> fsync the directory that both are in
//! drop     the temporary directory is removed with all that is in it, OUT is as it was
//! ```
//!
//! No system call that is everywhere exchanges two directories. Where one is replaced, it is moved aside
//! first: a crash between two renames leaves both, the old one under the name `.OUT.aof-XXXXXX/replaced`.

use crate::fs::{FileSystem, Os};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory in the making, which nobody sees under its name before it is whole and durable.
#[derive(Debug)]
pub struct NewDirectory {
    temporary: TempDir,
    target: PathBuf,
}

impl NewDirectory {
    /// Begins a directory that will be `target`, beside it.
    ///
    /// # Errors
    ///
    /// The operating system's: no such directory, no permission; [`io::ErrorKind::InvalidInput`] where
    /// `target` does not end with a name.
    pub fn create(target: &Path) -> io::Result<Self> {
        Ok(Self { temporary: beside(target)?, target: target.to_path_buf() })
    }

    /// Where it is now: files are put here.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Makes it and its files durable, and then appear as the target. With `replace` what is there goes.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::AlreadyExists`]. The target is as it was, and the temporary
    /// directory is gone, unless the last sync failed: then the new one is there, and may be gone after a
    /// crash.
    pub fn commit(self, replace: bool) -> io::Result<()> {
        for entry in fs::read_dir(self.path())? {
            File::open(entry?.path())?.sync_all()?;
        }
        Os.sync_directory_of(&self.path().join("any"))?;
        let exists = self.target.symlink_metadata().is_ok();
        if exists && !replace {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let aside = if exists { Some(self.move_aside()?) } else { None };
        if let Err(error) = fs::rename(self.path(), &self.target) {
            if let Some(aside) = aside {
                fs::rename(aside.path().join(REPLACED), &self.target)?;
            }
            return Err(error);
        }
        let _ = self.temporary.keep(); // it has another name now
        Os.sync_directory_of(&self.target)
    }

    /// Moves what is there into a directory that is removed when it is dropped.
    fn move_aside(&self) -> io::Result<TempDir> {
        let aside = beside(&self.target)?;
        fs::rename(&self.target, aside.path().join(REPLACED))?;
        Ok(aside)
    }
}

const REPLACED: &str = "replaced";

/// A directory in that of `target`, with its name hidden.
fn beside(target: &Path) -> io::Result<TempDir> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".aof-");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777)); // less what the umask takes
        builder.tempdir_in(parent)
    }
    #[cfg(not(unix))]
    builder.tempdir_in(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(path).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_appears_with_all_its_files_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let new = NewDirectory::create(&target).unwrap();
        fs::write(new.path().join("a"), "1").unwrap();
        assert!(!target.exists());
        new.commit(false).unwrap();
        assert_eq!((names(root.path()), names(&target)), (vec!["out".to_owned()], vec!["a".to_owned()]));
    }

    #[test]
    fn a_directory_that_is_dropped_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let new = NewDirectory::create(&root.path().join("out")).unwrap();
        fs::write(new.path().join("a"), "1").unwrap();
        drop(new);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn what_exists_is_replaced_only_on_demand() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("old"), "1").unwrap();
        let error = NewDirectory::create(&target).unwrap().commit(false).unwrap_err();
        assert_eq!((error.kind(), names(&target)), (io::ErrorKind::AlreadyExists, vec!["old".to_owned()]));
        let new = NewDirectory::create(&target).unwrap();
        fs::write(new.path().join("new"), "1").unwrap();
        new.commit(true).unwrap();
        assert_eq!((names(root.path()), names(&target)), (vec!["out".to_owned()], vec!["new".to_owned()]));
    }
}
