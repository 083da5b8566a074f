//! Segments on their way from workers to the one who takes them in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A segment that was read.
pub(super) struct Part<S> {
    /// Where its first event stands, if an entry starts in the segment.
    pub(super) first: Option<u64>,
    /// The boundary behind its last event.
    pub(super) next: u64,
    pub(super) sink: S,
}

/// Segments on their way from the workers to the one who takes them in order.
pub(super) struct Queue<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
    pub(super) segments: u64,
    /// How many segments may wait to be taken.
    ahead: u64,
}

struct State<S> {
    /// The next segment that no worker has.
    next: u64,
    /// How many segments were taken.
    taken: u64,
    ready: BTreeMap<u64, Part<S>>,
    error: Option<io::Error>,
    stopped: bool,
}

/// Ends the others' waiting where a sink panics.
pub(super) struct StopAtPanic<'a, S>(pub(super) &'a Queue<S>);

impl<S> Drop for StopAtPanic<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(io::Error::other("a sink panicked"));
        }
    }
}

impl<S> Queue<S> {
    pub(super) fn new(segments: u64, ahead: u64) -> Self {
        let state = State { next: 0, taken: 0, ready: BTreeMap::new(), error: None, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), segments, ahead }
    }

    /// A panic elsewhere does not make the numbers wrong.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<S>>) -> MutexGuard<'a, State<S>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment to read; waits while too many wait to be taken.
    pub(super) fn next(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next >= self.segments {
                return None;
            }
            if state.next < state.taken.saturating_add(self.ahead) {
                let index = state.next;
                state.next += 1;
                return Some(index);
            }
            state = self.wait(state);
        }
    }

    pub(super) fn put(&self, index: u64, part: Part<S>) {
        self.lock().ready.insert(index, part);
        self.changed.notify_all();
    }

    pub(super) fn fail(&self, error: io::Error) {
        let mut state = self.lock();
        state.error.get_or_insert(error);
        state.stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits for a segment, and takes it.
    pub(super) fn take(&self, index: u64) -> io::Result<Part<S>> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if let Some(part) = state.ready.remove(&index) {
                state.taken = index + 1;
                self.changed.notify_all();
                return Ok(part);
            }
            state = self.wait(state);
        }
    }
}
