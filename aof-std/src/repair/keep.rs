//! Where a tail's bytes go before they are cut off: a file beside the log.
//!
//! ```text
//! FILE.torn-at-OFFSET      free            -> the tail is put there, whole or not at all
//!                          the same bytes  -> a repair was here before and could not end: put there once more,
//!                                             since nothing is known of a sync that failed
//!                          anything else   -> FILE.torn-at-OFFSET.2, and so on
//! ```
//!
//! Where that name is longer than the file system takes, the first characters of FILE and a digest stand for it.

use super::{RepairError, Tail};
use crate::beside;
use crate::fs::FileSystem;
use crate::replace::NewFile;
use crate::scan::Watch;
use crate::source::Source;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Names that are tried.
const NAMES_MAX: u32 = 100;

/// Bytes read at a time.
const CHUNK_SIZE: usize = 256 << 10;

/// The file for a tail.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Whether it is there, with the tail's bytes.
    there: bool,
}

/// Finds the file for `tail`, beside the log at `path`; `None` where there is nothing to keep.
pub(super) fn place(
    fs: &dyn FileSystem,
    path: &Path,
    source: &Source,
    tail: Tail,
) -> Result<Option<Place>, RepairError> {
    if tail.kept_size() == 0 {
        return Ok(None);
    }
    let mut is_short = false;
    let mut number = 0;
    while number < NAMES_MAX {
        number += 1;
        let candidate = name(path, tail.offset, number, is_short);
        match fs.open(&candidate).and_then(Source::new) {
            Ok(there) if there.size() != tail.kept_size() => {}
            Ok(there) => {
                if is_same(there, bytes_of(source, tail)?)? {
                    return Ok(Some(Place { path: candidate, there: true }));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(Place { path: candidate, there: false }));
            }
            // The log's name is as long as names may be.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename && !is_short => {
                is_short = true;
                number -= 1;
            }
            // Somebody else's.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotSeekable) => {}
            Err(error) => return Err(RepairError::Keep { kept: candidate, error }),
        }
    }
    let error = io::Error::new(io::ErrorKind::AlreadyExists, "it and 99 like it exist with other bytes");
    Err(RepairError::Keep { kept: name(path, tail.offset, 1, is_short), error })
}

/// Puts the tail's bytes beside the log, durably, and gives the file; `None` where there is nothing to keep.
pub(crate) fn keep(
    fs: &Arc<dyn FileSystem>,
    path: &Path,
    source: &Source,
    tail: Tail,
    watch: Option<&Watch>,
) -> Result<Option<PathBuf>, RepairError> {
    let Some(Place { path: kept, there }) = place(&**fs, path, source, tail)? else { return Ok(None) };
    let failed = |error: io::Error| {
        let error = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let told = error.to_string();
                let reason = told.split(" (os error").next().unwrap_or(&told);
                let told =
                    format!("{reason}; it takes {} bytes: make room, and repair again", tail.kept_size());
                io::Error::new(error.kind(), told)
            }
            _ => error,
        };
        RepairError::Keep { kept: kept.clone(), error }
    };
    let mut copy = NewFile::create_on(fs.clone(), &kept).map_err(failed)?;
    // What only the log's owner may read stays so, and who may read the log may read this.
    copy.handle().take_mode_of(&**source.handle()).map_err(failed)?;
    let mut bytes = bytes_of(source, tail)?;
    let mut chunk = vec![0; CHUNK_SIZE];
    loop {
        if watch.is_some_and(|watch| watch.stop.load(Ordering::Relaxed)) {
            return Err(RepairError::Io(io::ErrorKind::Interrupted.into()));
        }
        let size = fill(&mut bytes, &mut chunk)?;
        if size == 0 {
            break;
        }
        copy.write_all(chunk.get(..size).unwrap_or(&[])).map_err(failed)?;
    }
    copy.commit(there).map_err(failed)?;
    Ok(Some(kept))
}

fn name(path: &Path, offset: u64, number: u32, is_short: bool) -> PathBuf {
    let mut name = match path.file_name().filter(|_| is_short) {
        Some(name) => path.with_file_name(beside::short(name)).into_os_string(),
        None => OsString::from(path.as_os_str()),
    };
    name.push(format!(".torn-at-{offset}"));
    if number > 1 {
        name.push(format!(".{number}"));
    }
    PathBuf::from(name)
}

/// The bytes of a tail that are kept.
fn bytes_of(source: &Source, tail: Tail) -> io::Result<io::Take<Source>> {
    let mut source = source.clone();
    source.seek(SeekFrom::Start(tail.offset))?;
    Ok(source.take(tail.kept_size()))
}

/// Whether two readers give the same bytes.
fn is_same(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut here, mut there) = (vec![0; CHUNK_SIZE], vec![0; CHUNK_SIZE]);
    loop {
        let (size, other_size) = (fill(&mut one, &mut here)?, fill(&mut other, &mut there)?);
        if size != other_size || here.get(..size) != there.get(..size) {
            return Ok(false);
        }
        if size == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the reader at its end.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(size) => filled += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
