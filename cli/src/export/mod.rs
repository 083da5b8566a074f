//! `aof export`: what logs hold, in the formats of other programs.
//!
//! ```text
//! one log -----read---.                 .--> encode --.
//!                      +--> take --> pool              +--> output: standard output | file | directory
//! several ----merged--'   (blocks)      `--> encode --'              (in order)
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`args`], [`select`] | what is asked for |
//! | [`read`], [`merged`] | entries, each op once: of one log in constant memory, of several merged |
//! | [`ops`] | the ops of one log that were taken |
//! | [`loss`] | what is not in the export, and why |
//! | [`table`] | rows and columns, whatever the format |
//! | [`events`], [`entries`] | the two tables |
//! | [`text`], [`columnar`] with `wide` | the formats |
//! | [`pool`] | blocks are encoded by all cores |
//! | [`mod@output`] | outputs appear whole or not at all |

pub mod args;
pub mod columnar;
pub mod entries;
pub mod events;
pub mod loss;
pub mod merged;
pub mod ops;
pub mod output;
pub mod pool;
pub mod read;
pub mod select;
pub mod table;
pub mod text;
mod wide;

use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::human::noun;
use crate::looks_like::NotALog;
use aof_nostd::Header;
use aof_nostd::message::Events;
use aof_nostd::wire::Operation;
use args::{ExportArgs, Format, What};
use entries::EntryTable;
use events::EventTable;
use loss::Loss;
use ops::Ops;
use output::{Codec, Encoded, Output};
use parquet::errors::ParquetError;
use pool::{Lost, Pool};
use read::{Read, Taker};
use select::Select;
use std::cell::Cell;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use table::{Block, Table};

/// Threads that encode: each holds a block, and memory does not grow with the machine.
const THREADS_MAX: usize = 8;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The inputs are untouched, and the output is as it was.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    crate::output::stop_on_signal(crate::output::GRACE_CLEAN_UP);
    let (format, what) = check_usage(args)?;
    match what {
        What::Events => export::<EventTable>(args, format),
        What::Entries => export::<EntryTable>(args, format),
    }
}

fn check_usage(args: &ExportArgs) -> Result<(Format, What), Failure> {
    let usage = |text: &str| Err(Failure::Usage(text.into()));
    let Some((format, what)) = args.format() else {
        return usage("--format entries exports entries, and --what events does not: choose one");
    };
    if what == What::Entries && !(args.ledger.is_empty() && args.account.is_empty()) {
        return usage(
            "entries have no ledger and no account, their events do: leave out --ledger and --account",
        );
    }
    if output::is_stdout(args) && format == Format::Parquet {
        return usage(
            "a Parquet file cannot be written to standard output: its end tells where its parts are",
        );
    }
    if output::is_stdout(args) && args.rows_per_file.is_some() {
        return usage("--rows-per-file writes a directory, and - is standard output: choose one");
    }
    if args.from_op.is_some_and(|from| args.until_op.is_some_and(|until| from > until)) {
        return usage("--from-op is behind --until-op: there is nothing between them");
    }
    if args.from.is_some_and(|from| args.until.is_some_and(|until| from > until)) {
        return usage("--from is after --until: there is nothing between them");
    }
    Ok((format, what))
}

fn export<T: Rows>(args: &ExportArgs, format: Format) -> Result<Exit, Failure> {
    if let [file] = args.files.as_slice() {
        NotALog::refuse(file)?;
    }
    let codec = Codec::<T>::new(format)?;
    let output = Output::begin(args, format, &codec)?;
    let select = Select::new(args);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let work = |job: Job<T>| job.carry_out(&codec);
    let (loss, counts, files) = std::thread::scope(|scope| {
        let pool = Pool::new(scope, threads, &work);
        let mut pipeline = Pipeline::new(pool, output, &select, args.rows_per_file);
        let size_max = args.limits.message_size_max;
        let read = match args.files.as_slice() {
            [file] => read::read(file, size_max, &select, &mut pipeline)?,
            _ => Read::Unproven(Ops::new(select.all_ops())),
        };
        let loss = match read {
            Read::All(loss) => loss,
            Read::Unproven(taken) => {
                let work = output::work(args);
                merged::read(&args.files, size_max, &select, &work, &taken, &mut pipeline)?
            }
        };
        let (counts, files) = pipeline.finish()?;
        Ok::<_, Failure>((loss, counts, files))
    })?;
    loss.finish(&select);
    report(args, &counts, files, &loss)
}

