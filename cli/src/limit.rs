//! Entries above `--message-size-max`: [`above`]. To a reader they are damage; but where the header is whole and tells
//! the size, it is the limit that is wrong, and that is told.

use crate::failure::shown;
use crate::output;
use crate::reading;
use crate::survey::{Finding, Kind, Survey};
use aof_nostd::wire::{HEAD_SIZE, Header, HeaderRule};
use aof_nostd::{Damage, DamageKind, Op};
use aof_std::Source;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use zerocopy::FromBytes as _;

/// What is to be said of the damage at `offset` of `source`, called `path`, if it is an entry above the limit: of a
/// header whose checksum is right. `None` too where it cannot be read any more: what keeps it from that is told
/// elsewhere.
#[must_use]
pub fn above(
    path: &Path,
    source: &mut Source,
    offset: u64,
    op: Option<Op>,
    message_size_max: u32,
) -> Option<String> {
    let op = op?;
    let mut head = [0; HEAD_SIZE];
    source.seek(SeekFrom::Start(offset)).and_then(|_| source.read_exact(&mut head)).ok()?;
    let (_, header) = Header::ref_from_suffix(&head).ok()?;
    let size = header.size.get();
    (size > message_size_max).then(|| {
        format!(
            "{}: byte {offset} (op {op}): the entry has {size} bytes, above --message-size-max {message_size_max}: \
             raise it",
            shown(path)
        )
    })
}

/// The first such entry of a log that was read, among what was found in it.
#[must_use]
pub fn above_in<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    path: &Path,
    message_size_max: u32,
) -> Option<String> {
    let mut large = findings.into_iter().filter(|finding| finding.kind == Kind::Size).peekable();
    large.peek()?;
    let mut source = reading::open(path).ok()?;
    large.find_map(|finding| above(path, &mut source, finding.offset, finding.op.map(Op), message_size_max))
}

/// Damage of a file that may be an entry above the limit: the first of it, in the order of the file. There may be more, as
/// a forged header may name a size below all limits.
#[derive(Clone, Debug, Default)]
pub struct Outsize(Vec<(u64, Op)>);

/// Places that are kept.
const OUTSIZE_MAX: usize = 100;

impl Outsize {
    /// Takes damage, if it may be one.
    pub fn push(&mut self, damage: &Damage) {
        if let (DamageKind::HeaderInvalid(HeaderRule::Size), Some(op)) = (damage.kind, damage.op)
            && self.0.len() < OUTSIZE_MAX
        {
            self.0.push((damage.offset, op));
        }
    }

    /// Takes what the next part of the file has.
    pub fn append(&mut self, next: &Self) {
        let room = OUTSIZE_MAX.saturating_sub(self.0.len());
        self.0.extend(next.0.iter().take(room));
    }

    /// Reports the first that is one, of the file at `path`, on standard error.
    pub fn tell(&self, path: &Path, source: &mut Source, message_size_max: u32) {
        let mut places = self.0.iter();
        if let Some(text) = places.find_map(|(at, op)| above(path, source, *at, Some(*op), message_size_max))
        {
            output::note(&text);
        }
    }
}

/// Tells of it on standard error, for commands whose report is the log's.
pub fn tell(survey: &Survey, path: &Path, message_size_max: u32) {
    if let Some(text) = above_in(&survey.findings, path, message_size_max) {
        output::note(&text);
    }
}
