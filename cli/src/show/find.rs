//! Which entries are meant, and what stands around them: [`find`].
//!
//! The file is read twice, by all cores: once for the entries, once for their neighbours and copies.
//! Memory does not grow with the file: what there may be many of is listed up to a bound, and counted.

use super::args::ShowArgs;
use super::timeline::Timeline;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::limit::Outsize;
use crate::looks_like::is_device;
use crate::output::{Progress, WATCH};
use crate::survey::ZerosAre;
use aof_nostd::wire::Header;
use aof_nostd::{Checksum, Damage, Located};
use aof_std::Source;
use aof_std::scan::{Scan, Sink};
use std::collections::HashMap;

/// Places listed of a kind.
pub const PLACES_MAX: usize = 1000;

/// Different entries shown.
pub const ENTRIES_MAX: usize = 100;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An op.
    Op(u64),
    /// A checksum.
    Checksum(Checksum),
    /// A byte of the file.
    Offset(u64),
    /// The last entry up to a time, ns, of those that have one.
    At(u64),
}

impl Wanted {
    /// What the arguments ask for.
    #[must_use]
    pub fn new(args: &ShowArgs) -> Option<Self> {
        let op = args.op.map(Self::Op);
        let checksum = args.checksum.map(Self::Checksum);
        op.or(checksum).or(args.offset.map(Self::Offset)).or(args.at.map(Self::At))
    }
}

/// An entry's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its op.
    pub op: u64,
    /// Its checksum.
    pub checksum: Checksum,
    /// Its first byte.
    pub offset: u64,
}

/// Some places, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The first of them, in the order of the file.
    pub listed: Vec<Place>,
    /// All of them.
    pub count: u64,
}

impl Places {
    fn push(&mut self, place: Place) {
        self.count += 1;
        if self.listed.len() < PLACES_MAX {
            self.listed.push(place);
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = PLACES_MAX - self.listed.len();
        self.listed.extend(other.listed.into_iter().take(room));
    }
}

/// An entry, and what stands around it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its header.
    pub header: Header,
    /// Where it stands: the copy that holds the byte asked for, else the first in the file.
    pub offset: u64,
    /// Where it stands, that place included.
    pub copies: Places,
    /// Where its parent stands.
    pub parents: Places,
    /// Where its children stand.
    pub children: Places,
}

/// What a file holds: told where an entry is not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    /// Entries.
    pub entries: u64,
    /// The lowest and the highest op.
    pub ops: Option<(u64, u64)>,
    /// The highest op below the one looked for.
    pub op_below: Option<u64>,
    /// The lowest op above the one looked for.
    pub op_above: Option<u64>,
    /// The first and the last time, ns.
    pub times: Option<(u64, u64)>,
    /// Entries without a time: 0, as a device without a clock writes it.
    pub untimed: u64,
    /// Different entries that are meant, up to [`PLACES_MAX`].
    pub different: usize,
    /// Whether there are more.
    pub is_more: bool,
    /// The damage that the byte looked for lies in, and its end.
    pub damage_there: Option<(Damage, u64)>,
    /// Damaged places.
    pub damages: u64,
    /// The first of them, and its end.
    pub damage_first: Option<(Damage, u64)>,
    /// Where the last of them begins.
    pub damage_last: Option<u64>,
    /// The file's size.
    pub bytes: u64,
    /// Where the zeros begin that end it.
    pub zeros_from: Option<u64>,
    /// What they are.
    pub zeros_are: Option<ZerosAre>,
}

/// What [`find`] found.
#[derive(Debug)]
pub struct Findings {
    /// The entries that are meant: each once, in the order of the file.
    pub found: Vec<Found>,
    /// What the file holds.
    pub extent: Extent,
    /// Damage that may be entries above the limit.
    pub outsize: Outsize,
    /// Where a time is looked for: which ops the file has.
    pub timeline: Option<Timeline>,
}

