//! What a merge found and did, in words and as JSON.

use super::index::{Conflict, Copies, Index, Least, Record};
use super::input::Input;
use super::notes::{Note, notes};
use super::plan::{Obstacle, Plan, Ranges, Root};
use super::write::Written;
use crate::args::MergeArgs;
use crate::data_checksum;
use crate::failure::{Failure, Shown, shown};
use crate::human::ranges_of;
use crate::output;
use crate::survey::Finding;
use crate::verify;
use aof_nostd::Profile;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What a merge found and did.
#[derive(Debug)]
pub struct Report<'a> {
    args: &'a MergeArgs,
    index: &'a Index,
    plan: &'a Plan,
    conflict: Option<Conflict>,
    notes: Vec<Note>,
    /// What was written, if anything.
    pub written: Option<Written>,
}

/// The report as JSON, its keys by the alphabet.
#[derive(Serialize)]
struct Json<'a> {
    bytes: Option<u64>,
    chain: Value,
    complete: bool,
    data_checksum_chain: Option<String>,
    fork: Value,
    inputs: Vec<InputReport<'a>>,
    missing_ops: &'a [(u64, u64)],
    #[serde(skip_serializing_if = "is_none")]
    missing_ops_omitted: u64,
    notes: Vec<Value>,
    output: String,
    reason: Option<String>,
    replayed_entries: Option<u64>,
    written: bool,
}

#[derive(Serialize)]
struct InputReport<'a> {
    damage: DamageReport<'a>,
    entries: u64,
    file: String,
    nested: u64,
    profile: Option<&'static str>,
    taken: u64,
}

/// The damage of an input, place by place as it is printed: there may be more than memory holds.
struct DamageReport<'a> {
    index: &'a Index,
    input: &'a Input,
}

impl Serialize for DamageReport<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut result = Ok(());
        let shown = self.index.damage(self.input, |damage, until| {
            let finding = serde_json::to_value(Finding::damage(damage, until)); // its keys by the alphabet
            result = finding
                .map_err(serde::ser::Error::custom)
                .and_then(|finding| list.serialize_element(&finding));
            result.is_ok()
        });
        shown.map_err(serde::ser::Error::custom)?;
        result?;
        list.end()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Damage told per input to a person; JSON has all.
const DAMAGE_SHOWN: usize = 20;

