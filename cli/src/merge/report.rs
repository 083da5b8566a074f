//! What a merge found and did, in words and as JSON.

use super::index::{Conflict, Index, Record};
use super::notes::{Note, notes};
use super::plan::{Obstacle, Plan, Root};
use super::write::Written;
use crate::args::MergeArgs;
use crate::failure::{Failure, Shown, shown};
use crate::human::ranges;
use crate::output;
use crate::survey::Finding;
use aof_nostd::Profile;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
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

#[derive(Serialize)]
struct InputReport {
    file: String,
    profile: Option<&'static str>,
    entries: u64,
    taken: u64,
    nested: u64,
    damage: Vec<Finding>,
}

/// Damage told per input to a person; JSON has all.
const DAMAGE_SHOWN: usize = 20;

impl<'a> Report<'a> {
    /// A report of a plan that is not carried out yet.
    #[must_use]
    pub fn new(args: &'a MergeArgs, index: &'a Index, plan: &'a Plan, root: Root) -> Self {
        let conflict = index.conflict();
        // The chain of inputs that do not belong together means nothing.
        let notes = if conflict.is_none() { notes(index, plan, root) } else { Vec::new() };
        Self { args, index, plan, conflict, notes, written: None }
    }

    /// Why nothing was written, and what would help.
    #[must_use]
    pub fn refusal(&self) -> String {
        if let Some(conflict) = &self.conflict {
            return self.conflict_text(conflict);
        }
        match &self.plan.obstacle {
            None => "there is nothing to write".into(),
            Some(obstacle) if self.args.partial => {
                format!("the chain has no entry before this: {}", self.obstacle_text(obstacle))
            }
            Some(obstacle) => self.obstacle_text(obstacle),
        }
    }

