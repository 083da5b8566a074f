//! Entries from any `embedded_io::Read + Seek`, in a buffer that the caller owns.
//!
//! | step | buffer needed | checks |
//! |---|---|---|
//! | [`next`](Reader::next) | the entry | everything |
//! | [`next_streamed`](Reader::next_streamed) | 272 bytes; 1 KiB is comfortable | everything; the body passes by in pieces |
//! | [`next_header`](Reader::next_header) | 272 bytes | everything but the body, which is not read |
//!
//! The buffer is a window over the device: it is filled as far as it reaches, so a large one means few
//! device calls. Each byte is read once as long as reading goes forward. A hostile log costs no more
//! memory than the buffer and never a panic; damage is an error that says where, and
//! [`skip`](Reader::skip) goes on behind it.
//!
//! # Over `embedded_io_async`
//!
//! With the feature `async` each step is there once more, with `_async` behind its name: `new_async`,
//! `next_async` and so on. They are the same steps and find the same; what waits for the device is a future.
//! **A future may be dropped at any time**: the position is as it was before the step, which can be made
//! again, by either form. (What a device does that is left in the middle of a read is the device's affair.)

#[cfg(feature = "async")]
mod asynch;
mod blocking;
mod reading;
mod steps;
mod window;

pub(crate) use self::reading::{Reading, Step};
pub(crate) use self::steps::{Search, Streamed};
pub(crate) use self::window::Need;

use crate::chain::Relation;
use crate::checksum::{AnyProfile, Checksum, Profile};
use crate::damage::Damage;
use crate::wire::{HEAD_SIZE_U32, Header, Op};
use core::fmt;

/// Reads a log entry by entry. See the [module](self) for its three steps.
///
/// ```
/// use aof_nostd::{Reader, ReadError, checksum::Backend, storage::Cursor};
/// # use aof_nostd::{checksum::Crc, wire::{Entry, Header, HEAD_SIZE}};
/// # let mut log = [0; HEAD_SIZE + 2000];
/// # Entry::seal(&Crc, Header::new(), &mut log).unwrap();
/// let device = Cursor::new(&log[..]); // or a file on an SD card
/// let mut reader = Reader::open(device, [0; 512], Backend::default())?;
///
/// // This entry is larger than the buffer: its body passes by in pieces.
/// assert!(matches!(reader.next(), Err(ReadError::Buffer { needed: 2272, .. })));
/// let mut size = 0;
/// let head = reader.next_streamed(|piece| size += piece.len())?.expect("there is one entry");
/// assert_eq!((head.offset, head.header.body_size()), (0, 2000));
/// assert_eq!(size, 2000);
/// assert!(reader.next()?.is_none());
/// # Ok::<(), aof_nostd::ReadError<aof_nostd::storage::CursorError>>(())
/// ```
#[derive(Debug)]
pub struct Reader<D, B, P = AnyProfile> {
    device: D,
    reading: Reading<B, P>,
}

/// A header and where its entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LocatedHeader {
    /// The entry's first byte, from the log's beginning.
    pub offset: u64,
    /// The header, its checksum and frame verified.
    pub header: Header,
}

/// A whole entry whose parent is not the entry before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChainBreak {
    /// Where the entry stands.
    pub offset: u64,
    /// Its op.
    pub op: Op,
    /// The parent that it names.
    pub parent: Checksum,
    /// The checksum of the entry before it.
    pub expected: Checksum,
    /// How it stands to the entry before it; a fork where reading was resumed by a checksum alone.
    pub relation: Relation,
}