impl<'a> Report<'a> {
    /// A report of a plan that is not carried out yet.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn new(args: &'a MergeArgs, index: &'a Index, plan: &'a Plan, root: Root) -> Result<Self, Failure> {
        let conflict = index.conflict();
        // The chain of inputs that do not belong together means nothing.
        let notes = if conflict.is_none() { notes(index, plan, root)? } else { Vec::new() };
        Ok(Self { args, index, plan, conflict, notes, written: None })
    }

    /// Why nothing was written, and what would help.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn refusal(&self) -> Result<String, Failure> {
        if let Some(conflict) = &self.conflict {
            return Ok(self.conflict_text(conflict));
        }
        Ok(match &self.plan.obstacle {
            None => "there is nothing to write".into(),
            Some(obstacle) if self.args.partial => {
                format!("the chain has no entry before this: {}", self.obstacle_text(obstacle)?)
            }
            Some(obstacle) => self.obstacle_text(obstacle)?,
        })
    }

    /// Prints the report on standard output.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`], [`Failure::Work`].
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        let mut stdout = output::stdout();
        if !json {
            return output::print(&mut stdout, &self.human()?);
        }
        let json = self.json()?;
        let printed = serde_json::to_writer(&mut stdout, &json).map_err(std::io::Error::from);
        let printed = printed.and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
        output::printed(printed)
    }

    fn conflict_text(&self, conflict: &Conflict) -> String {
        conflict_text(self.index, conflict)
    }

    fn obstacle_text(&self, obstacle: &Obstacle) -> Result<String, Failure> {
        let advice = match obstacle {
            Obstacle::Gap { .. } => "; --partial writes the chain up to the gap",
            Obstacle::Fork { .. } => "; --partial writes the chain up to the fork",
            Obstacle::Empty | Obstacle::NoRoot(_) => "",
        };
        Ok(obstacle_text(self.index, obstacle)? + advice)
    }

    /// The inputs, and how many entries were taken from each.
    fn inputs(&self) -> impl Iterator<Item = (&'a Input, u64)> {
        let taken = self.written.as_ref().map(|written| written.taken.as_slice()).unwrap_or_default();
        self.index.inputs.iter().zip(taken.iter().copied().chain(std::iter::repeat(0)))
    }

    fn json(&self) -> Result<Json<'_>, Failure> {
        let first = self.plan.chain.first();
        let last = self.plan.chain.last();
        let chain = json!({
            "entries": self.plan.chain.entries(),
            "first_op": first.map(|record| record.op),
            "last_op": last.map(|record| record.op),
            "first_checksum": first.map(|record| record.checksum.to_string()),
            "last_checksum": last.map(|record| record.checksum.to_string()),
        });
        let (mut missing, mut fork): (Option<&Ranges>, _) = (None, Value::Null);
        match &self.plan.obstacle {
            _ if self.conflict.is_some() => {} // what they make together means nothing
            Some(Obstacle::Gap { missing: ops, .. }) => missing = Some(ops),
            Some(obstacle @ Obstacle::Fork { op, sides }) => {
                let sides = sides.each_ref().map(|side| self.side(side));
                fork = json!({"op": op, "forged": obstacle.is_forged(), "sides": sides});
            }
            _ => {}
        }
        let complete = self.plan.obstacle.is_none() && self.conflict.is_none();
        let input = |(input, taken): (&'a Input, u64)| InputReport {
            damage: DamageReport { index: self.index, input },
            entries: input.entries,
            file: input.path.display().to_string(),
            nested: input.nested,
            profile: input.profile.map(|profile| profile.name()),
            taken,
        };
        Ok(Json {
            bytes: self.written.as_ref().map(|written| written.bytes),
            chain: if self.conflict.is_none() { chain } else { Value::Null },
            complete,
            data_checksum_chain: self.written.as_ref().map(|written| written.data_checksum.to_string()),
            fork,
            inputs: self.inputs().map(input).collect(),
            missing_ops: missing.map_or(&[], |missing| &missing.kept),
            missing_ops_omitted: missing.map_or(0, |missing| missing.omitted),
            notes: self.notes.iter().map(Note::json).collect(),
            output: self.args.output.display().to_string(),
            reason: if complete { None } else { Some(self.reason()?) },
            replayed_entries: self.written.as_ref().map(|written| written.replayed),
            written: self.written.is_some(),
        })
    }

    /// A side of a fork.
    fn side(&self, side: &Copies) -> Value {
        let place = |record: &Record| {
            let file = input_path(self.index, record.input).display().to_string();
            json!({"file": file, "offset": record.offset})
        };
        let record = side.first();
        let mut json = json!({
            "op": record.map(|record| record.op),
            "checksum": record.map(|record| record.checksum.to_string()),
            "parent": record.map(|record| record.parent.to_string()),
            "unconfirmed": is_unconfirmed(side),
            "places": side.kept.iter().map(place).collect::<Vec<_>>(),
        });
        if side.omitted > 0 {
            json["places_omitted"] = side.omitted.into();
        }
        json
    }

    /// What keeps the chain from being whole, whether something was written or not.
    fn reason(&self) -> Result<String, Failure> {
        match (&self.conflict, &self.plan.obstacle) {
            (Some(conflict), _) => Ok(self.conflict_text(conflict)),
            (None, Some(obstacle)) => self.obstacle_text(obstacle),
            (None, None) => Ok(String::new()),
        }
    }

    fn human(&self) -> Result<String, Failure> {
        let mut text = String::new();
        if let Some(written) = &self.written {
            let _ = writeln!(text, "wrote {}, read back and verified", shown(&self.args.output));
            let mut line = |name: &str, value: &str| {
                let _ = writeln!(text, "  {name:<20} {value}");
            };
            line("bytes", &written.bytes.to_string());
            line("entries", &self.plan.chain.entries().to_string());
            if let (Some(first), Some(last)) = (self.plan.chain.first(), self.plan.chain.last()) {
                line("ops", &format!("{} to {}", first.op, last.op));
                line("first checksum", &first.checksum.to_string());
                line("last checksum", &last.checksum.to_string());
                line("", verify::LAST_CHECKSUM);
            }
            let chain = written.data_checksum.to_string();
            line("data checksum chain", data_checksum::shown(&chain, written.replayed));
            if self.plan.obstacle.is_some() {
                let _ = writeln!(text, "PARTIAL: {}", self.reason()?);
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "NOTE: {note}");
        }
        let _ = writeln!(text, "inputs");
        for (input, taken) in self.inputs() {
            let file = shown(&input.path);
            let _ = write!(text, "  {file}: {}, {taken} taken", entries(input.entries));
            nested_text(&mut text, input);
            damage_text(&mut text, self.index, input)?;
            text.push('\n');
        }
        Ok(text)
    }
}

