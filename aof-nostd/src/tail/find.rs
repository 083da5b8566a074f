//! The search for a log's end: a step over a [`Reading`], which knows no I/O.
//!
//! ```text
//!   Entries ---damage---> Torn ---not free---> Extent ---> Starts ---none tells---> Magic
//!      |                   |                     |           |                        |
//!    the end            all free                 |        one tells                is it a log?
//!                                                |      that it goes on
//!                                   what a sealed header covers: [`Resync`] decides
//! ```
//!
//! A stage does not look back at bytes of a stage before it: the window would go back and forth for ever.

use super::{Medium, Recovery, Tail, TailError, Torn};
use crate::chain::Relation;
use crate::checksum::{Magic, Profile};
use crate::damage::{Damage, DamageKind, ForeignMagic};
use crate::reader::{Need, ReadError, Reading, Search, Step, Streamed};
use crate::resync::Resync;
use crate::wire::{EntryHead, HEAD_SIZE, Header};
use zerocopy::FromBytes;

#[derive(Debug)]
pub(super) struct Find<'a, P: Profile> {
    recovery: &'a Recovery<P>,
    tail: Tail,
    stage: Stage<P>,
}

/// What is looked at.
#[derive(Debug)]
enum Stage<P: Profile> {
    /// The entries, one by one, up to the first place where no whole one stands.
    Entries(Streamed<P>),
    /// From `at` on, what is not free space.
    Torn { place: Place, at: u64 },
    /// The entry at that place: how far a sealed header there reaches, and whether a crash is proven inside.
    Extent { place: Place, search: Resync<P> },
    /// The starts after it, one by one. Up to `body_end` bytes belong to a body, as a sealed header before them
    /// states.
    Starts { place: Place, body_end: u64, search: Search<P> },
    /// What the device begins with.
    Magic,
}

/// The first place where no whole entry stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    damage: Damage,
    /// Up to here it is looked behind it.
    until: u64,
}

impl<'a, P: Profile> Find<'a, P> {
    /// The search on a device.
    pub(super) fn new(recovery: &'a Recovery<P>) -> Self {
        Self { recovery, tail: Tail::default(), stage: Stage::Entries(Streamed::new()) }
    }

