//! [`Watch`] by inotify.

use crate::failure::{Reason, shown};
use crate::follow::bell::Ringer;
use crate::output;
use aof_std::sync::directory_of;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes for notifications: some dozen with long names.
const BUFFER_SIZE: usize = 8 << 10;

/// Changes of a name in a directory.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR);

/// Changes of a file.
const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

/// Rings when something changes.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    /// Nothing where the system notifies of nothing.
    queue: Option<Arc<OwnedFd>>,
    /// The watch of the file.
    file: Option<i32>,
}

impl Watch {
    /// Watches the name `path`.
    #[must_use]
    pub fn new(path: &Path, ringer: Ringer) -> Self {
        let queue = begin(path, ringer);
        if let Err(error) = &queue {
            output::note(&format!(
                "no notifications for {}: looking from time to time ({})",
                shown(path),
                Reason(error)
            ));
        }
        Self { path: path.to_path_buf(), queue: queue.ok(), file: None }
    }

    /// Watches `file`, instead of the one before.
    pub fn file(&mut self, file: Option<&File>) {
        let Some(queue) = &self.queue else { return };
        if let Some(before) = self.file.take() {
            // One that was removed is gone already.
            let _ = inotify::remove_watch(queue, before);
        }
        // Where there is none, the slow look does it.
        self.file = inotify::add_watch(queue, path_of(file, &self.path), CHANGES).ok();
    }
}

/// A path to `file`, which `path` may not name any more: it can have been moved away since it was opened.
fn path_of(file: Option<&File>, path: &Path) -> PathBuf {
    let open = file.map(|file| PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())));
    open.filter(|open| open.exists()).unwrap_or_else(|| path.to_path_buf())
}

/// Watches the directory of `path`, on a thread that rings.
fn begin(path: &Path, ringer: Ringer) -> io::Result<Arc<OwnedFd>> {
    let queue = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
    let directory = inotify::add_watch(&queue, directory_of(path), NAMES)?;
    let name = path.file_name().map(OsString::from);
    let own = queue.clone();
    let listen = move || {
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER_SIZE];
        let mut reader = Reader::new(&*own, &mut buffer);
        loop {
            match reader.next() {
                Ok(event)
                    if event.wd() == directory && !event.events().contains(ReadFlags::QUEUE_OVERFLOW) =>
                {
                    let of = event.file_name().map(|name| name.to_bytes());
                    if of.is_none() || of == name.as_ref().map(|name| name.as_bytes()) {
                        ringer.ring();
                    }
                }
                Ok(_) => ringer.ring(),
                Err(rustix::io::Errno::INTR) => {}
                // The slow search continues.
                Err(_) => return,
            }
        }
    };
    // It ends with the process.
    std::thread::Builder::new().name("inotify".into()).spawn(listen)?;
    Ok(queue)
}