/// Why [`Reader`] has no entry to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReadError<E> {
    /// The device failed. The position is as before: the step may be tried again.
    Device(E),
    /// The device claims to have read more bytes than there was room for. The position is as before.
    Count,
    /// The device returned no more bytes, and by its own size it has some: what follows `offset` is not known. (A card
    /// that was pulled, a file that was cut meanwhile.) The position is as before; a device that became shorter on
    /// purpose is read after [`set_end`](Reader::set_end).
    Shrunk {
        /// Where it had no more bytes.
        offset: u64,
        /// Where it should end.
        end: u64,
    },
    /// The log is damaged at the position. [`skip`](Reader::skip) goes on behind it.
    Damage(Damage),
    /// The entry at the position is whole but breaks the chain. [`skip`](Reader::skip) accepts that.
    Chain(ChainBreak),
    /// The entry does not fit the buffer. The position is as before: take
    /// [`next_streamed`](Reader::next_streamed), or a buffer of `needed` bytes.
    Buffer {
        /// Where the entry stands.
        offset: u64,
        /// The entry's bytes, or the 272 that any step needs.
        needed: u32,
    },
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "the device failed: {error}"),
            Self::Count => f.write_str(
                "the device claims to have read more bytes than it was asked for: look at its driver",
            ),
            Self::Shrunk { offset, end } => {
                write!(
                    f,
                    "the device has no bytes from {offset} on and should have {end}: look at the device"
                )
            }
            Self::Damage(damage) => fmt::Display::fmt(damage, f),
            Self::Chain(broken) => {
                write!(f, "byte {} (op {}): the chain breaks: {}", broken.offset, broken.op, broken.relation)
            }
            Self::Buffer { offset, needed } => {
                write!(f, "byte {offset}: the entry needs a buffer of {needed} bytes")
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::Damage(damage) => Some(damage),
            _ => None,
        }
    }
}

impl<E> ReadError<E> {
    /// A buffer that is too small for any step.
    pub(crate) const BUFFER: Self = Self::Buffer { offset: 0, needed: HEAD_SIZE_U32 };
}

impl<D, B, P: Profile> Reader<D, B, P> {
    /// Sets the largest `size` of an entry (header and body, bytes); 1 MiB unless set. A larger `size`
    /// is damage, and nothing of it is read.
    #[must_use]
    pub fn with_message_size_max(mut self, message_size_max: u32) -> Self {
        self.reading.set_message_size_max(message_size_max);
        self
    }

    /// Turns the chain check on or off; off unless set. When on, an entry whose parent is not the entry
    /// before it is [`ReadError::Chain`].
    #[must_use]
    pub fn with_chain_check(mut self, chain_check: bool) -> Self {
        self.reading.chain_check = chain_check;
        self
    }

    /// Sets how many bytes are read at a time where fewer would do; the whole buffer unless set.
    #[must_use]
    pub fn with_read_ahead(mut self, size: usize) -> Self {
        self.reading.window.set_read_ahead(size);
        self
    }

    /// The profile.
    pub const fn profile(&self) -> &P {
        self.reading.checker.profile()
    }

    /// The largest `size` of an entry, bytes; for the buffer that holds any entry, add 16.
    pub const fn message_size_max(&self) -> u32 {
        self.reading.checker.message_size_max()
    }

    /// Where the next entry is looked for, bytes from the log's beginning.
    pub const fn position(&self) -> u64 {
        self.reading.offset
    }

    /// Goes on at `offset`. The last checksum stays: set it too, or clear it.
    pub const fn set_position(&mut self, offset: u64) {
        self.reading.set_position(offset);
    }

    /// Where the log ends.
    pub const fn end(&self) -> u64 {
        self.reading.end()
    }

    /// Sets where the log ends: a file that grew, or a log on a device that is larger than the log.
    pub const fn set_end(&mut self, end: u64) {
        self.reading.window.set_end(end);
    }

    /// The checksum of the last entry given: what the next one's parent has to be.
    pub fn last_checksum(&self) -> Option<Checksum> {
        self.reading.last_checksum()
    }

    /// Sets the checksum that the next entry's parent has to be (`None`: any), to resume at a position.
    pub fn set_last_checksum(&mut self, checksum: Option<Checksum>) {
        self.reading.set_last_checksum(checksum);
    }

    /// Back to the log's beginning, with no entry before it.
    pub fn reset(&mut self) {
        self.set_position(0);
        self.set_last_checksum(None);
    }

    /// The device back.
    pub fn into_device(self) -> D {
        self.device
    }
}
