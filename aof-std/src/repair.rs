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
//! | more than all unsynced entries can be | left |
//!
//! An entry inside the extent of a torn one, where it belongs to that one's body, is no entry of the log (see
//! [`find`]). Damage with an entry of the log behind it is never touched: what stands there is in another
//! replica's log, and a merge brings it back.
//!
//! A file may be the image of a device if it has whole sectors and ends with zeros, at least a sector of them:
//! there they are free space, and the image must not become shorter.
//!
//! **A crash at any moment** leaves the log as it was or cut at its last whole entry, and never cut before the
//! other file is durable. The second repair finds that one, sees that it holds the same bytes, and goes on. Zeros
//! from where free space begins are not kept: [`Tail::zeros`] tells their number, which is all there is to them.
//!
//! Memory: that of a [`Scan`](crate::scan::Scan), and 1,024 places of damage. An entry within a torn one's
//! extent costs two more readings of the file, and about 50 bytes an entry.

mod find;
mod keep;

use crate::fs::{FileHandle, FileSystem, Os};
use crate::rotate;
use crate::scan::Watch;
use crate::source::Source;
use aof_nostd::{AnyProfile, Damage, DamageKind, Header, Op};
use find::Found;
use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Repairs the log at `path`, with the defaults of [`Repair`].
///
/// # Errors
///
/// See [`RepairError`].
pub fn repair(path: &Path) -> Result<Repaired, RepairError> {
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
    pub fn run(&self, path: &Path) -> Result<Repaired, RepairError> {
        self.open(path)?;
        let file = self.fs.open_rewrite(path)?;
        file.try_lock().map_err(not_locked)?;
        // Rotated between opening and locking?
        if !rotate::is_same(&*self.fs, path, &*file)? {
            return Err(RepairError::Locked);
        }
        let source = Source::new(file)?;
        let found = self.find(&source)?;
        let action = match found.tail {
            None => Action::Nothing,
            Some(tail) => match self.reason_to_leave(&found, tail, source.size()) {
                Some(reason) => Action::Left(reason),
                None => Action::Cut { kept: self.cut(path, &source, tail)? },
            },
        };
        Ok(Repaired::new(found, action, source.size()))
    }

    /// Looks what [`run`](Self::run) would do, and changes nothing.
    ///
    /// # Errors
    ///
    /// Those of `run` that are known before anything is written.
    pub fn look(&self, path: &Path) -> Result<Repaired, RepairError> {
        // Only asked, and given back: held, it would keep a writer from starting meanwhile. A system that has no
        // lock for who only reads does not tell.
        if let Err(TryLockError::WouldBlock) = self.open(path)?.try_lock() {
            return Err(RepairError::Locked);
        }
        let source = Source::new(self.open(path)?)?;
        let found = self.find(&source)?;
        let action = match found.tail {
            None => Action::Nothing,
            Some(tail) => match self.reason_to_leave(&found, tail, source.size()) {
                Some(reason) => Action::Left(reason),
                None => Action::Planned {
                    kept: match tail.kept_size() {
                        0 => None,
                        _ => Some(keep::place(&*self.fs, path, &source, tail)?.path),
                    },
                },
            },
        };
        Ok(Repaired::new(found, action, source.size()))
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

    fn find(&self, source: &Source) -> Result<Found, RepairError> {
        let found = find::find(source, self.message_size_max, self.watch)?;
        // The power may have gone in a log's very first entry: then it begins as one does, or is zero. A file that
        // begins otherwise may be anything.
        let is_garbage = found.tail.is_some_and(|tail| tail.kind == TailKind::Garbage);
        if found.entries == 0 && is_garbage && found.strange.is_none() {
            return Err(RepairError::NotALog);
        }
        Ok(found)
    }

    /// Keeps the tail, durably, and then cuts it off. Gives where it is kept, if there is something to keep.
    fn cut(&self, path: &Path, source: &Source, tail: Tail) -> Result<Option<PathBuf>, RepairError> {
        let kept = match tail.kept_size() {
            0 => None,
            _ => Some(keep::keep(&self.fs, path, source, tail, self.watch)?),
        };
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
        let unsynced_max = u64::from(aof_nostd::writer::UNSYNCED_MAX_DEFAULT);
        let entry_size_max = find::entry_size_max(self.message_size_max);
        if let Some(damage) = found.strange {
            Some(Reason::Strange(damage))
        } else if let Some(offset) = found.other_profile {
            Some(Reason::OtherProfile { offset })
        } else if tail.kept_size() > unsynced_max.saturating_mul(entry_size_max) {
            Some(Reason::TooLong)
        } else if !self.cut_zeros && tail.zeros >= SECTOR_SIZE && size.is_multiple_of(SECTOR_SIZE) {
            Some(Reason::MaybeImage)
        } else {
            None
        }
    }
}

/// The least that a device reads and writes: its size is a multiple.
const SECTOR_SIZE: u64 = 512;

fn not_locked(error: TryLockError) -> RepairError {
    match error {
        TryLockError::WouldBlock => RepairError::Locked,
        TryLockError::Error(error) => RepairError::Io(error),
    }
}

/// What a log held, and what was done about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repaired {
    /// The profile; `None` where the file is empty.
    pub profile: Option<AnyProfile>,
    /// Bytes that the file had before.
    pub size: u64,
    /// Whole entries, repeated ones included.
    pub entries: u64,
    /// The last whole entry: what a writer continues.
    pub last: Option<Header>,
    /// Where that entry ends.
    pub end: u64,
    /// Damage with an entry of the log behind it, and where each place ends; the first 1,024 of them. It is
    /// still there.
    pub damage: Vec<(Damage, u64)>,
    /// How many such places there are.
    pub damaged_places: u64,
    /// What stood behind the last whole entry.
    pub tail: Option<Tail>,
    /// What became of it.
    pub action: Action,
}

