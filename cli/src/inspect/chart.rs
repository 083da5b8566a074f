//! Small charts made of characters: coverage bars, sparklines, bars. Blocks of Unicode, or ASCII where the
//! terminal may not have them.

use super::ranges::{self, Range};

/// The characters of charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// All ops of a column are there.
    pub held: char,
    /// Some.
    pub partly: char,
    /// None.
    pub lacking: char,
    /// Heights from low to high; nothing is a space.
    heights: [char; 8],
    /// A bar's whole character, and its last one by eighths.
    bar: char,
    eighths: Option<[char; 7]>,
    /// What stands for what was left out of a name.
    pub ellipsis: char,
}

/// For terminals that show UTF-8.
pub const UNICODE: Glyphs = Glyphs {
    held: '█',
    partly: '▒',
    lacking: '·',
    heights: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    bar: '█',
    eighths: Some(['▏', '▎', '▍', '▌', '▋', '▊', '▉']),
    ellipsis: '…',
};

/// For all others.
pub const ASCII: Glyphs = Glyphs {
    held: '#',
    partly: '+',
    lacking: '.',
    heights: ['_', '.', ':', '-', '=', '+', '*', '#'],
    bar: '#',
    eighths: None,
    ellipsis: '~',
};

/// How much of a column's ops a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// All.
    All,
    /// Some.
    Some,
    /// None.
    None,
}

/// The columns of a map over the ops of `extent`: fewer than `count` where there are fewer ops.
#[must_use]
pub fn columns(extent: Range, count: usize) -> Vec<Range> {
    let (first, last) = extent;
    let ops = u128::from(last - first) + 1;
    let count = (count.max(1) as u128).min(ops);
    // The ends fit: they are between the extent's.
    let at = |column: u128| first.saturating_add(u64::try_from(column * ops / count).unwrap_or(u64::MAX));
    (0..count)
        .map(|column| (at(column), if column + 1 == count { last } else { at(column + 1) - 1 }))
        .collect()
}

/// What a log with these ops has in each column.
#[must_use]
pub fn cover(held: &[Range], columns: &[Range]) -> Vec<Cover> {
    let cover = |column: &Range| match ranges::held_of(held, *column) {
        0 => Cover::None,
        count if count == ranges::count(&[*column]) => Cover::All,
        _ => Cover::Some,
    };
    columns.iter().map(cover).collect()
}

impl Glyphs {
    /// The character of a column.
    #[must_use]
    pub const fn cover(&self, cover: Cover) -> char {
        match cover {
            Cover::All => self.held,
            Cover::Some => self.partly,
            Cover::None => self.lacking,
        }
    }

    /// A value a character, the largest as high as a line. What is not nothing is never shown as nothing.
    #[must_use]
    pub fn sparkline(&self, values: &[u64]) -> String {
        let most = values.iter().copied().max().unwrap_or(0).max(1);
        let height = |value: u64| {
            let eighths = (u128::from(value) * 8).div_ceil(u128::from(most));
            let at = usize::try_from(eighths).unwrap_or(8).checked_sub(1);
            at.and_then(|at| self.heights.get(at)).copied().unwrap_or(' ')
        };
        values.iter().map(|value| height(*value)).collect()
    }

    /// A bar of up to `width` characters, for `value` of `most`. What is not nothing is seen.
    #[must_use]
    pub fn bar(&self, value: u64, most: u64, width: usize) -> String {
        let eighths = u128::from(value) * width as u128 * 8 / u128::from(most.max(1));
        let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).clamp(usize::from(value > 0), width * 8);
        let mut bar = String::from(self.bar).repeat(eighths / 8);
        match self.eighths {
            Some(parts) => bar.extend((eighths % 8).checked_sub(1).and_then(|at| parts.get(at))),
            None if eighths % 8 >= 4 || bar.is_empty() && eighths > 0 => bar.push(self.bar),
            None => {}
        }
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(held: &[Range], extent: Range, count: usize) -> String {
        cover(held, &columns(extent, count)).into_iter().map(|cover| ASCII.cover(cover)).collect()
    }

    #[test]
    fn a_single_missing_op_is_seen_on_any_map() {
        assert_eq!(map(&[(1, 499), (501, 1000)], (1, 1000), 10), "####+#####");
        assert_eq!(map(&[(1, 400), (601, 1000)], (1, 1000), 10), "####..####");
        assert_eq!(map(&[(2, 3)], (1, 4), 80), ".##.", "no more columns than ops");
        assert_eq!(map(&[(0, u64::MAX)], (0, u64::MAX), 3), "###");
    }

    #[test]
    fn columns_share_all_ops() {
        for extent in [(1, 3221), (5, 5), (0, u64::MAX)] {
            let columns = columns(extent, 64);
            assert_eq!((columns[0].0, columns[columns.len() - 1].1), extent);
            assert!(columns.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{columns:?}");
        }
    }

    #[test]
    fn little_is_not_nothing() {
        assert_eq!(UNICODE.sparkline(&[0, 1, 1000]), " ▁█");
        assert_eq!(ASCII.sparkline(&[0, 1, 500, 1000]), " _-#");
        assert_eq!(UNICODE.bar(1, 1_000_000, 10), "▏");
        assert_eq!(ASCII.bar(1, 1_000_000, 10), "#");
        assert_eq!(UNICODE.bar(5, 10, 3), "█▌");
        assert_eq!(UNICODE.bar(0, 0, 3), "");
        assert_eq!(UNICODE.bar(u64::MAX, u64::MAX, 3), "███");
    }
}
