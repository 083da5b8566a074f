//! A new directory that appears whole or not at all: [`NewDirectory`].
//!
//! ```text
//! create    .OUT.aof-XXXXXX beside OUT
//! write     files in it, each synced by who writes it
//! commit    fsync the directory -> rename -> fsync the directory that both are in
//! replace   ... rename OUT to .OUT.aof-YYYYYY/replaced -> may it go? -> rename -> fsync -> remove it
//! drop      the temporary directory is removed with all that is in it, OUT is as it was
//! ```
//!
//! No system call that is everywhere exchanges two directories. Where one is replaced, it is moved aside
//! first: a crash between two renames leaves both, the old one under the name `.OUT.aof-YYYYYY/replaced`. It is
//! removed only when the new one is in its place and durable, or else it is back in its own: where neither
//! can be, it is kept, and the error says where ([`Displaced`]).

use crate::beside;
use crate::fs::{FileSystem, Os};
use crate::replace::NotDurable;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A directory in the making, which nobody sees under its name before it is whole and durable.
#[derive(Debug)]
pub struct NewDirectory {
    fs: Arc<dyn FileSystem>,
    temporary: TempDir,
    /// Locked as long as this process has it, where the system can do that.
    own: Option<File>,
    target: PathBuf,
}

impl NewDirectory {
    /// Begins a directory that will be `target`, beside it.
    ///
    /// # Errors
    ///
    /// The operating system's: no such directory, no permission; [`io::ErrorKind::InvalidInput`] where
    /// `target` does not end with a name.
    pub fn create(target: impl AsRef<Path>) -> io::Result<Self> {
        let target = target.as_ref();
        Self::create_on(Arc::new(Os), target)
    }

    /// The same, where directories are synced by `fs`, which can refuse.
    fn create_on(fs: Arc<dyn FileSystem>, target: &Path) -> io::Result<Self> {
        let (temporary, own) = owned_beside(target)?;
        Ok(Self { fs, temporary, own, target: target.to_path_buf() })
    }

    /// Where it is now: files are put here. Whoever writes one has to sync it, before the commit.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Makes the names of its files durable, and then it appears as the target, where nothing may be.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::AlreadyExists`]. The target is as it was, and the temporary
    /// directory is gone, unless the last sync failed ([`NotDurable`]): then the new one is there, and may be
    /// gone after a crash.
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        if self.target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.path(), &self.target)?;
        self.appeared()
    }

    /// The same in the place of a directory that may be there, whose mode it gets. What is there is moved
    /// aside, and then `may_go` looks at it once more: nobody else puts anything there from then on.
    ///
    /// # Errors
    ///
    /// As of [`commit`](Self::commit), and those of `may_go`. Where what was there is neither replaced nor back
    /// in its place, or where the new one may be gone after a crash, it is kept: see [`Displaced`].
    pub fn replace(self, may_go: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let Ok(there) = self.target.symlink_metadata() else { return self.commit() };
        #[cfg(unix)]
        if there.is_dir() {
            crate::fs::keep_mode_of_replaced(&File::open(self.path())?, &there)?;
        }
        #[cfg(not(unix))]
        let _ = there;
        self.sync()?;
        let aside = hidden_beside(&self.target)?;
        let replaced = aside.path().join(REPLACED);
        fs::rename(&self.target, &replaced)?;
        let moved = may_go(&replaced).and_then(|()| fs::rename(self.path(), &self.target));
        if let Err(error) = moved {
            return Err(match fs::rename(&replaced, &self.target) {
                Ok(()) => error,
                Err(_) => Displaced::keep(aside, error),
            });
        }
        self.appeared().map_err(|error| NotDurable::error(Displaced::keep(aside, error)))
    }

    /// Makes the names of its files durable, of the directory that was created and no other.
    fn sync(&self) -> io::Result<()> {
        if let Some(own) = &self.own
            && !beside::is_at(own, self.path())?
        {
            return Err(beside::taken_away());
        }
        self.fs.sync_directory_of(&self.path().join("any"))
    }

    /// It has its name now.
    fn appeared(self) -> io::Result<()> {
        let _ = self.temporary.keep(); // the temporary name is gone
        self.fs.sync_directory_of(&self.target).map_err(NotDurable::error)
    }
}

/// The name of what was moved aside, in a directory of its own.
const REPLACED: &str = beside::MOVED_ASIDE;

/// The error of a [`replace`](NewDirectory::replace) that could not put back what it had moved aside, or that
/// put the new directory into its place and could not make it durable. Nothing was removed. Inside an
/// [`io::Error`], that may be inside a [`NotDurable`].
#[derive(Debug)]
pub struct Displaced {
    /// Where what was there before is now.
    pub kept: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl Displaced {
    fn keep(aside: TempDir, error: io::Error) -> io::Error {
        let kept = aside.keep().join(REPLACED);
        io::Error::new(error.kind(), Self { kept, error })
    }
}

impl fmt::Display for Displaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what was there before is kept as {:?}: {}", self.kept, self.error)
    }
}

