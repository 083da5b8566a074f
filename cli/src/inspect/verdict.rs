//! What it all means, and what to do: [`Verdict`]. First of all in every form of the report.

use super::ranges::{self, Range};
use super::report::Report;
use super::together::{self, Conflict, Together};
use crate::failure::shown;
use crate::human;
use crate::looks_like::NotALog;
use crate::merge::notes::Note;
use crate::shell;
use crate::survey::{Finding, Kind, Survey, ZerosAre};
use crate::verify;
use serde::Serialize;
use std::path::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All there, nothing damaged.
    Good,
    /// Something is missing, or only one log has it.
    Care,
    /// Something is damaged or cannot be read, or there are two histories.
    Bad,
}

impl Level {
    /// How bad one log is by itself.
    #[must_use]
    pub fn of_log(survey: &Survey) -> Self {
        let is_whole = survey.missing_ops.is_empty() && !may_be_lost(survey) && survey.times_back == 0;
        match (survey.sound, is_whole) {
            (false, _) => Self::Bad,
            (true, false) => Self::Care,
            (true, true) => Self::Good,
        }
    }
}

/// What it all means, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How bad it is.
    pub level: Level,
    /// In a word: `SOUND`, `WHOLE`, `INCOMPLETE`, `DAMAGED`, `FORKED`, `MIXED`, `EMPTY`, `NOT A LOG`,
    /// `UNREADABLE`.
    pub word: &'static str,
    /// In a sentence.
    pub text: String,
    /// What to know and to do, a sentence each.
    pub advice: Vec<String>,
    /// The command that does it, where there is one.
    pub command: Option<String>,
}

/// A log's name for people: its path, made harmless.
#[must_use]
pub fn name(survey: &Survey) -> String {
    shown(Path::new(&survey.file)).to_string()
}

/// `op 7`, `ops 4-6, 9`.
#[must_use]
pub fn ops(list: &[Range]) -> String {
    let noun = if ranges::count(list) == 1 { "op" } else { "ops" };
    format!("{noun} {}", human::ranges(list))
}

/// The same, and whether it is one or are several.
fn ops_are(list: &[Range]) -> String {
    let verb = if ranges::count(list) == 1 { "is" } else { "are" };
    format!("{} {verb}", ops(list))
}

impl Verdict {
    /// Of one log, or of several together.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let verdict = match report.logs.as_slice() {
            [] => return Self::new(Level::Bad, "UNREADABLE", "no log could be read".into()),
            [log] => of_one(&log.survey),
            _ => of_several(report),
        };
        verdict.with_limit(report).with_no_logs(report).with_unreadable(report)
    }

    /// The same where the limit keeps entries from being read: it is to be raised before anything else is done.
    fn with_limit(mut self, report: &Report) -> Self {
        let above = report.logs.iter().filter_map(|log| log.above_limit.clone());
        self.advice.splice(0..0, above.map(|above| format!("{above}.")));
        self
    }

    /// The same where some of several files are not logs: the others are judged without them.
    fn with_no_logs(mut self, report: &Report) -> Self {
        let surveys = report.logs.iter().map(|log| &log.survey);
        let told = surveys.filter_map(|survey| Some(format!("{}: {}.", name(survey), survey.not_a_log?)));
        let told: Vec<_> = told.collect();
        if told.is_empty() || report.logs.len() < 2 {
            return self;
        }
        if self.level == Level::Good {
            self.word = "NOT A LOG";
        }
        self.level = Level::Bad;
        let verb = if told.len() == 1 { "is not a log" } else { "are not logs" };
        self.text = format!("{} of {} files {verb}; {}", told.len(), report.logs.len(), self.text);
        let more = told.len().saturating_sub(NAMES_SHOWN);
        let more = (more > 0).then(|| format!("{more} more are not logs: --json names them."));
        self.advice.splice(0..0, told.into_iter().take(NAMES_SHOWN).chain(more));
        self
    }

    /// The same where logs cannot be read: whatever the others are, nothing is known of those.
    fn with_unreadable(mut self, report: &Report) -> Self {
        let names: Vec<_> = report.unreadable.iter().map(|(path, _)| shown(path).to_string()).collect();
        if names.is_empty() {
            return self;
        }
        if self.level == Level::Good {
            self.word = "UNREADABLE";
        }
        self.level = Level::Bad;
        let all = names.len() + report.logs.len();
        self.text = format!("{} of {all} logs cannot be read; {}", names.len(), self.of_the_rest(report));
        let advice =
            format!("Nothing here is about {}: look at all logs when it can be read.", listed(names));
        self.advice.insert(0, advice);
        self
    }

    /// What there was to say of the logs that could be read.
    fn of_the_rest(&self, report: &Report) -> String {
        match report.logs.as_slice() {
            [log] => format!("{}: {}", name(&log.survey), self.text),
            _ => self.text.clone(),
        }
    }

    fn new(level: Level, word: &'static str, text: String) -> Self {
        Self { level, word, text, advice: Vec::new(), command: None }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }
}

