//! A flash through many lives, each of which the power may end, beside what must be on it.

use aof_nostd::storage::Cursor;
use aof_nostd::storage::nor::{NorError, NorRegion};
use aof_nostd::wire::Header;
use aof_nostd::{Crc, Draft, Recovery, Tail, TailError, WriteError, Writer};
use aof_tests::flash::{Flash, Reads, Torn};
use aof_tests::random::Random;
use embedded_io::{Read, Seek, SeekFrom};
use embedded_storage::nor_flash::NorFlashErrorKind;
use std::fmt::Write as _;

type Failure = NorError<NorFlashErrorKind>;

/// What a writer does once it stands at the log's end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Appends an entry with a body of so many bytes, the last of them 0xff.
    Append {
        size: usize,
        ones: usize,
    },
    Checkpoint,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The power was cut.
    Cut,
    /// All steps were done.
    Done,
}

/// A flash whose log has `N` bytes of buffer, and what must be on it.
#[derive(Clone, Debug)]
pub(super) struct World<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize> {
    pub(super) flash: Flash<READ, WRITE, ERASE>,
    /// Bytes of each entry that may be there, in order.
    entries: Vec<Vec<u8>>,
    /// So many of them have to be there.
    durable: usize,
    /// A format has ended.
    formatted: bool,
    /// Tells entries of one op apart.
    clock: u64,
    blocks: u32,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize> World<READ, WRITE, ERASE, N> {
    /// A flash of which a region of so many blocks, from its second on, is for a log.
    pub(super) fn new(blocks: u32) -> Self {
        let flash = Flash::new(blocks as usize + 2);
        Self { flash, entries: Vec::new(), durable: 0, formatted: false, clock: 0, blocks }
    }

    pub(super) fn region(&self) -> std::ops::Range<u32> {
        let block = u32::try_from(ERASE).unwrap();
        block..(1 + self.blocks) * block
    }

    pub(super) fn durable(&self) -> usize {
        self.durable
    }

    /// So many entries, the last ones, may be gone from now on.
    pub(super) fn lose(&mut self, count: usize) {
        self.durable -= count;
    }

    /// Whether an opening finds all entries that are durable, and writes nothing.
    pub(super) fn finds_what_is_durable(&mut self) -> bool {
        let region = self.region();
        let found =
            NorRegion::<_, N>::open(&mut self.flash, region).map_err(told).and_then(|mut log| find(&mut log));
        found.is_ok_and(|tail| tail.entries >= self.durable as u64)
    }

    /// Whether the log has room for the steps, whatever of it is there.
    pub(super) fn room_for_steps(&self, steps: &[Step]) -> bool {
        let size = |step: &Step| if let Step::Append { size, .. } = step { 272 + size } else { 0 };
        let needed = self.entries.concat().len() + steps.iter().map(size).sum::<usize>();
        needed <= (self.blocks as usize - 4) * ERASE
    }

    fn power_on(&mut self, reads: Reads, seed: u64) {
        self.flash.power_on(reads, seed);
    }

    /// One life: opens, looks at everything, cuts, looks again, and takes the steps.
    pub(super) fn live(&mut self, steps: &[Step]) -> End {
        match self.try_live(steps) {
            Ok(()) => End::Done,
            Err(error) => {
                assert_eq!(self.flash.broken(), None, "a rule of the flash");
                assert!(!self.flash.is_on(), "the power was on: {error}");
                End::Cut
            }
        }
    }

    fn try_live(&mut self, steps: &[Step]) -> Result<(), String> {
        let region = self.region();
        let mut log = match NorRegion::<_, N>::open(&mut self.flash, region.clone()) {
            Err(NorError::Unformatted) => {
                assert!(!self.formatted, "a formatted region is no longer one");
                NorRegion::format(&mut self.flash, region).map_err(told)?
            }
            found => found.map_err(told)?,
        };
        let tail = find(&mut log)?;
        let found = usize::try_from(tail.entries).unwrap();
        assert!(found >= self.durable, "{found} entries, and {} were durable", self.durable);
        assert!(found <= self.entries.len(), "{found} entries, and {} were written", self.entries.len());
        let expected = self.entries[..found].concat();
        assert_eq!(tail.end, expected.len() as u64);
        for _ in 0..2 {
            assert!(read(&mut log, tail.end)? == expected, "other bytes than were written");
        }
        log.cut(tail.end).map_err(told)?;
        self.formatted = true;
        self.entries.truncate(found);
        self.durable = found;
        assert!(read(&mut log, tail.end)? == expected, "other bytes once it was cut");
        assert_eq!(find(&mut log)?, Tail { torn: None, ..tail });
        let mut writer = Writer::new(log, Crc);
        let mut last = tail.last;
        if let Some(last) = last {
            writer = writer.continue_after(last);
        }
        for step in steps {
            match *step {
                Step::Append { size, ones } => {
                    self.clock += 1;
                    let draft = Draft { timestamp_ns: self.clock, ..Draft::default() };
                    let mut body = Random::new(self.clock).bytes(size);
                    body[size - ones..].fill(0xff);
                    self.entries.push(entry(last, &draft, &body));
                    writer.append_new(&draft, &body).map_err(told_by_writer)?;
                    last = writer.last().copied();
                }
                Step::Checkpoint => {
                    writer.checkpoint(|| ()).map_err(told_by_writer)?;
                    self.durable = self.entries.len();
                }
            }
        }
        let mut log = writer.into_device();
        let expected = self.entries.concat();
        assert!(read(&mut log, expected.len() as u64)? == expected, "other bytes than were appended");
        Ok(())
    }

    /// The log's bytes as they stand on the flash, its last unit but for what is recorded elsewhere, are those of
    /// the entries; behind it all is erased. To be asked after a checkpoint.
    pub(super) fn assert_raw(&self) {
        let log = self.entries.concat();
        let start = ERASE;
        let whole = log.len() - log.len() % WRITE;
        assert!(self.flash.raw(start..start + whole) == &log[..whole], "a dump is the log");
        let end = start + (self.blocks as usize - 4) * ERASE;
        assert!(self.flash.raw(start + whole..end).iter().all(|byte| *byte == 0xff), "free space");
    }
}

fn told(error: Failure) -> String {
    assert!(matches!(error, NorError::Flash(_)), "{error}");
    error.to_string()
}

fn told_by_writer(error: WriteError<Failure>) -> String {
    match error {
        WriteError::Device(error) => told(error),
        other => panic!("{other}"),
    }
}

fn find<D: Read<Error = Failure> + Seek>(log: &mut D) -> Result<Tail, String> {
    Recovery::new(Crc).on_flash().with_search_size_max(3000).find(log, [0; 300]).map_err(
        |error| match error {
            TailError::Device(error) => told(error),
            other => panic!("{other}"),
        },
    )
}

fn read<D: Read<Error = Failure> + Seek>(log: &mut D, size: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    log.seek(SeekFrom::Start(0)).map_err(told)?;
    let mut done = 0;
    while done < bytes.len() {
        let read = log.read(&mut bytes[done..]).map_err(told)?;
        assert!(read > 0);
        done += read;
    }
    Ok(bytes)
}

/// The bytes of the entry that a writer seals.
fn entry(last: Option<Header>, draft: &Draft, body: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(vec![0; 272 + body.len()]), Crc);
    if let Some(last) = last {
        writer = writer.continue_after(last);
    }
    writer.append_new(draft, body).unwrap();
    writer.into_device().into_inner()
}

