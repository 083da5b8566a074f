//! A buffer as a window over a log: what is in it need not be read again.
//!
//! ```text
//!                   start             start + size                 end
//!   log      -------|#################|----------------------------|
//!   buffer     |....|#################|     room     |......|
//!              0    begin                            target
//! ```
//!
//! A head that is needed once, far away, is read *aside*: into the last 272 bytes of the buffer, and the window keeps
//! the rest.
//!
//! It does not read. Asked for bytes that it lacks, it says that it is in [`Need`], and whoever has the device
//! reads into its [room](Window::room): `seek`, `room`, `filled`, in this order.

use super::ReadError;
use crate::checksum::Profile;
use crate::resync::Resync;
use crate::wire::HEAD_SIZE;

#[derive(Debug)]
pub(crate) struct Window<B> {
    buffer: B,
    /// The log's offset of the window's first byte.
    start: u64,
    /// Where the window begins in the buffer.
    begin: usize,
    /// Bytes in the window.
    size: usize,
    /// Where the device stands; [`UNKNOWN`] if that is not known.
    position: u64,
    /// Where the log ends.
    end: u64,
    read_ahead: usize,
    /// The log's offset of the bytes that were read aside; [`UNKNOWN`] if there are none.
    aside: u64,
    /// How many they are.
    aside_size: u32,
}

/// No device stands there. (An `Option` takes a third more, here and in each comparison.)
const UNKNOWN: u64 = u64::MAX;

/// What a window shows from an offset on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    /// Bytes from the offset to the log's end, whether in `bytes` or not.
    pub(crate) rest: u64,
}

/// The window has to hold so many bytes, and does not: something has to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    size_min: usize,
    /// Up to how many one read may fill it, if the buffer is as large.
    size_max: usize,
    /// Where the bytes are that are needed aside; [`UNKNOWN`] if the window has to hold them.
    aside: u64,
}

impl<B: AsMut<[u8]>> Window<B> {
    /// An empty window over a log that ends at 0, until [`opened`](Self::opened); `None` if the buffer is too
    /// small for any step.
    pub(super) fn new(mut buffer: B) -> Option<Self> {
        if buffer.as_mut().len() < HEAD_SIZE {
            return None;
        }
        Some(Self {
            buffer,
            start: 0,
            begin: 0,
            size: 0,
            position: UNKNOWN,
            end: 0,
            read_ahead: usize::MAX,
            aside: UNKNOWN,
            aside_size: 0,
        })
    }

