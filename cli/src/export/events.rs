//! The table of events: a row for each account and each transfer that an entry asks for.
//!
//! Rows are kept as they stand in a body, in runs: what all events of a batch share is kept once.

use super::table::{Block, Column, Table, Type, Value};
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
    /// The first one's place, and its time.
    index: u32,
    timestamp: u64,
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
                        timestamp: events.timestamp(entry.timestamp, index),
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
        Column::new("op", Type::U64, |row: EventRow<'_>| row.entry.op.into()).repeating(),
        Column::new("prepare_timestamp", Type::U64, |row: EventRow<'_>| row.entry.timestamp.into())
            .repeating(),
        Column::new("event_timestamp", Type::U64, |row: EventRow<'_>| row.timestamp.into()),
        Column::new("operation", Type::U8, |row: EventRow<'_>| row.entry.operation.0.into()).repeating(),
        Column::new("operation_name", Type::Text, |row: EventRow<'_>| row.entry.operation.name().into())
            .optional()
            .repeating(),
        Column::new("client", Type::U128, |row: EventRow<'_>| row.entry.client.into()).repeating(),
        Column::new("request", Type::U32, |row: EventRow<'_>| row.entry.request.into()).repeating(),
        Column::new("batch_index", Type::U32, |row: EventRow<'_>| row.batch.into()).repeating(),
        Column::new("event_index", Type::U32, |row: EventRow<'_>| row.index.into()),
        Column::new("event", Type::Text, |row: EventRow<'_>| kind(row).name().into()).repeating(),
        Column::new("id", Type::U128, |row: EventRow<'_>| both(row, |it| it.id.get(), |it| it.id.get())),
        Column::new("debit_account_id", Type::U128, |row: EventRow<'_>| {
            transfer(row, |it| it.debit_account_id.get())
        })
        .optional(),
        Column::new("credit_account_id", Type::U128, |row: EventRow<'_>| {
            transfer(row, |it| it.credit_account_id.get())
        })
        .optional(),
        Column::new("amount", Type::Decimal, |row: EventRow<'_>| transfer(row, |it| it.amount.get()))
            .optional(),
        Column::new("amount_u128", Type::U128, |row: EventRow<'_>| transfer(row, |it| it.amount.get()))
            .optional()
            .in_parquet_only(),
        Column::new("pending_id", Type::U128, |row: EventRow<'_>| transfer(row, |it| it.pending_id.get()))
            .optional()
            .repeating(),
        Column::new("debits_pending", Type::U128, |row: EventRow<'_>| {
            account(row, |it| it.debits_pending.get())
        })
        .optional()
        .repeating(),
        Column::new("debits_posted", Type::U128, |row: EventRow<'_>| {
            account(row, |it| it.debits_posted.get())
        })
        .optional()
        .repeating(),
        Column::new("credits_pending", Type::U128, |row: EventRow<'_>| {
            account(row, |it| it.credits_pending.get())
        })
        .optional()
        .repeating(),
        Column::new("credits_posted", Type::U128, |row: EventRow<'_>| {
            account(row, |it| it.credits_posted.get())
        })
        .optional()
        .repeating(),
        Column::new("user_data_128", Type::U128, |row: EventRow<'_>| {
            both(row, |it| it.user_data_128.get(), |it| it.user_data_128.get())
        }),
        Column::new("user_data_64", Type::U64, |row: EventRow<'_>| {
            both(row, |it| it.user_data_64.get(), |it| it.user_data_64.get())
        }),
        Column::new("user_data_32", Type::U32, |row: EventRow<'_>| {
            both(row, |it| it.user_data_32.get(), |it| it.user_data_32.get())
        }),
        Column::new("reserved", Type::U32, |row: EventRow<'_>| account(row, |it| it.reserved.get()))
            .optional()
            .repeating(),
        Column::new("timeout", Type::U32, |row: EventRow<'_>| transfer(row, |it| it.timeout.get()))
            .optional(),
        Column::new("ledger", Type::U32, |row: EventRow<'_>| {
            both(row, |it| it.ledger.get(), |it| it.ledger.get())
        }),
        Column::new("code", Type::U16, |row: EventRow<'_>| both(row, |it| it.code.get(), |it| it.code.get())),
        Column::new("flags", Type::U16, |row: EventRow<'_>| {
            both(row, |it| it.flags.get(), |it| it.flags.get())
        }),
        Column::new("timestamp", Type::U64, |row: EventRow<'_>| {
            both(row, |it| it.timestamp.get(), |it| it.timestamp.get())
        }),
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
                timestamp: run.timestamp.saturating_add(at.into()),
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

fn both<V: Into<Value>>(
    row: EventRow<'_>,
    of_account: fn(&Account) -> V,
    of_transfer: fn(&Transfer) -> V,
) -> Value {
    match row.event {
        Event::Account(account) => of_account(account).into(),
        Event::Transfer(transfer) => of_transfer(transfer).into(),
    }
}

fn account<V: Into<Value>>(row: EventRow<'_>, get: fn(&Account) -> V) -> Value {
    match row.event {
        Event::Account(account) => get(account).into(),
        Event::Transfer(_) => Value::Null,
    }
}

fn transfer<V: Into<Value>>(row: EventRow<'_>, get: fn(&Transfer) -> V) -> Value {
    match row.event {
        Event::Account(_) => Value::Null,
        Event::Transfer(transfer) => get(transfer).into(),
    }
}
