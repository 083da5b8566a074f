//! Entries above `--message-size-max`: [`above`]. To a reader they are damage; but where the header is whole and tells
//! the size, it is the limit that is wrong, and that is told.

use crate::failure::shown;
use crate::output;
use crate::reading;
use crate::survey::{Finding, Kind, Survey};
use aof_nostd::Op;
use aof_nostd::wire::{HEAD_SIZE, Header};
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

/// Tells of it on standard error, for commands whose report is the log's.
pub fn tell(survey: &Survey, path: &Path, message_size_max: u32) {
    if let Some(text) = above_in(&survey.findings, path, message_size_max) {
        output::note(&text);
    }
}