    /// The log's bytes from `offset` on: at least `size_min` (at least 1), unless the log ends before.
    pub(crate) fn view(&mut self, offset: u64, size_min: usize) -> Result<View<'_>, Need> {
        self.move_to(offset);
        let rest = self.end.saturating_sub(offset);
        let available = usize::try_from(rest).unwrap_or(usize::MAX);
        let size_min = size_min.max(1).min(available);
        // Even a window that is full enough may be asked for bytes behind the log's end: hide those.
        self.size = self.size.min(available);
        if self.size < size_min {
            let size_max = size_min.max(self.read_ahead).min(available);
            return Err(Need { size_min, size_max, aside: UNKNOWN });
        }
        let (_, bytes) = self.current();
        Ok(View { bytes, rest })
    }

    /// Up to a head's bytes from `offset` on, without moving the window, if the buffer is large enough for that.
    fn look(&mut self, offset: u64, size_min: usize) -> Result<&[u8], Need> {
        let ahead = offset.checked_sub(self.start).and_then(|ahead| usize::try_from(ahead).ok());
        let is_held = ahead.is_some_and(|ahead| self.size.checked_sub(ahead) >= Some(size_min));
        if let (true, Some(ahead)) = (is_held, ahead) {
            let (_, bytes) = self.current();
            return Ok(bytes.get(ahead..).unwrap_or_default());
        }
        let place = self.aside_place();
        if place < HEAD_SIZE {
            return Ok(self.view(offset, size_min)?.bytes);
        }
        let available = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let size_min = size_min.min(HEAD_SIZE).min(available);
        let held = if self.aside == offset { self.aside_size as usize } else { 0 };
        if held < size_min {
            return Err(Need { size_min, size_max: size_min, aside: offset });
        }
        let bytes = self.buffer.as_mut().get(place..).unwrap_or_default();
        Ok(bytes.get(..size_min).unwrap_or(bytes))
    }

    /// Where in the buffer bytes are read aside.
    fn aside_place(&mut self) -> usize {
        self.buffer.as_mut().len().saturating_sub(HEAD_SIZE)
    }

    /// Makes room for what is needed aside, and returns where the device has to be for the next of it.
    fn make_room_aside(&mut self, offset: u64) -> u64 {
        let place = self.aside_place();
        if self.begin.saturating_add(self.size) > place {
            self.compact();
            self.size = self.size.min(place);
        }
        if self.aside != offset {
            (self.aside, self.aside_size) = (offset, 0);
        }
        offset.saturating_add(self.aside_size.into())
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

    /// Makes room for what is needed, and tells where the device has to be moved before it is read; nothing if
    /// it stands there. From here to [`filled`](Self::filled) it is not known where it stands: a read may fail,
    /// or be given up.
    pub(super) fn seek<E>(&mut self, need: Need) -> Result<Option<u64>, ReadError<E>> {
        if need.size_min > self.buffer.as_mut().len() {
            let needed = u32::try_from(need.size_min).unwrap_or(u32::MAX);
            return Err(ReadError::Buffer { offset: self.start, needed });
        }
        let offset = if need.aside == UNKNOWN {
            self.compact();
            self.aside = UNKNOWN;
            self.window_end()
        } else {
            self.make_room_aside(need.aside)
        };
        let is_there = self.position == offset;
        self.position = UNKNOWN;
        Ok((!is_there).then_some(offset))
    }

    /// Where the bytes go.
    pub(super) fn room(&mut self, need: Need) -> &mut [u8] {
        let place = self.aside_place();
        let buffer = self.buffer.as_mut();
        if need.aside == UNKNOWN {
            let target = need.size_max.min(buffer.len());
            return buffer.get_mut(self.size..target).unwrap_or_default();
        }
        let buffer = buffer.get_mut(place..).unwrap_or_default();
        buffer.get_mut(self.aside_size as usize..need.size_max).unwrap_or_default()
    }

    /// Takes `read` bytes, which are in the room now. Of a device that claims more than there was room for nothing
    /// is believed.
    pub(super) fn filled<E>(
        &mut self,
        need: Need,
        read: usize,
        room_size: usize,
    ) -> Result<(), ReadError<E>> {
        if read > room_size {
            return Err(ReadError::Count);
        }
        let offset = if need.aside == UNKNOWN {
            self.size += read;
            self.window_end()
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "at most 272, see `room`")]
            {
                self.aside_size += read as u32;
            }
            need.aside.saturating_add(self.aside_size.into())
        };
        self.position = offset;
        // Room is only made where something is missing before the end. A log that ends here, without damage, would be
        // taken for a complete one.
        if read == 0 && offset < self.end {
            return Err(ReadError::Shrunk { offset, end: self.end });
        }
        Ok(())
    }

    /// At most the log's end, or the start where that is behind it.
    const fn window_end(&self) -> u64 {
        self.start.wrapping_add(self.size as u64)
    }

    /// Gives a search all the bytes that it wants.
    #[inline(never)] // a search is large, and has one caller for each form of reading
    pub(super) fn drive<P: Profile>(&mut self, search: &mut Resync<P>) -> Result<Option<u64>, Need> {
        while let Some(want) = search.want() {
            let size_min = want.size_min as usize;
            search.give(match want.is_aside {
                true => self.look(want.offset, size_min)?,
                false => self.view(want.offset, size_min)?.bytes,
            });
        }
        Ok(search.found())
    }

    /// What the window holds, and from which offset on.
    pub(super) fn current(&mut self) -> (u64, &[u8]) {
        let bytes = self.buffer.as_mut().get(self.begin..).unwrap_or_default();
        (self.start, bytes.get(..self.size).unwrap_or_default())
    }
}

impl<B> Window<B> {
    /// The device was moved to its end, which is the log's.
    pub(super) const fn opened(&mut self, end: u64) {
        (self.end, self.position) = (end, end);
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) const fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    pub(super) const fn set_read_ahead(&mut self, size: usize) {
        self.read_ahead = size;
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
