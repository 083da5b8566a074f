//! What is damaged between two stretches of an input, and whether its end is known to be an entry's end.
//!
//! ```text
//! |entry 6| damaged ...................... |entry 8|
//!         begin   start                    end
//!                 |--- region not known ---|
//! ```
//!
//! A *boundary* is a byte at which an entry of the log begins or ends. A region is *proven* where its end is one,
//! given that its beginning is:
//!
//! | proof | |
//! |---|---|
//! | a sealed header | its checksum matches, so its size does: the damaged entry ends there |
//! | a repaired size | the header's checksum matches once the size says that the entry ends there |
//! | the successor | the entry at the end that the damaged header states names the damaged one as its parent |
//!
//! Where there is none, the search for the next entry may have led into the body of the damaged one. The proven part
//! of the region moves `start` ahead; the last proven entry is the *anchor* there.

use super::read::Part;
use aof_nostd::wire::{EntryHead, HEAD_SIZE, Header, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Checksum, Located, Profile, ReadError};
use aof_std::scan::Sink as _;
use aof_std::{LogReader, Source};
use std::io::{self, Seek, SeekFrom};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// An entry that ends at a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) op: u64,
    pub(super) checksum: Checksum,
}

/// A damaged region.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Region {
    /// Where it begins: the end of the entry before it, or 0.
    pub(super) begin: u64,
    /// The last boundary in it that is known if its beginning is one.
    pub(super) start: u64,
    /// Where it ends: at the next entry, or with the file.
    pub(super) end: u64,
    /// The number of the stretch after it; the number of all where the file ends, or another input follows.
    pub(super) stretch: u64,
    /// Its sealed headers, by number: the first, and the one after the last.
    pub(super) sealed: [u64; 2],
    anchor_op: u64,
    anchor: Checksum,
    pub(super) input: u32,
    flags: u32,
}

impl Region {
    const ANCHOR: u32 = 1;
    const UNPROVEN: u32 = 2;
    const CONTINUED: u32 = 4;
    const TORN: u32 = 8;

    pub(super) fn new(input: u32, begin: u64, last: Option<Anchor>, sealed: u64) -> Self {
        let mut region = Self {
            begin,
            start: begin,
            end: begin,
            stretch: 0,
            sealed: [sealed; 2],
            anchor_op: 0,
            anchor: Checksum::ZERO,
            input,
            flags: 0,
        };
        if let Some(last) = last {
            region.advance(begin, last);
        }
        region
    }

    /// What begins with a sealed header inside of another region, which reaches up to `until`. Whether its entry is
    /// whole nobody has judged: it ends where its size tells.
    pub(super) fn inside(input: u32, offset: u64, header: &Header, until: u64, sealed: u64) -> Self {
        let mut region = Self::new(input, offset, None, sealed);
        let end = offset.saturating_add(header.size_disk());
        region.end = until;
        region.advance(end, Anchor { op: header.op.get(), checksum: header.checksum });
        if end != until {
            region.flags |= Self::UNPROVEN;
        }
        region
    }

    /// The entry that ends at its start; `None` at the beginning of a file.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        let anchor = Anchor { op: self.anchor_op, checksum: self.anchor };
        (self.flags & Self::ANCHOR != 0).then_some(anchor)
    }

    pub(super) fn is_proven(&self) -> bool {
        self.flags & Self::UNPROVEN == 0
    }

    /// Whether a writer was torn in it, in an entry whose header is sealed.
    pub(super) fn is_torn(&self) -> bool {
        self.flags & Self::TORN != 0
    }

    /// It is over: `stretch` is the number of the next stretch, and `sealed` that of the next sealed header.
    pub(super) fn end_before(&mut self, stretch: u64, sealed: u64) {
        self.stretch = stretch;
        self.sealed[1] = sealed;
    }

    /// Whether the next region begins inside of it or where it ends: with a damaged entry whose header is sealed.
    pub(super) fn is_continued(&self) -> bool {
        self.flags & Self::CONTINUED != 0
    }

    pub(super) fn set_continued(&mut self) {
        self.flags |= Self::CONTINUED;
    }

    /// The two as one, with what is between them.
    pub(super) fn joined_with(self, next: &Self) -> Self {
        let flags = (self.flags & !Self::CONTINUED) | (next.flags & Self::CONTINUED);
        Self { end: next.end.max(self.end), stretch: next.stretch, flags, ..self }
    }

    fn advance(&mut self, start: u64, anchor: Anchor) {
        self.start = start;
        (self.anchor_op, self.anchor) = (anchor.op, anchor.checksum);
        self.flags |= Self::ANCHOR;
    }
}

