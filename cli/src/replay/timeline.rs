//! Timestamps that grow: [`Timeline`].
//!
//! An operation with n events uses the timestamps from `timestamp - n + 1` to `timestamp`, one without
//! events its own. In recovery a replica takes timestamps as they are and does not check that they grow;
//! but it aborts when it is started again and finds that they did not. So this is checked before.

use std::fmt;

/// The highest timestamp that a replica takes, ns.
pub const TIMESTAMP_MAX: u64 = i64::MAX as u64;

/// The last timestamp that is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    last: u64,
}

/// Why an operation cannot have its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It is 0 or above [`TIMESTAMP_MAX`].
    OutOfRange(u64),
    /// It is not above the last one by the number of its events.
    NotGrowing {
        /// The last timestamp used.
        last: u64,
        /// The operation's.
        timestamp: u64,
        /// Its events.
        events: u32,
    },
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(timestamp) => write!(f, "timestamp {timestamp} is not in 1 to {TIMESTAMP_MAX}"),
            Self::NotGrowing { last, timestamp, events } => write!(
                f,
                "timestamp {timestamp} with {events} events does not follow on {last}, the timestamp before"
            ),
        }
    }
}

/// The first timestamp that an operation uses.
#[must_use]
pub const fn first(timestamp: u64, events: u32) -> u64 {
    let events = if events == 0 { 1 } else { events };
    timestamp.saturating_sub(events as u64 - 1)
}

impl Timeline {
    /// Up to `last`, everything is used.
    #[must_use]
    pub const fn new(last: u64) -> Self {
        Self { last }
    }

    /// The last timestamp that is used; 0 where none is.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.last
    }

    /// Uses the timestamps of an operation.
    ///
    /// # Errors
    ///
    /// [`TimeError`]: nothing was used.
    pub fn take(&mut self, timestamp: u64, events: u32) -> Result<(), TimeError> {
        if !(1..=TIMESTAMP_MAX).contains(&timestamp) {
            return Err(TimeError::OutOfRange(timestamp));
        }
        if first(timestamp, events) <= self.last {
            return Err(TimeError::NotGrowing { last: self.last, timestamp, events });
        }
        self.last = timestamp;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_grow_by_the_number_of_events() {
        let mut timeline = Timeline::new(1);
        assert_eq!(timeline.take(4, 3), Ok(()));
        assert!(matches!(timeline.take(7, 4), Err(TimeError::NotGrowing { last: 4, .. })));
        assert!(matches!(timeline.take(4, 0), Err(TimeError::NotGrowing { .. })));
        assert_eq!(timeline.take(7, 3), Ok(()));
        assert_eq!(timeline.take(8, 0), Ok(()));
        assert_eq!(timeline.last(), 8);
    }

    #[test]
    fn timestamps_that_abort_a_server_are_refused() {
        for timestamp in [0, TIMESTAMP_MAX + 1, u64::MAX] {
            assert_eq!(Timeline::default().take(timestamp, 1), Err(TimeError::OutOfRange(timestamp)));
        }
        assert_eq!(Timeline::default().take(TIMESTAMP_MAX, 8190), Ok(()));
        assert!(Timeline::default().take(3, 4).is_err());
    }
}
