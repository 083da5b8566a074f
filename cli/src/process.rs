//! What the system lends to the process: its limits, set before all else.
//!
//! | what | why |
//! |---|---|
//! | a limit of file sizes (`ulimit -f`) | by default the system ends a process that writes beyond it; an error can be told and cleaned up |
//! | a limit of open files (`ulimit -n`) | raised as far as it may be; what opens many files asks for it |

/// How many files may be open where the system does not say.
#[cfg(not(unix))]
const FILES_MAX: u64 = 512;

/// No more files are asked for: systems give a table of this size without thinking, and no command needs more.
#[cfg(unix)]
const FILES_WANTED: u64 = 4096;

/// Sets the limits.
pub fn prepare() {
    fail_on_file_limit();
    raise_files_max();
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

/// Lets signals end the process as they do unless they are handled.
pub(crate) fn let_signals_end_it() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigHandler, Signal, signal};
        for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            // SAFETY: the default is no function of ours that could be called at a bad moment.
            #[expect(unsafe_code, reason = "a handler without its thread would swallow the signal")]
            let _ = unsafe { signal(number, SigHandler::SigDfl) };
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
