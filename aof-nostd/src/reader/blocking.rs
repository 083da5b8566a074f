//! The steps over `embedded_io`: the device is waited for.

use super::reading::Reading;
use super::steps::{NextEvent, Passed, Search};
use super::window::Need;
use super::{LocatedHeader, ReadError, Reader};
use crate::checksum::{AnyProfile, Backend, Profile};
use crate::detect::Detect;
use crate::slice::{Event, Located};
use crate::storage::uninterrupted;
use crate::wire::HEAD_SIZE;
use embedded_io::{Read, Seek, SeekFrom};

impl<D: Read + Seek, B: AsMut<[u8]>> Reader<D, B, AnyProfile> {
    /// Reads a log in the profile that its first entry's magic states. Where that is damaged, see [`Detect`];
    /// at worst the whole log is searched, once per profile.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], [`ReadError::Count`], or [`ReadError::Buffer`] if `buffer` has fewer than 272 bytes.
    pub fn open(device: D, buffer: B, backend: Backend) -> Result<Self, ReadError<D::Error>> {
        let mut reader = Self::new(device, buffer, AnyProfile::from(crate::TigerBeetle::new(backend)))?;
        let mut detect = Detect::new(backend, reader.end());
        reader.drive(|reading| reading.detect(&mut detect))?;
        Ok(reader)
    }
}

impl<D: Read + Seek, B: AsMut<[u8]>, P: Profile> Reader<D, B, P> {
    /// Reads a log of `profile`, from its first byte to the end that the device tells by seeking.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], or [`ReadError::Buffer`] if `buffer` has fewer than 272 bytes.
    pub fn new(mut device: D, buffer: B, profile: P) -> Result<Self, ReadError<D::Error>> {
        let mut reading = Reading::new(buffer, profile).ok_or(ReadError::BUFFER)?;
        let end = uninterrupted(|| device.seek(SeekFrom::End(0))).map_err(ReadError::Device)?;
        reading.window.opened(end);
        Ok(Self { device, reading })
    }

    /// The next entry, verified whole; `None` at the log's end, again and again.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]. The position stays at the entry that could not be given.
    #[expect(clippy::should_implement_trait, reason = "lends from the reader, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Located<'_>>, ReadError<D::Error>> {
        let mut needed = HEAD_SIZE;
        let is_there = self.drive(|reading| reading.entry(&mut needed))??;
        Ok(if is_there { self.reading.located() } else { None })
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
        if !self.drive(Reading::head)?? {
            return Ok(None);
        }
        let Some(located) = self.reading.located_header() else { return Ok(None) };
        let mut body = self.reading.body_check(&located);
        self.drive(|reading| reading.body(&located, &mut body, &mut piece))??;
        Ok(Some(located))
    }

    /// The next entry's header, verified; the body is not read. `None` at the end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; never [`ReadError::Buffer`].
    pub fn next_header(&mut self) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        if !self.drive(Reading::head)?? {
            return Ok(None);
        }
        let Some(located) = self.reading.located_header() else { return Ok(None) };
        self.reading.pass_header(&located.header)?;
        Ok(Some(located))
    }

    /// Goes on at the next place behind the position where an entry starts, else at the log's end; gives
    /// it. The chain check starts anew there. After [`ReadError::Chain`] that place is the position
    /// itself: the entry is whole, and nothing whole is skipped.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], [`ReadError::Count`]; the position is as before.
    pub fn skip(&mut self) -> Result<u64, ReadError<D::Error>> {
        let mut search = self.reading.resync();
        self.drive(|reading| reading.skip(&mut search))
    }

    /// Goes on at the first place in `from..until` where an entry starts, and gives it; without one, the
    /// position is as before. For readers that begin in the middle of a log. An entry found like this may
    /// lie inside the body of one that began before `from`.
    ///
    /// # Errors
    ///
    /// [`ReadError::Device`], [`ReadError::Count`]; the position is as before.
    pub fn search(&mut self, from: u64, until: u64) -> Result<Option<u64>, ReadError<D::Error>> {
        let mut search = Search::new(&self.reading, from, until);
        self.drive(|reading| search.step(reading))
    }

    /// The next entry, or damage together with where reading goes on behind it; `None` at the end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; never [`ReadError::Damage`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError<D::Error>> {
        let mut next = NextEvent::new();
        // The entry is lent from the window afterwards: lending it from the step would hold on to `self`.
        Ok(match self.drive(|reading| next.step(reading))?? {
            Some(Passed::Entry) => self.reading.located().map(Event::Entry),
            Some(Passed::Damage(damage, until)) => Some(Event::Damage(damage, until)),
            None => None,
        })
    }

    /// Gives to `each` the entries from the position on that start before `until`, as long as they are whole,
    /// valid and in the buffer: nothing is read. A short cut for many small entries, to be taken before each
    /// [`next_event`](Self::next_event), which does the rest. With the chain check on there are none.
    pub fn for_each_held(&mut self, until: u64, each: impl FnMut(Located<'_>)) {
        self.reading.held(until, each);
    }

    /// Takes a step, and reads what it lacks, until it is done.
    pub(crate) fn drive<T>(
        &mut self,
        mut step: impl FnMut(&mut Reading<B, P>) -> Result<T, Need>,
    ) -> Result<T, ReadError<D::Error>> {
        loop {
            match step(&mut self.reading) {
                Ok(done) => return Ok(done),
                Err(need) => self.fill(need)?,
            }
        }
    }

    fn fill(&mut self, need: Need) -> Result<(), ReadError<D::Error>> {
        let (device, window) = (&mut self.device, &mut self.reading.window);
        if let Some(offset) = window.seek::<D::Error>(need)? {
            let moved = uninterrupted(|| device.seek(SeekFrom::Start(offset)));
            moved.map_err(ReadError::Device)?;
        }
        let room = window.room(need);
        let read = uninterrupted(|| device.read(room)).map_err(ReadError::Device)?;
        let room_size = room.len();
        window.filled(need, read, room_size)
    }
}
