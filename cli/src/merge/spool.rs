//! Rows of one size in the order in which they came, in memory as long as they are few: [`Spool`].
//!
//! ```text
//! row    0 ........................ filed ........... len
//!        | in a file without a name | in memory       |
//! ```
//!
//! Nothing is filed before the memory is full: small inputs make no file. The bytes are for this process
//! only, so they are the machine's own.

use super::work::Work;
use crate::failure::Failure;
use aof_std::fs::FileHandle;
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What can be a row: plain bytes.
pub(crate) trait Row: FromBytes + IntoBytes + Immutable + Copy {}

impl<T: FromBytes + IntoBytes + Immutable + Copy> Row for T {}

/// Rows, the first of them in a file.
pub(crate) struct Spool<T> {
    work: Work,
    /// Rows in memory before they are filed.
    kept_max: usize,
    kept: Vec<T>,
    file: Option<File>,
    filed: u64,
    /// Rows of the file that were read last: single rows are mostly asked for beside each other.
    near: RefCell<Near<T>>,
}

/// Rows around the one that was asked for.
struct Near<T> {
    from: u64,
    rows: Vec<T>,
}

/// Rows that are read from the file for one that is asked for.
const NEAR: u64 = 64;

impl<T> fmt::Debug for Spool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("filed", &self.filed).field("kept", &self.kept.len()).finish()
    }
}

impl<T: Copy> Near<T> {
    fn get(&self, number: u64) -> Option<T> {
        self.rows.get(usize::try_from(number.checked_sub(self.from)?).ok()?).copied()
    }
}

