//! `aof verify`: check every byte of logs, going on behind damage.

pub(crate) mod doubt;
pub mod range;

use crate::args::VerifyArgs;
use crate::data_checksum;
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::human::{self, ranges};
use crate::limit;
use crate::output::{self, Stdout};
use crate::reading;
use crate::survey::record::End;
use crate::survey::{Kind, RangeError, Ranged, Survey, ZerosAre};
use aof_std::NewFile;
use aof_std::scan::Begin;
use range::FileRange;
use serde_json::json;
use std::fmt::{self, Write as _};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Runs the command. A file that cannot be read does not keep the others from being read.
///
/// # Errors
///
/// [`Failure::Stdout`].
pub fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    if let Some(range) = args.range {
        return of_range(args, range);
    }
    let mut stdout = output::stdout();
    let (mut exit, mut count) = (Exit::Sound, Count::default());
    for path in &args.files {
        exit = exit.max(match Survey::of(path, args.limits.message_size_max) {
            Ok(mut survey) => {
                doubt::tell(&mut survey, path, args.limits.message_size_max)?;
                print(&mut stdout, &survey, args.json)?;
                limit::tell(&survey, path, args.limits.message_size_max);
                count.take(&survey);
                self::exit(&survey, args.strict)
            }
            Err(failure) => {
                count.unreadable += 1;
                output::report(&failure)
            }
        });
    }
    if args.files.len() > 1 && !args.json {
        output::print(&mut stdout, &format!("{count}\n"))?;
    }
    Ok(exit)
}

/// How many of several files are what.
#[derive(Debug, Default)]
struct Count {
    sound: u64,
    damaged: u64,
    not_logs: u64,
    unreadable: u64,
}

impl Count {
    fn take(&mut self, survey: &Survey) {
        match (survey.not_a_log, survey.sound) {
            (Some(_), _) => self.not_logs += 1,
            (None, true) => self.sound += 1,
            (None, false) => self.damaged += 1,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.sound + self.damaged + self.not_logs + self.unreadable;
        let noun = if self.not_logs + self.unreadable > 0 { "files" } else { "logs" };
        let parts = listed([
            counted(self.sound, "sound", "sound"),
            counted(self.damaged, "damaged", "damaged"),
            counted(self.not_logs, "not a log", "not logs"),
            counted(self.unreadable, "not readable", "not readable"),
        ]);
        write!(f, "{all} {noun}: {parts}")
    }
}

/// The exit code for a survey.
pub(crate) fn exit(survey: &Survey, strict: bool) -> Exit {
    let strictly = strict && !survey.findings.is_empty();
    if survey.sound && !strictly { Exit::Sound } else { Exit::Damage }
}

/// Verifies a range of one file.
fn of_range(args: &VerifyArgs, range: FileRange) -> Result<Exit, Failure> {
    let [path] = args.files.as_slice() else {
        return Err(Failure::Usage("--range is of one file: give one".into()));
    };
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    if let Some(part) = &args.part {
        destination::check(part, &args.files, args.force)?;
    }
    let source = reading::open(path).map_err(|error| Failure::read(path, error))?;
    let bytes = range.bytes(source.size());
    if bytes.start > source.size() {
        return Err(Failure::Usage(format!(
            "the range begins at byte {}, and {} has {}",
            bytes.start,
            shown(path),
            source.size()
        )));
    }
    let ranged = Ranged {
        from: bytes.start,
        until: bytes.end,
        begin: if args.at_boundary { Begin::AtBoundary } else { Begin::AtEntry },
        message_size_max: args.limits.message_size_max,
    };
    let created = |part: &PathBuf| NewFile::create(part).map_err(|error| Failure::write(part, error));
    let record = args.part.as_ref().map(created).transpose()?.map(BufWriter::new);
    let surveyed = Survey::of_range(&source, path, &ranged, record);
    let (survey, end, record) = surveyed.map_err(|error| match (error, &args.part) {
        (RangeError::Record(error), Some(part)) => Failure::write(part, error),
        (RangeError::Record(error) | RangeError::Read(error), _) => Failure::read(path, error),
    })?;
    if let (Some(record), Some(part)) = (record, &args.part) {
        let file = record.into_inner().map_err(|error| Failure::write(part, error.into_error()))?;
        destination::commit(file, part, args.force)?;
    }
    let printed = print_range(&survey, &ranged, &end, args.json);
    match &args.part {
        Some(part) => output::unreported(printed, part)?,
        None => printed?,
    }
    limit::tell(&survey, path, args.limits.message_size_max);
    Ok(exit(&survey, args.strict))
}

fn print_range(survey: &Survey, range: &Ranged, end: &End, json: bool) -> Result<(), Failure> {
    let text = if json {
        let mut value = serde_json::to_value(survey).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            let facts =
                json!({"from": range.from, "until": range.until, "first": end.first, "next": end.next});
            object.insert("range".into(), facts);
        }
        format!("{value}\n")
    } else {
        let first = end.first.map_or("nothing".into(), |first| first.to_string());
        format!(
            "{}\n  {:<20} {} to {}, of what starts there: first {first}, up to {}\n",
            report(survey, &verdict_of_range(survey, range, end)),
            "range",
            range.from,
            range.until,
            end.next
        )
    };
    output::print(&mut output::stdout(), &text)
}