/// Whether entries may be lost where zeros end the file.
fn may_be_lost(survey: &Survey) -> bool {
    survey.zeros_are == Some(ZerosAre::Unknown)
}

/// What there is to know of the zeros that end a file.
fn zeros(survey: &Survey) -> String {
    format!("{} of zeros: {}", human::size(survey.zeros), ZerosAre::Unknown.meaning())
}

/// What there is to know of a file that is not a log.
fn no_log(survey: &Survey, not_a_log: NotALog) -> Verdict {
    let verdict = Verdict::new(Level::Bad, "NOT A LOG", not_a_log.looks.advice().into());
    match survey.zeros == survey.bytes {
        true => verdict.advise("Give the other replicas' logs, or a backup."),
        false => verdict.advise("Name the log that is meant."),
    }
}

fn of_one(survey: &Survey) -> Verdict {
    if let Some(not_a_log) = survey.not_a_log {
        return no_log(survey, not_a_log);
    }
    let lacks_beginning = survey.first_op.filter(|op| *op > 1);
    let missing = (!survey.missing_ops.is_empty()).then(|| ops_are(&survey.missing_ops));
    let forks = survey.is_forked();
    let mut verdict = if survey.entries == 0 && survey.sound {
        Verdict::new(Level::Care, "EMPTY", "there is no entry in it".into())
    } else if !survey.sound {
        let places = human::counted(survey.faults, "fault", "faults");
        let found = human::counted(survey.entries, "entry", "entries");
        match (stranger(survey), forks) {
            (Some(stranger), _) => {
                let text = format!("{}; {places}; {found} can be read", strange(stranger));
                Verdict::new(Level::Bad, "MIXED", text)
            }
            (None, true) => Verdict::new(Level::Bad, "FORKED", format!("{places}; {found} can be read")),
            (None, false) => Verdict::new(Level::Bad, "DAMAGED", format!("{places}; {found} can be read")),
        }
    } else if let (Some(first), Some(last)) = (survey.first_op, survey.last_op) {
        match &missing {
            Some(missing) => {
                let text = format!("every byte is sound, but {missing} missing of {first} to {last}");
                Verdict::new(Level::Care, "INCOMPLETE", text)
            }
            None => Verdict::new(
                Level::of_log(survey),
                "SOUND",
                format!("every byte is sound, and ops {first} to {last} are all there"),
            ),
        }
    } else {
        Verdict::new(Level::Care, "EMPTY", "there is no entry in it".into())
    };
    if stranger(survey).is_some() {
        verdict = verdict.advise(
            "Two clusters wrote to one log, or it was put together: find out who wrote it, and keep it as it is. Give \
             the other replicas' logs here too, to see whether they are whole without it.",
        );
    } else if survey.findings.iter().any(|finding| finding.forged.is_some()) {
        verdict = verdict.advise(
            "An entry was forged: two of one op have the same checksum and different bytes. Keep the log as it is. Give \
             the other replicas' logs here too, to see which of the two they have.",
        );
    } else if forks {
        verdict = verdict.advise(
            "Two histories in one log: find out who wrote it, and keep it as it is. Give the other replicas' logs here \
             too, to see which history they have.",
        );
    } else if is_torn(survey) {
        verdict = verdict
            .advise(format!("The last entry is not all there: {TORN}."))
            .advise(
                "Give the other replicas' logs here too, to see whether they hold it: a merge takes this log as it is. \
                 If there is no other, 'aof repair' keeps what is there of the entry and cuts it.",
            );
    } else if !survey.sound {
        verdict = verdict.advise(
            "Keep it as it is. Give the other replicas' logs here too, to see whether they hold what is \
             damaged.",
        );
    } else if missing.is_some() {
        verdict = verdict.advise("Give the other replicas' logs here too, to see whether they fill it.");
    }
    if may_be_lost(survey) {
        verdict = verdict.advise(format!("Then {}.", zeros(survey)));
    }
    if let Some(back) = verify::times_back(survey) {
        verdict = verdict.advise(format!("The time {back}: a query by time may not be what it seems."));
    }
    if let Some(first) = lacks_beginning {
        verdict = verdict.advise(format!("The log begins at op {first}: what came before is not in it."));
    }
    verdict
}

/// What to know of a torn tail.
const TORN: &str = "normal after a crash, or while a replica writes";