/// A damaged entry whose header is sealed: its size and its place in the chain are known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Sealed {
    pub(super) op: u64,
    pub(super) offset: u64,
    pub(super) size_disk: u64,
    pub(super) checksum: Checksum,
    pub(super) parent: Checksum,
    state: u64,
}

impl Sealed {
    const IN_PLACE: u64 = 1;
    const LIKELY: u64 = 2;

    /// Whether it is an entry of the log, or likely one.
    pub(super) fn is_in_place(&self) -> bool {
        self.state != 0
    }

    /// Whether it is one for sure.
    pub(super) fn is_sure(&self) -> bool {
        self.state == Self::IN_PLACE
    }

    /// It is in place; tells whether that is new.
    pub(super) fn set_in_place(&mut self, is_likely: bool) -> bool {
        let before = self.state;
        match (is_likely, before) {
            (false, _) => self.state = Self::IN_PLACE,
            (true, 0) => self.state = Self::LIKELY,
            _ => {}
        }
        self.state != before
    }

    /// Where it was to end.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size_disk)
    }

    pub(super) fn new(offset: u64, header: &Header) -> Self {
        Self {
            op: header.op.get(),
            offset,
            size_disk: header.size_disk(),
            checksum: header.checksum,
            parent: header.parent,
            state: 0,
        }
    }
}

/// Reads what a scan does not show: the heads of damaged entries, and the entries inside of them.
pub(crate) struct Boundaries {
    source: Source,
    profile: Option<AnyProfile>,
    message_size_max: u32,
    /// Looks inside of damaged entries; made when it is needed.
    inside: Option<LogReader>,
    /// Bytes that may still be hashed inside of damaged entries.
    budget: u64,
}

/// How many times the bytes of an input may be hashed to find entries inside of damaged ones.
const BUDGET: u64 = 8;

impl Boundaries {
    pub(crate) fn new(source: &Source, profile: Option<AnyProfile>, message_size_max: u32) -> Self {
        let budget = source.size().saturating_mul(BUDGET);
        Self { source: source.clone(), profile, message_size_max, inside: None, budget }
    }

    /// Takes the damage from `offset` to `until` into `region`, which reaches up to it. Returns the header of the damaged
    /// entry, if it is sealed.
    pub(crate) fn pass(
        &mut self,
        region: &mut Region,
        offset: u64,
        until: u64,
    ) -> io::Result<Option<Header>> {
        region.end = until;
        if !region.is_proven() {
            return Ok(None);
        }
        let Some((profile, head)) = self.profile.zip(self.head(offset)?) else {
            region.flags |= Region::UNPROVEN;
            return Ok(None);
        };
        if let Some(header) = sealed_header(&profile, &head, offset, until) {
            let end = offset.saturating_add(header.size_disk());
            region.advance(end, Anchor { op: header.op.get(), checksum: header.checksum });
            if end < until {
                region.flags |= Region::UNPROVEN;
            } else if end > until && until < self.source.size() {
                // The scan has seen the proof that a writer was torn here, and not where it went on: there may be
                // another damaged entry before the one that was found.
                region.flags |= Region::UNPROVEN | Region::TORN;
            }
            return Ok(Some(header));
        }
        match self.head(until)?.filter(|next| next.magic == profile.magic() && next.header.verify(&profile)) {
            Some(next)
                if head.magic == profile.magic()
                    && offset.saturating_add(head.header.size_disk()) == until
                    && is_parent(&profile, &head.header, &next.header) =>
            {
                let op = next.header.op.get().saturating_sub(1);
                region.advance(until, Anchor { op, checksum: next.header.parent });
            }
            _ => region.flags |= Region::UNPROVEN,
        }
        Ok(None)
    }

