//! Where a log ends, for a writer that goes on: in a file, or raw on a device that is larger than the log.
//!
//! A device's size says nothing of the log on it. It is zeroed before its first use, and behind the log's
//! end all is zero but for what a power cut left:
//!
//! ```text
//!   | entry | entry | entry | torn entry, leftovers |000000000000000000000000000|
//!   0       synced ..       ^ end      ^ torn       ^                           ^ the device's end
//!                           |------- search_size_max at most --------|
//! ```
//!
//! The log ends at the first place where no whole entry stands ([`Tail::end`]). What is not zero behind it is
//! the *torn tail*. [`Tail::clean`] zeroes it before the writer goes on, so that old bytes can never be taken
//! for entries later.
//!
//! **Nothing is zeroed that may have been synced.** A start (a magic with a valid header) behind the end
//! tells that the log went on there: that is damage in the middle, and [`TailError::Middle`] says where. Two
//! kinds of start do not tell that:
//!
//! - one inside the extent of the torn entry, if a checksum vouches for that extent: it belongs to that body
//!   (somebody stored a log in a log), unless a crash is proven inside, see "What a sealed header covers" in
//!   `docs/format.md`;
//! - a *leftover*: an unsynced entry that a power cut left while it took one before it. Only a device that
//!   writes in another order than it was told leaves those, and they cannot be told from what stands behind
//!   a damaged synced entry. So they count, unless [`Recovery::with_leftovers_max`] says how many ops may be
//!   given up.
//!
//! **On NOR flash** free space is not zero but erased, 0xff, and nothing can be zeroed:
//! [`Recovery::on_flash`] looks for the end of a log in a formatted region, which is cut there.
//!
//! How far to look: what a power cut left lies within the reach of unsynced writes, so
//! [`Recovery::with_search_size_max`] should be the writer's bound of unsynced entries times its largest
//! entry, or more. Damage that leaves no start within that reach looks like the log's end; unless set, the
//! whole device is looked at.
//!
//! Memory: the buffer (272 bytes or more), and 2.9 to 3.5 KiB of stack on a 32-bit CPU: the program `recover` of
//! `docs/embedded.md`. Time: the log is read once, what is looked at behind its end twice.
//!
//! # Over `embedded_io_async`
//!
//! With the feature `async`: `find_async` and `clean_async`. A `find_async` may be dropped at any time: nothing
//! was written. A `clean_async` that was dropped is one that failed, see there.

#[cfg(feature = "async")]
mod asynch;
mod clean;
mod find;

use self::clean::Act;
use self::find::Find;
use crate::check::Checker;
use crate::checksum::Profile;
use crate::damage::Damage;
use crate::reader::{ChainBreak, ReadError, Reader};
use crate::storage::{Sync, uninterrupted};
use crate::wire::{Header, Op};
use crate::writer::{WriteError, write_all};
use core::fmt;
use embedded_io::{Read, Seek, SeekFrom, Write};

/// How a log's end is looked for. See the [module](self).
///
/// ```
/// use aof_nostd::{Crc, Draft, Recovery, Writer, storage::Cursor};
///
/// let mut device = Cursor::new([0; 4096]); // a raw device, zeroed: nothing was ever written
/// for op in 1..=3 {
///     let tail = Recovery::new(Crc).find(&mut device, [0; 512])?;
///     assert_eq!((tail.entries, tail.last.map(|header| header.op().0)), (op - 1, (op > 1).then_some(op - 1)));
///     tail.clean(&mut device)?;
///     let mut writer = Writer::new(&mut device, Crc);
///     if let Some(last) = tail.last {
///         writer = writer.continue_after(last);
///     }
///     writer.append_new(&Draft::default(), b"one more start")?;
///     writer.checkpoint(|| { /* durable */ })?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Recovery<P> {
    checker: Checker<P>,
    search_size_max: u64,
    leftovers_max: u32,
    medium: Medium,
}

/// What free space is on a device: a property of the device, and never guessed from what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Medium {
    /// Zeroed before its first use.
    Zeroed,
    /// Erased, by a format that only we make: what stands there is this log's.
    Flash,
}

