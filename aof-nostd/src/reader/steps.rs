//! The steps that have something to remember while they wait for bytes; see [`Reading`].

use super::reading::{Reading, Step};
use super::window::Need;
use super::{LocatedHeader, ReadError};
use crate::check::{BodyCheck, Checker};
use crate::checksum::{AnyProfile, Backend, Profile};
use crate::damage::Damage;
use crate::resync::Resync;
use crate::wire::{HEAD_SIZE, MAGIC_SIZE};

/// Passes the next entry, verified whole, its body in pieces: [`Reading::head`] and [`Reading::body`].
#[derive(Debug)]
pub(crate) struct Streamed<P: Profile> {
    /// The entry, and its body as far as it was seen.
    begun: Option<(LocatedHeader, BodyCheck<P>)>,
}

impl<P: Profile> Streamed<P> {
    pub(crate) const fn new() -> Self {
        Self { begun: None }
    }

    /// Whether there is an entry, once all of its body was seen.
    pub(crate) fn step<B: AsMut<[u8]>, E>(
        &mut self,
        reading: &mut Reading<B, P>,
    ) -> Step<bool, ReadError<E>> {
        let (located, body) = match &mut self.begun {
            Some(begun) => begun,
            begun => {
                match reading.head()? {
                    Ok(true) => {}
                    other => return Ok(other),
                }
                let Some(located) = reading.located_header() else { return Ok(Ok(false)) };
                begun.insert((located, reading.body_check(&located)))
            }
        };
        let passed = reading.body(located, body, &mut |_piece| {})?;
        Ok(passed.map(|()| true))
    }

    /// The entry's header, once it is known.
    pub(crate) fn located(&self) -> Option<&LocatedHeader> {
        self.begun.as_ref().map(|(located, _)| located)
    }
}

/// Goes on at the first start in a range, if there is one.
#[derive(Debug)]
pub(crate) struct Search<P: Profile> {
    search: Resync<P>,
    until: u64,
}

impl<P: Profile> Search<P> {
    /// In `from..until`.
    pub(crate) fn new<B>(reading: &Reading<B, P>, from: u64, until: u64) -> Self {
        // The head of an entry that starts before `until` may reach behind it, and the window may hold more.
        let end = until.saturating_add(HEAD_SIZE as u64 - 1).min(reading.end());
        Self { search: Resync::from_anywhere(reading.checker, from, end), until }
    }

    pub(crate) fn step<B: AsMut<[u8]>>(&mut self, reading: &mut Reading<B, P>) -> Result<Option<u64>, Need> {
        let found = reading.window.drive(&mut self.search)?;
        let found = found.filter(|offset| *offset < self.until);
        if let Some(offset) = found {
            reading.offset = offset;
            reading.set_last_checksum(None);
        }
        Ok(found)
    }
}

/// The next entry, or damage and the way out of it.
#[derive(Debug)]
pub(super) struct NextEvent<P: Profile> {
    needed: usize,
    /// What was found damaged, and the search behind it.
    damaged: Option<(Damage, Resync<P>)>,
}

/// What [`NextEvent`] came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passed {
    /// A whole entry.
    Entry,
    /// Damage, and where reading goes on.
    Damage(Damage, u64),
}

impl<P: Profile> NextEvent<P> {
    pub(super) const fn new() -> Self {
        Self { needed: HEAD_SIZE, damaged: None }
    }

    /// What was passed; `None` at the log's end.
    pub(super) fn step<B: AsMut<[u8]>, E>(
        &mut self,
        reading: &mut Reading<B, P>,
    ) -> Step<Option<Passed>, ReadError<E>> {
        let (damage, search) = match &mut self.damaged {
            Some(damaged) => damaged,
            damaged => match reading.entry(&mut self.needed)? {
                Ok(is_there) => return Ok(Ok(is_there.then_some(Passed::Entry))),
                Err(ReadError::Damage(damage)) => damaged.insert((damage, reading.resync())),
                Err(error) => return Ok(Err(error)),
            },
        };
        let until = reading.skip(search)?;
        Ok(Ok(Some(Passed::Damage(*damage, until))))
    }
}

/// Finds out of which profile a log is: by its first magic, or by the first entry that there is of any.
#[derive(Debug)]
pub(super) struct Detect {
    backend: Backend,
    /// The profile that is searched for, and the search.
    search: Option<(AnyProfile, Resync<AnyProfile>)>,
    /// The profiles to be searched for after it.
    left: core::array::IntoIter<AnyProfile, 2>,
    /// The first entry found so far.
    nearest: Option<(u64, AnyProfile)>,
}

impl Detect {
    pub(super) fn new(backend: Backend) -> Self {
        Self { backend, search: None, left: AnyProfile::all(backend).into_iter(), nearest: None }
    }

    /// Makes the reader one of that profile; where there is no entry it stays what it is.
    pub(super) fn step<B: AsMut<[u8]>>(&mut self, reading: &mut Reading<B, AnyProfile>) -> Result<(), Need> {
        if let Some(profile) = self.detect(reading)? {
            reading.checker = Checker::new(profile);
        }
        Ok(())
    }

    fn detect<B: AsMut<[u8]>>(
        &mut self,
        reading: &mut Reading<B, AnyProfile>,
    ) -> Result<Option<AnyProfile>, Need> {
        if self.search.is_none() {
            let magic = reading.peek(0, MAGIC_SIZE)?;
            let magic = magic.get(..MAGIC_SIZE).unwrap_or(magic);
            if magic.is_empty() {
                return Ok(None);
            }
            if let Some(profile) = AnyProfile::from_magic(magic, self.backend) {
                return Ok(Some(profile));
            }
            self.search = self.next_search(reading.end());
        }
        while let Some((profile, search)) = &mut self.search {
            if let Some(offset) = reading.window.drive(search)? {
                self.nearest = Some((offset, *profile));
            }
            self.search = self.next_search(reading.end());
        }
        Ok(self.nearest.map(|(_, profile)| profile))
    }

    /// The search for the next profile, up to what was found of another.
    fn next_search(&mut self, log_end: u64) -> Option<(AnyProfile, Resync<AnyProfile>)> {
        let profile = self.left.next()?;
        let end = self.nearest.map_or(log_end, |(offset, _)| offset);
        // The limit is not known yet.
        let checker = Checker::new(profile).with_message_size_max(u32::MAX);
        Some((profile, Resync::from_anywhere(checker, 0, end)))
    }
}
