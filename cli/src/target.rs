//! A log that a command writes: it appears whole or not at all.
//!
//! ```text
//! check     before anything is read: may there be a file of this name?
//! ...       written beside its place, read back by the command
//! commit    the last look whether to stop, then it appears
//! ```

use crate::failure::{Failure, shown};
use crate::output;
use aof_std::NewFile;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes the new file appear as `output`.
///
/// # Errors
///
/// See [`Failure`]. Unless the directory cannot be synced, the output is as it was.
pub fn commit(file: NewFile, output: &Path, force: bool) -> Result<(), Failure> {
    if output::stopped() {
        return Err(Failure::Interrupted);
    }
    file.commit(force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Exists(output.to_path_buf()),
        _ => Failure::write(output, error),
    })
}

/// Refuses an output that exists, that is an input, or that cannot be created where it should be: before
/// anything is read, which may take long.
///
/// # Errors
///
/// See [`Failure`].
pub fn check(output: &Path, inputs: &[PathBuf], force: bool) -> Result<(), Failure> {
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
        Ok(metadata) if metadata.is_dir() => Err(Failure::write(output, io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if !metadata.is_file() => Err(Failure::NotAFile(output.to_path_buf())),
        // A file that is dropped is gone.
        _ => NewFile::create(output).map(drop).map_err(|error| Failure::write(output, error)),
    }
}

/// Refuses a directory that exists, unless `force` and it holds nothing but files whose names `is_ours` knows: a
/// slip of the pen must not remove somebody's files. `what` is what an earlier run left there.
///
/// # Errors
///
/// See [`Failure`].
pub fn check_directory(
    output: &Path,
    force: bool,
    what: &str,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let Ok(metadata) = output.symlink_metadata() else { return Ok(()) };
    if !force {
        return Err(Failure::Exists(output.to_path_buf()));
    }
    if !metadata.is_dir() {
        return Err(Failure::write(output, io::ErrorKind::NotADirectory.into()));
    }
    let read = |error| Failure::write(output, error);
    for entry in fs::read_dir(output).map_err(read)? {
        let entry = entry.map_err(read)?;
        if !is_ours(&entry.file_name().to_string_lossy()) {
            return Err(Failure::Usage(format!(
                "{} holds more than {what}, and is not replaced: move away {}, or choose another directory",
                shown(output),
                shown(&entry.path())
            )));
        }
    }
    Ok(())
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
