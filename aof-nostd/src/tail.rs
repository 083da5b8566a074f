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
//! - one inside the extent that the torn entry's own header tells: it belongs to that body (somebody stored
//!   a log in a log), unless it names the log's last entry as its parent, as a writer's second try would;
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
//! Memory: the buffer (272 bytes or more) and about 800 bytes. Time: the log is read once, what is looked at
//! behind its end twice.

use crate::chain::Relation;
use crate::check::Checker;
use crate::checksum::{Magic, Profile};
use crate::damage::{Damage, DamageKind};
use crate::reader::{ChainBreak, ReadError, Reader};
use crate::storage::{Sync, uninterrupted};
use crate::wire::{EntryHead, HEAD_SIZE, Header, MAGIC_SIZE, Op};
use crate::writer::WriteError;
use core::fmt;
use embedded_io::{Read, Seek, SeekFrom, Write};
use zerocopy::FromBytes;

/// Zeros that are written at a time.
const ZEROS: [u8; 512] = [0; 512];

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
            Self::Middle { damage, .. } | Self::Rule(damage) => Some(damage),
            _ => None,
        }
    }
}

impl<E> From<ReadError<E>> for TailError<E> {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Device(error) => Self::Device(error),
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
    /// with no entry there whatever stands in the region is a torn first one.
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
        let reader = Reader::new(device, buffer, *self.checker.profile())?;
        let reader = reader.with_message_size_max(self.checker.message_size_max());
        let mut reader = reader.with_chain_check(true);
        let end = reader.end();
        let tail = self.tail(&mut reader)?;
        // A reader takes a device that gives no more bytes for one that ends there; a writer must not.
        if reader.end() < end {
            return Err(TailError::Shrunk { offset: reader.end(), end });
        }
        Ok(tail)
    }

    fn tail<D: Read + Seek, B: AsMut<[u8]>>(
        &self,
        reader: &mut Reader<D, B, P>,
    ) -> Result<Tail, TailError<D::Error>> {
        let mut tail = Tail::default();
        let damage = loop {
            match reader.next_streamed(|_piece| {}) {
                Ok(Some(located)) => {
                    tail.end = located.offset.saturating_add(located.header.size_disk());
                    tail.last = Some(located.header);
                    tail.entries = tail.entries.saturating_add(1);
                }
                Ok(None) => return Ok(tail),
                Err(ReadError::Damage(damage)) => break damage,
                Err(ReadError::Chain(broken)) if !matches!(broken.relation, Relation::Fork { .. }) => {
                    reader.skip()?; // a replica's log may go back, and ahead
                }
                Err(error) => return Err(error.into()),
            }
        };
        if matches!(damage.kind, DamageKind::HeaderInvalid(_)) {
            return Err(TailError::Rule(damage));
        }
        // An entry behind the damage counts however large it is.
        reader.set_message_size_max(u32::MAX);
        let reach = self.search_size_max.max(self.checker.entry_size_max().into());
        let until = tail.end.saturating_add(reach).min(reader.end());
        tail.torn = torn(reader, tail.end, until, self.medium.free())?;
        let Some(torn) = tail.torn else { return Ok(tail) };
        if let Some((next, next_op)) = self.goes_on(reader, &damage, tail.last.as_ref(), until)? {
            return Err(TailError::Middle { damage, next, next_op });
        }
        // The first entry may be torn, but then it begins with the magic. Or nothing but a part of the magic is
        // left, if the power was cut while it was cleaned.
        let magic = self.checker.profile().magic();
        let head = reader.peek(0, magic.len())?;
        let is_rest = torn.end <= magic.len() as u64 && is_rest_of(head, &magic);
        if self.medium == Medium::Zeroed && tail.entries == 0 && !begins_like(head, &magic) && !is_rest {
            return Err(TailError::NoLog { offset: torn.start });
        }
        Ok(tail)
    }

    /// The first start behind `damage` that tells that the log goes on there.
    fn goes_on<D: Read + Seek, B: AsMut<[u8]>>(
        &self,
        reader: &mut Reader<D, B, P>,
        damage: &Damage,
        last: Option<&Header>,
        until: u64,
    ) -> Result<Option<(u64, Op)>, TailError<D::Error>> {
        // Up to here bytes belong to a body, as far as a whole header before them tells.
        let mut body_end = damage.offset;
        if matches!(damage.kind, DamageKind::BodyChecksum | DamageKind::TornTail { .. })
            && let Some(header) = header_at(reader, damage.offset)?
        {
            body_end = damage.offset.saturating_add(header.size_disk());
        }
        let last_op = last.map_or(0, |last| last.op.get());
        let leftovers = last_op.saturating_add(1)..=last_op.saturating_add(self.leftovers_max.into());
        let mut from = damage.offset.saturating_add(1);
        while let Some(offset) = reader.search(from, until)? {
            let Some(header) = header_at(reader, offset)? else { break };
            if offset < body_end {
                if last.is_some_and(|last| header.parent == last.checksum) {
                    return Ok(Some((offset, header.op())));
                }
            } else if leftovers.contains(&header.op.get()) {
                body_end = offset.saturating_add(header.size_disk());
            } else {
                return Ok(Some((offset, header.op())));
            }
            from = offset.saturating_add(1);
        }
        Ok(None)
    }
}

