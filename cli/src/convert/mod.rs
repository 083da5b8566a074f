//! `aof convert`: a log sealed anew in the other profile.
//!
//! ```text
//! survey the input (sound? no gap?) --> seal every entry anew, in order --> survey the output --> appear
//! ```
//!
//! Sizes do not change, so every entry stands at the same byte of the output. What a survey of the output must
//! find is known before: the same entries, ops and backtracks, at the same bytes; the checksum of the last entry,
//! to which the chain ties all before it; and the data checksum of the input's bodies in the output's profile.
//!
//! [`reseal`] is a pure function of entries, [`mod@write`] knows files, [`report`] tells.

pub mod report;
pub mod reseal;
pub mod write;

use crate::args::{ConvertArgs, ProfileName};
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, Needed, shown};
use crate::limit;
use crate::output;
use crate::reading;
use crate::shell;
use crate::survey::{Finding, Kind, Survey};
use aof_nostd::{AnyProfile, Crc, Profile, TigerBeetle};
use report::Report;

impl ProfileName {
    /// The profile, computed by the fastest backend.
    #[must_use]
    pub fn profile(self) -> AnyProfile {
        match self {
            Self::Tigerbeetle => TigerBeetle::new(aof_std::backend()).into(),
            Self::Crc => Crc.into(),
        }
    }
}

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The input is untouched, and the output is as it was.
pub fn run(args: &ConvertArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    destination::check(&args.output, std::slice::from_ref(&args.file), args.force)?;
    let failed = |error| Failure::read(&args.file, error);
    let source = reading::open(&args.file).map_err(failed)?;
    let input = Survey::of_source(&source, &args.file, args.limits.message_size_max).map_err(failed)?;
    let profile = args.profile.profile();
    if input.profile == Some(profile.name()) {
        return Err(Failure::Usage(format!(
            "{} has the profile {} already: there is nothing to convert",
            shown(&args.file),
            profile.name()
        )));
    }
    let mut report = Report::new(args, &input);
    report.reason = refusal(args, &input);
    if report.reason.is_none() {
        let needed = Needed::Bytes(input.bytes.saturating_sub(input.zeros));
        let written = write::write(args, &source, &input, profile);
        report.written = Some(written.map_err(|failure| failure.needing(needed))?);
    }
    let printed = report.print();
    match report.written {
        Some(_) => output::unreported(printed, &args.output)?,
        None => printed?,
    }
    match &report.reason {
        None => Ok(Exit::Sound),
        Some(reason) => {
            output::note(&format!("nothing was written: {reason}"));
            Ok(Exit::Damage)
        }
    }
}

/// Findings told of a log that is not converted.
const FINDINGS_SHOWN: usize = 8;

/// What keeps a log from being one whole chain.
fn in_the_way(input: &Survey) -> impl Iterator<Item = &Finding> {
    input.findings.iter().filter(|finding| finding.is_fault() || finding.kind == Kind::Gap)
}

/// Why this log cannot be converted, and what would help.
fn refusal(args: &ConvertArgs, input: &Survey) -> Option<String> {
    if let Some(above) = limit::above_in(&input.findings, &args.file, args.limits.message_size_max) {
        return Some(above);
    }
    let (file, argument) = (shown(&args.file), shell::argument(&args.file));
    if let Some(not_a_log) = &input.not_a_log {
        return Some(format!("{file}: {not_a_log}"));
    }
    let in_the_way: Vec<_> = in_the_way(input).map(ToString::to_string).collect();
    if !in_the_way.is_empty() {
        let (told, more) = in_the_way.split_at(FINDINGS_SHOWN.min(in_the_way.len()));
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("; and {} more (aof verify has them)", more.len())
        };
        let torn = match input.findings.iter().any(|finding| finding.kind == Kind::TornTail) {
            true => format!("; aof repair {argument} cuts a torn tail"),
            false => String::new(),
        };
        // No merge takes away a second history.
        let remedy = match input.findings.iter().find(|finding| finding.is_fork()) {
            Some(Finding { op: Some(op), .. }) => {
                format!("aof show --op {op} {argument} shows both histories")
            }
            _ => format!(
                "Merge it with the other replicas' logs first: aof merge --output WHOLE {argument} OTHER...{torn}"
            ),
        };
        return Some(format!(
            "{file} is not one whole chain, and an entry whose parent is missing cannot be sealed anew: {}{more}. \
             {remedy}",
            told.join("; ")
        ));
    }
    let Some(first) = input.first_op else {
        return Some(format!("{file} holds no entry"));
    };
    (first > 1 && !args.keep_first_parent).then(|| {
        format!(
            "{file} begins at op {first}, and the new checksum of op {}, its parent, is not known without that \
             entry: what is converted would not link to what came before. Merge the earlier logs and this one \
             first, or let the parent be as it is: --keep-first-parent",
            first - 1
        )
    })
}

/// What is not carried over, or not as it was.
#[must_use]
pub fn notes(args: &ConvertArgs, input: &Survey) -> Vec<String> {
    let mut notes = Vec::new();
    let first = input.first_op.unwrap_or(1);
    if first > 1 && args.keep_first_parent {
        notes.push(format!(
            "op {first}, the first, names as its parent the old checksum of op {}: a converted log of the ops before \
             it does not link to this one",
            first - 1
        ));
    }
    if let Some(zeros) = input.findings.iter().find(|finding| finding.kind == Kind::ZeroTail) {
        notes.push(format!(
            "{} zeros from byte {} to the input's end are not in the output",
            input.zeros, zeros.offset
        ));
    }
    notes
}
