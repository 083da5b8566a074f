//! Logs to be replayed: what a cluster might have done.

use aof_nostd::wire::{Header, Operation, Release};
use aof_nostd::{AnyProfile, Draft};
use aof_tests::build::{Builder, Log};

/// The cluster's present release.
pub(super) const RELEASE: Release = Release::new(65535, 0, 0);
/// A time in 2026, ns since 1970.
pub(super) const START: u64 = 1_795_000_000_000_000_000;
/// Between two entries, ns.
pub(super) const STEP: u64 = 1_000_000;

/// What an entry does.
#[derive(Clone, Debug)]
pub(super) enum Did {
    Pulse,
    Register,
    Lookup,
    /// Accounts with these ids.
    Accounts(Vec<u128>),
    /// Transfers with these ids.
    Transfers(Vec<u128>),
    /// A pending transfer with a time-out.
    Pending(u128),
    /// Any operation and body.
    Other(Operation, Vec<u8>),
    /// As the one in it, of another release.
    Release(Release, Box<Did>),
    /// As the one in it, with another timestamp.
    At(u64, Box<Did>),
}

/// A body of events with these ids, in one batch.
pub(super) fn batch(ids: &[u128], timeout: u32, flags: u16) -> Vec<u8> {
    let mut body = Vec::new();
    for id in ids {
        let mut event = [0; 128];
        event[..16].copy_from_slice(&id.to_le_bytes());
        event[108..112].copy_from_slice(&timeout.to_le_bytes());
        event[118..120].copy_from_slice(&flags.to_le_bytes());
        body.extend(event);
    }
    let mut trailer = [0xff; 128];
    trailer[124..126].copy_from_slice(&u16::try_from(ids.len()).unwrap().to_le_bytes());
    trailer[126..].copy_from_slice(&1_u16.to_le_bytes());
    body.extend(trailer);
    body
}

fn append(builder: Builder, did: &Did, release: Release, timestamp: u64) -> Builder {
    let (operation, body) = match did {
        Did::Pulse => (Operation::PULSE, Vec::new()),
        Did::Register => (Operation::REGISTER, vec![0; 256]),
        Did::Lookup => (Operation::LOOKUP_ACCOUNTS, vec![0xff; 16]),
        Did::Accounts(ids) => (Operation::CREATE_ACCOUNTS, batch(ids, 0, 0)),
        Did::Transfers(ids) => (Operation::CREATE_TRANSFERS, batch(ids, 0, 0)),
        Did::Pending(id) => (Operation::CREATE_TRANSFERS, batch(&[*id], 1, 2)),
        Did::Other(operation, body) => (*operation, body.clone()),
        Did::Release(release, did) => return append(builder, did, *release, timestamp),
        Did::At(timestamp, did) => return append(builder, did, release, *timestamp),
    };
    let draft = Draft { operation, timestamp_ns: timestamp, client: 77, request: 1, ..Draft::default() };
    builder.release(release).draft(draft).entry(&body)
}

/// A log in which this was done, one entry each, a millisecond apart.
pub(super) fn log(did: &[Did]) -> Log {
    let mut builder = Builder::new(AnyProfile::default()).start_with(Header::new());
    for (op, did) in (1..).zip(did) {
        builder = append(builder, did, RELEASE, START + op * STEP);
    }
    builder.build()
}

/// What a cluster does first: a pulse, a register, accounts; then `count` entries of one transfer each.
pub(super) fn usual(count: u128) -> Vec<Did> {
    let mut did = vec![Did::Pulse, Did::Register, Did::Accounts(vec![1, 2])];
    did.extend((0..count).map(|id| Did::Transfers(vec![1000 + id])));
    did
}