impl Repaired {
    fn new(found: Found, action: Action, size: u64) -> Self {
        Self {
            profile: found.profile,
            size,
            entries: found.entries,
            last: found.last,
            end: found.end,
            damage: found.damage,
            damaged_places: found.damaged_places,
            tail: found.tail,
            action,
        }
    }

    /// Whether every byte belongs to a whole entry now, or would after what is planned.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damaged_places == 0 && !matches!(self.action, Action::Left(_))
    }
}

/// What became of a tail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// There is none.
    Nothing,
    /// It was cut.
    Cut {
        /// The file that holds its bytes now, durably; `None` where there were only zeros.
        kept: Option<PathBuf>,
    },
    /// It would be cut: nobody asked for it yet.
    Planned {
        /// The file that would hold its bytes.
        kept: Option<PathBuf>,
    },
    /// It is still there.
    Left(Reason),
}

/// Why a tail is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No crash writes this: a header that is whole and breaks a rule (an entry above the size limit?), or an
    /// entry of the other profile or of the older layout.
    Strange(Damage),
    /// An entry of the other profile starts in it.
    OtherProfile {
        /// Where.
        offset: u64,
    },
    /// It is longer than all unsynced entries of a writer can be.
    TooLong,
    /// It ends with zeros, and the file has whole sectors: it may be the image of a device.
    MaybeImage,
}

/// What stands behind a log's last whole entry, to the file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tail {
    /// Its first byte: where the last whole entry ends.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// How many of them are zeros that end the file and belong to no entry. They are not kept.
    pub zeros: u64,
    /// What it begins with.
    pub kind: TailKind,
    /// The op of the entry that it begins with, where its header is whole.
    pub op: Option<Op>,
    /// How many places there are in it at which an entry could start and none is whole.
    pub places: u64,
}

