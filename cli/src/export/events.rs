//! The table of events: a row for each account and each transfer that an entry asks for.
//!
//! Rows are kept as they stand in a body, in runs: what all events of a batch share is kept once.

use super::table::{Block, Column, DECIMAL_MAX, Table, Time, Value, column};
use aof_nostd::message::{Account, EVENT_SIZE, Event, EventKind, Events, Transfer};
use aof_nostd::wire::{Header, Operation};

/// The table of events.
#[derive(Clone, Copy, Debug)]
pub struct EventTable;

/// What the rows of an entry share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventEntry {
    /// Its op.
    pub op: u64,
    /// Its time, ns.
    pub timestamp: u64,
    /// Its operation.
    pub operation: Operation,
    /// Who asked.
    pub client: u128,
    /// The number of the client's request.
    pub request: u32,
}

impl From<&Header> for EventEntry {
    fn from(header: &Header) -> Self {
        Self {
            op: header.op.get(),
            timestamp: header.timestamp.get(),
            operation: header.operation(),
            client: header.client.get(),
            request: header.request.get(),
        }
    }
}

/// One event, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct EventRow<'a> {
    /// Its entry.
    pub entry: &'a EventEntry,
    /// Its batch's place in the entry, from 0.
    pub batch: u32,
    /// Its place in the entry, from 0, counted over all batches.
    pub index: u32,
    /// The time that the state machine gives it, ns.
    pub timestamp: u64,
    /// The event.
    pub event: Event<'a>,
}

/// Events that follow each other in a batch.
#[derive(Clone, Copy, Debug)]
struct Run {
    entry: EventEntry,
    kind: EventKind,
    batch: u32,
    /// The first one's place, and how far it is before the entry's last one.
    index: u32,
    before_last: u64,
    count: usize,
}

/// Rows of events.
#[derive(Clone, Debug, Default)]
pub struct EventBlock {
    runs: Vec<Run>,
    events: Vec<[u8; EVENT_SIZE]>,
    ops: Option<(u64, u64)>,
}

impl EventBlock {
    /// Adds the events of an entry that are `wanted`. Gives how many.
    pub fn push(
        &mut self,
        header: &Header,
        events: &Events<'_>,
        wanted: impl Fn(Event<'_>) -> bool,
    ) -> usize {
        let before = self.events.len();
        let entry = EventEntry::from(header);
        let mut index = 0_usize;
        for (batch, in_batch) in (0..).zip(events.batches()) {
            let mut goes_on = false;
            for bytes in in_batch {
                if !wanted(events.event(bytes)) {
                    goes_on = false;
                } else if let (true, Some(run)) = (goes_on, self.runs.last_mut()) {
                    run.count += 1;
                    self.events.push(*bytes);
                } else {
                    self.runs.push(Run {
                        entry,
                        kind: events.form().kind,
                        batch,
                        index: u32::try_from(index).unwrap_or(u32::MAX), // a body of 4 GiB has fewer
                        before_last: events.count().saturating_sub(index + 1) as u64,
                        count: 1,
                    });
                    self.events.push(*bytes);
                    goes_on = true;
                }
                index += 1;
            }
        }
        let pushed = self.events.len() - before;
        if pushed > 0 {
            let (first, last) = self.ops.unwrap_or((entry.op, entry.op));
            self.ops = Some((first.min(entry.op), last.max(entry.op)));
        }
        pushed
    }
}

impl Block for EventBlock {
    fn count(&self) -> usize {
        self.events.len()
    }

    fn ops(&self) -> Option<(u64, u64)> {
        self.ops
    }

    fn clear(&mut self) {
        self.runs.clear();
        self.events.clear();
        self.ops = None;
    }
}

impl Table for EventTable {
    type Block = EventBlock;
    type Row<'a> = EventRow<'a>;

