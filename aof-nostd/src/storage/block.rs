//! A log raw on a disk or a card: [`BlockDevice`], what such a device can do, and [`Blocks`], which makes
//! of it a device that takes bytes.
//!
//! ```text
//!   bytes   ...| entry 7 | entry 8            | entry 9    |000000000000000000
//!   blocks  ---------|---------|---------|---------|---------|---------|------
//!                    10        11        12        13        14
//!   cache   a window of N = 4   [  clean  ][  dirty  ][  dirty  ][ unknown ]
//! ```
//!
//! The cache is a window of `N` blocks in a row that moves with the position. What is written waits there
//! until the window moves on or [`Sync::sync`] is called; dirty blocks that stand beside each other go out
//! in one call. Whole blocks, `N` of them or more, pass by it.
//!
//! **A block is read only where it must be.** Of a block that is written in part, the window remembers which
//! bytes it knows. An append that goes on where the last one ended needs nothing of the device; the rest of
//! a block is read when the block has to go out, or to be read, before it is full. So appending costs at
//! most one block read per sync.
//!
//! # What a power cut may do
//!
//! The order in which blocks reach the device between two syncs is of no meaning: a disk changes it anyway.
//! So after a power cut, each block written since the last sync holds what it held then, or any of what was
//! written to it since; all others are as they were.
//!
//! One block is delicate: it holds the end of the last entry that was synced and the beginning of the next,
//! and it is *rewritten in place* when the next one goes out. Both versions begin with the same synced
//! bytes. So nothing synced can be harmed **as long as the write of a block is atomic**: it is there or not,
//! never half of it, and no other block suffers. Disks and cards promise that of their own sector, by its
//! error-correcting code and by the energy that they keep for it. It does not hold where a sector of the
//! medium is larger than a block and rewritten without care (a disk with sectors of 4 KiB that lost the
//! power for it, a cheap card's flash page); for those no log that goes on inside a sector is safe.
//!
//! Where the log ends on a device that is larger than the log: [`tail`](crate::tail).

use super::Sync;
use core::fmt;
use embedded_io::{Error, ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// Bytes of a [`Block`]: the sector of disks and cards.
pub const BLOCK_SIZE: usize = 512;

/// What a [`BlockDevice`] reads and writes at once.
pub type Block = [u8; BLOCK_SIZE];

/// A device that reads and writes whole blocks: a disk, a card, a partition of one.
///
/// What power loss may do: a block that was written since the last successful [`flush`](Self::flush) holds
/// what it held then, or any of what was written to it since; the write of one block is atomic; every other
/// block is as it was.
pub trait BlockDevice {
    /// Why the device failed.
    type Error: Error + 'static;

    /// How many blocks it has. Does not change.
    fn block_count(&self) -> u64;

    /// Reads the blocks from number `first` on.
    ///
    /// # Errors
    ///
    /// The device failed, or has no such blocks.
    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), Self::Error>;

    /// Writes the blocks from number `first` on. They need not be durable when it returns.
    ///
    /// # Errors
    ///
    /// The device failed, or has no such blocks. Any of the blocks may have been written.
    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), Self::Error>;

    /// Makes everything written so far durable: the promise of [`Sync::sync`].
    ///
    /// # Errors
    ///
    /// The device failed, or **cannot promise it**. Many drivers answer "done" where the device knows no
    /// flush; an implementation over such a driver has to ask whether it does.
    fn flush(&mut self) -> Result<(), Self::Error>;
}

impl<T: BlockDevice + ?Sized> BlockDevice for &mut T {
    type Error = T::Error;

    fn block_count(&self) -> u64 {
        T::block_count(self)
    }

    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), T::Error> {
        T::read(self, first, blocks)
    }

    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), T::Error> {
        T::write(self, first, blocks)
    }

    fn flush(&mut self) -> Result<(), T::Error> {
        T::flush(self)
    }
}