/// Whether `bytes` begin with `magic`, or with a part of it and zeros.
fn begins_like(bytes: &[u8], magic: &Magic) -> bool {
    let bytes = bytes.get(..magic.len()).unwrap_or(bytes);
    let same = bytes.iter().zip(magic).take_while(|(byte, expected)| byte == expected).count();
    same > 0 && bytes.iter().skip(same).all(|byte| *byte == 0)
}

/// Whether `bytes` are what is left of `magic`, or of its beginning, zeroed in part.
fn is_rest_of(bytes: &[u8], magic: &Magic) -> bool {
    bytes.iter().zip(magic).all(|(byte, expected)| *byte == 0 || byte == expected)
}

/// The header at `offset`, not looked at; `None` where the log has fewer bytes.
fn header_at<D: Read + Seek, B: AsMut<[u8]>, P: Profile>(
    reader: &mut Reader<D, B, P>,
    offset: u64,
) -> Result<Option<Header>, TailError<D::Error>> {
    let head = EntryHead::ref_from_prefix(reader.peek(offset, HEAD_SIZE)?);
    Ok(head.ok().map(|(head, _)| head.header))
}

/// The extent of what is not `free` in `from..until`.
fn torn<D: Read + Seek, B: AsMut<[u8]>, P: Profile>(
    reader: &mut Reader<D, B, P>,
    from: u64,
    until: u64,
    free: u8,
) -> Result<Option<Torn>, TailError<D::Error>> {
    let mut torn: Option<Torn> = None;
    let mut at = from;
    while at < until {
        let bytes = reader.peek(at, 1)?;
        let left = usize::try_from(until - at).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        if bytes.is_empty() {
            break; // the device shrank
        }
        let offset = |index: usize| at.saturating_add(index as u64);
        let is_set = |byte: &u8| *byte != free;
        if let (Some(first), Some(last)) = (bytes.iter().position(is_set), bytes.iter().rposition(is_set)) {
            let start = torn.map_or(offset(first), |torn| torn.start);
            torn = Some(Torn { start, end: offset(last).saturating_add(1) });
        }
        at = offset(bytes.len());
    }
    Ok(torn)
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
        // Entries found may still be in the device's cache. And a device that makes nothing durable says so
        // before anything on it changes.
        device.sync().map_err(WriteError::Device)?;
        if let Some(torn) = self.torn {
            let head_end = self.end.saturating_add(HEAD_SIZE as u64);
            let middle = head_end.clamp(torn.start, torn.end.max(torn.start));
            zero(&mut device, middle, torn.end)?;
            device.sync().map_err(WriteError::Device)?;
            // The magic at the very last: the first entry's tells that a log stands here.
            let magic_end = self.end.saturating_add(MAGIC_SIZE as u64).max(torn.start).min(middle);
            zero(&mut device, magic_end, middle)?;
            zero(&mut device, torn.start, magic_end)?;
            device.sync().map_err(WriteError::Device)?;
        }
        uninterrupted(|| device.seek(SeekFrom::Start(self.end))).map_err(WriteError::Device)?;
        Ok(())
    }
}

/// Zeroes `start..end`.
fn zero<D: Write + Seek>(device: &mut D, start: u64, end: u64) -> Result<(), WriteError<D::Error>> {
    uninterrupted(|| device.seek(SeekFrom::Start(start))).map_err(WriteError::Device)?;
    let mut left = end.saturating_sub(start);
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
        let zeros = ZEROS.get(..size).unwrap_or(&ZEROS);
        match uninterrupted(|| device.write(zeros)).map_err(WriteError::Device)? {
            0 => return Err(WriteError::Full),
            written => left = left.saturating_sub(written as u64),
        }
    }
    uninterrupted(|| device.flush()).map_err(WriteError::Device)
}
