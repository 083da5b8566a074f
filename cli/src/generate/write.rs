//! The files are written: every entry is made once, in the order of ops, and copied to all places that it has.
//!
//! ```text
//! make op n --> a buffer per run that holds op n --> file, at the run's offset
//! ...
//! at the end    what is to be damaged is changed in place
//! ```
//!
//! Memory is a buffer for each run that is being written, of which there are a few for each file, and one entry.

use super::history::{History, Version};
use super::place::{Patch, PlannedFile, Step};
use crate::failure::Failure;
use crate::output::{self, Progress, WATCH};
use aof_nostd::{Checksum, Header};
use aof_std::fs::FileHandle;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

/// Bytes that are collected for a run before they are written.
const BUFFER_SIZE: usize = 256 << 10;
/// An entry of so many bytes is written by itself.
const LARGE: usize = 64 << 10;

/// The first and the last header of a history.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Op 1.
    pub first: Header,
    /// The last op.
    pub last: Header,
}

/// Why files were not written.
#[derive(Debug)]
pub enum Stopped {
    /// The file of this number cannot be written.
    Write(usize, io::Error),
    /// Anything else.
    Other(Failure),
}

/// Writes `plan` to `files`, one for each of it, empty and open for writing.
///
/// # Errors
///
/// See [`Stopped`]; files are in pieces then.
pub fn write(history: &History, plan: &[PlannedFile], files: &[&File]) -> Result<Ends, Stopped> {
    let progress = Progress::new("generate", plan.iter().map(|file| file.size).sum());
    let mut writing = Writing { runs: waiting(plan), active: Vec::new(), spare: Vec::new(), files };
    let mut buffer = vec![0; history.size_max()];
    let mut other = Vec::new();
    let mut parent = Checksum::ZERO;
    let mut ends: Option<Ends> = None;
    for op in 1..=history.entries() {
        writing.begin(op);
        if writing.active.iter().any(|run| run.is_other) {
            other.resize(buffer.len(), 0);
            let (_, size) = history.make(op, Version::Other, parent, &mut other).map_err(Stopped::Other)?;
            writing.append(other.get(..size).unwrap_or_default(), true)?;
        }
        let (header, size) =
            history.make(op, Version::Chosen, parent, &mut buffer).map_err(Stopped::Other)?;
        writing.append(buffer.get(..size).unwrap_or_default(), false)?;
        writing.end(op)?;
        parent = header.checksum;
        ends = Some(Ends { first: ends.map_or(header, |ends| ends.first), last: header });
        if op % 1024 == 0 {
            if output::stopped() {
                return Err(Stopped::Other(Failure::Interrupted));
            }
            progress.show();
        }
    }
    for (number, (planned, file)) in plan.iter().zip(files).enumerate() {
        for patch in &planned.patches {
            patch.apply(*file).map_err(|error| Stopped::Write(number, error))?;
        }
    }
    ends.ok_or_else(|| Stopped::Other(Failure::Usage("a history has an entry at least".into())))
}

/// All runs, those that begin last first.
fn waiting(plan: &[PlannedFile]) -> Vec<Run> {
    let run = |file: usize, offset: u64, step: &Step| {
        let (first, last, limit, is_other) = match *step {
            Step::Run { first, last } => (first, last, u64::MAX, false),
            Step::Cut { op, kept } => (op, op, kept, false),
            Step::Other { op } => (op, op, u64::MAX, true),
        };
        Run { first, last, limit, is_other, file, offset, buffer: Vec::new() }
    };
    let files = plan.iter().enumerate();
    let runs =
        files.flat_map(|(number, file)| file.steps.iter().map(move |(at, step)| run(number, *at, step)));
    let mut runs: Vec<Run> = runs.collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.first));
    runs
}

/// A [`Step`] that waits or is being written.
#[derive(Debug)]
struct Run {
    first: u64,
    last: u64,
    /// The most bytes that are written of an entry.
    limit: u64,
    is_other: bool,
    file: usize,
    /// Where the buffer's first byte goes.
    offset: u64,
    buffer: Vec<u8>,
}

struct Writing<'a> {
    runs: Vec<Run>,
    active: Vec<Run>,
    /// Buffers of runs that are done.
    spare: Vec<Vec<u8>>,
    files: &'a [&'a File],
}

impl Writing<'_> {
    /// Takes up the runs that begin with `op`.
    fn begin(&mut self, op: u64) {
        while let Some(mut run) = self.runs.pop_if(|run| run.first <= op) {
            run.buffer = self.spare.pop().unwrap_or_default();
            self.active.push(run);
        }
    }

    /// Copies an entry to the runs that want it: those of the history, or of the other one.
    fn append(&mut self, entry: &[u8], is_other: bool) -> Result<(), Stopped> {
        for run in self.active.iter_mut().filter(|run| run.is_other == is_other) {
            let kept = usize::try_from(run.limit).unwrap_or(usize::MAX).min(entry.len());
            let kept = entry.get(..kept).unwrap_or(entry);
            if kept.len() >= LARGE {
                run.flush(self.files)?;
                run.write(self.files, kept)?;
            } else {
                if run.buffer.len() + kept.len() > BUFFER_SIZE {
                    run.flush(self.files)?;
                }
                run.buffer.extend_from_slice(kept);
            }
        }
        Ok(())
    }

    /// Ends the runs whose last entry was that of `op`.
    fn end(&mut self, op: u64) -> Result<(), Stopped> {
        while let Some(at) = self.active.iter().position(|run| run.last == op) {
            let mut run = self.active.swap_remove(at);
            run.flush(self.files)?;
            self.spare.push(run.buffer);
        }
        Ok(())
    }
}

impl Run {
    fn flush(&mut self, files: &[&File]) -> Result<(), Stopped> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.write(files, &buffer);
        self.buffer = buffer;
        self.buffer.clear();
        result
    }

    fn write(&mut self, files: &[&File], bytes: &[u8]) -> Result<(), Stopped> {
        let Some(file) = files.get(self.file) else { return Ok(()) };
        file.write_all_at(bytes, self.offset).map_err(|error| Stopped::Write(self.file, error))?;
        self.offset += bytes.len() as u64;
        WATCH.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Patch {
    fn apply(self, file: &dyn FileHandle) -> io::Result<()> {
        match self {
            Self::Flip { offset, bit } => {
                let mut byte = [0];
                if file.read_at(&mut byte, offset)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                file.write_all_at(&[byte[0] ^ (1 << bit)], offset)
            }
            Self::Zero { offset, size } => {
                file.write_all_at(&vec![0; usize::try_from(size).unwrap_or(0)], offset)
            }
        }
    }
}
