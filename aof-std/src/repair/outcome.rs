//! What a repair found, and what became of it: [`Repaired`], or a [`RepairError`].

use super::find::Found;
use aof_nostd::{AnyProfile, Damage, DamageKind, Header, Op};
use std::fmt;
use std::io;
use std::path::PathBuf;

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
    pub(super) fn new(found: Found, action: Action, size: u64) -> Self {
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
    /// Complete entries are in the body of a torn entry, and may be the log's own: they repeat or continue entries of
    /// this log, or are ahead of it.
    Entries {
        /// The first of them.
        offset: u64,
        /// How many there are.
        count: u64,
    },
    /// A complete entry is in it that no sealed header covers. It is never cut.
    Intact {
        /// Where.
        offset: u64,
    },
    /// It is longer than all unsynced entries of a writer can be.
    TooLong,
    /// It ends with zeros, and the file has whole sectors: it may be the image of a device.
    MaybeImage,
}

impl Reason {
    /// The stable name: `no-crash`, `other-profile`, `entries`, `intact`, `too-long` or `maybe-image`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strange(_) => "no-crash",
            Self::OtherProfile { .. } => "other-profile",
            Self::Entries { .. } => "entries",
            Self::Intact { .. } => "intact",
            Self::TooLong => "too-long",
            Self::MaybeImage => "maybe-image",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strange(damage) => write!(f, "{damage}"),
            Self::OtherProfile { offset } => write!(f, "byte {offset}: an entry of the other profile"),
            Self::Entries { offset, count } => {
                write!(
                    f,
                    "byte {offset}: {count} complete entries in the body of a torn one, which may be the log's own"
                )
            }
            Self::Intact { offset } => write!(f, "byte {offset}: a complete entry"),
            Self::TooLong => f.write_str("longer than all unsynced entries of a writer can be"),
            Self::MaybeImage => f.write_str("it ends with zeros, and may be the image of a device"),
        }
    }
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
    /// Bytes with which no entry begins: the same doubt, since a bit may have rotted in the magic.
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
        matches!(self, Self::Body | Self::Header | Self::Garbage)
    }

    pub(super) fn of(damage: DamageKind) -> Self {
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
    /// The file can be read, and not be opened for writing: no permission, a medium that is only read.
    NotWritable(io::Error),
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

impl From<RepairError> for io::Error {
    fn from(error: RepairError) -> Self {
        let kind = match &error {
            RepairError::Io(reason)
            | RepairError::NotWritable(reason)
            | RepairError::Keep { error: reason, .. } => reason.kind(),
            _ => io::ErrorKind::Other,
        };
        match error {
            RepairError::Io(error) => error,
            other => Self::new(kind, other),
        }
    }
}

impl fmt::Display for RepairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::NotWritable(error) => write!(f, "the log cannot be opened for writing: {error}"),
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
            Self::Io(error)
            | Self::NotWritable(error)
            | Self::Keep { error, .. }
            | Self::Cut { error, .. } => Some(error),
            _ => None,
        }
    }
}
