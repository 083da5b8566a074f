//! Which calls fail: [`Faults`].

use aof_tests::random::Random;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With an error. A write has written part of its bytes, or none.
    Fail,
    /// With [`Interrupted`](std::io::ErrorKind::Interrupted): reads and writes only.
    Interrupt,
    /// Not at all, but only part is done: reads and writes only.
    Short,
}

/// Faults at random.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    fail_one_in: usize,
    disturb_one_in: usize,
    count: u64,
}

impl Faults {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self { fail_one_in: 0, disturb_one_in: 0, count: 0 }
    }

    /// One call in so many fails, and one in so many is interrupted or short; 0: none.
    #[must_use]
    pub const fn new(fail_one_in: usize, disturb_one_in: usize) -> Self {
        Self { fail_one_in, disturb_one_in, count: 0 }
    }

    /// Faults so far, without those that a caller should not notice.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What becomes of the next call. Calls that cannot be interrupted or short take that for nothing.
    pub fn next(&mut self, random: &mut Random) -> Option<Fault> {
        if self.fail_one_in > 0 && random.one_in(self.fail_one_in) {
            self.count += 1;
            return Some(Fault::Fail);
        }
        if self.disturb_one_in > 0 && random.one_in(self.disturb_one_in) {
            return Some(if random.one_in(2) { Fault::Interrupt } else { Fault::Short });
        }
        None
    }
}
