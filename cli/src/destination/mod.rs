//! A file that a command writes (a log, a report, an export, a manual page): it appears whole or not at all.
//!
//! ```text
//! check     before anything is read: may there be a file of this name?
//! create    beside its place, as private as the inputs
//! ...       written, read back by the command
//! commit    the last look whether to stop, then it appears
//! ```

pub mod directory;
pub mod private;

use crate::failure::{Failure, shown};
use crate::output;
use aof_std::NewFile;
use private::Privacy;
use std::io;
use std::path::{Path, PathBuf};

/// Begins the new file, as private as the inputs: who may not read them shall not read in it what they hold.
///
/// # Errors
///
/// See [`Failure`].
pub fn create(output: &Path, inputs: &[PathBuf]) -> Result<NewFile, Failure> {
    let privacy = Privacy::of(inputs).map_err(|(input, error)| Failure::read(input, error))?;
    let file = NewFile::create(output);
    // Before the first byte is in it.
    let file = file.and_then(|file| file.try_clone_file().and_then(|it| privacy.file(&it)).map(|()| file));
    file.map_err(|error| Failure::write(output, error))
}

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
    // Elsewhere that is standard output, which cannot be read back, nor appear whole.
    if output == Path::new("-") {
        return Err(Failure::Usage(
            "the output has to be a file, and - is none: ./- is a file of this name".into(),
        ));
    }
    // However it is to be replaced: where a directory is meant, that helps nobody.
    if output.is_dir() || is_named_as_directory(output) {
        return Err(Failure::Usage(format!(
            "the output has to be a file, and {} is a directory: give the name of a file in it",
            shown(output)
        )));
    }
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
        Ok(metadata) if !metadata.is_file() => Err(Failure::NotAFile(output.to_path_buf())),
        // A file that is dropped is gone.
        _ => NewFile::create(output).map(drop).map_err(|error| Failure::write(output, error)),
    }
}

/// Whether it ends like a directory's name, there or not: a file of this name without its end is not what was meant.
fn is_named_as_directory(path: &Path) -> bool {
    path.file_name().is_none() || path.to_string_lossy().ends_with(std::path::is_separator)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((identity(one), identity(other)), (Some(one), Some(other)) if one == other)
}

/// Which file a path leads to, whatever its names: device and inode. `None` where there is none.
#[cfg(unix)]
#[must_use]
pub fn identity(path: &Path) -> Option<impl Eq + std::hash::Hash + use<>> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Which file a path leads to: its one full name. `None` where there is none.
#[cfg(not(unix))]
#[must_use]
pub fn identity(path: &Path) -> Option<impl Eq + std::hash::Hash + use<>> {
    path.canonicalize().ok()
}
