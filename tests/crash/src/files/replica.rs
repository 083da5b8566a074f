//! A process that writes a log: [`Replica`]. It stands for the user's code, and keeps a [`Ledger`] of what
//! it was told.
//!
//! ```text
//!   start   the newest file that was moved away is looked at; the log is opened, behind it
//!           a torn tail is cut and kept; what the journal has and the log lost is written again, or not
//!   write   checkpoint: begin .. sync .. answer   rotate   merge   a second writer
//! ```
//!
//! [`Ledger`]: crate::files::ledger::Ledger

use crate::files::check::{self, History, LOG, MERGED, is_log};
use crate::files::disk::Disk;
use crate::files::ledger::{Place, Written};
use crate::files::mutant::Mutant;
use crate::files::names::Inode;
use aof_cli::args::{Limits, MergeArgs};
use aof_cli::merge::index::Index;
use aof_cli::merge::plan::{Plan, Root};
use aof_cli::merge::work::Work;
use aof_cli::merge::write;
use aof_nostd::wire::Entry;
use aof_nostd::{AnyProfile, Draft, Header, Operation, Profile};
use aof_std::fs::FileSystem;
use aof_std::repair::{Action, Repair, RepairError};
use aof_std::{Checkpointed, FileError, GroupLog, Job, LogFile, NewFile, OpenError, OpenOptions, Source};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use zerocopy::IntoBytes;

/// The largest entry, header and body.
const MESSAGE_SIZE_MAX: u32 = 8192;

/// Why a process ended.
#[derive(Debug)]
pub enum Stop {
    /// A call failed, as the disk was told to.
    Failed(String),
    /// A promise is broken.
    Broken(String),
}

/// How a process starts.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// It repairs its log before it opens it.
    pub repair: bool,
    /// What the journal has and the log lost is written again.
    pub refill: bool,
    /// Zeros that are kept ahead of the log's end.
    pub preallocate: u64,
}

/// How long a write takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it is in the page cache.
    No,
    /// Until it is durable, as a thread of a [`GroupLog`].
    Durable,
}

/// What a checkpoint's callback got.
type Answer = Arc<Mutex<Option<io::Result<Checkpointed>>>>;

/// A checkpoint under way: how much of the chain it covers, and its answer.
type Checkpoint = (usize, Answer);

/// See the [module](self).
#[derive(Debug)]
pub struct Replica {
    disk: Disk,
    mutant: Option<Mutant>,
    profile: AnyProfile,
    /// Always there, but while threads share it.
    log: Option<LogFile>,
    jobs: Receiver<Job>,
    checkpoint: Option<Checkpoint>,
    faults: u64,
}