impl Medium {
    /// What a byte reads as that nothing was written to.
    const fn free(self) -> u8 {
        match self {
            Self::Zeroed => 0,
            Self::Flash => 0xff,
        }
    }
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tail {
    /// The first byte behind the last whole entry, from the log's beginning.
    pub end: u64,
    /// The last entry's header: what the next entry continues.
    pub last: Option<Header>,
    /// How many entries there are.
    pub entries: u64,
    /// What is to be zeroed before the log goes on, or, in a file, cut off.
    pub torn: Option<Torn>,
}

/// The extent of the torn tail: from the first byte behind the log's end that is not free space to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Torn {
    /// The first byte that is not zero.
    pub start: u64,
    /// The first byte behind the last one that is not zero.
    pub end: u64,
}

/// Why a writer must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TailError<E> {
    /// The device failed.
    Device(E),
    /// The device claims to have read more bytes than there was room for.
    Count,
    /// The buffer has fewer bytes than this.
    Buffer {
        /// Bytes that it has to have.
        needed: u32,
    },
    /// Damage in the middle: the log goes on behind it. Appending would lose what stands there.
    Middle {
        /// Where the first whole entry is missing.
        damage: Damage,
        /// Where an entry starts behind it.
        next: u64,
        /// That entry's op.
        next_op: Op,
    },
    /// An entry's header is whole and breaks a rule, which no power cut does: it is larger than
    /// [`Recovery::with_message_size_max`] allows, or of a later version. It may have been synced.
    Rule(Damage),
    /// Where the next entry of this log would stand, one of the other profile begins, or one of TigerBeetle's
    /// layout before 0.16.21. No power cut writes that: it is another log, whole as it may be.
    Foreign(Damage),
    /// The device gave fewer bytes than it has by its own word: what is behind `offset` is not known.
    Shrunk {
        /// Where it had no more bytes.
        offset: u64,
        /// Where it should end.
        end: u64,
    },
    /// Two histories: an old log stood on the device, or two writers were at work.
    Fork(ChainBreak),
    /// There is no entry, and the device is not zero: it holds something else.
    NoLog {
        /// The first byte that is not zero.
        offset: u64,
    },
}

impl<E: fmt::Display> fmt::Display for TailError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "the device failed: {error}"),
            Self::Count => fmt::Display::fmt(&ReadError::<E>::Count, f),
            Self::Buffer { needed } => write!(f, "recovery needs a buffer of {needed} bytes"),
            Self::Middle { damage, next, next_op } => write!(
                f,
                "{damage}, and the log goes on at byte {next} (op {next_op}): damage in the middle: append \
                 nothing; merge this log with those of other replicas, or copy it out"
            ),
            Self::Rule(damage) => write!(
                f,
                "{damage}, and no power cut does that: append nothing; is the size limit lower than the \
                 writer's, or the log of a later version?"
            ),
            Self::Foreign(damage) => write!(
                f,
                "{damage}: append nothing; recover it in the profile in which it was written (tigerbeetle or \
                 crc), or copy it out"
            ),
            Self::Shrunk { offset, end } => write!(
                f,
                "the device has no bytes behind {offset} and should have {end}: append nothing; look at the device"
            ),
            Self::Fork(broken) => write!(
                f,
                "byte {} (op {}): {}: append nothing; copy the log out, and zero the device before its next use",
                broken.offset, broken.op, broken.relation
            ),
            Self::NoLog { offset } => write!(
                f,
                "byte {offset}: no log of this profile, and not zero: is it the right device? If nothing on \
                 it is needed, zero it"
            ),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for TailError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::Middle { damage, .. } | Self::Rule(damage) | Self::Foreign(damage) => Some(damage),
            _ => None,
        }
    }
}

impl<E> From<ReadError<E>> for TailError<E> {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Device(error) => Self::Device(error),
            ReadError::Count => Self::Count,
            ReadError::Shrunk { offset, end } => Self::Shrunk { offset, end },
            ReadError::Buffer { needed, .. } => Self::Buffer { needed },
            ReadError::Chain(broken) => Self::Fork(broken),
            // Never: `find` looks at damage itself.
            ReadError::Damage(damage) => {
                Self::Middle { damage, next: damage.offset, next_op: damage.op.unwrap_or(Op(0)) }
            }
        }
    }
}

