//! How much memory a merge takes, and where the rest goes: [`Work`].
//!
//! ```text
//! scan    buffers of the workers 32 MiB at most | what they found, until it is taken  1/4
//! index   rows 1/16 | stretches, runs, damage, pieces 1/32 each, the rest of each in a file
//! judge   entries before damage                                               1/8
//! plan    stretches by op 1/8 | a window on the rows of each that is open     1/4
//!         or, where there are too many: a run to sort, then windows on runs   1/4
//! ```
//!
//! One number is the measure of all, [`MEMORY`]; a scan, a plan and a write follow each other, so that their
//! parts do not add up. With the program itself, its threads and what an allocator wastes it stays below
//! [`PROMISE`], which the tests measure as anonymous memory (`RssAnon`). Entries above 1 MiB
//! (`--message-size-max`) need a buffer each beside it.
//!
//! What does not fit goes into files without names, which are gone when the process is, however it ends.

use crate::failure::Failure;
use aof_std::scan::Scan;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bytes that what is kept of the inputs may take.
pub const MEMORY: u64 = 80 << 20;

/// The anonymous memory of a merge, whatever the inputs: what users are told, and tests measure.
pub const PROMISE: u64 = 128 << 20;

/// So much for the workers' buffers, each of which holds one entry.
const BUFFERS: u64 = 32 << 20;

/// Workers beyond this find nothing to do: a disk is slower.
const THREADS_MAX: usize = 8;

/// The program itself, and what an allocator keeps of what was freed.
const PROGRAM: u64 = 16 << 20;

const _: () = assert!(MEMORY + BUFFERS + PROGRAM <= PROMISE, "what users are told about memory");

/// The memory of a merge, and the directory that takes what does not fit.
#[derive(Clone, Debug)]
pub struct Work {
    memory: u64,
    threads: usize,
    directory: Arc<Path>,
    advice: &'static str,
}

impl Work {
    /// Work whose data goes beside `output`: there has to be room for that anyway.
    #[must_use]
    pub fn beside(output: &Path) -> Self {
        let parent =
            output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let advice = "make room there, or choose an output elsewhere";
        Self { memory: memory(), threads: cores(), directory: parent.into(), advice }
    }

    /// Work without an output: its data goes to `TMPDIR`, or else to the system's place for large temporary
    /// files. `/tmp` is memory on many systems.
    #[must_use]
    pub fn temporary() -> Self {
        let large = PathBuf::from("/var/tmp");
        let directory = match std::env::var_os("TMPDIR") {
            None if large.is_dir() => large,
            _ => std::env::temp_dir(),
        };
        let advice = "make room there, or let TMPDIR name a directory elsewhere";
        Self { memory: memory(), threads: cores(), directory: directory.into(), advice }
    }

    /// The same with another measure: tests let small inputs take the ways of large ones.
    #[must_use]
    pub fn with_memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// The same with so many workers: with one of them, what is read and when is the same each time.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// A part of the memory: how many things of `size` bytes are a `part`th of it, and one at least.
    pub(crate) fn share(&self, part: u64, size: usize) -> usize {
        let count = self.memory / part / (size as u64).max(1);
        usize::try_from(count).unwrap_or(usize::MAX).max(1)
    }

    /// A new file without a name.
    pub(crate) fn file(&self) -> Result<File, Failure> {
        tempfile::tempfile_in(&self.directory).map_err(|error| self.failure(error))
    }

    pub(crate) fn failure(&self, error: io::Error) -> Failure {
        Failure::Work { directory: self.directory.to_path_buf(), error, advice: self.advice }
    }

    /// `scan` with as many workers, and segments as small, as the memory allows.
    pub(crate) fn limit<'a>(&self, scan: Scan<'a>, message_size_max: u32) -> Scan<'a> {
        let buffers = BUFFERS / (u64::from(message_size_max) + (256 << 10));
        let threads = self.threads.min(usize::try_from(buffers).unwrap_or(1)).max(1);
        // What is found in a segment takes less than its bytes, vectors that grow included; there are two
        // segments a worker, one that is taken and one that is read again.
        let segment = self.memory / 4 / (2 * threads as u64 + 2);
        scan.with_message_size_max(message_size_max).with_threads(threads, segment.clamp(512, 8 << 20))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

/// The measure, unless tests set another.
fn memory() -> u64 {
    let set = std::env::var("AOF_MERGE_MEMORY").ok().and_then(|text| text.parse().ok());
    set.unwrap_or(MEMORY)
}
