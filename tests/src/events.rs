//! What a reader found in a log, as a list: every form of reading gives the same one.

use aof_nostd::checksum::{Backend, Profile};
use aof_nostd::{Checker, Damage, DamageKind, Entries, Event, LocatedHeader, ReadError, Reader};
use embedded_io::{Read, Seek};
use std::fmt::Debug;

/// What stands in a part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its first byte.
    pub offset: u64,
    /// The first byte behind it.
    pub end: u64,
    /// What it is.
    pub found: Found,
}

/// An entry or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole entry.
    Entry {
        /// Its number.
        op: u64,
        /// Its identity.
        checksum: u128,
    },
    /// Bytes that belong to no entry.
    Damage {
        /// The stable name of the rule broken.
        kind: &'static str,
        /// The op, where the header can be trusted.
        op: Option<u64>,
        /// Missing bytes of a torn tail, else 0.
        missing: u64,
    },
}

impl Seen {
    /// Whether it is a whole entry.
    #[must_use]
    pub const fn is_entry(&self) -> bool {
        matches!(self.found, Found::Entry { .. })
    }

    /// The kind of damage, `None` for an entry.
    #[must_use]
    pub const fn damage(&self) -> Option<&'static str> {
        match self.found {
            Found::Entry { .. } => None,
            Found::Damage { kind, .. } => Some(kind),
        }
    }

    fn damaged(damage: Damage, end: u64) -> Self {
        let missing = match damage.kind {
            DamageKind::TornTail { missing } => missing,
            _ => 0,
        };
        let (kind, op) = (damage.kind.name(), damage.op.map(|op| op.0));
        Self { offset: damage.offset, end, found: Found::Damage { kind, op, missing } }
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Entry(located) => {
                LocatedHeader { offset: located.offset, header: located.entry.header }.into()
            }
            Event::Damage(damage, end) => Self::damaged(damage, end),
        }
    }
}

impl From<LocatedHeader> for Seen {
    fn from(head: LocatedHeader) -> Self {
        let LocatedHeader { offset, header } = head;
        let found = Found::Entry { op: header.op().0, checksum: header.checksum.get() };
        Self { offset, end: offset + header.size_disk(), found }
    }
}

/// The whole entries' offsets.
#[must_use]
pub fn entry_offsets(seen: &[Seen]) -> Vec<usize> {
    let entries = seen.iter().filter(|seen| seen.is_entry());
    entries.map(|seen| usize::try_from(seen.offset).expect("memory holds it")).collect()
}

/// The damage: offset and kind.
#[must_use]
pub fn damages(seen: &[Seen]) -> Vec<(u64, &'static str)> {
    seen.iter().filter_map(|seen| Some((seen.offset, seen.damage()?))).collect()
}

/// Stops the test unless the parts cover the log: each begins where the one before it ends, none is
/// empty, and the last ends at `end`.
pub fn assert_cover(seen: &[Seen], end: u64) {
    let mut at = 0;
    for part in seen {
        assert_eq!(part.offset, at, "a part begins where the one before it ends");
        assert!(part.end > at, "reading makes progress: {part:?}");
        at = part.end;
    }
    assert_eq!(at, end, "the last part ends with the log");
}

/// What [`Entries`] finds, event by event.
pub fn by_entries<P: Profile>(log: &[u8], checker: Checker<P>) -> Vec<Seen> {
    let mut entries = Entries::with_checker(log, checker);
    std::iter::from_fn(|| entries.next_event().map(Seen::from)).collect()
}

/// What [`Entries::detect`] finds.
#[must_use]
pub fn by_detect(log: &[u8]) -> Vec<Seen> {
    let mut entries = Entries::detect(log, Backend::SOFTWARE);
    std::iter::from_fn(|| entries.next_event().map(Seen::from)).collect()
}

/// A form of reading with a [`Reader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// [`Reader::next_event`]; what does not fit the buffer is streamed.
    Event,
    /// [`Reader::next`] and [`Reader::skip`]; what does not fit the buffer is streamed.
    Next,
    /// [`Reader::next_streamed`] and [`Reader::skip`].
    Streamed,
    /// [`Reader::next_header`] and [`Reader::skip`]. Finds no damage of bodies.
    Header,
}

impl Form {
    /// The forms that look at everything.
    pub const VERIFYING: [Self; 3] = [Self::Event, Self::Next, Self::Streamed];

