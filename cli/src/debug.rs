//! `aof debug`: entries, one a line, and the data checksum.

use crate::args::DebugArgs;
use crate::data_checksum::{self, DataBytes, DataChecksum};
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::human;
use crate::limit::Outsize;
use crate::line::{Lines, Style};
use crate::looks_like::{self, NotALog};
use crate::output::{self, Progress, Stdout, WATCH};
use crate::reading;
use crate::survey::neighbour::Neighbour;
use crate::survey::{Finding, ZerosAre};
use aof_nostd::chain::{Chain, ChainLink, NoHistory};
use aof_nostd::{Damage, Located};
use aof_std::scan::{Scan, Sink};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Read`] or [`Failure::Stdout`].
pub fn run(args: &DebugArgs) -> Result<Exit, Failure> {
    let failed = |error| Failure::read(&args.file, error);
    let source = reading::open(&args.file).map_err(failed)?;
    let progress = Progress::new("debug", source.size());
    let scan = Scan::detect(&source, aof_std::backend()).map_err(failed)?;
    let scan = scan.with_message_size_max(args.limits.message_size_max).with_watch(&WATCH);
    let profile = scan.profile();
    let zeros_are = ZerosAre::of(source.size(), looks_like::is_device(&args.file));
    let style = if args.json { Style::Json } else { Style::Text };

    let scan = scan.with_segment_size_max(SEGMENT_SIZE_MAX);
    let mut printer = Printer::new(output::stdout(), style);
    // A segment's lines are megabytes: their memory is used again.
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let new = || {
        let bytes = spare.lock().ok().and_then(|mut spare| spare.pop()).unwrap_or_default();
        Part::new(Lines::new(style, bytes), args.all, (source.size(), zeros_are))
    };
    let result = scan.run(new, |part| {
        printer.take(&part);
        progress.show();
        let mut bytes = part.lines.bytes;
        bytes.clear();
        if let Ok(mut spare) = spare.lock() {
            spare.push(bytes);
        }
    });
    match (printer.failure.take(), result) {
        (Some(failure), _) => return Err(failure),
        (None, result) => result.map_err(failed)?,
    }
    let mut damaged = printer.damaged;
    let is_empty = printer.chain.last().is_none();
    let outsize = std::mem::take(&mut printer.outsize);
    let hidden = printer.hidden;
    printer.finish(args.json)?;
    if hidden > 0 {
        let entries = human::noun(hidden, "entry is", "entries are");
        let file = shown(&args.file);
        output::note(&format!("{file}: {entries} not shown, which no replay sends: --all shows every entry"));
    }
    outsize.tell(&args.file, &mut source.clone(), args.limits.message_size_max);
    if is_empty && let Some(not_a_log) = NotALog::judge(&args.file, &source, profile).map_err(failed)? {
        output::note(&format!("{}: {not_a_log}", shown(&args.file)));
        damaged = true;
    }
    Ok(if damaged { Exit::Damage } else { Exit::Sound })
}

/// Lines are nearly as large as what they are about, and some segments of them are held at once.
const SEGMENT_SIZE_MAX: u64 = 4 << 20;

/// The lines of one segment.
struct Part {
    lines: Lines,
    all: bool,
    /// The file's bytes, and what zeros at its end are.
    bytes: (u64, ZerosAre),
    data: DataBytes,
    /// Entries without a line.
    hidden: u64,
    damaged: bool,
    outsize: Outsize,
    /// The segment's first entry, and how far the lines were before it.
    first: Option<(ChainLink, Neighbour, usize)>,
    /// Its last one.
    last: Option<Neighbour>,
    chain: Chain<NoHistory>,
}

impl Part {
    fn new(lines: Lines, all: bool, bytes: (u64, ZerosAre)) -> Self {
        Self {
            lines,
            all,
            bytes,
            data: DataBytes::default(),
            hidden: 0,
            damaged: false,
            outsize: Outsize::default(),
            first: None,
            last: None,
            chain: Chain::default(),
        }
    }
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        let (link, neighbour) = (ChainLink::from(header), Neighbour::of(&located));
        if self.first.is_none() {
            self.first = Some((link, neighbour, self.lines.bytes.len()));
        }
        let relation = self.chain.push(link);
        let before = self.last.replace(neighbour);
        if let Some(finding) = neighbour.finding(relation, before.as_ref()) {
            self.damaged |= finding.is_fault();
            self.lines.finding(&finding);
        }
        if self.data.push(header) || self.all {
            self.lines.entry(located.offset, header);
        } else {
            self.hidden += 1;
        }
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.damaged = true;
        self.outsize.push(&damage);
        self.lines.finding(&Finding::damage(damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.lines.finding(&Finding::zeros(from, self.bytes.0, self.bytes.1));
    }
}

/// Puts the segments' lines behind each other.
struct Printer {
    stdout: Stdout,
    style: Style,
    data: DataChecksum,
    /// The last entry.
    last: Option<Neighbour>,
    /// Entries that it is over.
    replayed: u64,
    /// Entries without a line.
    hidden: u64,
    chain: Chain<NoHistory>,
    damaged: bool,
    outsize: Outsize,
    failure: Option<Failure>,
}

impl Printer {
    fn new(stdout: Stdout, style: Style) -> Self {
        Self {
            stdout,
            style,
            data: DataChecksum::default(),
            last: None,
            replayed: 0,
            hidden: 0,
            chain: Chain::default(),
            damaged: false,
            outsize: Outsize::default(),
            failure: None,
        }
    }

    fn take(&mut self, part: &Part) {
        if self.failure.is_none()
            && let Err(failure) = self.print(part)
        {
            self.failure = Some(failure);
            WATCH.stop.store(true, Ordering::Relaxed); // nobody reads on
        }
    }

    fn print(&mut self, part: &Part) -> Result<(), Failure> {
        self.data.update(&part.data);
        self.replayed += part.data.entries();
        self.hidden += part.hidden;
        self.damaged |= part.damaged;
        self.outsize.append(&part.outsize);
        let lines = part.lines.bytes.as_slice();
        let Some((first, neighbour, before)) = part.first else {
            return output::write(&mut self.stdout, lines);
        };
        let (before, behind) = lines.split_at(before);
        output::write(&mut self.stdout, before)?;
        // Within the segment its own chain told; here is how it stands to the one before.
        let relation = self.chain.push(first);
        if let Some(finding) = neighbour.finding(relation, self.last.as_ref()) {
            self.damaged |= finding.is_fault();
            let mut line = Lines::new(self.style, Vec::new());
            line.finding(&finding);
            output::write(&mut self.stdout, &line.bytes)?;
        }
        self.last = part.last;
        if let Some(last) = part.chain.last() {
            self.chain.clear();
            self.chain.push(last);
        }
        output::write(&mut self.stdout, behind)
    }

    fn finish(mut self, json: bool) -> Result<(), Failure> {
        let (number, replayed) = (self.data.finish().to_string(), self.replayed);
        let last = if json {
            format!("{{\"data_checksum_chain\":\"{number}\",\"replayed_entries\":{replayed}}}\n")
        } else {
            format!("\nData checksum chain: {}\n", data_checksum::shown(&number, replayed))
        };
        output::write(&mut self.stdout, last.as_bytes())?;
        output::finish(self.stdout)
    }
}
