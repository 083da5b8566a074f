//! The steps that have something to remember while they wait for bytes; see [`Reading`].

use super::reading::{Reading, Step};
use super::window::Need;
use super::{LocatedHeader, ReadError};
use crate::check::BodyCheck;
use crate::checksum::Profile;
use crate::damage::Damage;
use crate::resync::Resync;
use crate::wire::HEAD_SIZE;

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
