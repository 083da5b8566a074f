//! Bytes of a file that the system cannot read: a sector that went bad, a network file system that lost the file.
//!
//! A [`Source`](crate::Source) stops with the system's error there, unless it is set to continue
//! ([`Source::with_unreadable`](crate::Source::with_unreadable)). Then the bytes are narrowed down, noted here, and read
//! as [`FILL`]. No entry that holds one of them has a checksum that matches, so all that reads logs takes them for
//! damage, and a [scan](crate::scan) reports the damage as [`DamageKind::Unreadable`](aof_nostd::DamageKind::Unreadable).
//!
//! ```text
//! one read      |..............................|   fails
//! halves        |..............|xxxxxxxxxxxxxxx|   the second fails
//! ...                          |.......|x|.....|   down to a sector that fails again: noted, never tried again
//! ```
//!
//! **Bounded work.** A disk may try for seconds before it reports a sector as lost. A sector that is noted is not read again;
//! and after `FAILED_MAX` failed reads, all bytes of a read that fails are noted.

use crate::fs::FileHandle;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What unreadable bytes are read as. Neither the magic of an entry nor the zeros of free space.
pub const FILL: u8 = 0xEE;

/// The smallest part of a file that is noted, bytes: a sector.
const SECTOR_SIZE: u64 = 512;

/// The same, as the length of a buffer.
const SECTOR_BYTES: usize = 512;

/// So many failed reads narrow ranges down; later ones do not.
const FAILED_MAX: u32 = 4096;

/// The ranges of a file that cannot be read, as far as they were tried. Shared by the clones of a source.
#[derive(Debug, Default)]
pub struct Unreadable {
    state: Mutex<State>,
    /// Whether there is a range at all: nearly never.
    is_any: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// In order; no two of them touch.
    ranges: Vec<Range<u64>>,
    failed: u32,
    first: Option<Failed>,
}

/// The first read that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its first byte.
    pub offset: u64,
    /// The system's error.
    pub error: Arc<io::Error>,
}

impl Unreadable {
    /// The ranges, in order. No two of them touch.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<u64>> {
        if self.is_any() { self.lock().ranges.clone() } else { Vec::new() }
    }

    /// Those parts of the ranges that are inside of `bytes`.
    #[must_use]
    pub fn within(&self, bytes: Range<u64>) -> Vec<Range<u64>> {
        if !self.is_any() {
            return Vec::new();
        }
        let state = self.lock();
        let first = state.ranges.partition_point(|range| range.end <= bytes.start);
        let inside = state.ranges.iter().skip(first).take_while(|range| range.start < bytes.end);
        inside.map(|range| range.start.max(bytes.start)..range.end.min(bytes.end)).collect()
    }

    /// The first read that failed, even if all of its bytes could be read when they were tried again.
    #[must_use]
    pub fn first_failed(&self) -> Option<Failed> {
        self.lock().first.clone()
    }

    fn is_any(&self) -> bool {
        self.is_any.load(Ordering::Acquire)
    }

    /// Nothing that is kept under the lock is left half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads into `buffer` from `offset` on, as much as comes at once; noted bytes come as [`FILL`].
    pub(crate) fn read(&self, file: &dyn FileHandle, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64);
        // What is noted already is not read again; what comes before it is read without it.
        let noted = self.within(offset..end).into_iter().next();
        let readable = noted.as_ref().map_or(end, |range| range.start);
        if let Some(range) = noted.filter(|range| range.start == offset) {
            return Ok(fill(part(buffer, 0, range.end - offset)));
        }
        let buffer = part(buffer, 0, readable - offset);
        match file.read_at(buffer, offset) {
            Err(error) if is_unreadable(&error) => {
                self.failed(offset, error);
                self.narrow(file, buffer, offset)
            }
            result => result,
        }
    }

    /// Reads what can be read of `buffer`, which a read at `offset` could not fill. Gives less where the file ends.
    fn narrow(&self, file: &dyn FileHandle, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Ranges of the buffer that failed or were not tried, the next one last.
        let mut pieces = vec![(0, buffer.len() as u64, true)];
        let mut done = 0;
        while let Some((from, until, has_failed)) = pieces.pop() {
            let at = offset.saturating_add(from);
            if !has_failed {
                match file.read_at(part(buffer, from, until), at) {
                    Ok(0) => return Ok(done),
                    Ok(size) => {
                        done = usize::try_from(from).unwrap_or(usize::MAX).saturating_add(size);
                        let from = from.saturating_add(size as u64);
                        if from < until {
                            pieces.push((from, until, false));
                        }
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                        pieces.push((from, until, false));
                        continue;
                    }
                    Err(error) if is_unreadable(&error) => self.failed(at, error),
                    Err(error) => return Err(error),
                }
            }
            let middle = middle(at, offset.saturating_add(until));
            let is_sector = middle.is_none();
            if let Some(middle) =
                middle.filter(|_| self.may_narrow()).and_then(|middle| middle.checked_sub(offset))
            {
                pieces.push((middle, until, false));
                pieces.push((from, middle, false));
                continue;
            }
            let rest = part(buffer, from, until);
            let size = match (has_failed && is_sector).then(|| again(file, rest, at)) {
                Some(Ok(size)) => size,
                Some(Err(error)) if !is_unreadable(&error) => return Err(error),
                failed => {
                    if let Some(Err(error)) = failed {
                        self.failed(at, error);
                    }
                    self.note(file, at..offset.saturating_add(until));
                    fill(rest)
                }
            };
            if size == 0 {
                return Ok(done);
            }
            done = usize::try_from(from).unwrap_or(usize::MAX).saturating_add(size);
        }
        Ok(done)
    }

    fn failed(&self, offset: u64, error: io::Error) {
        let mut state = self.lock();
        state.failed = state.failed.saturating_add(1);
        if state.first.is_none() {
            state.first = Some(Failed { offset, error: Arc::new(error) });
        }
    }

    fn may_narrow(&self) -> bool {
        self.lock().failed < FAILED_MAX
    }

    /// Notes that the sectors of `range` cannot be read.
    fn note(&self, file: &dyn FileHandle, range: Range<u64>) {
        let size = file.size().unwrap_or(u64::MAX);
        let start = range.start / SECTOR_SIZE * SECTOR_SIZE;
        let range = start..range.end.next_multiple_of(SECTOR_SIZE).min(size).max(range.end);
        let mut state = self.lock();
        let first = state.ranges.partition_point(|known| known.end < range.start);
        let after = state.ranges.partition_point(|known| known.start <= range.end);
        let mut joined = range;
        for known in state.ranges.get(first..after).unwrap_or_default() {
            joined = joined.start.min(known.start)..joined.end.max(known.end);
        }
        state.ranges.splice(first..after.max(first), [joined]);
        self.is_any.store(true, Ordering::Release);
    }
}

