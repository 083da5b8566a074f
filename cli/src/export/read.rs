//! One log, as it stands in its file: [`read`].
//!
//! The file is read once, by all cores, and its entries are taken in its order. After a restart a replica
//! writes again what it has written before: an op that came before is passed over. Memory does not grow
//! with the log: of the ops that came, ranges are kept, with the checksums at their ends; of the others'
//! checksums and fingerprints the last [`WINDOW`]. So another entry for one of the last ops, a fork, is seen at once, and a
//! fork farther back where its history goes on beyond the ops that came. At a fork the export ends: nobody
//! can tell which of the two histories is the right one, and rows of both would be neither.
//!
//! After damage whose end is not proven, what is found may be content of a body. From there on the log is read as a
//! merge reads it, which decides that: [`Read::Unproven`].

use super::loss::Loss;
use super::ops::{Ops, Place};
use super::select::Select;
use crate::failure::{Failure, shown};
use crate::limit;
use crate::looks_like::is_device;
use crate::merge::region::Boundaries;
use crate::output::{self, Progress, WATCH};
use crate::reading;
use crate::survey::neighbour::{Neighbour, Recent};
use crate::survey::{Finding, Kind, ZerosAre};
use aof_nostd::chain::{Chain, ChainLink, Relation, Window};
use aof_nostd::{Damage, Header, Located, Op};
use aof_std::scan::{Scan, Sink};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Takes entries that are asked for, each op once.
pub trait Taker {
    /// Whether it looks at bodies.
    const BODIES: bool;

    /// Takes one.
    ///
    /// # Errors
    ///
    /// [`Failure`]: no more are wanted.
    fn take(&mut self, file: &Arc<Path>, offset: u64, header: &Header, body: &[u8]) -> Result<(), Failure>;
}

/// Ops whose checksums are remembered. A replica goes back by at most its journal's length, 1,024.
pub const WINDOW: usize = 4096;

/// Ranges of ops that are remembered: about 100 MiB. A log of a replica has a handful.
const RANGES_MAX: usize = 1 << 20;

/// Entries that are looked at for being above the limit; a forged header may be below all limits.
const OUTSIZE_MAX: usize = 100;

/// A segment's bodies are held, and some segments are at once.
const SEGMENT_SIZE_MAX: u64 = 4 << 20;

/// What reading a log came to.
#[derive(Debug)]
pub enum Read {
    /// All of it was read.
    All(Loss),
    /// Entries follow damage whose end is not proven. Those of these ops, before it, were taken.
    Unproven(Ops),
}

/// Reads a log.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Interrupted`], and those of `taker`.
pub fn read<T: Taker>(
    path: &Path,
    message_size_max: u32,
    select: &Select,
    taker: &mut T,
) -> Result<Read, Failure> {
    let failed = |error| Failure::read(path, error);
    let source = reading::open(path).map_err(failed)?;
    let progress = Progress::new("export", source.size());
    let scan = Scan::detect(&source, aof_std::backend()).map_err(failed)?;
    let scan = scan.with_message_size_max(message_size_max).with_watch(&WATCH);
    let scan = scan.with_segment_size_max(SEGMENT_SIZE_MAX);
    let spare: Mutex<Vec<Part<'_>>> = Mutex::default();
    let new = || {
        let part = spare.lock().ok().and_then(|mut spare| spare.pop());
        part.unwrap_or_else(|| Part { select, bodies: T::BODIES, seen: Vec::new(), bytes: Vec::new() })
    };
    let mut whole = Whole::new(path, select, taker);
    whole.boundaries = Some(Boundaries::new(&source, scan.profile(), message_size_max));
    whole.zeros = Some((source.size(), ZerosAre::of(source.size(), is_device(path))));
    let result = scan.run(new, |mut part| {
        whole.take(&part);
        if whole.failure.is_some() {
            WATCH.stop.store(true, Ordering::Relaxed); // no more is wanted
        }
        progress.show();
        part.seen.clear();
        part.bytes.clear();
        if let Ok(mut spare) = spare.lock() {
            spare.push(part);
        }
    });
    match (whole.failure.take(), result) {
        (Some(failure), _) => Err(failure),
        (None, result) => {
            result.map_err(failed)?;
            if whole.is_unproven {
                return Ok(Read::Unproven(whole.ops));
            }
            whole.settle(None);
            if let Some(text) = limit::above_in(&whole.outsize, path, message_size_max) {
                output::note(&text);
            }
            whole.loss.missing = whole.ops.missing();
            Ok(Read::All(whole.loss))
        }
    }
}

/// What a segment holds.
struct Part<'a> {
    select: &'a Select,
    bodies: bool,
    seen: Vec<Seen>,
    /// The bodies of entries that are asked for.
    bytes: Vec<u8>,
}

#[allow(clippy::large_enum_variant, reason = "nearly all are entries")]
enum Seen {
    Entry { neighbour: Neighbour, offset: u64, header: Header, is_wanted: bool, body: Range<usize> },
    Damage(Damage, u64),
    Zeros(u64),
}