impl Replica {
    /// Starts on what `disk` holds. `history` has all that was ever sealed.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn start(
        disk: &Disk,
        profile: AnyProfile,
        mutant: Option<Mutant>,
        history: &History,
        how: How,
    ) -> Result<Self, Stop> {
        let faults = disk.faults();
        let stop = |error: OpenError| stopped(disk, faults, "opening", &error);
        let mut before = None;
        for (_, piece) in pieces(disk) {
            let Some(mut log) = open(disk, &piece, profile, how.preallocate, None, None).map_err(stop)?
            else {
                continue;
            };
            look(disk, faults, &mut log, &piece)?;
            before = log.last().copied();
            if before.is_some() {
                break;
            }
        }
        let first = before.and_then(|last| Draft::default().after(&last));
        let (sender, jobs) = mpsc::channel();
        let executor = move |job| drop(sender.send(job));
        if how.repair {
            repair(disk, faults)?;
        }
        let mut log = loop {
            if let Some(log) =
                open(disk, Path::new(LOG), profile, how.preallocate, first, Some(Arc::new(executor.clone())))
                    .map_err(stop)?
            {
                break log;
            }
        };
        look(disk, faults, &mut log, Path::new(LOG))?;
        let mut replica =
            Self { disk: disk.clone(), mutant, profile, log: Some(log), jobs, checkpoint: None, faults };
        let last = replica.reconcile(history, before);
        replica.refill(how.refill, last)?;
        Ok(replica)
    }

    /// Brings the ledger in line with what is there. Gives the op of the log's last entry.
    fn reconcile(&self, history: &History, before: Option<Header>) -> usize {
        let picture = self.disk.picture();
        let mut places: BTreeMap<_, Vec<Place>> = BTreeMap::new();
        for (_, file, bytes) in picture.files().filter(|(path, ..)| is_log(path)) {
            for (offset, checksum) in check::entries(bytes) {
                if let Some(checksum) = checksum {
                    places.entry(checksum).or_default().push(Place { file, offset, acknowledged: false });
                }
            }
        }
        self.disk.with_ledger(|ledger| {
            for entry in &mut ledger.chain {
                let checksum = checksum_of(&entry.bytes);
                let found = places.get(&checksum).cloned().unwrap_or_default();
                // What is acknowledged stays so.
                let is_known =
                    |place: &Place| entry.places.iter().any(|known| known.is_at(place) && known.acknowledged);
                entry.places = found
                    .into_iter()
                    .map(|place| Place { acknowledged: is_known(&place), ..place })
                    .collect();
            }
            // A write that failed may have written all of it, and the sync that failed behind it may have lost
            // what stood before it.
            let mut unknown: Vec<_> = places
                .into_iter()
                .filter_map(|(checksum, places)| {
                    history.get(&checksum).map(|(op, bytes)| (*op, bytes, places))
                })
                .collect();
            unknown.sort_unstable_by_key(|(op, ..)| *op);
            for (op, bytes, places) in unknown {
                if op == ledger.chain.len() as u64 + 1 {
                    ledger.chain.push(Written { op, bytes: bytes.clone(), places });
                }
            }
            while ledger.chain.last().is_some_and(|entry| entry.places.is_empty()) {
                ledger.chain.pop();
            }
        });
        let last = self.log.as_ref().and_then(LogFile::last).copied().or(before);
        last.map_or(0, |last| usize::try_from(last.op().0).unwrap_or(usize::MAX))
    }

    /// Writes again what a journal would have: behind the log's last entry, where that is one that was
    /// written again itself, and, if `lost`, from the first lost entry on.
    fn refill(&mut self, lost: bool, last: usize) -> Result<(), Stop> {
        let chain = self.disk.with_ledger(|ledger| ledger.chain.clone());
        let lost = chain.iter().position(|entry| lost && entry.places.is_empty());
        let first = lost.unwrap_or(chain.len()).min(last);
        for (index, written) in chain.iter().enumerate().skip(first) {
            let Some(entry) = Entry::from_prefix(&written.bytes) else { continue };
            self.written(index, Wait::No, |log| log.write(entry))?;
        }
        Ok(())
    }

    fn log(&mut self) -> Result<&mut LogFile, Stop> {
        self.log.as_mut().ok_or_else(|| Stop::Broken("the log was not given back".into()))
    }

    /// Carries out a write of the entry `index` of the chain, and notes where it went.
    fn written(
        &mut self,
        index: usize,
        wait: Wait,
        write: impl FnOnce(&mut LogFile) -> Result<(), FileError>,
    ) -> Result<(), Stop> {
        let before = self.disk.contents();
        let result = match (wait, self.log.take()) {
            (_, None) => return Err(Stop::Broken("the log was not given back".into())),
            (Wait::No, Some(mut log)) => {
                let result = write(&mut log);
                self.log = Some(log);
                result
            }
            (Wait::Durable, Some(log)) => {
                let group = GroupLog::new(log);
                let result = group.append_with(write).map(drop);
                self.log = Some(group.into_inner());
                result
            }
        };
        let result = result.and_then(|()| note(&self.disk, index, &before));
        if wait == Wait::Durable && result.is_ok() {
            self.acknowledge_all();
        }
        match result {
            Ok(()) => Ok(()),
            // As many as may be unsynced.
            Err(FileError::Write(aof_nostd::WriteError::Unsynced { .. })) => Ok(()),
            Err(error) => Err(self.stopped("writing", &error)),
        }
    }

    /// Seals an entry and writes it.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn write(&mut self, body: &[u8], seed: u64, wait: Wait, history: &mut History) -> Result<(), Stop> {
        if wait == Wait::Durable {
            self.answer()?; // nobody else carries out the checkpoint under way
        }
        let draft = Draft {
            operation: Operation::CREATE_TRANSFERS,
            timestamp_ns: 1 + seed % 1000,
            ..Draft::default()
        };
        // As the log itself would: behind its last entry, or the one that was moved away, or as op 1.
        let last = self.disk.with_ledger(|ledger| ledger.chain.last().map(|last| last.bytes.clone()));
        let last = last.as_deref().and_then(Entry::from_prefix).map(|entry| entry.header);
        let header = match last {
            Some(last) => draft.after(&last),
            None => Some(draft.fill(Header::new())),
        };
        let Some(mut header) = header else { return Ok(()) };
        if header.seal(&self.profile, body).is_err() {
            return Err(Stop::Broken("an entry cannot be sealed".into()));
        }
        let bytes: Arc<[u8]> = [&self.profile.magic()[..], header.as_bytes(), body].concat().into();
        let op = header.op().0;
        history.insert(header.checksum, (op, bytes.clone()));
        let index = self.disk.with_ledger(|ledger| {
            ledger.chain.push(Written { op, bytes, places: Vec::new() });
            ledger.chain.len() - 1
        });
        let result = if seed.is_multiple_of(2) {
            self.written(index, wait, |log| log.write_prepare(&header, body))
        } else {
            self.written(index, wait, |log| {
                let link = log.write_new(&draft, body)?;
                if link.checksum == header.checksum {
                    Ok(())
                } else {
                    Err(io::Error::other("another entry").into())
                }
            })
        };
        // Refused, or failed: whether it is there will be seen.
        self.disk.with_ledger(|ledger| ledger.chain.pop_if(|entry| entry.places.is_empty()));
        result
    }

    /// Begins a checkpoint, unless one is under way.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn begin(&mut self) -> Result<(), Stop> {
        if self.checkpoint.is_some() {
            return Ok(());
        }
        let covered = self.disk.with_ledger(|ledger| ledger.chain.len());
        let answer = Answer::default();
        let slot = answer.clone();
        let done = move |result| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        if let Err(error) = self.log()?.checkpoint(done) {
            return Err(self.stopped("a checkpoint", &error));
        }
        self.checkpoint = Some((covered, answer));
        if self.mutant == Some(Mutant::AcknowledgedAtOnce) {
            self.acknowledge(covered);
        }
        Ok(())
    }

    /// Carries out the checkpoint under way, as its thread would.
    ///
    /// # Errors
    ///
    /// None of its own: the callback gets them.
    pub fn sync(&mut self) -> Result<(), Stop> {
        if let Ok(job) = self.jobs.try_recv() {
            job();
        }
        Ok(())
    }

    /// Takes the answer of the checkpoint under way, which is carried out now if it was not yet.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn answer(&mut self) -> Result<(), Stop> {
        self.sync()?;
        let Some((covered, answer)) = self.checkpoint.take() else { return Ok(()) };
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match answer {
            Some(Ok(_)) => {
                let all = self.disk.with_ledger(|ledger| ledger.chain.len());
                let too_much = self.mutant == Some(Mutant::AcknowledgedTooMuch);
                self.acknowledge(if too_much { all } else { covered });
            }
            Some(Err(error)) => return Err(self.stopped("a sync", &error)),
            None => return Err(Stop::Broken("a checkpoint did not call back".into())),
        }
        match self.log()?.wait() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.stopped("the end of a checkpoint", &error)),
        }
    }

    /// Makes all durable on its own thread.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn here(&mut self) -> Result<(), Stop> {
        self.answer()?;
        match self.log()?.sync() {
            Ok(_) => {
                self.acknowledge_all();
                Ok(())
            }
            Err(error) => Err(self.stopped("a sync", &error)),
        }
    }

    fn acknowledge_all(&self) {
        let all = self.disk.with_ledger(|ledger| ledger.chain.len());
        self.acknowledge(all);
    }

    fn acknowledge(&self, count: usize) {
        self.disk.with_ledger(|ledger| {
            let covered = ledger.chain.iter_mut().take(count);
            covered.flat_map(|entry| &mut entry.places).for_each(|place| place.acknowledged = true);
        });
    }

    /// The operator moves the log away.
    pub fn rotate(&self) {
        let number = pieces(&self.disk).first().map_or(1, |(number, _)| number + 1);
        self.disk.rename(Path::new(LOG), Path::new(&format!("{LOG}.{number}")));
    }

    /// A second writer tries to open the log while this one has it.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn second(&self) -> Result<(), Stop> {
        // Moved away, it is another log.
        if !matches!(self.disk.picture().file(Path::new(LOG)), Some(bytes) if !bytes.is_empty()) {
            return Ok(());
        }
        match options(&self.disk, self.profile, 0, None, None).open(Path::new(LOG)) {
            Err(OpenError::Locked) => Ok(()),
            Err(error) => Err(self.stopped("a second writer", &error)),
            Ok(_) => Err(Stop::Broken("a second writer got the log".into())),
        }
    }

    /// Merges all files of the log into one.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub fn merge(&self) -> Result<(), Stop> {
        let mut inputs = Vec::new();
        for path in log_files(&self.disk) {
            let source = self.disk.open(&path).and_then(Source::new);
            inputs.push((path, source.map_err(|error| self.stopped("opening an input", &error))?));
        }
        let limits = Limits { message_size_max: MESSAGE_SIZE_MAX };
        let merging = |error| self.stopped("merge", &error);
        // Little enough for the larger of the logs to be kept in files; these are the system's. One worker: which
        // call of the file system is which must not depend on threads.
        let work = Work::temporary().with_memory(10_000).with_threads(1);
        let index = Index::of(inputs, MESSAGE_SIZE_MAX, &work).map_err(merging)?;
        let plan = Plan::of(&index, Root::LowestOp).map_err(merging)?;
        let op_1 = plan.chain.first().is_some_and(|record| record.op == 1);
        if plan.obstacle.is_some() || !op_1 {
            return Ok(()); // an entry that no checkpoint covered is lost
        }
        let output = PathBuf::from(MERGED);
        let args = MergeArgs {
            files: Vec::new(),
            output,
            root: None,
            partial: false,
            force: true,
            json: false,
            limits,
        };
        let file = NewFile::create_on(Arc::new(self.disk.clone()), &args.output)
            .map_err(|error| self.stopped("the output", &error))?;
        write::write(file, &args, &index, &plan.chain).map_err(merging)?;
        self.disk.with_ledger(|ledger| ledger.merged = Some(ledger.acknowledged_op()).filter(|op| *op > 0));
        Ok(())
    }

    fn stopped(&self, what: &str, error: &dyn std::fmt::Display) -> Stop {
        stopped(&self.disk, self.faults, what, error)
    }
}

