//! Which log has what: faults are dealt out, and every file is laid out. No I/O.
//!
//! ```text
//! ops      1 .. | zone 0 | zone 1 | zone 2 | zone 3 | ...        a zone holds one fault, or none
//!    r0 :         flip              gap
//!    r1 :                  back
//!    r2 :                                    zeroed sector
//! ```
//!
//! No two faults share a zone, whichever logs they are in, and a fault leaves the first op and the last two of its
//! zone alone. So an op is missing in one log at most: what a log lacks is in the others. And findings do not run
//! into each other, so that they can be told beforehand.

use super::args::FaultArgs;
use super::fault::{Fault, Zone};
use super::offsets::Offsets;
use super::place::{FileBuilder, PlannedFile};
use super::random::{Sequence, Stream};
use crate::failure::Failure;
use crate::human;
use std::path::PathBuf;

/// The fewest ops of a zone with a fault: a sector of zeros touches three of the smallest entries.
const ZONE_OPS_MIN: u64 = 8;
/// The fewest ops of a log that is torn: one whole entry, and the torn one.
const TORN_OPS_MIN: u64 = 2;
/// A block of a shuffled log has about as many ops: more than the slots of a journal.
const BLOCK_OPS: u64 = 2048;
/// The most blocks that a log is shuffled in.
const BLOCKS_MAX: u64 = 256;

/// Names of the streams, beside those of the history.
mod stream {
    pub(super) const DEAL: u64 = 100;
    pub(super) const FAULT: u64 = 101;
    pub(super) const SHUFFLE: u64 = 102;
    pub(super) const TAIL: u64 = 103;
}

/// All files, and what they lack together.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files, by replica and piece.
    pub files: Vec<PlannedFile>,
    /// Ops that no file has whole, as ranges with both ends, in order.
    pub lost: Vec<(u64, u64)>,
    /// Ops of which there are two entries, in order.
    pub forked: Vec<u64>,
}

/// A fault, and whose log has it; nobody's is everybody's.
type Dealt = Option<(Fault, Option<u8>)>;

