//! The steps over `embedded_io_async`: while the device is waited for, others have the processor.

use super::reading::Reading;
use super::steps::{NextEvent, Passed, Search};
use super::window::Need;
use super::{LocatedHeader, ReadError, Reader};
use crate::checksum::{AnyProfile, Backend, Profile};
use crate::detect::Detect;
use crate::slice::{Event, Located};
use crate::storage::uninterrupted_async;
use crate::wire::HEAD_SIZE;
use embedded_io_async::{Read, Seek, SeekFrom};

/// With the feature `async`: over a device of [`embedded_io_async`].
impl<D: Read + Seek, B: AsMut<[u8]>> Reader<D, B, AnyProfile> {
    /// As [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_async(device: D, buffer: B, backend: Backend) -> Result<Self, ReadError<D::Error>> {
        let profile = AnyProfile::from(crate::TigerBeetle::new(backend));
        let mut reader = Self::new_async(device, buffer, profile).await?;
        let mut detect = Detect::new(backend, reader.end());
        reader.drive_async(|reading| reading.detect(&mut detect)).await?;
        Ok(reader)
    }
}

/// With the feature `async`: over a device of [`embedded_io_async`]. A future that is dropped leaves the
/// position as it was.
impl<D: Read + Seek, B: AsMut<[u8]>, P: Profile> Reader<D, B, P> {
    /// As [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub async fn new_async(mut device: D, buffer: B, profile: P) -> Result<Self, ReadError<D::Error>> {
        let mut reading = Reading::new(buffer, profile).ok_or(ReadError::BUFFER)?;
        let end = uninterrupted_async(async || device.seek(SeekFrom::End(0)).await).await;
        reading.window.opened(end.map_err(ReadError::Device)?);
        Ok(Self { device, reading })
    }

    /// As [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_async(&mut self) -> Result<Option<Located<'_>>, ReadError<D::Error>> {
        let mut needed = HEAD_SIZE;
        let is_there = self.drive_async(|reading| reading.entry(&mut needed)).await??;
        Ok(if is_there { self.reading.located() } else { None })
    }

    /// As [`next_streamed`](Self::next_streamed). After a future that was dropped `piece` gets the body from
    /// its beginning once more.
    ///
    /// # Errors
    ///
    /// As [`next_streamed`](Self::next_streamed).
    pub async fn next_streamed_async(
        &mut self,
        mut piece: impl FnMut(&[u8]),
    ) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        if !self.drive_async(Reading::head).await?? {
            return Ok(None);
        }
        let Some(located) = self.reading.located_header() else { return Ok(None) };
        let mut body = self.reading.body_check(&located);
        self.drive_async(|reading| reading.body(&located, &mut body, &mut piece)).await??;
        Ok(Some(located))
    }

    /// As [`next_header`](Self::next_header).
    ///
    /// # Errors
    ///
    /// As [`next_header`](Self::next_header).
    pub async fn next_header_async(&mut self) -> Result<Option<LocatedHeader>, ReadError<D::Error>> {
        if !self.drive_async(Reading::head).await?? {
            return Ok(None);
        }
        let Some(located) = self.reading.located_header() else { return Ok(None) };
        self.reading.pass_header(&located.header)?;
        Ok(Some(located))
    }

    /// As [`skip`](Self::skip).
    ///
    /// # Errors
    ///
    /// As [`skip`](Self::skip).
    pub async fn skip_async(&mut self) -> Result<u64, ReadError<D::Error>> {
        let mut search = self.reading.resync();
        self.drive_async(|reading| reading.skip(&mut search)).await
    }

    /// As [`search`](Self::search).
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub async fn search_async(&mut self, from: u64, until: u64) -> Result<Option<u64>, ReadError<D::Error>> {
        let mut search = Search::new(&self.reading, from, until);
        self.drive_async(|reading| search.step(reading)).await
    }

    /// As [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub async fn next_event_async(&mut self) -> Result<Option<Event<'_>>, ReadError<D::Error>> {
        let mut next = NextEvent::new();
        Ok(match self.drive_async(|reading| next.step(reading)).await?? {
            Some(Passed::Entry) => self.reading.located().map(Event::Entry),
            Some(Passed::Damage(damage, until)) => Some(Event::Damage(damage, until)),
            None => None,
        })
    }

    /// Takes a step, and reads what it lacks, until it is done.
    pub(crate) async fn drive_async<T>(
        &mut self,
        mut step: impl FnMut(&mut Reading<B, P>) -> Result<T, Need>,
    ) -> Result<T, ReadError<D::Error>> {
        loop {
            match step(&mut self.reading) {
                Ok(done) => return Ok(done),
                Err(need) => self.fill_async(need).await?,
            }
        }
    }

    async fn fill_async(&mut self, need: Need) -> Result<(), ReadError<D::Error>> {
        let (device, window) = (&mut self.device, &mut self.reading.window);
        if let Some(offset) = window.seek::<D::Error>(need)? {
            let moved = uninterrupted_async(async || device.seek(SeekFrom::Start(offset)).await).await;
            moved.map_err(ReadError::Device)?;
        }
        let room = window.room(need);
        let read = uninterrupted_async(async || device.read(room).await).await.map_err(ReadError::Device)?;
        let room_size = room.len();
        window.filled(need, read, room_size)
    }
}