/// The first entry of another cluster than the log's.
fn stranger(survey: &Survey) -> Option<&Finding> {
    survey.findings.iter().find(|finding| finding.kind == Kind::Stranger)
}

/// It, in words, and its place.
fn strange(finding: &Finding) -> String {
    let op = finding.op.map(|op| format!(" (op {op})")).unwrap_or_default();
    format!("{} at byte {}{op}", finding.detail, finding.offset)
}

/// Whether the only damage is a torn tail.
fn is_torn(survey: &Survey) -> bool {
    let mut faults = survey.findings.iter().filter(|finding| finding.is_fault());
    survey.faults == 1 && faults.next().is_some_and(|finding| finding.kind == Kind::TornTail)
}

fn of_several(report: &Report) -> Verdict {
    let together = &report.together;
    let surveys: Vec<_> = report.logs.iter().map(|log| &log.survey).collect();
    let named = |at: usize| report.logs.get(at).map(|log| name(&log.survey)).unwrap_or_default();
    if let Some((conflict, one, other)) = together.conflict {
        let text = match conflict {
            Conflict::TwoClusters => format!("{} and {} are of two clusters", named(one), named(other)),
            Conflict::TwoProfiles => format!("{} and {} are of two profiles", named(one), named(other)),
        };
        return Verdict::new(Level::Bad, "MIXED", text).advise("Look at the logs of one cluster at a time.");
    }
    let (Some(first), Some(last)) = (together.first_op, together.last_op) else {
        return of_no_entry(&surveys);
    };
    // What is not a log is reported as such.
    let surveys: Vec<_> = surveys.into_iter().filter(|survey| survey.not_a_log.is_none()).collect();
    let faults: u64 = surveys.iter().map(|survey| survey.faults).sum();
    let damaged = surveys.iter().filter(|survey| !survey.sound).count() as u64;
    let forked = surveys.iter().any(|survey| survey.is_forked());
    let logs = human::counted(surveys.len() as u64, "log", "logs");
    let in_logs = format!(
        "{} in {}",
        human::counted(faults, "fault", "faults"),
        human::counted(damaged, "log", "logs")
    );
    let (all_there, missing) = match surveys.as_slice() {
        [survey] => (
            format!("{} holds every op from {first} to {last}", name(survey)),
            format!("{} not in {}", ops_are(&together.missing_ops), name(survey)),
        ),
        _ => (
            format!("together the {logs} hold every op from {first} to {last}"),
            format!("{} in none of the {logs}", ops_are(&together.missing_ops)),
        ),
    };
    let mut verdict = if let Some(fork) = together.forks.first() {
        let (one, other) = (named(fork.files.0), named(fork.files.1));
        let op = fork.first_op;
        match fork.forged_text((&one, &other)) {
            Some(text) => Verdict::new(Level::Bad, "FORKED", text).advise(
                "Compare the two by 'aof show --offset', find out which is the true one, and leave out the log of the \
                 other.",
            ),
            None => {
                let text = format!("two histories: {one} and {other} differ at op {op}");
                Verdict::new(Level::Bad, "FORKED", text)
                    .advise("Find out which history is the right one, and leave out the logs of the other.")
            }
        }
    } else if let Some((survey, stranger)) =
        surveys.iter().find_map(|survey| Some((survey, stranger(survey)?)))
    {
        let text = format!("{}: {}; {in_logs}", name(survey), strange(stranger));
        Verdict::new(Level::Bad, "MIXED", text)
            .advise("Leave out the log with entries of two clusters, if the others hold every op.")
    } else if forked {
        Verdict::new(Level::Bad, "FORKED", format!("two histories in one log: {in_logs}"))
            .advise("Leave out the log with the fork, if the others hold every op.")
    } else if !together.missing_ops.is_empty() {
        let word = if damaged > 0 { "DAMAGED" } else { "INCOMPLETE" };
        let level = if damaged > 0 { Level::Bad } else { Level::Care };
        let text = if damaged > 0 { format!("{missing}; {in_logs}") } else { missing };
        Verdict::new(level, word, text).advise("Another replica's log with these ops would help.")
    } else if damaged > 0 {
        Verdict::new(Level::Care, "DAMAGED", format!("{in_logs}, but {all_there}"))
    } else {
        Verdict::new(Level::Good, "WHOLE", all_there)
    };
    for note in report.notes.iter().filter(|note| !is_told(note)) {
        let mut text = note.to_string();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        verdict = verdict.advise(text + ".");
    }
    let torn: Vec<_> = surveys.iter().filter(|survey| is_torn(survey)).map(|survey| name(survey)).collect();
    if !torn.is_empty() {
        verdict = verdict.advise(format!(
            "The last entry of {} is not all there: {TORN}. A merge needs no repair before it.",
            listed(torn)
        ));
    }
    for survey in surveys.iter().filter(|survey| survey.last_op == Some(last) && may_be_lost(survey)) {
        if verdict.level == Level::Good {
            verdict.level = Level::Care;
        }
        verdict = verdict.advise(format!("{} ends with {}.", name(survey), zeros(survey)));
    }
    for (survey, back) in surveys.iter().filter_map(|survey| Some((survey, verify::times_back(survey)?))) {
        verdict = verdict.advise(format!("In {} the time {back}.", name(survey)));
    }
    if first > 1 {
        verdict = verdict.advise(format!("They begin at op {first}: what came before is in none of them."));
    }
    merge(verdict, together, &surveys)
}

