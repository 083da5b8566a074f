//! A file system in memory whose power can be cut, and whose calls can fail: [`Disk`].
//!
//! One directory. Before each call that changes something, and in the middle of each write, a picture of
//! the disk is taken: those are the moments at which a power cut makes a difference. Pictures are taken with
//! the [`Ledger`], which says what was acknowledged by then.

use crate::files::check::{LOG, is_zero};
use crate::files::content::Content;
use crate::files::faults::{Fault, Faults};
use crate::files::ledger::Ledger;
use crate::files::loss::{self, Cut};
use crate::files::mutant::Mutant;
use crate::files::names::{Directory, Inode};
use aof_std::fs::{FileHandle, FileId, FileSystem, Temporary};
use aof_tests::random::Random;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is on a disk.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    files: Vec<Content>,
    names: Directory,
    /// What was acknowledged.
    pub ledger: Ledger,
}

impl Picture {
    /// All names and what their files hold, in the names' order.
    pub fn files(&self) -> impl Iterator<Item = (&Path, Inode, &[u8])> {
        self.names.iter().map(|(path, inode)| (path, inode, self.content(inode)))
    }

    /// What the file of that name holds.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        self.names.get(path).map(|inode| self.content(inode))
    }

    /// What a file holds, whatever its name.
    #[must_use]
    pub fn content(&self, inode: Inode) -> &[u8] {
        self.files.get(inode).map_or(&[], Content::live)
    }

    /// Every power cut that is told apart at this moment.
    #[must_use]
    pub fn cuts(&self) -> Vec<Cut> {
        let most = |of: fn(&Content) -> usize| self.files.iter().map(of).max().unwrap_or(0);
        loss::all(most(Content::pending), self.names.pending(), most(Content::last_size))
    }

    /// The disk after a power cut.
    #[must_use]
    pub fn cut(&self, cut: Cut) -> Self {
        let files = (0..).zip(&self.files).map(|(inode, file)| file.cut(cut.loss, inode)).collect();
        Self { files, names: self.names.cut(cut.names), ledger: self.ledger.clone() }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, inode, bytes) in self.files() {
            write!(f, "{} (file {inode}, {} bytes) ", path.display(), bytes.len())?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct State {
    now: Picture,
    pictures: Option<Vec<Picture>>,
    /// Who holds the lock of which file.
    locks: BTreeMap<Inode, u64>,
    handles: u64,
    temporaries: u64,
    capacity: u64,
    faults: Faults,
    mutant: Option<Mutant>,
    random: Random,
    calls: u64,
    is_full: bool,
    /// Bytes that [`Mutant::TailNotChecked`] believes it cut.
    uncut: BTreeMap<Inode, u64>,
    /// The process is being killed: whatever it still calls is not done.
    is_killing: bool,
}

/// The disk. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A disk on which `picture` is.
    #[must_use]
    pub fn new(picture: Picture, seed: u64, faults: Faults, mutant: Option<Mutant>) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: picture,
            pictures: None,
            locks: BTreeMap::new(),
            handles: 0,
            temporaries: 0,
            capacity: u64::MAX,
            faults,
            mutant,
            random: Random::new(seed),
            calls: 0,
            is_full: false,
            uncut: BTreeMap::new(),
            is_killing: false,
        })))
    }

    /// Lets all files together have so many bytes.
    pub fn set_capacity(&self, capacity: u64) {
        self.state().capacity = capacity;
    }

    /// Lets calls fail, or no longer.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How many faults there were so far.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state().faults.count()
    }

    /// Whether a write was cut short by the disk's capacity.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state().is_full
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// The sizes of all files.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        self.state().now.files.iter().map(|file| file.live().len()).collect()
    }

    /// What all files hold.
    #[must_use]
    pub fn contents(&self) -> Vec<Vec<u8>> {
        self.state().now.files.iter().map(|file| file.live().to_vec()).collect()
    }

    /// Ends a process by dropping it, without its having a say: nothing that it calls on the way is done. Its locks
    /// are gone with it.
    pub fn kill<T>(&self, process: T) {
        self.state().is_killing = true;
        drop(process);
        self.state().is_killing = false;
    }

    /// What is on it now.
    #[must_use]
    pub fn picture(&self) -> Picture {
        self.state().now.clone()
    }

    /// Begins to take pictures.
    pub fn watch(&self) {
        self.state().pictures = Some(Vec::new());
    }

    /// The pictures taken since the last call, and one of now.
    #[must_use]
    pub fn pictures(&self) -> Vec<Picture> {
        let state = &mut *self.state();
        state.take_picture();
        state.pictures.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Changes what was acknowledged.
    pub fn with_ledger<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.state().now.ledger)
    }

    /// What the operator does at a shell: gives a file another name. Not synced.
    pub fn rename(&self, from: &Path, to: &Path) {
        let state = &mut *self.state();
        state.take_picture();
        if let Some(inode) = state.now.names.get(from) {
            state.now.names.change(vec![(from.into(), None), (to.into(), Some(inode))]);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, state: &mut State, inode: Inode) -> Arc<dyn FileHandle> {
        state.handles += 1;
        Arc::new(Handle { disk: self.clone(), inode, id: state.handles })
    }

    fn open_any(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        let state = &mut *self.state();
        state.fault()?;
        let inode = state.now.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(state, inode))
    }
}

