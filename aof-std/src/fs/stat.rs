//! Which file it is and how long: [`Stat`], asked for without the file's times.
//!
//! On Linux, from 6.13 on, a file whose times were asked for gets a new one by its next write, however soon that is
//! ("multigrain timestamps"). The file system has to write that too, so a log that is looked at after each sync, and does
//! not grow by the next write, would cost the disk one request more at each: a quarter of its syncs a second.

use super::FileId;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// What is asked of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) identity: FileId,
    /// Bytes; nothing for what is no file: a device's are not told.
    pub(super) size: Option<u64>,
}

impl Stat {
    /// Of the file with the name `path`.
    pub(super) fn of_path(path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(stat) = linux::ask(rustix::fs::CWD, path, rustix::fs::AtFlags::empty())? {
            return Ok(stat);
        }
        Self::of(&std::fs::metadata(path)?)
    }

    /// Of a file that is open.
    pub(super) fn of_file(file: &File) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(stat) = linux::ask(file, "", rustix::fs::AtFlags::EMPTY_PATH)? {
            return Ok(stat);
        }
        Self::of(&file.metadata()?)
    }

    fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { identity: identity(metadata)?, size: metadata.is_file().then_some(metadata.len()) })
    }
}

/// Device and inode.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems may not tell")]
fn identity(metadata: &Metadata) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt;
    Ok(FileId(metadata.dev(), metadata.ino()))
}

/// When it was created: as far as can be told. A file that is open cannot be moved away here.
#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> io::Result<FileId> {
    let since = metadata.created()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(FileId(since.as_secs(), since.subsec_nanos().into()))
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{FileId, Stat};
    use rustix::fs::{AtFlags, FileType, StatxFlags, makedev, statx};
    use rustix::io::Errno;
    use rustix::path::Arg;
    use std::io;
    use std::os::fd::AsFd;

    const ASKED: StatxFlags = StatxFlags::TYPE.union(StatxFlags::INO).union(StatxFlags::SIZE);

    /// Nothing where the system cannot be asked so: before Linux 4.11, and in some containers.
    pub(super) fn ask(directory: impl AsFd, path: impl Arg, flags: AtFlags) -> io::Result<Option<Stat>> {
        let told = match statx(directory, path, flags, ASKED) {
            Ok(told) => told,
            Err(Errno::NOSYS) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !StatxFlags::from_bits_retain(told.stx_mask).contains(ASKED) {
            return Ok(None);
        }
        let is_file = FileType::from_raw_mode(told.stx_mode.into()).is_file();
        let identity = FileId(makedev(told.stx_dev_major, told.stx_dev_minor), told.stx_ino);
        Ok(Some(Stat { identity, size: is_file.then_some(told.stx_size) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_the_metadata_tell() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("log"), directory.path().join("link"));
        std::fs::write(&path, [7; 1234]).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = File::open(&path).unwrap();
        let told = Stat::of_file(&file).unwrap();
        assert_eq!(told.size, Some(1234));
        assert_eq!(told, Stat::of(&file.metadata().unwrap()).unwrap());
        assert_eq!(told, Stat::of_path(&path).unwrap());
        #[cfg(unix)]
        assert_eq!(told, Stat::of_path(&link).unwrap());
        let of_directory = Stat::of_path(directory.path()).unwrap();
        assert_eq!(of_directory, Stat::of(&directory.path().metadata().unwrap()).unwrap());
        assert_eq!(of_directory.size, None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(told, Stat::of_file(&file).unwrap());
        for path in [&path, &link] {
            assert_eq!(Stat::of_path(path).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }
}