/// Reads into `buffer` once more, a part of a sector: the whole sector, as a disk does.
fn again(file: &dyn FileHandle, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut sector = [0; SECTOR_BYTES];
    let start = offset / SECTOR_SIZE * SECTOR_SIZE;
    let read = file.read_full_at(&mut sector, start)?;
    let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
    let found = sector.get(from..read).unwrap_or_default();
    let size = found.len().min(buffer.len());
    for (target, byte) in buffer.iter_mut().zip(found) {
        *target = *byte;
    }
    Ok(size)
}

/// The part of `buffer` between these bytes.
fn part(buffer: &mut [u8], from: u64, until: u64) -> &mut [u8] {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let until = usize::try_from(until).unwrap_or(usize::MAX).min(buffer.len());
    buffer.get_mut(from..until).unwrap_or_default()
}

fn fill(buffer: &mut [u8]) -> usize {
    buffer.fill(FILL);
    buffer.len()
}

/// The boundary between two sectors in the middle of this range; `None` inside of a sector.
fn middle(from: u64, until: u64) -> Option<u64> {
    let middle = from.saturating_add(until.saturating_sub(from) / 2).next_multiple_of(SECTOR_SIZE);
    let middle = if middle < until { middle } else { middle.saturating_sub(SECTOR_SIZE) };
    (from < middle && middle < until).then_some(middle)
}

/// Whether the error is one of these bytes on their way from the device, and not of the file or of the call.
#[must_use]
pub fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

/// I/O error, bad message, stale file handle, no data (a medium's error), remote I/O error, illegal sequence (a
/// protection error), structure needs cleaning, no such device or address, no such device, timed out.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CODES: [i32; 10] = [5, 74, 116, 61, 121, 84, 117, 6, 19, 110];
/// I/O error, bad message, stale file handle, no such device or address, no such device.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const CODES: [i32; 5] = [5, 94, 70, 6, 19];
/// Bad CRC, sector not found, read fault, I/O error of a device.
#[cfg(not(unix))]
const CODES: [i32; 4] = [23, 27, 30, 1117];

/// A read that failed, and where: the error of a [`Source`](crate::Source) that does not continue.
#[derive(Debug)]
pub struct ReadFailed {
    /// The first byte that was asked for.
    pub offset: u64,
    /// The system's error.
    pub error: io::Error,
}

impl ReadFailed {
    /// The same, as an error of its kind.
    pub(crate) fn at(offset: u64, error: io::Error) -> io::Error {
        if is_unreadable(&error) { io::Error::new(error.kind(), Self { offset, error }) } else { error }
    }
}

