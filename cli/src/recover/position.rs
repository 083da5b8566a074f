//! Where in a log a cluster stands, by the number of its ops alone.
//!
//! A replay makes ops in a known order: a register for each release when it first comes, and one op for
//! each request. So the number of ops tells the last request. What a pulse makes is not certain enough:
//! one that was lost leaves only its confirmation.

use crate::failure::Failure;
use crate::replay::admission::{Admission, Step};
use crate::replay::log::{Log, LogEntry};
use crate::replay::state::SavedEntry;

/// Where a cluster stands in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last entry that it holds, or the last that is not replayed before the next one that is.
    pub last: Option<SavedEntry>,
    /// The op of the first entry that it does not hold; none if it holds all.
    pub next_op: Option<u64>,
    /// The last timestamp in it, ns, if there were no registers but the first of each release.
    pub timestamp: u64,
    /// Requests that it holds, without registers.
    pub requests: u64,
    /// Releases that it has a session of.
    pub releases: Vec<u32>,
}

/// Finds the position of a cluster that holds `ops` operations of this log. `None`: it holds pulses, or
/// more operations than the log makes.
///
/// # Errors
///
/// [`Failure`]: the log cannot be read or replayed.
pub fn of(log: &mut Log, mut admission: Admission, ops: u64) -> Result<Option<Position>, Failure> {
    let mut position =
        Position { last: None, next_op: None, timestamp: 0, requests: 0, releases: Vec::new() };
    log.rewind();
    let mut ended = true;
    while let Some(entry) = log.next_entry()? {
        let timestamp = admission.last_timestamp();
        let step = admission.admit(&entry).map_err(|refusal| Failure::Log(refusal.to_string()))?;
        let made = admission.summary().cluster_ops;
        if made > ops {
            ended = false;
            let register_alone = made == ops + 1 && is_first(&position.releases, &entry, step);
            if made == ops + 1 && step == Step::Pulse {
                log.rewind();
                return Ok(None); // a pulse, or the confirmation of one that was lost
            }
            position.next_op = Some(entry.header.op.get());
            position.timestamp = timestamp.saturating_add(u64::from(register_alone));
            if register_alone {
                position.releases.push(entry.header.release.get());
            }
            break;
        }
        match step {
            Step::Pulse => {
                log.rewind();
                return Ok(None);
            }
            Step::Request { .. } if is_first(&position.releases, &entry, step) => {
                position.releases.push(entry.header.release.get());
            }
            _ => {}
        }
        position.requests = admission.summary().requests;
        let checksum = entry.header.checksum.to_string();
        position.last = Some(SavedEntry { op: entry.header.op.get(), checksum, digest: None });
    }
    log.rewind();
    if ended {
        position.timestamp = admission.last_timestamp();
        if admission.summary().cluster_ops < ops {
            return Ok(None);
        }
    }
    Ok(Some(position))
}

/// Whether a register goes before an entry.
fn is_first(releases: &[u32], entry: &LogEntry, step: Step) -> bool {
    matches!(step, Step::Request { .. }) && !releases.contains(&entry.header.release.get())
}
