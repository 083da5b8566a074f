//! How many entries of a forked log are other ones than the first of their op: [`count`].
//!
//! The log is read once more, which only a fork asks for. What is known of each op then is the entry that was
//! first in the file.

use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::output::{Progress, WATCH};
use crate::reading;
use crate::survey::fingerprints::Fingerprints;
use aof_nostd::chain::History as _;
use aof_nostd::{Damage, Located};
use aof_std::Runs;
use aof_std::scan::{Scan, Sink};
use std::path::Path;

/// Counts the entries of the log at `path` that have another checksum than `first` has for their op, or other
/// bytes than `fingerprints` have.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Interrupted`].
pub fn count(
    path: &Path,
    first: &Runs,
    fingerprints: &Fingerprints,
    message_size_max: u32,
) -> Result<u64, Failure> {
    let failed = |error| Failure::read(path, error);
    let source = reading::open(path).map_err(failed)?;
    let progress = Progress::new("inspect", source.size());
    let scan = Scan::detect(&source, aof_std::backend()).map_err(failed)?;
    let scan = scan.with_message_size_max(message_size_max).with_watch(&WATCH);
    let mut count = 0_u64;
    let take = |part: Part<'_>| {
        count += part.count;
        progress.show();
    };
    scan.run(|| Part { first, fingerprints, count: 0 }, take).map_err(failed)?;
    Ok(count)
}

/// What a segment of the log has of them.
struct Part<'a> {
    first: &'a Runs,
    fingerprints: &'a Fingerprints,
    count: u64,
}

impl Sink for Part<'_> {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        let first = self.first.get(header.op());
        let differs = first.is_some_and(|first| {
            let known = self.fingerprints.get(first.op.0);
            first.checksum != header.checksum || known != Some(Fingerprint::of(located.entry))
        });
        self.count += u64::from(differs);
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {}
}