impl Extent {
    fn join(&mut self, next: Self) {
        self.entries += next.entries;
        self.damages += next.damages;
        self.untimed += next.untimed;
        self.ops = joined(self.ops, next.ops);
        self.op_below = self.op_below.max(next.op_below);
        self.op_above = [self.op_above, next.op_above].into_iter().flatten().min();
        self.times = joined(self.times, next.times);
        self.damage_there = self.damage_there.or(next.damage_there);
        self.damage_first = self.damage_first.or(next.damage_first);
        self.damage_last = self.damage_last.max(next.damage_last);
        self.zeros_from = self.zeros_from.or(next.zeros_from);
    }
}

fn joined(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

/// Finds the entries that are meant: each once, in the order of the file.
///
/// # Errors
///
/// [`Failure::Read`].
pub fn find(args: &ShowArgs, source: &Source, wanted: Wanted) -> Result<Findings, Failure> {
    let mut meant = Meant::new(wanted);
    scan(args, source, || Meant::new(wanted), |part| meant.join(part))?;
    meant.extent.bytes = source.size();
    let are = ZerosAre::of(source.size(), is_device(&args.file));
    meant.extent.zeros_are = meant.extent.zeros_from.map(|_| are);
    meant.extent.different = meant.entries.len();
    meant.extent.is_more = meant.is_more;
    let mut found: Vec<Found> = Vec::new();
    let new_timeline = || match wanted {
        Wanted::At(at) => Some(Timeline::new(at, meant.op_last)),
        _ => None,
    };
    let mut timeline = None;
    let entries: Vec<_> = meant.entries.into_iter().take(ENTRIES_MAX).collect();
    for (offset, header, _) in &entries {
        let (copies, parents, children) = Default::default();
        found.push(Found { header: *header, offset: *offset, copies, parents, children });
    }
    if !found.is_empty() {
        let mut around = Around::new(&entries, new_timeline());
        scan(args, source, || Around::new(&entries, new_timeline()), |part| around.join(part))?;
        timeline = around.timeline;
        for (found, places) in found.iter_mut().zip(around.places) {
            (found.copies, found.parents, found.children) = places;
        }
    }
    Ok(Findings { found, extent: meant.extent, outsize: meant.outsize, timeline })
}

fn scan<S: Sink>(
    args: &ShowArgs,
    source: &Source,
    new: impl Fn() -> S + Sync,
    mut take: impl FnMut(S),
) -> Result<(), Failure> {
    let failed = |error| Failure::read(&args.file, error);
    let progress = Progress::new("show", source.size());
    let scan = Scan::detect(source, aof_std::backend()).map_err(failed)?;
    let scan = scan.with_message_size_max(args.limits.message_size_max).with_watch(&WATCH);
    let take = |part| {
        take(part);
        progress.show();
    };
    scan.run(new, take).map_err(failed)
}

/// The entries that are meant: different ones, the first of them.
struct Meant {
    wanted: Wanted,
    entries: Vec<(u64, Header, Fingerprint)>,
    /// There are more than have room.
    is_more: bool,
    /// The highest op of them.
    op_last: u64,
    extent: Extent,
    outsize: Outsize,
}

impl Meant {
    fn new(wanted: Wanted) -> Self {
        let (extent, outsize) = Default::default();
        Self { wanted, entries: Vec::new(), is_more: false, op_last: 0, extent, outsize }
    }

    /// Takes an entry, unless there is one of a later time. Says whether it was not too early.
    fn push(&mut self, offset: u64, header: &Header, fingerprint: Fingerprint) -> bool {
        if let Wanted::At(_) = self.wanted {
            let last = self.entries.first().map(|(_, header, _)| header.timestamp.get());
            match last.cmp(&Some(header.timestamp.get())) {
                std::cmp::Ordering::Greater => return false,
                std::cmp::Ordering::Less => {
                    self.entries.clear();
                    self.is_more = false;
                    self.op_last = 0;
                }
                std::cmp::Ordering::Equal => {}
            }
        }
        self.op_last = self.op_last.max(header.op.get());
        if self.entries.iter().all(|(_, it, of)| (it.checksum, *of) != (header.checksum, fingerprint)) {
            if self.entries.len() < PLACES_MAX {
                self.entries.push((offset, *header, fingerprint));
            } else {
                self.is_more = true;
            }
        }
        true
    }

    fn join(&mut self, next: Self) {
        for (offset, header, fingerprint) in next.entries {
            if self.push(offset, &header, fingerprint) {
                self.is_more |= next.is_more;
                self.op_last = self.op_last.max(next.op_last);
            }
        }
        self.extent.join(next.extent);
        self.outsize.append(&next.outsize);
    }
}

impl Sink for Meant {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        let (op, time) = (header.op.get(), header.timestamp.get());
        let is_meant = match self.wanted {
            Wanted::Op(wanted) => op == wanted,
            Wanted::Checksum(wanted) => header.checksum == wanted,
            Wanted::Offset(wanted) => {
                (located.offset..located.offset.saturating_add(header.size_disk())).contains(&wanted)
            }
            Wanted::At(wanted) => time != 0 && time <= wanted,
        };
        if is_meant {
            self.push(located.offset, header, Fingerprint::of(located.entry));
        }
        let (is_below, is_above) = match self.wanted {
            Wanted::Op(wanted) => (op < wanted, op > wanted),
            Wanted::At(_) | Wanted::Checksum(_) | Wanted::Offset(_) => (false, false),
        };
        self.extent.join(Extent {
            entries: 1,
            ops: Some((op, op)),
            op_below: is_below.then_some(op),
            op_above: is_above.then_some(op),
            times: (time != 0).then_some((time, time)),
            untimed: u64::from(time == 0),
            ..Extent::default()
        });
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.extent.damages += 1;
        self.outsize.push(&damage);
        self.extent.damage_first.get_or_insert((damage, until));
        self.extent.damage_last = Some(damage.offset);
        if let Wanted::Offset(wanted) = self.wanted
            && (damage.offset..until).contains(&wanted)
        {
            self.extent.damage_there = Some((damage, until));
        }
    }

    fn zeros(&mut self, from: u64) {
        self.extent.zeros_from = Some(from);
    }
}

