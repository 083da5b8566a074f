//! What was acknowledged, beside the log: [`StateFile`]. With it a replay goes on exactly where it stopped.
//!
//! ```text
//! offset 0      slot 0   checksum of what follows, 32 hexadecimal digits | sequence, 20 digits | JSON, spaces, newline
//! slot size     slot 1   the same
//! ```
//!
//! After each answer the older slot is overwritten; the one with the higher sequence counts. So a process
//! that is killed in between leaves one that is whole. It is written to the operating system, not to the
//! medium: that would cost a sync for each request. After a power failure of the *client's* machine it may
//! be older than the cluster, which is noticed; then the cluster itself tells where to go on (`--from-op`).
//!
//! The file is locked while a replay uses it. In files of the first format slots are smaller.

use super::client::Session;
use crate::failure::shown;
use aof_nostd::{Checksum, Profile, TigerBeetle};
use aof_std::NewFile;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How far a replay has come. Numbers of 128 bits are strings, as JSON has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The form of this record: 3; 2 had no digest of what was acknowledged, and 1 neither what may be in flight nor
    /// the last requests.
    pub format: u32,
    /// The cluster's id.
    pub cluster: String,
    /// The checksum of the log's first entry.
    pub log: String,
    /// Whether pulses are replayed, and which.
    pub pulses: String,
    /// How many times a replay began anew with another client, by `--from-op`.
    pub resumes: u32,
    /// Sessions, in the order in which they were registered.
    pub sessions: Vec<SavedSession>,
    /// The session of the last operation, by its place in the list: it confirms pulses.
    pub active: usize,
    /// The cluster's last op that was acknowledged.
    pub op: u64,
    /// The log's last entry that was acknowledged.
    pub entry: Option<SavedEntry>,
    /// The last timestamp in the cluster, ns.
    pub timestamp: u64,
    /// A pulse that may have been sent and is not confirmed: how many times it was tried before.
    pub pulse_in_doubt: Option<u32>,
    /// Requests acknowledged, without registers and confirmations of pulses.
    pub requests: u64,
    /// Pulses executed.
    pub pulses_executed: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// A request may have been sent that was not answered. A recovery that ends in order says no: then an
    /// operation beyond [`op`](Self::op) is somebody else's.
    #[serde(default = "yes")]
    pub in_flight: bool,
    /// What `--from-op` took for granted, and nobody has proved.
    #[serde(default)]
    pub granted: Option<Granted>,
}

/// What a record of format 1 is taken to say.
const fn yes() -> bool {
    true
}

/// The present [`State::format`].
pub const FORMAT: u32 = 3;

/// The oldest that can be gone on with.
const FORMAT_MIN: u32 = 1;

/// What the operator said that a cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Everything up to this op of the log.
    pub op: u64,
    /// The requests among it.
    pub requests: u64,
}

/// A client's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The release that its requests carry, as a number.
    pub release: u32,
    /// The client's id.
    pub client: String,
    /// See [`Session::number`].
    pub number: u64,
    /// See [`Session::request`].
    pub request: u32,
    /// See [`Session::context`].
    pub context: String,
    /// See [`Session::view`].
    pub view: u32,
    /// See [`Session::batch_size_limit`].
    pub batch_size_limit: u32,
    /// The last request that was answered.
    #[serde(default)]
    pub last: Option<SavedRequest>,
}

/// A request that was answered, as far as it cannot be told from its session and the log: with this it can
/// be made again, bit for bit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRequest {
    /// Its parent.
    pub parent: String,
    /// The view in its header.
    pub view: u32,
    /// Its timestamp, ns.
    pub timestamp: u64,
    /// The op of its entry in the log; none for a register, and for the noop that confirms a pulse.
    pub op: Option<u64>,
}

impl SavedSession {
    /// A session as it is saved.
    #[must_use]
    pub fn new(release: u32, client: u128, session: Session, last: Option<SavedRequest>) -> Self {
        Self {
            last,
            release,
            client: client.to_string(),
            number: session.number,
            request: session.request,
            context: session.context.to_string(),
            view: session.view,
            batch_size_limit: session.batch_size_limit,
        }
    }

