//! Why a card did not do what was asked.

use core::error::Error;
use core::fmt;
use embedded_io::ErrorKind;

/// Why a card, or the FAT on it, did not do what was asked. `E` is the error of the card's driver.
#[derive(Debug)]
#[non_exhaustive]
pub enum CardError<E: Error> {
    /// The card has no volume that can be read.
    Mount(embedded_sdmmc::Error<E>),
    /// The file could not be opened, or made.
    Open(embedded_sdmmc::Error<E>),
    /// The card or the file system failed in the middle.
    Card(embedded_sdmmc::Error<E>),
    /// The file would become larger than FAT can say: 4 GiB less one byte. Nothing of this was written.
    FileFull {
        /// Where it should have been written, bytes from the file's beginning.
        offset: u32,
        /// How many bytes it was.
        size: usize,
    },
    /// A seek to before the first byte or beyond the last one.
    Seek {
        /// The file's bytes.
        size: u32,
    },
}

impl<E: Error> fmt::Display for CardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount(error) => write!(
                f,
                "mount: {error}: the card needs a partition table (MBR) whose first partition is FAT16 or FAT32"
            ),
            Self::Open(error) => write!(f, "open: {error}: names on the card are 8.3, such as LOG.AOF"),
            Self::Card(error) => write!(f, "card: {error}"),
            Self::FileFull { offset, size } => write!(
                f,
                "byte {offset}: {size} more bytes would make the file larger than FAT allows (4 GiB - 1): go \
                 on in a new file"
            ),
            Self::Seek { size } => write!(f, "a seek out of the file, which has {size} bytes"),
        }
    }
}

impl<E: Error + 'static> Error for CardError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Mount(error) | Self::Open(error) | Self::Card(error) => Some(error),
            Self::FileFull { .. } | Self::Seek { .. } => None,
        }
    }
}

impl<E: Error + 'static> embedded_io::Error for CardError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            // `embedded-sdmmc` never says `Interrupted`: nothing is tried again.
            Self::Mount(error) | Self::Open(error) | Self::Card(error) => error.kind(),
            Self::FileFull { .. } => ErrorKind::OutOfMemory,
            Self::Seek { .. } => ErrorKind::InvalidInput,
        }
    }
}