    /// What a reader finds from its position on. A device that fails stops it: the last item tells.
    ///
    /// # Errors
    ///
    /// The device's error, with what was found before it.
    pub fn read<D, B, P>(self, reader: &mut Reader<D, B, P>) -> Result<Vec<Seen>, (Vec<Seen>, D::Error)>
    where
        D: Read + Seek,
        B: AsMut<[u8]>,
        P: Profile,
        D::Error: Debug,
    {
        let mut seen = Vec::new();
        loop {
            match self.step(reader) {
                Ok(Some(part)) => seen.push(part),
                Ok(None) => return Ok(seen),
                Err(error) => return Err((seen, error)),
            }
        }
    }

    /// The same over a device that fails now and then: each failed step is tried again. Every error goes to
    /// `failed` first.
    pub fn read_on<D, B, P>(self, reader: &mut Reader<D, B, P>, mut failed: impl FnMut(D::Error)) -> Vec<Seen>
    where
        D: Read + Seek,
        B: AsMut<[u8]>,
        P: Profile,
        D::Error: Debug,
    {
        let mut seen = Vec::new();
        loop {
            match self.read(reader) {
                Ok(more) => {
                    seen.extend(more);
                    return seen;
                }
                Err((more, error)) => {
                    seen.extend(more);
                    failed(error);
                }
            }
        }
    }

    /// As [`read`](Self::read), by the steps over `embedded_io_async`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_async<D, B, P>(
        self,
        reader: &mut Reader<D, B, P>,
    ) -> Result<Vec<Seen>, (Vec<Seen>, D::Error)>
    where
        D: embedded_io_async::Read + embedded_io_async::Seek,
        B: AsMut<[u8]>,
        P: Profile,
        D::Error: Debug,
    {
        let mut seen = Vec::new();
        loop {
            match self.step_async(reader).await {
                Ok(Some(part)) => seen.push(part),
                Ok(None) => return Ok(seen),
                Err(error) => return Err((seen, error)),
            }
        }
    }

    /// One step of [`read_async`](Self::read_async).
    ///
    /// # Errors
    ///
    /// The device's error.
    pub async fn step_async<D, B, P>(self, reader: &mut Reader<D, B, P>) -> Result<Option<Seen>, D::Error>
    where
        D: embedded_io_async::Read + embedded_io_async::Seek,
        B: AsMut<[u8]>,
        P: Profile,
        D::Error: Debug,
    {
        let streamed = async |reader: &mut Reader<D, B, P>| {
            reader.next_streamed_async(|_| {}).await.map(|head| head.map(Seen::from))
        };
        let mut step = match self {
            Self::Event => reader.next_event_async().await.map(|event| event.map(Seen::from)),
            Self::Next => {
                reader.next_async().await.map(|located| located.map(|located| Event::Entry(located).into()))
            }
            Self::Streamed => streamed(reader).await,
            Self::Header => reader.next_header_async().await.map(|head| head.map(Seen::from)),
        };
        if let Err(ReadError::Buffer { .. }) = step {
            step = streamed(reader).await;
        }
        match step {
            Ok(seen) => Ok(seen),
            Err(ReadError::Device(error)) => Err(error),
            Err(ReadError::Damage(damage)) => match reader.skip_async().await {
                Ok(end) => Ok(Some(Seen::damaged(damage, end))),
                Err(ReadError::Device(error)) => Err(error),
                Err(error) => panic!("skip fails only by the device, not by {error:?}"),
            },
            Err(error) => panic!("not expected here: {error:?}"),
        }
    }

    fn step<D, B, P>(self, reader: &mut Reader<D, B, P>) -> Result<Option<Seen>, D::Error>
    where
        D: Read + Seek,
        B: AsMut<[u8]>,
        P: Profile,
        D::Error: Debug,
    {
        let step = match self {
            Self::Event => reader.next_event().map(|event| event.map(Seen::from)),
            Self::Next => reader.next().map(|located| located.map(|located| Event::Entry(located).into())),
            Self::Streamed => reader.next_streamed(|_| {}).map(|head| head.map(Seen::from)),
            Self::Header => reader.next_header().map(|head| head.map(Seen::from)),
        };
        match step {
            Ok(seen) => Ok(seen),
            Err(ReadError::Device(error)) => Err(error),
            Err(ReadError::Buffer { .. }) => Self::Streamed.step(reader),
            Err(ReadError::Damage(damage)) => match reader.skip() {
                Ok(end) => Ok(Some(Seen::damaged(damage, end))),
                Err(ReadError::Device(error)) => Err(error),
                Err(error) => panic!("skip fails only by the device, not by {error:?}"),
            },
            Err(error) => panic!("not expected here: {error:?}"),
        }
    }
}
