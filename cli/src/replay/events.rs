//! What must be known of bodies to replay them: how many events a request has, whether a transfer can
//! expire, and which events a reply rejects.
//!
//! Accounts and transfers have 128 bytes each. Of a transfer, `timeout` is a u32 at byte 108 (seconds) and
//! `flags` a u16 at byte 118, whose bit 1 says that it is pending. A result of operations 146 and 147 has
//! 16 bytes, one for each event: timestamp, status, reserved. One of the older operations has 8 bytes:
//! index and code, for events that were rejected only.

use super::status;
use aof_nostd::message::{BatchError, Batches};
use aof_nostd::wire::Operation;
use std::fmt;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of an account or a transfer.
const EVENT_SIZE: usize = 128;

/// A transfer, as far as a replay looks at it.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Transfer {
    ids_and_amount: [U128; 5],
    user_data: [u8; 28],
    /// Seconds; 0 for never.
    timeout: U32,
    ledger: U32,
    code: U16,
    flags: U16,
    timestamp: U64,
}

const FLAG_PENDING: u16 = 1 << 1;

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
    assert!(size_of::<Transfer>() == EVENT_SIZE);
    assert!(std::mem::offset_of!(Transfer, timeout) == 108);
    assert!(std::mem::offset_of!(Transfer, flags) == 118);
    assert!(size_of::<DenseResult>() == 16);
    assert!(size_of::<SparseResult>() == 8);
};

/// How a replayed operation packs its events and its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    transfers: bool,
    batched: bool,
    dense: bool,
}

const fn form(operation: Operation) -> Option<Form> {
    let (transfers, batched, dense) = match operation {
        Operation::CREATE_ACCOUNTS_UNBATCHED => (false, false, false),
        Operation::CREATE_TRANSFERS_UNBATCHED => (true, false, false),
        Operation::CREATE_ACCOUNTS_SPARSE => (false, true, false),
        Operation::CREATE_TRANSFERS_SPARSE => (true, true, false),
        Operation::CREATE_ACCOUNTS => (false, true, true),
        Operation::CREATE_TRANSFERS => (true, true, true),
        _ => return None,
    };
    Some(Form { transfers, batched, dense })
}

/// What a body holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Accounts or transfers.
    pub count: u32,
    /// Pending transfers with a time-out among them: they expire by a pulse.
    pub expiring: u32,
}

/// Why a body is not one of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The size is no multiple of an event's.
    Size(usize),
    /// The trailer does not fit.
    Batches(BatchError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a body of {size} bytes is no sequence of events of {EVENT_SIZE}"),
            Self::Batches(error) => error.fmt(f),
        }
    }
}

impl Events {
    /// Looks at the body of an operation that a replay sends; other bodies have no events.
    ///
    /// # Errors
    ///
    /// [`BodyError`].
    pub fn of(operation: Operation, body: &[u8]) -> Result<Self, BodyError> {
        let Some(form) = form(operation) else { return Ok(Self::default()) };
        let mut events = Self::default();
        if form.batched {
            for batch in Batches::new(body, EVENT_SIZE).map_err(BodyError::Batches)? {
                events.add(form, batch);
            }
        } else if body.len().is_multiple_of(EVENT_SIZE) {
            events.add(form, body);
        } else {
            return Err(BodyError::Size(body.len()));
        }
        Ok(events)
    }

    fn add(&mut self, form: Form, batch: &[u8]) {
        let (events, _) = batch.as_chunks::<EVENT_SIZE>();
        self.count = self.count.saturating_add(u32::try_from(events.len()).unwrap_or(u32::MAX));
        if form.transfers {
            let expires = |event: &[u8; EVENT_SIZE]| {
                let transfer: &Transfer = zerocopy::transmute_ref!(event);
                transfer.flags.get() & FLAG_PENDING != 0 && transfer.timeout.get() != 0
            };
            let expiring = events.iter().filter(|event| expires(event)).count();
            self.expiring = self.expiring.saturating_add(u32::try_from(expiring).unwrap_or(u32::MAX));
        }
    }
}

/// An event that was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the request, from 0.
    pub index: u32,
    /// The server's number for why.
    pub status: u32,
}

/// The events that a reply rejects, in order. A body that is no list of results gives nothing: the
/// cluster's answer is not what is being checked here.
#[must_use]
pub fn rejected(operation: Operation, request: &[u8], reply: &[u8]) -> Vec<Rejected> {
    let Some(form) = form(operation) else { return Vec::new() };
    let mut rejected = Vec::new();
    if form.dense {
        let Ok(batches) = Batches::new(reply, size_of::<DenseResult>()) else { return rejected };
        let results = batches.flat_map(|batch| batch.as_chunks::<{ size_of::<DenseResult>() }>().0);
        for (index, result) in (0..).zip(results) {
            let result: &DenseResult = zerocopy::transmute_ref!(result);
            let status = result.status.get();
            if status != status::CREATED {
                rejected.push(Rejected { index, status });
            }
        }
        return rejected;
    }
    let mut sparse = |batch: &[u8], first: u32| {
        for result in batch.as_chunks::<{ size_of::<SparseResult>() }>().0 {
            let result: &SparseResult = zerocopy::transmute_ref!(result);
            rejected.push(Rejected {
                index: first.saturating_add(result.index.get()),
                status: result.code.get(),
            });
        }
    };
    if form.batched {
        let results = Batches::new(reply, size_of::<SparseResult>());
        let events = Batches::new(request, EVENT_SIZE);
        let (Ok(results), Ok(events)) = (results, events) else { return rejected };
        let mut first = 0_u32;
        for (results, events) in results.zip(events) {
            sparse(results, first); // indices count in their batch
            first = first.saturating_add(u32::try_from(events.len() / EVENT_SIZE).unwrap_or(u32::MAX));
        }
    } else {
        sparse(reply, 0);
    }
    rejected
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
        assert_eq!(Events::of(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 129]), Err(BodyError::Size(129)));
        assert!(matches!(Events::of(Operation::CREATE_TRANSFERS, &[0; 128]), Err(BodyError::Batches(_))));
    }

    #[test]
    fn rejected_events_are_found_in_dense_results() {
        let result = |status: u32| [&7_u64.to_le_bytes()[..], &status.to_le_bytes(), &[0; 4]].concat();
        let reply = [result(status::CREATED), result(46), result(status::CREATED), result(54)].concat();
        let reply = batched(&reply, &[3, 1], 16);
        let found = rejected(Operation::CREATE_TRANSFERS, &[], &reply);
        assert_eq!(found, [Rejected { index: 1, status: 46 }, Rejected { index: 3, status: 54 }]);
        assert_eq!(rejected(Operation::CREATE_TRANSFERS, &[], &reply[1..]), []);
    }

    #[test]
    fn rejected_events_are_found_in_sparse_results() {
        let result = |index: u32, code: u32| [index.to_le_bytes(), code.to_le_bytes()].concat();
        let reply = [result(1, 46), result(0, 35)].concat();
        let expected = [Rejected { index: 1, status: 46 }, Rejected { index: 2, status: 35 }];
        let request = batched(&[0; 3 * EVENT_SIZE], &[2, 1], EVENT_SIZE);
        let found = rejected(Operation::CREATE_TRANSFERS_SPARSE, &request, &batched(&reply, &[1, 1], 8));
        assert_eq!(found, expected);
        let found = rejected(Operation::CREATE_TRANSFERS_UNBATCHED, &[], &reply);
        assert_eq!(found, [expected[0], Rejected { index: 0, status: 35 }]);
    }
}
