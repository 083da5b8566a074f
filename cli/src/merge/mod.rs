//! `aof merge`: the logs of a cluster's replicas into one unbroken chain.
//!
//! ```text
//! inputs --scan--> index (what each input holds) --> plan (the chain, or why there is none) --> write
//! ```
//!
//! [`index`] knows files and memory, [`plan`] knows chains and is a pure function of the index,
//! [`notes`] knows what is lost all the same, [`mod@write`] how the output appears whole or not at all,
//! [`report`] tells.

pub mod index;
pub mod notes;
pub mod plan;
pub mod report;
pub mod write;

use crate::args::MergeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use aof_std::NewFile;
use index::Index;
use plan::{Plan, Root};
use report::Report;
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The inputs are untouched, and the output is as it was.
pub fn run(args: &MergeArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    check_output(&args.output, &args.files, args.force)?;
    let index = Index::read(&args.files, args.limits.message_size_max)?;
    if let Some(text) = index.too_large(args.limits.message_size_max) {
        output::note(&text);
    }
    let root = args.root.map_or(Root::LowestOp, Root::ChildOf);
    let plan = Plan::of(&index, root);

    let mut report = Report::new(args, &index, &plan, root);
    let whole = plan.obstacle.is_none() && index.conflict().is_none();
    let wanted = whole || (args.partial && index.conflict().is_none());
    if wanted && !plan.chain.is_empty() {
        let file = NewFile::create(&args.output).map_err(|error| Failure::write(&args.output, error))?;
        report.written = Some(write::write(file, args, &index, &plan)?);
    }
    report.print(args.json)?;
    if report.written.is_some() {
        return Ok(Exit::Sound);
    }
    output::note(&format!("nothing was written: {}", report.refusal()));
    Ok(Exit::Damage)
}

/// Refuses an output that exists, that is an input, or that cannot be created where it should be: before
/// anything is read, which may take long.
///
/// # Errors
///
/// [`Failure`], of a kind of its own for each.
pub fn check_output(output: &Path, inputs: &[PathBuf], force: bool) -> Result<(), Failure> {
    for input in inputs {
        if is_same_file(input, output) {
            return Err(Failure::OutputIsInput { output: output.to_path_buf(), input: input.clone() });
        }
    }
    // Even a link that leads nowhere is something that exists.
    if !force && output.symlink_metadata().is_ok() {
        return Err(Failure::Exists(output.to_path_buf()));
    }
    match output.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::write(output, std::io::ErrorKind::IsADirectory.into()))
        }
        Ok(metadata) if !metadata.is_file() => Err(Failure::NotAFile(output.to_path_buf())),
        // A file that is dropped is gone.
        _ => NewFile::create(output).map(drop).map_err(|error| Failure::write(output, error)),
    }
}

#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