/// Why [`Blocks`] did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BlockError<E> {
    /// The device failed, now.
    Device(E),
    /// A write or a sync failed before. Nothing more is read or written: reopen the log and look at its
    /// tail.
    Failed,
    /// A write behind the device's last block.
    Full,
    /// A seek to before the first byte, or beyond the last 64-bit offset.
    Seek,
}

impl<E: fmt::Display> fmt::Display for BlockError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => fmt::Display::fmt(error, f),
            Self::Failed => f.write_str("a write or a sync failed before: reopen the log"),
            Self::Full => f.write_str("no block left"),
            Self::Seek => f.write_str("seek to before the first byte"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for BlockError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: Error + 'static> Error for BlockError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            // A caller would try an interrupted call again, and half of it may be done.
            Self::Device(error) if error.kind() != ErrorKind::Interrupted => error.kind(),
            Self::Device(_) | Self::Failed => ErrorKind::Other,
            Self::Full => ErrorKind::OutOfMemory,
            Self::Seek => ErrorKind::InvalidInput,
        }
    }
}

/// What the window knows of one block.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Slot {
    /// The bytes known are `start..end`; none, where both are equal.
    start: usize,
    end: usize,
    /// The device has other bytes there.
    dirty: bool,
}

impl Slot {
    const UNKNOWN: Self = Self { start: 0, end: 0, dirty: false };
    const CLEAN: Self = Self { start: 0, end: BLOCK_SIZE, dirty: false };

    const fn is_unknown(self) -> bool {
        self.start == self.end
    }

    const fn is_whole(self) -> bool {
        self.end - self.start == BLOCK_SIZE
    }

    /// The slot once `start..end` is written too; `None` where bytes in between would be unknown.
    fn with(self, start: usize, end: usize) -> Option<Self> {
        if self.is_unknown() {
            return Some(Self { start, end, dirty: true });
        }
        let touches = start <= self.end && self.start <= end;
        touches.then(|| Self { start: self.start.min(start), end: self.end.max(end), dirty: true })
    }
}

/// A block device as one that takes bytes, through a cache of `N` blocks. See the [module](self).
///
/// `Write::flush` leaves what was written in the cache, as a file's does: a cache that went out after every
/// entry would write the last block once per entry. [`Sync::sync`] writes it out and makes it durable.
/// **What was not synced is lost when this is dropped.**
///
/// The first error of a write or a sync is for good: part of it may be on the device.
///
/// Memory: `N` times 536 bytes where pointers have 64 bits, and 40 more; one more block on the stack while
/// a block known in part is read.
///
/// ```
/// use aof_nostd::storage::{Block, BlockDevice, Blocks, Sync};
/// use embedded_io::{ErrorKind, Read, Seek, SeekFrom, Write};
///
/// /// Eight blocks of RAM; yours is a disk's driver.
/// struct Disk([Block; 8]);
///
/// impl BlockDevice for Disk {
///     type Error = ErrorKind;
///     fn block_count(&self) -> u64 { 8 }
///     fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), ErrorKind> {
///         blocks.copy_from_slice(&self.0[first as usize..][..blocks.len()]);
///         Ok(())
///     }
///     fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), ErrorKind> {
///         self.0[first as usize..][..blocks.len()].copy_from_slice(blocks);
///         Ok(())
///     }
///     fn flush(&mut self) -> Result<(), ErrorKind> { Ok(()) }
/// }
///
/// let mut device = Blocks::<_, 4>::new(Disk([[0; 512]; 8]));
/// device.seek(SeekFrom::Start(510))?;
/// device.write_all(b"abcd")?;
/// device.sync()?;
/// assert_eq!(&device.into_device().0[1][..3], b"cd\0");
/// # Ok::<(), aof_nostd::storage::BlockError<ErrorKind>>(())
/// ```
#[derive(Debug)]
pub struct Blocks<D, const N: usize> {
    device: D,
    /// The next byte read or written.
    position: u64,
    /// The number of the window's first block.
    first: u64,
    data: [Block; N],
    slots: [Slot; N],
    failed: bool,
}

