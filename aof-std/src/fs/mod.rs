//! What this crate asks of an operating system: [`FileSystem`]. [`Os`] is the real one.
//!
//! ```text
//!   LogFile   Source   NewFile        what to do, in which order
//!        \       |       /
//!         FileSystem, FileHandle      which calls there are, and what each promises
//!           /             \
//!         Os        a simulated disk  (tests: loses, tears, refuses)
//! ```
//!
//! The traits are the seam for faults: every call that can fail, or that a power cut can undo, goes through
//! them, and the order of the calls is decided above them. So what a test runs over a simulated disk is the
//! code that runs over the real one. Calls cost a virtual call each, beside a system call.
//!
//! # What a power cut may take
//!
//! What an implementation has to promise, and no more than it:
//!
//! | written | is durable after | before that a power cut |
//! |---|---|---|
//! | a file's bytes and length | [`FileHandle::sync_data`] or [`sync_all`](FileHandle::sync_all) | keeps any part of it, in any order, or puts garbage in its place; bytes that were durable and not written again stay |
//! | a file's existence under a name | [`sync_all`](FileHandle::sync_all) of the file, then [`FileSystem::sync_directory_of`] | leaves the old name, the new one, or none |
//!
//! After a sync that *failed* nothing is known of what it should have made durable, and a later one that
//! succeeds says nothing about it: on Linux the pages that could not be written count as clean.

mod os;
mod stat;

#[cfg(unix)]
pub(crate) use os::keep_mode_of_replaced;
pub use os::{NoExclusiveRename, Os, is_refused};
pub(crate) use os::{is_not_supported, is_shared};

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which file it is, whatever its names: equal for two handles of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(pub u64, pub u64);

/// A file that is open. Shared between threads.
pub trait FileHandle: fmt::Debug + Send + Sync {
    /// Its length now, bytes.
    ///
    /// # Errors
    ///
    /// The system's.
    fn size(&self) -> io::Result<u64>;

    /// Which file it is.
    ///
    /// # Errors
    ///
    /// The system's.
    fn identity(&self) -> io::Result<FileId>;

    /// Whether no name leads to it any more: it is gone when the last handle is. False where the system does
    /// not tell.
    ///
    /// # Errors
    ///
    /// The system's.
    fn is_deleted(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Reads at `offset`, as much as comes; 0 at the end.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::Interrupted`]: try again.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The same until `buffer` is full or the file ends: gives how much there was.
    ///
    /// # Errors
    ///
    /// The system's.
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    /// Writes behind the file's end, wherever that is by now: as much as is taken.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::Interrupted`]: nothing was written, try again.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes at `offset`. For a handle of [`FileSystem::open_rewrite`].
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Appends all of `bytes`.
    ///
    /// # Errors
    ///
    /// The system's; a part may have been written then.
    fn append_all(&self, bytes: &[u8]) -> io::Result<()> {
        write_all(bytes, |rest, _| self.append(rest))
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`append_all`](Self::append_all).
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all(bytes, |rest, written| self.write_at(rest, offset.saturating_add(written)))
    }

    /// Cuts the file, or makes it longer by zeros.
    ///
    /// # Errors
    ///
    /// The system's.
    fn set_size(&self, size: u64) -> io::Result<()>;

    /// Makes the file's bytes durable, and its length.
    ///
    /// # Errors
    ///
    /// The system's. Nothing is known after one; it must not be tried again.
    fn sync_data(&self) -> io::Result<()>;

    /// The same, and all else about the file.
    ///
    /// # Errors
    ///
    /// As [`sync_data`](Self::sync_data).
    fn sync_all(&self) -> io::Result<()>;

    /// Locks the file for this handle, until it is dropped.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`]: another handle has it.
    fn try_lock(&self) -> Result<(), TryLockError>;

    /// Gives this file the permissions of `other`, and its owner where that is permitted. Where the file system has no
    /// modes it keeps its own.
    ///
    /// # Errors
    ///
    /// The system's.
    fn take_mode_of(&self, other: &dyn FileHandle) -> io::Result<()> {
        let _ = other;
        Ok(())
    }

    /// Whether nothing was ever written to these bytes, as far as the system can tell: they are zeros and
    /// need not be read.
    fn is_hole(&self, from: u64, until: u64) -> bool {
        let _ = (from, until);
        false
    }

    /// The operating system's file, if it is one.
    fn as_file(&self) -> Option<&File> {
        None
    }
}

