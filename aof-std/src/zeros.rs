//! The zeros that end a file: a device's free space, or a tail that a power cut left unwritten.
//!
//! A log on a raw device (or in the image of one) has no length: behind its last entry the device is zero.
//! With Z the place where the run of zeros at the file's end begins, and P a place where an entry should be
//! and is not, and nothing follows:
//!
//! ```text
//!                          P                                       is told as
//!  |entry|entry|entry|0000000000000000000000000000000000|          free space from P on
//!                    Z
//!
//!  |entry|entry|entry|magic|hea0000000000000000000000000|          a torn tail at P: what stands before Z begins
//!                    P        Z                                    an entry that reaches over Z
//!
//!  |entry|entry|entry|garbage  0000000000000000000000000|          damage at P; free space from Z on
//!                    P         Z
//! ```
//!
//! Holes of a sparse file are passed over without being read, where the system can tell (Linux).
//!
//! Zeros that end a body are not meant: such an entry is whole, and reading never asks what it ends with. Where
//! an entry is damaged, fewer than [`ZEROS_MIN`] zeros say nothing.

use crate::scan::Watch;
use crate::source::Source;
use aof_nostd::{Damage, DamageKind};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::Ordering;

/// So many zeros behind a damaged entry tell that it was never written: a sector of them.
const ZEROS_MIN: u64 = 512;

/// Bytes read at a time, from the end on.
const CHUNK_SIZE: u64 = 256 << 10;

/// Bytes that are asked about at a time while they turn out to be holes.
const HOLE_SIZE_MAX: u64 = 1 << 30;

/// Finds where the run of zeros that ends `source` begins: its size, where it ends with another byte.
///
/// Reads the zeros once, from the end.
///
/// # Errors
///
/// The operating system's; [`io::ErrorKind::Interrupted`] where `watch` says stop.
pub(crate) fn begin(source: &Source, watch: Option<&Watch>) -> io::Result<u64> {
    let mut device = source.clone();
    let mut chunk = Vec::new();
    let mut end = source.size();
    // A log's last sector tells nearly always.
    let mut size = 512;
    let mut hole_size = CHUNK_SIZE;
    while end > 0 {
        if watch.is_some_and(|watch| watch.stop.load(Ordering::Relaxed)) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if size == CHUNK_SIZE && source.handle().is_hole(end.saturating_sub(hole_size), end) {
            end = end.saturating_sub(hole_size);
            hole_size = hole_size.saturating_mul(2).min(HOLE_SIZE_MAX);
            continue;
        }
        hole_size = CHUNK_SIZE;
        let begin = end.saturating_sub(size);
        #[expect(clippy::cast_possible_truncation, reason = "at most a chunk")]
        chunk.resize((end - begin) as usize, 0);
        device.seek(SeekFrom::Start(begin))?;
        device.read_exact(&mut chunk)?;
        if !is_zero(&chunk) {
            let rest = chunk.iter().rev().take_while(|byte| **byte == 0).count();
            return Ok(end - rest as u64);
        }
        end = begin;
        size = CHUNK_SIZE;
    }
    Ok(0)
}

fn is_zero(bytes: &[u8]) -> bool {
    let (lines, rest) = bytes.as_chunks::<64>();
    lines.iter().all(|line| line.iter().fold(0, |all, byte| all | byte) == 0)
        && rest.iter().all(|byte| *byte == 0)
}

/// What stands at a place where no entry is, and none follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The damage there, and where it ends.
    pub(crate) damage: Option<(Damage, u64)>,
    /// Where free space begins.
    pub(crate) zeros: Option<u64>,
}

impl End {
    /// Judges `damage`, behind which nothing follows in a file of `size` whose zeros begin at `zeros`.
    /// `reach` is how far the damaged entry reaches, as far as can be known; `None` where none was begun.
    pub(crate) fn of(damage: Damage, reach: Option<u64>, zeros: u64, size: u64) -> Self {
        if damage.offset >= zeros {
            return Self { damage: None, zeros: Some(damage.offset) };
        }
        // A file that ends inside an entry has no free space: its zeros are the entry's.
        if size - zeros < ZEROS_MIN || matches!(damage.kind, DamageKind::TornTail { .. }) {
            return Self { damage: Some((damage, size)), zeros: None };
        }
        let damage = match reach.and_then(|reach| reach.checked_sub(zeros)) {
            Some(missing) if missing > 0 => Damage { kind: DamageKind::TornTail { missing }, ..damage },
            _ => damage,
        };
        Self { damage: Some((damage, zeros)), zeros: Some(zeros) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn source(bytes: &[u8]) -> Source {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Source::from_file(file).unwrap()
    }

    #[test]
    fn the_last_byte_that_is_not_zero_is_found() {
        assert_eq!(begin(&source(&[]), None).unwrap(), 0);
        for size in [1, 511, 512, 513, 262_656, 524_801] {
            let mut bytes = vec![0; size];
            assert_eq!(begin(&source(&bytes), None).unwrap(), 0);
            for at in [0, size / 2, size - 1] {
                bytes[at] = 1;
                assert_eq!(begin(&source(&bytes), None).unwrap(), at as u64 + 1, "{at} of {size}");
            }
        }
    }

    #[test]
    fn holes_of_a_sparse_file_are_zeros() {
        let bytes = source(&[7; 5000]);
        for size in [5001, 300_000, 3 << 20, 9 << 30] {
            bytes.handle().set_size(size).unwrap();
            let source = Source::new(bytes.handle().clone()).unwrap();
            assert_eq!(begin(&source, None).unwrap(), 5000, "{size}");
        }
    }

    #[test]
    fn a_search_for_zeros_stops_when_told() {
        let watch = Watch::new();
        watch.stop.store(true, Ordering::Relaxed);
        let error = begin(&source(&[0; 600]), Some(&watch)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn an_end_is_free_space_a_torn_tail_or_damage() {
        let at = |offset| Damage { offset, op: None, kind: DamageKind::BodyChecksum };
        let torn = |offset, missing| Damage { kind: DamageKind::TornTail { missing }, ..at(offset) };
        let end = |damage, zeros| End { damage, zeros };
        assert_eq!(End::of(at(1000), None, 1000, 4096), end(None, Some(1000)));
        assert_eq!(End::of(at(1000), None, 990, 1001), end(None, Some(1000)), "however few");
        assert_eq!(End::of(at(1000), None, 1100, 4096), end(Some((at(1000), 1100)), Some(1100)), "not begun");
        assert_eq!(End::of(at(1000), Some(1500), 1400, 4096), end(Some((torn(1000, 100), 1400)), Some(1400)));
        assert_eq!(End::of(at(1000), Some(1500), 1500, 4096), end(Some((at(1000), 1500)), Some(1500)));
        assert_eq!(End::of(at(1000), Some(4096), 3600, 4096), end(Some((at(1000), 4096)), None), "too few");
        let cut = torn(1000, 9);
        assert_eq!(End::of(cut, Some(4105), 2000, 4096), end(Some((cut, 4096)), None), "not free");
    }
}