impl<D, const N: usize> Blocks<D, N> {
    const HAS_A_SLOT: () = assert!(N > 0, "a cache needs a block");

    /// A byte device over `device`, positioned at the first byte.
    pub const fn new(device: D) -> Self {
        let () = Self::HAS_A_SLOT;
        Self {
            device,
            position: 0,
            first: 0,
            data: [[0; BLOCK_SIZE]; N],
            slots: [Slot::UNKNOWN; N],
            failed: false,
        }
    }

    /// The block device. It lacks what was not synced.
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// The block device back. It lacks what was not synced.
    pub fn into_device(self) -> D {
        self.device
    }
}

impl<D: BlockDevice, const N: usize> Blocks<D, N> {
    /// Bytes that the device holds.
    pub fn size(&self) -> u64 {
        self.device.block_count().saturating_mul(BLOCK_SIZE as u64)
    }

    /// The block that the position is in, and where in it.
    const fn place(&self) -> (u64, usize) {
        const SIZE: u64 = BLOCK_SIZE as u64;
        (self.position / SIZE, (self.position % SIZE) as usize)
    }

    fn ready(&self) -> Result<(), BlockError<D::Error>> {
        if self.failed { Err(BlockError::Failed) } else { Ok(()) }
    }

    fn fail(&mut self, error: D::Error) -> BlockError<D::Error> {
        self.failed = true;
        BlockError::Device(error)
    }

    /// The slot of block `number`: the window moves there if it has to, after its dirty blocks went out.
    fn slot_of(&mut self, number: u64) -> Result<usize, BlockError<D::Error>> {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(index) = index
            && index < N
        {
            return Ok(index);
        }
        self.write_out()?;
        self.slots = [Slot::UNKNOWN; N];
        self.first = number;
        Ok(0)
    }

    /// Makes the slot `index` known whole. Where nothing of it is known, those behind it are read along.
    fn load(&mut self, index: usize) -> Result<(), D::Error> {
        if self.slots[index].is_whole() {
            return Ok(());
        }
        if !self.slots[index].is_unknown() {
            return self.complete(index);
        }
        let number = self.first.saturating_add(index as u64);
        let left = self.device.block_count().saturating_sub(number);
        let room = self.slots[index..].iter().take_while(|slot| slot.is_unknown()).count();
        let end = index + room.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.device.read(number, &mut self.data[index..end])?;
        self.slots[index..end].fill(Slot::CLEAN);
        Ok(())
    }

    /// Reads what is not known of the slot `index` around what is.
    fn complete(&mut self, index: usize) -> Result<(), D::Error> {
        let Slot { start, end, dirty } = self.slots[index];
        let mut whole = [[0; BLOCK_SIZE]];
        self.device.read(self.first.saturating_add(index as u64), &mut whole)?;
        let [whole] = whole;
        self.data[index][..start].copy_from_slice(&whole[..start]);
        self.data[index][end..].copy_from_slice(&whole[end..]);
        self.slots[index] = Slot { dirty, ..Slot::CLEAN };
        Ok(())
    }

    /// Writes all dirty blocks, in order, those beside each other in one call.
    fn write_out(&mut self) -> Result<(), BlockError<D::Error>> {
        let mut begin = 0;
        while begin < N {
            let run = self.slots[begin..].iter().take_while(|slot| slot.dirty).count();
            let end = begin + run;
            for index in begin..end {
                if !self.slots[index].is_whole() {
                    self.complete(index).map_err(|error| self.fail(error))?;
                }
            }
            if run > 0 {
                let number = self.first.saturating_add(begin as u64);
                let result = self.device.write(number, &self.data[begin..end]);
                result.map_err(|error| self.fail(error))?;
                self.slots[begin..end].fill(Slot::CLEAN);
            }
            begin = end + 1; // the slot at `end` is not dirty
        }
        Ok(())
    }