/// Writes all of `bytes` by a call that takes the rest, and how much is written before it, and may write
/// less.
fn write_all(bytes: &[u8], mut write: impl FnMut(&[u8], u64) -> io::Result<usize>) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match write(rest, (bytes.len() - rest.len()) as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(size) => rest = rest.get(size..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file in the making beside the place where it shall appear. Dropped before
/// [`persist`](Self::persist) it is removed.
pub trait Temporary: fmt::Debug + Send {
    /// The file, open for reading and [`append`](FileHandle::append)ing.
    fn handle(&self) -> Arc<dyn FileHandle>;

    /// Gives the file the permissions of the one that it will replace, if there is one and it has the same owner; its
    /// group too, where that is permitted. Where the file system has no modes it keeps its own.
    ///
    /// # Errors
    ///
    /// The system's.
    fn take_mode(&self) -> io::Result<()>;

    /// Lets the file appear in its place, at one moment; it is not synced by this. With `replace` in the
    /// place of another.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::AlreadyExists`]. The file is gone then.
    fn persist(self: Box<Self>, replace: bool) -> io::Result<()>;
}

/// Files by their names.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Opens an existing file for reading.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::IsADirectory`], and [`io::ErrorKind::NotSeekable`] for what cannot be
    /// read by position.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>>;

    /// Opens an existing file for reading and appending.
    ///
    /// # Errors
    ///
    /// The system's.
    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>>;

    /// Opens an existing file for reading and for writing at positions.
    ///
    /// # Errors
    ///
    /// The system's.
    fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>>;

    /// Creates a file for reading and appending.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::AlreadyExists`].
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>>;

    /// Creates a file in `target`'s directory, under a name of its own.
    ///
    /// # Errors
    ///
    /// The system's: no such directory, no permission.
    fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>>;

    /// The file's own name where `path` is a link: what is put beside it has to be in its directory.
    ///
    /// # Errors
    ///
    /// The system's: a link that leads nowhere.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }

    /// Which file has the name `path`.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::NotFound`] where nothing has that name.
    fn identity(&self, path: &Path) -> io::Result<FileId>;

    /// Makes the entry of `path` in its directory durable: after creating, renaming or removing it.
    ///
    /// # Errors
    ///
    /// The system's. Nothing is known after one.
    fn sync_directory_of(&self, path: &Path) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A file whose calls are interrupted every second time, and else take three bytes at most; as a full disk does,
    /// it takes none beyond `room`.
    #[derive(Debug)]
    struct Sluggish {
        bytes: Mutex<Vec<u8>>,
        room: usize,
        calls: Mutex<u32>,
    }

    impl Sluggish {
        fn new(bytes: &[u8], room: usize) -> Self {
            Self { bytes: Mutex::new(bytes.to_vec()), room, calls: Mutex::new(0) }
        }

        fn call(&self) -> io::Result<()> {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            if *calls % 2 == 1 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        }
    }

    impl FileHandle for Sluggish {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.call()?;
            let bytes = self.bytes.lock().unwrap();
            let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            let size = rest.len().min(buffer.len()).min(3);
            buffer[..size].copy_from_slice(&rest[..size]);
            Ok(size)
        }

        fn append(&self, bytes: &[u8]) -> io::Result<usize> {
            self.write_at(bytes, self.size()?)
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.call()?;
            let offset = usize::try_from(offset).unwrap();
            let size = bytes.len().min(3).min(self.room.saturating_sub(offset));
            let mut there = self.bytes.lock().unwrap();
            let end = there.len().max(offset + size);
            there.resize(end, 0);
            there[offset..offset + size].copy_from_slice(&bytes[..size]);
            Ok(size)
        }

        fn size(&self) -> io::Result<u64> {
            Ok(self.bytes.lock().unwrap().len() as u64)
        }

        fn identity(&self) -> io::Result<FileId> {
            Ok(FileId(0, 0))
        }

        fn set_size(&self, _size: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn sync_all(&self) -> io::Result<()> {
            Ok(())
        }

        fn try_lock(&self) -> Result<(), TryLockError> {
            Ok(())
        }
    }

    #[test]
    fn short_and_interrupted_calls_are_made_again_until_all_is_done() {
        let file = Sluggish::new(b"0123456789", usize::MAX);
        let mut buffer = [0; 8];
        assert_eq!((file.read_full_at(&mut buffer, 1).unwrap(), &buffer), (8, b"12345678"));
        assert_eq!(file.read_full_at(&mut buffer, 6).unwrap(), 4, "the file ends");
        assert_eq!(
            (file.read_full_at(&mut buffer, 10).unwrap(), file.read_full_at(&mut [], 0).unwrap()),
            (0, 0)
        );
        file.write_all_at(b"abcdefg", 2).unwrap();
        file.append_all(b"hijkl").unwrap();
        assert_eq!(*file.bytes.lock().unwrap(), b"01abcdefg9hijkl");
    }

    #[test]
    fn call_that_takes_nothing_is_an_error_and_no_endless_loop() {
        let file = Sluggish::new(b"0123", 6);
        assert_eq!(file.append_all(b"abcd").unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert_eq!(*file.bytes.lock().unwrap(), b"0123ab");
        assert_eq!(file.write_all_at(b"xyz", 4).unwrap_err().kind(), io::ErrorKind::WriteZero);
        file.write_all_at(b"", 6).unwrap();
    }
}
