//! Where a torn tail's bytes go before they are cut off: a file beside the log.
//!
//! | `FILE.torn-at-OFFSET` | what is done |
//! |---|---|
//! | is not there | the bytes are put there, whole or not at all |
//! | holds these bytes | a cut began here and could not end: put there once more, since nothing is known of its syncs |
//! | holds others | an earlier tail was torn at the same place: `FILE.torn-at-OFFSET.2`, and so on |
//!
//! So a writer that is killed at any moment of a cut, or whose cut fails, can go on by itself when it starts
//! again, and no kept bytes are ever written over by others.

use crate::file::TornTail;
use crate::fs::FileSystem;
use crate::replace::NewFile;
use crate::source::Source;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names that are tried.
const NAMES_MAX: u32 = 100;

/// Bytes compared at a time.
const CHUNK_SIZE: usize = 64 << 10;

/// Puts the tail of the log at `path` beside it, durably, and gives the other file's path.
pub(crate) fn keep(
    fs: &Arc<dyn FileSystem>,
    path: &Path,
    log: &Source,
    torn: TornTail,
) -> io::Result<PathBuf> {
    for number in 1..=NAMES_MAX {
        let kept = name(path, torn.offset, number);
        let again = match fs.open(&kept).and_then(Source::new) {
            Ok(there) if there.size() == torn.size && is_same(there.clone(), tail(log, torn)?)? => true,
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let mut copy = NewFile::create_on(fs.clone(), &kept)?;
        io::copy(&mut tail(log, torn)?, &mut copy)?;
        copy.commit(again)?;
        return Ok(kept);
    }
    let what = format!(
        "{} and {} like it are there, with other bytes",
        name(path, torn.offset, 1).display(),
        NAMES_MAX - 1
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, what))
}

fn name(path: &Path, offset: u64, number: u32) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(format!(".torn-at-{offset}"));
    if number > 1 {
        name.push(format!(".{number}"));
    }
    PathBuf::from(name)
}

/// The tail's bytes, to be read.
fn tail(log: &Source, torn: TornTail) -> io::Result<io::Take<Source>> {
    let mut source = log.clone();
    source.seek(SeekFrom::Start(torn.offset))?;
    Ok(source.take(torn.size))
}

/// Whether both give the same bytes, as many of them.
fn is_same(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    loop {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        one.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut here)?;
        other.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut there)?;
        if here != there || here.is_empty() {
            return Ok(here == there);
        }
    }
}