    /// The client's id and its session, unless the record was made up.
    #[must_use]
    pub fn restore(&self) -> Option<(u128, Session)> {
        let session = Session {
            number: self.number,
            request: self.request,
            context: self.context.parse().ok()?,
            view: self.view,
            batch_size_limit: self.batch_size_limit,
        };
        Some((self.client.parse().ok()?, session))
    }
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEntry {
    /// Its op.
    pub op: u64,
    /// Its checksum.
    pub checksum: String,
    /// The BLAKE3 digest of all entries up to it, chained: what was sent is what the log has, to the byte. Nothing in
    /// a record of an earlier format, and after `--from-op`, when another recovery sent them.
    #[serde(default)]
    pub digest: Option<String>,
}

impl State {
    /// The state of a replay that has sent nothing.
    #[must_use]
    pub fn new(cluster: u128, log: Checksum, pulses: &str) -> Self {
        Self {
            format: FORMAT,
            cluster: cluster.to_string(),
            log: log.to_string(),
            pulses: pulses.to_owned(),
            resumes: 0,
            sessions: Vec::new(),
            active: 0,
            op: 0,
            entry: None,
            timestamp: 0,
            pulse_in_doubt: None,
            requests: 0,
            pulses_executed: 0,
            rejected: 0,
            in_flight: false,
            granted: None,
        }
    }

    /// Whether the file was left by a process that ended before it sent anything.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.op == 0 && self.entry.is_none() && self.sessions.is_empty() && !self.in_flight
    }
}

/// Why a state file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// Another process uses it.
    Locked(PathBuf),
    /// It is no state file, or no slot of it is whole.
    Damaged(PathBuf),
    /// More sessions than it was made for.
    Full(PathBuf),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(
                f,
                "the progress file {}: {}; --state FILE keeps it elsewhere",
                shown(path),
                super::network::reason(error)
            ),
            Self::Locked(path) => write!(
                f,
                "the progress file {} is in use by another recovery: wait for it, or stop it",
                shown(path)
            ),
            Self::Damaged(path) => write!(
                f,
                "{} is no progress file, or is damaged: move it away; then the cluster itself tells where to go on",
                shown(path)
            ),
            Self::Full(path) => write!(f, "the progress file {} has no room left", shown(path)),
        }
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Bytes of a slot: room for the sessions of some dozen releases.
const SLOT_SIZE: usize = 32 << 10;
/// Bytes of a slot in files of the first format.
const SLOT_SIZE_BEFORE: usize = 16 << 10;
const SEQUENCE_DIGITS: usize = 20;
const CHECKSUM_DIGITS: usize = 32;
/// Checksum and sequence, each with a space behind it.
const PREFIX_SIZE: usize = CHECKSUM_DIGITS + SEQUENCE_DIGITS + 2;

/// The file. One process has it at a time.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    file: File,
    slot_size: usize,
    sequence: u64,
    profile: TigerBeetle,
    line: Vec<u8>,
}

impl StateFile {
    /// Opens the file and locks it; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(path: &Path) -> Result<Option<(Self, State)>, StateError> {
        let failed = |error| StateError::Io(path.to_path_buf(), error);
        // Asked before opening: a pipe would be waited for. A link that leads nowhere is in the new file's place.
        match path.symlink_metadata() {
            Ok(_) if !path.metadata().is_ok_and(|metadata| metadata.is_file()) => {
                return Err(StateError::Damaged(path.to_path_buf()));
            }
            _ => {}
        }
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut state_file = Self::lock(path, file)?;
        let read = read(&state_file.file, state_file.profile).map_err(failed)?;
        let (slot_size, sequence, state) = read.ok_or_else(|| StateError::Damaged(path.to_path_buf()))?;
        (state_file.slot_size, state_file.sequence) = (slot_size, sequence);
        Ok(Some((state_file, state)))
    }

    /// Reads a file that may be a progress file, without locking it. Returns `None` for anything else.
    #[must_use]
    pub fn peek(path: &Path) -> Option<State> {
        // A pipe with such a name would not end.
        if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let file = File::open(path).ok()?;
        let (_, _, state) = read(&file, TigerBeetle::new(aof_std::backend())).ok()??;
        Some(state)
    }

    /// Creates the file with its first state, durably and at one moment: whoever is killed meanwhile leaves
    /// no file that is half written, and nothing was sent before it is there.
    ///
    /// # Errors
    ///
    /// [`StateError`]; an existing file is an error too.
    pub fn create(path: &Path, state: &State) -> Result<Self, StateError> {
        let failed = |error| StateError::Io(path.to_path_buf(), error);
        let profile = TigerBeetle::new(aof_std::backend());
        crate::destination::clean(path);
        let mut new_file = NewFile::create(path).map_err(failed)?;
        let mut line = Vec::new();
        for sequence in 0..2 {
            encode(&mut line, profile, sequence, state, SLOT_SIZE)
                .ok_or_else(|| StateError::Full(path.to_path_buf()))?;
            new_file.write_all(&line).map_err(failed)?;
        }
        // Locked before it is there: nobody else comes first.
        let mut state_file = Self::lock(path, new_file.try_clone_file().map_err(failed)?)?;
        new_file.commit(false).map_err(|error| match error.kind() {
            // It was not there a moment ago.
            io::ErrorKind::AlreadyExists => StateError::Locked(path.to_path_buf()),
            _ => failed(error),
        })?;
        state_file.sequence = 1;
        Ok(state_file)
    }

    fn lock(path: &Path, file: File) -> Result<Self, StateError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked(path.to_path_buf())),
            Err(TryLockError::Error(error)) => {
                let reason = super::network::reason(&error);
                let told = format!("the file system refuses to lock it ({reason})");
                return Err(StateError::Io(path.to_path_buf(), io::Error::new(error.kind(), told)));
            }
        }
        let profile = TigerBeetle::new(aof_std::backend());
        let slot_size = SLOT_SIZE;
        Ok(Self { path: path.to_path_buf(), file, slot_size, sequence: 0, profile, line: Vec::new() })
    }

    /// Removes the file, while it is locked still.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`].
    pub fn remove(self) -> Result<(), StateError> {
        std::fs::remove_file(&self.path).map_err(|error| StateError::Io(self.path.clone(), error))
    }

    /// Whether the file is still where it was made: nobody has moved it away.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a state in the place of the older of the two that are there.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`]: what was acknowledged before is still there.
    pub fn save(&mut self, state: &State) -> Result<(), StateError> {
        let failed = |path: &Path, error| StateError::Io(path.to_path_buf(), error);
        let sequence = self.sequence + 1;
        encode(&mut self.line, self.profile, sequence, state, self.slot_size)
            .ok_or_else(|| StateError::Full(self.path.clone()))?;
        let offset = self.slot_size as u64 * (sequence % 2);
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| failed(&self.path, error))?;
        self.file.write_all(&self.line).map_err(|error| failed(&self.path, error))?;
        self.sequence = sequence;
        Ok(())
    }

    /// Makes what was saved survive a power failure.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`].
    pub fn sync(&self) -> Result<(), StateError> {
        self.file.sync_data().map_err(|error| StateError::Io(self.path.clone(), error))
    }
}

