//! The operating system's files: [`Os`], and [`File`] as a [`FileHandle`].

use super::stat::Stat;
use super::{FileHandle, FileId, FileSystem, Temporary};
use crate::sync::{directory_of, sync_data, sync_directory_of};
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
        // Asked before opening: opening a pipe would wait for somebody to write to it.
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() && !is_block_device(&metadata) {
            let reason = "not a file that can be read by position";
            return Err(io::Error::new(io::ErrorKind::NotSeekable, reason));
        }
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

/// A [`Temporary`]: `.OUT.aof-XXXXXX` in the directory of `OUT`.
#[derive(Debug)]
struct TemporaryFile {
    file: Arc<File>,
    path: TempPath,
    target: PathBuf,
}

impl TemporaryFile {
    fn create(target: &Path) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".aof-");
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
        let (file, path) = builder.tempfile_in(directory_of(target))?.into_parts();
        Ok(Self { file: Arc::new(file), path, target: target.to_path_buf() })
    }
}

impl Temporary for TemporaryFile {
    fn handle(&self) -> Arc<dyn FileHandle> {
        self.file.clone()
    }

    fn take_mode(&self) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(there) = replaced(&self.target)? {
            keep_mode(&self.file, &there)?;
        }
        Ok(())
    }

    fn persist(self: Box<Self>, replace: bool) -> io::Result<()> {
        let Self { path, target, .. } = *self;
        let persisted = if replace { path.persist(&target) } else { path.persist_noclobber(&target) };
        Ok(persisted?)
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

/// Gives `file` the mode of the file that it replaces, and its owner and group.
#[cfg(unix)]
pub(crate) fn keep_mode(file: &File, there: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    file.set_permissions(there.permissions())?;
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
