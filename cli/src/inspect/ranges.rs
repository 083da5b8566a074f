//! Ranges of ops with both ends, in order and apart from each other: which ops a log holds, and lacks.

/// The first and the last op.
pub type Range = (u64, u64);

/// How many ops there are in all.
#[must_use]
pub fn count(ranges: &[Range]) -> u64 {
    ranges.iter().fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
}

/// What is left of `whole` without `ranges`.
#[must_use]
pub fn without(whole: Range, ranges: &[Range]) -> Vec<Range> {
    let (mut next, end) = whole;
    let mut rest = Vec::new();
    for &(first, last) in ranges.iter().filter(|(first, last)| *last >= whole.0 && *first <= end) {
        if first > next {
            rest.push((next, first - 1));
        }
        match last.checked_add(1) {
            Some(behind) => next = next.max(behind),
            None => return rest,
        }
    }
    if next <= end {
        rest.push((next, end));
    }
    rest
}

/// Those of `ranges` that reach into `part`.
pub fn touching(ranges: &[Range], part: Range) -> impl Iterator<Item = Range> {
    let start = ranges.partition_point(|(_, last)| *last < part.0);
    ranges.get(start..).unwrap_or(&[]).iter().copied().take_while(move |(first, _)| *first <= part.1)
}

/// How many ops of `part` the ranges hold.
#[must_use]
pub fn held_of(ranges: &[Range], part: Range) -> u64 {
    let within = |(first, last): Range| (first.max(part.0), last.min(part.1));
    touching(ranges, part).map(within).fold(0, |sum, range| sum.saturating_add(count(&[range])))
}

/// Whether one of the ranges holds `op`.
#[must_use]
pub fn holds(ranges: &[Range], op: u64) -> bool {
    touching(ranges, (op, op)).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_complement() {
        assert_eq!(without((1, 9), &[(2, 3), (6, 9)]), [(1, 1), (4, 5)]);
        assert_eq!(without((1, 9), &[]), [(1, 9)]);
        assert_eq!(without((4, 6), &[(1, 4), (7, 9)]), [(5, 6)]);
        assert_eq!(without((1, 9), &[(1, 4), (5, 9)]), [], "two that touch");
        assert_eq!(without((1, u64::MAX), &[(3, u64::MAX)]), [(1, 2)]);
    }

    #[test]
    fn ops_are_counted_to_the_last_one_there_is() {
        assert_eq!(count(&[(1, 3), (5, 5)]), 4);
        assert_eq!(count(&[(0, u64::MAX)]), u64::MAX);
        assert_eq!(held_of(&[(1, 3), (5, 9)], (3, 6)), 3);
        assert!(holds(&[(1, 3), (5, 9)], 5) && !holds(&[(1, 3), (5, 9)], 4));
    }
}
