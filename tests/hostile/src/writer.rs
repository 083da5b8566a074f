//! A writer through any history, over a device that fails after some bytes (its fuel): reading back
//! gives exactly the entries that were acknowledged, and at most a torn tail behind them.

use aof_nostd::wire::Entry;
use aof_nostd::writer::State;
use aof_nostd::{AnyProfile, Checker, Draft, Operation, WriteError, Writer};
use aof_tests::build::{Builder, PROFILES, body};
use aof_tests::device::{Choppy, Failing, Memory};
use aof_tests::events::{Found, by_entries};
use aof_tests::oracle::{MESSAGE_SIZE_MAX, Oracle};
use arbitrary::Arbitrary;
use embedded_io::ErrorKind;

#[derive(Arbitrary, Debug)]
struct Case {
    crc: bool,
    fuel: Option<u16>,
    seed: u64,
    unsynced_max: u8,
    message_size_max: u16,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    New {
        size: u16,
        operation: u8,
        timestamp_ns: u64,
    },
    /// A sealed entry of another log, perhaps with a byte changed.
    Sealed {
        size: u16,
        as_prepare: bool,
        change: Option<(u16, u8)>,
    },
    Checkpoint {
        fails: bool,
    },
    Begin,
    End {
        synced: bool,
    },
}

type Device = Failing<Choppy<Memory>>;

struct Model {
    /// Checksums of what was acknowledged.
    acknowledged: Vec<u128>,
    /// How many of them are durable.
    durable: usize,
}

impl Step {
    fn run(&self, writer: &mut Writer<Device, AnyProfile>, profile: AnyProfile, model: &mut Model) {
        match *self {
            Self::New { size, operation, timestamp_ns } => {
                let draft = Draft { operation: Operation(operation), timestamp_ns, ..Draft::default() };
                if let Ok(link) = writer.append_new(&draft, &body(1, usize::from(size % 2_000))) {
                    model.acknowledged.push(link.checksum.get());
                }
            }
            Self::Sealed { size, as_prepare, change } => {
                let log = Builder::new(profile).entry(&body(2, usize::from(size % 2_000))).build();
                let mut bytes = log.bytes;
                if let Some((at, value)) = change {
                    let at = usize::from(at) % bytes.len();
                    bytes[at] = value;
                }
                let Some(entry) = Entry::from_prefix(&bytes) else { return };
                let result = if as_prepare {
                    writer.append_prepare(&entry.header, &entry.body)
                } else {
                    writer.append(entry)
                };
                if result.is_ok() {
                    model.acknowledged.push(entry.header.checksum.get());
                }
            }
            Self::Checkpoint { fails } => {
                writer.device_mut().set_sync_fails(fails);
                let mut done = false;
                let result = writer.checkpoint(|| done = true);
                assert_eq!(result.is_ok(), done);
                if done {
                    model.durable = model.acknowledged.len();
                }
            }
            Self::Begin => drop(writer.begin_checkpoint::<ErrorKind>()),
            Self::End { synced } => drop(writer.end_checkpoint::<ErrorKind>(synced)),
        }
    }
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let profile = PROFILES[usize::from(case.crc)];
    let fuel = case.fuel.map_or(usize::MAX, usize::from);
    let limit = 256 + u32::from(case.message_size_max);
    let device = Failing::new(Choppy::new(Memory::default(), case.seed), fuel);
    let mut writer =
        Writer::new(device, profile).with_unsynced_max(case.unsynced_max.into()).with_message_size_max(limit);
    let mut model = Model { acknowledged: Vec::new(), durable: 0 };
    for step in case.steps.iter().take(40) {
        let failed = writer.state() == State::Failed;
        let before = model.acknowledged.len();
        step.run(&mut writer, profile, &mut model);
        assert!(!failed || model.acknowledged.len() == before, "nothing is acknowledged after a failure");
        assert!(writer.unsynced() <= case.unsynced_max.max(1).into());
        if failed {
            let again = writer.append_new(&Draft::default(), b"");
            assert_eq!(again, Err(WriteError::Failed));
        }
    }

    let size = writer.size();
    let memory = writer.into_device().into_inner().into_inner();
    let log = memory.bytes();
    let seen = by_entries(log, Checker::new(profile).with_message_size_max(limit));
    assert_eq!(seen, Oracle::new(profile, MESSAGE_SIZE_MAX).read(log));
    let mut found = Vec::new();
    for part in &seen {
        match part.found {
            Found::Entry { checksum, .. } => found.push(checksum),
            Found::Damage { kind, .. } => {
                assert_eq!((kind, part.offset, part.end), ("torn-tail", size, log.len() as u64));
            }
        }
    }
    assert_eq!(found, model.acknowledged);

    // What was synced holds what was told to be durable.
    let synced = by_entries(memory.synced(), Checker::new(profile).with_message_size_max(limit));
    assert!(synced.iter().filter(|seen| seen.is_entry()).count() >= model.durable);
}
