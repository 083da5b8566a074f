//! Why a command could not do its work: what, where, and what to do.

use crate::exit::Exit;
use std::fmt;
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
    },
    /// A log cannot be replayed: what, where, what to do.
    Log(String),
    /// A cluster cannot be recovered: what, where, what to do.
    Cluster(String),
    /// Options that do not go together, or a file that cannot be used: what to do.
    Usage(String),
    /// A signal stopped the command.
    Interrupted,
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
        Self::Write { path: path.to_path_buf(), error }
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
            | Self::Copy { .. }
            | Self::Changed { .. }
            | Self::Log(_)
            | Self::Cluster(_) => Exit::Damage,
            // Whoever read our output has seen enough.
            Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Sound,
            Self::Stdout(_) => Exit::Damage,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// The reason without Rust's "(os error N)".
struct Reason<'a>(&'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {}", path.display(), Reason(error)),
            Self::Write { path, error } => {
                write!(f, "cannot write {}: {}; nothing was left there", path.display(), Reason(error))
            }
            Self::Stdout(error) => write!(f, "cannot write to standard output: {}", Reason(error)),
            Self::Exists(path) => {
                write!(f, "{} exists: choose another output, or replace it by --force", path.display())
            }
            Self::NotAFile(path) => write!(f, "{} is no file: choose another output", path.display()),
            Self::Copy { input, output, error } => write!(
                f,
                "cannot copy from {} to {}: {}; nothing was left there",
                input.display(),
                output.display(),
                Reason(error)
            ),
            Self::OutputIsInput { output, input } => {
                write!(f, "the output {} is the input {}: choose another", output.display(), input.display())
            }
            Self::Changed { output } => write!(
                f,
                "what was written to {} is not what the inputs held: did one of them change meanwhile? \
                 Nothing was left there; try again",
                output.display()
            ),
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
            | Self::Copy { error, .. }
            | Self::Stdout(error) => Some(error),
            _ => None,
        }
    }
}
