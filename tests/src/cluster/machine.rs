//! The state machine, as far as a replay sees it: the form of bodies, and results.
//!
//! | operation | events | results |
//! |---|---|---|
//! | 146, 147 | 128 bytes each, multi-batch | 16 bytes per event: timestamp u64, status u32, zero u32 |
//! | 138, 139 | 128 bytes each, multi-batch | 8 bytes per failed event: index u32, status u32 |
//! | 129, 130 | 128 bytes each, plain | the same |
//! | reading ones, 6 | not looked at | none |
//!
//! An event fails if its id has a status in [`Config::failures`](super::Config::failures), or if it was
//! created before (21 an account, 46 a transfer).

use aof_nostd::message::Batches;
use aof_nostd::wire::Operation;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The status of an event that was created.
pub const CREATED: u32 = u32::MAX;

const ACCOUNT_EXISTS: u32 = 21;
const TRANSFER_EXISTS: u32 = 46;
const EVENT_SIZE: usize = 128;
const RESULT_SIZE: usize = 16;
const RESULT_SPARSE_SIZE: usize = 8;

/// How an operation's events are packed, and its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Events in batches, a result each.
    Multi,
    /// Events in batches, results of failures.
    MultiSparse,
    /// Events, results of failures.
    PlainSparse,
    /// Not modelled.
    Opaque,
}

impl Form {
    const fn of(operation: Operation) -> Self {
        match operation {
            Operation::CREATE_ACCOUNTS | Operation::CREATE_TRANSFERS => Self::Multi,
            Operation::CREATE_ACCOUNTS_SPARSE | Operation::CREATE_TRANSFERS_SPARSE => Self::MultiSparse,
            Operation::CREATE_ACCOUNTS_UNBATCHED | Operation::CREATE_TRANSFERS_UNBATCHED => Self::PlainSparse,
            _ => Self::Opaque,
        }
    }

    /// The batches of a body, `None` if it has not this form.
    fn batches(self, body: &[u8]) -> Option<Vec<&[u8]>> {
        match self {
            Self::Multi | Self::MultiSparse => Some(Batches::new(body, EVENT_SIZE).ok()?.collect()),
            Self::PlainSparse => body.len().is_multiple_of(EVENT_SIZE).then(|| vec![body]),
            Self::Opaque => Some(Vec::new()),
        }
    }
}

/// Events in a body; 0 for operations that have none. `None` if the body has not its operation's form.
#[must_use]
pub fn event_count(operation: Operation, body: &[u8]) -> Option<u64> {
    let batches = Form::of(operation).batches(body)?;
    Some(batches.iter().map(|batch| (batch.len() / EVENT_SIZE) as u64).sum())
}

/// A multi-batch body: elements of `element_size` bytes, and the trailer behind them.
///
/// # Panics
///
/// If a batch is not a number of elements, or there are more than a trailer can count.
#[must_use]
pub fn batches_of(batches: &[Vec<u8>], element_size: usize) -> Vec<u8> {
    let mut body = batches.concat();
    let trailer = (2 * batches.len() + 2).next_multiple_of(element_size);
    let counts = batches.iter().rev().map(|batch| batch.len() / element_size).chain([batches.len()]);
    assert!(batches.iter().all(|batch| batch.len().is_multiple_of(element_size)), "whole elements");
    body.resize(body.len() + trailer - 2 * batches.len() - 2, 0xff);
    for count in counts {
        body.extend(u16::try_from(count).expect("a count has 16 bits").to_le_bytes());
    }
    body
}

/// What was created, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    accounts: BTreeMap<u128, u64>,
    transfers: BTreeMap<u128, u64>,
    failures: BTreeMap<u128, u32>,
}

impl Machine {
    pub(super) fn new(failures: BTreeMap<u128, u32>) -> Self {
        Self { failures, ..Self::default() }
    }

