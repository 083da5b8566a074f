//! Whether an answer is the entry that was meant: [`Doubt`].
//!
//! ```text
//! time          T
//!    | op 822 |    (823 to 959 missing)    | op 960 |      --at T: op 822, or one that is missing
//! ```
//!
//! The last entry up to a time is that of the cluster only if the file has all that came next. What is asked for
//! by op, checksum or byte is there or is not.

use super::find::{Extent, Found, Wanted};

/// Why the entry that was meant may be another than the one that was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doubt {
    /// The op that was found.
    op: u64,
    /// The ops that are missing right behind it.
    pub missing: Option<(u64, u64)>,
    /// Damaged places where what came next may have stood.
    pub damaged: u64,
}

impl Doubt {
    /// About what was found.
    #[must_use]
    pub fn of(wanted: Wanted, found: &[Found], extent: &Extent) -> Self {
        let Wanted::At(at) = wanted else { return Self::default() };
        let Some(last) = found.iter().max_by_key(|found| found.header.op.get()) else {
            return Self::default();
        };
        let op = last.header.op.get();
        if last.header.timestamp.get() == at {
            return Self { op, ..Self::default() }; // no later entry has this time
        }
        let behind = op.checked_add(1);
        let missing = behind.zip(extent.op_above).filter(|(behind, above)| behind < above);
        let missing = missing.map(|(behind, above)| (behind, above - 1));
        // Copies of it may stand behind it: what is damaged between them is older.
        let copy = last.copies.listed.iter().map(|place| place.offset).max().unwrap_or(last.offset);
        let is_last = extent.op_above.is_none() && extent.damage_last.is_some_and(|offset| offset > copy);
        let damaged = if missing.is_some() || is_last { extent.damages } else { 0 };
        Self { op, missing, damaged }
    }

    /// Whether there is any.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.missing.is_some() || self.damaged > 0
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
            _ => format!(
                "it may have stood {places} (aof verify tells), and another replica's log may have it"
            ),
        };
        match self.missing {
            Some(range) => Some(format!(
                "{} right behind op {}; the entry of that time may be {}: {stood}",
                missing(range),
                self.op,
                if range.0 == range.1 { "that one" } else { "one of them" }
            )),
            None if self.damaged > 0 => Some(format!(
                "op {} is the last, and something behind it is damaged; the entry of that time may be another: {stood}",
                self.op
            )),
            None => None,
        }
    }
}

/// `op 8 is missing`, `ops 823 to 959 are missing`.
#[must_use]
pub fn missing((first, last): (u64, u64)) -> String {
    if first == last {
        format!("op {first} is missing")
    } else {
        format!("ops {first} to {last} are missing")
    }
}