/// What a search for a broken promise went through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Power cuts, by how many came before without an end of the steps in between.
    pub(super) cuts: [u64; 4],
    /// Lives that were looked at from a cut on to their end.
    pub(super) lives: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.cuts.iter_mut().zip(other.cuts).for_each(|(sum, count)| *sum += count);
        self.lives += other.lives;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut depths = String::new();
        for (depth, count) in self.cuts.iter().enumerate().filter(|(_, count)| **count > 0) {
            write!(depths, ", {count} at depth {}", depth + 1)?;
        }
        write!(f, "{} power cuts{depths}; {} lives", self.cuts.iter().sum::<u64>(), self.lives)
    }
}

/// What is gone through from a world on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// What each life does, from the first on; lives behind the last do as the last.
    pub(super) lives: &'a [&'a [Step]],
    /// Cuts one after the other, without a whole life in between: of the first all, in every way to read what they
    /// left; of those that follow, one in so many.
    pub(super) one_in: &'a [u64],
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize, const N: usize> World<READ, WRITE, ERASE, N> {
    /// Cuts the power at every unit programmed and block erased of a life, goes on from each in every way that the
    /// unstable bytes can read, and cuts the power there again, as deep as the plan says.
    pub(super) fn explore(&self, plan: Plan<'_>) -> Counts {
        let mut counts = Counts::default();
        self.explore_at(plan, 0, &mut 0, &mut counts);
        counts
    }

    fn explore_at(&self, plan: Plan<'_>, depth: usize, turn: &mut u64, counts: &mut Counts) {
        let steps = plan.lives[depth.min(plan.lives.len() - 1)];
        let mut whole = self.clone();
        let before = whole.flash.spent();
        assert_eq!(whole.live(steps), End::Done);
        let spent = whole.flash.spent() - before;
        // And all of it is found again.
        whole.power_on(Reads::Any, *turn);
        assert_eq!(whole.live(&[]), End::Done);
        counts.lives += 1;
        let Some(one_in) = plan.one_in.get(depth) else { return };
        let torn: &[Torn] = if N > WRITE { &[Torn::Unit, Torn::Call] } else { &[Torn::Unit] };
        for fuel in 0..spent {
            for torn in torn {
                let mut lived: Option<Self> = None;
                for reads in Reads::ALL {
                    *turn += 1;
                    if !turn.is_multiple_of(*one_in) {
                        continue;
                    }
                    let cut = lived.get_or_insert_with(|| {
                        let mut cut = self.clone();
                        cut.flash.set_fuel(fuel, *torn);
                        assert_eq!(cut.live(steps), End::Cut);
                        cut
                    });
                    counts.cuts[depth] += 1;
                    let mut next = cut.clone();
                    next.power_on(reads, *turn);
                    next.explore_at(plan, depth + 1, turn, counts);
                }
            }
        }
    }
}