/// A table that entries become rows of.
pub trait Rows: Table {
    /// Whether it looks at bodies.
    const BODIES: bool;

    /// Adds an entry's rows to a block.
    fn push(block: &mut Self::Block, select: &Select, entry: Entry<'_>) -> Pushed;
}

/// An entry on its way into a table.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    file: &'a Arc<Path>,
    offset: u64,
    header: &'a Header,
    body: &'a [u8],
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It gave so many rows.
    Rows {
        /// How many.
        count: usize,
        /// Posts and voids that a filter left out, though they may be about what is asked for.
        unsaid: usize,
    },
    /// Its operation creates nothing.
    Nothing,
    /// Its operation has no name here.
    Unknown,
    /// Its body is none of its operation.
    Malformed,
}

impl Rows for EventTable {
    const BODIES: bool = true;

    fn push(block: &mut Self::Block, select: &Select, entry: Entry<'_>) -> Pushed {
        let operation: Operation = entry.header.operation();
        match Events::of(operation, entry.body) {
            Ok(Some(events)) => {
                let unsaid = Cell::new(0);
                let count = block.push(entry.header, &events, |event| {
                    let is_wanted = select.event(event);
                    if !is_wanted && select.might_mean(event) {
                        unsaid.set(unsaid.get() + 1);
                    }
                    is_wanted
                });
                Pushed::Rows { count, unsaid: unsaid.get() }
            }
            Ok(None) if operation.name().is_none() => Pushed::Unknown,
            Ok(None) => Pushed::Nothing,
            Err(_) => Pushed::Malformed,
        }
    }
}

impl Rows for EntryTable {
    const BODIES: bool = false;

    fn push(block: &mut Self::Block, _select: &Select, entry: Entry<'_>) -> Pushed {
        block.push(entry.file, entry.offset, entry.header);
        Pushed::Rows { count: 1, unsaid: 0 }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    rows: u64,
    /// Entries that gave rows.
    entries: u64,
    unknown: u64,
    malformed: u64,
    /// Posts and voids that do not say what they are about.
    unsaid: u64,
}

/// A block to encode.
struct Job<T: Table> {
    block: T::Block,
    ends_file: bool,
}

/// A block that was encoded; its memory is used again.
struct Done<T: Table> {
    block: T::Block,
    ops: Option<(u64, u64)>,
    encoded: Result<Encoded, ParquetError>,
    ends_file: bool,
}

impl<T: Table> Job<T> {
    fn carry_out(self, codec: &Codec<T>) -> Done<T> {
        let Self { mut block, ends_file } = self;
        let (encoded, ops) = (codec.encode(&block), block.ops());
        block.clear();
        Done { block, ops, encoded, ends_file }
    }
}

/// From entries to the output.
struct Pipeline<'a, T: Table> {
    pool: Pool<'a, Job<T>, Done<T>>,
    output: Output<'a, T>,
    select: &'a Select,
    rows_per_file: Option<u64>,
    block_rows: usize,
    block: T::Block,
    spare: Vec<T::Block>,
    /// Rows of the file so far, the block's included.
    rows_in_file: u64,
    counts: Counts,
}

impl<'a, T: Rows> Pipeline<'a, T> {
    fn new(
        pool: Pool<'a, Job<T>, Done<T>>,
        output: Output<'a, T>,
        select: &'a Select,
        rows_per_file: Option<u64>,
    ) -> Self {
        Self {
            pool,
            block_rows: output.block_rows(),
            output,
            select,
            rows_per_file,
            block: T::Block::default(),
            spare: Vec::new(),
            rows_in_file: 0,
            counts: Counts::default(),
        }
    }

