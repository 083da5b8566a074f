//! The merge as a function: bytes of logs in, [`Outcome`] out. The only place that knows how it is called.

use aof_cli::merge::chain::Walk;
use aof_cli::merge::index::{Copies, Index};
use aof_cli::merge::notes::notes;
use aof_cli::merge::plan::{Obstacle, Plan, Root};
use aof_cli::merge::work::Work;
use aof_std::Source;
use aof_std::fs::{FileHandle, FileId};
use std::fs::TryLockError;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// A log with its name: verdicts of the same logs in another order have to be equal, names included.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// What a merge makes of logs.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The entries that would be written, in order: up to the obstacle, if there is one.
    pub chain: Vec<Taken>,
    /// Why the chain is not complete: of inputs that do not belong together, or of an obstacle behind the chain.
    pub stop: Option<Stop>,
    /// What is reported without being in the way.
    pub notes: Vec<Told>,
}

/// An entry of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its op, as the merge tells it.
    pub op: u64,
    /// The number of the input that it is taken from.
    pub input: usize,
    /// Where it is there.
    pub range: Range<usize>,
}

/// Why there is no whole chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `conflict`, `fork`, `gap`, `empty` or `no root`.
    pub kind: &'static str,
    /// The ops that it names, as ranges.
    pub ops: Vec<(u64, u64)>,
    /// The places that it names, in order.
    pub places: Vec<(String, u64)>,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Its stable name.
    pub kind: &'static str,
    /// The ops that it names, as ranges.
    pub ops: Vec<(u64, u64)>,
    /// The places that it names: file and byte.
    pub places: Vec<(String, u64)>,
    /// The text.
    pub text: String,
}

/// Notes about the ends of logs: they name no entry of the chain.
pub const OF_ENDS: [&str; 5] = ["lost-beginning", "damaged-end", "unknown-end", "not-a-log", "zero-tail"];

impl Outcome {
    /// The bytes of an entry of the chain.
    #[must_use]
    pub fn bytes<'a>(&self, inputs: &[Input<'a>], taken: &Taken) -> &'a [u8] {
        &inputs[taken.input].bytes[taken.range.clone()]
    }

    /// The output: all entries of the chain.
    #[must_use]
    pub fn output(&self, inputs: &[Input<'_>]) -> Vec<u8> {
        let pieces: Vec<&[u8]> = self.chain.iter().map(|taken| self.bytes(inputs, taken)).collect();
        pieces.concat()
    }
}

/// Merges.
#[must_use]
pub fn merge(inputs: &[Input<'_>]) -> Outcome {
    let sources = inputs.iter().map(|input| {
        let source = Source::new(Arc::new(File(input.bytes.to_vec()))).unwrap();
        (PathBuf::from(input.name), source)
    });
    let index = Index::of(sources.collect(), 1 << 20, work()).unwrap();
    if index.conflict().is_some() {
        let stop = Stop { kind: "conflict", ops: Vec::new(), places: Vec::new() };
        return Outcome { stop: Some(stop), ..Outcome::default() };
    }
    let plan = Plan::of(&index, Root::LowestOp).unwrap();
    let mut chain = Vec::new();
    let mut walk = Walk::new(&plan.chain);
    while let Some(link) = walk.next(&index, &plan.chain).unwrap() {
        let at = usize::try_from(link.offset).unwrap();
        let range = at..at + usize::try_from(link.size_disk).unwrap();
        chain.push(Taken { op: link.op, input: link.input as usize, range });
    }
    let stop = plan.obstacle.as_ref().map(|obstacle| stop(obstacle, inputs));
    let notes = notes(&index, &plan, Root::LowestOp).unwrap().into_iter().map(|note| {
        let json = note.json();
        let place = |place: &serde_json::Value| {
            let file = place["file"].as_str().unwrap_or_default().into();
            (file, place["offset"].as_u64().unwrap_or_default())
        };
        let mut places: Vec<_> = json["places"].as_array().into_iter().flatten().map(place).collect();
        places.sort();
        Told { kind: note.kind(), ops: note.ops(), places, text: note.to_string() }
    });
    Outcome { chain, stop, notes: notes.collect() }
}

/// One worker: a case is small, and threads would cost more than all else. Made once: it asks the system.
fn work() -> &'static Work {
    static WORK: LazyLock<Work> =
        LazyLock::new(|| Work::beside(&crate::memory().join("output")).with_threads(1));
    &WORK
}

fn stop(obstacle: &Obstacle, inputs: &[Input<'_>]) -> Stop {
    let mut places = Vec::new();
    let mut add = |copies: &Copies| {
        let place = |record: &aof_cli::merge::index::Record| {
            (inputs[record.input as usize].name.to_string(), record.offset)
        };
        places.extend(copies.kept.iter().map(place));
    };
    let (kind, ops) = match obstacle {
        Obstacle::Empty => ("empty", Vec::new()),
        Obstacle::NoRoot(_) => ("no root", Vec::new()),
        Obstacle::Gap { missing, before, behind } => {
            [before, behind].into_iter().for_each(&mut add);
            ("gap", missing.kept.clone())
        }
        Obstacle::Fork { op, sides } => {
            sides.iter().for_each(&mut add);
            ("fork", vec![(*op, *op)])
        }
    };
    places.sort();
    Stop { kind, ops, places }
}

/// A file in memory.
#[derive(Debug)]
struct File(Vec<u8>);

impl FileHandle for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn identity(&self) -> io::Result<FileId> {
        Ok(FileId(0, self.0.as_ptr() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn append(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn set_size(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        Ok(())
    }
}
