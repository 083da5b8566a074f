//! The history: what every op is. Any op can be made alone, but for its parent.
//!
//! ```text
//! ops       1 ..        clients    create_accounts  | as --operations and --events choose
//!           registers              for the accounts |
//! ```
//!
//! With bodies of random bytes (`--body`) there is nothing before the first operation chosen. Everything is a
//! function of the options and the op, see [`random`](super::random): so an entry's size is known without making
//! it, and a copy of an entry is made once more rather than kept.

use super::args::ContentArgs;
use super::body::{self, Events};
use super::mix::{Mix, Range};
use super::random::Stream;
use crate::failure::Failure;
use aof_nostd::message::{EVENT_SIZE, EventForm, REGISTER_BODY_SIZE};
use aof_nostd::wire::{Entry, HEAD_SIZE, HEADER_SIZE, Header, Operation, Release};
use aof_nostd::{AnyProfile, Checksum};

/// Entries between two checkpoints of a cluster with a default journal.
const CHECKPOINT_OPS: u64 = 960;

/// The release that wrote the first logs of this format.
const RELEASE: Release = Release::new(0, 16, 21);

/// Names of the streams: each choice has one of its own, so that a new choice changes no other.
mod stream {
    pub(super) const OPERATION: u64 = 1;
    pub(super) const SHAPE: u64 = 2;
    pub(super) const BODY: u64 = 3;
    pub(super) const REQUEST: u64 = 4;
    pub(super) const CHECKPOINT: u64 = 5;
    pub(super) const CLIENT: u64 = 6;
}

/// What every op is. See the [module](self).
#[derive(Clone, Debug)]
pub struct History {
    profile: AnyProfile,
    entries: u64,
    seed: u64,
    cluster: u128,
    operations: Mix<Operation>,
    bodies: Bodies,
    clients: u64,
    start_ns: u64,
    interval_ns: u64,
    view_changes: u64,
    replicas: u8,
    shape: Stream,
    operation: Stream,
}

#[derive(Clone, Debug)]
enum Bodies {
    /// Random bytes.
    Opaque(Mix<Range>),
    /// What a ledger's clients send.
    Ledger {
        events: Mix<Range>,
        accounts: u64,
        /// The most accounts that one entry creates.
        batch_max: u64,
    },
}

/// Which of the entries that an op could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The history's.
    Chosen,
    /// One of another history: as large, with the same parent.
    Other,
}

/// What an entry is, but for its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    operation: Operation,
    /// Events in the body, if it has any.
    events: u64,
    body_size: usize,
}

impl History {
    /// The history that the options describe.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: options that do not go together.
    pub fn new(args: &ContentArgs, replicas: u8, message_size_max: u32) -> Result<Self, Failure> {
        let body_size_max = u64::from(message_size_max).saturating_sub(HEADER_SIZE as u64);
        let bodies = match &args.body {
            Some(sizes) => {
                if let Some(range) = sizes.0.items().find(|range| range.most > body_size_max) {
                    return Err(Failure::Usage(format!(
                        "--body {}: a body has at most {body_size_max} bytes here, since an entry's header and body \
                         have at most --message-size-max {message_size_max}",
                        range.most
                    )));
                }
                Bodies::Opaque(sizes.0.clone())
            }
            None => ledger(args, body_size_max)?,
        };
        if let (Some(asked), Bodies::Ledger { batch_max, .. }) = (args.accounts, &bodies) {
            let entries = asked.div_ceil(*batch_max);
            if entries >= args.entries {
                return Err(Failure::Usage(format!(
                    "--accounts {asked} takes {entries} entries before the first transfer, and --entries {} are all: \
                     fewer accounts, or more entries",
                    args.entries
                )));
            }
        }
        let interval_ns = 1_000_000_000 / args.rate.max(1);
        let last_ns = args.entries.checked_mul(interval_ns).and_then(|time| time.checked_add(args.start));
        let views = args.entries.checked_mul(u64::from(args.view_changes) + 1);
        if last_ns.is_none() || views.is_none() {
            return Err(Failure::Usage(format!(
                "--entries {} is too many: at --rate {} their times, or views, go beyond 64 bits",
                args.entries, args.rate
            )));
        }
        Ok(Self {
            profile: args.profile.profile(),
            entries: args.entries,
            seed: args.seed,
            cluster: args.cluster,
            operations: args.operations.0.clone(),
            bodies,
            clients: args.clients.max(1),
            start_ns: args.start,
            interval_ns,
            view_changes: args.view_changes.into(),
            replicas: replicas.max(1),
            shape: Stream::new(args.seed, stream::SHAPE),
            operation: Stream::new(args.seed, stream::OPERATION),
        })
    }

