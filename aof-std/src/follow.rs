//! Following a log that grows, over rotations: [`Follower`].
//!
//! What `tail -F` does for lines this does for entries. It does not wait by itself: whoever uses it calls
//! [`poll`](Follower::poll) when something may have changed (a notification, a second later), and gets all
//! that is new.
//!
//! ```text
//!             path names nothing                     opened
//!   Missing <--------------------> poll --------------------------> Waiting <---+
//!                                                                     |         | more entries
//!        the path names another file, which is not empty              +---------+
//!        finish the old one to its end, go over, the chain goes on <--+
//! ```
//!
//! An entry is told when it is whole. What is not whole, with nothing behind it, is on its way or is what a
//! crash left: it is waited for, and never damage. It becomes damage when the log goes on behind it, or when
//! the file is given up for a new one. A writer that cuts it and goes on is ordinary.
//!
//! A rotation is seen by the path: it names another file, and that file is not empty. A writer creates a new
//! log before it goes over to it, and may still write to the old one until then; so the old one is read once
//! more when the new one has its first bytes.
//!
//! Memory: a buffer for one entry, and the places of the last 1,024 entries told. How a file that became shorter
//! is read on: `file.rs`; where the last entries of a file begin: `begin.rs`.

mod begin;
mod file;

use self::file::Growing;
use crate::fs::{FileHandle, FileSystem, Os};
use aof_nostd::chain::{Chain, NoHistory, Relation};
use aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT;
use aof_nostd::{Damage, Located};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where following begins in a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first byte.
    Beginning,
    /// So many entries before its end.
    Last(u64),
    /// At the first entry with this op or a higher one, or damage that tells such an op; from there on all is
    /// told. Damage right before it that tells no op may be what is looked for, and is told too.
    Op(u64),
}

/// What is new.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum News<'a> {
    /// An entry, whole and valid, and how it stands to the one before it.
    Entry(Located<'a>, Relation),
    /// Damage; the next entry starts, or the file ends, at the second place.
    Damage(Damage, u64),
    /// A file that was followed ends with zeros from the first place to the second.
    Zeros(u64, u64),
    /// The path names a file, and it is read from here on: the first one, or one that was not there before.
    Opened,
    /// The path names nothing any more: the file was moved away, or deleted. It is read on.
    Moved,
    /// The path names another file, which is read from its beginning. The old one was read to its end.
    Rotated,
    /// What was read is not in the file any more: it became shorter, or was written anew.
    Shortened {
        /// How far it was read.
        from: u64,
        /// Where reading goes on: behind the last entry told that still stands; where none of those remembered
        /// does, at the end of a file that was cut, and at the beginning of one that was emptied.
        to: u64,
    },
}

/// What there is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// The path names nothing.
    Missing,
    /// More entries.
    More {
        /// What stands behind the last whole entry, if anything does: not whole yet.
        unfinished: Option<Damage>,
        /// Look again then, even if nothing changes: what is behind it may be decided by that time.
        until: Option<Instant>,
    },
    /// Whoever is told said stop.
    Stopped,
}

/// How long the bytes behind an unfinished entry are left alone where they do not tell whether it is damage.
const SETTLE: Duration = Duration::from_secs(1);

/// Follows the log at a path.
///
/// ```
/// use aof_nostd::Draft;
/// use aof_std::LogFile;
/// use aof_std::follow::{Follower, News, Wait};
/// use std::{ops::ControlFlow, time::Instant};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("replica.aof");
/// let mut follower = Follower::new(&path);
/// let mut ops = Vec::new();
/// let mut take = |news: News<'_>| {
///     if let News::Entry(located, _) = news {
///         ops.push(located.entry.header.op().0);
///     }
///     ControlFlow::Continue(())
/// };
/// assert_eq!(follower.poll(Instant::now(), &mut take)?, Wait::Missing);
///
/// let mut log = LogFile::open(&path)?;
/// log.write_new(&Draft::default(), b"first")?;
/// follower.poll(Instant::now(), &mut take)?;
/// log.write_new(&Draft::default(), b"second")?;
/// follower.poll(Instant::now(), &mut take)?;
/// assert_eq!(ops, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    start: Start,
    message_size_max: u32,
    buffer: Box<[u8]>,
    chain: Chain<NoHistory>,
    /// Of [`Start::Op`]: damage of unknown op behind the last entry passed.
    held: Vec<(Damage, u64)>,
    file: Option<Growing>,
    /// A file was opened before.
    begun: bool,
    /// That the path names nothing was told.
    moved: bool,
}

