//! What is after a log's last complete entry: [`find`].
//!
//! A scan finds all entries, and judges most logs. Before a tail is cut, or a writer continues, one more question is
//! asked that does not depend on the scan's rules: are complete entries in the tail? See [`inside`](super::inside).

use super::{Reason, Tail, TailKind, inside};
use crate::scan::{Scan, Sink, Watch};
use crate::source::{self, Source};
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::writer::UNSYNCED_MAX_DEFAULT;
use aof_nostd::{AnyProfile, Checker, Damage, DamageKind, ForeignMagic, Header, Located, Profile};
use std::collections::VecDeque;
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
    /// Complete entries in the tail that may be the log's own.
    inside: Option<Reason>,
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
        } else if self.inside.is_some() {
            self.inside
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
    let whole = finder.read()?;
    finder.judge(whole)
}

/// The profile of a log that was cut in its very first magic.
fn begun(source: &Source) -> io::Result<Option<AnyProfile>> {
    let mut bytes = Vec::new();
    source.cut_at(source.zeros_begin()?).take(MAGIC_SIZE as u64).read_to_end(&mut bytes)?;
    let mut profiles = AnyProfile::all(crate::backend()).into_iter();
    Ok(profiles.find(|profile| !bytes.is_empty() && profile.magic().starts_with(&bytes)))
}

/// A damaged entry whose end a checksum vouches for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    pub(super) damage: Damage,
    pub(super) header: Header,
    /// Where it was to end.
    pub(super) until: u64,
}

struct Finder<'a> {
    source: &'a Source,
    scan: Scan<'a>,
    message_size_max: u32,
}

impl Finder<'_> {
    fn read(&self) -> io::Result<Whole> {
        let mut whole = Whole::default();
        self.scan.run(Whole::default, |part| whole.append(part))?;
        Ok(whole)
    }

    /// Those of the damaged entries in a tail whose end a checksum vouches for.
    fn covered(&self, places: &[(Damage, u64)]) -> io::Result<Vec<Covered>> {
        let Some(profile) = self.scan.profile() else { return Ok(Vec::new()) };
        let checker = Checker::new(profile).with_message_size_max(self.message_size_max);
        let mut covered = Vec::new();
        for &(damage, _) in places {
            if let Some(until) = source::covered_until(self.source, checker, damage.offset)?
                && let Some(header) = self.header_at(damage.offset)?
            {
                covered.push(Covered { damage, header, until });
            }
        }
        Ok(covered)
    }

    /// The header of the damaged entry at `offset`, as it is stored.
    fn header_at(&self, offset: u64) -> io::Result<Option<Header>> {
        let mut head = [0; HEAD_SIZE];
        let mut source = self.source.clone();
        source.seek(SeekFrom::Start(offset))?;
        source.read_exact(&mut head)?;
        Ok(Header::read_from_suffix(&head).ok().map(|(_, header)| header))
    }

    fn judge(&self, whole: Whole) -> io::Result<Found> {
        let size = self.source.size();
        let covered = self.covered(&whole.behind.places)?;
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
        let other_profile = self.other_profile(&whole.behind.places, &covered)?;
        let inside = match tail {
            Some(tail) if tail.kind != TailKind::Zeros => {
                let range = whole.end..size.saturating_sub(zeros).max(whole.end);
                inside::reason_to_leave(self.source, &self.scan, self.message_size_max, range, &covered)?
            }
            _ => None,
        };
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
            inside,
            unsynced_from: whole.starts.front().copied().unwrap_or(whole.end),
            message_size_max: self.message_size_max,
        })
    }

    /// Where an entry of the other profile starts in the tail. The scan looks only for those of the log's own.
    /// What a sealed header covers is its body, whatever is in there.
    fn other_profile(&self, places: &[(Damage, u64)], covered: &[Covered]) -> io::Result<Option<u64>> {
        let others = AnyProfile::all(crate::backend()).into_iter();
        let name = self.scan.profile().map(|profile| profile.name());
        for other in others.filter(|other| Some(other.name()) != name) {
            let mut reader = source::reader(self.source.clone(), other, self.message_size_max)?;
            for (damage, until) in places {
                let place = covered.iter().find(|place| place.damage.offset == damage.offset);
                let from = place.map_or(damage.offset, |place| place.until);
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
    entries: u64,
    last: Option<Header>,
    /// Where the last entry ends.
    end: u64,
    /// Damage with an entry behind it.
    middle: Places,
    /// Damage behind the last entry.
    behind: Places,
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

    fn append(&mut self, next: Self) {
        if next.entries > 0 {
            self.middle.append(std::mem::take(&mut self.behind));
            self.entries += next.entries;
            (self.last, self.end) = (next.last, next.end);
        }
        self.middle.append(next.middle);
        self.behind.append(next.behind);
        self.zeros = next.zeros.or(self.zeros);
        next.starts.into_iter().for_each(|start| self.start(start));
    }
}

impl Sink for Whole {
    fn entry(&mut self, located: Located<'_>) {
        self.entries += 1;
        self.start(located.offset);
        self.end = located.offset.saturating_add(located.entry.header.size_disk());
        self.last = Some(located.entry.header);
        self.middle.append(std::mem::take(&mut self.behind));
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.behind.push(damage, until);
    }

    fn zeros(&mut self, from: u64) {
        self.zeros = Some(from);
    }
}