pub(crate) fn print(stdout: &mut Stdout, survey: &Survey, json: bool) -> Result<(), Failure> {
    let mut text = if json { json_line(survey) } else { report(survey, &verdict(survey)) };
    text.push('\n');
    // A file's result is there as soon as it is known.
    output::print(stdout, &text)
}

fn json_line(survey: &Survey) -> String {
    // Strings, numbers and lists: nothing that could fail.
    serde_json::to_string(survey).unwrap_or_default()
}

/// Findings shown to a person: faults before all else.
const FINDINGS_SHOWN: usize = 50;

fn report(survey: &Survey, verdict: &str) -> String {
    let mut text = format!("{}: {verdict}\n", shown(Path::new(&survey.file)));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<20} {value}");
    };
    line("profile", survey.profile.unwrap_or("unknown: there is no entry"));
    if let Some(cluster) = &survey.cluster {
        line("cluster", cluster);
    }
    line("bytes", &survey.bytes.to_string());
    line("entries", &survey.entries.to_string());
    if let (Some(first), Some(last)) = (survey.first_op, survey.last_op) {
        line("ops", &format!("{first} to {last}, {} of them", survey.distinct_ops));
    }
    if !survey.missing_ops.is_empty() {
        line("missing ops", &ranges(&survey.missing_ops));
    }
    if let (Some(first), Some(last)) = (&survey.first_checksum, &survey.last_checksum) {
        line("first checksum", first);
        line("last checksum", last);
        line("", LAST_CHECKSUM);
    }
    line("data checksum chain", data_checksum::shown(&survey.data_checksum_chain, survey.replayed_entries));
    if let Some(back) = times_back(survey) {
        line("time", &back);
    }
    findings_text(&mut text, survey, FINDINGS_SHOWN);
    text.pop();
    text
}

/// What the last checksum says, unlike the data checksum chain of any log.
pub(crate) const LAST_CHECKSUM: &str = "identifies the last entry and, by the parent links, all before it";

/// Where the time goes back, if it does.
pub(crate) fn times_back(survey: &Survey) -> Option<String> {
    let first = survey.first_time_back?;
    let by = human::duration(first.by);
    let place = format!("at op {} (byte {}), by {by}", first.op, first.offset);
    Some(match survey.times_back {
        1 => format!("goes back {place}"),
        count => format!("goes back at {count} places, first {place}"),
    })
}

