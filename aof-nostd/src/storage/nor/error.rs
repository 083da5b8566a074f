//! Why a region of flash was not opened, or did not do what it was asked for.

use core::fmt;
use embedded_io::{Error, ErrorKind};

/// Why a [`NorRegion`](super::NorRegion) did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NorError<E> {
    /// The flash failed, now.
    Flash(E),
    /// A write or an erase failed before. Nothing more is read or written: open the region anew.
    Failed,
    /// The region cannot hold a log in this way. Nothing was read or written.
    Geometry(GeometryError),
    /// No region that [`format`](super::NorRegion::format) has made, or one of another size.
    Unformatted,
    /// An earlier firmware wrote up to so many bytes at a time: what a power cut left of them does not fit
    /// into a smaller buffer.
    Buffer {
        /// The least that the buffer has to have, in bytes.
        needed: u32,
    },
    /// Nothing is appended or synced before [`cut`](super::NorRegion::cut) was told where the log ends.
    NotCut,
    /// The copy of a block does not hold what was copied: the flash wears out, or somebody else writes there.
    Copy {
        /// Where the block begins, from the region's beginning.
        offset: u32,
    },
    /// A write behind the last byte that the log can have.
    Full,
    /// A place before the first byte, or behind the last one that the log can have.
    Seek,
}

/// Why a region cannot hold a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GeometryError {
    /// What the flash reads, writes or erases at once is nothing, or an erase block is not made of whole
    /// units of the others.
    Units,
    /// The buffer does not have whole units for reading and writing, one at least.
    Buffer,
    /// The region begins or ends inside an erase block, or behind the flash's end.
    Region,
    /// The region has so many erase blocks; [5](super::BLOCKS_MIN) are needed, and 65,538 can be used.
    Blocks {
        /// How many it has.
        count: u32,
    },
    /// An erase block has no room for four records of the journal.
    Journal {
        /// Bytes of a record.
        record_size: u32,
    },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units => f.write_str(
                "the sizes that the flash reads and writes do not divide the size that it erases: correct the driver",
            ),
            Self::Buffer => f.write_str("the buffer is not a multiple of what the flash reads and writes at once"),
            Self::Region => f.write_str("the region does not begin and end with erase blocks of the flash"),
            Self::Blocks { count } => {
                write!(f, "the region has {count} erase blocks; it needs 5 and can use 65538")
            }
            Self::Journal { record_size } => {
                write!(f, "an erase block has no room for four records of {record_size} bytes")
            }
        }
    }
}

impl core::error::Error for GeometryError {}

impl<E: fmt::Debug> fmt::Display for NorError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Failed => f.write_str("a write or an erase failed before: open the region anew"),
            Self::Geometry(error) => fmt::Display::fmt(error, f),
            Self::Unformatted => f.write_str(
                "no formatted region: is it the right place, of the right size? If nothing in it is needed, format it",
            ),
            Self::Buffer { needed } => {
                write!(f, "an earlier firmware had a buffer of {needed} bytes; a smaller one will not do")
            }
            Self::NotCut => f.write_str("nothing is written before `cut` was told where the log ends"),
            Self::Copy { offset } => write!(
                f,
                "the copy of the erase block at byte {offset} is not what was copied: append nothing; copy the log out"
            ),
            Self::Full => f.write_str("no room left in the region"),
            Self::Seek => f.write_str("before the first byte, or behind the last one that the log can have"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for NorError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Geometry(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Debug> Error for NorError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Flash(_) | Self::Failed | Self::Copy { .. } => ErrorKind::Other,
            Self::Geometry(_) | Self::Buffer { .. } | Self::NotCut | Self::Seek => ErrorKind::InvalidInput,
            Self::Unformatted => ErrorKind::InvalidData,
            Self::Full => ErrorKind::OutOfMemory,
        }
    }
}