    /// Does it, and gives the reply's body. The body has its operation's form.
    pub(super) fn execute(&mut self, operation: Operation, body: &[u8], timestamp: u64) -> Vec<u8> {
        let form = Form::of(operation);
        let batches = form.batches(body).unwrap_or_default();
        let count: usize = batches.iter().map(|batch| batch.len() / EVENT_SIZE).sum();
        // The last event has the operation's timestamp.
        let mut next = timestamp.saturating_sub(count as u64);
        let mut results = Vec::new();
        for batch in batches {
            let mut result = Vec::new();
            for (index, event) in (0_u32..).zip(batch.chunks_exact(EVENT_SIZE)) {
                next += 1;
                let (status, timestamp) = self.create(operation, event, next);
                match form {
                    Form::Multi => {
                        result.extend(timestamp.to_le_bytes());
                        result.extend(status.to_le_bytes());
                        result.extend([0; 4]);
                    }
                    _ if status != CREATED => {
                        result.extend(index.to_le_bytes());
                        result.extend(status.to_le_bytes());
                    }
                    _ => {}
                }
            }
            results.push(result);
        }
        match form {
            Form::Multi => batches_of(&results, RESULT_SIZE),
            Form::MultiSparse => batches_of(&results, RESULT_SPARSE_SIZE),
            Form::PlainSparse | Form::Opaque => results.concat(),
        }
    }

    /// The status of one event, and the timestamp in its result.
    fn create(&mut self, operation: Operation, event: &[u8], timestamp: u64) -> (u32, u64) {
        let id = event.first_chunk().map_or(0, |id| u128::from_le_bytes(*id));
        if let Some(&status) = self.failures.get(&id) {
            return (status, timestamp);
        }
        let accounts = matches!(
            operation,
            Operation::CREATE_ACCOUNTS
                | Operation::CREATE_ACCOUNTS_SPARSE
                | Operation::CREATE_ACCOUNTS_UNBATCHED
        );
        let (created, exists) = if accounts {
            (&mut self.accounts, ACCOUNT_EXISTS)
        } else {
            (&mut self.transfers, TRANSFER_EXISTS)
        };
        match created.entry(id) {
            Entry::Vacant(vacant) => (CREATED, *vacant.insert(timestamp)),
            Entry::Occupied(first) => (exists, *first.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(ids: &[u8]) -> Vec<u8> {
        ids.iter().flat_map(|&id| [vec![id], vec![0; EVENT_SIZE - 1]].concat()).collect()
    }

    /// Timestamps and statuses.
    fn results(body: &[u8]) -> Vec<(u64, u32)> {
        let batches = Batches::new(body, RESULT_SIZE).unwrap();
        let results = batches.flat_map(|batch| batch.chunks_exact(RESULT_SIZE));
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        results.map(|result| (number(&result[..8]), u32::try_from(number(&result[8..12])).unwrap())).collect()
    }

    #[test]
    fn each_event_has_its_timestamp_and_status() {
        let mut machine = Machine::new(BTreeMap::from([(3, 54)]));
        let body = batches_of(&[events(&[1, 2]), Vec::new(), events(&[3, 1])], EVENT_SIZE);
        assert_eq!(event_count(Operation::CREATE_TRANSFERS, &body), Some(4));
        let reply = machine.execute(Operation::CREATE_TRANSFERS, &body, 100);
        assert_eq!(results(&reply), [(97, CREATED), (98, CREATED), (99, 54), (97, 46)]);
        let reply = machine.execute(Operation::CREATE_ACCOUNTS, &body, 200);
        assert_eq!(results(&reply), [(197, CREATED), (198, CREATED), (199, 54), (197, 21)]);
    }

    #[test]
    fn sparse_forms_tell_failures_only() {
        let mut machine = Machine::new(BTreeMap::from([(2, 54)]));
        let body = batches_of(&[events(&[1])], EVENT_SIZE);
        let reply = machine.execute(Operation::CREATE_TRANSFERS_SPARSE, &body, 100);
        assert_eq!(reply, [0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0]);
        let reply = machine.execute(Operation::CREATE_TRANSFERS_UNBATCHED, &events(&[4, 2]), 200);
        assert_eq!(reply, [1, 0, 0, 0, 54, 0, 0, 0]);
        let reply = machine.execute(Operation::CREATE_ACCOUNTS_UNBATCHED, &events(&[9]), 300);
        assert_eq!(reply, []);
    }

    #[test]
    fn malformed_bodies_are_told() {
        assert_eq!(event_count(Operation::CREATE_TRANSFERS, &[0; 128]), None);
        assert_eq!(event_count(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 127]), None);
        assert_eq!(event_count(Operation::CREATE_TRANSFERS_UNBATCHED, &[0; 256]), Some(2));
        assert_eq!(event_count(Operation::NOOP, b""), Some(0));
    }
}