/// The size of a file's slots, and the newest sequence and state in them. `None`: it is no progress file, or no
/// slot is intact.
fn read(file: &File, profile: TigerBeetle) -> io::Result<Option<(usize, u64, State)>> {
    let mut bytes = Vec::new();
    let limit = 2 * SLOT_SIZE as u64 + 1;
    file.take(limit).read_to_end(&mut bytes)?;
    let slot_size = match bytes.len() / 2 {
        size @ (SLOT_SIZE | SLOT_SIZE_BEFORE) if bytes.len().is_multiple_of(2) => size,
        _ => return Ok(None),
    };
    let slots = bytes.chunks_exact(slot_size).filter_map(|slot| parse(slot, profile));
    let newest = slots.max_by_key(|(sequence, _)| *sequence);
    let known = newest.filter(|(_, state)| (FORMAT_MIN..=FORMAT).contains(&state.format));
    Ok(known.map(|(sequence, state)| (slot_size, sequence, state)))
}

/// A slot's sequence and state, if it is whole.
fn parse(slot: &[u8], profile: TigerBeetle) -> Option<(u64, State)> {
    let (checksum, covered) = slot.split_at_checked(CHECKSUM_DIGITS)?;
    let checksum: Checksum = std::str::from_utf8(checksum).ok()?.parse().ok()?;
    if profile.checksum(covered) != checksum {
        return None;
    }
    let text = std::str::from_utf8(slot).ok()?;
    let sequence = text.get(CHECKSUM_DIGITS + 1..PREFIX_SIZE - 1)?.parse().ok()?;
    Some((sequence, serde_json::from_str(text.get(PREFIX_SIZE..)?).ok()?))
}

/// A slot's bytes, if the state has room in it.
fn encode(
    line: &mut Vec<u8>,
    profile: TigerBeetle,
    sequence: u64,
    state: &State,
    slot_size: usize,
) -> Option<()> {
    line.clear();
    line.resize(CHECKSUM_DIGITS, b'0');
    // Writing to a vector does not fail.
    let _ = write!(line, " {sequence:0SEQUENCE_DIGITS$} ");
    serde_json::to_writer(&mut *line, state).ok()?;
    if line.len() >= slot_size {
        return None;
    }
    line.resize(slot_size - 1, b' ');
    line.push(b'\n');
    let (place, covered) = line.split_at_mut_checked(CHECKSUM_DIGITS)?;
    place.copy_from_slice(profile.checksum(covered).to_string().as_bytes());
    Some(())
}

#[cfg(test)]
mod tests;