impl State {
    fn take_picture(&mut self) {
        if let Some(pictures) = &mut self.pictures {
            pictures.push(self.now.clone());
        }
    }

    /// A call that changes nothing, or is about to: fails if it is its turn.
    fn fault(&mut self) -> io::Result<()> {
        self.alive()?;
        self.calls += 1;
        match self.faults.next(&mut self.random) {
            Some(Fault::Fail) => Err(io::Error::other("a simulated failure")),
            _ => Ok(()),
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.is_killing { Err(io::Error::other("the process is dead")) } else { Ok(()) }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn file(&mut self, inode: Inode) -> io::Result<&mut Content> {
        self.now.files.get_mut(inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn new_file(&mut self) -> Inode {
        self.now.files.push(Content::default());
        self.now.files.len() - 1
    }

    fn free(&self) -> u64 {
        let used = self.now.files.iter().map(|file| file.live().len() as u64).sum();
        self.capacity.saturating_sub(used)
    }

    fn write(&mut self, inode: Inode, offset: Option<usize>, bytes: &[u8]) -> io::Result<usize> {
        self.alive()?;
        self.calls += 1;
        let fault = self.faults.next(&mut self.random);
        if fault == Some(Fault::Interrupt) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let end = self.now.content(inode).len();
        let offset = offset.unwrap_or(end);
        let room = (end - offset.min(end)) as u64 + self.free();
        let mut size = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.is_full |= size < bytes.len();
        size = match fault {
            Some(Fault::Fail) => self.random.below(size + 1),
            Some(Fault::Short) => size.min(1 + self.random.below(size)),
            _ => size,
        };
        self.take_picture();
        if size > 0 {
            let written = bytes[..size].to_vec();
            self.file(inode)?.write(offset, &written);
            self.take_picture();
        }
        let ignored = self.is(Mutant::WriteErrorIgnored);
        match fault {
            Some(Fault::Fail) if !ignored => Err(io::Error::other("a simulated failed write")),
            _ if size == 0 && !bytes.is_empty() && !ignored => Err(io::ErrorKind::StorageFull.into()),
            _ if ignored => Ok(bytes.len()),
            _ => Ok(size),
        }
    }

    fn sync(&mut self, inode: Inode) -> io::Result<()> {
        self.alive()?;
        self.calls += 1;
        self.take_picture();
        if self.faults.next(&mut self.random) == Some(Fault::Fail) {
            let mut random = self.random.clone();
            self.random.next_u64();
            self.file(inode)?.fail_sync(&mut random);
            if self.is(Mutant::FailedSyncRetried) {
                return self.sync(inode);
            }
            return Err(io::Error::other("a simulated failed sync"));
        }
        self.file(inode)?.sync();
        Ok(())
    }
}

impl FileSystem for Disk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.open_any(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.open_any(path)
    }

    fn open_rewrite(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.open_any(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        let state = &mut *self.state();
        state.fault()?;
        if state.now.names.get(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.take_picture();
        let inode = state.new_file();
        state.now.names.change(vec![(path.into(), Some(inode))]);
        Ok(self.handle(state, inode))
    }

    fn create_beside(&self, target: &Path) -> io::Result<Box<dyn Temporary>> {
        let state = &mut *self.state();
        state.fault()?;
        state.take_picture();
        state.temporaries += 1;
        let path = PathBuf::from(format!(".{}.aof-{}", target.display(), state.temporaries));
        let inode = state.new_file();
        state.now.names.change(vec![(path.clone(), Some(inode))]);
        let handle = self.handle(state, inode);
        Ok(Box::new(TemporaryFile { disk: self.clone(), handle, inode, path, target: target.into() }))
    }

    fn identity(&self, path: &Path) -> io::Result<FileId> {
        let state = &mut *self.state();
        state.fault()?;
        let inode = state.now.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(FileId(0, inode as u64))
    }

    fn sync_directory_of(&self, _path: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.fault()?;
        state.take_picture();
        if !state.is(Mutant::DirectoryNotSynced) {
            state.now.names.sync();
        }
        Ok(())
    }
}

/// A file that is open.
#[derive(Debug)]
struct Handle {
    disk: Disk,
    inode: Inode,
    id: u64,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locks.get(&self.inode) == Some(&self.id) {
            state.locks.remove(&self.inode);
        }
    }
}

impl FileHandle for Handle {
    fn size(&self) -> io::Result<u64> {
        let state = &mut *self.disk.state();
        state.fault()?;
        let uncut = state.uncut.get(&self.inode).copied().unwrap_or(0);
        Ok(state.now.content(self.inode).len() as u64 - uncut)
    }

    fn identity(&self) -> io::Result<FileId> {
        self.disk.state().fault()?;
        Ok(FileId(0, self.inode as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = &mut *self.disk.state();
        state.alive()?;
        state.calls += 1;
        let fault = state.faults.next(&mut state.random);
        let bytes = state.now.content(self.inode);
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let mut size = rest.len().min(buffer.len());
        match fault {
            Some(Fault::Fail) => return Err(io::Error::other("a simulated failed read")),
            Some(Fault::Interrupt) => return Err(io::ErrorKind::Interrupted.into()),
            // Something, unless the file is over.
            Some(Fault::Short) => size = size.min(1 + size / 3),
            None => {}
        }
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let state = &mut *self.disk.state();
        let synced = state.file(self.inode)?.durable_size();
        let is_wrong = state.is(Mutant::ZerosOverEntries) && is_zero(bytes);
        state.write(self.inode, is_wrong.then_some(synced), bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let state = &mut *self.disk.state();
        if state.is(Mutant::NotSettled) {
            return Ok(bytes.len());
        }
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let is_free = state.now.content(self.inode).get(offset..).is_some_and(is_zero);
        let is_wrong = state.is(Mutant::WrittenBehindZeros) && is_free;
        state.write(self.inode, (!is_wrong).then_some(offset), bytes)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let state = &mut *self.disk.state();
        state.fault()?;
        state.take_picture();
        if state.is(Mutant::TailNotChecked) {
            let uncut = (state.now.content(self.inode).len() as u64).saturating_sub(size);
            state.uncut.insert(self.inode, uncut);
            return Ok(());
        }
        let size = usize::try_from(size).map_err(|_| io::ErrorKind::InvalidInput)?;
        let was_moved = state.now.names.get(Path::new(LOG)) != Some(self.inode);
        let are_zeros = state.now.content(self.inode).get(size..).is_some_and(is_zero);
        if state.is(Mutant::ZerosNotCut) && was_moved && are_zeros {
            return Ok(());
        }
        state.file(self.inode)?.set_size(size);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        if state.is(Mutant::SyncSkipped) { Ok(()) } else { state.sync(self.inode) }
    }

    fn sync_all(&self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        if state.is(Mutant::NewFileNotSynced) { Ok(()) } else { state.sync(self.inode) }
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        let state = &mut *self.disk.state();
        state.fault().map_err(TryLockError::Error)?;
        let holder = *state.locks.entry(self.inode).or_insert(self.id);
        if holder == self.id || state.is(Mutant::LockIgnored) {
            return Ok(());
        }
        Err(TryLockError::WouldBlock)
    }
}

/// A file in the making.
#[derive(Debug)]
struct TemporaryFile {
    disk: Disk,
    handle: Arc<dyn FileHandle>,
    inode: Inode,
    path: PathBuf,
    target: PathBuf,
}

impl Temporary for TemporaryFile {
    fn handle(&self) -> Arc<dyn FileHandle> {
        self.handle.clone()
    }

    fn take_mode(&self) -> io::Result<()> {
        self.disk.state().fault()
    }

    fn persist(self: Box<Self>, replace: bool) -> io::Result<()> {
        let state = &mut *self.disk.state();
        state.fault()?;
        if !replace && state.now.names.get(&self.target).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.is(Mutant::CutNotKept) && self.target.to_string_lossy().contains("torn") {
            return Ok(());
        }
        state.take_picture();
        let change = vec![(self.path.clone(), None), (self.target.clone(), Some(self.inode))];
        state.now.names.change(change);
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let state = &mut *self.disk.state();
        if state.now.names.get(&self.path) == Some(self.inode) {
            state.take_picture();
            state.now.names.change(vec![(self.path.clone(), None)]);
        }
    }
}
