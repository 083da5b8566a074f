//! What stands behind a log's last whole entry: [`find`].
//!
//! A scan tells all whole entries, and most logs are judged by that. One case needs more: a torn entry whose
//! body holds whole entries (somebody stored a log in a log). The scan finds them, since nothing tells it that
//! they are none of the log's:
//!
//! ```text
//!   | entry | entry | magic | header | body ... | entry | entry | ..   ,  ,  ,  the header says: up to here
//!                   P                                               size
//! ```
//!
//! So each damaged entry at P is looked at whose header is whole and reaches over the file's end (or over the
//! zeros that end it). What stands behind P is the log's own, written by somebody who did not cut a torn tail, if
//! one of these entries
//!
//! - stands before P too, or its parent does: a replica's journal replayed, or the chain that goes on;
//! - has the torn entry's own parent: the second try;
//! - is of its cluster and not of a lower op: a state sync may have jumped ahead.
//!
//! Then P is damage in the middle, and stays. Otherwise they look like content of the torn body, and the log ends
//! behind the last entry before P; but nothing proves it, so that such a tail is cut only where the caller says so.

use super::{Reason, Tail, TailKind};
use crate::scan::{Scan, Sink, Watch};
use crate::source::{self, Source};
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::writer::UNSYNCED_MAX_DEFAULT;
use aof_nostd::{AnyProfile, Checksum, Damage, DamageKind, ForeignMagic, Header, Located, Profile};
use std::collections::{HashSet, VecDeque};
use std::io::{self, Read, Seek, SeekFrom};
use zerocopy::FromBytes;

/// What a log holds.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) profile: Option<AnyProfile>,
    pub(crate) entries: u64,
    pub(crate) last: Option<Header>,
    pub(crate) end: u64,
    /// Damage with an entry behind it, and where each place ends.
    pub(crate) damage: Vec<(Damage, u64)>,
    pub(crate) damaged_places: u64,
    pub(crate) tail: Option<Tail>,
    /// Damage in the tail.
    pub(crate) tail_damage: Vec<(Damage, u64)>,
    /// Damage in the tail that no crash leaves.
    strange: Option<Damage>,
    /// Where an entry of the other profile starts in the tail.
    other_profile: Option<u64>,
    /// Whole entries in the torn body that the tail begins with: the first, and how many.
    nested: Option<(u64, u64)>,
    /// Where the entries begin that a writer may have left unsynced.
    pub(crate) unsynced_from: u64,
    message_size_max: u32,
}

impl Found {
    /// Whether it is a log, or may be one that was cut in its very first entry: then it begins as one does, or
    /// is zero. A file that begins otherwise may be anything.
    pub(crate) fn is_log(&self) -> bool {
        let is_garbage = self.tail.is_some_and(|tail| tail.kind == TailKind::Garbage);
        self.entries > 0 || !is_garbage || self.strange.is_some()
    }

    /// Why the tail is not what a crash left, if it is not.
    pub(crate) fn no_crash(&self) -> Option<Reason> {
        let unsynced_max = u64::from(UNSYNCED_MAX_DEFAULT);
        if let Some(damage) = self.strange {
            Some(Reason::Strange(damage))
        } else if let Some(offset) = self.other_profile {
            Some(Reason::OtherProfile { offset })
        } else if let Some((offset, count)) = self.nested {
            Some(Reason::Entries { offset, count })
        } else if self.tail?.kept_size() > unsynced_max.saturating_mul(entry_size_max(self.message_size_max))
        {
            Some(Reason::TooLong)
        } else {
            None
        }
    }
}

/// The largest entry on disk, bytes.
fn entry_size_max(message_size_max: u32) -> u64 {
    MAGIC_SIZE as u64 + u64::from(message_size_max)
}

/// Reads `source` whole.
pub(crate) fn find(source: &Source, message_size_max: u32, watch: Option<&Watch>) -> io::Result<Found> {
    let mut scan = Scan::detect(source, crate::backend())?;
    if let (None, Some(profile)) = (scan.profile(), begun(source)?) {
        scan = Scan::new(source, profile);
    }
    scan = scan.with_message_size_max(message_size_max);
    if let Some(watch) = watch {
        scan = scan.with_watch(watch);
    }
    let finder = Finder { source, scan, message_size_max };
    let mut whole = finder.read(u64::MAX)?;
    let mut nested = None;
    if let Some((torn, until, entries)) = finder.torn_with_entries(&whole)? {
        whole = finder.read(torn.offset)?;
        whole.behind.push(torn, until);
        nested = Some(entries);
    }
    finder.judge(whole, nested)
}

