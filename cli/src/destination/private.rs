//! An output as private as its inputs: who may not read a log shall not read its rows. [`Privacy`].
//!
//! An output gets what any new file gets, less what one of the inputs does not permit; the owner and the group
//! of the inputs, where they all have the same and the system allows it. Its owner can always read and write
//! it. Where it replaces something of the same owner, it gets that one's mode in the end: whoever chose it has had
//! reasons. What somebody else's file permits says nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What the inputs permit.
#[derive(Debug)]
pub struct Privacy {
    /// The first input: whose it is.
    #[cfg(unix)]
    first: std::sync::Arc<dyn aof_std::fs::FileHandle>,
    /// Whether the others have the same owner and group.
    #[cfg(unix)]
    is_same_owner: bool,
    /// The mode that all permit.
    #[cfg(unix)]
    mode: u32,
}

#[cfg(unix)]
mod unix {
    use super::{File, Path, PathBuf, Privacy, io};
    use aof_std::fs::{FileHandle, FileSystem, Os, is_refused};
    use std::fs::{Metadata, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    /// What the owner may do in any case: otherwise nobody could write it.
    const OWNER: u32 = 0o600;

    fn owner(metadata: &Metadata) -> (u32, u32) {
        (metadata.uid(), metadata.gid())
    }

    impl Privacy {
        /// What these inputs permit. The error comes with the input that cannot be read.
        ///
        /// # Errors
        ///
        /// The operating system's.
        pub fn of(inputs: &[PathBuf]) -> Result<Self, (&Path, io::Error)> {
            let mut all: Option<Self> = None;
            for path in inputs {
                let failed = |error| (path.as_path(), error);
                let there = path.metadata().map_err(failed)?;
                if let Some(all) = &mut all {
                    all.mode &= there.mode();
                    all.is_same_owner &= owner(&all.whose().map_err(failed)?) == owner(&there);
                } else {
                    let first = Os.open(path).map_err(failed)?;
                    all = Some(Self { first, is_same_owner: true, mode: there.mode() & 0o777 });
                }
            }
            all.ok_or((Path::new(""), io::ErrorKind::NotFound.into()))
        }

        fn whose(&self) -> io::Result<Metadata> {
            self.first.as_file().ok_or(io::ErrorKind::Unsupported)?.metadata()
        }

        /// Makes a new file as private. False where the file system does not take the mode (SMB, WebDAV, S3) and has given
        /// it to more people.
        ///
        /// # Errors
        ///
        /// The operating system's.
        pub fn file(&self, file: &File) -> io::Result<bool> {
            let fresh = file.metadata()?.mode() & 0o777;
            if self.is_same_owner {
                FileHandle::take_mode_of(file, &*self.first)?;
            }
            let mut mode = self.mode & fresh;
            if !self.is_same_owner || file.metadata()?.gid() != self.whose()?.gid() {
                mode &= 0o707 | (mode & 0o7) << 3; // another group has the rights of others
            }
            set(file, mode | OWNER)
        }

        /// Makes a new directory as private: who may read its files may enter it.
        ///
        /// # Errors
        ///
        /// The operating system's.
        pub fn directory(&self, path: &Path) -> io::Result<bool> {
            let directory = File::open(path)?;
            let fresh = directory.metadata()?.mode() & 0o777;
            self.file(&directory)?;
            let mode = directory.metadata()?.mode() & 0o777;
            let enter = (mode & 0o444) >> 2 & fresh;
            set(&directory, mode | enter | 0o700)
        }
    }

    /// Sets a mode that differs. Whether nobody else may do more than it permits.
    fn set(file: &File, mode: u32) -> io::Result<bool> {
        let there = || file.metadata().map(|metadata| metadata.mode());
        if there()? & 0o7777 == mode {
            return Ok(true);
        }
        match file.set_permissions(Permissions::from_mode(mode)) {
            Ok(()) => Ok(true),
            Err(error) if is_refused(&error) => Ok(there()? & 0o777 & !mode == 0),
            Err(error) => Err(error),
        }
    }
}

#[cfg(not(unix))]
impl Privacy {
    /// Nothing: a new file has the rights of its directory.
    ///
    /// # Errors
    ///
    /// None.
    pub fn of(_inputs: &[PathBuf]) -> Result<Self, (&Path, io::Error)> {
        Ok(Self {})
    }

    /// Nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn file(&self, _file: &File) -> io::Result<bool> {
        Ok(true)
    }

    /// Nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn directory(&self, _path: &Path) -> io::Result<bool> {
        Ok(true)
    }
}
