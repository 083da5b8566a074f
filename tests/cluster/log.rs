//! What is looked at in logs.

use crate::process::run;
use aof_nostd::wire::{Entry, HEAD_SIZE, Header, Operation};
use aof_nostd::{Entries, TigerBeetle};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What our own quick commands may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A log in memory, so that it outlives the cluster that wrote it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Log(Vec<u8>);

impl Log {
    /// The log in a file.
    pub(crate) fn read(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// A copy in a file.
    pub(crate) fn write(&self, directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, &self.0).unwrap();
        path
    }

    /// Bytes.
    pub(crate) fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        // At the end of a log that is being written there may be half an entry.
        Entries::new(&self.0, TigerBeetle::default()).map_while(Result::ok).map(|located| located.entry)
    }

    /// Where each entry ends.
    pub(crate) fn ends(&self) -> Vec<u64> {
        let entries = Entries::new(&self.0, TigerBeetle::default()).map(|located| located.unwrap().offset);
        entries.skip(1).chain([self.size()]).collect()
    }

    /// The highest op. What is behind it was never executed; a restart repeats entries before it.
    pub(crate) fn last_op(&self) -> u64 {
        self.entries().map(|entry| entry.header.op.get()).max().unwrap_or(0)
    }

    /// The same entries, but of another cluster.
    pub(crate) fn of_cluster(&self, id: u128) -> Self {
        let mut log = Vec::new();
        let mut parent = None;
        for entry in self.entries() {
            let parent_checksum = parent.unwrap_or(entry.header.parent);
            let header = Header { cluster: id.into(), parent: parent_checksum, ..entry.header };
            let mut sealed = [&[0; HEAD_SIZE], &entry.body].concat();
            parent = Some(Entry::seal(&TigerBeetle::default(), header, &mut sealed).unwrap().header.checksum);
            log.extend(sealed);
        }
        Self(log)
    }

    /// Entries that a replay sends.
    pub(crate) fn replayable(&self) -> usize {
        self.entries().filter(|entry| entry.header.operation().is_replayable()).count()
    }

    /// How many entries have an operation.
    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.entries().filter(|entry| entry.header.operation() == operation).count()
    }

    /// The views in which the entries were prepared.
    pub(crate) fn views(&self) -> BTreeSet<u32> {
        self.entries().map(|entry| entry.header.view.get()).collect()
    }

    /// The id of the first account or transfer of each entry that has an operation.
    pub(crate) fn ids(&self, operation: Operation) -> Vec<u128> {
        let entries = self.entries().filter(|entry| entry.header.operation() == operation);
        entries.filter_map(|entry| entry.body.first_chunk()).map(|id| u128::from_le_bytes(*id)).collect()
    }
}

/// A log that a real replica wrote.
pub(crate) fn data(name: &str) -> Log {
    Log::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name))
}

/// The number that two logs share if they hold the same data: the last line of `aof debug`.
pub(crate) fn data_checksum(path: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(aof().arg("debug").arg(path), directory.path(), "debug", LIMIT).success();
    ran.stdout.lines().last().expect("it prints at least the checksum").to_owned()
}

/// Merges the logs of replicas into one, in `directory`.
pub(crate) fn merge(inputs: &[PathBuf], directory: &Path) -> PathBuf {
    let output = directory.join("merged.aof");
    run(aof().arg("merge").arg("--output").arg(&output).args(inputs), directory, "merge", LIMIT).success();
    output
}

/// The command that is tested.
pub(crate) fn aof() -> Command {
    Command::new(env!("CARGO_BIN_EXE_aof"))
}
