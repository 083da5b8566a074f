//! The real file system, with a test looking at each call that changes something: [`Disk`].

use aof_std::fs::{FileHandle, FileId, FileSystem, Os, Temporary};
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a test does at the calls that it is about: carry them out, fail, take less, count. All others are passed on.
pub(crate) trait Calls: Clone + Debug + Send + Sync + 'static {
    fn append(&self, file: &Handle<Self>, bytes: &[u8]) -> io::Result<usize> {
        file.inner.append(bytes)
    }

    fn write_at(&self, file: &Handle<Self>, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.inner.write_at(bytes, offset)
    }

    fn set_size(&self, file: &Handle<Self>, size: u64) -> io::Result<()> {
        file.inner.set_size(size)
    }

    fn sync_data(&self, file: &Handle<Self>) -> io::Result<()> {
        file.inner.sync_data()
    }

    fn sync_all(&self, file: &Handle<Self>) -> io::Result<()> {
        file.inner.sync_all()
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

    fn persist(&self, new: Box<dyn Temporary>, replace: bool) -> io::Result<()> {
        new.persist(replace)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        Os.sync_directory_of(path)
    }
}

/// The real file system, its calls looked at by `C`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk<C>(pub(crate) C);

/// A file of a [`Disk`].
#[derive(Debug)]
pub(crate) struct Handle<C> {
    calls: C,
    /// A log, or what is in the making beside one.
    pub(crate) name: &'static str,
    pub(crate) inner: Arc<dyn FileHandle>,
}

impl<C: Calls> Disk<C> {
    fn log(&self, inner: io::Result<Arc<dyn FileHandle>>) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(Handle { calls: self.0.clone(), name: "log", inner: inner? }))
    }
}

impl<C: Calls> FileSystem for Disk<C> {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        Os.open(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.log(Os.open_append(path))
    }

    fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.log(self.0.open_rewrite(path))
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.log(self.0.create_new(path))
    }

    fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>> {
        Ok(Box::new(New { calls: self.0.clone(), inner: self.0.create_beside(target)? }))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Os.resolve(path)
    }

    fn identity(&self, path: &Path) -> io::Result<FileId> {
        Os.identity(path)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        self.0.sync_directory_of(path)
    }
}

impl<C: Calls> FileHandle for Handle<C> {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn identity(&self) -> io::Result<FileId> {
        self.inner.identity()
    }

    fn is_deleted(&self) -> io::Result<bool> {
        self.inner.is_deleted()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.append(self, bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.calls.write_at(self, bytes, offset)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.calls.set_size(self, size)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.calls.sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.calls.sync_all(self)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        self.inner.try_lock()
    }

    fn take_mode_of(&self, other: &dyn FileHandle) -> io::Result<()> {
        self.inner.take_mode_of(other)
    }

    fn is_hole(&self, from: u64, until: u64) -> bool {
        self.inner.is_hole(from, until)
    }

    fn as_file(&self) -> Option<&File> {
        self.inner.as_file()
    }
}

#[derive(Debug)]
struct New<C> {
    calls: C,
    inner: Box<dyn Temporary>,
}

impl<C: Calls> Temporary for New<C> {
    fn handle(&self) -> Arc<dyn FileHandle> {
        Arc::new(Handle { calls: self.calls.clone(), name: "kept", inner: self.inner.handle() })
    }

    fn take_mode(&self) -> io::Result<()> {
        self.inner.take_mode()
    }

    fn persist(self: Box<Self>, replace: bool) -> io::Result<()> {
        self.calls.persist(self.inner, replace)
    }
}