    /// Whether the header of the damaged entry from `offset` to `until` is sealed.
    pub(super) fn is_sealed(&mut self, offset: u64, until: u64) -> io::Result<bool> {
        let head = self.profile.zip(self.head(offset)?);
        Ok(head.is_some_and(|(profile, head)| sealed_header(&profile, &head, offset, until).is_some()))
    }

    /// Whether the damage from `offset` to `until` ends at a boundary, if it begins at one.
    pub(crate) fn is_proven(&mut self, offset: u64, until: u64) -> io::Result<bool> {
        let mut region = Region::new(0, offset, None, 0);
        self.pass(&mut region, offset, until)?;
        Ok(region.is_proven())
    }

    /// The head of an entry that begins at `offset`, valid or not; `None` if the file ends before it does.
    fn head(&mut self, offset: u64) -> io::Result<Option<EntryHead>> {
        if self.source.size().saturating_sub(offset) < HEAD_SIZE as u64 {
            return Ok(None);
        }
        self.source.seek(SeekFrom::Start(offset))?;
        let mut bytes = [0; HEAD_SIZE];
        io::Read::read_exact(&mut self.source, &mut bytes)?;
        Ok(EntryHead::read_from_bytes(&bytes).ok())
    }

    /// The first entry in `from..until`, which a damaged entry covers, or the first header there that is sealed.
    pub(super) fn next_inside(&mut self, mut from: u64, until: u64) -> io::Result<Option<Inside>> {
        let Some(profile) = self.profile else { return Ok(None) };
        if self.inside.is_none() {
            self.inside = Some(aof_std::source::reader(self.source.clone(), profile, self.message_size_max)?);
        }
        let Some(mut reader) = self.inside.as_mut() else { return Ok(None) };
        while self.budget > 0
            && from < until
            && let Some(at) = reader.search(from, until).map_err(device)?
        {
            from = at + 1;
            let is_whole = match reader.next_header() {
                Ok(Some(located)) => {
                    // What it costs to find out whether its body is valid.
                    self.budget = self.budget.saturating_sub(located.header.size_disk());
                    true
                }
                Ok(None) | Err(ReadError::Damage(_)) => false,
                Err(error) => return Err(device(error)),
            };
            reader.set_position(at);
            match if is_whole { reader.next() } else { Ok(None) } {
                Ok(Some(located)) => {
                    let mut part = Part::default();
                    part.entry(Located { offset: at, entry: located.entry });
                    return Ok(Some(Inside::Entry(part)));
                }
                Ok(None) | Err(ReadError::Damage(_)) => {}
                Err(error) => return Err(device(error)),
            }
            if let Some(head) = self.head(at)?.filter(|head| head.header.verify(&profile)) {
                return Ok(Some(Inside::Sealed(at, head.header)));
            }
            let Some(again) = self.inside.as_mut() else { return Ok(None) };
            reader = again;
        }
        Ok(None)
    }
}

/// What is inside of a damaged entry.
pub(super) enum Inside {
    Entry(Part),
    /// The first byte of a damaged entry, and its header, which is sealed.
    Sealed(u64, Header),
}

/// The header of the damaged entry at `offset`, if its checksum matches, or does once the size says that the entry
/// ends at `until`.
fn sealed_header(profile: &AnyProfile, head: &EntryHead, offset: u64, until: u64) -> Option<Header> {
    if head.header.verify(profile) {
        return Some(head.header);
    }
    let size = until.checked_sub(offset)?.checked_sub(MAGIC_SIZE as u64)?;
    let mut header = head.header;
    header.size = u32::try_from(size).ok()?.into();
    (head.magic == profile.magic() && size >= size_of::<Header>() as u64 && header.verify(profile))
        .then_some(header)
}

fn device(error: ReadError<io::Error>) -> io::Error {
    match error {
        ReadError::Device(error) => error,
        other => io::Error::other(other),
    }
}

/// Whether `next` names the damaged header's entry as its parent: by the checksum that is stored there, or by the
/// one of what else is stored there.
fn is_parent(profile: &AnyProfile, damaged: &Header, next: &Header) -> bool {
    let stored = damaged.checksum;
    (stored != Checksum::ZERO && next.parent == stored) || next.parent == profile.checksum(damaged.covered())
}
