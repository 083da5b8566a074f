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

use crate::failure::{Failure, Reason, shown};
use crate::human;
use crate::output;
use aof_std::NewFile;
use aof_std::beside::{Leftover, LeftoverState};
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
    let file = file.and_then(|file| {
        let is_private = privacy.file(&file.try_clone_file()?)?;
        Ok((file, is_private))
    });
    let (file, is_private) = file.map_err(|error| Failure::write(output, error))?;
    if !is_private {
        output::note(&format!(
            "{}: the file system does not take the inputs' permissions, and more people may read it than them",
            shown(output)
        ));
    }
    Ok(file)
}

/// Reports what earlier runs to `output` left that were killed, and removes what belongs to no living process.
pub fn clean(output: &Path) {
    for Leftover { path, size, state } in aof_std::beside::clean(output) {
        let name = format!("{} ({})", shown(&path), human::size(size));
        let text = match state {
            LeftoverState::Removed => format!("removed {name}, which a run that was killed had left"),
            LeftoverState::InUse => format!("{name} belongs to another run, which writes it now"),
            LeftoverState::Left(why) => format!("{name} was left by an earlier run, and stays: {why}"),
            LeftoverState::Stuck(error) => {
                format!("{name} was left by a run that was killed, and cannot be removed: {}", Reason(&error))
            }
            _ => continue,
        };
        output::note(&text);
    }
}

/// Whether a name is one of the system's for something else: a descriptor, a device, a setting. What it leads to may be
/// an ordinary file (`/dev/stdout`, redirected), and replacing it would replace the name.
fn is_of_the_system(path: &Path) -> bool {
    /// Links that are followed.
    const LINKS_MAX: usize = 40;
    let mut at = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(directory) = aof_std::sync::directory_of(&at).canonicalize() else { return false };
        let is_device = directory.starts_with("/dev") && !directory.starts_with("/dev/shm");
        if cfg!(unix) && (is_device || directory.starts_with("/proc") || directory.starts_with("/sys")) {
            return true;
        }
        match at.read_link() {
            Ok(to) => at = directory.join(to),
            Err(_) => return false,
        }
    }
    false
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
    let before = mode(output).filter(|_| force);
    file.commit(force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Exists(output.to_path_buf()),
        _ => Failure::write(output, error),
    })?;
    if let (Some(before), Some(now)) = (before, mode(output))
        && now & !before != 0
    {
        output::note(&format!(
            "{}: its permissions are {now:03o}, and were {before:03o} before it was replaced",
            shown(output)
        ));
    }
    Ok(())
}

/// What a file permits.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

/// Nothing that could differ.
#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
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
    if is_of_the_system(output) {
        return Err(Failure::Usage(format!(
            "the output has to be a file, and {} is a name of the system's for something else (a descriptor, a device), \
             which is never replaced: give the file's own name",
            shown(output)
        )));
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
        _ => {
            clean(output);
            NewFile::create(output).map(drop).map_err(|error| Failure::write(output, error))
        }
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
