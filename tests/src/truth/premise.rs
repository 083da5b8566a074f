//! What the logs show of the truth, and how well.
//!
//! Not every intact entry can be told from a planted one. An entry whose place follows from what is before it in
//! its file is *anchored*: nobody who chooses the contents of bodies could have put it there.
//!
//! ```text
//! |1|2|3 ~~~~|4|5|          4 and 5: 3 is known from elsewhere, so it is known where it ends
//! |1|2|3 ~~~|2|3|4|         3 is torn, the writer went on: no body of 3 can hold 3, if it is known which 3 is right
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

/// Which true entries are anchored in some log, and for each log how many of its pieces are: the first ones.
pub(super) fn anchored(truth: &Truth, logs: &[Log], lowest: usize) -> (Vec<bool>, Vec<usize>) {
    let mut anchored = vec![false; truth.entries.len()];
    loop {
        let before = anchored.clone();
        let pieces = logs.iter().map(|log| anchor(truth, log, lowest, &mut anchored)).collect();
        if anchored == before {
            return (anchored, pieces);
        }
    }
}

fn range(intact: &[bool]) -> Option<Range<usize>> {
    let first = intact.iter().position(|intact| *intact)?;
    let count = intact[first..].iter().take_while(|intact| **intact).count();
    (!intact[first + count..].contains(&true)).then_some(first..first + count)
}

/// Walks from a file's beginning as long as it is known where the next entry begins: over so many pieces.
fn anchor(truth: &Truth, log: &Log, lowest: usize, anchored: &mut [bool]) -> usize {
    if log.placed.first().is_none_or(|first| first.at != 0) {
        return 0;
    }
    // The entry that is expected, if what is there cannot be read.
    let mut expected = lowest;
    for (number, placed) in log.placed.iter().enumerate() {
        let is_torn = placed.kept < truth.entries[placed.entry].bytes.len();
        let has_head = log.has_head(truth, placed);
        if log.is_intact(truth, placed) {
            anchored[placed.entry] = true;
        } else if is_torn {
            if !goes_on(truth, log, number, has_head || expected == placed.entry && anchored[placed.entry]) {
                return number + usize::from(has_head);
            }
        } else if !has_head {
            // How long it is tells a copy that is anchored, or a child, which vouches for any copy.
            // A file may begin with any entry: there only the child tells.
            let is_known = number > 0 && anchored[placed.entry] || leads_to_a_child(truth, log, number);
            if expected != placed.entry || !is_known {
                return number;
            }
        }
        expected = placed.entry + 1;
    }
    log.placed.len()
}

/// Whether it can be seen that a writer was torn in this piece, and went on: with the same entry again, which its
/// own body cannot hold.
fn goes_on(truth: &Truth, log: &Log, number: usize, is_known: bool) -> bool {
    let torn = log.placed[number].entry;
    let rest = log.placed.get(number + 1..).unwrap_or_default();
    let mut again = rest.iter().take_while(|placed| log.is_intact(truth, placed));
    is_known && again.any(|other| other.entry == torn)
}

/// Whether what was planted can be told from what was not, in each log: it is in entries that are anchored, or whose
/// intact child follows, or it is not visible at all.
pub(super) fn is_decided(truth: &Truth, logs: &[Log], pieces: &[usize]) -> bool {
    logs.iter().zip(pieces).all(|(log, pieces)| {
        let mut numbered = log.placed.iter().enumerate().skip(*pieces);
        numbered.all(|(number, placed)| {
            truth.entries[placed.entry].plants.is_empty()
                || log.is_intact(truth, placed)
                || leads_to_a_child(truth, log, number)
        })
    })
}

/// Whether the entries after this one are its child, its child's child and so on, up to one with an intact head.
fn leads_to_a_child(truth: &Truth, log: &Log, number: usize) -> bool {
    for pair in log.placed[number..].windows(2) {
        let is_torn = pair[0].kept < truth.entries[pair[0].entry].bytes.len();
        if is_torn || pair[1].entry != pair[0].entry + 1 {
            return false;
        }
        if log.has_head(truth, &pair[1]) {
            return true;
        }
    }
    false
}
