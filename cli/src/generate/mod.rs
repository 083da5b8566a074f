//! `aof generate`: logs to test and to measure with.
//!
//! ```text
//! options --> History   what every op is: operation, body, header       pure functions of the op
//!         --> Plan      which file holds what where, with which faults  no I/O
//!         --> write     each entry made once, copied to all its places
//!         --> report    what 'aof verify' has to find, with its place
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`args`], [`mix`] | options, and how they are written |
//! | [`random`] | numbers from a seed and a place |
//! | [`history`], [`body`] | what every op is |
//! | [`offsets`] | sums of sizes |
//! | [`plan`], [`fault`], [`place`] | who has what, and where |
//! | [`mod@write`], [`report`] | files, and what is told of them |
//!
//! The same options give the same bytes on every machine and in every release that says nothing else; a test pins
//! the digests of some. In a program, [`log`] gives a history's log in memory, for tests.

pub mod args;
pub mod body;
pub mod fault;
pub mod history;
pub mod mix;
pub mod offsets;
pub mod place;
pub mod plan;
pub mod random;
pub mod report;
pub mod write;

use crate::destination;
use crate::destination::directory::Directory;
use crate::exit::Exit;
use crate::failure::{Failure, Needed};
use crate::output;
use aof_nostd::Checksum;
use aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT;
use aof_std::{NewDirectory, NewFile};
use args::{ContentArgs, GenerateArgs};
use history::{History, Version};
use offsets::Offsets;
use plan::Plan;
use report::Report;
use std::fs::File;
use std::io;
use std::path::Path;
use write::{Ends, Stopped};

/// The log of a history, as a file without faults holds it.
///
/// ```
/// use aof_cli::generate::{args::ContentArgs, log};
/// let args = ContentArgs { entries: 3, body: Some("0..100".parse()?), ..ContentArgs::default() };
/// let log = log(&args)?;
/// assert!((3 * 272..=3 * 372).contains(&log.len()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Failure::Usage`]: options that do not go together.
pub fn log(args: &ContentArgs) -> Result<Vec<u8>, Failure> {
    let history = History::new(args, 1, MESSAGE_SIZE_MAX_DEFAULT)?;
    let mut log = Vec::new();
    let mut buffer = vec![0; history.size_max()];
    let mut parent = Checksum::ZERO;
    for op in 1..=history.entries() {
        let (header, size) = history.make(op, Version::Chosen, parent, &mut buffer)?;
        log.extend_from_slice(buffer.get(..size).unwrap_or_default());
        parent = header.checksum;
    }
    Ok(log)
}

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The output is as it was.
pub fn run(args: &GenerateArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    let history = History::new(&args.content, args.faults.replicas, args.limits.message_size_max)?;
    let is_one_file = plan::is_one_file(&args.faults);
    if is_one_file {
        destination::check(&args.output, &[], args.force)?;
    } else {
        target_directory(args).check(&[], may_replace(args))?;
    }
    let plan = Plan::new(&Offsets::new(&history), &args.faults)?;
    let written =
        if is_one_file { write_file(args, &history, &plan) } else { write_files(args, &history, &plan) };
    let needed = Needed::Bytes(plan.files.iter().map(|file| file.size).sum());
    let ends = written.map_err(|failure| failure.needing(needed))?;
    output::unreported(Report { args, plan: &plan, ends }.print(), &args.output)?;
    Ok(Exit::Sound)
}

/// Where the files go: a new directory, or an empty one. What stands in another may be somebody's logs: they have
/// the same names.
fn target_directory(args: &GenerateArgs) -> Directory<'_> {
    Directory { path: &args.output, what: "what may be replaced", is_ours: |_| false }
}

/// Whether the directory may be replaced: it is empty.
fn may_replace(args: &GenerateArgs) -> bool {
    args.force || std::fs::read_dir(&args.output).is_ok_and(|mut entries| entries.next().is_none())
}

fn write_file(args: &GenerateArgs, history: &History, plan: &Plan) -> Result<Ends, Failure> {
    let failed = |error| Failure::write(&args.output, error);
    let new = NewFile::create(&args.output).map_err(failed)?;
    let file = new.try_clone_file().map_err(failed)?;
    let ends = write::write(history, &plan.files, &[&file]).map_err(|stopped| match stopped {
        Stopped::Write(_, error) => failed(error),
        Stopped::Other(failure) => failure,
    })?;
    destination::commit(new, &args.output, args.force)?;
    Ok(ends)
}

fn write_files(args: &GenerateArgs, history: &History, plan: &Plan) -> Result<Ends, Failure> {
    let failed = |error| Failure::write(&args.output, error);
    let directory = NewDirectory::create(&args.output).map_err(failed)?;
    let files = plan.files.iter().map(|planned| create(&directory.path().join(&planned.name)));
    let files = files.collect::<io::Result<Vec<File>>>().map_err(failed)?;
    let open: Vec<&File> = files.iter().collect();
    let ends = write::write(history, &plan.files, &open).map_err(|stopped| match stopped {
        Stopped::Write(number, error) => {
            let name = plan.files.get(number).map(|file| args.output.join(&file.name));
            Failure::write(name.as_deref().unwrap_or(&args.output), error)
        }
        Stopped::Other(failure) => failure,
    })?;
    if output::stopped() {
        return Err(Failure::Interrupted);
    }
    for file in &files {
        file.sync_all().map_err(failed)?;
    }
    target_directory(args).commit(directory, may_replace(args))?;
    Ok(ends)
}

/// A new file, to be written at positions and read.
fn create(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}