/// The profile of a log that was cut in its very first magic.
fn begun(source: &Source) -> io::Result<Option<AnyProfile>> {
    let mut bytes = Vec::new();
    source.cut_at(source.zeros_begin()?).take(MAGIC_SIZE as u64).read_to_end(&mut bytes)?;
    let mut profiles = AnyProfile::all(crate::backend()).into_iter();
    Ok(profiles.find(|profile| !bytes.is_empty() && profile.magic().starts_with(&bytes)))
}

/// A torn entry, where it ends, and the entries in its body: the first, and how many.
type Nested = (Damage, u64, (u64, u64));

struct Finder<'a> {
    source: &'a Source,
    scan: Scan<'a>,
    message_size_max: u32,
}

impl Finder<'_> {
    /// Reads the file, and forgets what starts at `until` or behind it.
    fn read(&self, until: u64) -> io::Result<Whole> {
        // Only damage that begins here can be an entry that reaches over the end.
        let near = self.source.zeros_begin()?.saturating_sub(entry_size_max(self.message_size_max));
        let mut whole = Whole { until, near, ..Whole::default() };
        self.scan.run(|| Whole { until, near, ..Whole::default() }, |part| whole.append(part))?;
        Ok(whole)
    }

    /// The first torn entry whose body holds the whole entries behind it, if there is one: it, where it ends, and
    /// the first of those entries and how many there are.
    fn torn_with_entries(&self, whole: &Whole) -> io::Result<Option<Nested>> {
        let Some(profile) = self.scan.profile() else { return Ok(None) };
        let end = whole.zeros.unwrap_or(self.source.size());
        let mut torn = Vec::new();
        for &damage in &whole.reaching {
            if let Some(header) = self.header_at(damage.offset, &profile)? {
                let reach = damage.offset.saturating_add(header.size_disk());
                if reach > end {
                    torn.push((damage.offset, reach - end, header));
                }
            }
        }
        let Some(&(first, ..)) = torn.first() else { return Ok(None) };
        let mut links = Links { from: first, ..Links::default() };
        self.scan.run(|| Links { from: first, ..Links::default() }, |part| links.append(part))?;
        let mut behind = links.behind.as_slice();
        for (offset, missing, header) in torn {
            let before = behind.partition_point(|link| link.offset < offset);
            let (passed, rest) = behind.split_at(before);
            links.known.extend(passed.iter().map(|link| link.checksum));
            behind = rest;
            if !behind.iter().any(|link| link.is_of_log(&links.known, &header)) {
                let kind = DamageKind::TornTail { missing };
                let first = behind.first().map_or(offset, |link| link.offset);
                let torn = Damage { offset, op: Some(header.op()), kind };
                return Ok(Some((torn, end, (first, behind.len() as u64))));
            }
        }
        Ok(None)
    }

    /// The header of the damaged entry at `offset`, if it is whole.
    fn header_at(&self, offset: u64, profile: &AnyProfile) -> io::Result<Option<Header>> {
        let mut head = [0; HEAD_SIZE];
        let mut source = self.source.clone();
        source.seek(SeekFrom::Start(offset))?;
        source.read_exact(&mut head)?;
        let Ok((_, header)) = Header::read_from_suffix(&head) else { return Ok(None) };
        let is_whole = header.verify(profile) && header.invalid(self.message_size_max).is_none();
        Ok(is_whole.then_some(header))
    }

    fn judge(&self, whole: Whole, nested: Option<(u64, u64)>) -> io::Result<Found> {
        let size = self.source.size();
        let zeros = whole.zeros.map_or(0, |from| size.saturating_sub(from.max(whole.end)));
        let first = whole.behind.places.first().map(|(damage, _)| *damage);
        let tail = (whole.end < size).then(|| Tail {
            offset: whole.end,
            size: size - whole.end,
            zeros,
            kind: first.map_or(TailKind::Zeros, |damage| TailKind::of(damage.kind)),
            op: first.and_then(|damage| damage.op),
            places: whole.behind.count,
        });
        let other_profile = self.other_profile(&whole.behind.places)?;
        Ok(Found {
            profile: self.scan.profile(),
            entries: whole.entries,
            last: whole.last,
            end: whole.end,
            damage: whole.middle.places,
            damaged_places: whole.middle.count,
            tail,
            strange: whole.behind.strange,
            tail_damage: whole.behind.places,
            other_profile,
            nested: nested.filter(|(_, count)| *count > 0),
            unsynced_from: whole.starts.front().copied().unwrap_or(whole.end),
            message_size_max: self.message_size_max,
        })
    }

    /// Where an entry of the other profile starts in the tail. The scan looks only for those of the log's own.
    /// What an entry with a whole header covers is its body, whatever is in there.
    fn other_profile(&self, places: &[(Damage, u64)]) -> io::Result<Option<u64>> {
        let others = AnyProfile::all(crate::backend()).into_iter();
        let found = self.scan.profile();
        let name = found.map(|profile| profile.name());
        for other in others.filter(|other| Some(other.name()) != name) {
            let mut reader = source::reader(self.source.clone(), other, self.message_size_max)?;
            for (damage, until) in places {
                let from = match (damage.op, found) {
                    (Some(_), Some(profile)) => match self.header_at(damage.offset, &profile)? {
                        Some(header) => damage.offset.saturating_add(header.size_disk()),
                        None => damage.offset,
                    },
                    _ => damage.offset,
                };
                if from < *until
                    && let Some(start) = reader.search(from, *until).map_err(source::into_io)?
                {
                    return Ok(Some(start));
                }
            }
        }
        Ok(None)
    }
}

