//! What is known to be lost where a chain is whole all the same: [`notes`].
//!
//! A chain ends where nobody has a child of its last entry, and begins at the lowest op. Both are normal:
//! a crash tears the last entry, a log that was rotated begins late. Whether something is missing there is
//! for a person to judge, who must be told.
//!
//! Zeros behind a log are told for the same reason: in the image of a device they are free space, in a log file
//! they stand where a crash took entries.

use super::index::{Index, Least, PLACES_MAX};
use super::plan::{Plan, Root};
use crate::failure::{Failure, shown};
use crate::human::ranges;
use crate::survey::Kind;
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;

/// Something that a chain without a gap or a fork is known to lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The chain begins late: what ops 1 to this one did is in no input.
    LostBeginning {
        /// The last op that is lost.
        last: u64,
    },
    /// Entries behind the chain's end are damaged in every input that has them.
    DamagedEnd {
        /// Where, by op.
        places: Vec<Place>,
        /// Places beyond these.
        omitted: u64,
    },
    /// Something behind the chain's end is damaged so that its op is not known.
    UnknownEnd {
        /// The chain's last op.
        last: u64,
        /// Where: the op is the one before.
        places: Vec<Place>,
        /// Places beyond these.
        omitted: u64,
    },
    /// Inputs end with zeros.
    ZeroTail {
        /// Where they begin: the op is 0.
        places: Vec<Place>,
        /// How many there are at each place, bytes.
        sizes: Vec<u64>,
    },
}

/// Where a damaged entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its op, from its header, which is whole; or that of the entry before it.
    pub op: u64,
    /// The input's number.
    input: usize,
    /// Its first byte.
    pub offset: u64,
    /// The input.
    pub file: PathBuf,
}

/// Places told to a person; JSON has all.
const PLACES_SHOWN: usize = 8;

/// What is known to be lost before the chain's beginning, and behind its end. Nothing before the beginning
/// where somebody named it, and nothing behind the end where a gap or a fork is in the way: that is told
/// as such. Zeros are told in any case.
///
/// # Errors
///
/// [`Failure::Work`].
pub fn notes(index: &Index, plan: &Plan, root: Root) -> Result<Vec<Note>, Failure> {
    let mut notes = Vec::new();
    let (Some(first), Some(last)) = (plan.chain.first(), plan.chain.last()) else { return Ok(notes) };
    if root == Root::LowestOp && first.op > 1 {
        notes.push(Note::LostBeginning { last: first.op - 1 });
    }
    if plan.obstacle.is_none() {
        let (places, omitted) = damaged_behind(index, last.op)?;
        if !places.is_empty() {
            notes.push(Note::DamagedEnd { places, omitted });
        }
        let (places, omitted) = unknown_behind(index, last.op)?;
        if !places.is_empty() {
            notes.push(Note::UnknownEnd { last: last.op, places, omitted });
        }
    }
    notes.extend(zeros_behind(index));
    Ok(notes)
}

/// The zeros that end inputs.
fn zeros_behind(index: &Index) -> Option<Note> {
    let (mut places, mut sizes) = (Vec::new(), Vec::new());
    for (number, input) in index.inputs.iter().enumerate() {
        if let Some(offset) = input.zeros {
            places.push(Place { op: 0, input: number, offset, file: input.path.clone() });
            sizes.push(input.size().saturating_sub(offset));
        }
    }
    (!places.is_empty()).then_some(Note::ZeroTail { places, sizes })
}

/// Damaged entries with an op above `last`: no input has one of them whole, or it would be in the way. The
/// first ones, and how many there are beyond them.
fn damaged_behind(index: &Index, last: u64) -> Result<(Vec<Place>, u64), Failure> {
    let mut places = Least::new(PLACES_MAX);
    for (number, input) in index.inputs.iter().enumerate() {
        index.damage(input, |damage, _| {
            if let Some(op) = damage.op.map(|op| op.0).filter(|op| *op > last) {
                places.push(Place { op, input: number, offset: damage.offset, file: input.path.clone() });
            }
            true
        })?;
    }
    Ok(places.finish())
}

/// Damage that does not tell its op, directly behind a copy of the chain's last entry: as a torn tail.
fn unknown_behind(index: &Index, last: u64) -> Result<(Vec<Place>, u64), Failure> {
    let mut places = Least::new(PLACES_MAX);
    let mut result = Ok(());
    index.at(last, |copy| {
        let number = copy.input as usize;
        let Some(input) = index.inputs.get(number).filter(|input| input.is_damaged()) else { return };
        match index.damage_at(input, copy.end()) {
            Ok(Some(damage)) if damage.op.is_none() => {
                places.push(Place {
                    op: last,
                    input: number,
                    offset: damage.offset,
                    file: input.path.clone(),
                });
            }
            Ok(_) => {}
            Err(failure) => result = Err(failure),
        }
    })?;
    result.map(|()| places.finish())
}

