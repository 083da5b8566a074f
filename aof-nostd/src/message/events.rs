//! From the body of an entry to the accounts or transfers that it asks for: [`Events`].
//!
//! | operations | events | body |
//! |---|---|---|
//! | 129, 130 | accounts, transfers | *plain*: one event behind the other |
//! | 138, 139 | accounts, transfers | *multi-batch*: batches of events, then a trailer, see [`Batches`] |
//! | 146, 147 | accounts, transfers | multi-batch |
//!
//! ```text
//! plain        event 0 | event 1 | event 2 ...
//! multi-batch  event 0 | event 1 |  (nothing)  | event 2 ... | trailer
//!              `--- batch 0 ---'    batch 1      batch 2
//! ```
//!
//! A body is somebody else's: nothing of it is believed before [`Events::of`] has checked that it is whole.
//!
//! The state machine gives each event a time of its own: those of an entry are one nanosecond apart, and
//! the last one's is the entry's. See [`Events::timestamp`].
//!
//! Facts: TigerBeetle, snapshot of 2026-07-01. Operations: `Operation` in `src/tigerbeetle.zig`
//! (`vsr_operations_reserved`, 128, is added), its `is_multi_batch`. Trailer: `src/vsr/multi_batch.zig`.
//! Times: `prepare_delta_nanoseconds`, `execute_multi_batch` and `execute_create` (`timestamp_event`) in
//! `src/state_machine.zig`.

use super::batch::{BatchError, Batches};
use super::event::{Account, EVENT_SIZE, Transfer};
use crate::wire::Operation;
use core::fmt;

/// What the events of an operation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EventKind {
    /// The operation creates accounts.
    Account,
    /// The operation creates transfers.
    Transfer,
}

impl EventKind {
    /// `account` or `transfer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Transfer => "transfer",
        }
    }
}

/// How an operation that creates packs its events, and its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EventForm {
    /// What the events are.
    pub kind: EventKind,
    /// There is a trailer; otherwise the body is plain.
    pub is_batched: bool,
    /// There is a result for every event; otherwise for those only that were not created.
    pub is_dense: bool,
}

impl EventForm {
    /// The form of an operation; `None` where it creates neither accounts nor transfers.
    #[must_use]
    pub const fn of(operation: Operation) -> Option<Self> {
        let (kind, is_batched, is_dense) = match operation {
            Operation::CREATE_ACCOUNTS_UNBATCHED => (EventKind::Account, false, false),
            Operation::CREATE_TRANSFERS_UNBATCHED => (EventKind::Transfer, false, false),
            Operation::CREATE_ACCOUNTS_SPARSE => (EventKind::Account, true, false),
            Operation::CREATE_TRANSFERS_SPARSE => (EventKind::Transfer, true, false),
            Operation::CREATE_ACCOUNTS => (EventKind::Account, true, true),
            Operation::CREATE_TRANSFERS => (EventKind::Transfer, true, true),
            _ => return None,
        };
        Some(Self { kind, is_batched, is_dense })
    }
}

/// An event, viewed in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<'a> {
    /// An account is to be created.
    Account(&'a Account),
    /// A transfer is to be created.
    Transfer(&'a Transfer),
}

impl<'a> Event<'a> {
    /// The event of this kind that these bytes are. Any bytes are one.
    #[must_use]
    pub const fn new(kind: EventKind, bytes: &'a [u8; EVENT_SIZE]) -> Self {
        match kind {
            EventKind::Account => Self::Account(zerocopy::transmute_ref!(bytes)),
            EventKind::Transfer => Self::Transfer(zerocopy::transmute_ref!(bytes)),
        }
    }
}

/// Why a body is not one of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EventsError {
    /// A plain body's size is no multiple of an event's.
    Size(usize),
    /// The trailer does not fit.
    Batches(BatchError),
}

impl fmt::Display for EventsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a body of {size} bytes is no sequence of events of {EVENT_SIZE}"),
            Self::Batches(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EventsError {}

/// The events of a body, in order.
///
/// ```
/// use aof_nostd::message::{Event, Events};
/// use aof_nostd::wire::Operation;
/// let body = [7; 256]; // plain: two events
/// let events = Events::of(Operation::CREATE_TRANSFERS_UNBATCHED, &body)?.expect("it creates");
/// assert_eq!(events.count(), 2);
/// assert_eq!((events.timestamp(1000, 0), events.timestamp(1000, 1)), (999, 1000));
/// for event in events.batches().flatten() {
///     let Event::Transfer(transfer) = events.event(event) else { panic!() };
///     assert_eq!(transfer.ledger.get(), 0x0707_0707);
/// }
/// # Ok::<(), aof_nostd::message::EventsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Events<'a> {
    form: EventForm,
    body: &'a [u8],
    /// Of a multi-batch body.
    batches: Option<Batches<'a>>,
    count: usize,
}

impl<'a> Events<'a> {
    /// The events of an operation's body; `None` where the operation creates neither accounts nor transfers.
    ///
    /// # Errors
    ///
    /// [`EventsError`]: the body is none of this operation.
    pub fn of(operation: Operation, body: &'a [u8]) -> Result<Option<Self>, EventsError> {
        let Some(form) = EventForm::of(operation) else { return Ok(None) };
        if form.is_batched {
            let batches = Batches::new(body, EVENT_SIZE).map_err(EventsError::Batches)?;
            let count = batches.elements();
            return Ok(Some(Self { form, body, batches: Some(batches), count }));
        }
        if !body.len().is_multiple_of(EVENT_SIZE) {
            return Err(EventsError::Size(body.len()));
        }
        Ok(Some(Self { form, body, batches: None, count: body.len() / EVENT_SIZE }))
    }

    /// How the body is packed.
    #[must_use]
    pub const fn form(&self) -> EventForm {
        self.form
    }

