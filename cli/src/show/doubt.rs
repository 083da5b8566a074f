//! Whether an answer is the entry that was meant: [`Doubt`].
//!
//! ```text
//! time          T
//!    | op 822 |    (823 to 959 missing)    | op 960 |      --at T: op 822, or one that is missing
//! ```
//!
//! The last entry up to a time is that of the cluster only if the file has all that may have this time, see
//! [`timeline`](super::timeline). What is asked for by op, checksum or byte is there or is not.

use super::find::{Extent, Found, Wanted};
use super::timeline::Timeline;
use crate::human;

/// Why the entry that was meant may be another than the one that was found.
#[derive(Clone, Debug, Default)]
pub struct Doubt {
    /// The op that was found.
    pub op: u64,
    /// A later entry of up to that time would come after all that the file has.
    pub is_last: bool,
    /// The ops that the file lacks, and of which one may be meant, as ranges with both ends.
    pub missing: Vec<(u64, u64)>,
    /// Damaged places where it may have been.
    pub damaged: u64,
}

impl Doubt {
    /// About what was found.
    #[must_use]
    pub fn of(wanted: Wanted, found: &[Found], extent: &Extent, timeline: Option<Timeline>) -> Self {
        let (Wanted::At(at), Some(timeline)) = (wanted, timeline) else { return Self::default() };
        let Some(last) = found.iter().max_by_key(|found| found.header.op.get()) else {
            return Self::default();
        };
        let op = last.header.op.get();
        if last.header.timestamp.get() == at {
            return Self { op, ..Self::default() }; // no later entry has this time
        }
        // Copies of it may come after it: what is damaged between them is older.
        let copy = last.copies.listed.iter().map(|place| place.offset).max().unwrap_or(last.offset);
        let is_last = timeline.later().is_none();
        let is_cut = is_last && extent.damage_last.is_some_and(|offset| offset > copy);
        let missing = timeline.missing();
        let damaged = if missing.is_empty() && !is_cut { 0 } else { extent.damages };
        Self { op, is_last, missing, damaged }
    }

    /// Whether there is any.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        !self.missing.is_empty() || self.damaged > 0
    }

    /// In words.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let places = match self.damaged {
            0 => String::new(),
            1 => "at the place that is damaged".into(),
            places => format!("at one of {places} places that are damaged"),
        };
        let stood = match self.damaged {
            0 => "another replica's log may have it".into(),
            _ => {
                format!(
                    "it may have stood {places} (aof verify tells), and another replica's log may have it"
                )
            }
        };
        match self.missing.as_slice() {
            [] if self.damaged > 0 => Some(format!(
                "op {} is the last, and something behind it is damaged; the entry of that time may be another: {stood}",
                self.op
            )),
            [] => None,
            missing => Some(format!(
                "{}{}; the entry of that time may be {}: {stood}",
                human::ops_missing(missing),
                self.place(missing),
                if matches!(missing, [(first, last)] if first == last) { "that one" } else { "one of them" }
            )),
        }
    }

    /// Where it is missing, if that is one place right after the entry found.
    fn place(&self, missing: &[(u64, u64)]) -> String {
        match missing {
            [(first, _)] if self.op.checked_add(1) == Some(*first) => format!(" right behind op {}", self.op),
            _ => String::new(),
        }
    }
}
