//! What is known to be lost where a chain is whole all the same: [`notes`].
//!
//! A chain ends where nobody has a child of its last entry, and begins at the lowest op. Both are normal:
//! a crash tears the last entry, a log that was rotated begins late. Whether something is missing there is
//! for a person to judge, who must be told.
//!
//! Zeros behind a log are told for the same reason: in the image of a device they are free space, in a log file
//! they stand where a crash took entries.

use super::chain::Walk;
use super::index::{Index, Least, PLACES_MAX, Record};
use super::input::LeftOut;
use super::plan::{Plan, Root, Unconfirmed};
use super::region::Region;
use crate::failure::{Failure, shown};
use crate::human::{self, ranges};
use crate::looks_like::{NotALog, is_device};
use crate::survey::{Kind, ZerosAre};
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
    /// After the chain's end, or in a place that is too large for what the chain has there, something is damaged so
    /// that its op is not known.
    UnknownEnd {
        /// The chain's last op.
        last: u64,
        /// Where: the op is the one before.
        places: Vec<Place>,
        /// Places beyond these.
        omitted: u64,
    },
    /// Entries at the chain's end follow damage, and nothing confirms that they belong to the log.
    Unconfirmed {
        /// Their ops, both ends included.
        ops: (u64, u64),
        /// Where the first of them is stored.
        place: Place,
    },
    /// Entries that contradict the chain, and follow damage where nothing confirms that they belong to the log.
    LeftOut {
        /// For each where the entry of the log is, and where the one that is left out.
        pairs: Vec<(Place, Place)>,
        /// How many there are beyond these.
        omitted: u64,
    },
    /// Entries after damage that are left out, since they are of another cluster than the logs.
    OtherCluster {
        /// Where the first is in each input that has some: the op is 0.
        places: Vec<Place>,
        /// The cluster of each.
        clusters: Vec<u128>,
    },
    /// Inputs that have bytes, and in which no entry was found.
    NotALog {
        /// The inputs: op and offset are 0.
        places: Vec<Place>,
        /// Their bytes.
        sizes: Vec<u64>,
        /// What each looks like; `None` for a log in which no entry is intact.
        looks: Vec<Option<NotALog>>,
    },
    /// Inputs end with zeros.
    ZeroTail {
        /// Where they begin: the op is 0.
        places: Vec<Place>,
        /// How many there are at each place, bytes.
        sizes: Vec<u64>,
        /// What they are at each place.
        are: Vec<ZerosAre>,
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
/// as such. Zeros are reported in any case, and so are inputs that are not logs, even if there is no chain.
///
/// # Errors
///
/// [`Failure::Work`].
pub fn notes(index: &Index, plan: &Plan, root: Root) -> Result<Vec<Note>, Failure> {
    let mut notes = Vec::new();
    let (Some(first), Some(last)) = (plan.chain.first(), plan.chain.last()) else {
        notes.extend(not_logs(index)?);
        return Ok(notes);
    };
    if root == Root::LowestOp && first.op > 1 {
        notes.push(Note::LostBeginning { last: first.op - 1 });
    }
    if plan.obstacle.is_none() {
        let (places, omitted) = damaged_behind(index, last.op)?;
        if !places.is_empty() {
            notes.push(Note::DamagedEnd { places, omitted });
        }
        let (places, omitted) = unknown_behind(index, plan)?;
        if !places.is_empty() {
            notes.push(Note::UnknownEnd { last: last.op, places, omitted });
        }
    }
    notes.extend(unconfirmed(index, &plan.unconfirmed)?);
    notes.extend(other_clusters(index));
    notes.extend(not_logs(index)?);
    notes.extend(zeros_behind(index));
    Ok(notes)
}

/// What nothing confirms: entries that were taken, and entries that were left out.
///
/// # Errors
///
/// [`Failure::Work`].
pub fn unconfirmed(index: &Index, unconfirmed: &Unconfirmed) -> Result<Vec<Note>, Failure> {
    let mut notes = Vec::new();
    if let Some((first, last)) = &unconfirmed.taken {
        notes.push(Note::Unconfirmed { ops: (first.op, last.op), place: place(index, first) });
    }
    let mut omitted = unconfirmed.omitted;
    let pairs = unconfirmed.left_out.iter().map(|(one, other)| (place(index, one), place(index, other)));
    let mut pairs: Vec<_> = pairs.collect();
    for (number, input) in index.inputs.iter().enumerate() {
        omitted += input.left_out_omitted;
        for left_out in &input.left_out {
            let LeftOut { op, offset, against } = *left_out;
            let other = Place { op, input: number, offset, file: input.path.clone() };
            let mut one: Option<Record> = None;
            index.at(against, |record| {
                if !record.unconfirmed {
                    one = Some(one.map_or(*record, |one| one.min(*record)));
                }
            })?;
            // The log's entry may be one of which the header alone is left.
            pairs.push((one.map_or_else(|| other.clone(), |one| place(index, &one)), other));
        }
    }
    if !pairs.is_empty() {
        pairs.sort_by(|(_, one), (_, other)| one.cmp(other));
        notes.push(Note::LeftOut { pairs, omitted });
    }
    Ok(notes)
}

fn place(index: &Index, record: &Record) -> Place {
    let number = record.input as usize;
    let file = index.inputs.get(number).map_or_else(PathBuf::new, |input| input.path.clone());
    Place { op: record.op, input: number, offset: record.offset, file }
}

/// Entries of other clusters.
fn other_clusters(index: &Index) -> Option<Note> {
    let (mut places, mut clusters) = (Vec::new(), Vec::new());
    for (number, input) in index.inputs.iter().enumerate() {
        if let Some((offset, cluster)) = input.foreign {
            places.push(Place { op: 0, input: number, offset, file: input.path.clone() });
            clusters.push(cluster);
        }
    }
    (!places.is_empty()).then_some(Note::OtherCluster { places, clusters })
}

/// Inputs with bytes of which none is an entry's.
fn not_logs(index: &Index) -> Result<Option<Note>, Failure> {
    let (mut places, mut sizes, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for (number, input) in index.inputs.iter().enumerate().filter(|(_, input)| input.is_no_log()) {
        places.push(Place { op: 0, input: number, offset: 0, file: input.path.clone() });
        sizes.push(input.size());
        looks.push(input.not_a_log()?);
    }
    Ok((!places.is_empty()).then_some(Note::NotALog { places, sizes, looks }))
}

/// The zeros that end inputs.
fn zeros_behind(index: &Index) -> Option<Note> {
    let (mut places, mut sizes, mut are) = (Vec::new(), Vec::new(), Vec::new());
    for (number, input) in index.inputs.iter().enumerate() {
        if let Some(offset) = input.zeros {
            places.push(Place { op: 0, input: number, offset, file: input.path.clone() });
            sizes.push(input.size().saturating_sub(offset));
            are.push(ZerosAre::of(input.size(), is_device(&input.path)));
        }
    }
    (!places.is_empty()).then_some(Note::ZeroTail { places, sizes, are })
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

/// Damage of unknown op that held more than the chain has in its place: where a file ends with it, or goes back
/// after it.
fn unknown_behind(index: &Index, plan: &Plan) -> Result<(Vec<Place>, u64), Failure> {
    let mut places = Least::new(PLACES_MAX);
    let Some(last) = plan.chain.last().map(|last| last.op) else { return Ok(places.finish()) };
    for (number, input) in index.inputs.iter().enumerate().filter(|(_, input)| !input.is_no_log()) {
        let mut damages = index.damage_in_order(input);
        // Entries that are content of a body are part of the damage around them.
        let mut open: Option<Region> = None;
        for region in input.regions.clone() {
            let Some(mut region) = index.regions.get(region)? else { break };
            if let Some(open) = open.take() {
                region = open.joined_with(&region);
            }
            let before = region.anchor().map_or(0, |anchor| anchor.op);
            let after = index.stretches.get(region.stretch)?.filter(|after| after.input == region.input);
            if region.is_continued() || after.is_some_and(|after| after.count == 0) {
                open = Some(region);
                continue;
            }
            // A repaired header states an op that its damage does not.
            let is_beyond = before > last;
            let start = if is_beyond { region.begin } else { region.start };
            let size = region.end.saturating_sub(start);
            if size == 0
                || after.is_some_and(|after| after.op > before)
                || before < last && holds(index, plan, before + 1, size)?
            {
                continue;
            }
            let mut push = |offset| {
                places.push(Place { op: last, input: number, offset, file: input.path.clone() });
            };
            let mut is_told = false;
            damages.within(&(start..region.end), |damage| {
                is_told |= damage.op.is_none_or(|op| op.0 > last);
                if damage.op.is_none() {
                    push(damage.offset);
                }
            })?;
            // The damage of a sealed header may reach over the end of its entry; what begins behind it, with an op of
            // the chain, may be content.
            if !is_told {
                push(start);
            }
        }
    }
    Ok(places.finish())
}

/// Whether the chain's entries from `op` on take `size` bytes or more.
fn holds(index: &Index, plan: &Plan, op: u64, mut size: u64) -> Result<bool, Failure> {
    let mut walk = Walk::from(index, &plan.chain, op)?;
    while size > 0
        && let Some(link) = walk.next(index, &plan.chain)?
    {
        size = size.saturating_sub(link.size_disk);
    }
    Ok(size == 0)
}

impl Note {
    /// The stable name: `lost-beginning`, `damaged-end`, `unknown-end`, `unconfirmed`, `left-out`, `other-cluster`,
    /// `not-a-log` or `zero-tail`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::LostBeginning { .. } => "lost-beginning",
            Self::DamagedEnd { .. } => "damaged-end",
            Self::UnknownEnd { .. } => "unknown-end",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::LeftOut { .. } => "left-out",
            Self::OtherCluster { .. } => "other-cluster",
            Self::NotALog { .. } => "not-a-log",
            Self::ZeroTail { .. } => Kind::ZeroTail.name(),
        }
    }

    /// Whether it reports that something is lost, or may be.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        !matches!(self, Self::Unconfirmed { .. } | Self::ZeroTail { .. })
    }

    /// The ops that it is about, as ranges with both ends.
    #[must_use]
    pub fn ops(&self) -> Vec<(u64, u64)> {
        match self {
            Self::LostBeginning { last } => vec![(1, *last)],
            Self::Unconfirmed { ops, .. } => vec![*ops],
            Self::LeftOut { pairs, .. } => joined(pairs.iter().map(|(_, other)| other.op)),
            Self::UnknownEnd { .. }
            | Self::OtherCluster { .. }
            | Self::NotALog { .. }
            | Self::ZeroTail { .. } => Vec::new(), // not known
            Self::DamagedEnd { places, .. } => joined(places.iter().map(|place| place.op)),
        }
    }

    /// As one object.
    #[must_use]
    pub fn json(&self) -> Value {
        let (places, known, omitted): (Vec<&Place>, _, _) = match self {
            Self::LostBeginning { .. } => (Vec::new(), false, 0),
            Self::DamagedEnd { places, omitted } => (places.iter().collect(), true, *omitted),
            Self::UnknownEnd { places, omitted, .. } => (places.iter().collect(), false, *omitted),
            Self::Unconfirmed { place, .. } => (vec![place], true, 0),
            Self::LeftOut { pairs, omitted } => {
                (pairs.iter().flat_map(|(one, other)| [one, other]).collect(), true, *omitted)
            }
            Self::ZeroTail { places, .. }
            | Self::NotALog { places, .. }
            | Self::OtherCluster { places, .. } => (places.iter().collect(), false, 0),
        };
        let place = |place: &Place| {
            let file = place.file.display().to_string();
            json!({"op": known.then_some(place.op), "file": file, "offset": place.offset})
        };
        let mut json = json!({
            "kind": self.kind(),
            "ops": self.ops(),
            "places": places.into_iter().map(place).collect::<Vec<_>>(),
            "detail": self.to_string(),
        });
        if let Self::ZeroTail { are, .. } = self {
            json["zeros_are"] = json!(are);
        }
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
                    "after op {last}, the last, something is damaged, and its ops are not known ({list}): entries that \
                     no input holds intact may be lost"
                )
            }
            Self::Unconfirmed { ops: (first, last), place } => {
                let ops = if first == last {
                    format!("op {first} is")
                } else {
                    format!("ops {first} to {last} are")
                };
                write!(
                    f,
                    "{ops} taken from {} on, after damage: nothing confirms that they are entries of the log and not \
                     bytes inside the body of a damaged entry; another replica's log may tell",
                    at(place)
                )
            }
            Self::LeftOut { pairs, omitted } => {
                let of_pair = |(one, other): &(Place, Place)| {
                    format!("op {} in {} contradicts op {} in {}", other.op, at(other), one.op, at(one))
                };
                let first: Vec<_> = pairs.iter().take(PLACES_SHOWN).map(of_pair).collect();
                let more = match (pairs.len() - first.len()) as u64 + omitted {
                    0 => String::new(),
                    1 => " and 1 more".into(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "left out: {}{more}; what is left out follows damage, and nothing confirms that it belongs to the log",
                    first.join(", ")
                )
            }
            Self::OtherCluster { places, clusters } => {
                let list = listed(places, 0, |number, place| {
                    let cluster = clusters.get(number).copied().unwrap_or_default();
                    format!("cluster {cluster} in {}", at(place))
                });
                write!(
                    f,
                    "entries of another cluster are left out ({list}): they follow damage, and nothing confirms that \
                     they are not bytes inside the body of a damaged entry"
                )
            }
            Self::NotALog { places, sizes, looks } => {
                let list = listed(places, 0, |number, place| {
                    let size = human::noun(sizes.get(number).copied().unwrap_or_default(), "byte", "bytes");
                    let looks = looks.get(number).copied().flatten();
                    let looks = looks.map(|looks| format!("; {looks}")).unwrap_or_default();
                    format!("{} ({size}{looks})", shown(&place.file))
                });
                write!(f, "no entry was found in {list}: what should be in there may be lost")
            }
            Self::ZeroTail { places, sizes, are } => zeros_text(f, places, sizes, are),
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

/// Zeros, apart by what they are.
fn zeros_text(f: &mut fmt::Formatter<'_>, places: &[Place], sizes: &[u64], are: &[ZerosAre]) -> fmt::Result {
    let mut between = "";
    for kind in [ZerosAre::Unknown, ZerosAre::Ahead, ZerosAre::Device] {
        let of_kind = places.iter().zip(sizes).zip(are).filter(|(_, are)| **are == kind);
        let (places, sizes): (Vec<Place>, Vec<u64>) =
            of_kind.map(|((place, size), _)| (place.clone(), *size)).unzip();
        if places.is_empty() {
            continue;
        }
        let list = listed(&places, 0, |number, place| {
            let size = sizes.get(number).copied().unwrap_or_default();
            format!("{} has {size} from byte {} on", shown(&place.file), place.offset)
        });
        let meaning = match kind {
            ZerosAre::Unknown => {
                "in a log file, what was there is lost, unless another input has it; on a device's image it is free space"
            }
            ZerosAre::Ahead | ZerosAre::Device => kind.meaning(),
        };
        write!(f, "{between}zeros to the end ({list}): {meaning}")?;
        between = "; ";
    }
    Ok(())
}

/// Ops as ranges with both ends.
fn joined(ops: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut ops: Vec<u64> = ops.collect();
    ops.sort_unstable();
    for op in ops {
        match ranges.last_mut() {
            Some((_, last)) if *last <= op && op - *last <= 1 => *last = op,
            _ => ranges.push((op, op)),
        }
    }
    ranges
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
        let are = vec![ZerosAre::Unknown; 9];
        let told = Note::ZeroTail { places, sizes: (50..59).collect(), are }.to_string();
        assert!(told.contains("(r0.aof has 50 from byte 0 on, "), "{told}");
        assert!(told.contains("r7.aof has 57 from byte 7 on and 1 more place):"), "{told}");
    }
}