/// Places of damage that are kept; there may be millions.
const PLACES_MAX: usize = 1024;

/// Damage, in the order of the file.
#[derive(Debug, Default)]
struct Places {
    places: Vec<(Damage, u64)>,
    count: u64,
    /// The first that no crash leaves.
    strange: Option<Damage>,
}

impl Places {
    fn push(&mut self, damage: Damage, until: u64) {
        self.count += 1;
        if self.places.len() < PLACES_MAX {
            self.places.push((damage, until));
        }
        let no_crash = matches!(
            damage.kind,
            DamageKind::HeaderInvalid(_)
                | DamageKind::Magic(ForeignMagic::OtherProfile | ForeignMagic::Legacy)
        );
        if no_crash {
            self.strange.get_or_insert(damage);
        }
    }

    fn append(&mut self, next: Self) {
        self.count += next.count;
        let room = PLACES_MAX.saturating_sub(self.places.len());
        self.places.extend(next.places.into_iter().take(room));
        self.strange = self.strange.or(next.strange);
    }
}

/// What a segment holds, and then all of them.
#[derive(Debug, Default)]
struct Whole {
    until: u64,
    near: u64,
    entries: u64,
    last: Option<Header>,
    /// Where the last entry ends.
    end: u64,
    /// Damage with an entry behind it.
    middle: Places,
    /// Damage behind the last entry.
    behind: Places,
    /// Damaged bodies in the middle that may reach over the file's end.
    reaching: Vec<Damage>,
    zeros: Option<u64>,
    /// Where the last entries begin: as many as a writer may leave unsynced.
    starts: VecDeque<u64>,
}

impl Whole {
    fn start(&mut self, offset: u64) {
        if self.starts.len() == UNSYNCED_MAX_DEFAULT as usize {
            self.starts.pop_front();
        }
        self.starts.push_back(offset);
    }

    fn append(&mut self, mut next: Self) {
        if next.entries > 0 {
            self.middle.append(std::mem::take(&mut self.behind));
            self.entries += next.entries;
            (self.last, self.end) = (next.last, next.end);
        }
        self.middle.append(next.middle);
        self.behind.append(next.behind);
        self.reaching.append(&mut next.reaching);
        self.zeros = next.zeros.or(self.zeros);
        next.starts.into_iter().for_each(|start| self.start(start));
    }
}

impl Sink for Whole {
    fn entry(&mut self, located: Located<'_>) {
        if located.offset >= self.until {
            return;
        }
        self.entries += 1;
        self.start(located.offset);
        self.end = located.offset.saturating_add(located.entry.header.size_disk());
        self.last = Some(located.entry.header);
        self.middle.append(std::mem::take(&mut self.behind));
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        if damage.offset >= self.until {
            return;
        }
        self.behind.push(damage, until);
        if damage.offset >= self.near && matches!(damage.kind, DamageKind::BodyChecksum) {
            self.reaching.push(damage);
        }
    }

    fn zeros(&mut self, from: u64) {
        self.zeros = Some(from);
    }
}

/// What the entries before a place are, and which stand behind it.
#[derive(Default)]
struct Links {
    from: u64,
    known: HashSet<Checksum>,
    behind: Vec<Link>,
}

struct Link {
    offset: u64,
    op: u64,
    checksum: Checksum,
    parent: Checksum,
    cluster: u128,
}

impl Link {
    /// Whether an entry behind the torn one is the log's own. See the [module](self).
    fn is_of_log(&self, known: &HashSet<Checksum>, torn: &Header) -> bool {
        known.contains(&self.checksum)
            || known.contains(&self.parent)
            || self.parent == torn.parent
            || (self.cluster == torn.cluster.get() && self.op >= torn.op.get())
    }
}

impl Links {
    fn append(&mut self, next: Self) {
        self.known.extend(next.known);
        self.behind.extend(next.behind);
    }
}

impl Sink for Links {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        if located.offset < self.from {
            self.known.insert(header.checksum);
        } else {
            self.behind.push(Link {
                offset: located.offset,
                op: header.op.get(),
                checksum: header.checksum,
                parent: header.parent,
                cluster: header.cluster.get(),
            });
        }
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {}
}
