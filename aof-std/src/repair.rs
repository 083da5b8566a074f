//! A log that a writer can go on with after a crash: [`Repair`], and [`repair`](fn@repair) with the defaults.
//!
//! ```text
//!                            end                    size
//!   | entry | entry | damage | ... | entry | tail       |
//!                     stays                  goes
//!
//!   lock -> read all -> judge the tail -> keep it in FILE.torn-at-END, durable -> cut FILE at END -> fsync
//! ```
//!
//! The *tail* is all that stands behind the last whole entry. It goes if it can be what a crash left:
//!
//! | behind the last whole entry | what is done |
//! |---|---|
//! | an entry cut short, or whole in size with a header or a body that does not match; bytes that begin no entry | kept and cut |
//! | zeros, to the end | cut, nothing to keep; where the file may be the image of a device, only with [`cut_zeros`](Repair::cut_zeros) |
//! | an entry whose header is whole and breaks a rule (a larger size limit? a later version?), or one of the other profile or layout | left: no crash writes that |
//! | complete entries in the body of a torn one whose header is sealed | content, cut with it |
//! | the same, but they may be the log's own: they repeat or continue entries of this log, or are ahead of it | left, unless [`cut_entries`](Repair::cut_entries) says that they are content |
//! | complete entries that no sealed header covers | left |
//! | more than all unsynced entries can be: 1,024 of the largest | left |
//!
//! Damage with an entry of the log after it is never touched: what is there is in another replica's log, and a merge
//! brings it back.
//!
//! A file may be the image of a device if it has whole sectors and ends with zeros, at least a sector of them:
//! there they are free space, and the image must not become shorter.
//!
//! **A crash at any moment** leaves the log as it was or cut at its last whole entry, and never cut before the
//! other file is durable. The second repair finds that one, sees that it holds the same bytes, and goes on. Zeros
//! from where free space begins are not kept: [`Tail::zeros`] tells their number, which is all there is to them.
//!
//! Memory: that of a [`Scan`](crate::scan::Scan), and 1,024 places of damage. Complete entries in the tail cost one
//! more reading of the file, and about 100 bytes per entry.

pub(crate) mod find;
mod inside;
pub(crate) mod keep;
mod outcome;

pub use outcome::{Action, Reason, RepairError, Repaired, Tail, TailKind};

use crate::fs::{FileHandle, FileSystem, Os};
use crate::rotate;
use crate::scan::Watch;
use crate::source::Source;
use find::Found;
use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Repairs the log at `path`, with the defaults of [`Repair`].
///
/// # Errors
///
/// See [`RepairError`].
pub fn repair(path: impl AsRef<Path>) -> Result<Repaired, RepairError> {
    let path = path.as_ref();
    Repair::new().run(path)
}

/// How a log is repaired. See the [module](self).
///
/// A replica that starts up, whatever its last crash left:
///
/// ```
/// use aof_nostd::Draft;
/// use aof_std::repair::{Action, Repair};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("replica.aof");
/// # let mut log = aof_std::LogFile::open(&path)?;
/// # log.write_new(&Draft::default(), b"first")?;
/// # log.write_new(&Draft::default(), b"second")?;
/// # log.close()?;
/// # std::fs::File::options().write(true).open(&path)?.set_len(540)?; // the power went
/// if path.exists() {
///     // This path is a log for sure and no image of a device: zeros behind it may go.
///     let repaired = Repair::new().cut_zeros(true).run(&path)?;
///     if let (Some(tail), Action::Cut { kept }) = (repaired.tail, &repaired.action) {
///         println!("{tail} was cut, and is in {kept:?}");
///     }
///     if repaired.damaged_places > 0 {
///         println!("damage in the middle: merge with the logs of other replicas");
///     }
/// }
/// let mut log = aof_std::LogFile::open(&path)?;
/// log.write_new(&Draft::default(), b"second, again")?;
/// # assert_eq!(log.last().unwrap().op().0, 2);
/// log.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Repair<'a> {
    fs: Arc<dyn FileSystem>,
    message_size_max: u32,
    cut_zeros: bool,
    cut_entries: bool,
    watch: Option<&'a Watch>,
}