    const COLUMNS: &'static [Column<Self>] = &[
        column!("op", U64, |row: EventRow<'_>| row.entry.op).repeating(),
        column!("prepare_timestamp", U64, |row: EventRow<'_>| row.entry.timestamp).repeating(),
        column!("event_timestamp", U64, |row: EventRow<'_>| row.timestamp).sequence(),
        column!("time", Text, |row: EventRow<'_>| Time(row.timestamp)).in_text_only(),
        column!("operation", U8, |row: EventRow<'_>| row.entry.operation.0).repeating(),
        column!("operation_name", Text, |row: EventRow<'_>| row.entry.operation.name())
            .optional()
            .repeating(),
        column!("client", U128, |row: EventRow<'_>| row.entry.client).repeating(),
        column!("request", U32, |row: EventRow<'_>| row.entry.request).repeating(),
        column!("batch_index", U32, |row: EventRow<'_>| row.batch).repeating(),
        column!("event_index", U32, |row: EventRow<'_>| row.index).sequence(),
        column!("event", Text, |row: EventRow<'_>| kind(row).name()).repeating(),
        column!("id", U128, |row: EventRow<'_>| both(row, |it| it.id.get(), |it| it.id.get())).ordered(),
        column!("debit_account_id", U128, |row: EventRow<'_>| transfer(row, |it| it.debit_account_id.get()))
            .optional(),
        column!("credit_account_id", U128, |row: EventRow<'_>| transfer(row, |it| it
            .credit_account_id
            .get()))
        .optional(),
        column!("amount", Decimal, |row: EventRow<'_>| transfer(row, |it| it.amount.get())).optional(),
        column!("amount_u128", U128, |row: EventRow<'_>| wide_amount(row)).optional().in_parquet_only(),
        column!("pending_id", U128, |row: EventRow<'_>| transfer(row, |it| it.pending_id.get()))
            .optional()
            .repeating(),
        column!("debits_pending", U128, |row: EventRow<'_>| account(row, |it| it.debits_pending.get()))
            .optional()
            .repeating(),
        column!("debits_posted", U128, |row: EventRow<'_>| account(row, |it| it.debits_posted.get()))
            .optional()
            .repeating(),
        column!("credits_pending", U128, |row: EventRow<'_>| account(row, |it| it.credits_pending.get()))
            .optional()
            .repeating(),
        column!("credits_posted", U128, |row: EventRow<'_>| account(row, |it| it.credits_posted.get()))
            .optional()
            .repeating(),
        column!("user_data_128", U128, |row: EventRow<'_>| both(
            row,
            |it| it.user_data_128.get(),
            |it| it.user_data_128.get()
        )),
        column!("user_data_64", U64, |row: EventRow<'_>| both(
            row,
            |it| it.user_data_64.get(),
            |it| it.user_data_64.get()
        )),
        column!("user_data_32", U32, |row: EventRow<'_>| both(
            row,
            |it| it.user_data_32.get(),
            |it| it.user_data_32.get()
        )),
        column!("reserved", U32, |row: EventRow<'_>| account(row, |it| it.reserved.get()))
            .optional()
            .repeating(),
        column!("timeout", U32, |row: EventRow<'_>| transfer(row, |it| it.timeout.get())).optional(),
        column!("ledger", U32, |row: EventRow<'_>| both(row, |it| it.ledger.get(), |it| it.ledger.get())),
        column!("code", U16, |row: EventRow<'_>| both(row, |it| it.code.get(), |it| it.code.get())),
        column!("flags", U16, |row: EventRow<'_>| both(row, |it| it.flags.get(), |it| it.flags.get())),
        column!("timestamp", U64, |row: EventRow<'_>| both(
            row,
            |it| it.timestamp.get(),
            |it| it.timestamp.get()
        )),
    ];

    fn rows(block: &EventBlock) -> impl Iterator<Item = EventRow<'_>> {
        let mut rest = block.events.as_slice();
        block.runs.iter().flat_map(move |run| {
            let (of_run, behind) = rest.split_at_checked(run.count).unwrap_or((rest, &[]));
            rest = behind;
            (0_u32..).zip(of_run).map(move |(at, bytes)| EventRow {
                entry: &run.entry,
                batch: run.batch,
                index: run.index.saturating_add(at),
                // As of `Events::timestamp`: a time that leaves no room stays 0.
                timestamp: run.entry.timestamp.saturating_sub(run.before_last.saturating_sub(at.into())),
                event: Event::new(run.kind, bytes),
            })
        })
    }
}

/// The columns of the event alone begin with this one; those before tell of its entry.
pub const FIRST_OF_EVENT: &str = "id";

const fn kind(row: EventRow<'_>) -> EventKind {
    match row.event {
        Event::Account(_) => EventKind::Account,
        Event::Transfer(_) => EventKind::Transfer,
    }
}

#[inline(always)]
fn both<V: Into<Value>>(
    row: EventRow<'_>,
    of_account: impl Fn(&Account) -> V,
    of_transfer: impl Fn(&Transfer) -> V,
) -> Value {
    match row.event {
        Event::Account(account) => of_account(account).into(),
        Event::Transfer(transfer) => of_transfer(transfer).into(),
    }
}

#[inline(always)]
fn account<V: Into<Value>>(row: EventRow<'_>, get: impl Fn(&Account) -> V) -> Value {
    match row.event {
        Event::Account(account) => get(account).into(),
        Event::Transfer(_) => Value::Null,
    }
}

#[inline(always)]
fn transfer<V: Into<Value>>(row: EventRow<'_>, get: impl Fn(&Transfer) -> V) -> Value {
    match row.event {
        Event::Account(_) => Value::Null,
        Event::Transfer(transfer) => get(transfer).into(),
    }
}

/// A transfer's amount, if no decimal holds it.
#[inline(always)]
fn wide_amount(row: EventRow<'_>) -> Value {
    transfer(row, |it| Some(it.amount.get()).filter(|amount| *amount > DECIMAL_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device without a clock writes 0 into its entries: the second of its events was told to be of 1 ns.
    #[test]
    fn times_of_rows_are_those_of_the_events_where_the_entrys_time_leaves_no_room_too() {
        let body = [7_u8; 5 * EVENT_SIZE];
        let events = Events::of(Operation(130), &body).unwrap().unwrap();
        for timestamp in [0, 1, 3, 4, 1000, u64::MAX] {
            let mut header = Header::new();
            header.timestamp = timestamp.into();
            for left_out in 0..=5 {
                let mut block = EventBlock::default();
                let looked_at = std::cell::Cell::new(0);
                block.push(&header, &events, |_| looked_at.replace(looked_at.get() + 1) != left_out);
                let indices = (0..5).filter(|index| *index != left_out);
                let expected: Vec<_> = indices.map(|index| events.timestamp(timestamp, index)).collect();
                let told: Vec<_> = EventTable::rows(&block).map(|row| row.timestamp).collect();
                assert_eq!(told, expected, "{timestamp}, without event {left_out}");
            }
        }
    }
}
