//! `aof repair`: cut a torn tail, after keeping its bytes; tell what else is wrong.

use crate::args::RepairArgs;
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, Reason as Told, shown};
use crate::human;
use crate::output;
use crate::shell;
use crate::survey::{Finding, Survey};
use crate::verify::doubt;
use aof_nostd::Profile;
use aof_std::LockRefused;
use aof_std::repair::{Action, Reason, Repair, RepairError, Repaired, Tail, TailKind};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`].
pub fn run(args: &RepairArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    let repair = Repair::new()
        .message_size_max(args.limits.message_size_max)
        .cut_zeros(args.cut_zeros)
        .cut_entries(args.cut_entries)
        .watch(&output::WATCH);
    let repaired = if args.dry_run { repair.look(&args.file) } else { repair.run(&args.file) };
    let repaired = repaired.map_err(|error| failure(&args.file, error))?;
    // What was repaired is reported even if the log cannot be read again.
    let (forks, failed) = match Forks::of(args) {
        Ok(forks) => (forks, None),
        Err(failure) => (Forks::default(), Some(failure)),
    };
    let outcome = Outcome { repaired, forks };
    let text = if args.json { format!("{}\n", json(args, &outcome)) } else { report(args, &outcome) };
    let printed = output::print(&mut output::stdout(), &text);
    match &outcome.repaired.action {
        Action::Cut { kept } => {
            if let Some(kept) = kept {
                destination::clean(kept);
            }
            output::unreported(printed, &args.file)?;
        }
        _ => printed?,
    }
    match failed {
        Some(failure) => Err(failure),
        None if outcome.repaired.is_whole() && outcome.forks.count == 0 => Ok(Exit::Sound),
        None => Ok(Exit::Damage),
    }
}

/// What was done, and what the log still has.
struct Outcome {
    repaired: Repaired,
    forks: Forks,
}

/// Forks in a log. The library's repair, which each opening of a log runs too, does not compare all entries: the log is
/// read for them once more.
#[derive(Default)]
struct Forks {
    /// The first of them.
    kept: Vec<Finding>,
    count: usize,
}

/// Forks that are kept.
const FORKS_MAX: usize = 1000;

impl Forks {
    fn of(args: &RepairArgs) -> Result<Self, Failure> {
        let size_max = args.limits.message_size_max;
        let mut survey = Survey::with::<()>("repair", &args.file, size_max)?.survey;
        doubt::tell(&mut survey, &args.file, size_max)?;
        let mut forks = Self::default();
        for finding in survey.findings.into_iter().filter(Finding::is_fork) {
            forks.count += 1;
            if forks.kept.len() < FORKS_MAX {
                forks.kept.push(finding);
            }
        }
        Ok(forks)
    }
}

fn failure(file: &Path, error: RepairError) -> Failure {
    let path = file.to_path_buf();
    let name = shown(file);
    match error {
        RepairError::Io(error) if error.get_ref().is_some_and(|error| error.is::<LockRefused>()) => {
            Failure::Usage(format!("{name} cannot be locked: {error}"))
        }
        RepairError::Io(error) => Failure::read(file, error),
        RepairError::NotWritable(error) => {
            Failure::Usage(format!("{name} cannot be opened for writing: {}", Told(&error)))
        }
        RepairError::Locked => Failure::Usage(format!(
            "{name}: another process writes this log, and what looks torn may be on its way: stop it first"
        )),
        RepairError::NotAFile => Failure::Usage(format!(
            "{name} is no file: only files are cut. On a disk, whoever writes the log there cleans its tail; aof merge \
             --output OUT reads a disk, and makes a file of what is on it"
        )),
        RepairError::NotALog => Failure::Usage(format!(
            "{name} holds not a single whole entry and does not begin as one does: not a log, or damaged whole. It was left \
             alone; to begin a new log in its place, move it away"
        )),
        RepairError::Keep { kept, error } => {
            Failure::Unrepaired { path, what: format!("the tail cannot be kept in {}", shown(&kept)), error }
        }
        RepairError::Changed { kept } => Failure::Log(format!(
            "{name}: the file's size changed while it was read: somebody writes without a lock. Nothing was cut{}",
            kept_too(kept.as_deref())
        )),
        RepairError::Cut { kept, error } => Failure::Unrepaired {
            path,
            what: format!(
                "the log cannot be cut, or not durably: repair it again{}",
                kept_too(kept.as_deref())
            ),
            error,
        },
        error => Failure::Log(format!("{name}: {error}")),
    }
}

fn kept_too(kept: Option<&Path>) -> String {
    kept.map(|kept| format!("; its bytes are in {} too", shown(kept))).unwrap_or_default()
}

/// Damage told to a person; JSON has more.
const DAMAGE_SHOWN: usize = 20;

fn report(args: &RepairArgs, outcome: &Outcome) -> String {
    let Outcome { repaired, forks } = outcome;
    let mut text = format!("{}: {}\n", shown(&args.file), verdict(outcome));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<20} {value}");
    };
    line("bytes", &bytes(repaired));
    line("entries", &repaired.entries.to_string());
    if let Some(last) = &repaired.last {
        line("last op", &last.op.to_string());
        line("last checksum", &last.checksum.to_string());
    }
    if let Some(tail) = repaired.tail {
        line("tail", &tail.to_string());
        if tail.zeros > 0 && tail.zeros < tail.size {
            line("", &format!("{} of them are the zeros that end the file", tail.zeros));
        }
        match &repaired.action {
            Action::Cut { kept: Some(kept) } => line("kept in", &shown(kept).to_string()),
            Action::Planned { kept: Some(kept) } => line("to be kept in", &shown(kept).to_string()),
            _ => {}
        }
    }
    for finding in findings(repaired).iter().take(DAMAGE_SHOWN) {
        let _ = writeln!(text, "  {finding}");
    }
    let more = repaired.damaged_places.saturating_sub(DAMAGE_SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more places (aof verify has them)");
    }
    for finding in forks.kept.iter().take(DAMAGE_SHOWN) {
        let _ = writeln!(text, "  {finding}");
    }
    if let Some(more @ 1..) = forks.count.checked_sub(DAMAGE_SHOWN) {
        let _ = writeln!(text, "  and {more} more forks (aof verify has them)");
    }
    for advice in advice(args, outcome) {
        let _ = writeln!(text, "{advice}");
    }
    text
}

fn bytes(repaired: &Repaired) -> String {
    match repaired.action {
        Action::Cut { .. } => format!("{}, before {}", repaired.end, repaired.size),
        Action::Planned { .. } => format!("{}, and {} would be left", repaired.size, repaired.end),
        _ => repaired.size.to_string(),
    }
}

fn verdict(outcome: &Outcome) -> String {
    let Outcome { repaired, forks } = outcome;
    let mut text = String::from(match &repaired.action {
        Action::Nothing if repaired.damaged_places == 0 && forks.count == 0 => "nothing to repair",
        Action::Nothing => "no torn tail",
        Action::Cut { .. } => "the tail was cut",
        Action::Planned { .. } => "nothing was changed; the tail would be cut",
        Action::Left(_) => "the tail was LEFT",
        _ => "done",
    });
    for (places, what) in [(repaired.damaged_places, "DAMAGED in the middle"), (forks.count as u64, "FORKED")]
    {
        if places > 0 {
            let _ = write!(text, "; {what} at {}", human::noun(places, "place", "places"));
        }
    }
    text
}

fn findings(repaired: &Repaired) -> Vec<Finding> {
    repaired.damage.iter().map(|&(damage, until)| Finding::damage(damage, until)).collect()
}

/// What the operator should know, or do, beyond what was done.
fn advice(args: &RepairArgs, outcome: &Outcome) -> Vec<String> {
    let Outcome { repaired, forks } = outcome;
    let file = shell::argument(&args.file);
    let mut advice = Vec::new();
    if let (Action::Left(reason), Some(tail)) = (&repaired.action, repaired.tail) {
        advice.push(left(args, *reason, tail));
    } else if let Some(tail) = repaired.tail
        && tail.kind.may_be_acknowledged()
    {
        let merge = match &repaired.action {
            Action::Planned { .. } => "Before the repair, ask",
            _ => "Ask",
        };
        advice.push(format!(
            "NOTE: the tail may be more than a crash's leftover: an entry that was written and acknowledged, and was \
             damaged later, looks the same. {merge} the other replicas' logs: aof merge --output OUT {file} OTHER..."
        ));
    }
    if repaired.damaged_places > 0 {
        advice.push(format!(
            "Damage in the middle is never cut. What stood there is in another replica's log: \
             aof merge --output OUT {file} OTHER..."
        ));
    }
    if forks.count > 0 {
        advice.push(format!(
            "The log is forked: two different entries have one op, or entries of two clusters are in it. A repair does not \
             choose between them. Run 'aof inspect {file} OTHER...' with the other replicas' logs to see which history they \
             have, and merge those without this one: 'aof merge --output OUT OTHER...'"
        ));
    }
    advice
}

/// Why a tail was left, and what to do.
fn left(args: &RepairArgs, reason: Reason, tail: Tail) -> String {
    let file = shell::argument(&args.file);
    match reason {
        Reason::MaybeImage => format!(
            "{} zeros end the file, which has whole sectors: it may be the image of a device, with free space behind \
             the log. If it is a log file that a crash made longer: aof repair --cut-zeros {file}",
            tail.zeros
        ),
        Reason::Strange(damage) => format!(
            "No crash leaves this: {damage}. An entry above the size limit needs --message-size-max; one of a later \
             version, of the other profile or of an older layout needs the program that wrote it"
        ),
        Reason::OtherProfile { offset } => format!(
            "No crash leaves this: an entry of the other profile starts at byte {offset}. Two logs stand in one file; \
             copy them apart"
        ),
        Reason::Entries { offset, count } => format!(
            "{count} complete entries, the first at byte {offset}, are in what is the body of the torn entry by its \
             header, and they may be the log's own: they repeat or continue its entries, or are ahead of them. If they \
             are content, run 'aof repair --cut-entries {file}'. If not, nothing may be cut: run \
             'aof merge --output OUT {file} OTHER...'"
        ),
        Reason::Intact { offset } => format!(
            "The entry at byte {offset} is complete, and no torn entry's header covers it: nothing is cut. Run \
             'aof merge --output OUT {file} OTHER...'"
        ),
        Reason::TooLong => format!(
            "{} bytes are more than a writer can have had unsynced, so a crash alone did not do this. Another \
             replica's log may have what stood there: aof merge --output OUT {file} OTHER...",
            tail.kept_size()
        ),
        _ => "It is not what a crash leaves".into(),
    }
}

fn json(args: &RepairArgs, outcome: &Outcome) -> Value {
    let Outcome { repaired, forks } = outcome;
    let path = |path: &PathBuf| path.display().to_string();
    let (action, kept) = match &repaired.action {
        Action::Nothing => ("none", None),
        Action::Cut { kept } => ("cut", kept.as_ref()),
        Action::Planned { kept } => ("planned", kept.as_ref()),
        _ => ("left", None),
    };
    let reason = match &repaired.action {
        Action::Left(reason) => Some(reason.name()),
        _ => None,
    };
    let missing = |tail: &Tail| match tail.kind {
        TailKind::CutShort { missing } => Some(missing),
        _ => None,
    };
    let tail = repaired.tail.as_ref().map(|tail| {
        json!({
            "kind": tail.kind.name(),
            "offset": tail.offset,
            "size": tail.size,
            "zeros": tail.zeros,
            "places": tail.places,
            "op": tail.op.map(|op| op.0),
            "missing": missing(tail),
            "may_be_acknowledged": tail.kind.may_be_acknowledged(),
            "detail": tail.kind.to_string(),
        })
    });
    json!({
        "file": args.file.display().to_string(),
        "dry_run": args.dry_run,
        "action": action,
        "reason": reason,
        "kept": kept.map(path),
        "bytes_before": repaired.size,
        "bytes": if matches!(repaired.action, Action::Cut { .. }) { repaired.end } else { repaired.size },
        "profile": repaired.profile.map(|profile| profile.name()),
        "entries": repaired.entries,
        "last_op": repaired.last.map(|last| last.op.get()),
        "last_checksum": repaired.last.map(|last| last.checksum.to_string()),
        "tail": tail,
        "damage": findings(repaired),
        "damaged_places": repaired.damaged_places,
        "forks": forks.kept,
        "forked_places": forks.count,
        "whole": repaired.is_whole(),
        "advice": advice(args, outcome),
    })
}
