//! `aof stitch`: what ranges of a log gave, put together into the verdict over the whole.
//!
//! ```text
//! part  first ------ next | first ------ next | ...      next of one is first of the next one, or they do not meet
//! ```
//!
//! The same rule as between the segments of one scan. Where a part's beginning lay in a body, or damage reaches
//! over it, the parts do not meet: that range is to be read again from the boundary that is known by then, and the
//! new part given beside the others. Parts that are not needed count for nothing.

use crate::args::StitchArgs;
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::looks_like::NotALog;
use crate::output::{self, Progress, WATCH};
use crate::shell;
use crate::survey::Survey;
use crate::survey::fingerprints::Originals;
use crate::survey::record::{End, Head, Playback};
use crate::survey::whole::Whole;
use crate::verify;
use aof_nostd::{AnyProfile, Backend, Profile};
use aof_std::Source;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`].
pub fn run(args: &StitchArgs) -> Result<Exit, Failure> {
    let mut files: Vec<Pieces> = Vec::new();
    for path in &args.parts {
        let part = Part::look(path)?;
        let same = |file: &&mut Pieces| file.name == part.head.file && file.size == part.head.file_size;
        match files.iter_mut().find(same) {
            Some(file) => file.parts.push(part),
            None => files.push(Pieces {
                name: part.head.file.clone(),
                size: part.head.file_size,
                parts: vec![part],
            }),
        }
    }
    let bytes = args.parts.iter().filter_map(|path| path.metadata().ok()).map(|part| part.len()).sum();
    let progress = Progress::new("stitch", bytes);
    let mut whole = Whole::<()>::default();
    let mut profile = None;
    let (mut used, mut base) = (Vec::new(), 0_u64);
    for file in &files {
        whole.next_file(file.size, file.is_device());
        let parts = file.stitch(&files, &mut whole, &mut profile, &progress)?;
        used.extend(parts.into_iter().map(|part| (part, base)));
        base = base.saturating_add(file.size);
    }
    drop(progress);
    let name = match files.as_slice() {
        [file] => file.name.clone(),
        files => format!("{} files", files.len()),
    };
    let mut survey = whole.finish(Path::new(&name), profile).survey;
    tell_originals(&mut survey, &used)?;
    if survey.entries == 0 {
        survey.is_no_log(files.iter().find_map(Pieces::not_a_log));
    }
    if files.len() > 1 {
        tell_files(&mut survey, &files);
    }
    verify::print(&mut output::stdout(), &survey, args.json)?;
    Ok(verify::exit(&survey, args.strict))
}

/// Says of each forged entry where the one is stored whose checksum it has. The parts are read again for it.
fn tell_originals(survey: &mut Survey, used: &[(PathBuf, u64)]) -> Result<(), Failure> {
    let Some(mut originals) = Originals::of(&survey.findings) else { return Ok(()) };
    for (path, base) in used {
        let mut playback = open(path)?;
        while let Some(part) = playback.take().map_err(|error| not_intact(path, error))? {
            for (offset, link, fingerprint) in part.entries() {
                originals.see(link.op.0, fingerprint, base.saturating_add(offset));
            }
        }
    }
    originals.tell(&mut survey.findings);
    Ok(())
}

/// Says of each finding in which of several files it is, and where there.
fn tell_files(survey: &mut Survey, files: &[Pieces]) {
    for finding in &mut survey.findings {
        let original = finding.forged.and_then(|forged| forged.first_offset);
        if let Some(offset) = original
            && let Some((base, file)) = file_at(offset, files)
        {
            let offset = offset - base;
            finding.set_original(offset, &format!("byte {offset} of {}", shown(Path::new(&file.name))));
        }
        if let Some((base, file)) = file_at(finding.offset, files) {
            finding.offset -= base;
            finding.detail = format!("{} in {}", finding.detail, shown(Path::new(&file.name)));
        }
    }
    if let Some(back) = &mut survey.first_time_back
        && let Some((base, _)) = file_at(back.offset, files)
    {
        back.offset -= base;
    }
}

/// The file that a byte of all files together belongs to, and where it begins among them.
fn file_at(offset: u64, files: &[Pieces]) -> Option<(u64, &Pieces)> {
    let mut base = 0_u64;
    for file in files {
        let end = base.saturating_add(file.size);
        if offset < end {
            return Some((base, file));
        }
        base = end;
    }
    None
}

/// A part, and what its ends tell.
struct Part {
    path: PathBuf,
    head: Head,
    end: End,
}

impl Part {
    /// Reads it whole: only then it is known where it ends, and that it is as it was written.
    fn look(path: &Path) -> Result<Self, Failure> {
        let failed = |error| not_intact(path, error);
        let mut playback = open(path)?;
        while playback.take().map_err(failed)?.is_some() {}
        match playback.end() {
            Some(end) => Ok(Self { path: path.to_path_buf(), head: playback.head().clone(), end }),
            None => Err(failed(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// A pipe is refused: it would be waited for, and a part is read more than once.
fn open(path: &Path) -> Result<Playback<BufReader<Source>>, Failure> {
    let file = Source::open(path).and_then(|file| Playback::new(BufReader::with_capacity(256 << 10, file)));
    file.map_err(|error| not_intact(path, error))
}

/// Why a part was not read. One that was damaged may fail anywhere, before its digest is reached: what exactly is wrong
/// in it is of no use to anybody.
fn not_intact(path: &Path, error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Failure::Usage(format!(
            "{} is not an intact part ({error}): verify that range again, by 'aof verify --range RANGE --part OUT FILE'",
            shown(path)
        )),
        _ => Failure::read(path, error),
    }
}

/// The parts of one file.
struct Pieces {
    name: String,
    size: u64,
    parts: Vec<Part>,
}

impl Pieces {
    /// Whether the file is a device.
    fn is_device(&self) -> bool {
        self.parts.iter().any(|part| part.head.is_device)
    }

    /// The verdict about the file, if no entry is found in it.
    fn not_a_log(&self) -> Option<NotALog> {
        self.parts.iter().find_map(|part| part.head.not_a_log)
    }

    /// Puts the file's parts together, of the parts of all `files`. Gives those that it took.
    fn stitch(
        &self,
        files: &[Self],
        whole: &mut Whole<()>,
        profile: &mut Option<&'static str>,
        progress: &Progress,
    ) -> Result<Vec<PathBuf>, Failure> {
        let mut used = Vec::new();
        let limit = self.parts.first().map(|part| part.head.message_size_max);
        let mut by_first: BTreeMap<u64, &Part> = BTreeMap::new();
        for part in &self.parts {
            if let Some(limit) = limit.filter(|limit| *limit != part.head.message_size_max) {
                return Err(Failure::Usage(format!(
                    "{}: read with --message-size-max {}, and another part with {limit}: read all with the same",
                    shown(&part.path),
                    part.head.message_size_max
                )));
            }
            let Some(first) = part.end.first else { continue };
            let known = by_first.entry(first).or_insert(part);
            if known.end.next < part.end.next {
                *known = part;
            }
        }
        let mut expected = 0;
        loop {
            let Some(part) = by_first.get(&expected) else { return Err(self.no_part(expected, files)) };
            self.check(part, profile)?;
            let mut playback = open(&part.path)?;
            while let Some(mut events) = playback.take().map_err(|error| not_intact(&part.path, error))? {
                whole.take(&mut events);
                progress.show();
            }
            WATCH.bytes.fetch_add(part.path.metadata().map_or(0, |part| part.len()), Ordering::Relaxed);
            used.push(part.path.clone());
            if part.end.is_last {
                return Ok(used);
            }
            if part.end.next <= expected {
                return Err(self.no_part(expected, files));
            }
            expected = part.end.next;
        }
    }

    fn check(&self, part: &Part, profile: &mut Option<&'static str>) -> Result<(), Failure> {
        let Some(name) = &part.head.profile else { return Ok(()) };
        let known = AnyProfile::all(Backend::default()).map(|profile| profile.name());
        let found = known.into_iter().find(|known| known == name);
        match (&profile, found) {
            (_, None) => Err(Failure::Usage(format!("{}: a profile of a later version", shown(&part.path)))),
            (Some(before), Some(found)) if *before != found => Err(Failure::Usage(format!(
                "{}: {} has the profile {found}, and what comes before it the profile {before}: stitch them apart",
                shown(&part.path),
                shown(Path::new(&self.name))
            ))),
            (_, found) => {
                *profile = found;
                Ok(())
            }
        }
    }

    /// The part that was to give what stands at this byte.
    fn covering(&self, byte: u64) -> Option<&Part> {
        self.parts.iter().find(|part| part.head.from <= byte && byte < part.head.until)
    }

    /// No part begins at this boundary.
    fn no_part(&self, boundary: u64, files: &[Self]) -> Failure {
        let name = shown(Path::new(&self.name));
        // Workers name a file as they see it.
        let namesakes = files.iter().filter(|file| file.name != self.name && file.size == self.size);
        let twin = namesakes.filter_map(|file| file.covering(boundary)).next();
        let (what, until) = match self.covering(boundary) {
            Some(part) => (
                format!(
                    "{} does not begin where what comes before it ends, at byte {boundary} of {name}: its beginning \
                     lies in a body, or damage reaches over it. Read that range again, and give it too",
                    shown(&part.path)
                ),
                part.head.until,
            ),
            None => {
                let behind =
                    self.parts.iter().map(|part| part.head.from).filter(|from| *from > boundary).min();
                let until = behind.unwrap_or(self.size);
                (format!("no part covers bytes {boundary} to {until} of {name}. Read them"), until)
            }
        };
        let mut text = format!(
            "{what}: aof verify --at-boundary --range {boundary}..{until} --part OUT {}",
            shell::argument(Path::new(&self.name))
        );
        if let Some(part) = twin {
            let _ = write!(
                text,
                ". Is {} the same file? It has as many bytes, and {} covers these: parts of one file are told by its \
                 name, so verify it under one name everywhere",
                shown(Path::new(&part.head.file)),
                shown(&part.path)
            );
        }
        Failure::Log(text)
    }
}
