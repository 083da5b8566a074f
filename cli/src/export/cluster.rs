//! The cluster of a log that begins with damage: [`behind_damage`].
//!
//! What is found first there may lie in the damaged entry's body, where anybody can have put it.
//!
//! ```text
//!   ####|9|9|####|0|0|0|0|##|0|0|       9: cluster of what is planted, 0: the log's own
//!       run      run        run
//!       island   island     the last one that is none: cluster 0
//! ```
//!
//! Entries with damage directly before and directly behind them are an *island*, and may lie in a body. The cluster is
//! that of the last entry outside of islands; where there is none, that of the last entry. For this the log is read
//! once more, in constant memory.

use crate::failure::Failure;
use crate::output::{Progress, WATCH};
use aof_nostd::{Damage, Located, ReadError};
use aof_std::Source;
use aof_std::scan::{Scan, Sink};
use std::path::Path;

/// The cluster of a log that begins with damage; `None` for any other, whose first entry tells it.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Interrupted`].
pub fn behind_damage(path: &Path, source: &Source, message_size_max: u32) -> Result<Option<u128>, Failure> {
    let failed = |error| Failure::read(path, error);
    let reader = aof_std::open(path, aof_std::backend()).map_err(failed)?;
    let first = reader.with_message_size_max(message_size_max).next().map(|_| ());
    if !matches!(first, Err(ReadError::Damage(_))) {
        return Ok(None);
    }
    let progress = Progress::new("look", source.size());
    let scan = Scan::detect(source, aof_std::backend()).map_err(failed)?;
    let scan = scan.with_message_size_max(message_size_max).with_watch(&WATCH);
    let mut runs = Runs::default();
    scan.run(Part::default, |part: Part| {
        part.0.into_iter().for_each(|seen| runs.take(seen));
        progress.show();
    })
    .map_err(failed)?;
    Ok(runs.finish())
}

/// What a segment holds: entries of one cluster in a row are one.
#[derive(Debug, Default)]
struct Part(Vec<Seen>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Entries(u128),
    Damage,
}

impl Part {
    fn push(&mut self, seen: Seen) {
        if self.0.last() != Some(&seen) {
            self.0.push(seen);
        }
    }
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        self.push(Seen::Entries(located.entry.header.cluster.get()));
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {
        self.push(Seen::Damage);
    }
}

/// The runs of entries, put together.
#[derive(Debug, Default)]
struct Runs {
    /// Damage stands before the run.
    damage_before: bool,
    /// The cluster of the run's last entry.
    run: Option<u128>,
    /// That of the last entry outside of islands, and that of the last one of all.
    firm: Option<u128>,
    last: Option<u128>,
}

impl Runs {
    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Entries(cluster) => self.run = Some(cluster),
            Seen::Damage => {
                self.end(true);
                self.damage_before = true;
            }
        }
    }

    /// Ends the run.
    fn end(&mut self, damage_behind: bool) {
        let run = self.run.take();
        self.last = run.or(self.last);
        if !(self.damage_before && damage_behind) {
            self.firm = run.or(self.firm);
        }
    }

    fn finish(mut self) -> Option<u128> {
        self.end(false);
        self.firm.or(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_that_of_the_last_entry_outside_of_islands() {
        use Seen::{Damage as D, Entries as E};
        for (seen, expected) in [
            (&[D][..], None),
            (&[D, E(9), D, E(0)], Some(0)),
            (&[D, E(9), E(0)], Some(0)), // the planted ones end exactly with the body
            (&[D, E(0), D, E(9), D], Some(9)), // nothing tells
            (&[D, E(9), D, E(0), D], Some(0)),
            (&[E(0), D, E(9), D], Some(0)),
            (&[D, E(0), D, E(9), D, E(0)], Some(0)),
        ] {
            let mut runs = Runs::default();
            seen.iter().for_each(|seen| runs.take(*seen));
            assert_eq!(runs.finish(), expected, "{seen:?}");
        }
    }
}