impl Plan {
    /// Deals out faults and lays out the files.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: there are too few entries for them.
    pub fn new(offsets: &Offsets<'_>, args: &FaultArgs) -> Result<Self, Failure> {
        let history = offsets.history();
        let seed = history.seed();
        let zones = Zones::new(history.prologue(), history.entries(), args)?;
        let mut dealt = deal(args, &zones);
        Sequence::new(Stream::new(seed, stream::DEAL)).shuffle(&mut dealt);
        let faults = Stream::new(seed, stream::FAULT);
        let mut plan = Self { files: Vec::new(), lost: Vec::new(), forked: Vec::new() };
        let mut lost = Vec::new();
        for replica in 0..args.replicas.max(1) {
            let order = zones.order(args.shuffle, Stream::new(seed, stream::SHUFFLE).row(replica.into()));
            let pieces = usize::from(args.pieces.max(1));
            for piece in 0..pieces {
                let mut file = FileBuilder::new(offsets, replica, name(args, replica, piece));
                let from = order.len() * piece / pieces;
                let until = order.len() * (piece + 1) / pieces;
                let is_last = piece + 1 == pieces;
                for (at, &number) in order.iter().enumerate().take(until).skip(from) {
                    let zone = zones.zone(number);
                    let fault = dealt.get(usize::try_from(number).unwrap_or(usize::MAX)).copied().flatten();
                    let fault = fault.filter(|(_, whose)| whose.is_none_or(|whose| whose == replica));
                    let is_torn =
                        args.torn_tail && is_last && at + 1 == until && (replica > 0 || args.replicas <= 1);
                    let mut random = Sequence::new(faults.row(number));
                    let missing =
                        zone.write(fault.map(|(fault, _)| fault), is_torn, &mut random, &mut file, offsets);
                    let is_everywhere = fault.is_some_and(|(_, whose)| whose.is_none());
                    if args.replicas <= 1 || is_everywhere && replica == 0 {
                        lost.extend(missing.lost);
                    }
                    plan.forked.extend(missing.forked);
                    if is_torn {
                        let size = offsets.size(zone.last);
                        let mut random = Sequence::new(Stream::new(seed, stream::TAIL).row(replica.into()));
                        file.torn(zone.last, kept_of_tail(&mut random, size));
                        if args.replicas <= 1 {
                            lost.push((zone.last, zone.last));
                        }
                    }
                }
                plan.files.push(file.finish());
            }
        }
        lost.sort_unstable();
        plan.lost = lost;
        plan.forked.sort_unstable();
        Ok(plan)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// How much is left of a file's last entry: as often less than its head as more.
fn kept_of_tail(random: &mut Sequence, size: u64) -> u64 {
    const HEAD: u64 = aof_nostd::wire::HEAD_SIZE as u64;
    if size > HEAD && random.below(2) == 1 {
        random.between(HEAD, size - 1)
    } else {
        random.between(1, HEAD - 1)
    }
}

/// Whether the output is one file.
#[must_use]
pub const fn is_one_file(args: &FaultArgs) -> bool {
    args.replicas <= 1 && args.pieces <= 1
}

/// The name of a file in the output's directory.
fn name(args: &FaultArgs, replica: u8, piece: usize) -> PathBuf {
    if is_one_file(args) {
        PathBuf::new()
    } else if args.pieces <= 1 {
        format!("r{replica}.aof").into()
    } else {
        format!("r{replica}-{piece:02}.aof").into()
    }
}

/// The faults that were asked for, and zones without one.
fn deal(args: &FaultArgs, zones: &Zones) -> Vec<Dealt> {
    let mut dealt: Vec<Dealt> = Vec::new();
    let mut put = |fault, whose, count: u32| dealt.extend((0..count).map(|_| Some((fault, whose))));
    for replica in 0..args.replicas.max(1) {
        put(Fault::Backtrack, Some(replica), args.backtracks);
        put(Fault::Gap, Some(replica), args.gaps);
        put(Fault::Damage, Some(replica), args.damage);
    }
    put(Fault::Gap, None, args.lost_ranges);
    for number in 0..args.forks {
        let replica = number % u32::from(args.replicas.max(1));
        put(Fault::Fork, Some(u8::try_from(replica).unwrap_or(0)), 1);
    }
    dealt.resize(usize::try_from(zones.count).unwrap_or(usize::MAX), None);
    dealt
}

/// The history's ops behind the prologue, in zones of about the same size.
#[derive(Clone, Copy, Debug)]
struct Zones {
    prologue: u64,
    entries: u64,
    count: u64,
    /// Blocks that a shuffle moves: zones behind each other.
    blocks: u64,
}

impl Zones {
    fn new(prologue: u64, entries: u64, args: &FaultArgs) -> Result<Self, Failure> {
        let ops = entries.saturating_sub(prologue);
        let each = u64::from(args.backtracks) + u64::from(args.gaps) + u64::from(args.damage);
        let faults =
            each * u64::from(args.replicas.max(1)) + u64::from(args.forks) + u64::from(args.lost_ranges);
        let blocks = if args.shuffle { (ops / BLOCK_OPS).min(BLOCKS_MAX) } else { 1 };
        let count = faults.max(args.pieces.into()).max(blocks).max(1);
        let too_few = |what: String, least: u64| {
            let before = match prologue {
                0 => String::new(),
                _ => format!(", after the {prologue} that register clients and create accounts"),
            };
            Failure::Usage(format!(
                "--entries {entries} is too few {what}: {} at least{before}",
                prologue.saturating_add(least)
            ))
        };
        if args.shuffle && blocks < 2 {
            return Err(too_few("to be shuffled beyond a journal's length".into(), 2 * BLOCK_OPS));
        }
        if faults > 0 && ops / count < ZONE_OPS_MIN {
            let faults = human::noun(faults, "fault", "faults");
            return Err(too_few(format!("for {faults}, each with room of its own"), count * ZONE_OPS_MIN));
        }
        if args.torn_tail && ops < TORN_OPS_MIN {
            return Err(too_few("for a torn tail behind an entry".into(), TORN_OPS_MIN));
        }
        if args.pieces > 1 && ops < count {
            return Err(too_few(format!("for {} pieces", args.pieces), count));
        }
        Ok(Self { prologue, entries, count, blocks })
    }

    /// The zone of a number from 0 on.
    fn zone(&self, number: u64) -> Zone {
        let ops = self.entries.saturating_sub(self.prologue);
        let start = |number: u64| {
            let ops = u128::from(ops) * u128::from(number) / u128::from(self.count);
            self.prologue + u64::try_from(ops).unwrap_or(u64::MAX)
        };
        let last = if number + 1 == self.count { self.entries } else { start(number + 1) };
        let first = start(number) + 1;
        // The prologue goes with the first zone, and has no faults.
        Zone { run_first: if number == 0 { 1 } else { first }, first, last }
    }

    /// The zones' numbers in the order of a log.
    fn order(&self, shuffle: bool, random: Stream) -> Vec<u64> {
        if !shuffle {
            return (0..self.count).collect();
        }
        let mut blocks: Vec<u64> = (0..self.blocks).collect();
        Sequence::new(random).shuffle(&mut blocks);
        if blocks.is_sorted() {
            blocks.rotate_left(1); // one order in so many is none
        }
        let start = |block: u64| block * self.count / self.blocks;
        blocks.into_iter().flat_map(|block| start(block)..start(block + 1)).collect()
    }
}
