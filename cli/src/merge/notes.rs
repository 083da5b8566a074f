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
use crate::survey::ZERO_TAIL;
use serde_json::{Value, json};
use std::fmt;
use std::fmt::Write as _;
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
            Self::ZeroTail { .. } => ZERO_TAIL,
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
            Self::UnknownEnd { last, places, .. } => {
                let place = |place: &Place| format!("{} at byte {}", shown(&place.file), place.offset);
                let list = places.iter().take(PLACES_SHOWN).map(place).collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "what stands behind op {last}, the last, is damaged, and which op it was is not known ({list}): \
                     an entry that no input has whole may be lost"
                )
            }
            Self::ZeroTail { places, sizes } => {
                let place = |(place, size): (&Place, &u64)| {
                    format!("{} has {size} from byte {} on", shown(&place.file), place.offset)
                };
                let list =
                    places.iter().zip(sizes).take(PLACES_SHOWN).map(place).collect::<Vec<_>>().join(", ");
                let more = match places.len().saturating_sub(PLACES_SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "zeros to the end ({list}{more}): free space in the image of a device; in a log file, a tail that \
                     was never written: what stood there is lost, unless another input has it"
                )
            }
            Self::DamagedEnd { places, omitted } => {
                let ops = self.ops();
                let one = matches!(ops.as_slice(), [(first, last)] if first == last);
                let mut list = String::new();
                for (number, place) in places.iter().take(PLACES_SHOWN).enumerate() {
                    let between = if number == 0 { "" } else { ", " };
                    let op = if one { String::new() } else { format!("op {} in ", place.op) };
                    let _ = write!(list, "{between}{op}{} at byte {}", shown(&place.file), place.offset);
                }
                if places.len() > PLACES_SHOWN {
                    let _ =
                        write!(list, " and {} more places", (places.len() - PLACES_SHOWN) as u64 + omitted);
                }
                let (ops, list) = (ranges(&ops), list);
                if one {
                    write!(f, "op {ops} is damaged wherever it is ({list}): the chain ends before it")
                } else {
                    write!(f, "ops {ops} are damaged wherever they are ({list}): the chain ends before them")
                }
            }
        }
    }
}
