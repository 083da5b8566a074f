//! One file's facts and findings, from reading it whole: what `verify` prints.
//!
//! | module | what it is |
//! |---|---|
//! | [`finding`] | what is not as in one unbroken chain |
//! | [`neighbour`] | how an entry relates to the one before it, for commands that remember no other |
//! | [`times`] | where the time goes back along the chain |
//! | [`zeros`] | what the zeros are that end a file |
//! | [`whole`] | what segments give, put together; what a command wants to know beside it, see [`Gather`] |
//! | `part` | what one segment gives |
//! | [`fingerprints`] | whether entries with the checksum of an earlier one are the same, to the byte |
//! | [`record`] | what a range gave, in a file, to be put together elsewhere |

pub mod finding;
pub mod fingerprints;
pub mod neighbour;
pub(crate) mod original;
mod part;
pub mod record;
pub mod times;
pub mod whole;
pub mod zeros;

pub use finding::{Finding, Kind};
pub use times::TimeBack;
pub use whole::{Gather, Surveyed};
pub use zeros::ZerosAre;

use crate::failure::Failure;
use crate::looks_like::{NotALog, is_device};
use crate::output::{Progress, WATCH};
use crate::reading;
use aof_nostd::Profile;
use aof_std::Source;
use aof_std::scan::{Begin, Extract, Scan};
use record::{End, Head, Recorder};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use whole::Whole;

/// What a log holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Survey {
    /// The file.
    pub file: String,
    /// `tigerbeetle`, `crc`, or nothing where no entry tells.
    pub profile: Option<&'static str>,
    /// The cluster of the first entry.
    pub cluster: Option<String>,
    /// The file's size.
    pub bytes: u64,
    /// Valid entries, repeated ones included.
    pub entries: u64,
    /// Different ops among them.
    pub distinct_ops: u64,
    /// The lowest op.
    pub first_op: Option<u64>,
    /// The highest op.
    pub last_op: Option<u64>,
    /// Ops between them that no entry has, as ranges with both ends.
    pub missing_ops: Vec<(u64, u64)>,
    /// The checksum of the first entry in the file.
    pub first_checksum: Option<String>,
    /// The checksum of the last entry in the file.
    pub last_checksum: Option<String>,
    /// The reference's digest of what a replay sends.
    pub data_checksum_chain: String,
    /// Entries that it is over. Over none it is the same number for every log.
    pub replayed_entries: u64,
    /// Places where the time goes back along the chain.
    pub times_back: u64,
    /// The first of them in the file.
    pub first_time_back: Option<TimeBack>,
    /// What is not as in one unbroken chain, in the order of the file; where there are too many, faults
    /// before all else.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub findings_omitted: u64,
    /// How many of all findings, kept or not, are faults.
    pub faults: u64,
    /// How many of all findings are backtracks. Not printed in JSON, which lists them.
    #[serde(skip)]
    pub backtracks: u64,
    /// How many of all findings are gaps. Not printed in JSON either.
    #[serde(skip)]
    pub gaps: u64,
    /// Zeros that end the file, bytes.
    pub zeros: u64,
    /// What they are.
    pub zeros_are: Option<ZerosAre>,
    /// The file has bytes, and no entry is found in it.
    pub not_a_log: Option<NotALog>,
    /// Every byte belongs to a valid entry or to the zeros that end the file, there is no fork, and it is a log.
    pub sound: bool,
}

/// Bytes of the smallest segment, and entries of any: what entries give of one stays in a core's cache.
const SEGMENT_SIZE_MIN: u64 = 2 << 20;
const SEGMENT_ENTRIES: u64 = 8192;

/// A range of a file, and how it is read.
#[derive(Clone, Debug)]
pub struct Ranged {
    /// Its first byte.
    pub from: u64,
    /// The first byte behind it.
    pub until: u64,
    /// Where reading begins.
    pub begin: Begin,
    /// The largest message.
    pub message_size_max: u32,
}

/// Why a range was not read to its end.
#[derive(Debug)]
pub enum RangeError {
    /// The file cannot be read.
    Read(io::Error),
    /// The record cannot be written.
    Record(io::Error),
}

/// A scan of a file that is surveyed.
fn scan(source: &Source, message_size_max: u32) -> io::Result<Scan<'_>> {
    let scan = Scan::detect(source, aof_std::backend())?.with_message_size_max(message_size_max);
    Ok(scan.with_watch(&WATCH).with_segment_entries(SEGMENT_SIZE_MIN, SEGMENT_ENTRIES))
}