/// What stands around entries.
struct Around {
    /// Which of them have this checksum, and what they are; which have this parent.
    own: HashMap<Checksum, Vec<(usize, Fingerprint)>>,
    parents: HashMap<Checksum, Vec<usize>>,
    /// Of each: copies, parents, children.
    places: Vec<(Places, Places, Places)>,
    timeline: Option<Timeline>,
}

impl Around {
    fn new(entries: &[(u64, Header, Fingerprint)], timeline: Option<Timeline>) -> Self {
        let mut own: HashMap<Checksum, Vec<_>> = HashMap::new();
        let mut parents: HashMap<Checksum, Vec<usize>> = HashMap::new();
        for (index, (_, header, fingerprint)) in entries.iter().enumerate() {
            own.entry(header.checksum).or_default().push((index, *fingerprint));
            parents.entry(header.parent).or_default().push(index);
        }
        Self { own, parents, places: vec![Default::default(); entries.len()], timeline }
    }

    fn join(&mut self, next: Self) {
        for (all, next) in self.places.iter_mut().zip(next.places) {
            all.0.append(next.0);
            all.1.append(next.1);
            all.2.append(next.2);
        }
        if let (Some(timeline), Some(next)) = (&mut self.timeline, next.timeline) {
            timeline.join(next);
        }
    }
}

impl Sink for Around {
    fn entry(&mut self, located: Located<'_>) {
        let header = &located.entry.header;
        if let Some(timeline) = &mut self.timeline {
            timeline.entry(header.op.get(), header.timestamp.get());
        }
        let place = Place { op: header.op.get(), checksum: header.checksum, offset: located.offset };
        if let Some(own) = self.own.get(&header.checksum) {
            let fingerprint = Fingerprint::of(located.entry);
            for (index, _) in own.iter().filter(|(_, of)| *of == fingerprint) {
                if let Some(places) = self.places.get_mut(*index) {
                    places.0.push(place);
                }
            }
        }
        for index in self.parents.get(&header.checksum).into_iter().flatten() {
            if let Some(places) = self.places.get_mut(*index) {
                places.1.push(place);
            }
        }
        for (index, _) in self.own.get(&header.parent).into_iter().flatten() {
            if let Some(places) = self.places.get_mut(*index) {
                places.2.push(place);
            }
        }
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {}
}