/// Notes that the entry `index` of the chain was written: where it stands now and did not when the files held
/// `before`. Their lengths tell nothing, since entries are written over zeros too.
fn note(disk: &Disk, index: usize, before: &[Vec<u8>]) -> Result<(), FileError> {
    let entry = disk.with_ledger(|ledger| ledger.chain.get(index).map(|entry| entry.bytes.clone()));
    let entry = entry.ok_or_else(|| io::Error::other("an entry that is in no chain"))?;
    let after = disk.contents();
    let mut places = after.iter().enumerate().filter_map(|(file, bytes)| {
        let before = before.get(file).map_or(&[][..], Vec::as_slice);
        let is_new = |offset: &usize| before.get(*offset..offset + entry.len()) != Some(&entry[..]);
        let mut offsets = (0..bytes.len()).filter(|offset| bytes[*offset..].starts_with(&entry));
        Some((file, offsets.find(is_new)?))
    });
    let (file, offset): (Inode, usize) =
        places.next().ok_or_else(|| io::Error::other("a write wrote nothing"))?;
    disk.with_ledger(|ledger| {
        if let Some(entry) = ledger.chain.get_mut(index) {
            entry.places.push(Place { file, offset, acknowledged: false });
        }
    });
    Ok(())
}

/// An error is right where the disk was told to fail, and only there.
fn stopped(disk: &Disk, faults: u64, what: &str, error: &dyn std::fmt::Display) -> Stop {
    let text = format!("{what}: {error}");
    if disk.faults() > faults || disk.is_full() { Stop::Failed(text) } else { Stop::Broken(text) }
}

