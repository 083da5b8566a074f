//! What wakes a follower: a change, a signal, or the reader of its output that went away.
//!
//! ```text
//!   file watcher ----+
//!   directory watcher+--> bell (holds one ring) --> the follower looks
//!   signal handler --+
//!   output watcher --+
//! ```
//!
//! A ring that comes while the follower looks is kept, so that what was written behind its back is looked at
//! next. More than one need not be kept.

use crate::output::{self, GRACE_CLEAN_UP};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

/// The follower's end.
#[derive(Debug)]
pub struct Bell {
    ringer: Ringer,
    rings: Receiver<()>,
}

/// The other end: for whoever has something to tell.
#[derive(Clone, Debug)]
pub struct Ringer {
    sender: SyncSender<()>,
    closed: Arc<AtomicBool>,
}

impl Ringer {
    /// Wakes the follower.
    pub fn ring(&self) {
        let _ = self.sender.try_send(()); // one is kept already
    }
}

impl Bell {
    /// A bell that signals ring, and whoever reads standard output by going away.
    #[must_use]
    pub fn new() -> Self {
        let (sender, rings) = mpsc::sync_channel(1);
        let ringer = Ringer { sender, closed: Arc::default() };
        let bell = Self { ringer, rings };
        bell.ring_at_signals();
        bell.ring_when_output_closes();
        bell
    }

    /// For those who ring.
    #[must_use]
    pub fn ringer(&self) -> Ringer {
        self.ringer.clone()
    }

    /// Whether nobody reads standard output any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ringer.closed.load(Ordering::Relaxed)
    }

    /// Waits for a ring, at most so long. Says whether there was one.
    pub fn wait(&self, at_most: Duration) -> bool {
        match self.rings.recv_timeout(at_most) {
            Ok(()) => true,
            // This end holds a sender itself: the other case cannot be.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn ring_at_signals(&self) {
        let ringer = self.ringer();
        output::at_signal(GRACE_CLEAN_UP, move || {
            ringer.ring();
            // A reader of the output that does not read holds up the follower's last line: not for ever.
            std::thread::sleep(GRACE_CLEAN_UP);
            std::process::exit(crate::exit::Exit::Interrupted.code().into());
        });
    }

    /// `aof follow log | head -3` should end with `head` and not with the fourth entry.
    #[cfg(unix)]
    fn ring_when_output_closes(&self) {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let ringer = self.ringer();
        let wait = move || {
            let stdout = std::io::stdout();
            let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
            loop {
                let mut output = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
                match poll(&mut output, PollTimeout::NONE) {
                    Err(nix::errno::Errno::EINTR) => continue,
                    Ok(_) if output[0].revents().is_some_and(|events| events.intersects(gone)) => {
                        ringer.closed.store(true, Ordering::Relaxed);
                        ringer.ring();
                    }
                    _ => {}
                }
                return;
            }
        };
        // Without the thread the next entry's line finds it.
        let _ = std::thread::Builder::new().name("output".into()).spawn(wait);
    }

    #[cfg(not(unix))]
    fn ring_when_output_closes(&self) {}
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}
