//! `kill -9` of a writer at any moment, again and again: everything that a checkpoint acknowledged is there,
//! what a kill leaves behind it is a torn tail at most, and the log goes on.

use crate::command::aof;
use crate::environment::{kills, seed, tell};
use crate::log::{self, Found};
use crate::writer::Writer;
use aof_std::LogFile;
use aof_tests::random::Random;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A log that is larger is given up for a new one: opening reads it whole.
const LOG_SIZE_MAX: usize = 24 << 20;

/// What the writers write, in turn: small entries; some large; all as large as they can be, which are torn
/// most easily.
const SIZES: [&[usize]; 3] = [&[0, 10, 200, 1000], &[0, 300_000, 70, 4096], &[(1 << 20) - 256]];

/// What happened in all rounds.
#[derive(Debug, Default)]
struct Counts {
    kills: u64,
    in_opening: u64,
    logs: u64,
    entries: u64,
    acknowledged: u64,
    torn: u64,
    cut_by_the_next_writer: u64,
}

/// A log, and what is known to be in it.
struct Log {
    directory: tempfile::TempDir,
    path: PathBuf,
    sizes: &'static [usize],
    found: Found,
    /// A torn tail that the next writer has to cut: its offset and bytes.
    left: Option<Found>,
}

impl Log {
    fn new(number: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let found = Found::default();
        let sizes = SIZES[usize::try_from(number % SIZES.len() as u64).unwrap()];
        Self { directory, path, sizes, found, left: None }
    }

    /// The file that keeps a torn tail.
    fn kept(&self, torn: &Found) -> PathBuf {
        self.directory.path().join(format!("log.aof.torn-at-{}", torn.end))
    }
}

#[test]
fn acknowledged_entries_survive_kills_at_random_moments() {
    let mut random = Random::new(seed(0x00a0_f5ed));
    let mut counts = Counts::default();
    let mut log = Log::new(0);
    for _ in 0..kills() {
        if log.found.end > LOG_SIZE_MAX || random.one_in(25) {
            counts.logs += 1;
            counts.entries += log.found.last_op;
            log = Log::new(counts.logs);
        }
        round(&mut log, &mut random, &mut counts);
    }
    counts.entries += log.found.last_op;
    counts.logs += 1;
    assert!(counts.acknowledged > 0, "no checkpoint ever came to its end: {counts:?}");
    tell(&format!(
        "{} kills survived, {} of them while the log was being opened; {} logs with {} entries; \
         {} torn tails, {} of them cut by the next writer",
        counts.kills,
        counts.in_opening,
        counts.logs,
        counts.entries,
        counts.torn,
        counts.cut_by_the_next_writer,
    ));
}

/// What a kill leaves of the zeros is cut by whoever goes on, and a reader takes it for free space.
#[test]
fn writer_that_keeps_zeros_ahead_is_killed_and_goes_on() {
    let mut random = Random::new(seed(0x0002_e205));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let (mut last_op, mut with_zeros) = (0, 0);
    let kills = kills().div_ceil(5);
    for _ in 0..kills {
        let writer = Writer {
            every: 1 + random.below(6) as u64,
            waits: random.one_in(2),
            preallocate: 1 + random.below(60_000) as u64,
            ..Writer::new(&path)
        };
        let mut running = writer.start();
        assert!(running.says("opened"), "{:?}", running.finish());
        std::thread::sleep(Duration::from_micros(random.below(40_000) as u64));
        let said = running.kill();
        assert!(!said.has("refused") && !said.has("unsynced") && !said.has("ended"), "{said:?}");
        let ran = aof(["verify".as_ref(), "--json".as_ref(), path.as_os_str()]);
        let survey: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let op = survey["last_op"].as_u64().unwrap_or(0);
        assert!(op >= said.acknowledged() && op >= last_op, "{op}, {last_op}: {said:?}");
        let kinds: Vec<_> = survey["findings"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
        assert!(kinds.iter().all(|kind| *kind == "zero-tail" || *kind == "torn-tail"), "{survey}");
        with_zeros += u64::from(kinds.contains(&&"zero-tail".into()));
        last_op = op;
    }
    assert!(with_zeros > 0, "no kill ever left zeros");
    let writer = Writer { preallocate: 60_000, up_to: last_op + 10, ..Writer::new(&path) };
    let said = writer.run();
    assert!(said.has("closed"), "{said:?}");
    let found = log::read(&path, &writer.sizes);
    assert_eq!((found.last_op, found.tail.len()), (last_op + 10, 0));
    tell(&format!("{kills} kills survived, {with_zeros} of them left zeros; {last_op} entries"));
}

/// One writer, one kill, and what has to hold then.
fn round(log: &mut Log, random: &mut Random, counts: &mut Counts) {
    let writer = Writer {
        sizes: log.sizes.to_vec(),
        every: 1 + random.below(20) as u64,
        waits: random.one_in(2),
        ..Writer::new(&log.path)
    };
    let mut running = writer.start();
    let in_opening = random.one_in(8);
    if in_opening {
        std::thread::sleep(Duration::from_micros(random.below(10_000) as u64));
    } else {
        assert!(running.says("opened"), "{:?}", running.finish());
        std::thread::sleep(Duration::from_micros(random.below(25_000) as u64));
    }
    let said = running.kill();
    assert!(!said.has("refused") && !said.has("unsynced") && !said.has("ended"), "{said:?}");
    counts.kills += 1;
    counts.in_opening += u64::from(in_opening);
    counts.acknowledged += said.all("acknowledged").count() as u64;

    if !log.path.exists() {
        assert!(!said.has("opened") && log.found.last_op == 0, "the log is gone");
        return;
    }
    let found = log::read(&log.path, log.sizes);
    log::verify(&log.path, &found);
    assert!(found.last_op >= said.acknowledged(), "op {} was acknowledged: {found:?}", said.acknowledged());
    // A kill takes nothing that the kernel has: what was there before is there still.
    assert!(found.last_op >= log.found.last_op, "op {} was there", log.found.last_op);
    if let Some(left) = log.left.take() {
        counts.cut_by_the_next_writer += u64::from(said.has("kept"));
        take_kept(log, &left, &found, said.has("opened"));
    }
    if !found.tail.is_empty() {
        counts.torn += 1;
        if random.one_in(2) {
            cut(&log.path, &found);
            std::fs::remove_file(log.kept(&found)).unwrap();
        } else {
            log.left = Some(found.clone());
        }
    }
    log.found = found;
}

/// The torn tail that the killed writer had to cut is still there, or was cut and kept; or both, where the
/// kill came in between.
fn take_kept(log: &Log, left: &Found, found: &Found, opened: bool) {
    let kept = log.kept(left);
    if kept.exists() {
        assert_eq!(std::fs::read(&kept).unwrap(), left.tail, "the kept bytes are those of the torn tail");
    } else {
        assert!(!opened && found == left, "the torn tail is gone and was not kept");
    }
    // An operator would take it away, once the log goes on.
    if opened {
        std::fs::remove_file(kept).unwrap();
    }
}

/// Opens the log, cuts the torn tail, and looks at both files.
fn cut(path: &Path, found: &Found) {
    let mut log = LogFile::open(path).unwrap();
    let torn = log.torn_tail().unwrap();
    assert_eq!((torn.offset, torn.size), (found.end as u64, found.tail.len() as u64));
    let kept = log.cut_torn_tail().unwrap().unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), found.tail);
    assert_eq!(std::fs::metadata(path).unwrap().len(), found.end as u64);
}