impl Default for Repair<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Repair<'a> {
    /// Entries up to 1 MiB; what may be the image of a device keeps its zeros.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fs: Arc::new(Os),
            message_size_max: aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT,
            cut_zeros: false,
            cut_entries: false,
            watch: None,
        }
    }

    /// Sets the file system, for a test that makes it fail.
    #[must_use]
    pub fn file_system(mut self, fs: Arc<dyn FileSystem>) -> Self {
        self.fs = fs;
        self
    }

    /// Sets the largest `size` of an entry (header and body, bytes).
    #[must_use]
    pub fn message_size_max(mut self, message_size_max: u32) -> Self {
        self.message_size_max = message_size_max;
        self
    }

    /// Says that the file is no image of a device: zeros that end it are cut, however many.
    #[must_use]
    pub fn cut_zeros(mut self, cut_zeros: bool) -> Self {
        self.cut_zeros = cut_zeros;
        self
    }

    /// Says that entries are stored in the bodies of this log's entries: complete ones in the body of a torn last
    /// entry are cut with it, also those that may be the log's own.
    #[must_use]
    pub fn cut_entries(mut self, cut_entries: bool) -> Self {
        self.cut_entries = cut_entries;
        self
    }

    /// Shows progress in `watch`, and stops when it says so. Once the tail is kept, it is cut.
    #[must_use]
    pub fn watch(mut self, watch: &'a Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Repairs the log at `path`, under the lock of its writer. A file that needs nothing is not changed, not
    /// even its time of modification. A file that is not there is not created.
    ///
    /// # Errors
    ///
    /// See [`RepairError`].
    pub fn run(&self, path: impl AsRef<Path>) -> Result<Repaired, RepairError> {
        let path = path.as_ref();
        self.open(path)?;
        let path = &*self.fs.resolve(path)?;
        let file = self.fs.open_rewrite(path).map_err(RepairError::NotWritable)?;
        rotate::lock(&*self.fs, path, &*file).map_err(|error| match error {
            TryLockError::WouldBlock => RepairError::Locked,
            TryLockError::Error(error) => RepairError::Io(error),
        })?;
        let source = Source::new(file)?;
        self.judge(&source, |tail| Ok(Action::Cut { kept: self.cut(path, &source, tail)? }))
    }

    /// Looks what [`run`](Self::run) would do, and changes nothing.
    ///
    /// # Errors
    ///
    /// Those of `run` that are known before anything is written.
    pub fn look(&self, path: impl AsRef<Path>) -> Result<Repaired, RepairError> {
        let path = path.as_ref();
        // Only asked, and given back: held, it would keep a writer from starting meanwhile. A system that has no
        // lock for who only reads does not tell.
        if let Err(TryLockError::WouldBlock) = self.open(path)?.try_lock() {
            return Err(RepairError::Locked);
        }
        let source = Source::new(self.open(path)?)?;
        let path = &*self.fs.resolve(path)?;
        self.judge(&source, |tail| {
            Ok(Action::Planned { kept: keep::place(&*self.fs, path, &source, tail)?.map(|place| place.path) })
        })
    }

    /// Opens the file for reading. A device is not followed into, nor anything else that is no file.
    fn open(&self, path: &Path) -> Result<Arc<dyn FileHandle>, RepairError> {
        let file = match self.fs.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotSeekable => return Err(RepairError::NotAFile),
            opened => opened?,
        };
        if let Some(file) = file.as_file()
            && !file.metadata()?.is_file()
        {
            return Err(RepairError::NotAFile);
        }
        Ok(file)
    }

    /// Looks for a tail, and does with one that a crash can have left what `treat` says.
    fn judge(
        &self,
        source: &Source,
        treat: impl FnOnce(Tail) -> Result<Action, RepairError>,
    ) -> Result<Repaired, RepairError> {
        let found = find::find(source, self.message_size_max, self.watch)?;
        if !found.is_log() {
            return Err(RepairError::NotALog);
        }
        let action = match found.tail {
            None => Action::Nothing,
            Some(tail) => match self.reason_to_leave(&found, tail, source.size()) {
                Some(reason) => Action::Left(reason),
                None => treat(tail)?,
            },
        };
        Ok(Repaired::new(found, action, source.size()))
    }

    /// Keeps the tail, durably, and then cuts it off. Gives where it is kept, if there is something to keep.
    fn cut(&self, path: &Path, source: &Source, tail: Tail) -> Result<Option<PathBuf>, RepairError> {
        let kept = keep::keep(&self.fs, path, source, tail, self.watch)?;
        let file = source.handle();
        // Whoever appends without the lock must not lose what was not looked at.
        if file.size()? != source.size() {
            return Err(RepairError::Changed { kept });
        }
        match file.set_size(tail.offset).and_then(|()| file.sync_all()) {
            Ok(()) => Ok(kept),
            Err(error) => Err(RepairError::Cut { kept, error }),
        }
    }

    /// Why this tail is not cut, if it is not.
    fn reason_to_leave(&self, found: &Found, tail: Tail, size: u64) -> Option<Reason> {
        let maybe_image = !self.cut_zeros && tail.zeros >= SECTOR_SIZE && size.is_multiple_of(SECTOR_SIZE);
        let no_crash = found.no_crash();
        let no_crash =
            no_crash.filter(|reason| !(self.cut_entries && matches!(reason, Reason::Entries { .. })));
        no_crash.or_else(|| maybe_image.then_some(Reason::MaybeImage))
    }
}

/// The least that a device reads and writes: its size is a multiple.
const SECTOR_SIZE: u64 = 512;