    /// Whether the window has one of `count` blocks from `number` on.
    fn overlaps(&self, number: u64, count: usize) -> bool {
        number < self.first.saturating_add(N as u64) && self.first < number.saturating_add(count as u64)
    }

    /// Bytes that can go from the position on without the cache: whole blocks, as many as it has or more.
    fn direct_size(&self, size: usize) -> usize {
        let whole = size - size % BLOCK_SIZE;
        let (_, at) = self.place();
        if at == 0 && whole >= N * BLOCK_SIZE { whole } else { 0 }
    }

    /// `size`, or what is left of the device behind the position.
    fn limited(&self, size: usize) -> usize {
        let left = self.size().saturating_sub(self.position);
        size.min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Reads from the position on, at least a byte. `buffer` is not longer than what is left.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, BlockError<D::Error>> {
        let (number, at) = self.place();
        let direct = self.direct_size(buffer.len());
        if direct > 0 {
            let (blocks, _) = buffer[..direct].as_chunks_mut();
            if self.overlaps(number, blocks.len()) {
                self.write_out()?;
            }
            self.device.read(number, blocks).map_err(BlockError::Device)?;
            return Ok(direct);
        }
        let index = self.slot_of(number)?;
        self.load(index).map_err(BlockError::Device)?;
        let known = &self.data[index][at..];
        let size = known.len().min(buffer.len());
        buffer[..size].copy_from_slice(&known[..size]);
        Ok(size)
    }

    /// Writes from the position on, at least a byte. `bytes` is not longer than what is left.
    fn write_some(&mut self, bytes: &[u8]) -> Result<usize, BlockError<D::Error>> {
        let (number, at) = self.place();
        let direct = self.direct_size(bytes.len());
        if direct > 0 {
            let (blocks, _) = bytes[..direct].as_chunks();
            // What stands before goes out before; what the window has of these blocks is old then.
            self.write_out()?;
            if self.overlaps(number, blocks.len()) {
                self.slots = [Slot::UNKNOWN; N];
            }
            self.device.write(number, blocks).map_err(|error| self.fail(error))?;
            return Ok(direct);
        }
        let index = self.slot_of(number)?;
        let size = bytes.len().min(BLOCK_SIZE - at);
        let slot = match self.slots[index].with(at, at + size) {
            Some(slot) => slot,
            None => {
                self.complete(index).map_err(|error| self.fail(error))?;
                Slot { dirty: true, ..Slot::CLEAN }
            }
        };
        self.data[index][at..at + size].copy_from_slice(&bytes[..size]);
        self.slots[index] = slot;
        Ok(size)
    }
}

impl<D: BlockDevice, const N: usize> ErrorType for Blocks<D, N> {
    type Error = BlockError<D::Error>;
}

impl<D: BlockDevice, const N: usize> Read for Blocks<D, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.ready()?;
        let size = self.limited(buffer.len());
        let mut done = 0;
        while done < size {
            match self.read_some(&mut buffer[done..size]) {
                Ok(read) => {
                    done += read;
                    self.position = self.position.saturating_add(read as u64);
                }
                // What was read before is given; the next call comes to the error again.
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl<D: BlockDevice, const N: usize> Write for Blocks<D, N> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.ready()?;
        let size = self.limited(bytes.len());
        if size == 0 && !bytes.is_empty() {
            return Err(BlockError::Full);
        }
        let mut done = 0;
        while done < size {
            let written = self.write_some(&bytes[done..size])?;
            done += written;
            self.position = self.position.saturating_add(written as u64);
        }
        Ok(done)
    }

    /// Does nothing: see [`Blocks`].
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.ready()
    }
}

impl<D: BlockDevice, const N: usize> Seek for Blocks<D, N> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, Self::Error> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(BlockError::Seek)?;
        Ok(self.position)
    }
}

impl<D: BlockDevice, const N: usize> Sync for Blocks<D, N> {
    fn sync(&mut self) -> Result<(), Self::Error> {
        self.ready()?;
        self.write_out()?;
        self.device.flush().map_err(|error| self.fail(error))
    }
}