impl Note {
    /// The stable name: `lost-beginning`, `damaged-end`, `unknown-end` or `zero-tail`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::LostBeginning { .. } => "lost-beginning",
            Self::DamagedEnd { .. } => "damaged-end",
            Self::UnknownEnd { .. } => "unknown-end",
            Self::ZeroTail { .. } => Kind::ZeroTail.name(),
        }
    }

    /// The ops that are lost, as ranges with both ends.
    #[must_use]
    pub fn ops(&self) -> Vec<(u64, u64)> {
        match self {
            Self::LostBeginning { last } => vec![(1, *last)],
            Self::UnknownEnd { .. } | Self::ZeroTail { .. } => Vec::new(), // nobody knows
            Self::DamagedEnd { places, .. } => {
                let mut ops: Vec<(u64, u64)> = Vec::new();
                for place in places {
                    match ops.last_mut() {
                        Some((_, last)) if place.op - *last <= 1 => *last = place.op,
                        _ => ops.push((place.op, place.op)),
                    }
                }
                ops
            }
        }
    }

    /// As one object.
    #[must_use]
    pub fn json(&self) -> Value {
        let (places, known, omitted) = match self {
            Self::LostBeginning { .. } => (&[][..], false, 0),
            Self::DamagedEnd { places, omitted } => (places.as_slice(), true, *omitted),
            Self::UnknownEnd { places, omitted, .. } => (places.as_slice(), false, *omitted),
            Self::ZeroTail { places, .. } => (places.as_slice(), false, 0),
        };
        let place = |place: &Place| {
            let file = place.file.display().to_string();
            json!({"op": known.then_some(place.op), "file": file, "offset": place.offset})
        };
        let mut json = json!({
            "kind": self.kind(),
            "ops": self.ops(),
            "places": places.iter().map(place).collect::<Vec<_>>(),
            "detail": self.to_string(),
        });
        if omitted > 0 {
            json["places_omitted"] = omitted.into();
        }
        json
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostBeginning { last } => {
                let first = last.saturating_add(1);
                let lost = if *last == 1 { "op 1".into() } else { format!("ops 1 to {last}") };
                write!(f, "the chain begins at op {first}: what {lost} did is in no input")
            }
            Self::UnknownEnd { last, places, omitted } => {
                let list = listed(places, *omitted, |_, place| at(place));
                write!(
                    f,
                    "what stands behind op {last}, the last, is damaged, and which op it was is not known ({list}): \
                     an entry that no input has whole may be lost"
                )
            }
            Self::ZeroTail { places, sizes } => {
                let list = listed(places, 0, |number, place| {
                    let size = sizes.get(number).copied().unwrap_or_default();
                    format!("{} has {size} from byte {} on", shown(&place.file), place.offset)
                });
                write!(
                    f,
                    "zeros to the end ({list}): free space in the image of a device; in a log file, a tail that \
                     was never written: what stood there is lost, unless another input has it"
                )
            }
            Self::DamagedEnd { places, omitted } => {
                let ops = self.ops();
                if matches!(ops.as_slice(), [(first, last)] if first == last) {
                    let list = listed(places, *omitted, |_, place| at(place));
                    let op = ranges(&ops);
                    write!(f, "op {op} is damaged wherever it is ({list}): the chain ends before it")
                } else {
                    let list =
                        listed(places, *omitted, |_, place| format!("op {} in {}", place.op, at(place)));
                    let ops = ranges(&ops);
                    write!(f, "ops {ops} are damaged wherever they are ({list}): the chain ends before them")
                }
            }
        }
    }
}

/// A place for people.
fn at(place: &Place) -> String {
    format!("{} at byte {}", shown(&place.file), place.offset)
}

/// The first of some places, each with its number, in words; and how many more there are, `omitted` included.
fn listed(places: &[Place], omitted: u64, text: impl Fn(usize, &Place) -> String) -> String {
    let first: Vec<_> =
        places.iter().take(PLACES_SHOWN).enumerate().map(|(number, place)| text(number, place)).collect();
    let more = match (places.len() - first.len()) as u64 + omitted {
        0 => String::new(),
        1 => " and 1 more place".into(),
        more => format!(" and {more} more places"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of damage whose op is not known the first places were told as if they were all.
    #[test]
    fn places_beyond_those_told_are_counted() {
        let place =
            |number: u64| Place { op: 7, input: 0, offset: number, file: format!("r{number}.aof").into() };
        for (count, omitted, end) in [
            (1, 0, "(r0.aof at byte 0):"),
            (8, 0, "r7.aof at byte 7):"),
            (9, 0, "r7.aof at byte 7 and 1 more place):"),
            (9, 5, "r7.aof at byte 7 and 6 more places):"),
        ] {
            let places: Vec<_> = (0..count).map(place).collect();
            let unknown = Note::UnknownEnd { last: 7, places: places.clone(), omitted };
            let damaged = Note::DamagedEnd { places, omitted };
            for told in [unknown.to_string(), damaged.to_string()] {
                assert!(told.contains(end), "{told}");
            }
        }
        let places: Vec<_> = (0..9).map(place).collect();
        let told = Note::ZeroTail { places, sizes: (50..59).collect() }.to_string();
        assert!(told.contains("(r0.aof has 50 from byte 0 on, "), "{told}");
        assert!(told.contains("r7.aof has 57 from byte 7 on and 1 more place):"), "{told}");
    }
}