    /// Looks at all that has to be looked at; then [`tail`](Self::tail) is the answer.
    pub(super) fn step<B: AsMut<[u8]>, E>(&mut self, reading: &mut Reading<B, P>) -> Step<(), TailError<E>> {
        loop {
            match self.stage(reading)? {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// What was found.
    pub(super) const fn tail(&self) -> Tail {
        self.tail
    }

    /// Takes the stage to its end, and sets the next one; false after the last. (Stages are large: none is
    /// handed around.)
    #[inline(never)] // else its moves and those of its caller are mixed up: more than a KiB of code
    fn stage<B: AsMut<[u8]>, E>(&mut self, reading: &mut Reading<B, P>) -> Step<bool, TailError<E>> {
        let tail = &mut self.tail;
        match &mut self.stage {
            Stage::Entries(entry) => {
                let damage = match entries(entry, tail, reading)? {
                    Ok(Some(damage)) => damage,
                    Ok(None) => return Ok(Ok(false)),
                    Err(error) => return Ok(Err(error)),
                };
                match damage.kind {
                    DamageKind::HeaderInvalid(_) => return Ok(Err(TailError::Rule(damage))),
                    DamageKind::Magic(ForeignMagic::OtherProfile | ForeignMagic::Legacy) => {
                        return Ok(Err(TailError::Foreign(damage)));
                    }
                    _ => {}
                }
                // An entry behind the damage counts however large it is.
                reading.set_message_size_max(u32::MAX);
                let reach = self.recovery.search_size_max.max(self.recovery.checker.entry_size_max().into());
                let until = tail.end.saturating_add(reach).min(reading.end());
                self.stage = Stage::Torn { place: Place { damage, until }, at: tail.end };
            }
            Stage::Torn { place, at } => {
                look_for_torn(&mut tail.torn, at, place.until, self.recovery.medium.free(), reading)?;
                if tail.torn.is_none() {
                    return Ok(Ok(false));
                }
                self.stage = Stage::Extent { place: *place, search: reading.resync() };
            }
            Stage::Extent { place, search } => {
                let (place, damage) = (*place, place.damage);
                reading.drive_until(search, place.until)?;
                let body_end = search.covered_until().unwrap_or(damage.offset);
                // Only a proof of a crash is before the extent's end.
                if let Some(next) = search.found()
                    && next < body_end
                    && let Some(header) = header_at(reading, next)?
                {
                    return Ok(Err(TailError::Middle { damage, next, next_op: header.op() }));
                }
                let search = Search::new(reading, damage.offset.saturating_add(1), place.until);
                self.stage = Stage::Starts { place, body_end, search };
            }
            Stage::Starts { place, body_end, search } => {
                while let Some((offset, header)) = start(search, reading)? {
                    if self.recovery.goes_on_with(offset, header, tail.last.as_ref(), body_end) {
                        let (damage, next_op) = (place.damage, header.op());
                        return Ok(Err(TailError::Middle { damage, next: offset, next_op }));
                    }
                    *search = Search::new(reading, offset.saturating_add(1), place.until);
                }
                self.stage = Stage::Magic;
            }
            Stage::Magic => {
                let magic = self.recovery.checker.profile().magic();
                // The first entry may be torn, but then it begins with the magic. Or nothing but a part of the
                // magic is left, if the power was cut while it was cleaned.
                let head = reading.peek(0, magic.len())?;
                if let Some(torn) = tail.torn
                    && self.recovery.medium == Medium::Zeroed
                    && tail.entries == 0
                    && !begins_like(head, &magic)
                    && !(torn.end <= magic.len() as u64 && is_rest_of(head, &magic))
                {
                    return Ok(Err(TailError::NoLog { offset: torn.start }));
                }
                return Ok(Ok(false));
            }
        }
        Ok(Ok(true))
    }
}

impl<P: Profile> Recovery<P> {
    /// Whether a start after the damage shows that the log continues there. If not, and it is a leftover, what
    /// is in its body, which moves `body_end`, does not show that either.
    fn goes_on_with(&self, offset: u64, header: &Header, last: Option<&Header>, body_end: &mut u64) -> bool {
        if offset < *body_end {
            return false;
        }
        let last_op = last.map_or(0, |last| last.op.get());
        let leftovers = last_op.saturating_add(1)..=last_op.saturating_add(self.leftovers_max.into());
        if leftovers.contains(&header.op.get()) {
            *body_end = offset.saturating_add(header.size_disk());
            return false;
        }
        true
    }
}

/// Counts the entries, each verified; gives the damage that ends them, `None` at the device's end.
fn entries<B: AsMut<[u8]>, P: Profile, E>(
    entry: &mut Streamed<P>,
    tail: &mut Tail,
    reading: &mut Reading<B, P>,
) -> Step<Option<Damage>, TailError<E>> {
    loop {
        match entry.step(reading)? {
            Ok(true) => {
                if let Some(located) = entry.located() {
                    tail.end = located.offset.saturating_add(located.header.size_disk());
                    tail.last = Some(located.header);
                }
                tail.entries = tail.entries.saturating_add(1);
            }
            Ok(false) => return Ok(Ok(None)),
            Err(ReadError::Damage(damage)) => return Ok(Ok(Some(damage))),
            Err(ReadError::Chain(broken)) if !matches!(broken.relation, Relation::Fork { .. }) => {
                reading.set_last_checksum(None); // a replica's log may go back, and ahead
            }
            Err(error) => return Ok(Err(error.into())),
        }
        *entry = Streamed::new();
    }
}

/// Goes from `at` to `until`, and tells the extent of what is not `free` there.
fn look_for_torn<B: AsMut<[u8]>, P: Profile>(
    torn: &mut Option<Torn>,
    at: &mut u64,
    until: u64,
    free: u8,
    reading: &mut Reading<B, P>,
) -> Result<(), Need> {
    while *at < until {
        let bytes = reading.peek(*at, 1)?;
        let left = usize::try_from(until - *at).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        if bytes.is_empty() {
            break; // the device shrank
        }
        let offset = |index: usize| at.saturating_add(index as u64);
        let is_set = |byte: &u8| *byte != free;
        if let (Some(first), Some(last)) = (bytes.iter().position(is_set), bytes.iter().rposition(is_set)) {
            let start = torn.map_or(offset(first), |torn| torn.start);
            *torn = Some(Torn { start, end: offset(last).saturating_add(1) });
        }
        *at = offset(bytes.len());
    }
    Ok(())
}

/// The next start, and its header.
fn start<'a, B: AsMut<[u8]>, P: Profile>(
    search: &mut Search<P>,
    reading: &'a mut Reading<B, P>,
) -> Result<Option<(u64, &'a Header)>, Need> {
    let Some(offset) = search.step(reading)? else { return Ok(None) };
    Ok(header_at(reading, offset)?.map(|header| (offset, header)))
}

/// The header at `offset`, not looked at; `None` where the log has fewer bytes.
fn header_at<B: AsMut<[u8]>, P: Profile>(
    reading: &mut Reading<B, P>,
    offset: u64,
) -> Result<Option<&Header>, Need> {
    let head = EntryHead::ref_from_prefix(reading.peek(offset, HEAD_SIZE)?);
    Ok(head.ok().map(|(head, _)| &head.header))
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
