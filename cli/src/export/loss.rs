//! What of the logs is not in an export, and why: [`Loss`].

use super::select::Select;
use crate::human::ranges;
use crate::merge::notes::Note;
use crate::output;

/// What is told one by one.
const TOLD_MAX: u64 = 20;

/// What is not in an export.
#[derive(Debug, Default)]
pub struct Loss {
    /// What there is to report, as far as it is shown; and how much there is.
    texts: Vec<String>,
    count: u64,
    /// Whether sound entries may be missing: damage that nothing makes up for, or two histories.
    pub is_fault: bool,
    /// Ops that no entry has, as ranges with both ends.
    pub missing: Vec<(u64, u64)>,
    /// The lowest op that any entry has, if what comes before it was not reported as lost.
    pub first_op: Option<u64>,
}

impl Loss {
    /// Reports a place: one of the first.
    pub fn tell(&mut self, text: &str) {
        self.count += 1;
        if self.count <= TOLD_MAX {
            self.texts.push(text.into());
        }
    }

    /// Prints it all.
    pub fn finish(&self, select: &Select) {
        for text in &self.texts {
            output::note(text);
        }
        if let Some(more @ 1..) = self.count.checked_sub(TOLD_MAX) {
            output::note(&format!("{more} more places: aof verify tells of all"));
        }
        let missing: Vec<(u64, u64)> = self.missing.iter().filter_map(|range| select.ops(*range)).collect();
        match missing.as_slice() {
            [] => {}
            [(first, last)] if first == last => {
                output::note(&format!("op {first} is not exported: no sound entry has it"));
            }
            _ => output::note(&format!("ops {} are not exported: no sound entry has them", ranges(&missing))),
        }
        // A log that was rotated begins late: that is no fault.
        if let Some(last) = self.first_op.and_then(|first| first.checked_sub(1)).filter(|last| *last > 0)
            && select.ops((1, last)).is_some()
        {
            let note = Note::LostBeginning { last };
            output::note(&format!("{note}; an older log of the replica, or another replica's, may have it"));
        }
    }
}
