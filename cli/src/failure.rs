//! Why a command could not do its work: what, where, and what to do.

use crate::exit::Exit;
use crate::human;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// A failure that ends a command.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// An input cannot be read.
    Read {
        /// The input.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// An output cannot be written.
    Write {
        /// The output.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
        /// What is there now.
        left: Left,
        /// Bytes that it takes, where the disk is full.
        needed: Option<Needed>,
    },
    /// What a merge cannot keep in memory cannot be kept on disk either.
    Work {
        /// The directory for it.
        directory: PathBuf,
        /// The operating system's reason.
        error: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// Standard output cannot be written.
    Stdout(io::Error),
    /// The output exists.
    Exists(PathBuf),
    /// The output exists and is a device, a pipe or a socket, which is not replaced by a file.
    NotAFile(PathBuf),
    /// Entries cannot be copied.
    Copy {
        /// The input.
        input: PathBuf,
        /// The output.
        output: PathBuf,
        /// The operating system's reason.
        error: io::Error,
        /// What is at the output's place now.
        left: Left,
        /// Bytes that it takes, where the disk is full.
        needed: Option<Needed>,
    },
    /// The output is one of the inputs.
    OutputIsInput {
        /// The output.
        output: PathBuf,
        /// The input that it is.
        input: PathBuf,
    },
    /// What was written is not what was planned.
    Changed {
        /// The output, which was not kept.
        output: PathBuf,
        /// What is at its place now.
        left: Left,
    },
    /// A log cannot be repaired.
    Unrepaired {
        /// The log.
        path: PathBuf,
        /// What cannot be done.
        what: String,
        /// The operating system's reason.
        error: io::Error,
    },
    /// A log cannot be replayed, repaired or converted: what, where, what to do.
    Log(String),
    /// A cluster cannot be recovered: what, where, what to do.
    Cluster(String),
    /// Options that do not go together, or a file that cannot be used: what to do.
    Usage(String),
    /// A signal stopped the command.
    Interrupted,
}

/// The room that an output takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// So many bytes.
    Bytes(u64),
    /// More than so many: those that were written.
    MoreThan(u64),
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (more, bytes) = match self {
            Self::Bytes(bytes) => ("", *bytes),
            Self::MoreThan(bytes) => ("more than ", *bytes),
        };
        write!(
            f,
            "the output takes {more}{} ({bytes} bytes): make room, or choose a place on another disk",
            human::size(bytes)
        )
    }
}

/// What a failure leaves at an output's place. Outputs appear whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing, as before.
    Nothing,
    /// What was there before.
    AsItWas,
    /// The new one, whole; a power cut may still take it.
    NotDurable,
}

impl Left {
    /// What is at `path`, of which nothing was written.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        // Even a link that leads nowhere is something.
        if path.symlink_metadata().is_ok() { Self::AsItWas } else { Self::Nothing }
    }

    /// As the end of a sentence about `path`.
    fn about(self, path: &Path) -> String {
        match self {
            Self::Nothing => "nothing was left there".into(),
            Self::AsItWas => format!("{} is as it was", shown(path)),
            Self::NotDurable => {
                format!("{} is the new one, whole, and a power cut may still take it", shown(path))
            }
        }
    }
}

/// A path for people. Characters that a terminal obeys instead of showing (line ends, escape sequences,
/// changes of direction) are escaped: whoever can name a file could otherwise forge lines of a report.
/// Bytes that are not UTF-8 are replaced by U+FFFD. Not for JSON, which has escapes of its own.
#[must_use]
pub fn shown(path: &Path) -> Shown<'_> {
    Shown(path)
}

