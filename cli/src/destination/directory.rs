//! A directory of files that a command writes: it appears whole or not at all, and replaces no files but those
//! of an earlier run.

use super::identity;
use crate::failure::{Failure, Reason, shown};
use aof_std::NewDirectory;
use aof_std::directory::Displaced;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a command's files go, and which files there are its own.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// Its name.
    pub path: &'a Path,
    /// What an earlier run has left there, for messages.
    pub what: &'static str,
    /// Whether a file of this name is of an earlier run.
    pub is_ours: fn(&str) -> bool,
}

impl Directory<'_> {
    /// Before anything is read: a directory that exists is replaced if that is asked for, and if it holds nothing
    /// but what is ours: a slip of the pen must not remove somebody's files.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub fn check(self, inputs: &[PathBuf], force: bool) -> Result<(), Failure> {
        if self.path.file_name().is_none() {
            return Err(Failure::Usage(format!(
                "the output has to be a directory that appears under its name, and {} is none: give the name of a new \
                 one, such as {}",
                shown(self.path),
                shown(&self.path.join("logs"))
            )));
        }
        let Ok(metadata) = self.path.symlink_metadata() else {
            super::clean(self.path);
            return Ok(());
        };
        if !metadata.is_dir() {
            return Err(Failure::Usage(format!(
                "the output has to be a directory, and {} is none: choose another name",
                shown(self.path)
            )));
        }
        let failed = |error| Failure::write(self.path, error);
        if !force {
            // --force is advised only where it helps.
            return Err(match self.not_ours(self.path) {
                Ok(Some(name)) => self.holds_more(&name),
                _ => Failure::Exists(self.path.to_path_buf()),
            });
        }
        for entry in fs::read_dir(self.path).map_err(failed)?.flatten() {
            let there = identity(&entry.path());
            if let Some(input) = inputs.iter().find(|input| there.is_some() && identity(input) == there) {
                return Err(Failure::OutputIsInput { output: self.path.to_path_buf(), input: input.clone() });
            }
        }
        match self.not_ours(self.path).map_err(failed)? {
            Some(name) => Err(self.holds_more(&name)),
            None => {
                super::clean(self.path);
                Ok(())
            }
        }
    }

    /// Lets it appear. What it replaces is looked at once more: the command may have run for hours, and somebody
    /// may have put a file there meanwhile.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub fn commit(self, new: NewDirectory, force: bool) -> Result<(), Failure> {
        if !force {
            return new.commit().map_err(|error| failed_at(self.path, error));
        }
        let mut other = None;
        let may_go = |replaced: &Path| {
            other = self.not_ours(replaced)?;
            if other.is_some() { Err(io::ErrorKind::DirectoryNotEmpty.into()) } else { Ok(()) }
        };
        new.replace(may_go).map_err(|error| match other {
            Some(name) if displaced(&error).is_none() => self.holds_more(&name),
            _ => failed_at(self.path, error),
        })
    }

    /// The name of something in a directory that no run has put there.
    fn not_ours(self, path: &Path) -> io::Result<Option<OsString>> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            if !((self.is_ours)(&name.to_string_lossy()) && entry.file_type()?.is_file()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn holds_more(self, name: &OsStr) -> Failure {
        Failure::Usage(format!(
            "{} holds more than {}, and is not replaced: move away {}, or choose another directory",
            shown(self.path),
            self.what,
            shown(&self.path.join(name))
        ))
    }
}

/// The failure of an output that could not appear.
pub fn failed_at(path: &Path, error: io::Error) -> Failure {
    if let Some(displaced) = displaced(&error) {
        return Failure::Log(format!(
            "cannot write {}: {}; what was there before is {} now: move it back",
            shown(path),
            Reason(&displaced.error),
            shown(&displaced.kept)
        ));
    }
    match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Exists(path.to_path_buf()),
        _ => Failure::write(path, error),
    }
}

/// What could neither be replaced nor put back.
fn displaced(error: &io::Error) -> Option<&Displaced> {
    error.get_ref()?.downcast_ref()
}
