//! When to try again: back-off with jitter, from a seed.

use std::time::Duration;

/// Time since any beginning that caller and client share. Only differences matter.
pub type Time = Duration;

/// Randomness for jitter: xorshift. Not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A duration from zero to `max`, both possible.
    pub(super) fn up_to(&mut self, max: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let max = u64::try_from(max.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.0 % (max + 1))
    }
}

const CONNECT_MIN: Duration = Duration::from_millis(50);
const CONNECT_JITTER_MAX: Duration = Duration::from_millis(950);

/// How long to wait before connecting again after `attempts` connections that brought nothing.
pub(super) fn connect_delay(attempts: u32, jitter: &mut Jitter) -> Duration {
    let spread = CONNECT_MIN.saturating_mul(1 << attempts.min(8)).min(CONNECT_JITTER_MAX);
    CONNECT_MIN + jitter.up_to(spread)
}

/// How long an attempt to connect may take before it is given up for another.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Pings go to every replica this often.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(30);

/// And this often while an answer is late: they find a new primary.
pub(super) const PING_INTERVAL_LATE: Duration = Duration::from_secs(1);

const RESEND_MIN: Duration = Duration::from_millis(500);
const RESEND_MAX: Duration = Duration::from_secs(2);

/// How long answers take, smoothed, and so when a request is worth sending again.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: Duration,
}

impl RoundTrip {
    pub(super) fn measured(&mut self, time: Duration) {
        self.smoothed = (self.smoothed * 7 + time) / 8;
    }

    /// How long to wait after the send number `attempts` (from 0) of a request.
    pub(super) fn resend_delay(&self, attempts: u32, jitter: &mut Jitter) -> Duration {
        let first = (self.smoothed * 8).clamp(RESEND_MIN, RESEND_MAX);
        let delay = first.saturating_mul(1 << attempts.min(4)).min(RESEND_MAX);
        delay + jitter.up_to(delay / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_stay_within_their_bounds() {
        let mut jitter = Jitter::new(42);
        let round_trip = RoundTrip::default();
        let mut longest = Duration::ZERO;
        for attempts in 0..100 {
            let connect = connect_delay(attempts, &mut jitter);
            assert!((CONNECT_MIN..=CONNECT_MIN + CONNECT_JITTER_MAX).contains(&connect));
            let resend = round_trip.resend_delay(attempts, &mut jitter);
            assert!((RESEND_MIN..=RESEND_MAX * 5 / 4).contains(&resend));
            longest = longest.max(resend);
        }
        assert!(longest > RESEND_MAX);
        assert_eq!(jitter.up_to(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn slow_answers_are_waited_for() {
        let mut round_trip = RoundTrip::default();
        for _ in 0..100 {
            round_trip.measured(Duration::from_millis(200));
        }
        assert!(round_trip.resend_delay(0, &mut Jitter::new(1)) >= Duration::from_millis(1500));
    }
}