/// Entries by their noun: `1 entry`, `2 entries`.
#[must_use]
pub fn entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// How many entries are content of bodies.
fn nested_text(text: &mut String, input: &Input) {
    if input.nested > 0 {
        let _ = write!(text, ", {} inside the bodies of damaged entries left out", input.nested);
    }
}

/// How many damaged places there are, and each of the first on a line of its own.
fn damage_text(text: &mut String, index: &Index, input: &Input) -> Result<(), Failure> {
    let count = input.damage.end - input.damage.start;
    match count {
        0 => return Ok(()),
        1 => text.push_str(", damaged at 1 place"),
        count => {
            let _ = write!(text, ", damaged at {count} places");
        }
    }
    let mut left = DAMAGE_SHOWN;
    index.damage(input, |damage, until| {
        let _ = write!(text, "\n    {}", Finding::damage(damage, until));
        left -= 1;
        left > 0
    })?;
    if let Some(more @ 1..) = count.checked_sub(DAMAGE_SHOWN as u64) {
        let _ = write!(text, "\n    and {more} more places (aof verify has them)");
    }
    Ok(())
}

/// The damage of each input that has some.
///
/// # Errors
///
/// [`Failure::Work`].
pub fn damaged_inputs(index: &Index) -> Result<Vec<String>, Failure> {
    let damaged = index.inputs.iter().filter(|input| input.is_damaged());
    let text = |input: &Input| {
        let mut text = format!("{}: {}", shown(&input.path), entries(input.entries));
        nested_text(&mut text, input);
        damage_text(&mut text, index, input)?;
        Ok(text)
    };
    damaged.map(text).collect()
}

fn input_path(index: &Index, input: u32) -> &Path {
    index.inputs.get(input as usize).map_or(Path::new(""), |input| &input.path)
}

/// An input's path, for people.
fn path(index: &Index, input: u32) -> Shown<'_> {
    shown(input_path(index, input))
}

/// Where all copies of an entry stand.
fn places(index: &Index, copies: &Copies) -> String {
    let mut text = String::new();
    for (number, copy) in copies.kept.iter().take(8).enumerate() {
        let between = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{between}{} at byte {}", path(index, copy.input), copy.offset);
    }
    if copies.kept.len() > 8 {
        let _ = write!(text, " and {} more places", (copies.kept.len() - 8) as u64 + copies.omitted);
    }
    text
}

/// Ops by their noun: `op 5`, `ops 5, 7-9`.
fn ops(missing: &[(u64, u64)], omitted: u64) -> String {
    let noun = if is_one(missing) { "op" } else { "ops" };
    format!("{noun} {}", ranges_of(missing, omitted))
}

/// Ops and their verb: `op 5 is`, `ops 5, 7-9 are`.
fn are(missing: &[(u64, u64)], omitted: u64) -> String {
    format!("{} {}", ops(missing, omitted), if is_one(missing) { "is" } else { "are" })
}

fn is_one(ops: &[(u64, u64)]) -> bool {
    matches!(ops, [(first, last)] if first == last)
}

/// Why inputs do not belong together, in words.
#[must_use]
pub fn conflict_text(index: &Index, conflict: &Conflict) -> String {
    match *conflict {
        Conflict::Profiles(one, other) => format!(
            "{} and {} have two profiles ({} and {}): merge logs of one profile only",
            path(index, one),
            path(index, other),
            profile(index, one).unwrap_or("none"),
            profile(index, other).unwrap_or("none"),
        ),
        Conflict::UnknownProfile(one) => format!(
            "the head that {} began with is lost, and entries of both profiles follow: those of one may be bytes inside \
             the bodies of the others. Add another replica's log whose first entry is intact",
            path(index, one),
        ),
        Conflict::Clusters((one, one_id, one_at), (other, other_id, other_at)) => format!(
            "two clusters: {} has entries of cluster {one_id} (byte {one_at}), {} of cluster {other_id} \
             (byte {other_at}): merge logs of one cluster only",
            path(index, one),
            path(index, other),
        ),
    }
}

