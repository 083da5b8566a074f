//! Segments on their way from workers to the one who takes them in order.

use super::cut::Cut;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A segment to be read.
pub(super) struct Segment {
    /// Its number, from 0 on.
    pub(super) index: u64,
    pub(super) range: Range<u64>,
}

/// A segment that was read.
pub(super) struct Part<S> {
    /// The first byte behind the segment.
    pub(super) until: u64,
    /// Where its first event stands, if an entry starts in the segment.
    pub(super) first: Option<u64>,
    /// The boundary behind its last event.
    pub(super) next: u64,
    /// How many entries and places of damage it has.
    pub(super) events: u64,
    pub(super) sink: S,
}

/// Segments on their way from the workers to the one who takes them in order.
pub(super) struct Queue<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
    /// Where the last segment ends.
    until: u64,
    /// How many segments may wait to be taken.
    ahead: u64,
}

struct State<S> {
    cut: Cut,
    /// Where the next segment begins that no worker has.
    from: u64,
    /// How many segments workers have, or had.
    given: u64,
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
    /// The segments of a range, cut as they are asked for.
    pub(super) fn new(range: &Range<u64>, cut: Cut, ahead: u64) -> Self {
        let (from, until) = (range.start, range.end);
        let ready = BTreeMap::new();
        let state = State { cut, from, given: 0, taken: 0, ready, error: None, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), until, ahead }
    }

    /// A panic elsewhere does not make the numbers wrong.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<S>>) -> MutexGuard<'a, State<S>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment to read; waits while too many wait to be taken.
    pub(super) fn next(&self) -> Option<Segment> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.from >= self.until {
                return None;
            }
            if state.given < state.taken.saturating_add(self.ahead) {
                let (index, from) = (state.given, state.from);
                let until = from.saturating_add(state.cut.next_size(self.until - from)).min(self.until);
                (state.given, state.from) = (index + 1, until);
                return Some(Segment { index, range: from..until });
            }
            state = self.wait(state);
        }
    }

    pub(super) fn put(&self, index: u64, part: Part<S>) {
        let mut state = self.lock();
        if let Some(first) = part.first {
            state.cut.learn(part.next.saturating_sub(first), part.events);
        }
        state.ready.insert(index, part);
        drop(state);
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

    /// Waits for the next segment in order, and takes it; `None` behind the last one.
    pub(super) fn take(&self) -> io::Result<Option<Part<S>>> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            let index = state.taken;
            if let Some(part) = state.ready.remove(&index) {
                state.taken = index + 1;
                drop(state);
                self.changed.notify_all();
                return Ok(Some(part));
            }
            if index == state.given && state.from >= self.until {
                return Ok(None);
            }
            state = self.wait(state);
        }
    }
}