impl Tail {
    /// The bytes that are kept.
    #[must_use]
    pub const fn kept_size(&self) -> u64 {
        self.size.saturating_sub(self.zeros)
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(op) = self.op {
            write!(f, " (op {op})")?;
        }
        write!(f, ": {} ({} bytes)", self.kind, self.size)
    }
}

/// What a tail begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TailKind {
    /// An entry that is not all there.
    CutShort {
        /// Bytes missing, at least: where its header is not whole, its body is not counted.
        missing: u64,
    },
    /// An entry that is whole in size, and whose body does not match its header: half written, **or written,
    /// acknowledged, and damaged later**. Another replica's log tells.
    Body,
    /// An entry whose header does not match its checksum: the same doubt.
    Header,
    /// Bytes with which no entry begins.
    Garbage,
    /// Zeros, and nothing else.
    Zeros,
}

impl TailKind {
    /// The stable name: `cut-short`, `body`, `header`, `garbage` or `zeros`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutShort { .. } => "cut-short",
            Self::Body => "body",
            Self::Header => "header",
            Self::Garbage => "garbage",
            Self::Zeros => "zeros",
        }
    }

    /// Whether it may be an entry that was whole and acknowledged once, and that a bit rotted in later.
    #[must_use]
    pub const fn may_be_acknowledged(self) -> bool {
        matches!(self, Self::Body | Self::Header)
    }

    fn of(damage: DamageKind) -> Self {
        match damage {
            DamageKind::TornTail { missing } => Self::CutShort { missing },
            DamageKind::BodyChecksum => Self::Body,
            DamageKind::HeaderChecksum => Self::Header,
            _ => Self::Garbage,
        }
    }
}

impl fmt::Display for TailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { missing } => {
                write!(f, "an entry cut short: at least {missing} bytes are missing")
            }
            Self::Body => f.write_str("an entry that is whole in size, and whose body does not match"),
            Self::Header => f.write_str("an entry whose header does not match"),
            Self::Garbage => f.write_str("bytes with which no entry begins"),
            Self::Zeros => f.write_str("zeros"),
        }
    }
}

/// Why a log was not repaired. It is as it was, unless it says otherwise.
#[derive(Debug)]
#[non_exhaustive]
pub enum RepairError {
    /// The operating system refused.
    Io(io::Error),
    /// Another process writes this log: what looks torn may be on its way.
    Locked,
    /// A device, a pipe, a socket: only files are cut. On a device whoever writes it cleans its tail
    /// ([`aof_nostd::Recovery`]).
    NotAFile,
    /// The file holds not a single whole entry, and begins neither as one does nor with zeros: it is left alone.
    NotALog,
    /// The tail cannot be kept.
    Keep {
        /// Where it should have been.
        kept: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// Somebody changed the file's size meanwhile, without the lock.
    Changed {
        /// Where the tail is kept, all the same.
        kept: Option<PathBuf>,
    },
    /// The file cannot be cut, or it is not known whether the cut is durable. Another repair will tell.
    Cut {
        /// Where the tail is kept.
        kept: Option<PathBuf>,
        /// The operating system's reason.
        error: io::Error,
    },
}

impl From<io::Error> for RepairError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for RepairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Locked => f.write_str("another process writes this log"),
            Self::NotAFile => f.write_str("no file: a device's tail is cleaned by whoever writes the log on it"),
            Self::NotALog => f.write_str(
                "the file holds not a single whole entry, and does not begin as one does: not a log, or damaged whole",
            ),
            Self::Keep { kept, error } => write!(f, "the tail cannot be kept in {}: {error}", kept.display()),
            Self::Changed { .. } => f.write_str("the file's size changed meanwhile: who writes without a lock?"),
            Self::Cut { error, .. } => write!(f, "the tail is kept, and the log cannot be cut: {error}"),
        }
    }
}

impl std::error::Error for RepairError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Keep { error, .. } | Self::Cut { error, .. } => Some(error),
            _ => None,
        }
    }
}