impl Follower {
    /// Follows what is, or will be, at `path`, from the last 10 entries on.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self {
            fs: Arc::new(Os),
            path: path.to_path_buf(),
            start: Start::Last(10),
            message_size_max: MESSAGE_SIZE_MAX_DEFAULT,
            buffer: crate::source::buffer(MESSAGE_SIZE_MAX_DEFAULT),
            chain: Chain::default(),
            held: Vec::new(),
            file: None,
            begun: false,
            moved: false,
        }
    }

    /// Sets where to begin, if there is a file at the first [`poll`](Self::poll); one that comes later is read
    /// from its beginning, but for [`Start::Op`].
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Sets the largest `size` of an entry (header and body, bytes); 1 MiB unless set.
    #[must_use]
    pub fn message_size_max(mut self, message_size_max: u32) -> Self {
        self.message_size_max = message_size_max;
        self.buffer = crate::source::buffer(message_size_max);
        self
    }

    /// Sets the file system, for a test that makes it fail.
    #[must_use]
    pub fn file_system(mut self, fs: Arc<dyn FileSystem>) -> Self {
        self.fs = fs;
        self
    }

    /// How far the file that is being followed was read: bytes from its beginning.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.file.as_ref().map_or(0, Growing::position)
    }

    /// The file that is being followed, to be watched: whatever the path names by now.
    #[must_use]
    pub fn handle(&self) -> Option<&Arc<dyn FileHandle>> {
        self.file.as_ref().map(Growing::handle)
    }

    /// Tells `each` all that is new at `now`, and says what there is to wait for.
    ///
    /// # Errors
    ///
    /// The operating system's, but not that the path names nothing.
    pub fn poll(
        &mut self,
        now: Instant,
        mut each: impl FnMut(News<'_>) -> ControlFlow<()>,
    ) -> io::Result<Wait> {
        let buffer = &mut self.buffer;
        let mut step = Step {
            message_size_max: self.message_size_max,
            chain: &mut self.chain,
            held: &mut self.held,
            now,
            from_op: match self.start {
                Start::Op(op) => Some(op),
                _ => None,
            },
            each: &mut each,
        };
        let wait = loop {
            let Some(file) = &mut self.file else {
                let Some(mut file) = open(&*self.fs, &self.path)? else {
                    self.begun = true;
                    break Wait::Missing;
                };
                if let (Start::Last(count), false) = (self.start, self.begun) {
                    file.begin_before_end(buffer, &mut step, count)?;
                }
                self.begun = true;
                self.file = Some(file);
                if step.tell(News::Opened).is_break() {
                    break Wait::Stopped;
                }
                continue;
            };
            let wait = file.read(buffer, &mut step)?;
            if wait == Wait::Stopped {
                break wait;
            }
            let new = match self.fs.identity(&self.path) {
                Ok(id) if id == file.id() => {
                    self.moved = false;
                    None
                }
                Ok(_) => open(&*self.fs, &self.path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !std::mem::replace(&mut self.moved, true) && step.tell(News::Moved).is_break() {
                        break Wait::Stopped;
                    }
                    break wait;
                }
                Err(error) => return Err(error),
            };
            let Some(new) = new else { break wait };
            // Until it has written there, a writer may still write to the old one.
            if new.size()? == 0 {
                break wait;
            }
            // What it has written to the old one before is there by now.
            if file.read(buffer, &mut step)? == Wait::Stopped
                || file.finish(buffer, &mut step)?.is_break()
                || step.tell(News::Rotated).is_break()
            {
                break Wait::Stopped;
            }
            self.moved = false;
            self.file = Some(new);
        };
        if let (Start::Op(_), None) = (self.start, step.from_op) {
            self.start = Start::Beginning; // it was reached
        }
        Ok(wait)
    }
}

/// The file at `path`, to be read from its beginning; `None` where there is none.
fn open(fs: &dyn FileSystem, path: &Path) -> io::Result<Option<Growing>> {
    match fs.open(path) {
        Ok(handle) => Growing::new(handle).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What one poll works with.
struct Step<'a> {
    message_size_max: u32,
    chain: &'a mut Chain<NoHistory>,
    held: &'a mut Vec<(Damage, u64)>,
    now: Instant,
    /// Nothing is told before an entry with this op, or a higher one.
    from_op: Option<u64>,
    each: &'a mut dyn FnMut(News<'_>) -> ControlFlow<()>,
}

/// Damage that is held: a hostile file could have much of it in a row, of which the last is told.
const HELD_MAX: usize = 64;

impl Step<'_> {
    fn tell(&mut self, news: News<'_>) -> ControlFlow<()> {
        if matches!(news, News::Rotated | News::Shortened { .. }) {
            self.held.clear(); // it is not in the file that follows
        }
        (self.each)(news)
    }

    /// Takes an entry into the chain, and tells it.
    fn entry(&mut self, located: Located<'_>) -> ControlFlow<()> {
        let header = &located.entry.header;
        let relation = self.chain.push(header.into());
        if self.from_op.is_some_and(|from| header.op().0 < from) {
            self.held.clear();
            return ControlFlow::Continue(());
        }
        self.begin()?;
        self.tell(News::Entry(located, relation))
    }

    /// Where telling begins: with the damage that stands right there.
    fn begin(&mut self) -> ControlFlow<()> {
        self.from_op = None;
        for (damage, until) in std::mem::take(self.held) {
            self.tell(News::Damage(damage, until))?;
        }
        ControlFlow::Continue(())
    }

    fn damage(&mut self, damage: Damage, until: u64) -> ControlFlow<()> {
        if let Some(from) = self.from_op {
            match damage.op {
                Some(op) if op.0 < from => return ControlFlow::Continue(()),
                Some(_) => {}
                // It may be the entry that is meant: the next one tells.
                None => {
                    if self.held.len() == HELD_MAX {
                        self.held.remove(0);
                    }
                    self.held.push((damage, until));
                    return ControlFlow::Continue(());
                }
            }
            self.begin()?;
        }
        self.tell(News::Damage(damage, until))
    }
}