/// See [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string_lossy().chars() {
            if is_obeyed(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether a terminal obeys a character instead of showing it.
pub(crate) fn is_obeyed(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || character.is_control()
}

impl Failure {
    /// An input at `path` that cannot be read.
    #[must_use]
    pub fn read(path: &Path, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::Interrupted {
            return Self::Interrupted; // by our own signal handler: the system's are retried
        }
        Self::Read { path: path.to_path_buf(), error }
    }

    /// An output at `path` that cannot be written.
    #[must_use]
    pub fn write(path: &Path, error: io::Error) -> Self {
        let is_there = error.get_ref().is_some_and(|error| error.is::<aof_std::replace::NotDurable>());
        let left = if is_there { Left::NotDurable } else { Left::at(path) };
        Self::Write { path: path.to_path_buf(), error, left, needed: None }
    }

    /// Entries that cannot be copied.
    #[must_use]
    pub fn copy(input: &Path, output: &Path, error: io::Error) -> Self {
        Self::Copy {
            input: input.to_path_buf(),
            output: output.to_path_buf(),
            error,
            left: Left::at(output),
            needed: None,
        }
    }

    /// An output that did not become what was planned.
    #[must_use]
    pub fn changed(output: &Path) -> Self {
        Self::Changed { output: output.to_path_buf(), left: Left::at(output) }
    }

    /// The same; where there was no room for the output it says how much that takes.
    #[must_use]
    pub fn needing(mut self, bytes: Needed) -> Self {
        if let Self::Write { error, needed, .. } | Self::Copy { error, needed, .. } = &mut self {
            use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
            *needed = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge).then_some(bytes);
        }
        self
    }

    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Read { .. }
            | Self::Exists(_)
            | Self::NotAFile(_)
            | Self::OutputIsInput { .. }
            | Self::Usage(_) => Exit::Usage,
            Self::Write { .. }
            | Self::Work { .. }
            | Self::Copy { .. }
            | Self::Changed { .. }
            | Self::Unrepaired { .. }
            | Self::Log(_)
            | Self::Cluster(_) => Exit::Damage,
            // Whoever read our output has seen enough.
            Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Sound,
            Self::Stdout(_) => Exit::Damage,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// The reason without Rust's "(os error N)", and what to do where that is the same wherever it comes from.
pub(crate) struct Reason<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))?;
        if is_out_of_files(self.0) {
            f.write_str(" (raise the limit of open files: ulimit -n)")
        } else if self.0.get_ref().is_some_and(|error| error.is::<aof_std::fs::NoExclusiveRename>()) {
            f.write_str(" (--force writes it there, in the place of anything that has this name by then)")
        } else {
            Ok(())
        }
    }
}

/// Whether the process has as many files open as it may.
fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn told(needed: Option<Needed>) -> String {
    needed.map(|needed| format!("; {needed}")).unwrap_or_default()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {}", shown(path), Reason(error)),
            Self::Write { path, error, left, needed } => write!(
                f,
                "cannot write {}: {}{}; {}",
                shown(path),
                Reason(error),
                told(*needed),
                left.about(path)
            ),
            Self::Work { directory, error, advice } => write!(
                f,
                "cannot keep temporary data in {}: {}; nothing was left there. It takes 28 bytes an entry, and up to \
                 310 where logs are shuffled: {advice}",
                shown(directory),
                Reason(error)
            ),
            Self::Stdout(error) => write!(f, "cannot write to standard output: {}", Reason(error)),
            Self::Exists(path) => {
                write!(f, "{} exists: choose another output, or replace it by --force", shown(path))
            }
            Self::NotAFile(path) => write!(f, "{} is no file: choose another output", shown(path)),
            Self::Copy { input, output, error, left, needed } => write!(
                f,
                "cannot copy from {} to {}: {}{}; {}",
                shown(input),
                shown(output),
                Reason(error),
                told(*needed),
                left.about(output)
            ),
            Self::OutputIsInput { output, input } => {
                write!(f, "the output {} is the input {}: choose another", shown(output), shown(input))
            }
            Self::Changed { output, left } => write!(
                f,
                "what was written to {} is not what the inputs held: did one of them change meanwhile? Try again; {}",
                shown(output),
                left.about(output)
            ),
            Self::Unrepaired { path, what, error } => {
                write!(f, "{}: {what}: {}", shown(path), Reason(error))
            }
            Self::Log(text) | Self::Cluster(text) | Self::Usage(text) => f.write_str(text),
            Self::Interrupted => f.write_str("stopped; nothing half-done was left"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { error, .. }
            | Self::Write { error, .. }
            | Self::Work { error, .. }
            | Self::Copy { error, .. }
            | Self::Unrepaired { error, .. }
            | Self::Stdout(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_but_for_what_a_terminal_obeys() {
        for name in ["r0.aof", "C:\\logs\\a b'\"é漢\u{1f600}.aof"] {
            assert_eq!(shown(Path::new(name)).to_string(), name);
        }
        let odd = "a\nb\r\t\u{0}\u{1b}[31m\u{7f}\u{9b}\u{2028}\u{202e}\u{2066}";
        let expected = r"a\nb\r\t\u{0}\u{1b}[31m\u{7f}\u{9b}\u{2028}\u{202e}\u{2066}";
        assert_eq!(shown(Path::new(odd)).to_string(), expected);
    }
}