/// Of several files in which no entry was found.
fn of_no_entry(surveys: &[&Survey]) -> Verdict {
    let (no_logs, logs): (Vec<&Survey>, Vec<_>) =
        surveys.iter().copied().partition(|survey| survey.not_a_log.is_some());
    let faults: u64 = logs.iter().map(|survey| survey.faults).sum();
    if faults > 0 {
        let text = format!("no log holds an entry; {}", human::counted(faults, "fault", "faults"));
        Verdict::new(Level::Bad, "DAMAGED", text)
    } else if logs.is_empty() {
        Verdict::new(Level::Bad, "NOT A LOG", "no file is a log".into())
    } else if no_logs.is_empty() {
        Verdict::new(Level::Bad, "EMPTY", "no log holds an entry".into())
    } else {
        Verdict::new(Level::Bad, "NOT A LOG", "no log holds an entry".into())
    }
}

/// Whether what a merge notes is in the verdict by another rule: about the beginning, files that are not logs, zeros.
fn is_told(note: &Note) -> bool {
    match note {
        Note::LostBeginning { .. } | Note::ZeroTail { .. } => true,
        Note::NotALog { looks, .. } => looks.iter().all(Option::is_some),
        _ => false,
    }
}

/// The advice to merge, where that gives something.
fn merge(mut verdict: Verdict, together: &Together, surveys: &[&Survey]) -> Verdict {
    if !together.forks.is_empty() {
        return verdict;
    }
    // A merge refuses a log that has two histories in it.
    let of_one_history: Vec<&Survey> = surveys.iter().copied().filter(|survey| !survey.is_forked()).collect();
    if of_one_history.len() < surveys.len() {
        if together.whole && hold_all(&of_one_history, together) {
            verdict.advice.push("The others do. Merged, each entry stands there once, in order:".into());
            verdict.command = Some(format!("aof merge --output whole.aof {}", arguments(&of_one_history)));
        }
        return verdict;
    }
    // Damage takes nothing from it that is not there: a torn tail, or what stands there once more.
    let complete =
        |survey: &&&Survey| survey.distinct_ops == together.distinct_ops && survey.missing_ops.is_empty();
    let complete = surveys.iter().find(complete).map(|survey| name(survey));
    if together.whole {
        verdict.advice.push(match complete {
            Some(one) => {
                format!("{one} alone holds them all. Merged, each entry stands there once, in order:")
            }
            None => "No log alone holds them all. Merge them:".into(),
        });
        verdict.command = Some(format!("aof merge --output whole.aof {}", arguments(surveys)));
    } else {
        verdict.advice.push("What is there up to the first of these can be had:".into());
        verdict.command = Some(format!("aof merge --partial --output start.aof {}", arguments(surveys)));
    }
    verdict
}

/// Whether some of the logs hold every op that all have together.
fn hold_all(surveys: &[&Survey], together: &Together) -> bool {
    let mut left: Vec<Range> = together.first_op.zip(together.last_op).into_iter().collect();
    for survey in surveys {
        let held = together::held(survey);
        left = left.into_iter().flat_map(|range| ranges::without(range, &held)).collect();
    }
    left.is_empty()
}

/// Logs named in a sentence.
const NAMES_SHOWN: usize = 4;

/// Logs in a sentence, a few of them.
fn listed(mut names: Vec<String>) -> String {
    let more = if names.len() > NAMES_SHOWN { ", ..." } else { "" };
    names.truncate(NAMES_SHOWN);
    names.join(", ") + more
}

/// Files that a printed command names: with more of them it could not be read.
const ARGUMENTS_SHOWN: usize = 12;

/// The logs as arguments that can be copied, or a word for them where that is not possible.
fn arguments(surveys: &[&Survey]) -> String {
    let quoted = surveys.iter().map(|survey| shell::quoted(&survey.file)).collect::<Option<Vec<_>>>();
    match quoted {
        Some(quoted) if surveys.len() <= ARGUMENTS_SHOWN => quoted.join(" "),
        _ => "FILE...".into(),
    }
}
