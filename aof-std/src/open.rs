//! Opening a log file: [`OpenOptions`].
//!
//! ```text
//! no file     create, lock, sync the file and its directory
//! a file      lock, then read it whole: its profile, its last entry, where that one ends
//! ```

use crate::file::{LogFile, TornTail, Whole};
use crate::rotate;
use crate::scan::{Scan, Sink};
use crate::source::Source;
use crate::sync::sync_directory_of;
use aof_nostd::writer::UNSYNCED_MAX_DEFAULT;
use aof_nostd::{AnyProfile, Damage, DamageKind, Header, Located, Profile, Writer};
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How a log file is opened.
///
/// ```
/// use aof_nostd::Draft;
/// use aof_std::OpenOptions;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("replica.aof");
/// let mut log = OpenOptions::new().open(&path)?;
/// log.write_new(&Draft::default(), b"first")?;
/// log.checkpoint(|result| { result.expect("durable"); })?;
/// log.close()?;
///
/// let log = OpenOptions::new().open(&path)?;
/// assert_eq!(log.last().unwrap().op().0, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    profile: Option<AnyProfile>,
    message_size_max: u32,
    unsynced_max: u32,
    first: Header,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// The profile of the file, or the TigerBeetle profile for a new one; entries up to 1 MiB; 1,024 of
    /// them unsynced.
    #[must_use]
    pub fn new() -> Self {
        Self {
            profile: None,
            message_size_max: aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT,
            unsynced_max: UNSYNCED_MAX_DEFAULT,
            first: Header::new(),
        }
    }

    /// Sets the profile; a file of the other one is refused.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<AnyProfile>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Sets the largest `size` of an entry (header and body, bytes).
    #[must_use]
    pub fn message_size_max(mut self, message_size_max: u32) -> Self {
        self.message_size_max = message_size_max;
        self
    }

    /// Sets how many entries may be unsynced.
    #[must_use]
    pub fn unsynced_max(mut self, unsynced_max: u32) -> Self {
        self.unsynced_max = unsynced_max;
        self
    }

    /// Gives the header of the first entry that is sealed in an empty log: its op, parent, cluster, view,
    /// release and replica.
    #[must_use]
    pub fn start_with(mut self, first: Header) -> Self {
        self.first = first;
        self
    }

    /// Opens the log at `path` for appending, or creates it.
    ///
    /// An existing file is read whole, on all cores, to find where its last whole entry ends.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(&self, path: &Path) -> Result<LogFile, OpenError> {
        let file = match rotate::create(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_existing(path)?,
            Err(error) => return Err(OpenError::Io(error)),
        };
        let source = Source::from_file(file.try_clone()?)?;
        let (profile, contents) = self.read(&source)?;
        // The power may have gone in a log's very first entry.
        let begun = contents
            .damage
            .first()
            .is_some_and(|damage| damage.offset == 0 && matches!(damage.kind, DamageKind::TornTail { .. }));
        if contents.end == 0 && source.size() > 0 && !begun {
            return Err(OpenError::NotALog);
        }
        let torn = (contents.end < source.size())
            .then(|| TornTail { offset: contents.end, size: source.size() - contents.end });
        let file = Arc::new(file);
        let mut writer = Writer::new(Whole::device(file.clone()), profile)
            .with_unsynced_max(self.unsynced_max)
            .with_message_size_max(self.message_size_max)
            .start_with(self.first);
        if let Some(last) = contents.last {
            writer = writer.continue_after(last);
        }
        Ok(LogFile {
            path: path.to_path_buf(),
            file,
            writer,
            torn,
            damage: contents.damage,
            entries: contents.entries,
            syncer: None,
        })
    }

    fn read(&self, source: &Source) -> Result<(AnyProfile, Contents), OpenError> {
        let scan = Scan::detect(source, crate::backend())?.with_message_size_max(self.message_size_max);
        let default = || aof_nostd::TigerBeetle::new(crate::backend()).into();
        let profile = match (scan.profile(), self.profile) {
            (Some(found), Some(asked)) if found.name() != asked.name() => {
                return Err(OpenError::Profile { found: found.name(), asked: asked.name() });
            }
            (found, asked) => asked.or(found).unwrap_or_else(default),
        };
        let mut contents = Contents::default();
        scan.run(Contents::default, |part| contents.append(part))?;
        Ok((profile, contents))
    }
}

fn open_existing(path: &Path) -> Result<File, OpenError> {
    let file = File::options().read(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => return Err(OpenError::Io(error)),
    }
    // Rotated between opening and locking?
    if !rotate::is_same(path, &file)? {
        return Err(OpenError::Locked);
    }
    // Whoever created it may have died before this.
    sync_directory_of(path)?;
    Ok(file)
}

/// Why a log file was not opened. It is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused.
    Io(io::Error),
    /// Another process writes this log.
    Locked,
    /// The file is a log of the other profile.
    Profile {
        /// The file's.
        found: &'static str,
        /// The one asked for.
        asked: &'static str,
    },
    /// The file is not empty and holds not a single whole entry: it is left alone.
    NotALog,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Locked => f.write_str("another process writes this log"),
            Self::Profile { found, asked } => write!(f, "the log has the profile {found}, not {asked}"),
            Self::NotALog => {
                f.write_str("the file holds not a single whole entry: not a log, or damaged whole")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// What an existing file holds.
#[derive(Default)]
struct Contents {
    entries: u64,
    /// Where the last whole entry ends.
    end: u64,
    last: Option<Header>,
    damage: Vec<Damage>,
}

/// Places of damage that are kept; there may be millions.
const DAMAGE_KEPT: usize = 1024;

impl Contents {
    fn append(&mut self, part: Self) {
        self.entries += part.entries;
        self.end = self.end.max(part.end);
        self.last = part.last.or(self.last);
        let room = DAMAGE_KEPT.saturating_sub(self.damage.len());
        self.damage.extend(part.damage.into_iter().take(room));
    }
}

impl Sink for Contents {
    fn entry(&mut self, located: Located<'_>) {
        self.entries += 1;
        self.end = located.offset.saturating_add(located.entry.header.size_disk());
        self.last = Some(located.entry.header);
    }

    fn damage(&mut self, damage: Damage, _until: u64) {
        if self.damage.len() < DAMAGE_KEPT {
            self.damage.push(damage);
        }
    }
}
