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

mod window;

use self::window::Window;
use crate::chain::{Chain, ChainLink, NoHistory, Relation};
use crate::check::{Checked, Checker, Fault};
use crate::checksum::{AnyProfile, Backend, Checksum, Profile};
use crate::damage::Damage;
use crate::resync::Resync;
use crate::slice::{Event, Located};
use crate::wire::{Entry, HEAD_SIZE, Header, Op};
use core::fmt;
use embedded_io::{Read, Seek};

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
    window: Window<D, B>,
    checker: Checker<P>,
    offset: u64,
    chain: Chain<NoHistory>,
    /// Where reading was resumed from, if the chain starts there rather than at an entry.
    resumed: Option<Checksum>,
    chain_check: bool,
    /// The entry at the position is whole and breaks the chain.
    at_break: bool,
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

impl<D: Read + Seek, B: AsMut<[u8]>> Reader<D, B, AnyProfile> {
    /// Reads a log in the profile that its first entry's magic tells; where that is damaged, in the one
    /// of the first entry found (the whole log is searched for it, once per profile).
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], or [`ReadError::Buffer`] if `buffer` has fewer than 272 bytes.
    pub fn open(device: D, buffer: B, backend: Backend) -> Result<Self, ReadError<D::Error>> {
        let mut reader = Self::new(device, buffer, AnyProfile::from(crate::TigerBeetle::new(backend)))?;
        if let Some(profile) = reader.detect(backend)? {
            reader.checker = Checker::new(profile);
        }
        Ok(reader)
    }

    fn detect(&mut self, backend: Backend) -> Result<Option<AnyProfile>, ReadError<D::Error>> {
        let magic = self.window.at(0, crate::wire::MAGIC_SIZE)?.bytes;
        let magic = magic.get(..crate::wire::MAGIC_SIZE).unwrap_or(magic);
        if magic.is_empty() {
            return Ok(None);
        }
        if let Some(profile) = AnyProfile::from_magic(magic, backend) {
            return Ok(Some(profile));
        }
        let mut nearest = None;
        for profile in AnyProfile::all(backend) {
            let end = nearest.map_or(self.window.end(), |(offset, _)| offset);
            // The limit is not known yet.
            let checker = Checker::new(profile).with_message_size_max(u32::MAX);
            let mut search = Resync::from_anywhere(checker, 0, end);
            if let Some(offset) = self.window.drive(&mut search)? {
                nearest = Some((offset, profile));
            }
        }
        Ok(nearest.map(|(_, profile)| profile))
    }
}

impl<D: Read + Seek, B: AsMut<[u8]>, P: Profile> Reader<D, B, P> {
    /// Reads a log of `profile`, from its first byte to the end that the device tells by seeking.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], or [`ReadError::Buffer`] if `buffer` has fewer than 272 bytes.
    pub fn new(device: D, buffer: B, profile: P) -> Result<Self, ReadError<D::Error>> {
        Ok(Self {
            window: Window::new(device, buffer)?,
            checker: Checker::new(profile),
            offset: 0,
            chain: Chain::new(NoHistory),
            resumed: None,
            chain_check: false,
            at_break: false,
        })
    }

    /// Sets the largest `size` of an entry (header and body, bytes); 1 MiB unless set. A larger `size`
    /// is damage, and nothing of it is read.
    #[must_use]
    pub fn with_message_size_max(mut self, message_size_max: u32) -> Self {
        self.checker = self.checker.with_message_size_max(message_size_max);
        self
    }

    /// The same, later on.
    pub(crate) fn set_message_size_max(&mut self, message_size_max: u32) {
        self.checker = self.checker.with_message_size_max(message_size_max);
    }

    /// Turns the chain check on or off; off unless set. When on, an entry whose parent is not the entry
    /// before it is [`ReadError::Chain`].
    #[must_use]
    pub fn with_chain_check(mut self, chain_check: bool) -> Self {
        self.chain_check = chain_check;
        self
    }

    /// Sets how many bytes are read at a time where fewer would do; the whole buffer unless set.
    #[must_use]
    pub fn with_read_ahead(mut self, size: usize) -> Self {
        self.window.set_read_ahead(size);
        self
    }