    /// Prints the report on standard output.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        let text = if json { format!("{}\n", self.json()) } else { self.human() };
        output::print(&mut output::stdout(), &text)
    }

    fn conflict_text(&self, conflict: &Conflict) -> String {
        conflict_text(self.index, conflict)
    }

    fn obstacle_text(&self, obstacle: &Obstacle) -> String {
        let advice = match obstacle {
            Obstacle::Gap { .. } => "; --partial writes the chain up to the gap",
            Obstacle::Fork { .. } => "; --partial writes the chain up to the fork",
            Obstacle::Empty | Obstacle::NoRoot(_) => "",
        };
        obstacle_text(self.index, obstacle) + advice
    }

    fn inputs(&self) -> Vec<InputReport> {
        let taken = self.written.as_ref().map(|written| written.taken.as_slice()).unwrap_or_default();
        let taken = taken.iter().copied().chain(std::iter::repeat(0));
        let report = |(input, taken): (&super::index::Input, u64)| InputReport {
            file: input.path.display().to_string(),
            profile: input.profile.map(|profile| profile.name()),
            entries: input.entries,
            taken,
            nested: input.nested,
            damage: input.damage.iter().map(|&(damage, until)| Finding::damage(damage, until)).collect(),
        };
        self.index.inputs.iter().zip(taken).map(report).collect()
    }

    fn json(&self) -> Value {
        let first = self.plan.chain.first();
        let last = self.plan.chain.last();
        let chain = json!({
            "entries": self.plan.chain.len(),
            "first_op": first.map(|record| record.op),
            "last_op": last.map(|record| record.op),
            "first_checksum": first.map(|record| record.checksum.to_string()),
            "last_checksum": last.map(|record| record.checksum.to_string()),
        });
        let (mut missing, mut fork) = (Vec::new(), Value::Null);
        match &self.plan.obstacle {
            _ if self.conflict.is_some() => {} // what they make together means nothing
            Some(Obstacle::Gap { missing: ops, .. }) => missing.clone_from(ops),
            Some(Obstacle::Fork { op, sides }) => {
                let place = |record: &Record| {
                    let file = input_path(self.index, record.input).display().to_string();
                    json!({"file": file, "offset": record.offset})
                };
                let side = |side: &Vec<Record>| {
                    let record = side.first();
                    json!({
                        "op": record.map(|record| record.op),
                        "checksum": record.map(|record| record.checksum.to_string()),
                        "parent": record.map(|record| record.parent.to_string()),
                        "places": side.iter().map(place).collect::<Vec<_>>(),
                    })
                };
                fork = json!({"op": op, "sides": sides.iter().map(side).collect::<Vec<_>>()});
            }
            _ => {}
        }
        let complete = self.plan.obstacle.is_none() && self.conflict.is_none();
        json!({
            "output": self.args.output.display().to_string(),
            "written": self.written.is_some(),
            "complete": complete,
            "bytes": self.written.as_ref().map(|written| written.bytes),
            "data_checksum_chain": self.written.as_ref().map(|written| written.data_checksum.to_string()),
            "chain": if self.conflict.is_none() { chain } else { Value::Null },
            "missing_ops": missing,
            "fork": fork,
            "notes": self.notes.iter().map(Note::json).collect::<Vec<_>>(),
            "reason": (!complete).then(|| self.reason()),
            "inputs": self.inputs(),
        })
    }

    /// What keeps the chain from being whole, whether something was written or not.
    fn reason(&self) -> String {
        match (&self.conflict, &self.plan.obstacle) {
            (Some(conflict), _) => self.conflict_text(conflict),
            (None, Some(obstacle)) => self.obstacle_text(obstacle),
            (None, None) => String::new(),
        }
    }

    fn human(&self) -> String {
        let mut text = String::new();
        if let Some(written) = &self.written {
            let _ = writeln!(text, "wrote {}, read back and verified", shown(&self.args.output));
            let mut line = |name: &str, value: &str| {
                let _ = writeln!(text, "  {name:<20} {value}");
            };
            line("bytes", &written.bytes.to_string());
            line("entries", &self.plan.chain.len().to_string());
            if let (Some(first), Some(last)) = (self.plan.chain.first(), self.plan.chain.last()) {
                line("ops", &format!("{} to {}", first.op, last.op));
                line("first checksum", &first.checksum.to_string());
                line("last checksum", &last.checksum.to_string());
            }
            line("data checksum chain", &written.data_checksum.to_string());
            if self.plan.obstacle.is_some() {
                let _ = writeln!(text, "PARTIAL: {}", self.reason());
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "NOTE: {note}");
        }
        let _ = writeln!(text, "inputs");
        for input in self.inputs() {
            let file = shown(Path::new(&input.file));
            let _ = write!(text, "  {file}: {}, {} taken", entries(input.entries), input.taken);
            if input.nested > 0 {
                let _ = write!(text, ", {} inside the bodies of damaged entries left out", input.nested);
            }
            damage_text(&mut text, &input.damage);
            text.push('\n');
        }
        text
    }
}

/// Entries by their noun: `1 entry`, `2 entries`.
#[must_use]
pub fn entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// How many damaged places there are, and each on a line of its own.
fn damage_text(text: &mut String, damage: &[Finding]) {
    match damage.len() {
        0 => {}
        1 => text.push_str(", damaged at 1 place"),
        count => {
            let _ = write!(text, ", damaged at {count} places");
        }
    }
    for finding in damage.iter().take(DAMAGE_SHOWN) {
        let _ = write!(text, "\n    {finding}");
    }
    if damage.len() > DAMAGE_SHOWN {
        let _ = write!(text, "\n    and {} more places (aof verify has them)", damage.len() - DAMAGE_SHOWN);
    }
}