impl Sink for Part<'_> {
    fn entry(&mut self, located: Located<'_>) {
        let header = located.entry.header;
        let is_wanted = self.select.entry(&header);
        let start = self.bytes.len();
        if is_wanted && self.bodies {
            self.bytes.extend_from_slice(&located.entry.body);
        }
        let body = start..self.bytes.len();
        let (neighbour, offset) = (Neighbour::of(&located), located.offset);
        self.seen.push(Seen::Entry { neighbour, offset, header, is_wanted, body });
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.seen.push(Seen::Damage(damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.seen.push(Seen::Zeros(from));
    }
}

/// Puts the segments together.
struct Whole<'a, T> {
    file: Arc<Path>,
    select: &'a Select,
    taker: &'a mut T,
    chain: Box<Chain<Window<WINDOW>>>,
    recent: Recent,
    ops: Ops,
    ranges_max: usize,
    cluster: Option<u128>,
    loss: Loss,
    /// What is damaged behind the last entry: the next one tells which ops may be lost there.
    damage: Option<Finding>,
    /// The first entries lost whose size is out of bounds: it may be the limit that is wrong.
    outsize: Vec<Finding>,
    /// A fork ended it, or an entry after damage whose end is not proven.
    is_over: bool,
    is_unproven: bool,
    boundaries: Option<Boundaries>,
    /// The file's bytes, and what zeros at its end are.
    zeros: Option<(u64, ZerosAre)>,
    /// Whether the damage since the last entry ends at an entry of the log.
    is_proven: bool,
    failure: Option<Failure>,
}

impl<'a, T: Taker> Whole<'a, T> {
    fn new(path: &Path, select: &'a Select, taker: &'a mut T) -> Self {
        Self {
            file: path.into(),
            select,
            taker,
            chain: Box::new(Chain::new(Window::new())),
            recent: Recent::new(WINDOW),
            ops: Ops::new(select.all_ops()),
            ranges_max: RANGES_MAX,
            cluster: None,
            loss: Loss::default(),
            damage: None,
            outsize: Vec::new(),
            is_over: false,
            is_unproven: false,
            boundaries: None,
            zeros: None,
            is_proven: true,
            failure: None,
        }
    }

    fn take(&mut self, part: &Part<'_>) {
        for seen in &part.seen {
            if self.is_over || self.failure.is_some() {
                return;
            }
            match seen {
                Seen::Damage(damage, until) => {
                    self.settle(None);
                    self.damage = Some(Finding::damage(*damage, *until));
                    match self.boundaries.as_mut().map(|all| all.is_proven(damage.offset, *until)) {
                        Some(Err(error)) => self.fail(Failure::read(&self.file, error)),
                        Some(Ok(is_proven)) => self.is_proven &= is_proven,
                        None => {}
                    }
                }
                Seen::Zeros(from) => {
                    // Free space is no loss; what was in a log file may be one.
                    if let Some((bytes, are @ ZerosAre::Unknown)) = self.zeros {
                        let zeros = Finding::zeros(*from, bytes, are);
                        self.loss.tell(&format!("{}: {zeros}", shown(&self.file)));
                    }
                }
                Seen::Entry { .. } if !self.is_proven => {
                    (self.is_over, self.is_unproven) = (true, true);
                }
                Seen::Entry { neighbour, offset, header, is_wanted, body } => {
                    let body = part.bytes.get(body.clone()).unwrap_or(&[]);
                    if self.is_new(*neighbour, *offset, header)
                        && *is_wanted
                        && let Err(failure) = self.taker.take(&self.file, *offset, header, body)
                    {
                        self.fail(failure);
                    }
                }
            }
        }
    }

    /// Whether an entry is of this log, and its op did not come before.
    fn is_new(&mut self, neighbour: Neighbour, offset: u64, header: &Header) -> bool {
        let op = header.op.get();
        let file = Arc::clone(&self.file);
        let place = |what: &str| format!("{}: byte {offset} (op {op}): {what}", shown(&file));
        let cluster = header.cluster.get();
        let expected = *self.cluster.get_or_insert(cluster);
        if cluster != expected {
            if self.select.ops((op, op)).is_none() {
                return false;
            }
            self.loss.is_fault = true;
            let what =
                format!("an entry of cluster {cluster} in a log of cluster {expected}: it is left out");
            self.loss.tell(&place(&what));
            return false;
        }
        self.settle(Some(op));
        self.loss.first_op = Some(self.loss.first_op.map_or(op, |first| first.min(op)));
        let link = ChainLink::from(header);
        let relation = self.chain.push(link);
        let place_of_op = match relation {
            Relation::Fork { op, known } => Place::Fork { op: op.0, known },
            _ => self.ops.insert(link),
        };
        let fork = match (relation, place_of_op) {
            (_, Place::Fork { op, known }) => Some((op, Relation::Fork { op: Op(op), known }.to_string())),
            _ => self.recent.push(neighbour).map(|forged| (op, forged.detail)),
        };
        if let Some((op, fork)) = fork {
            if !self.select.reaches(op) {
                return false; // up to the last op that is asked for, both histories are the same
            }
            self.loss.is_fault = true;
            self.loss.tell(&place(&format!("a fork: {fork}: what stands from here on is not exported")));
            self.is_over = true;
            return false;
        }
        if self.ops.ranges() > self.ranges_max {
            let what = format!(
                "more than {} ranges of ops: export a part, by --from-op and --until-op",
                self.ranges_max
            );
            let failure = Failure::Log(place(&what));
            self.fail(failure);
        }
        place_of_op == Place::New
    }

