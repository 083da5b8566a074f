//! The second line before anything is cut: complete entries in a tail, by a plain search that knows none of the
//! rules by which a scan continues after damage.
//!
//! ```text
//!   | entry | entry | magic | header | body ... | entry | entry | ..   ,  ,  ,  the header says: up to here
//!                   P                                               size
//! ```
//!
//! A complete entry in the tail that no checksum covers is never cut ([`Reason::Intact`]). One that a sealed header
//! covers is content of the torn entry at P, and is cut with it. A reader cannot tell content from what a replica
//! appended without cutting its torn tail, but here all entries before P are known. An entry is left unless the
//! caller says that it is content ([`Reason::Entries`]) if
//!
//! - it is before P too, or is the parent of one that is: a journal that is replayed;
//! - its parent is before P and is not P's own parent: the chain that goes on;
//! - it is of P's cluster, of a higher op, and no child of what is content: a state sync may have jumped ahead.
//!
//! An entry with P's own parent and another checksum is none of these: P's header contradicts it.

use super::{Reason, find::Covered};
use crate::scan::{Scan, Sink};
use crate::source::{self, LogReader, Source};
use aof_nostd::{Checksum, Damage, Header, Located, ReadError};
use std::collections::HashSet;
use std::io;

/// Bytes of incomplete entries that are read in a tail, per byte of it. Where more would have to be read, what
/// starts there is taken for an entry, and left.
const VAIN_MAX: u64 = 16;

/// What is known of an entry.
#[derive(Clone, Copy)]
struct Link {
    offset: u64,
    op: u64,
    checksum: Checksum,
    parent: Checksum,
    cluster: u128,
}

impl Link {
    fn new(offset: u64, header: &Header) -> Self {
        Self {
            offset,
            op: header.op.get(),
            checksum: header.checksum,
            parent: header.parent,
            cluster: header.cluster.get(),
        }
    }
}

/// Why the tail from `from` to `end` is not cut, if complete entries are in it that may be the log's own.
pub(super) fn reason_to_leave(
    source: &Source,
    scan: &Scan<'_>,
    message_size_max: u32,
    tail: std::ops::Range<u64>,
    covered: &[Covered],
) -> io::Result<Option<Reason>> {
    let Some(profile) = scan.profile() else { return Ok(None) };
    let mut reader = source::reader(source.clone(), profile, message_size_max)?;
    let entries = complete_entries(&mut reader, tail.clone())?;
    let Some(first) = entries.first() else { return Ok(None) };
    let torn = |entry: &&(Link, u64)| {
        covered.iter().find(|place| place.damage.offset < entry.0.offset && entry.1 <= place.until)
    };
    if let Some((intact, _)) = entries.iter().find(|entry| torn(entry).is_none()) {
        return Ok(Some(Reason::Intact { offset: intact.offset }));
    }
    let mut known = Known { until: tail.start, ..Known::default() };
    scan.run(|| Known { until: tail.start, ..Known::default() }, |part| known.append(part))?;
    let mut content = HashSet::new();
    for entry in &entries {
        let Some(torn) = torn(&entry) else { continue };
        if known.may_be_of_log(&entry.0, &Link::new(torn.damage.offset, &torn.header), &content) {
            return Ok(Some(Reason::Entries { offset: first.0.offset, count: entries.len() as u64 }));
        }
        content.insert(entry.0.checksum);
    }
    Ok(None)
}

/// The complete entries that start in `range`, and where each ends. None overlaps another.
fn complete_entries(reader: &mut LogReader, range: std::ops::Range<u64>) -> io::Result<Vec<(Link, u64)>> {
    let mut entries = Vec::new();
    let mut vain = range.end.saturating_sub(range.start).saturating_mul(VAIN_MAX);
    let mut at = range.start;
    while at < range.end
        && let Some(offset) = reader.search(at, range.end).map_err(source::into_io)?
    {
        at = offset.saturating_add(1);
        let head = match reader.next_header() {
            Ok(Some(head)) => head,
            // Its entry ends after the file does.
            Ok(None) | Err(ReadError::Damage(_)) => continue,
            Err(error) => return Err(source::into_io(error)),
        };
        let size = head.header.size_disk();
        reader.set_position(offset);
        let is_complete = match vain.checked_sub(size) {
            None => true,
            Some(left) => match reader.next() {
                Ok(entry) => entry.is_some(),
                Err(ReadError::Damage(_)) => {
                    vain = left;
                    false
                }
                Err(error) => return Err(source::into_io(error)),
            },
        };
        if is_complete {
            at = offset.saturating_add(size);
            entries.push((Link::new(offset, &head.header), at));
        }
    }
    Ok(entries)
}

/// The entries before the tail.
#[derive(Default)]
struct Known {
    until: u64,
    checksums: HashSet<Checksum>,
    /// Of those before the first entry, too.
    parents: HashSet<Checksum>,
}

impl Known {
    fn append(&mut self, next: Self) {
        self.checksums.extend(next.checksums);
        self.parents.extend(next.parents);
    }

    fn may_be_of_log(&self, entry: &Link, torn: &Link, content: &HashSet<Checksum>) -> bool {
        let is_again = self.checksums.contains(&entry.checksum) || self.parents.contains(&entry.checksum);
        let goes_on = entry.parent != torn.parent && self.checksums.contains(&entry.parent);
        let is_ahead =
            entry.cluster == torn.cluster && entry.op > torn.op && !content.contains(&entry.parent);
        is_again || goes_on || is_ahead
    }
}

impl Sink for Known {
    fn entry(&mut self, located: Located<'_>) {
        if located.offset < self.until {
            self.checksums.insert(located.entry.header.checksum);
            self.parents.insert(located.entry.header.parent);
        }
    }

    fn damage(&mut self, _: Damage, _: u64) {}
}