    /// The profile.
    pub const fn profile(&self) -> &P {
        self.checker.profile()
    }

    /// The largest `size` of an entry, bytes; for the buffer that holds any entry, add 16.
    pub const fn message_size_max(&self) -> u32 {
        self.checker.message_size_max()
    }

    /// Where the next entry is looked for, bytes from the log's beginning.
    pub const fn position(&self) -> u64 {
        self.offset
    }

    /// Goes on at `offset`. The last checksum stays: set it too, or clear it.
    pub const fn set_position(&mut self, offset: u64) {
        self.offset = offset;
        self.at_break = false;
    }

    /// Where the log ends.
    pub const fn end(&self) -> u64 {
        self.window.end()
    }

    /// Sets where the log ends: a file that grew, or a log on a device that is larger than the log.
    pub const fn set_end(&mut self, end: u64) {
        self.window.set_end(end);
    }

    /// The checksum of the last entry given: what the next one's parent has to be.
    pub fn last_checksum(&self) -> Option<Checksum> {
        self.resumed.or_else(|| self.chain.last().map(|link| link.checksum))
    }

    /// Sets the checksum that the next entry's parent has to be (`None`: any), to resume at a position.
    pub fn set_last_checksum(&mut self, checksum: Option<Checksum>) {
        self.chain.clear();
        self.resumed = checksum;
        self.at_break = false;
    }

    /// Back to the log's beginning, with no entry before it.
    pub fn reset(&mut self) {
        self.set_position(0);
        self.set_last_checksum(None);
    }

    /// The device back.
    pub fn into_device(self) -> D {
        self.window.into_device()
    }