impl Survey {
    /// Whether two histories stand in it: two entries of one op, or entries of two clusters.
    #[must_use]
    pub fn is_forked(&self) -> bool {
        self.findings.iter().any(Finding::is_fork)
    }

    /// Reads all that starts in a range of a file, which is called `path`, and puts it on `record` too, if there is
    /// one. What comes before the range is not known: its first entry has no relation to it.
    ///
    /// # Errors
    ///
    /// See [`RangeError`].
    pub fn of_range<W: Write>(
        source: &Source,
        path: &Path,
        range: &Ranged,
        record: Option<W>,
    ) -> Result<(Self, End, Option<W>), RangeError> {
        let range_size = range.until.saturating_sub(range.from);
        let progress = Progress::new("verify", range_size.min(source.size()));
        let scan = scan(source, range.message_size_max).map_err(RangeError::Read)?;
        let profile = scan.profile().map(|profile| profile.name());
        let head = Head {
            file: path.to_string_lossy().into_owned(),
            file_size: source.size(),
            from: range.from,
            until: range.until,
            profile: profile.map(str::to_owned),
            message_size_max: range.message_size_max,
            is_device: is_device(path),
            not_a_log: match range.from {
                0 => NotALog::judge(path, source, scan.profile()).map_err(RangeError::Read)?,
                _ => None,
            },
        };
        let mut recorder =
            record.map(|record| Recorder::new(record, &head)).transpose().map_err(RangeError::Record)?;
        let mut whole = Whole::<()>::of(source.size(), head.is_device);
        let mut recorded = Ok(());
        let with_digests = recorder.is_some();
        let extract = whole.read(&scan, range.from..range.until, range.begin, with_digests, |part| {
            if let Some(recorder) = &mut recorder
                && recorded.is_ok()
            {
                recorded = recorder.part(part);
                if recorded.is_err() {
                    WATCH.stop.store(true, Ordering::Relaxed); // the rest is of no use
                }
            }
            progress.show();
        });
        recorded.map_err(RangeError::Record)?;
        let Extract { first, next, is_last } = extract.map_err(RangeError::Read)?;
        let end = End { first, next, is_last };
        let record = recorder.map(|recorder| recorder.end(&end)).transpose().map_err(RangeError::Record)?;
        let mut survey = whole.finish(path, profile).survey;
        let bytes = range.from..range.until;
        original::tell(&scan, bytes, range.begin, with_digests, &mut survey).map_err(RangeError::Read)?;
        Ok((survey, end, record))
    }

    /// Reads the file at `path` whole.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`].
    pub fn of(path: &Path, message_size_max: u32) -> Result<Self, Failure> {
        Self::with::<()>("verify", path, message_size_max).map(|surveyed| surveyed.survey)
    }

    /// The same of a file that is open, and is called `path`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of_source(source: &Source, path: &Path, message_size_max: u32) -> io::Result<Self> {
        Self::gather::<()>("verify", source, path, message_size_max).map(|surveyed| surveyed.survey)
    }

    /// The same, and what `G` gathers; `what` names the work while it goes on.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`], [`Failure::Interrupted`].
    pub fn with<G: Gather>(
        what: &'static str,
        path: &Path,
        message_size_max: u32,
    ) -> Result<Surveyed<G>, Failure> {
        let surveyed =
            reading::open(path).and_then(|source| Self::gather(what, &source, path, message_size_max));
        surveyed.map_err(|error| Failure::read(path, error))
    }

    fn gather<G: Gather>(
        what: &'static str,
        source: &Source,
        path: &Path,
        message_size_max: u32,
    ) -> io::Result<Surveyed<G>> {
        let progress = Progress::new(what, source.size());
        let scan = scan(source, message_size_max)?;
        let is_device = is_device(path);
        let mut whole = Whole::<G>::of(source.size(), is_device);
        whole.read(&scan, 0..u64::MAX, Begin::AtBoundary, false, |_| progress.show())?;
        let mut surveyed = whole.finish(path, scan.profile().map(|profile| profile.name()));
        let survey = &mut surveyed.survey;
        original::tell(&scan, 0..u64::MAX, Begin::AtBoundary, false, survey)?;
        if survey.entries == 0 {
            survey.is_no_log(NotALog::judge(path, source, scan.profile())?);
        }
        Ok(surveyed)
    }

    /// Takes the verdict about the file, in which no entry was found.
    pub(crate) fn is_no_log(&mut self, not_a_log: Option<NotALog>) {
        self.not_a_log = not_a_log;
        self.sound &= not_a_log.is_none();
    }
}