impl<P: Profile> Recovery<P> {
    /// Looks for the end of a log of `profile`: entries of at most 1 MiB with their header, the whole device
    /// behind the end, no leftovers.
    pub const fn new(profile: P) -> Self {
        let medium = Medium::Zeroed;
        Self { checker: Checker::new(profile), search_size_max: u64::MAX, leftovers_max: 0, medium }
    }

    /// For a log in a formatted region of NOR flash, `storage::nor::NorRegion`: free space reads as 0xff, and
    /// with no entry there whatever stands in the region is a torn first one, unless it begins as a log of
    /// the other profile ([`TailError::Foreign`]).
    #[must_use]
    pub const fn on_flash(self) -> Self {
        Self { medium: Medium::Flash, ..self }
    }

    /// Sets the largest `size` of an entry (header and body, bytes): the writer's, or more. A larger entry is
    /// refused, as [`TailError::Rule`].
    #[must_use]
    pub const fn with_message_size_max(self, message_size_max: u32) -> Self {
        Self { checker: self.checker.with_message_size_max(message_size_max), ..self }
    }

    /// Sets how many bytes behind the end are looked at, one largest entry at least: unsynced entries that
    /// the writer allows, times the largest of them on disk. The whole device unless set.
    #[must_use]
    pub const fn with_search_size_max(self, search_size_max: u64) -> Self {
        Self { search_size_max, ..self }
    }

    /// Gives up starts behind the end whose ops are at most so many above the last one; none unless set.
    ///
    /// For devices that write in any order, with the writer's bound of unsynced entries, **if what was
    /// unsynced can be had again**: from a replica's journal, or from other replicas. Should a synced entry
    /// among the last `leftovers_max` be damaged, those behind it are given up too.
    #[must_use]
    pub const fn with_leftovers_max(self, leftovers_max: u32) -> Self {
        Self { leftovers_max, ..self }
    }

    /// Reads the log, verifies every entry, and finds its end. Writes nothing.
    ///
    /// # Errors
    ///
    /// See [`TailError`]: where the device cannot be read, and where a writer must not go on.
    pub fn find<D: Read + Seek, B: AsMut<[u8]>>(
        &self,
        device: D,
        buffer: B,
    ) -> Result<Tail, TailError<D::Error>> {
        let mut reader = self.reader(Reader::new(device, buffer, *self.checker.profile())?);
        let mut find = Find::new(self);
        reader.drive(|reading| find.step(reading))??;
        Ok(find.tail())
    }

    /// The reader by which the end is found.
    fn reader<D, B>(&self, reader: Reader<D, B, P>) -> Reader<D, B, P> {
        reader.with_message_size_max(self.checker.message_size_max()).with_chain_check(true)
    }
}

impl Tail {
    /// Zeroes the torn tail, makes that and every entry found durable, and leaves `device` at the log's end:
    /// where a [`Writer`](crate::Writer) may go on. For raw devices; a file is cut at `end` instead.
    ///
    /// A power cut meanwhile leaves a torn tail again: the torn entry's head is zeroed last, since it tells
    /// as long as it stands that what is in its body is no entry of the log; and of the head the magic.
    ///
    /// # Errors
    ///
    /// [`WriteError::Device`], or [`WriteError::Full`] where the device has become smaller. Find the tail anew;
    /// where a sync failed, only after a restart: see [`Sync`].
    pub fn clean<D: Write + Seek + Sync>(&self, mut device: D) -> Result<(), WriteError<D::Error>> {
        for act in self.acts() {
            match act {
                None => {}
                Some(Act::Sync) => device.sync().map_err(WriteError::Device)?,
                Some(Act::Seek(offset)) => seek(&mut device, offset)?,
                Some(Act::Zero(mut zeros)) => {
                    seek(&mut device, zeros.start)?;
                    while let Some(piece) = zeros.next() {
                        write_all(&mut device, piece)?;
                    }
                    uninterrupted(|| device.flush()).map_err(WriteError::Device)?;
                }
            }
        }
        Ok(())
    }
}

fn seek<D: Seek>(device: &mut D, offset: u64) -> Result<(), WriteError<D::Error>> {
    uninterrupted(|| device.seek(SeekFrom::Start(offset))).map(drop).map_err(WriteError::Device)
}
