//! Standard output, standard error, progress, and signals. Data goes to the one, all else to the other.

use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::process;
use aof_std::scan::Watch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Standard output, buffered.
pub type Stdout = BufWriter<StdoutLock<'static>>;

/// Standard output, for the whole of a command.
#[must_use]
pub fn stdout() -> Stdout {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Writes bytes to standard output.
///
/// # Errors
///
/// [`Failure::Stdout`].
pub fn write(stdout: &mut Stdout, bytes: &[u8]) -> Result<(), Failure> {
    stdout.write_all(bytes).map_err(Failure::Stdout)
}

/// Writes the report of a command whose exit code is its verdict: a reader that went away changes
/// nothing about it.
///
/// # Errors
///
/// [`Failure::Stdout`], but not for a closed pipe.
pub fn print(stdout: &mut Stdout, text: &str) -> Result<(), Failure> {
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// What it means for such a command that its report was printed so.
///
/// # Errors
///
/// As of [`print()`].
pub fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Stdout(error)),
        _ => Ok(()),
    }
}

/// The result of a command whose output `done` is complete, and whose report was printed so: that nobody can read the
/// report is said, and does not make the output less complete.
///
/// # Errors
///
/// As of [`print()`], but not [`Failure::Stdout`].
pub fn unreported(printed: Result<(), Failure>, done: &Path) -> Result<(), Failure> {
    match printed {
        Err(failure @ Failure::Stdout(_)) => {
            note(&format!("{} is complete; only its report is lost: {failure}", shown(done)));
            Ok(())
        }
        printed => printed,
    }
}

/// Writes what is still buffered.
///
/// # Errors
///
/// [`Failure::Stdout`].
pub fn finish(mut stdout: Stdout) -> Result<(), Failure> {
    stdout.flush().map_err(Failure::Stdout)
}

/// Tells a failure on standard error, unless nobody wants to know, and gives the exit code.
pub fn report(failure: &Failure) -> Exit {
    let exit = failure.exit();
    if exit != Exit::Sound {
        tell(format_args!("{failure}"));
    }
    exit
}

/// Tells something on standard error that is not a failure of the command.
pub fn note(text: &str) {
    tell(format_args!("{text}"));
}

/// Writes a line on standard error. Where that fails there is nobody to tell, and no reason to end: the
/// exit code says what it would have said. (`eprintln` would panic.)
fn tell(text: fmt::Arguments<'_>) {
    // As one write, so that the lines of several processes do not mix.
    let _ = io::stderr().write_all(format!("aof: {text}\n").as_bytes());
}

/// Stops at SIGINT and SIGTERM, and counts bytes.
pub static WATCH: Watch = Watch::new();

/// How long the clean-up of half output has before another signal ends the process at once. `timeout` and
/// terminals send one signal twice, to the process and to its group: the second is no sign of impatience.
pub const GRACE_CLEAN_UP: Duration = Duration::from_secs(1);

/// The same, for what has nothing to clean up.
pub const GRACE: Duration = Duration::from_millis(200);

/// Makes SIGINT and SIGTERM set [`WATCH`]'s stop, for commands that have something to finish. A signal that
/// comes `grace` or more after the first ends the process at once.
pub fn stop_on_signal(grace: Duration) {
    at_signal(grace, || {});
}

/// The same, and calls `then`, on the handler's thread.
pub fn at_signal(grace: Duration, mut then: impl FnMut() + Send + 'static) {
    let mut first: Option<Instant> = None;
    let result = ctrlc::set_handler(move || {
        WATCH.stop.store(true, Ordering::Relaxed);
        if first.get_or_insert_with(Instant::now).elapsed() >= grace {
            std::process::exit(Exit::Interrupted.code().into());
        }
        then();
    });
    if let Err(error) = result {
        process::let_signals_end_it();
        note(&format!(
            "cannot handle signals ({error}): an interruption ends the command at once, and may leave a temporary file, \
             which the next run to the same output removes"
        ));
    }
}

/// Whether a signal came.
#[must_use]
pub fn stopped() -> bool {
    WATCH.stop.load(Ordering::Relaxed)
}

/// A progress bar on standard error, with rate and time to go. Shown on a terminal only, and only where
/// there is much to do.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

/// Work below this many bytes is done before a bar would be read.
const PROGRESS_FROM: u64 = 64 << 20;

/// In fewer columns than this there is no room for a bar beside its numbers: these alone would take two lines.
const BAR_FROM: u16 = 64;

impl Progress {
    /// A bar for `bytes` of work.
    #[must_use]
    pub fn new(what: &'static str, bytes: u64) -> Self {
        WATCH.bytes.store(0, Ordering::Relaxed);
        if bytes < PROGRESS_FROM {
            return Self(None);
        }
        let target = ProgressDrawTarget::stderr_with_hz(8);
        let bar = ProgressBar::with_draw_target(Some(bytes), target).with_message(what);
        let columns = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
        let template = match columns {
            Some(columns) if columns < BAR_FROM => "{msg} {percent}%, {eta} to go",
            _ => "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta} to go",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // Drawn when it is moved on: a thread that does so may not be had.
        Self(Some(bar))
    }

    /// Shows the bytes that [`WATCH`] has counted.
    pub fn show(&self) {
        if let Some(bar) = &self.0 {
            bar.set_position(WATCH.bytes.load(Ordering::Relaxed));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