/// The damage of each input that has some.
#[must_use]
pub fn damaged_inputs(index: &Index) -> Vec<String> {
    let damaged = index.inputs.iter().filter(|input| !input.damage.is_empty());
    let text = |input: &super::index::Input| {
        let mut text = format!("{}: {}", shown(&input.path), entries(input.entries));
        let findings: Vec<_> =
            input.damage.iter().map(|&(damage, until)| Finding::damage(damage, until)).collect();
        damage_text(&mut text, &findings);
        text
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
fn places(index: &Index, copies: &[Record]) -> String {
    let mut text = String::new();
    for (number, copy) in copies.iter().take(8).enumerate() {
        let between = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{between}{} at byte {}", path(index, copy.input), copy.offset);
    }
    if copies.len() > 8 {
        let _ = write!(text, " and {} more places", copies.len() - 8);
    }
    text
}

/// Ops by their noun: `op 5`, `ops 5, 7-9`.
fn ops(missing: &[(u64, u64)]) -> String {
    let noun = if is_one(missing) { "op" } else { "ops" };
    format!("{noun} {}", ranges(missing))
}

/// Ops and their verb: `op 5 is`, `ops 5, 7-9 are`.
fn are(missing: &[(u64, u64)]) -> String {
    format!("{} {}", ops(missing), if is_one(missing) { "is" } else { "are" })
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
        Conflict::Clusters((one, one_id, one_at), (other, other_id, other_at)) => format!(
            "two clusters: {} has entries of cluster {one_id} (byte {one_at}), {} of cluster {other_id} \
             (byte {other_at}): merge logs of one cluster only",
            path(index, one),
            path(index, other),
        ),
    }
}

/// What is in the way of a chain, in words, and what would help.
#[must_use]
pub fn obstacle_text(index: &Index, obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Empty => {
            let names = index.inputs.iter().map(|input| shown(&input.path).to_string());
            format!("no input holds a valid entry: {}", listed(names))
        }
        Obstacle::NoRoot(root) => format!("no input holds an entry whose parent is {root}"),
        Obstacle::Gap { missing, before, behind } => {
            let (first, further) = missing.split_at(1.min(missing.len()));
            let before = match before.first() {
                Some(record) => format!("op {} ({})", record.op, places(index, before)),
                None => "the root".into(),
            };
            let op = behind.first().map_or(0, |record| record.op);
            let mut text = format!(
                "a gap: {} missing, between {before} and op {op} ({}). ",
                are(first),
                places(index, behind)
            );
            if !further.is_empty() {
                let _ = write!(text, "Further on {} missing too. ", are(further));
            }
            let wanted = if further.is_empty() { ops(first) } else { "these ops".into() };
            text.push_str(&damaged_places(index, missing));
            let _ = write!(text, "Another replica's log with {wanted} would help");
            text
        }
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
                }
            }
            text.push_str(". Leave out the logs of the history that you do not want");
            text
        }
    }
}

/// Where missing ops are, damaged: a sentence, or nothing.
fn damaged_places(index: &Index, missing: &[(u64, u64)]) -> String {
    // Ranges in order; there may be as many as damaged places.
    let is_missing = |op: u64| {
        let from = missing.partition_point(|&(_, last)| last < op);
        missing.get(from).is_some_and(|&(first, _)| first <= op)
    };
    let places = index.inputs.iter().flat_map(|input| {
        input.damage.iter().filter_map(move |(damage, _)| {
            let op = damage.op.map(|op| op.0).filter(|op| is_missing(*op))?;
            let (file, at, kind) = (shown(&input.path), damage.offset, damage.kind.name());
            Some((op, format!("op {op} in {file} at byte {at} ({kind})")))
        })
    });
    let mut places: Vec<_> = places.collect();
    places.sort();
    if places.is_empty() {
        return String::new();
    }
    let list = listed(places.into_iter().map(|(_, place)| place));
    format!("Of these, damaged: {list}. ")
}

/// The first of some things, and how many more there are.
fn listed(things: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let things: Vec<_> = things.collect();
    let (shown, more) = things.split_at(SHOWN.min(things.len()));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    shown.join(", ") + &more
}

fn profile(index: &Index, input: u32) -> Option<&'static str> {
    index.inputs.get(input as usize)?.profile.map(|profile| profile.name())
}