impl<T: Row> Spool<T> {
    /// No rows; a `part`th of the memory for those that are not filed.
    pub(crate) fn new(work: &Work, part: u64) -> Self {
        let kept_max = work.share(part, size_of::<T>());
        let near = RefCell::new(Near { from: 0, rows: Vec::new() });
        Self { work: work.clone(), kept_max, kept: Vec::new(), file: None, filed: 0, near }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> u64 {
        self.filed + self.kept.len() as u64
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: T) -> Result<(), Failure> {
        self.extend(&[row])
    }

    /// Adds rows.
    pub(crate) fn extend(&mut self, mut rows: &[T]) -> Result<(), Failure> {
        while !rows.is_empty() {
            let room = self.kept_max.saturating_sub(self.kept.len());
            let (now, later) = rows.split_at(room.min(rows.len()));
            self.kept.extend_from_slice(now);
            rows = later;
            if self.kept.len() >= self.kept_max {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Files what is in memory.
    fn flush(&mut self) -> Result<(), Failure> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.work.file()?),
        };
        file.write_all_at(self.kept.as_bytes(), self.filed * size_of::<T>() as u64)
            .map_err(|error| self.work.failure(error))?;
        self.filed += self.kept.len() as u64;
        self.kept.clear();
        self.near.get_mut().rows.clear();
        Ok(())
    }

    /// Fills `rows` from number `from` on; gives how many there were.
    pub(crate) fn read(&self, from: u64, rows: &mut [T]) -> Result<usize, Failure> {
        let available = self.len().saturating_sub(from);
        let count = rows.len().min(usize::try_from(available).unwrap_or(usize::MAX));
        let in_file = count.min(usize::try_from(self.filed.saturating_sub(from)).unwrap_or(usize::MAX));
        let (rows, _) = rows.split_at_mut(count);
        let (of_file, of_memory) = rows.split_at_mut(in_file);
        if let Some(file) = self.file.as_ref().filter(|_| !of_file.is_empty()) {
            let of_file = of_file.as_mut_bytes();
            let read = file.read_full_at(of_file, from * size_of::<T>() as u64);
            if read.map_err(|error| self.work.failure(error))? < of_file.len() {
                return Err(self.work.failure(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        let at = usize::try_from((from + in_file as u64).saturating_sub(self.filed)).unwrap_or(usize::MAX);
        if let Some(kept) = self.kept.get(at..at.saturating_add(of_memory.len())) {
            of_memory.copy_from_slice(kept);
        }
        Ok(count)
    }

    /// One row.
    pub(crate) fn get(&self, number: u64) -> Result<Option<T>, Failure> {
        if let Some(at) = number.checked_sub(self.filed) {
            return Ok(usize::try_from(at).ok().and_then(|at| self.kept.get(at)).copied());
        }
        let mut near = self.near.borrow_mut();
        if let Some(row) = near.get(number) {
            return Ok(Some(row));
        }
        let from = number - number % NEAR;
        let count = usize::try_from(self.filed.saturating_sub(from).min(NEAR)).unwrap_or(0);
        near.rows.clear();
        near.rows.resize(count, T::new_zeroed());
        near.from = from;
        let read = self.read(from, &mut near.rows);
        if !matches!(read, Ok(read) if read == count) {
            near.rows.clear();
        }
        read?;
        Ok(near.get(number))
    }

    /// Replaces a row that is there.
    pub(crate) fn set(&mut self, number: u64, row: T) -> Result<(), Failure> {
        if let Some(at) = number.checked_sub(self.filed) {
            if let Some(kept) = usize::try_from(at).ok().and_then(|at| self.kept.get_mut(at)) {
                *kept = row;
            }
            return Ok(());
        }
        let Some(file) = &self.file else { return Ok(()) };
        file.write_all_at(row.as_bytes(), number * size_of::<T>() as u64)
            .map_err(|error| self.work.failure(error))?;
        let near = self.near.get_mut();
        let at = number.checked_sub(near.from).and_then(|at| usize::try_from(at).ok());
        if let Some(near) = at.and_then(|at| near.rows.get_mut(at)) {
            *near = row;
        }
        Ok(())
    }

    /// Forgets all rows from number `len` on.
    pub(crate) fn truncate(&mut self, len: u64) {
        let kept = len.saturating_sub(self.filed);
        self.kept.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.filed = self.filed.min(len);
        self.near.get_mut().rows.clear();
    }

    /// The first row of those that are in order for which `is_before` is false, or their number.
    pub(crate) fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> Result<u64, Failure> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle)? {
                Some(row) if is_before(&row) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// A walk over all rows.
    pub(crate) fn walk(&self) -> Walk<'_, T> {
        Walk { cursor: Cursor::new(0..self.len(), WINDOW / size_of::<T>()), spool: self }
    }
}

/// Bytes of the window of a walk over all rows.
const WINDOW: usize = 64 << 10;

/// A walk over rows: [`Spool::walk`].
pub(crate) struct Walk<'a, T> {
    spool: &'a Spool<T>,
    cursor: Cursor<T>,
}

impl<T: Row> Walk<'_, T> {
    /// The next row.
    pub(crate) fn next(&mut self) -> Result<Option<T>, Failure> {
        self.cursor.next(self.spool)
    }
}

/// A place in a range of rows, and a window on those that follow.
#[derive(Debug)]
pub(crate) struct Cursor<T> {
    range: Range<u64>,
    window: Vec<T>,
    window_max: usize,
    at: usize,
}

impl<T: Row> Cursor<T> {
    /// At the beginning of `range`, with a window of so many rows.
    pub(crate) fn new(range: Range<u64>, window_max: usize) -> Self {
        Self { range, window: Vec::new(), window_max: window_max.max(1), at: 0 }
    }

    /// At the beginning of another range; the window is used again.
    pub(crate) fn reset(&mut self, range: Range<u64>) {
        self.window.clear();
        self.range = range;
        self.at = 0;
    }

    /// The same over another range.
    pub(crate) fn over(mut self, range: Range<u64>) -> Self {
        self.reset(range);
        self
    }

    /// The next row.
    pub(crate) fn next(&mut self, spool: &Spool<T>) -> Result<Option<T>, Failure> {
        if self.at >= self.window.len() && !self.fill(spool)? {
            return Ok(None);
        }
        let row = self.window.get(self.at).copied();
        self.at += 1;
        Ok(row)
    }

    #[cold]
    fn fill(&mut self, spool: &Spool<T>) -> Result<bool, Failure> {
        let rest = self.range.end.saturating_sub(self.range.start);
        let count = self.window_max.min(usize::try_from(rest).unwrap_or(usize::MAX));
        self.window.resize(count, T::new_zeroed());
        let read = spool.read(self.range.start, &mut self.window)?;
        self.window.truncate(read);
        self.range.start += read as u64;
        self.at = 0;
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of it, by each way of reading.
    fn rows(spool: &Spool<u32>) -> Vec<u32> {
        let mut walked = Vec::new();
        let mut walk = spool.walk();
        while let Some(row) = walk.next().unwrap() {
            walked.push(row);
        }
        let mut got = Vec::new();
        for number in (0..spool.len()).rev() {
            got.push(spool.get(number).unwrap().unwrap());
        }
        got.reverse();
        assert_eq!(got, walked);
        assert_eq!(spool.get(spool.len()).unwrap(), None);
        walked
    }

    #[test]
    fn rows_are_the_same_in_memory_and_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        for memory in [1, 8, 40, 1000] {
            let work = Work::beside(&directory.path().join("out")).with_memory(memory);
            let mut spool = Spool::new(&work, 1);
            let mut model: Vec<u32> = (0..23).collect();
            spool.extend(&model).unwrap();
            assert_eq!(rows(&spool), model, "{memory}");
            for number in [0, 11, 22] {
                spool.set(number, 100).unwrap();
                model[usize::try_from(number).unwrap()] = 100;
            }
            assert_eq!(rows(&spool), model, "{memory}");
            // Cut in memory, in the file, to nothing; each time it goes on.
            for len in [22, 7, 0] {
                spool.truncate(len);
                model.truncate(usize::try_from(len).unwrap());
                for row in 200..207 {
                    spool.push(row).unwrap();
                    model.push(row);
                }
                assert_eq!(rows(&spool), model, "{len} in {memory}");
            }
            assert_eq!(spool.partition_point(|row| *row < 203).unwrap(), 3);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "files without names");
    }
}