fn checksum_of(bytes: &[u8]) -> aof_nostd::Checksum {
    Entry::from_prefix(bytes).map_or(aof_nostd::Checksum::ZERO, |entry| entry.header.checksum)
}

type Spawn = Arc<dyn Fn(Job) + Send + Sync>;

fn options(
    disk: &Disk,
    profile: AnyProfile,
    preallocate: u64,
    first: Option<Header>,
    spawn: Option<Spawn>,
) -> OpenOptions {
    let mut options = OpenOptions::new()
        .profile(profile)
        .message_size_max(MESSAGE_SIZE_MAX)
        .preallocate(preallocate)
        .file_system(Arc::new(disk.clone()))
        .sync_on(move |job| match &spawn {
            Some(spawn) => spawn(job),
            None => job(),
        });
    if let Some(first) = first {
        options = options.start_with(first);
    }
    options
}

/// Opens a log; one that holds nothing of a log is moved out of the way, as an operator would: `None`.
fn open(
    disk: &Disk,
    path: &Path,
    profile: AnyProfile,
    preallocate: u64,
    first: Option<Header>,
    spawn: Option<Spawn>,
) -> Result<Option<LogFile>, OpenError> {
    match options(disk, profile, preallocate, first, spawn).open(path) {
        Err(OpenError::NotALog) => {
            disk.rename(path, Path::new(&format!("broken-{}", disk.calls())));
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Looks at how a log was found: cuts its torn tail, which has to be kept, and notes other damage.
fn look(disk: &Disk, faults: u64, log: &mut LogFile, path: &Path) -> Result<(), Stop> {
    let picture = disk.picture();
    let Some((_, file, bytes)) = picture.files().find(|(name, ..)| *name == path) else {
        return Err(Stop::Broken("an open log has no name".into()));
    };
    let torn = log.torn_tail().map(|torn| usize::try_from(torn.offset).unwrap_or(usize::MAX));
    let end = torn.unwrap_or(bytes.len());
    for damage in log.damage() {
        let offset = usize::try_from(damage.offset).unwrap_or(usize::MAX);
        if offset < end {
            disk.with_ledger(|ledger| ledger.told.insert((file, offset)));
        }
    }
    if torn.is_none() {
        return Ok(());
    }
    let (left, cut) = bytes.split_at(end);
    match log.cut_torn_tail() {
        Ok(_) => was_cut(disk, file, left, cut),
        Err(error) => Err(stopped(disk, faults, "cutting a torn tail", &error)),
    }
}

/// Repairs the log, if there is one.
fn repair(disk: &Disk, faults: u64) -> Result<(), Stop> {
    let before = disk.picture();
    let Some((_, file, bytes)) = before.files().find(|(name, ..)| *name == Path::new(LOG)) else {
        return Ok(());
    };
    let repair = Repair::new().file_system(Arc::new(disk.clone())).message_size_max(MESSAGE_SIZE_MAX);
    let repaired = match repair.cut_zeros(true).run(Path::new(LOG)) {
        Ok(repaired) => repaired,
        // Opening it will tell the same.
        Err(RepairError::NotALog) => return Ok(()),
        Err(error) => return Err(stopped(disk, faults, "repair", &error)),
    };
    match repaired.action {
        Action::Nothing => Ok(()),
        Action::Cut { .. } => {
            let end = usize::try_from(repaired.end).unwrap_or(usize::MAX).min(bytes.len());
            let (left, cut) = bytes.split_at(end);
            was_cut(disk, file, left, cut)
        }
        other => Err(Stop::Broken(format!("repair left a crash's tail: {other:?}"))),
    }
}

/// A torn tail was cut: what is left has to be as it was, without a whole entry less, and the rest be kept.
fn was_cut(disk: &Disk, file: Inode, left: &[u8], cut: &[u8]) -> Result<(), Stop> {
    if check::entries(&[left, cut].concat()).iter().any(|found| found.1.is_some() && found.0 >= left.len()) {
        return Err(Stop::Broken(format!("whole entries behind byte {} were cut", left.len())));
    }
    if disk.picture().content(file) != left {
        return Err(Stop::Broken(format!("more or less was cut than what is behind byte {}", left.len())));
    }
    let kept = check::trimmed(cut);
    if !kept.is_empty() {
        disk.with_ledger(|ledger| ledger.kept.push(kept.into()));
    }
    Ok(())
}

/// What was moved away, the newest first.
fn pieces(disk: &Disk) -> Vec<(u64, PathBuf)> {
    let number = |path: &Path| path.extension().and_then(|number| number.to_str()?.parse().ok());
    let mut pieces: Vec<(u64, PathBuf)> =
        log_files(disk).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    pieces.sort_unstable_by(|one, other| other.cmp(one));
    pieces
}

fn log_files(disk: &Disk) -> Vec<PathBuf> {
    let picture = disk.picture();
    picture.files().map(|(path, ..)| path.to_path_buf()).filter(|path| is_log(path)).collect()
}
