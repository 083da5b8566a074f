//! `aof show`: one entry whole.
//!
//! | module | what it is |
//! |---|---|
//! | [`args`] | what is asked for |
//! | [`mod@find`] | the entries that are meant, and what stands around them |
//! | [`doubt`] | whether the one that is meant may be missing |
//! | [`timeline`] | which ops a file has, and the times of those beside what is missing |
//! | [`body`] | a body decoded, or as bytes |
//! | [`text`] | for people |
//! | [`json`] | for programs |

pub mod args;
pub mod body;
pub mod doubt;
pub mod find;
pub mod json;
pub mod text;
pub mod timeline;

use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::human;
use crate::looks_like::NotALog;
use crate::output;
use crate::reading;
use crate::replay::log::{Place, read_entry};
use crate::survey::ZerosAre;
use aof_nostd::Checksum;
use aof_std::Source;
use aof_std::scan::Scan;
use args::ShowArgs;
use doubt::Doubt;
use find::{Extent, Findings, Found, Wanted, find};

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Read`] or [`Failure::Stdout`].
pub fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let Some(wanted) = Wanted::new(args) else {
        return Err(Failure::Usage("which entry? --op, --checksum, --offset or --at".into()));
    };
    let mut source = reading::open(&args.file).map_err(|error| Failure::read(&args.file, error))?;
    let Findings { found, extent, outsize, timeline } = find(args, &source, wanted)?;
    if found.is_empty() {
        let not_a_log = match extent.entries {
            0 => not_a_log(args, &source)?,
            _ => None,
        };
        let what =
            not_a_log.map_or_else(|| not_there(args, wanted, &extent), |not_a_log| not_a_log.to_string());
        output::note(&format!("{}: {what}", shown(&args.file)));
        outsize.tell(&args.file, &mut source, args.limits.message_size_max);
        return Ok(Exit::Damage);
    }
    let doubt = Doubt::of(wanted, &found, &extent, timeline);
    let profile = Scan::detect(&source, aof_std::backend())
        .map_err(|error| Failure::read(&args.file, error))?
        .profile();
    let mut buffer = Vec::new();
    let mut stdout = output::stdout();
    for (index, found) in found.iter().enumerate() {
        let header = &found.header;
        let place = Place { file: args.file.as_path().into(), offset: found.offset, op: header.op.get() };
        let entry =
            read_entry(&mut source, &place, header.size_disk(), profile, header.checksum, &mut buffer)?;
        let bytes = if args.json {
            json::entry(args, found, &doubt, &entry.body)
        } else {
            let before = if index == 0 { "" } else { "\n" };
            format!("{before}{}", text::entry(args, wanted, found, &entry.body)).into_bytes()
        };
        output::write(&mut stdout, &bytes)?;
    }
    output::finish(stdout)?;
    notes(args, wanted, &found, &extent, &doubt);
    outsize.tell(&args.file, &mut source, args.limits.message_size_max);
    Ok(if doubt.is_any() { Exit::Damage } else { Exit::Sound })
}

/// What is to be known beside the entries.
fn notes(args: &ShowArgs, wanted: Wanted, found: &[Found], extent: &Extent, doubt: &Doubt) {
    if extent.different > 1 {
        let of = match found.first() {
            Some(first) if found.iter().all(|found| found.header.op == first.header.op) => {
                format!("op {}: a fork", first.header.op)
            }
            _ => "this time".into(),
        };
        let more = if extent.is_more { "more than " } else { "" };
        let first = match found.len() {
            shown if shown < extent.different => format!(": the first {shown} are shown"),
            _ => String::new(),
        };
        output::note(&format!(
            "{}: {more}{} different entries of {of}{first}",
            shown(&args.file),
            extent.different
        ));
    }
    if matches!(wanted, Wanted::At(_)) && extent.untimed > 0 {
        output::note(&format!(
            "{}: {} passed over that {} no time (timestamp 0): --op shows them",
            shown(&args.file),
            human::noun(extent.untimed, "entry", "entries"),
            if extent.untimed == 1 { "has" } else { "have" }
        ));
    }
    if let Some(doubt) = doubt.text() {
        output::note(&format!("{}: {doubt}", shown(&args.file)));
    }
    if doubt.is_last
        && let Some(zeros) = zeros(extent)
    {
        output::note(&format!(
            "{}: op {} is the last, and from {zeros}; an entry of that time may have been there: another replica's log \
             may have it",
            shown(&args.file),
            doubt.op
        ));
    }
    if extent.damages > 0 {
        let places = human::noun(extent.damages, "place", "places");
        output::note(&format!(
            "{} is damaged at {places}, where neighbours and copies may have stood: aof verify tells",
            shown(&args.file)
        ));
    }
}

/// The verdict about the file, in which no entry is, if it is not a log.
fn not_a_log(args: &ShowArgs, source: &Source) -> Result<Option<NotALog>, Failure> {
    let scan = Scan::detect(source, aof_std::backend());
    let judged = scan.and_then(|scan| NotALog::judge(&args.file, source, scan.profile()));
    judged.map_err(|error| Failure::read(&args.file, error))
}

/// What is not there, and what is.
fn not_there(args: &ShowArgs, wanted: Wanted, extent: &Extent) -> String {
    if let Wanted::Offset(byte) = wanted {
        return format!("byte {byte} belongs to no entry: {}", no_entry_at(byte, extent));
    }
    let lost = lost(args, extent);
    let Some((first, last)) = extent.ops else {
        return format!("holds no entry{lost}");
    };
    match wanted {
        Wanted::Op(op) => {
            let missing = match extent.op_below.zip(extent.op_above) {
                Some((below, above)) => format!("{} there; ", human::ops_missing(&[(below + 1, above - 1)])),
                None => String::new(),
            };
            format!("has no op {op}: {missing}its ops go from {first} to {last}{lost}")
        }
        Wanted::Checksum(checksum) => {
            format!("has no entry with checksum {checksum}: its ops go from {first} to {last}{lost}")
        }
        Wanted::At(at) => match extent.times {
            Some((first, _)) => format!(
                "has no entry up to {} ({at}): the first is of {} ({first}){lost}",
                human::time(at),
                human::time(first)
            ),
            None => format!(
                "has no entry with a time: {} with timestamp 0, as a device without a clock writes it{lost}",
                human::noun(extent.entries, "entry", "entries")
            ),
        },
        Wanted::Offset(_) => String::new(), // told above
    }
}

/// Where an entry may have been that is not found, and what to do.
fn lost(args: &ShowArgs, extent: &Extent) -> String {
    let file = shown(&args.file);
    let damage = extent.damage_first.map(|(damage, until)| {
        let place = format!("bytes {} to {until}", damage.offset);
        match extent.damages {
            1 => format!("{place} are damaged"),
            count => format!("{count} places are damaged, the first at {place}"),
        }
    });
    let zeros = zeros(extent).map(|zeros| format!("from {zeros}"));
    let places: Vec<_> = damage.into_iter().chain(zeros).collect();
    if places.is_empty() {
        return String::new();
    }
    format!(
        "; {}. The entry may have been there: run 'aof verify {file}' to see each place, and look for it in another \
         replica's log, or run 'aof merge --output OUT {file} OTHER...'",
        places.join(", and ")
    )
}

/// The zeros that end the file where they may be what is left of a log's tail.
fn zeros(extent: &Extent) -> Option<String> {
    let from = extent.zeros_from?;
    let are = extent.zeros_are.filter(|are| *are == ZerosAre::Unknown)?;
    Some(format!("byte {from} to the end there are zeros ({})", are.meaning()))
}

/// Why a byte belongs to no entry.
fn no_entry_at(byte: u64, extent: &Extent) -> String {
    if byte >= extent.bytes {
        return format!("the file has {} bytes", extent.bytes);
    }
    if let Some((damage, until)) = extent.damage_there {
        let op = damage.op.map(|op| format!(" (op {op})")).unwrap_or_default();
        return format!("bytes {} to {until}{op} are damaged: {}", damage.offset, damage.kind);
    }
    match extent.zeros_from.zip(extent.zeros_are) {
        Some((from, are)) => {
            format!("zeros from byte {from} to the end at byte {}: {}", extent.bytes, are.meaning())
        }
        None => "no entry was found there".into(),
    }
}

/// The parent of a log's first entry: that of op 1 is the root, which is in no log.
fn is_root(found: &Found) -> bool {
    found.header.op.get() == 1 || found.header.parent == Checksum::ZERO
}