    /// The next entry, verified whole; `None` at the log's end, again and again.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]. The position stays at the entry that could not be given.
    #[expect(clippy::should_implement_trait, reason = "lends from the reader, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Located<'_>>, ReadError<D::Error>> {
        let offset = self.offset;
        let mut needed = HEAD_SIZE;
        let link = loop {
            let view = self.window.at(offset, needed)?;
            match self.checker.entry(view.bytes, view.rest) {
                Checked::Whole(entry) => break ChainLink::from(&entry.header),
                Checked::Need(size) => needed = size as usize,
                Checked::Fault(fault) => return Err(self.damage(fault)),
                Checked::End => return Ok(None),
            }
        };
        self.follow(link)?;
        let view = self.window.at(offset, needed)?;
        let Some(entry) = Entry::from_prefix(view.bytes) else { return Ok(None) };
        self.offset = offset.saturating_add(entry.header.size_disk());
        Ok(Some(Located { offset, entry }))
    }

    /// The next entry, verified whole, its body given to `piece` as it passes by; `None` at the end.
    ///
    /// What `piece` gets is **not yet verified**: only `Ok` says that it was right.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; never [`ReadError::Buffer`].
    pub fn next_streamed(
        &mut self,
        mut piece: impl FnMut(&[u8]),
    ) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        let Some(located) = self.head()? else { return Ok(None) };
        self.body(&located.header, &mut piece)?;
        self.pass(&located.header)?;
        Ok(Some(located))
    }

    /// The next entry's header, verified; the body is not read. `None` at the end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; never [`ReadError::Buffer`].
    pub fn next_header(&mut self) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        let Some(located) = self.head()? else { return Ok(None) };
        self.pass(&located.header)?;
        Ok(Some(located))
    }

    /// Goes on at the next place behind the position where an entry starts, else at the log's end; gives
    /// it. The chain check starts anew there. After [`ReadError::Chain`] that place is the position
    /// itself: the entry is whole, and nothing whole is skipped.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`]; the position is as before.
    pub fn skip(&mut self) -> Result<u64, ReadError<D::Error>> {
        if !self.at_break {
            let mut search = Resync::new(self.checker, self.offset, self.window.end());
            let found = self.window.drive(&mut search)?;
            self.offset = found.unwrap_or(self.window.end());
        }
        self.set_last_checksum(None);
        Ok(self.offset)
    }

    /// Goes on at the first place in `from..until` where an entry starts, and gives it; without one, the
    /// position is as before. For readers that begin in the middle of a log. An entry found like this may
    /// lie inside the body of one that began before `from`.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`]; the position is as before.
    pub fn search(&mut self, from: u64, until: u64) -> Result<Option<u64>, ReadError<D::Error>> {
        // The head of an entry that starts before `until` may reach behind it, and the window may hold more.
        let end = until.saturating_add(HEAD_SIZE as u64 - 1).min(self.window.end());
        let found = self.window.drive(&mut Resync::from_anywhere(self.checker, from, end))?;
        let found = found.filter(|offset| *offset < until);
        if let Some(offset) = found {
            self.offset = offset;
            self.set_last_checksum(None);
        }
        Ok(found)
    }

    /// The next entry, or damage together with where reading goes on behind it; `None` at the end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; never [`ReadError::Damage`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError<D::Error>> {
        // The entry is lent from the window afterwards: lending it from here would hold on to `self`.
        match self.next() {
            Err(ReadError::Damage(damage)) => return Ok(Some(Event::Damage(damage, self.skip()?))),
            Err(error) => return Err(error),
            Ok(None) => return Ok(None),
            Ok(Some(_)) => {}
        }
        Ok(self.last_located().map(Event::Entry))
    }

    /// The log's bytes from `offset` on: at least `size_min` (at most the buffer's), unless the log ends
    /// before. The position stays.
    pub(crate) fn peek(&mut self, offset: u64, size_min: usize) -> Result<&[u8], ReadError<D::Error>> {
        Ok(self.window.at(offset, size_min)?.bytes)
    }

    /// The entry just given, which is still in the window.
    fn last_located(&mut self) -> Option<Located<'_>> {
        let (offset, bytes) = self.window.current();
        Some(Located { offset, entry: Entry::from_prefix(bytes)? })
    }

    /// Verifies the body of the entry at the position, given its header.
    fn body(&mut self, header: &Header, piece: &mut impl FnMut(&[u8])) -> Result<(), ReadError<D::Error>> {
        let mut body = self.checker.body(header);
        let mut at = self.offset.saturating_add(HEAD_SIZE as u64);
        while body.remaining() > 0 {
            let taken = body.absorb(self.window.at(at, 1)?.bytes);
            if taken.is_empty() {
                break; // the device shrank: `finish` tells the torn tail
            }
            piece(taken);
            at = at.saturating_add(taken.len() as u64);
        }
        body.finish_in_place().map_err(|fault| self.damage(fault))
    }

    /// The head at the position, verified; `None` at the end.
    fn head(&mut self) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        let offset = self.offset;
        let view = self.window.at(offset, HEAD_SIZE)?;
        match self.checker.head(view.bytes, view.rest) {
            Checked::Whole(head) => Ok(Some(LocatedHeader { offset, header: head.header })),
            Checked::Fault(fault) => Err(self.damage(fault)),
            Checked::Need(_) | Checked::End => Ok(None),
        }
    }

    /// Moves behind the entry at the position.
    fn pass(&mut self, header: &Header) -> Result<(), ReadError<D::Error>> {
        self.follow(header.into())?;
        self.offset = self.offset.saturating_add(header.size_disk());
        Ok(())
    }

    /// Takes the entry at the position as the chain's last, if it may be.
    fn follow(&mut self, link: ChainLink) -> Result<(), ReadError<D::Error>> {
        if let Some(expected) = self.last_checksum()
            && self.chain_check
            && (link.parent != expected || !(self.resumed.is_some() || self.chain.relation(link).is_linked()))
        {
            let relation = match self.chain.relation(link) {
                Relation::First => Relation::Fork { op: link.op, known: expected },
                relation => relation,
            };
            self.at_break = true;
            let broken =
                ChainBreak { offset: self.offset, op: link.op, parent: link.parent, expected, relation };
            return Err(ReadError::Chain(broken));
        }
        self.resumed = None;
        self.chain.push(link);
        Ok(())
    }

    fn damage(&self, fault: Fault) -> ReadError<D::Error> {
        ReadError::Damage(Damage { offset: self.offset, op: fault.op, kind: fault.kind })
    }
}
