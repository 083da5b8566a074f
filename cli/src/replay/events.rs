//! What must be known of bodies to replay them: how many events a request has, whether a transfer can
//! expire, and which events a reply rejects.
//!
//! The layout of requests is the core's ([`message::Events`]). A result of
//! operations 146 and 147 has 16 bytes, one for each event: timestamp, status, reserved. One of the older
//! operations has 8 bytes: index and code, for events that were rejected only.

use super::status;
use aof_nostd::message::{self, Batches, EVENT_SIZE, Event, EventForm, EventsError};
use aof_nostd::wire::Operation;
use std::fmt;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// A result of the present operations.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct DenseResult {
    timestamp: U64,
    status: U32,
    reserved: U32,
}

/// A result of the older ones.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SparseResult {
    index: U32,
    code: U32,
}

const _: () = {
    assert!(size_of::<DenseResult>() == 16);
    assert!(size_of::<SparseResult>() == 8);
};

/// What a body holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Accounts or transfers.
    pub count: u32,
    /// Pending transfers with a time-out among them: they expire by a pulse.
    pub expiring: u32,
}

impl Events {
    /// Looks at the body of an operation that a replay sends; other bodies have no events.
    ///
    /// # Errors
    ///
    /// [`EventsError`].
    pub fn of(operation: Operation, body: &[u8]) -> Result<Self, EventsError> {
        let Some(events) = message::Events::of(operation, body)? else { return Ok(Self::default()) };
        let expires = |bytes: &&[u8; EVENT_SIZE]| match events.event(bytes) {
            Event::Account(_) => false,
            Event::Transfer(transfer) => transfer.expires(),
        };
        let expiring = events.batches().flatten().filter(expires).count();
        Ok(Self { count: to_u32(events.count()), expiring: to_u32(expiring) })
    }
}

/// A body of 4 GiB has fewer events than that.
fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An event that was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the request, from 0.
    pub index: u32,
    /// The server's number for why.
    pub status: u32,
}

/// Why the results of a request do not show which of its events were rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResultsError {
    /// The body, of this many bytes, is not a list of results.
    Form(usize),
    /// There are as many results as this, for as many events as that.
    Count(usize, usize),
    /// A result is of an event that the request does not have: its index, and the number of events.
    Index(u32, usize),
}

impl fmt::Display for ResultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the results in the reply do not belong to the request: ")?;
        match self {
            Self::Form(bytes) => write!(f, "its body of {bytes} bytes is not a list of results"),
            Self::Count(results, events) => write!(f, "{results} results for {events} events"),
            Self::Index(index, events) => write!(f, "a result of event {index}, of {events} events"),
        }
    }
}

impl std::error::Error for ResultsError {}

/// Returns the events that a reply rejects, in order.
///
/// # Errors
///
/// [`ResultsError`]: the reply's body does not show it. A correct server does not send such a reply.
pub fn rejected(operation: Operation, request: &[u8], reply: &[u8]) -> Result<Vec<Rejected>, ResultsError> {
    let Some(form) = EventForm::of(operation) else { return Ok(Vec::new()) };
    let result_size = if form.is_dense { size_of::<DenseResult>() } else { size_of::<SparseResult>() };
    let is_list = |body: &[u8], size: usize| body.len().is_multiple_of(size);
    let (results, events): (Vec<&[u8]>, Vec<&[u8]>) = if form.is_batched {
        let results = Batches::new(reply, result_size).map_err(|_| ResultsError::Form(reply.len()))?;
        // What was sent was checked before.
        let events = Batches::new(request, EVENT_SIZE).map_err(|_| ResultsError::Form(reply.len()))?;
        (results.collect(), events.collect())
    } else if is_list(reply, result_size) {
        (vec![reply], vec![request])
    } else {
        return Err(ResultsError::Form(reply.len()));
    };
    if results.len() != events.len() {
        return Err(ResultsError::Form(reply.len()));
    }
    let mut rejected = Vec::new();
    let mut first = 0;
    for (results, events) in results.into_iter().zip(events) {
        let count = events.len() / EVENT_SIZE;
        if form.is_dense {
            dense(results, count, first, &mut rejected)?;
        } else {
            sparse(results, count, first, &mut rejected)?;
        }
        first = first.saturating_add(to_u32(count)); // indices count in their batch
    }
    Ok(rejected)
}

/// Adds the rejected events of a batch that has a result for each event.
fn dense(batch: &[u8], events: usize, first: u32, rejected: &mut Vec<Rejected>) -> Result<(), ResultsError> {
    let results = batch.as_chunks::<{ size_of::<DenseResult>() }>().0;
    if results.len() != events {
        return Err(ResultsError::Count(results.len(), events));
    }
    for (index, result) in (first..).zip(results) {
        let result: &DenseResult = zerocopy::transmute_ref!(result);
        let status = result.status.get();
        if status != status::CREATED {
            rejected.push(Rejected { index, status });
        }
    }
    Ok(())
}