    /// Hands the block to the workers.
    fn flush(&mut self, ends_file: bool) -> Result<(), Failure> {
        if ends_file {
            self.rows_in_file = 0;
        }
        let block = std::mem::replace(&mut self.block, self.spare.pop().unwrap_or_default());
        match self.pool.submit(Job { block, ends_file }) {
            Some(done) => self.done(done),
            None => Ok(()),
        }
    }

    fn done(&mut self, done: Result<Done<T>, Lost>) -> Result<(), Failure> {
        let done =
            done.map_err(|Lost| Failure::Log("cannot encode rows: a thread ended before its time".into()))?;
        self.spare.push(done.block);
        let encoded = done.encoded.map_err(|error| Failure::Log(format!("cannot encode rows: {error}")))?;
        self.output.append(encoded, done.ops)?;
        if done.ends_file { self.output.end_file() } else { Ok(()) }
    }

    fn finish(mut self) -> Result<(Counts, u64), Failure> {
        if self.block.count() > 0 {
            // What ends the last file lets the output appear: that comes last, unless a signal came.
            self.flush(false)?;
        }
        while let Some(done) = self.pool.wait() {
            if crate::output::stopped() {
                return Err(Failure::Interrupted);
            }
            self.done(done)?;
        }
        Ok((self.counts, self.output.finish()?))
    }
}

impl<T: Rows> Taker for Pipeline<'_, T> {
    const BODIES: bool = T::BODIES;

    fn take(&mut self, file: &Arc<Path>, offset: u64, header: &Header, body: &[u8]) -> Result<(), Failure> {
        match T::push(&mut self.block, self.select, Entry { file, offset, header, body }) {
            Pushed::Nothing => return Ok(()),
            Pushed::Unknown => self.counts.unknown += 1,
            Pushed::Malformed => self.counts.malformed += 1,
            Pushed::Rows { count, unsaid } => {
                self.counts.unsaid += unsaid as u64;
                if count == 0 {
                    return Ok(());
                }
                self.counts.entries += 1;
                self.counts.rows += count as u64;
                self.rows_in_file += count as u64;
            }
        }
        // An entry's rows stay together: files are told apart by their ops.
        let is_full = self.rows_per_file.is_some_and(|rows| self.rows_in_file >= rows);
        if is_full || self.block.count() >= self.block_rows {
            self.flush(is_full)?;
        }
        Ok(())
    }
}

/// Tells what was done. Where standard output has the rows, on standard error.
fn report(args: &ExportArgs, counts: &Counts, files: u64, loss: &Loss) -> Result<Exit, Failure> {
    let note = crate::output::note;
    if counts.unknown > 0 {
        note(&format!(
            "{} of unknown operations passed over: --what entries exports their headers",
            noun(counts.unknown, "entry", "entries")
        ));
    }
    if counts.malformed > 0 {
        note(&format!(
            "{} passed over, whose bodies are no accounts or transfers though their operations are: --what entries \
             exports their headers",
            noun(counts.malformed, "entry", "entries")
        ));
    }
    if counts.unsaid > 0 {
        note(&format!(
            "{} left out that may be about what --ledger and --account ask for: they post or void a pending \
             transfer, and have 0 for what is the same there",
            noun(counts.unsaid, "transfer", "transfers")
        ));
    }
    if counts.rows == 0 {
        note(
            "no row matches what was asked for: aof inspect tells which ops, times and operations there are",
        );
    }
    let to = match args.rows_per_file {
        Some(_) => format!("{}, {}", shown(&args.output), noun(files, "file", "files")),
        None => shown(&args.output).to_string(),
    };
    let rows = noun(counts.rows, "row", "rows");
    let text = format!("{to}: {rows} of {}", noun(counts.entries, "entry", "entries"));
    if output::is_stdout(args) {
        note(&text);
    } else {
        let printed = crate::output::print(&mut crate::output::stdout(), &format!("{text}\n"));
        crate::output::unreported(printed, &args.output)?;
    }
    Ok(if loss.is_fault { Exit::Damage } else { Exit::Sound })
}
