//! Calls that were interrupted.

use embedded_io::{Error, ErrorKind};

/// Makes the call, and makes it again as long as it was interrupted: nothing was done then, and
/// `embedded_io` says that it can be tried again. For reads, writes, seeks and flushes; never for
/// [`Sync`](super::Sync).
pub(crate) fn uninterrupted<T, E: Error>(mut call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
