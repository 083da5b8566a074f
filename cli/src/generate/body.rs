//! Bodies that decode: accounts, transfers, and ids that are looked up.
//!
//! ```text
//! create_*            event, 128 bytes | event | ... | trailer, 128 bytes
//! create_*_unbatched  event, 128 bytes | event | ...
//! lookup_*            id, 16 bytes | id | ... | trailer, 16 bytes
//! ```

use super::random::Stream;
use aof_nostd::message::{Account, EVENT_SIZE, EventForm, EventKind, Transfer};
use aof_nostd::wire::Operation;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of an id.
const ID_SIZE: usize = 16;

/// The ledger of all accounts.
const LEDGER: u32 = 1;
/// The kind of all accounts and transfers.
const CODE: u16 = 10;

/// How an operation's events are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    element: Element,
    has_trailer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Account,
    Transfer,
    AccountId,
    TransferId,
}

/// What the events of one entry are about.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// The entry's op.
    pub op: u64,
    /// How many.
    pub count: u64,
    /// The entry's time, ms since 1970.
    pub milliseconds: u64,
    /// Transfers are between the accounts 1 to this.
    pub accounts: u64,
    /// The first account that is created; 0 for any that is not among those.
    pub first_account: u64,
}

/// The form of an operation's events; `None` where it has none that can be made.
#[must_use]
pub const fn events_of(operation: Operation) -> Option<Form> {
    let (element, has_trailer) = match operation {
        Operation::LOOKUP_ACCOUNTS => (Element::AccountId, true),
        Operation::LOOKUP_TRANSFERS => (Element::TransferId, true),
        _ => match EventForm::of(operation) {
            Some(EventForm { kind: EventKind::Account, is_batched, .. }) => (Element::Account, is_batched),
            Some(EventForm { kind: EventKind::Transfer, is_batched, .. }) => (Element::Transfer, is_batched),
            None => return None,
        },
    };
    Some(Form { element, has_trailer })
}

impl Form {
    const fn element_size(self) -> usize {
        match self.element {
            Element::Account | Element::Transfer => EVENT_SIZE,
            Element::AccountId | Element::TransferId => ID_SIZE,
        }
    }

    /// Bytes of a body with so many events.
    #[must_use]
    pub const fn body_size(self, count: u64) -> u64 {
        let elements = if self.has_trailer { count.saturating_add(1) } else { count };
        elements.saturating_mul(self.element_size() as u64)
    }

    /// Fills a body of [`body_size`](Self::body_size).
    pub fn write(self, events: &Events, random: Stream, body: &mut [u8]) {
        let elements = match self.has_trailer {
            true => {
                let (elements, trailer) = body.split_at_mut(body.len().saturating_sub(self.element_size()));
                write_trailer(trailer, events.count);
                elements
            }
            false => body,
        };
        for (index, element) in (0..).zip(elements.chunks_exact_mut(self.element_size())) {
            match self.element {
                Element::Account => write_account(element, events, index),
                Element::Transfer => write_transfer(element, events, index, random.row(index)),
                Element::AccountId => {
                    let id = u128::from(1 + random.below(index, events.accounts));
                    element.copy_from_slice(&id.to_le_bytes());
                }
                Element::TransferId => {
                    element.copy_from_slice(&transfer_id(events, index, random.row(index)).to_le_bytes());
                }
            }
        }
    }
}

/// One batch: its number of events, and that it is one.
fn write_trailer(trailer: &mut [u8], count: u64) {
    trailer.fill(0xff);
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    if let Some(counts) = trailer.last_chunk_mut::<4>() {
        *counts = (u32::from(count) | 1 << 16).to_le_bytes();
    }
}

fn write_account(bytes: &mut [u8], events: &Events, index: u64) {
    bytes.fill(0);
    let Ok(account) = Account::mut_from_bytes(bytes) else { return };
    let id = match events.first_account {
        0 => u128::from(events.op) << 64 | u128::from(index),
        first => u128::from(first) + u128::from(index),
    };
    account.id = id.into();
    account.ledger = LEDGER.into();
    account.code = CODE.into();
}

fn write_transfer(bytes: &mut [u8], events: &Events, index: u64, random: Stream) {
    bytes.fill(0);
    let Ok(transfer) = Transfer::mut_from_bytes(bytes) else { return };
    let debit = random.below(2, events.accounts);
    // Any other account.
    let credit = (debit + 1 + random.below(3, events.accounts - 1)) % events.accounts;
    transfer.id = transfer_id(events, index, random).into();
    transfer.debit_account_id = u128::from(1 + debit).into();
    transfer.credit_account_id = u128::from(1 + credit).into();
    transfer.amount = u128::from(1 + random.below(4, 1_000_000)).into();
    transfer.user_data_64 = random.at(5).into();
    transfer.ledger = LEDGER.into();
    transfer.code = CODE.into();
    debug_assert_eq!(transfer.as_bytes().len(), EVENT_SIZE);
}

/// An id as the server's authors recommend it: the time in milliseconds, then 80 bits that nobody else has.
fn transfer_id(events: &Events, index: u64, random: Stream) -> u128 {
    let low = (u128::from(random.at(1)) << 16) | u128::from(index & 0xffff);
    u128::from(events.milliseconds) << 80 | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::message::{Event, Events as Decoded};

    fn events(count: u64) -> Events {
        Events { op: 9, count, milliseconds: 1_000, accounts: 2, first_account: 0 }
    }

    #[test]
    fn bodies_decode_to_the_events_that_they_were_made_of() {
        for operation in (0..=255).map(Operation) {
            let (Some(form), Some(_)) = (events_of(operation), EventForm::of(operation)) else { continue };
            for count in [0, 1, 300] {
                let mut body = vec![0x55; usize::try_from(form.body_size(count)).unwrap()];
                form.write(&events(count), Stream::new(1, 1), &mut body);
                let decoded = Decoded::of(operation, &body).unwrap().unwrap();
                assert_eq!(decoded.count() as u64, count, "{operation}");
                for event in decoded.batches().flatten() {
                    match decoded.event(event) {
                        Event::Account(account) => assert_eq!(account.ledger.get(), LEDGER),
                        Event::Transfer(transfer) => {
                            let accounts =
                                [transfer.debit_account_id.get(), transfer.credit_account_id.get()];
                            assert!(accounts == [1, 2] || accounts == [2, 1], "{accounts:?}");
                            assert!(transfer.amount.get() > 0 && transfer.id.get() >> 80 == 1_000);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn lookups_name_accounts_that_there_are() {
        let form = events_of(Operation::LOOKUP_ACCOUNTS).unwrap();
        let mut body = vec![0; 64];
        assert_eq!(form.body_size(3), 64);
        form.write(&events(3), Stream::new(1, 1), &mut body);
        assert!(body[..48].as_chunks::<16>().0.iter().all(|id| matches!(u128::from_le_bytes(*id), 1 | 2)));
        assert_eq!(body[60..], [3, 0, 1, 0]);
    }
}