impl fmt::Display for ReadFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error.to_string();
        let reason = error.split(" (os error").next().unwrap_or(&error);
        write!(
            f,
            "the read at byte {} failed: {reason}; copy the bytes that can be read (ddrescue, or dd \
             conv=noerror,sync), and go on with the copy",
            self.offset
        )
    }
}

impl std::error::Error for ReadFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
mod tests {
    use super::*;
    use crate::Source;
    use crate::fs::FileId;
    use proptest::prelude::*;
    use std::fs::TryLockError;
    use std::io::{Read as _, Seek as _, SeekFrom};

    /// A file of bytes that count, with ranges that cannot be read.
    #[derive(Debug)]
    struct Bad {
        size: u64,
        bad: Vec<Range<u64>>,
        calls: Mutex<u32>,
    }

    fn byte(at: u64) -> u8 {
        (at % 199) as u8
    }

    impl FileHandle for Bad {
        fn size(&self) -> io::Result<u64> {
            Ok(self.size)
        }

        fn identity(&self) -> io::Result<FileId> {
            Ok(FileId(0, 0))
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            *self.calls.lock().unwrap() += 1;
            let until = self.size.min(offset + buffer.len() as u64);
            if self.bad.iter().any(|bad| bad.start < until && offset < bad.end) {
                return Err(io::Error::from_raw_os_error(5));
            }
            let size = usize::try_from(until.saturating_sub(offset)).unwrap();
            for (at, slot) in (offset..).zip(&mut buffer[..size]) {
                *slot = byte(at);
            }
            Ok(size)
        }

        fn append(&self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn set_size(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn sync_all(&self) -> io::Result<()> {
            Ok(())
        }

        fn try_lock(&self) -> Result<(), TryLockError> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn all_that_can_be_read_is_read_and_the_rest_is_noted_by_sectors(
            size in 1_u32..100_000,
            bad in prop::collection::vec((0_u64..100_000, 1_u64..3000), 0..5),
            reads in prop::collection::vec((0_u64..100_000, 1_usize..70_000), 1..10),
        ) {
            let (wanted_all, size) = (size as usize, u64::from(size));
            let bad: Vec<_> = bad.into_iter().map(|(from, size)| from..from + size).collect();
            let file = Bad { size, bad: bad.clone(), calls: Mutex::default() };
            let mut source = Source::new(Arc::new(file)).unwrap().with_unreadable();
            let is_bad = |at: u64| {
                let sector = at / 512 * 512..(at / 512 + 1) * 512;
                bad.iter().any(|bad| bad.start < sector.end && sector.start < bad.end)
            };
            for (from, wanted) in reads.into_iter().chain([(0, wanted_all)]) {
                let mut bytes = Vec::new();
                source.seek(SeekFrom::Start(from.min(size))).unwrap();
                (&mut source).take(wanted as u64).read_to_end(&mut bytes).unwrap();
                prop_assert_eq!(bytes.len() as u64, (wanted as u64).min(size.saturating_sub(from)));
                let noted = source.unreadable();
                for (at, found) in (from..).zip(bytes) {
                    let is_noted = noted.iter().any(|range| range.contains(&at));
                    // What was read before the rest of its sector failed stays read.
                    prop_assert!(found == byte(at) || is_noted && found == FILL, "byte {}", at);
                    prop_assert!(!is_noted || is_bad(at), "byte {} was noted for nothing", at);
                }
            }
            let noted = source.unreadable();
            prop_assert!(noted.windows(2).all(|two| two[0].end < two[1].start), "{:?}", noted);
        }
    }

    #[test]
    fn dead_disk_is_given_up_in_bounded_work() {
        let size = 1 << 30;
        let file = Arc::new(Bad { size, bad: vec![0..size], calls: Mutex::default() });
        let mut source = Source::new(file.clone()).unwrap().with_unreadable();
        let mut buffer = vec![0; 256 << 10];
        for _ in 0..2 {
            source.seek(SeekFrom::Start(0)).unwrap();
            for _ in 0..size >> 18 {
                source.read_exact(&mut buffer).unwrap();
            }
        }
        assert_eq!(source.unreadable(), [0..size], "one range");
        let calls = *file.calls.lock().unwrap();
        assert!(calls < 2 * FAILED_MAX + 4096, "{calls} reads");
    }

    #[test]
    fn source_that_does_not_go_on_names_the_byte() {
        let file = Bad { size: 4096, bad: vec![1024..1025], calls: Mutex::default() };
        let mut source = Source::new(Arc::new(file)).unwrap();
        source.seek(SeekFrom::Start(1000)).unwrap();
        let error = source.read(&mut [0; 512]).unwrap_err().to_string();
        assert!(error.contains("byte 1000") && error.contains("ddrescue"), "{error}");
    }
}