    /// How many events there are, in all batches.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many batches there are: a plain body is one.
    #[must_use]
    pub fn batch_count(&self) -> usize {
        self.batches.as_ref().map_or(1, Batches::len)
    }

    /// The events of each batch, as bytes; a batch may be empty.
    pub fn batches(&self) -> impl Iterator<Item = &'a [[u8; EVENT_SIZE]]> + use<'a> {
        let plain = if self.batches.is_none() { Some(self.body) } else { None };
        let batches = plain.into_iter().chain(self.batches.clone().into_iter().flatten());
        batches.map(|batch| batch.as_chunks::<EVENT_SIZE>().0)
    }

    /// The event that these bytes are.
    #[must_use]
    pub const fn event(&self, bytes: &'a [u8; EVENT_SIZE]) -> Event<'a> {
        Event::new(self.form.kind, bytes)
    }

    /// The time that the state machine gives the event number `index`, counted from 0 over all batches, of
    /// an entry with this timestamp: `timestamp - count + index + 1`, ns. One that was imported has a time
    /// of its own beside it, in its field `timestamp`.
    ///
    /// 0 where the entry's timestamp leaves no room: no cluster wrote it then.
    #[must_use]
    pub const fn timestamp(&self, timestamp: u64, index: usize) -> u64 {
        event_timestamp(timestamp, self.count, index)
    }
}

/// See [`Events::timestamp`].
const fn event_timestamp(timestamp: u64, count: usize, index: usize) -> u64 {
    // How far the event is before the last.
    match count.checked_sub(index) {
        Some(rest) if rest > 0 => timestamp.saturating_sub(rest as u64 - 1),
        _ => timestamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three events of `1`, `2` and `3`, in batches of two, none and one.
    fn batched() -> [u8; 512] {
        let mut body = [0xff; 512];
        for (event, value) in body.as_chunks_mut::<EVENT_SIZE>().0.iter_mut().zip(1..4) {
            event.fill(value);
        }
        body[504..].copy_from_slice(&[1, 0, 0, 0, 2, 0, 3, 0]);
        body
    }

    #[test]
    fn every_operation_that_creates_has_a_form_and_no_other() {
        for value in 0..=255 {
            let form = EventForm::of(Operation(value));
            assert_eq!(form.is_some(), matches!(value, 129 | 130 | 138 | 139 | 146 | 147), "{value}");
            let Some(form) = form else { continue };
            assert_eq!(form.kind == EventKind::Account, value % 2 == u8::from(value < 138), "{value}");
            assert_eq!(form.is_batched, value >= 138, "{value}");
            assert_eq!(form.is_dense, value >= 146, "{value}");
        }
    }

    #[test]
    fn events_of_all_batches_come_in_order() {
        let body = batched();
        for operation in [Operation::CREATE_ACCOUNTS, Operation::CREATE_TRANSFERS_SPARSE] {
            let events = Events::of(operation, &body).unwrap().unwrap();
            assert_eq!((events.count(), events.batch_count()), (3, 3));
            let sizes: heapless::Vec<usize, 4> = events.batches().map(<[_]>::len).collect();
            assert_eq!(sizes, [2, 0, 1]);
            let firsts: heapless::Vec<u8, 4> = events.batches().flatten().map(|event| event[0]).collect();
            assert_eq!(firsts, [1, 2, 3]);
        }
        let plain = Events::of(Operation::CREATE_ACCOUNTS_UNBATCHED, &body[..384]).unwrap().unwrap();
        assert_eq!((plain.count(), plain.batch_count()), (3, 1));
        assert_eq!(plain.batches().next().unwrap().len(), 3);
        let empty = Events::of(Operation::CREATE_ACCOUNTS_UNBATCHED, &[]).unwrap().unwrap();
        assert_eq!((empty.count(), empty.batches().next()), (0, Some(&[][..])));
    }

    #[test]
    fn the_last_event_has_the_entrys_time_and_each_before_it_a_nanosecond_less() {
        let body = batched();
        let events = Events::of(Operation::CREATE_TRANSFERS, &body).unwrap().unwrap();
        assert_eq!([0, 1, 2].map(|index| events.timestamp(100, index)), [98, 99, 100]);
        assert_eq!(events.timestamp(100, 3), 100, "there is no such event");
        assert_eq!(
            [0, 1, 2].map(|index| events.timestamp(1, index)),
            [0, 0, 1],
            "no room: no cluster wrote it"
        );
    }

    #[test]
    fn bodies_of_another_form_are_refused_and_other_operations_have_none() {
        let of = |operation, body| Events::of(operation, body).map(|events| events.is_some());
        assert_eq!(of(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 129]), Err(EventsError::Size(129)));
        assert_eq!(
            of(Operation::CREATE_TRANSFERS, &[0; 128]),
            Err(EventsError::Batches(BatchError::Trailer))
        );
        for operation in [Operation::NOOP, Operation::PULSE_STATE_MACHINE, Operation(200)] {
            assert_eq!(of(operation, b"anything"), Ok(false));
        }
    }

    /// What a trailer tells is checked before it is used: with any counts, at any size.
    #[test]
    fn trailers_that_lie_are_refused_or_cover_the_body() {
        let mut body = batched();
        for at in 500..512 {
            for value in 0..=255 {
                let before = core::mem::replace(&mut body[at], value);
                for size in [0, 1, 127, 128, 129, 384, 511, 512] {
                    if let Ok(Some(events)) = Events::of(Operation::CREATE_TRANSFERS, &body[512 - size..]) {
                        assert_eq!(events.batches().flatten().count(), events.count());
                        assert!(events.count() * EVENT_SIZE < size);
                    }
                }
                body[at] = before;
            }
        }
    }
}
