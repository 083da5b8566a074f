//! What the system lends to the process, looked at before all else: limits, and standard output.
//!
//! | what | why |
//! |---|---|
//! | a limit of file sizes (`ulimit -f`) | by default the system ends a process that writes beyond it; an error can be told and cleaned up |
//! | a limit of open files (`ulimit -n`) | raised as far as it may be; what opens many files asks for it |
//! | standard output | where it is closed, nothing can be said, nor data given |

use crate::failure::Failure;

/// How many files may be open where the system does not say.
#[cfg(not(unix))]
const FILES_MAX: u64 = 512;

/// No more files are asked for: systems give a table of this size without thinking, and no command needs more.
#[cfg(unix)]
const FILES_WANTED: u64 = 4096;

/// Sets the limits, and refuses a standard output that is closed.
///
/// # Errors
///
/// [`Failure::Usage`].
pub fn prepare() -> Result<(), Failure> {
    if is_stdout_closed() {
        return Err(Failure::Usage(
            "standard output is closed, and nothing was done: send it to a file, or to /dev/null".into(),
        ));
    }
    fail_on_file_limit();
    raise_files_max();
    Ok(())
}

/// Lets a write beyond the limit of a file's size fail.
fn fail_on_file_limit() {
    #[cfg(unix)]
    {
        let mut set = nix::sys::signal::SigSet::empty();
        set.add(nix::sys::signal::Signal::SIGXFSZ);
        // Threads that are made later inherit it. Where it fails, all is as it was.
        let _ = set.thread_block();
    }
}

/// Raises the limit of open files as far as a process may. Nothing here waits by `select`, which a high one breaks.
fn raise_files_max() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(FILES_WANTED).min(FILES_WANTED);
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            // Where it fails, all is as it was.
            let _ = setrlimit(Resource::Nofile, limit);
        }
    }
}

/// How many files may be open at once.
#[must_use]
pub fn files_max() -> u64 {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    FILES_MAX
}

#[cfg(not(target_os = "linux"))]
fn is_stdout_closed() -> bool {
    false // not known there: see below
}

#[cfg(target_os = "linux")]
use closed::is_stdout_closed;

/// Whether standard output was closed when the process began. Rust's start-up opens `/dev/null` in the place of a
/// closed one, so that no file that is opened later gets its number: afterwards it looks like any other, takes all
/// that is written, and an export into nothing would be a success. So it is looked at before.
#[cfg(target_os = "linux")]
mod closed {
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    pub(super) fn is_stdout_closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }

    extern "C" fn look() {
        let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
        CLOSED.store(is_closed, Ordering::Relaxed);
    }

    // SAFETY: what stands in this section is called by the C library before `main`, on the only thread there is, as a
    // function without a result; arguments that it passes and that are not declared are ignored by the C ABI. `look`
    // is such a function. It needs nothing of Rust's start-up: it makes one system call and stores a byte, and cannot
    // panic.
    #[used]
    #[allow(unsafe_code, reason = "nothing that runs later can know")]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;
}