/// Adds the rejected events of a batch that has results for those only.
fn sparse(batch: &[u8], events: usize, first: u32, rejected: &mut Vec<Rejected>) -> Result<(), ResultsError> {
    let results = batch.as_chunks::<{ size_of::<SparseResult>() }>().0;
    if results.len() > events {
        return Err(ResultsError::Count(results.len(), events));
    }
    for result in results {
        let result: &SparseResult = zerocopy::transmute_ref!(result);
        let index = result.index.get();
        if index >= to_u32(events) {
            return Err(ResultsError::Index(index, events));
        }
        rejected.push(Rejected { index: first.saturating_add(index), status: result.code.get() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(timeout: u32, flags: u16) -> [u8; EVENT_SIZE] {
        let mut bytes = [0; EVENT_SIZE];
        bytes[108..112].copy_from_slice(&timeout.to_le_bytes());
        bytes[118..120].copy_from_slice(&flags.to_le_bytes());
        bytes
    }

    fn batched(elements: &[u8], counts: &[u16], element_size: usize) -> Vec<u8> {
        let mut body = elements.to_vec();
        let counts_size = 2 * counts.len() + 2;
        body.resize(body.len() + counts_size.next_multiple_of(element_size) - counts_size, 0xff);
        for count in counts.iter().rev() {
            body.extend(count.to_le_bytes());
        }
        body.extend(u16::try_from(counts.len()).unwrap().to_le_bytes());
        body
    }

    #[test]
    fn only_pending_transfers_with_a_time_out_expire() {
        let transfers =
            [transfer(0, 0), transfer(1, 0), transfer(0, 2), transfer(1, 2), transfer(9, 3)].concat();
        let expected = Events { count: 5, expiring: 2 };
        assert_eq!(Events::of(Operation::CREATE_TRANSFERS_UNBATCHED, &transfers), Ok(expected));
        for operation in [Operation::CREATE_TRANSFERS, Operation::CREATE_TRANSFERS_SPARSE] {
            let body = batched(&transfers, &[2, 0, 3], EVENT_SIZE);
            assert_eq!(Events::of(operation, &body), Ok(expected));
        }
        let accounts = Events::of(Operation::CREATE_ACCOUNTS_UNBATCHED, &transfers);
        assert_eq!(accounts, Ok(Events { count: 5, expiring: 0 }));
        assert_eq!(Events::of(Operation::NOOP, b"anything"), Ok(Events::default()));
    }

    #[test]
    fn bodies_of_another_form_are_refused() {
        assert_eq!(Events::of(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 129]), Err(EventsError::Size(129)));
        assert!(matches!(Events::of(Operation::CREATE_TRANSFERS, &[0; 128]), Err(EventsError::Batches(_))));
    }

    #[test]
    fn rejected_events_are_found_in_dense_results() {
        let result = |status: u32| [&7_u64.to_le_bytes()[..], &status.to_le_bytes(), &[0; 4]].concat();
        let reply = [result(status::CREATED), result(46), result(status::CREATED), result(54)].concat();
        let reply = batched(&reply, &[3, 1], 16);
        let request = batched(&[0; 4 * EVENT_SIZE], &[3, 1], EVENT_SIZE);
        let of = |reply: &[u8]| rejected(Operation::CREATE_TRANSFERS, &request, reply);
        let expected = vec![Rejected { index: 1, status: 46 }, Rejected { index: 3, status: 54 }];
        assert_eq!(of(&reply), Ok(expected));
        assert_eq!(of(&reply[1..]), Err(ResultsError::Form(reply.len() - 1)));
        assert_eq!(of(&[]), Err(ResultsError::Form(0)));
        let created = result(status::CREATED);
        let fewer = batched(&created.repeat(3), &[2, 1], 16);
        assert_eq!(of(&fewer), Err(ResultsError::Count(2, 3)));
        let one_batch = batched(&created.repeat(4), &[4], 16);
        assert_eq!(of(&one_batch), Err(ResultsError::Form(one_batch.len())));
    }

    #[test]
    fn rejected_events_are_found_in_sparse_results() {
        let result = |index: u32, code: u32| [index.to_le_bytes(), code.to_le_bytes()].concat();
        let reply = [result(1, 46), result(0, 35)].concat();
        let expected = [Rejected { index: 1, status: 46 }, Rejected { index: 2, status: 35 }];
        let request = batched(&[0; 3 * EVENT_SIZE], &[2, 1], EVENT_SIZE);
        let of = |reply: &[u8]| rejected(Operation::CREATE_TRANSFERS_SPARSE, &request, reply);
        assert_eq!(of(&batched(&reply, &[1, 1], 8)), Ok(expected.to_vec()));
        assert_eq!(of(&batched(&reply, &[0, 2], 8)), Err(ResultsError::Count(2, 1)));
        assert_eq!(of(&batched(&result(1, 46), &[0, 1], 8)), Err(ResultsError::Index(1, 1)));
        let of = |reply: &[u8]| rejected(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 2 * EVENT_SIZE], reply);
        assert_eq!(of(&reply), Ok(vec![expected[0], Rejected { index: 0, status: 35 }]));
        assert_eq!(of(&reply[1..]), Err(ResultsError::Form(15)));
    }
}
