//! A buffer as a window over a device: what is in it need not be read again.

use super::ReadError;
use crate::checksum::Profile;
use crate::resync::Resync;
use crate::storage::uninterrupted;
use crate::wire::{HEAD_SIZE, HEAD_SIZE_U32};
use embedded_io::{Read, Seek, SeekFrom};

#[derive(Debug)]
pub(super) struct Window<D, B> {
    device: D,
    buffer: B,
    /// The log's offset of the window's first byte.
    start: u64,
    /// Where the window begins in the buffer.
    begin: usize,
    /// Bytes in the window.
    size: usize,
    /// Where the device stands, if that is known.
    position: Option<u64>,
    /// Where the log ends.
    end: u64,
    read_ahead: usize,
}

/// What a window shows from an offset on.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    /// Bytes from the offset to the log's end, whether in `bytes` or not.
    pub(super) rest: u64,
}

impl<D: Read + Seek, B: AsMut<[u8]>> Window<D, B> {
    pub(super) fn new(mut device: D, mut buffer: B) -> Result<Self, ReadError<D::Error>> {
        if buffer.as_mut().len() < HEAD_SIZE {
            return Err(ReadError::Buffer { offset: 0, needed: HEAD_SIZE_U32 });
        }
        let end = uninterrupted(|| device.seek(SeekFrom::End(0))).map_err(ReadError::Device)?;
        Ok(Self {
            device,
            buffer,
            start: 0,
            begin: 0,
            size: 0,
            position: Some(end),
            end,
            read_ahead: usize::MAX,
        })
    }

    /// The log's bytes from `offset` on: at least `size_min` (at least 1), unless the log ends before.
    pub(super) fn at(&mut self, offset: u64, size_min: usize) -> Result<View<'_>, ReadError<D::Error>> {
        self.move_to(offset);
        let capacity = self.buffer.as_mut().len();
        let rest = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = size_min.max(1).min(rest);
        if wanted > capacity {
            let needed = u32::try_from(wanted).unwrap_or(u32::MAX);
            return Err(ReadError::Buffer { offset, needed });
        }
        // Even a window that is full enough may be asked for bytes behind the log's end: hide those.
        self.size = self.size.min(rest);
        if self.size < wanted {
            self.compact();
        }
        let target = wanted.max(self.read_ahead).min(rest).min(capacity);
        while self.size < wanted {
            let read = self.read(target)?;
            if read == 0 {
                self.end = self.start.saturating_add(self.size as u64); // the device shrank
                break;
            }
            self.size += read;
        }
        let rest = self.end.saturating_sub(offset);
        let (_, bytes) = self.current();
        Ok(View { bytes, rest })
    }

    /// Makes the window start at `offset`, keeping what it has of the log from there on. What it passed
    /// is still before it, until it is compacted: a search looks ahead and comes back.
    fn move_to(&mut self, offset: u64) {
        let passed = usize::try_from(offset.abs_diff(self.start)).unwrap_or(usize::MAX);
        if offset < self.start && passed <= self.begin {
            self.begin -= passed;
            self.size += passed;
        } else if offset >= self.start && passed < self.size {
            self.begin += passed;
            self.size -= passed;
        } else {
            (self.begin, self.size) = (0, 0);
        }
        self.start = offset;
    }

    /// Moves the window to the buffer's beginning, so that there is room behind it.
    fn compact(&mut self) {
        let end = self.begin.saturating_add(self.size);
        if let Some(window) = self.buffer.as_mut().get_mut(..end)
            && self.begin <= window.len()
        {
            move_to_front(window, self.begin);
        }
        self.begin = 0;
    }

    /// Reads once behind a compact window, up to `target` bytes in all.
    fn read(&mut self, target: usize) -> Result<usize, ReadError<D::Error>> {
        let at = self.start.saturating_add(self.size as u64);
        if self.position != Some(at) {
            self.position = None;
            let moved = uninterrupted(|| self.device.seek(SeekFrom::Start(at)));
            self.position = Some(moved.map_err(ReadError::Device)?);
        }
        let room = self.buffer.as_mut().get_mut(self.size..target).unwrap_or_default();
        let read = match uninterrupted(|| self.device.read(room)) {
            // A device that claims more than there was room for is not believed.
            Ok(read) => read.min(room.len()),
            Err(error) => {
                self.position = None;
                return Err(ReadError::Device(error));
            }
        };
        self.position = Some(at.saturating_add(read as u64));
        Ok(read)
    }

    /// Gives a search all the bytes that it wants.
    pub(super) fn drive<P: Profile>(
        &mut self,
        search: &mut Resync<P>,
    ) -> Result<Option<u64>, ReadError<D::Error>> {
        while let Some(want) = search.want() {
            search.give(self.at(want.offset, want.size_min as usize)?.bytes);
        }
        Ok(search.found())
    }
}

impl<D, B: AsMut<[u8]>> Window<D, B> {
    /// What the window holds, and from which offset on.
    pub(super) fn current(&mut self) -> (u64, &[u8]) {
        let bytes = self.buffer.as_mut().get(self.begin..).unwrap_or_default();
        (self.start, bytes.get(..self.size).unwrap_or_default())
    }
}

impl<D, B> Window<D, B> {
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) const fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    pub(super) const fn set_read_ahead(&mut self, size: usize) {
        self.read_ahead = size;
    }

    pub(super) fn into_device(self) -> D {
        self.device
    }
}

/// Moves the bytes from `begin` (at most the slice's length) on to the slice's beginning.
#[cfg(target_pointer_width = "64")]
fn move_to_front(bytes: &mut [u8], begin: usize) {
    bytes.copy_within(begin.., 0);
}

/// The same byte by byte: a `memmove` would be linked for this alone, and takes more than a KiB. What is
/// moved is the beginning of an entry.
#[cfg(not(target_pointer_width = "64"))]
fn move_to_front(bytes: &mut [u8], begin: usize) {
    let bytes = core::cell::Cell::from_mut(bytes).as_slice_of_cells();
    for (target, source) in bytes.iter().zip(bytes.get(begin..).unwrap_or_default()) {
        target.set(source.get());
    }
}
