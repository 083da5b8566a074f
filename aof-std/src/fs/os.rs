//! The operating system's files: [`Os`], and [`File`] as a [`FileHandle`].

use super::stat::Stat;
use super::{FileHandle, FileId, FileSystem, Temporary};
use crate::beside;
use crate::sync::{directory_of, sync_data, sync_directory_of};
use std::fmt;
use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Os;

impl FileSystem for Os {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        refuse_pipes(path)?;
        Ok(Arc::new(File::open(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(File::options().read(true).append(true).open(path)?))
    }

    fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(File::options().read(true).write(true).open(path)?))
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(File::options().read(true).append(true).create_new(true).open(path)?))
    }

    fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>> {
        Ok(Box::new(TemporaryFile::create(target)?))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        // Other names stay as they are: their directory may not be one that can be named from its root.
        if path.symlink_metadata()?.is_symlink() { path.canonicalize() } else { Ok(path.to_path_buf()) }
    }

    fn identity(&self, path: &Path) -> io::Result<FileId> {
        Stat::of_path(path).map(|stat| stat.identity)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        sync_directory_of(path)
    }
}

/// Refuses what cannot be read by position. Asked before opening: opening a pipe would wait for somebody to write to
/// it.
fn refuse_pipes(path: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() && !is_block_device(&metadata) {
        let reason = "not a file that can be read by position";
        return Err(io::Error::new(io::ErrorKind::NotSeekable, reason));
    }
    Ok(())
}

#[cfg(unix)]
fn is_block_device(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_block_device(_metadata: &Metadata) -> bool {
    false
}

impl FileHandle for File {
    fn size(&self) -> io::Result<u64> {
        match Stat::of_file(self)?.size {
            Some(size) => Ok(size),
            // A device has a length all the same.
            None => (&*self).seek(SeekFrom::End(0)),
        }
    }

    fn identity(&self) -> io::Result<FileId> {
        Stat::of_file(self).map(|stat| stat.identity)
    }

    #[cfg(unix)]
    fn is_deleted(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        Ok(self.metadata()?.nlink() == 0)
    }

    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(self, bytes, offset)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync_data(&self) -> io::Result<()> {
        sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        File::try_lock(self)
    }

    #[cfg(unix)]
    fn take_mode_of(&self, other: &dyn FileHandle) -> io::Result<()> {
        match other.as_file() {
            Some(other) => keep_mode(self, &other.metadata()?),
            None => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    fn is_hole(&self, from: u64, until: u64) -> bool {
        // Reads name their position, so the one that this moves is nobody's.
        match rustix::fs::seek(self, rustix::fs::SeekFrom::Data(from)) {
            Ok(data) => data >= until,
            // There is no data from there on; any other error says nothing.
            Err(error) => error == rustix::io::Errno::NXIO,
        }
    }

    fn as_file(&self) -> Option<&File> {
        Some(self)
    }
}

/// A [`Temporary`]: a file beside `OUT`, see [`beside`].
#[derive(Debug)]
struct TemporaryFile {
    file: Arc<File>,
    path: TempPath,
    target: PathBuf,
}

/// How often a file that was taken for a leftover is created again.
const CREATED_MAX: u32 = 10;

impl TemporaryFile {
    fn create(target: &Path) -> io::Result<Self> {
        let prefix = beside::prefix(target)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        // A new file has the permissions that any other program would give it, not those of a secret.
        // One that takes the place of a secret is never readable for more people than that.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = replaced(target)?.map_or(0o666, |there| there.permissions().mode() & 0o777);
            builder.permissions(PermissionsExt::from_mode(mode));
        }
        for _ in 0..CREATED_MAX {
            let (file, path) = builder.tempfile_in(directory_of(target))?.into_parts();
            if beside::own(&file, &path) {
                return Ok(Self { file: Arc::new(file), path, target: target.to_path_buf() });
            }
        }
        Err(beside::taken_away())
    }
}

impl Temporary for TemporaryFile {
    fn handle(&self) -> Arc<dyn FileHandle> {
        self.file.clone()
    }

    fn take_mode(&self) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(there) = replaced(&self.target)? {
            keep_mode_of_replaced(&self.file, &there)?;
        }
        Ok(())
    }

    fn persist(self: Box<Self>, replace: bool) -> io::Result<()> {
        let Self { file, path, target } = *self;
        // What appears is what was verified: in a directory that others may write to, a name proves nothing.
        if !beside::is_at(&file, &path)? {
            let _ = path.keep(); // it is somebody else's by now
            return Err(beside::taken_away());
        }
        if replace {
            path.persist(&target)?;
        } else {
            path.persist_noclobber(&target)
                .map_err(|failed| NoExclusiveRename::error(failed.error, &target))?;
        }
        match beside::is_at(&file, &target) {
            Ok(false) => Err(beside::taken_away()),
            // Where the system does not say, it was the right one a moment ago.
            Ok(true) | Err(_) => Ok(()),
        }
    }
}

/// The error of a file system that can neither rename without replacing nor link: without replacing, a new file cannot
/// appear at one moment there. Inside an [`io::Error`].
#[derive(Debug)]
pub struct NoExclusiveRename(io::Error);

impl NoExclusiveRename {
    fn error(error: io::Error, target: &Path) -> io::Error {
        if is_refused(&error) && target.symlink_metadata().is_err() {
            io::Error::new(error.kind(), Self(error))
        } else {
            error
        }
    }
}

impl fmt::Display for NoExclusiveRename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the file system cannot create a file under a name without replacing what may be there: {}",
            self.0
        )
    }
}