/// So many findings in the order of the file, and how many are not among them.
pub(crate) fn findings_text(text: &mut String, survey: &Survey, shown: usize) {
    let faults = survey.findings.iter().filter(|finding| finding.is_fault()).count().min(shown);
    let others = (survey.findings.len() - faults).min(shown - faults);
    let (mut faults_left, mut others_left) = (faults, others);
    for finding in &survey.findings {
        let left = if finding.is_fault() { &mut faults_left } else { &mut others_left };
        if *left > 0 {
            *left -= 1;
            let _ = writeln!(text, "  {finding}");
        }
    }
    let shown =
        (faults as u64, shown_of(survey, Kind::Backtrack, others), shown_of(survey, Kind::Gap, others));
    let (faults_more, backtracks, gaps) = (
        survey.faults - shown.0,
        survey.backtracks.saturating_sub(shown.1),
        survey.gaps.saturating_sub(shown.2),
    );
    let rest = (harmless(survey) - others as u64).saturating_sub(backtracks).saturating_sub(gaps);
    let rest = counted(rest, "more finding that is no fault", "more findings that are no faults");
    let more = [
        counted(faults_more, "more fault", "more faults"),
        counted(backtracks, "more backtrack", "more backtracks"),
        counted(gaps, "more gap", "more gaps"),
        rest,
    ];
    let more = listed(more);
    if !more.is_empty() {
        let where_to = match survey.findings_omitted {
            0 => "--json has them".into(),
            _ => format!("--json has the first {}", survey.findings.len()),
        };
        let _ = writeln!(text, "  and {more} ({where_to})");
    }
}

/// How many of the first `others` findings that are no faults are of this kind.
fn shown_of(survey: &Survey, kind: Kind, others: usize) -> u64 {
    let others = survey.findings.iter().filter(|finding| !finding.is_fault()).take(others);
    others.filter(|finding| finding.kind == kind).count() as u64
}

/// Findings that are no faults.
fn harmless(survey: &Survey) -> u64 {
    (survey.findings.len() as u64 + survey.findings_omitted).saturating_sub(survey.faults)
}

/// `3 faults`; nothing where there is none.
fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 0 { String::new() } else { human::noun(count, one, many) }
}

/// Those that are something, with commas between them.
fn listed<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// `1 backtrack, 2 gaps`; nothing where there is neither.
fn out_of_order(survey: &Survey) -> String {
    listed([counted(survey.backtracks, "backtrack", "backtracks"), counted(survey.gaps, "gap", "gaps")])
}

/// The range in a few words. A range in which no entry starts is not sound: nothing of it was checked.
fn verdict_of_range(survey: &Survey, range: &Ranged, end: &End) -> String {
    match end.first {
        Some(_) => verdict_over(survey, "no entry in this range"),
        None => format!("nothing was checked: no entry starts in bytes {} to {}", range.from, range.until),
    }
}

/// The file in a few words.
pub(crate) fn verdict(survey: &Survey) -> String {
    verdict_over(survey, "sound (empty)")
}

/// The same, with the words for bytes without an entry and without a fault.
fn verdict_over(survey: &Survey, empty: &str) -> String {
    if let Some(not_a_log) = &survey.not_a_log {
        return not_a_log.to_string();
    }
    let others = out_of_order(survey);
    let between = if others.is_empty() { "" } else { ", " };
    let is_lost = survey.zeros_are == Some(ZerosAre::Unknown);
    let zeros = match survey.zeros_are {
        None => String::new(),
        Some(are @ ZerosAre::Unknown) => {
            format!(", then {} of zeros: {}", human::size(survey.zeros), are.meaning())
        }
        Some(ZerosAre::Ahead | ZerosAre::Device) => ", free space behind".into(),
    };
    let time = if survey.times_back > 0 { ", the time goes back" } else { "" };
    let chain = if is_lost && time.is_empty() { "" } else { ", one unbroken chain" };
    match (survey.faults, others.is_empty()) {
        (0, true) if survey.entries == 0 => format!("{empty}{zeros}"),
        (0, true) => format!("sound{chain}{time}{zeros}"),
        (0, false) => format!("sound, with {others}{time}{zeros}"),
        (faults, _) => {
            format!("DAMAGED, {}{between}{others}{time}{zeros}", human::noun(faults, "fault", "faults"))
        }
    }
}