    /// The last op.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The seed of everything.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> AnyProfile {
        self.profile
    }

    /// How many ops there are before those that are chosen.
    #[must_use]
    pub fn prologue(&self) -> u64 {
        match &self.bodies {
            Bodies::Opaque(_) => 0,
            Bodies::Ledger { accounts, batch_max, .. } => {
                self.clients.saturating_add(accounts.div_ceil(*batch_max))
            }
        }
    }

    /// The largest entry that there may be, bytes in a file.
    #[must_use]
    pub fn size_max(&self) -> usize {
        let body = match &self.bodies {
            Bodies::Opaque(sizes) => sizes.items().map(|range| range.most).max(),
            Bodies::Ledger { events, accounts, batch_max } => {
                let most = events.items().map(|range| range.most).max();
                let accounts = (*accounts).min(*batch_max);
                Some((most.unwrap_or(0).max(accounts) + 1) * EVENT_SIZE as u64)
            }
        };
        let body = body.unwrap_or(0).max(REGISTER_BODY_SIZE.into());
        HEAD_SIZE.saturating_add(usize::try_from(body).unwrap_or(usize::MAX))
    }

    /// The size of every entry behind the prologue, where they are of one size.
    #[must_use]
    pub fn uniform_size(&self) -> Option<u64> {
        let mut shapes = self.operations.items().map(|operation| {
            let mix = match &self.bodies {
                Bodies::Opaque(sizes) => sizes,
                Bodies::Ledger { events, .. } => events,
            };
            let mut ranges = mix.items();
            let range = ranges.next().filter(|range| range.least == range.most)?;
            ranges.all(|other| other == range).then(|| self.shape_of(operation, range.least).size_disk())
        });
        let first = shapes.next()?;
        if shapes.all(|other| other == first) { first } else { None }
    }

    /// What the op is.
    #[must_use]
    pub fn shape(&self, op: u64) -> Shape {
        let prologue = match &self.bodies {
            Bodies::Ledger { accounts, batch_max, .. } if op <= self.prologue() => {
                Some((*accounts, *batch_max))
            }
            _ => None,
        };
        if let Some((accounts, batch_max)) = prologue {
            return match (op - 1).checked_sub(self.clients) {
                None => Shape {
                    operation: Operation::REGISTER,
                    events: 0,
                    body_size: REGISTER_BODY_SIZE as usize,
                },
                Some(batch) => {
                    let created = batch.saturating_mul(batch_max);
                    self.shape_of(Operation::CREATE_ACCOUNTS, (accounts - created).min(batch_max))
                }
            };
        }
        let operation = self.operations.choose(self.operation, op).unwrap_or(Operation::NOOP);
        let (Bodies::Opaque(mix) | Bodies::Ledger { events: mix, .. }) = &self.bodies;
        // Two choices at one place: of the range, and within it.
        let place = op.wrapping_mul(2);
        let number = mix.choose(self.shape, place).map_or(0, |range| range.choose(self.shape, place + 1));
        self.shape_of(operation, number)
    }

    /// The shape of an operation whose body has `number` bytes, or events.
    fn shape_of(&self, operation: Operation, number: u64) -> Shape {
        let (events, size) = match &self.bodies {
            Bodies::Opaque(_) => (0, number),
            Bodies::Ledger { .. } => match body::events_of(operation) {
                Some(form) => (number, form.body_size(number)),
                None => (0, 0),
            },
        };
        Shape { operation, events, body_size: usize::try_from(size).unwrap_or(usize::MAX) }
    }

    /// The view of an op.
    fn view(&self, op: u64) -> u64 {
        1 + (op - 1) * (self.view_changes + 1) / self.entries
    }

    fn timestamp_ns(&self, op: u64) -> u64 {
        self.start_ns + (op - 1) * self.interval_ns
    }

    /// Makes an entry in `buffer`, which has at least [`size_max`](Self::size_max) bytes. Gives its header and
    /// its size in a file. Ops are 1 to [`entries`](Self::entries).
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`], where the entry breaks a rule of the format: a mistake of ours.
    pub fn make(
        &self,
        op: u64,
        version: Version,
        parent: Checksum,
        buffer: &mut [u8],
    ) -> Result<(Header, usize), Failure> {
        let shape = self.shape(op);
        let place = match version {
            Version::Chosen => op,
            Version::Other => !op, // no history has so many ops that this is one
        };
        let size = HEAD_SIZE + shape.body_size;
        let broken = |rule| Failure::Usage(format!("op {op} cannot be made: {rule}"));
        let entry = buffer.get_mut(..size).ok_or_else(|| broken("it is larger than any".into()))?;
        if let Some(body) = entry.get_mut(HEAD_SIZE..) {
            self.body(op, &shape, Stream::new(self.seed, stream::BODY).row(place), body);
        }
        let header = self.header(op, place, shape.operation, parent);
        let entry = Entry::seal(&self.profile, header, entry).map_err(|rule| broken(rule.to_string()))?;
        Ok((entry.header, size))
    }

    fn body(&self, op: u64, shape: &Shape, random: Stream, body: &mut [u8]) {
        match (&self.bodies, body::events_of(shape.operation)) {
            (Bodies::Opaque(_), _) => random.fill(body),
            (Bodies::Ledger { accounts, batch_max, .. }, Some(form)) => {
                let batch = (op - 1).saturating_sub(self.clients);
                let is_first = op <= self.prologue();
                let events = Events {
                    op,
                    count: shape.events,
                    milliseconds: self.timestamp_ns(op) / 1_000_000,
                    accounts: *accounts,
                    // Accounts created later are named apart from those that transfers are between.
                    first_account: if is_first { batch * batch_max + 1 } else { 0 },
                };
                form.write(&events, random, body);
            }
            (Bodies::Ledger { .. }, None) => body.fill(0),
        }
    }

    fn header(&self, op: u64, place: u64, operation: Operation, parent: Checksum) -> Header {
        let mut header = Header::new();
        let view = self.view(op);
        header.parent = parent;
        header.cluster = self.cluster.into();
        header.view = u32::try_from(view).unwrap_or(u32::MAX).into();
        header.release = RELEASE.0.into();
        header.replica = u8::try_from(view % u64::from(self.replicas)).unwrap_or(0);
        header.op = op.into();
        header.commit = (op - 1).into();
        header.timestamp = self.timestamp_ns(op).into();
        header.operation = operation.0;
        let random = |name, place| Stream::new(self.seed, name).wide_at(place);
        header.request_checksum = Checksum::new(random(stream::REQUEST, place));
        if op > CHECKPOINT_OPS {
            header.checkpoint_id = Checksum::new(random(stream::CHECKPOINT, op / CHECKPOINT_OPS));
        }
        // The cluster itself asks for what no client may.
        if matches!(operation, Operation::PULSE | Operation::UPGRADE | Operation::NOOP) {
            return header;
        }
        let turn = (op - 1) % self.clients;
        header.client = random(stream::CLIENT, turn).max(1).into();
        if operation != Operation::REGISTER {
            // As many bits as the field has; a client that asks more often begins anew.
            let bytes = ((op - 1) / self.clients).to_le_bytes();
            if let Some(low) = bytes.first_chunk() {
                header.request = u32::from_le_bytes(*low).max(1).into();
            }
        }
        header
    }
}

impl Shape {
    /// Bytes of the entry in a file.
    #[must_use]
    pub const fn size_disk(&self) -> u64 {
        (HEAD_SIZE + self.body_size) as u64
    }
}

/// Bodies that are decoded.
fn ledger(args: &ContentArgs, body_size_max: u64) -> Result<Bodies, Failure> {
    for operation in args.operations.0.items() {
        let has_body = body::events_of(operation).is_some();
        if !has_body && !matches!(operation, Operation::PULSE | Operation::NOOP) {
            return Err(Failure::Usage(format!(
                "--operations {}: only bodies of create_accounts, create_transfers (their older forms too), \
                 lookup_accounts and lookup_transfers are made, and pulse and noop have none; with --body bodies are \
                 random bytes, and any operation will do",
                operation.name().map_or_else(|| operation.0.to_string(), str::to_owned)
            )));
        }
    }
    // One element is for the trailer.
    let batch_max = (body_size_max / EVENT_SIZE as u64).saturating_sub(1);
    let events =
        args.events.as_ref().map_or(Mix::one(Range { least: 1, most: 1 }), |counts| counts.0.clone());
    let most = events.items().map(|range| range.most).max().unwrap_or(0);
    if most > batch_max {
        return Err(Failure::Usage(format!(
            "--events {most}: an entry has room for at most {batch_max}, since its header and body have at most \
             --message-size-max {}",
            body_size_max + HEADER_SIZE as u64
        )));
    }
    if batch_max == 0 {
        return Err(Failure::Usage(
            "--message-size-max leaves no room for an event: 512 bytes at least".into(),
        ));
    }
    let apart_ns = 1_000_000_000 / args.rate.max(1);
    if most > apart_ns {
        return Err(Failure::Usage(format!(
            "--events {most} at --rate {}: each event has a nanosecond of its own, and there are {apart_ns} between \
             two entries; take a lower rate",
            args.rate
        )));
    }
    Ok(Bodies::Ledger { events, accounts: args.accounts.unwrap_or(ACCOUNTS_DEFAULT), batch_max })
}

/// [`ContentArgs::accounts`] unless told.
const ACCOUNTS_DEFAULT: u64 = 1_000;

const _: () = assert!(EventForm::of(Operation::REGISTER).is_none());