impl std::error::Error for Displaced {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// How often a directory that was taken for a leftover is created again.
const CREATED_MAX: u32 = 10;

/// A directory beside `target`, and its lock.
fn owned_beside(target: &Path) -> io::Result<(TempDir, Option<File>)> {
    for _ in 0..CREATED_MAX {
        let directory = hidden_beside(target)?;
        // Not every system opens a directory.
        let Ok(own) = File::open(directory.path()) else { return Ok((directory, None)) };
        if beside::own(&own, directory.path()) {
            return Ok((directory, Some(own)));
        }
        let _ = directory.keep(); // somebody removes it
    }
    Err(beside::taken_away())
}

/// A directory in that of `target`, with its name hidden.
fn hidden_beside(target: &Path) -> io::Result<TempDir> {
    let prefix = beside::prefix(target)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777)); // less what the umask takes
    }
    builder.tempdir_in(crate::sync::directory_of(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{FileHandle, FileId, Temporary};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn names(path: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(path).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// A directory with one file.
    fn directory_with(path: &Path, name: &str) {
        fs::create_dir(path).unwrap();
        fs::write(path.join(name), "1").unwrap();
    }

    fn new_with(target: &Path, name: &str) -> NewDirectory {
        let new = NewDirectory::create(target).unwrap();
        fs::write(new.path().join(name), "1").unwrap();
        new
    }

    #[test]
    fn a_directory_appears_with_all_its_files_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let new = new_with(&target, "a");
        assert!(!target.exists());
        new.commit().unwrap();
        assert_eq!((names(root.path()), names(&target)), (vec!["out".to_owned()], vec!["a".to_owned()]));
    }

    #[test]
    fn a_directory_that_is_dropped_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        drop(new_with(&root.path().join("out"), "a"));
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn what_exists_is_replaced_only_on_demand() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        directory_with(&target, "old");
        let error = NewDirectory::create(&target).unwrap().commit().unwrap_err();
        assert_eq!((error.kind(), names(&target)), (io::ErrorKind::AlreadyExists, vec!["old".to_owned()]));
        new_with(&target, "new").replace(|_| Ok(())).unwrap();
        assert_eq!((names(root.path()), names(&target)), (vec!["out".to_owned()], vec!["new".to_owned()]));
    }

    #[test]
    fn what_may_not_go_is_put_back() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        directory_with(&target, "old");
        let look = |replaced: &Path| {
            assert_eq!(names(replaced), ["old"]);
            Err(io::ErrorKind::DirectoryNotEmpty.into())
        };
        let error = new_with(&target, "new").replace(look).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!((names(root.path()), names(&target)), (vec!["out".to_owned()], vec!["old".to_owned()]));
    }

    /// Two commands replace one directory at a time: the second one's takes the place that the first one has
    /// just made free, so the first can neither put its own there nor put back what it moved aside. It then
    /// removed it.
    #[test]
    fn what_can_neither_be_replaced_nor_put_back_is_kept_and_named() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        directory_with(&target, "old");
        let other = |_: &Path| {
            directory_with(&target, "other");
            Ok(())
        };
        let error = new_with(&target, "new").replace(other).unwrap_err();
        let displaced = error.get_ref().unwrap().downcast_ref::<Displaced>().unwrap();
        assert_eq!(
            (names(&displaced.kept), names(&target)),
            (vec!["old".to_owned()], vec!["other".to_owned()])
        );
        assert!(error.to_string().contains("replaced"), "{error}");
    }

    /// A system whose directories cannot be synced any more, after some times that they can.
    #[derive(Debug)]
    struct Unsynced(AtomicU32);

    impl FileSystem for Unsynced {
        fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
            let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            left.map_err(|_| io::Error::other("no sync"))?;
            Os.sync_directory_of(path)
        }

        fn open(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
            Os.open(path)
        }

        fn open_append(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
            Os.open_append(path)
        }

        fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
            Os.open_rewrite(path)
        }

        fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
            Os.create_new(path)
        }

        fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>> {
            Os.create_beside(target)
        }

        fn identity(&self, path: &Path) -> io::Result<FileId> {
            Os.identity(path)
        }
    }

    #[test]
    fn what_is_replaced_is_kept_where_the_new_one_is_not_durable() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        directory_with(&target, "old");
        for (syncs, expected) in [(0, "old"), (1, "new")] {
            let fs = Arc::new(Unsynced(AtomicU32::new(syncs)));
            let new = NewDirectory::create_on(fs, &target).unwrap();
            fs::write(new.path().join("new"), "1").unwrap();
            let error = new.replace(|_| Ok(())).unwrap_err();
            assert_eq!(names(&target), [expected], "{syncs}");
            let inner = error.get_ref().unwrap();
            assert_eq!(inner.is::<NotDurable>(), syncs == 1, "{error}");
            let kept: Vec<String> = names(root.path()).into_iter().filter(|name| name != "out").collect();
            if let [kept] = kept.as_slice() {
                assert_eq!(names(&root.path().join(kept).join(REPLACED)), ["old"]);
                assert!(error.to_string().contains(kept.as_str()), "{error}");
            } else {
                assert_eq!((kept.len(), syncs), (0, 0), "nothing was moved yet");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_gets_the_mode_of_the_one_that_it_replaces() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        directory_with(&target, "old");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o710)).unwrap();
        new_with(&target, "new").replace(|_| Ok(())).unwrap();
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o710);
    }
}