impl std::error::Error for NoExclusiveRename {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The file that stands at `target`, or that a link there leads to. What cannot be asked may be private.
#[cfg(unix)]
fn replaced(target: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(target) {
        Ok(there) => Ok(Some(there).filter(Metadata::is_file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the file system does not have what was asked for: modes and owners on SMB, WebDAV and S3, directories that
/// are synced, links.
#[must_use]
pub fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), Unsupported | PermissionDenied | InvalidInput) || is_not_supported(error)
}

/// Whether the system says that there is no such thing, which is no statement about this file.
pub(crate) fn is_not_supported(error: &io::Error) -> bool {
    // EOPNOTSUPP and ENOTSUP; std may not name them.
    let codes: &[i32] = if cfg!(target_os = "linux") { &[95] } else { &[45, 102, 91] };
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
        || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Gives `file` the permissions of another one, and its owner and group where that is permitted. No set-user-id and no
/// set-group-id bit. A file system without modes keeps its own, which is no error.
#[cfg(unix)]
pub(crate) fn keep_mode(file: &File, there: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    set_mode(file, there.mode())?;
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

/// Gives `file` the permissions and the group of the file that it replaces, if that one has the same owner. A file of
/// somebody else says nothing about ours: else whoever may put a file there would decide whose the new one is, and who
/// reads it.
#[cfg(unix)]
pub(crate) fn keep_mode_of_replaced(file: &File, there: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if file.metadata()?.uid() == there.uid() { keep_mode(file, there) } else { Ok(()) }
}

/// Sets the permissions, if they are others. A file system without modes keeps its own, which is no error.
#[cfg(unix)]
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = mode & 0o777;
    if file.metadata()?.permissions().mode() & 0o7777 == mode {
        return Ok(());
    }
    match file.set_permissions(PermissionsExt::from_mode(mode)) {
        Err(error) if !is_refused(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether other machines may write to the file system that `file` is on, or that is not known: a lock of this one says
/// nothing about them.
#[cfg(target_os = "linux")]
pub(crate) fn is_shared(file: &File) -> bool {
    /// NFS, SMB (three numbers), FUSE, 9P, AFS, Ceph, GFS2, OCFS2, Lustre, Coda.
    const SHARED: [u64; 12] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x5346_414f,
        0x00c3_6400,
        0x0116_1970,
        0x7461_636f,
        0x0bd0_0bd0,
        0x7375_7245,
    ];
    #[allow(clippy::cast_lossless, reason = "its type depends on the machine")]
    rustix::fs::fstatfs(file).map_or(true, |told| SHARED.contains(&(told.f_type as u64 & 0xffff_ffff)))
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_shared(_file: &File) -> bool {
    true
}