/// What is in the way of a chain, in words, and what would help.
///
/// # Errors
///
/// [`Failure::Work`].
pub fn obstacle_text(index: &Index, obstacle: &Obstacle) -> Result<String, Failure> {
    Ok(match obstacle {
        Obstacle::Empty => {
            let names = index.inputs.iter().map(|input| shown(&input.path).to_string());
            format!("no input holds a valid entry: {}", listed(names))
        }
        Obstacle::NoRoot(root) => format!("no input holds an entry whose parent is {root}"),
        Obstacle::Gap { missing, before, behind } => {
            let (first, further) = missing.kept.split_at(1.min(missing.kept.len()));
            let omitted = missing.omitted;
            let before = match before.first() {
                Some(record) => format!("op {} ({})", record.op, places(index, before)),
                None => "the root".into(),
            };
            let op = behind.first().map_or(0, |record| record.op);
            let mut text = format!(
                "a gap: {} missing, between {before} and op {op} ({}). ",
                are(first, 0),
                places(index, behind)
            );
            if !further.is_empty() {
                let _ = write!(text, "Further on {} missing too. ", are(further, omitted));
            }
            let wanted = if further.is_empty() { ops(first, 0) } else { "these ops".into() };
            text.push_str(&damaged_places(index, &missing.kept)?);
            let _ = write!(text, "Another replica's log with {wanted} would help");
            text
        }
        Obstacle::Fork { op, sides } if obstacle.is_forged() => forged_text(index, *op, sides),
        Obstacle::Fork { op, sides } => {
            let mut text = format!("a fork: two histories at op {op}");
            for side in sides {
                if let Some(record) = side.first() {
                    let _ = write!(
                        text,
                        "; op {} with checksum {} and parent {} in {}",
                        record.op,
                        record.checksum,
                        record.parent,
                        places(index, side)
                    );
                    if is_unconfirmed(side) {
                        text.push_str(
                            " (after damage whose end is not proven: it may be content of the damaged body)",
                        );
                    }
                }
            }
            text.push_str(&fork_advice(index, sides));
            text
        }
    })
}

/// Whether nothing confirms that any of an entry's copies belongs to a log.
fn is_unconfirmed(side: &Copies) -> bool {
    side.kept.iter().all(|copy| copy.unconfirmed || copy.likely)
}

/// A fork of two entries with one checksum.
fn forged_text(index: &Index, op: u64, sides: &[Copies; 2]) -> String {
    let [one, other] = sides.each_ref().map(|side| places(index, side));
    let checksum = sides.iter().find_map(Copies::first).map(|record| record.checksum).unwrap_or_default();
    format!(
        "a fork by forgery: op {op} in {one} and op {op} in {other} have the same checksum {checksum} and different \
         bytes: at least one of the two was forged (checksums find accidents, not intent). Compare them by \
         'aof show --offset' and find out which is the true one{}",
        fork_advice(index, sides)
    )
}

/// What to do at a fork. A log that holds both histories cannot be left out of one of them.
fn fork_advice(index: &Index, sides: &[Copies]) -> String {
    let holds = |input: u32| sides.iter().all(|side| side.kept.iter().any(|copy| copy.input == input));
    let both = (0..).zip(&index.inputs).find_map(|(number, input)| holds(number).then_some(&input.path));
    match both {
        None => ". Leave out the logs of the history that you do not want".into(),
        Some(path) => format!(
            ". Both stand in {}: find out which is the right one, and {} another replica's log that holds it alone",
            shown(path),
            if index.inputs.len() == 1 { "merge" } else { "put in its place" }
        ),
    }
}

/// Where missing ops are, damaged: a sentence, or nothing.
fn damaged_places(index: &Index, missing: &[(u64, u64)]) -> Result<String, Failure> {
    // Ranges in order; there may be as many as damaged places.
    let is_missing = |op: u64| {
        let from = missing.partition_point(|&(_, last)| last < op);
        missing.get(from).is_some_and(|&(first, _)| first <= op)
    };
    let mut places = Least::new(SHOWN);
    for input in &index.inputs {
        index.damage(input, |damage, _| {
            if let Some(op) = damage.op.map(|op| op.0).filter(|op| is_missing(*op)) {
                let (file, at, kind) = (shown(&input.path), damage.offset, damage.kind.name());
                places.push((op, format!("op {op} in {file} at byte {at} ({kind})")));
            }
            true
        })?;
    }
    let (places, more) = places.finish();
    if places.is_empty() {
        return Ok(String::new());
    }
    let list: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Ok(format!("Of these, damaged: {}{more}. ", list.join(", ")))
}

/// Things of a list that are told.
const SHOWN: usize = 8;

/// The first of some things, and how many more there are.
fn listed(things: impl Iterator<Item = String>) -> String {
    let things: Vec<_> = things.collect();
    let (shown, more) = things.split_at(SHOWN.min(things.len()));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    shown.join(", ") + &more
}

fn profile(index: &Index, input: u32) -> Option<&'static str> {
    index.inputs.get(input as usize)?.profile.map(|profile| profile.name())
}
