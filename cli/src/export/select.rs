//! Which entries and which events are asked for: [`Select`].

use super::args::ExportArgs;
use aof_nostd::Header;
use aof_nostd::message::Event;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Select {
    /// The first and the last op.
    ops: (u64, u64),
    /// The first and the last timestamp of an entry, ns.
    times: (u64, u64),
    /// By number; empty for all.
    operations: Vec<u8>,
    /// Empty for all.
    ledgers: Vec<u32>,
    /// Empty for all.
    accounts: Vec<u128>,
}

/// Flags of a transfer that ends a pending one: `post_pending_transfer`, `void_pending_transfer`.
const POST_OR_VOID: u16 = 4 | 8;

impl Select {
    /// What the arguments ask for.
    #[must_use]
    pub fn new(args: &ExportArgs) -> Self {
        let operations = args.operation.iter().flat_map(|operations| &operations.0);
        Self {
            ops: (args.from_op.unwrap_or(0), args.until_op.unwrap_or(u64::MAX)),
            times: (args.from.unwrap_or(0), args.until.unwrap_or(u64::MAX)),
            operations: operations.map(|operation| operation.0).collect(),
            ledgers: args.ledger.clone(),
            accounts: args.account.clone(),
        }
    }

    /// Whether an entry is asked for, as far as its header tells.
    #[must_use]
    pub fn entry(&self, header: &Header) -> bool {
        let (op, timestamp) = (header.op.get(), header.timestamp.get());
        (self.ops.0..=self.ops.1).contains(&op)
            && (self.times.0..=self.times.1).contains(&timestamp)
            && (self.operations.is_empty() || self.operations.contains(&header.operation))
    }

    /// Whether an event of such an entry is asked for.
    #[must_use]
    pub fn event(&self, event: Event<'_>) -> bool {
        let ledger = match event {
            Event::Account(account) => account.ledger.get(),
            Event::Transfer(transfer) => transfer.ledger.get(),
        };
        let is_account = |id: &u128| match event {
            Event::Account(account) => account.id.get() == *id,
            Event::Transfer(transfer) => {
                transfer.debit_account_id.get() == *id || transfer.credit_account_id.get() == *id
            }
        };
        (self.ledgers.is_empty() || self.ledgers.contains(&ledger))
            && (self.accounts.is_empty() || self.accounts.iter().any(is_account))
    }

    /// Whether an event that is not asked for might be, if it said what it is about: a post or a void of a pending
    /// transfer may have 0 as its ledger and as its accounts, which means those of the pending one.
    #[must_use]
    pub fn might_mean(&self, event: Event<'_>) -> bool {
        let Event::Transfer(transfer) = event else { return false };
        let is_open =
            |own: u128, list_is_empty: bool, is_listed: bool| list_is_empty || is_listed || own == 0;
        let ids = [transfer.debit_account_id.get(), transfer.credit_account_id.get()];
        let ledger = transfer.ledger.get();
        transfer.flags.get() & POST_OR_VOID != 0
            && is_open(ledger.into(), self.ledgers.is_empty(), self.ledgers.contains(&ledger))
            && ids.iter().any(|id| is_open(*id, self.accounts.is_empty(), self.accounts.contains(id)))
            && !self.event(event)
    }

    /// The first and the last op that are asked for.
    #[must_use]
    pub const fn all_ops(&self) -> (u64, u64) {
        self.ops
    }

    /// Whether an op is not behind the last one that is asked for.
    #[must_use]
    pub const fn reaches(&self, op: u64) -> bool {
        op <= self.ops.1
    }

    /// The part of a range of ops that is asked for, both ends included.
    #[must_use]
    pub fn ops(&self, range: (u64, u64)) -> Option<(u64, u64)> {
        let (first, last) = (range.0.max(self.ops.0), range.1.min(self.ops.1));
        (first <= last).then_some((first, last))
    }
}
