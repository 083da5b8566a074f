//! Where an op's entry would stand in the log without faults: [`Offsets`].
//!
//! Sizes are functions of the op ([`History::shape`]); their sums are kept for one op in 65,536, and counted
//! from there. So every place in every file is known before a byte is written, in 8 bytes for 65,536 entries.

use super::history::History;

/// Ops between two sums that are kept.
const STRIDE: u64 = 1 << 16;

/// Sums of sizes. See the [module](self).
#[derive(Clone, Debug)]
pub struct Offsets<'a> {
    history: &'a History,
    sums: Sums,
}

#[derive(Clone, Debug)]
enum Sums {
    /// Of entries of one size.
    Uniform { behind_prologue: u64, size: u64 },
    /// Of the entries before op 1, op 1 + [`STRIDE`], ...
    Kept(Vec<u64>),
}

impl<'a> Offsets<'a> {
    /// Adds up the sizes of all entries.
    #[must_use]
    pub fn new(history: &'a History) -> Self {
        let total =
            |ops: std::ops::RangeInclusive<u64>| ops.map(|op| history.shape(op).size_disk()).sum::<u64>();
        let entries = history.entries();
        let sums = match history.uniform_size() {
            Some(size) => {
                let behind_prologue = total(1..=history.prologue().min(entries));
                Sums::Uniform { behind_prologue, size }
            }
            None => {
                let mut sums = vec![0];
                let mut sum = 0_u64;
                for last in (1..=entries / STRIDE).map(|strides| strides * STRIDE) {
                    sum = sum.saturating_add(total(last - STRIDE + 1..=last));
                    sums.push(sum);
                }
                Sums::Kept(sums)
            }
        };
        Self { history, sums }
    }

    /// Bytes of all entries before `op`, which is at most one behind the last.
    #[must_use]
    pub fn before(&self, op: u64) -> u64 {
        let ops = op - 1;
        match &self.sums {
            Sums::Uniform { behind_prologue, size } => match ops.checked_sub(self.history.prologue()) {
                Some(ops) => behind_prologue + ops * size,
                None => self.add(0, 1, op),
            },
            Sums::Kept(sums) => {
                let at = usize::try_from(ops / STRIDE).ok().and_then(|at| sums.get(at));
                self.add(at.copied().unwrap_or(0), ops / STRIDE * STRIDE + 1, op)
            }
        }
    }

    /// Bytes of the entries `first` to `last`.
    #[must_use]
    pub fn of(&self, first: u64, last: u64) -> u64 {
        if first == last { self.size(first) } else { self.before(last + 1) - self.before(first) }
    }

    /// Bytes of one entry.
    #[must_use]
    pub fn size(&self, op: u64) -> u64 {
        self.history.shape(op).size_disk()
    }

    /// The history whose sizes these are.
    #[must_use]
    pub const fn history(&self) -> &'a History {
        self.history
    }

    fn add(&self, sum: u64, from: u64, until: u64) -> u64 {
        (from..until).fold(sum, |sum, op| sum.saturating_add(self.size(op)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::ContentArgs;
    use super::*;

    #[test]
    fn sums_are_those_of_counting() {
        for (body, events) in
            [(Some("0..700"), None), (Some("256"), None), (None, Some("1..9")), (None, None)]
        {
            let args = ContentArgs {
                entries: 140_000,
                body: body.map(|text| text.parse().unwrap()),
                events: events.map(|text| text.parse().unwrap()),
                ..ContentArgs::default()
            };
            let history = History::new(&args, 1, 1 << 20).unwrap();
            let offsets = Offsets::new(&history);
            let mut sum = 0;
            for op in 1..=140_000 {
                if op % 997 == 1 || op < 4 || (65_530..65_545).contains(&op) {
                    assert_eq!(offsets.before(op), sum, "op {op} of {body:?} {events:?}");
                }
                sum += offsets.size(op);
            }
            assert_eq!(offsets.of(1, 140_000), sum);
        }
    }
}
