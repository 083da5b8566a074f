//! What the logs show of the truth, and how well.
//!
//! Not every intact entry can be told from a planted one. An entry whose place follows from what is before it in
//! its file is *anchored*: nobody who chooses the contents of bodies could have put it there.
//!
//! ```text
//! |1|2|3 ~~~~|4|5|          4 and 5: 3 is known from elsewhere, so it is known where it ends
//! |1|2|3 ~~~|2|3|4|         3 is torn, its head is lost, the writer went on: 2, 3, 4 might be in its body
//! ~~~~|4|5|                 the beginning is lost: all of it might be in a body
//! ```

use super::{Log, Truth};
use std::ops::Range;

/// Which true entries are intact in some log where they were written.
pub(super) fn intact(truth: &Truth, logs: &[Log]) -> Vec<bool> {
    let mut intact = vec![false; truth.entries.len()];
    for log in logs {
        for placed in &log.placed {
            intact[placed.entry] = intact[placed.entry] || log.is_intact(truth, placed);
        }
    }
    intact
}

/// The true entries that are intact somewhere, as a range, if they have no gap and nothing is left of any other
/// entry that could be taken for one. (An entry that is intact nowhere may still hold planted entries. They can
/// be told from true ones only where a header shows their extent.)
pub(super) fn covered(truth: &Truth, logs: &[Log]) -> Option<Range<usize>> {
    let intact = intact(truth, logs);
    let range = range(&intact)?;
    let harmless = logs.iter().all(|log| {
        log.placed
            .iter()
            .filter(|placed| !intact[placed.entry])
            .all(|placed| truth.entries[placed.entry].plants.is_empty() || log.has_head(truth, placed))
    });
    harmless.then_some(range)
}

/// Whether each entry of the range that is covered is anchored in some log.
pub(super) fn is_anchored(truth: &Truth, logs: &[Log], covered: &Range<usize>) -> bool {
    let mut anchored = vec![false; truth.entries.len()];
    for log in logs {
        anchor(truth, log, covered.start, &mut anchored);
    }
    anchored[covered.clone()].iter().all(|anchored| *anchored)
}

fn range(intact: &[bool]) -> Option<Range<usize>> {
    let first = intact.iter().position(|intact| *intact)?;
    let count = intact[first..].iter().take_while(|intact| **intact).count();
    (!intact[first + count..].contains(&true)).then_some(first..first + count)
}

/// Walks from a file's beginning as long as it is known where the next entry begins.
fn anchor(truth: &Truth, log: &Log, lowest: usize, anchored: &mut [bool]) {
    // The entry that is expected, if what is there cannot be read.
    let mut expected = Some(lowest);
    for (number, placed) in log.placed.iter().enumerate() {
        if number == 0 && placed.at != 0 {
            return;
        }
        let is_torn = placed.kept < truth.entries[placed.entry].bytes.len();
        let has_head = log.has_head(truth, placed);
        if log.is_intact(truth, placed) {
            anchored[placed.entry] = true;
        } else if is_torn {
            // Its header covers what follows, unless that is seen to be the same entry, written again.
            let rest = log.placed.get(number + 1..).unwrap_or_default();
            let again = rest.iter().take_while(|placed| log.is_intact(truth, placed));
            if !has_head || !again.into_iter().any(|other| other.entry == placed.entry) {
                return;
            }
        } else if !has_head && expected != Some(placed.entry) {
            return;
        }
        expected = Some(placed.entry + 1);
    }
}
