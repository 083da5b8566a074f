//! Opening a log after a crash, and all that has to hold then.

use super::front::Device;
use super::model::{Model, is_clean};
use super::mutant::{Mutant, Unsynced};
use super::world::{Kind, World};
use crate::report::Counts;
use aof_nostd::storage::{BLOCK_SIZE, Sync};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Reader, Tail, TailError, WriteError};
use embedded_io::{ErrorKind, Seek, SeekFrom};

/// How opening went.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time")]
pub enum Recovered {
    /// The log goes on behind this; the device stands there.
    Tail(Tail),
    /// A fault hit: try again.
    Failed,
    /// It may be refused, and was.
    Refused,
}

/// Finds the log's end, checks it against the model, and cleans it.
///
/// # Errors
///
/// The promise that is broken.
pub fn recover(
    world: &World,
    device: &mut Device<'_>,
    model: &mut Model,
    counts: &mut Counts,
) -> Result<Recovered, String> {
    let mut buffer = vec![0; world.buffer_size];
    let (events, calls) = (device.medium().events(), device.medium().calls());
    let found = world.recovery().find(&mut *device, &mut buffer[..]);
    let medium = device.medium();
    if medium.events() != events {
        return Err("looking for the end changed the medium".into());
    }
    let (calls, calls_max) = (medium.calls() - calls, calls_max(world));
    if medium.hits() == 0 {
        counts.raise("calls of a recovery, at most", calls);
        if calls > calls_max {
            return Err(format!("looking for the end took {calls} calls, more than {calls_max}"));
        }
    }
    let tail = match found {
        Ok(tail) => tail,
        Err(TailError::Device(_)) if medium.hits() > 0 => {
            counts.one("recoveries that failed");
            return Ok(Recovered::Failed);
        }
        Err(error) => {
            refused(world, &error, medium.now(), model)?;
            counts.one("recoveries that were refused, rightly");
            return Ok(Recovered::Refused);
        }
    };
    let entries = model.log.check(&tail, medium.now(), model.acknowledged)?;
    if tail.torn.is_some() {
        counts.one("torn tails");
    }
    counts.add("entries lost that nobody promised", (model.log.ends.len() - entries) as u64);
    model.found(events, entries);
    match clean(world, device, &tail) {
        Ok(()) => {}
        Err(error) => return clean_failed(device, events, error, counts),
    }
    let medium = device.medium();
    model.cleaned(medium.events(), entries);
    if world.mutant.is_none() {
        assert_cleaned(device, model)?;
    }
    counts.one("recoveries");
    Ok(Recovered::Tail(tail))
}

/// Reads of a recovery: each buffer once on the way to the end, twice behind it, and a few at each start.
fn calls_max(world: &World) -> u64 {
    let step = match world.kind {
        Kind::Bytes => world.buffer_size - HEAD_SIZE + 1,
        Kind::Sectors { .. } => (world.buffer_size - HEAD_SIZE + 1).min(BLOCK_SIZE),
    };
    let heads = world.capacity / HEAD_SIZE + 4;
    (8 * heads + 8 * world.capacity.div_ceil(step)) as u64
}

/// A refusal has to be allowed, true, and of something that nobody acknowledged.
fn refused(world: &World, error: &TailError<ErrorKind>, now: &[u8], model: &Model) -> Result<(), String> {
    let acknowledged = model.log.end(model.acknowledged);
    if now[..acknowledged] != model.log.bytes[..acknowledged] {
        return Err(format!("{} acknowledged entries are not all there: {error}", model.acknowledged));
    }
    let promise = world.promise;
    let is_right = match error {
        // What a cut left of the first entry may not begin with its magic.
        TailError::NoLog { .. } => model.acknowledged == 0 && (!promise.ordered || promise.garbage),
        // An entry that was written is there, and one before it is not.
        TailError::Middle { next, next_op, .. } => {
            let index = usize::try_from(next_op.0 - 1).unwrap_or(usize::MAX);
            let at = usize::try_from(*next).unwrap_or(usize::MAX);
            !promise.ordered
                && !world.gives_up_leftovers
                && index >= model.acknowledged
                && index < model.log.ends.len()
                && model.log.end(index) == at
                && now[at..at + HEAD_SIZE] == model.log.entry(index)[..HEAD_SIZE]
        }
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("recovery refuses: {error}")) }
}

/// Cleans, or does what a mutant does instead.
fn clean(world: &World, device: &mut Device<'_>, tail: &Tail) -> Result<(), WriteError<ErrorKind>> {
    let go_on_at = |device: &mut Device<'_>, offset: u64| {
        device.sync().map_err(WriteError::Device)?;
        device.seek(SeekFrom::Start(offset)).map(drop).map_err(WriteError::Device)
    };
    match world.mutant {
        Some(Mutant::TailNotCleaned) => go_on_at(device, tail.end),
        Some(Mutant::AppendedBehindTheTail) => go_on_at(device, tail.torn.map_or(tail.end, |torn| torn.end)),
        Some(Mutant::CleanNotSynced) => tail.clean(Unsynced(device)),
        _ => tail.clean(device),
    }
}

fn clean_failed(
    device: &Device<'_>,
    events: usize,
    error: WriteError<ErrorKind>,
    counts: &mut Counts,
) -> Result<Recovered, String> {
    let medium = device.medium();
    if medium.hits() == 0 {
        return Err(format!("the tail cannot be cleaned: {error}"));
    }
    if medium.faults().no_sync && medium.events() != events {
        return Err("a device that cannot sync was changed".into());
    }
    counts.one("cleanings that failed");
    Ok(Recovered::Failed)
}

/// The log is as it was, behind it is nothing, and the device stands there.
fn assert_cleaned(device: &mut Device<'_>, model: &Model) -> Result<(), String> {
    let end = model.log.bytes.len();
    let medium = device.medium();
    if medium.now()[..end] != model.log.bytes[..] {
        return Err("cleaning the tail changed an entry".into());
    }
    if !is_clean(medium, end) {
        return Err(format!("something is left behind byte {end} after cleaning"));
    }
    match device.stream_position() {
        Ok(position) if position == end as u64 => Ok(()),
        Err(ErrorKind::Interrupted) => Ok(()), // a matter of this check, not of the core
        other => Err(format!("after cleaning the device stands at {other:?}, and the log ends at {end}")),
    }
}

/// Reads the log through, as anyone does, and compares it with the model.
///
/// # Errors
///
/// The promise that is broken.
pub fn read_through(world: &World, device: &mut Device<'_>, model: &Model) -> Result<(), String> {
    let mut buffer = vec![0; world.buffer_size];
    let reader = Reader::new(&mut *device, &mut buffer[..], world.profile);
    let mut reader =
        reader.map_err(|error| format!("the log cannot be read: {error}"))?.with_chain_check(true);
    reader.set_end(model.log.bytes.len() as u64);
    for index in 0..model.log.ends.len() {
        let mut body = Vec::new();
        let located = match reader.next_streamed(|piece| body.extend_from_slice(piece)) {
            Ok(Some(located)) => located,
            other => return Err(format!("entry {index} is not read: {other:?}")),
        };
        let bytes = model.log.entry(index);
        let is_same = located.offset == model.log.end(index) as u64
            && located.header.checksum.to_bytes() == bytes[16..32]
            && body == bytes[HEAD_SIZE..];
        if !is_same {
            return Err(format!("entry {index} is read as another one"));
        }
    }
    match reader.next_streamed(|_| {}) {
        Ok(None) => Ok(()),
        other => Err(format!("behind the last entry is {other:?}")),
    }
}
