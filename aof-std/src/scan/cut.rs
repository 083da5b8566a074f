//! How large the segments of a range are: [`Cut`].

/// Cuts a range into segments, from its front.
///
/// A worker that begins in the middle of a file looks for the first place where an entry may start, and reads
/// half an entry for nothing: little where the segment holds many, a quarter of it where it holds two. So a segment is
/// larger where entries are large. Where they are small it is small, since what entries give is held until it is
/// taken. At the end segments become smaller: the workers shall be done at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Bytes of the smallest segment.
    pub(super) size_min: u64,
    /// Bytes of the largest one.
    pub(super) size_max: u64,
    /// How many entries a segment is to hold, within these bounds.
    pub(super) entries: u64,
    pub(super) workers: u64,
    /// Bytes of an entry in what was read last.
    pub(super) entry_size: u64,
}

impl Cut {
    /// Bytes of the next segment, with so many left to the range's end.
    pub(super) fn next_size(&self, rest: u64) -> u64 {
        let size = self.entries.saturating_mul(self.entry_size);
        let share = rest / self.workers.saturating_mul(2).max(1);
        size.min(share).min(self.size_max).max(self.size_min)
    }

    /// Learns from what a segment held.
    pub(super) fn learn(&mut self, bytes: u64, entries: u64) {
        self.entry_size = bytes / entries.max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut = Cut { size_min: 2 << 20, size_max: 32 << 20, entries: 8192, workers: 2, entry_size: 0 };

    #[test]
    fn segments_are_as_large_as_entries_are_and_within_the_bounds() {
        for (entry_size, expected) in
            [(272, 8192 * 272), (1000, 8_192_000), (1 << 20, 32 << 20), (16, 2 << 20)]
        {
            let mut cut = CUT;
            assert_eq!(cut.next_size(u64::MAX), 2 << 20, "nothing is known of the entries");
            cut.learn(entry_size * 1000, 1000);
            assert_eq!(cut.next_size(u64::MAX), expected, "entries of {entry_size}");
        }
    }

    #[test]
    fn last_segments_are_small_and_the_workers_end_together() {
        let mut cut = CUT;
        cut.learn(1 << 30, 0);
        let (mut rest, mut sizes) = (256_u64 << 20, Vec::new());
        while rest > 0 {
            sizes.push(cut.next_size(rest).min(rest));
            rest -= sizes[sizes.len() - 1];
        }
        assert!(sizes.is_sorted_by(|before, size| before >= size), "{sizes:?}");
        assert_eq!((sizes[0], sizes[sizes.len() - 2]), (32 << 20, 2 << 20));
    }
}