    /// Tells of the damage before the entry `next`, or before the end of what can be told, if it may have taken
    /// what is asked for.
    fn settle(&mut self, next: Option<u64>) {
        let Some(damage) = self.damage.take() else { return };
        let before = self.chain.last().map(|last| last.op.0);
        if self.select.ops(lost(damage.op, before, next)).is_some() {
            self.loss.is_fault = true;
            self.loss.tell(&format!("{}: {damage}", shown(&self.file)));
            if damage.kind == Kind::Size && self.outsize.len() < OUTSIZE_MAX {
                self.outsize.push(damage);
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }
}

/// The ops that damage may have taken, both ends included, between the ops of two entries. Where the file goes
/// back behind it, or ends, it may be any from there on.
fn lost(op: Option<u64>, before: Option<u64>, next: Option<u64>) -> (u64, u64) {
    let first = op.unwrap_or_else(|| before.map_or(0, |before| before.saturating_add(1)));
    match (op, next) {
        (_, Some(next)) if next > first => (first, next - 1),
        (Some(op), _) => (op, op),
        (None, None) => (first, u64::MAX),
        // Nothing is missing there: an entry that was repeated, or no entry at all.
        (None, Some(next)) if next == first => (before.unwrap_or(next), next),
        (None, Some(next)) => (next, u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    /// Counts what it takes.
    struct Count(u64);

    impl Taker for Count {
        const BODIES: bool = false;

        fn take(&mut self, _: &Arc<Path>, _: u64, _: &Header, _: &[u8]) -> Result<(), Failure> {
            self.0 += 1;
            Ok(())
        }
    }

    fn select(arguments: &[&str]) -> Select {
        let all = ["aof", "export", "--format", "entries", "--output", "-", "log.aof"];
        let Command::Export(args) = Args::parse_from(all.iter().chain(arguments)).command else { panic!() };
        Select::new(&args)
    }

    /// A log of every second op has as many ranges as entries. That there are too many is told with the advice to
    /// export a part; but the ops outside of that part had ranges too, and the advice came again.
    #[test]
    fn a_part_of_a_log_with_too_many_ranges_is_exported_as_is_advised() {
        for (arguments, expected) in [(&[][..], None), (&["--from-op", "100", "--until-op", "110"], Some(6))]
        {
            let select = select(arguments);
            let mut count = Count(0);
            let mut whole = Whole::new(Path::new("log.aof"), &select, &mut count);
            whole.ranges_max = 10;
            let seen = |op: u64| {
                let mut header = Header::new();
                header.op = (op * 2).into();
                header.checksum = aof_nostd::Checksum::new(op.into());
                let is_wanted = select.entry(&header);
                let bytes = aof_tests::build::entry_bytes(aof_tests::build::PROFILES[0], &header, &[]);
                let entry = aof_nostd::wire::Entry::from_prefix(&bytes).unwrap();
                let neighbour = Neighbour::of(&Located { offset: op * 272, entry });
                Seen::Entry { neighbour, offset: op * 272, header, is_wanted, body: 0..0 }
            };
            let seen = (1..200).map(seen).collect();
            whole.take(&Part { select: &select, bodies: false, seen, bytes: Vec::new() });
            let failure = whole.failure.as_ref().map(ToString::to_string);
            assert_eq!(failure.is_none(), expected.is_some(), "{failure:?}");
            assert!(failure.is_none_or(|text| text.contains("by --from-op and --until-op")));
            assert_eq!(whole.ops.missing().len(), if expected.is_some() { 5 } else { 10 });
            if let Some(expected) = expected {
                assert_eq!(count.0, expected);
            }
        }
    }

    #[test]
    fn damage_takes_the_ops_between_its_neighbours() {
        const MAX: u64 = u64::MAX;
        assert_eq!(lost(Some(4), Some(3), Some(5)), (4, 4));
        assert_eq!(lost(Some(4), Some(3), Some(9)), (4, 8), "and those behind it");
        assert_eq!(lost(Some(4), Some(3), None), (4, 4));
        assert_eq!(lost(Some(4), Some(8), Some(2)), (4, 4), "on the way back");
        assert_eq!(lost(None, Some(3), Some(6)), (4, 5));
        assert_eq!(lost(None, Some(3), None), (4, MAX));
        assert_eq!(lost(None, None, Some(6)), (0, 5));
        assert_eq!(lost(None, None, None), (0, MAX));
        assert_eq!(lost(None, Some(3), Some(4)), (3, 4));
        assert_eq!(lost(None, Some(9), Some(4)), (4, MAX));
        assert_eq!(lost(None, Some(MAX), Some(MAX)), (MAX, MAX));
        assert_eq!(lost(Some(MAX), None, Some(0)), (MAX, MAX));
    }
}
