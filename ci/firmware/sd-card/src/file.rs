//! A file on a card as a device for a log: [`CardFile`].

use crate::card::Card;
use crate::error::CardError;
use aof_nostd::storage::Sync;
use embedded_io::{ErrorType, Read, Seek, SeekFrom, Write};
use embedded_sdmmc::{Block, BlockDevice, Mode, RawFile, ShortFileName};

/// A file on a card, over `embedded-sdmmc`, with a buffer of one block.
///
/// # Writing
///
/// ```text
/// append   |head|body|head|body ..    gathered in the buffer; a block goes to the card when it is full
///          0         512       1024
/// sync     1. the block that is not full     2. FAT32: the info sector     3. the directory entry: size
/// ```
///
/// `embedded-sdmmc` writes a block for each call: without the buffer the block under the log's end would be
/// written once for the head of an entry and once for its body. Bodies pass the buffer by where whole blocks
/// of them come. `flush` does nothing on purpose, as on a file of an operating system: a
/// [`Writer`](aof_nostd::Writer) calls it after each entry, and the directory entry is a block of its own.
///
/// # What `sync` promises, and what power loss may do
///
/// When [`sync`](Sync::sync) returns `Ok`, the card has taken every block, has said for each one that it is
/// no longer busy and that no error is pending (CMD13), and the directory entry was the last of them. That
/// is all that a card on an SPI bus can be asked: there is no command to flush it. It is durable on a card
/// that keeps the SD specification, in which "busy" ends when the block is programmed and the cache of the
/// specification's version 6 is off until a host turns it on, which nobody does here. A card that lies about
/// it cannot be told from one that does not.
///
/// Before that, nothing that was appended since the last sync is in the file: the size in the directory is
/// the old one. So after a power loss the log ends where the last sync left it, a clean cut, provided that
/// the card
///
/// - keeps the order of writes: otherwise the new size may come to be before the bytes, and the log has a
///   torn tail, which [`recover`](crate::recover) cuts;
/// - writes a block whole or not at all: the log's last block and the one of the directory entry are written
///   again and again, and hold durable bytes.
///
/// Of the file system a cut leaves this, which `fsck.fat` mends and no reader here minds: the two tables may
/// differ (the first one counts); FAT32's number of free clusters may be too high; the first cluster of a
/// file that was never synced is taken by nobody. Other clusters that were taken stay with the file, and are
/// used when it grows.
///
/// # Limits
///
/// FAT ends at 4 GiB less one byte. `embedded-sdmmc` drops what is beyond and says `Ok`; here that is
/// [`CardError::FileFull`], before anything is written. [`room`](Self::room) tells how much still fits.
/// There is no seeking beyond the end.
pub struct CardFile<'a, D: BlockDevice> {
    card: &'a Card<D>,
    name: ShortFileName,
    raw: RawFile,
    /// Where the next byte is read or written.
    position: u32,
    buffer: Buffer,
}

/// The block that is being written: the one that `position` is in.
///
/// ```text
///   0        known      clean      filled     512
///   | ?????? | on the card | not yet | free   |
/// ```
struct Buffer {
    block: Block,
    /// Bytes before it are not in the buffer.
    known: usize,
    /// Bytes before it are on the card.
    clean: usize,
    /// Bytes before it are written, by the caller.
    filled: usize,
}

impl Buffer {
    /// A buffer that goes on at `position`.
    fn at(position: u32) -> Self {
        let mut buffer = Self { block: Block::new(), known: 0, clean: 0, filled: 0 };
        buffer.restart(position);
        buffer
    }

    fn restart(&mut self, position: u32) {
        let within = (position % Block::LEN_U32) as usize;
        (self.known, self.clean, self.filled) = (within, within, within);
    }

    /// Takes as many of `bytes` as fit the block.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let free = self.block.get_mut(self.filled..).unwrap_or_default();
        let size = free.len().min(bytes.len());
        free.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        self.filled += size;
        size
    }

    const fn is_full(&self) -> bool {
        self.filled == Block::LEN
    }

    const fn is_clean(&self) -> bool {
        self.clean == self.filled
    }

    /// What has to be written, and how far into the block it begins. A whole block where that is known: for
    /// a part of one `embedded-sdmmc` has to read the block first.
    fn unwritten(&self) -> (usize, &[u8]) {
        let from = if self.is_full() && self.known == 0 { 0 } else { self.clean };
        (from, self.block.get(from..self.filled).unwrap_or_default())
    }
}

impl<'a, D: BlockDevice> CardFile<'a, D> {
    pub(crate) fn open(
        card: &'a Card<D>,
        name: ShortFileName,
        mode: Mode,
    ) -> Result<Self, CardError<D::Error>> {
        let raw = card.open_raw(&name, mode)?;
        let position = card.volumes().file_offset(raw).map_err(CardError::Open)?;
        Ok(Self { card, name, raw, position, buffer: Buffer::at(position) })
    }

    /// The file's bytes, those that are not on the card yet among them.
    ///
    /// # Errors
    ///
    /// [`CardError::Card`].
    pub fn size(&self) -> Result<u32, CardError<D::Error>> {
        let size = self.card.volumes().file_length(self.raw).map_err(CardError::Card)?;
        Ok(if self.buffer.is_clean() { size } else { size.max(self.position) })
    }

    /// Bytes that can still be written here.
    pub const fn room(&self) -> u32 {
        u32::MAX - self.position
    }

    /// Makes the file shorter, durably: nothing behind its first `size` bytes is in it any more. The position
    /// is its end then.
    ///
    /// One block is written: after a power loss the file has its old size, or the new one.
    ///
    /// # Errors
    ///
    /// [`CardError::Seek`] if it is shorter already; [`CardError::Card`] or [`CardError::Open`], after which
    /// the file has to be opened anew.
    pub fn cut(&mut self, size: u32) -> Result<(), CardError<D::Error>> {
        self.spill()?;
        self.card.volumes().close_file(self.raw).map_err(CardError::Card)?;
        self.card.shorten(&self.name, size)?;
        self.raw = self.card.open_raw(&self.name, Mode::ReadWriteAppend)?;
        self.position = size;
        self.buffer.restart(size);
        Ok(())
    }

    /// Writes what the buffer holds.
    fn spill(&mut self) -> Result<(), CardError<D::Error>> {
        if self.buffer.is_clean() {
            return Ok(());
        }
        let (from, bytes) = self.buffer.unwritten();
        let within = u32::try_from(self.buffer.filled - from).unwrap_or(0);
        self.write_at(self.position - within, bytes)?;
        self.buffer.clean = self.buffer.filled;
        Ok(())
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<(), CardError<D::Error>> {
        let volumes = self.card.volumes();
        volumes
            .file_seek_from_start(self.raw, offset)
            .and_then(|()| volumes.write(self.raw, bytes))
            .map_err(CardError::Card)
    }

    /// The position after `size` more bytes; an error if FAT has no such size.
    fn position_after(&self, size: usize) -> Result<u32, CardError<D::Error>> {
        u32::try_from(size)
            .ok()
            .and_then(|size| self.position.checked_add(size))
            .ok_or(CardError::FileFull { offset: self.position, size })
    }
}

impl<D: BlockDevice> Drop for CardFile<'_, D> {
    /// Closes the file. What was not synced may be in it or not.
    fn drop(&mut self) {
        let _ = self.card.volumes().close_file(self.raw); // there is nobody to tell
    }
}

impl<D: BlockDevice> ErrorType for CardFile<'_, D> {
    type Error = CardError<D::Error>;
}

impl<D: BlockDevice> Read for CardFile<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.spill()?;
        let volumes = self.card.volumes();
        let size = volumes
            .file_seek_from_start(self.raw, self.position)
            .and_then(|()| volumes.read(self.raw, buffer))
            .map_err(CardError::Card)?;
        self.position = self.position_after(size)?;
        self.buffer.restart(self.position);
        Ok(size)
    }
}

impl<D: BlockDevice> Write for CardFile<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.position_after(bytes.len())?;
        let whole = bytes.len() - bytes.len() % Block::LEN;
        let size = if self.buffer.filled == 0 && whole > 0 {
            self.write_at(self.position, bytes.get(..whole).unwrap_or_default())?;
            whole
        } else {
            self.buffer.fill(bytes)
        };
        self.position = self.position_after(size)?;
        if self.buffer.is_full() {
            self.spill()?;
            self.buffer.restart(self.position);
        }
        Ok(size)
    }

    /// Does nothing: see [`CardFile`].
    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl<D: BlockDevice> Seek for CardFile<'_, D> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, Self::Error> {
        self.spill()?;
        let size = self.size()?;
        let offset = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => u64::from(size).checked_add_signed(offset),
            SeekFrom::Current(offset) => u64::from(self.position).checked_add_signed(offset),
        };
        let offset = offset.and_then(|offset| u32::try_from(offset).ok()).filter(|offset| *offset <= size);
        self.position = offset.ok_or(CardError::Seek { size })?;
        self.buffer.restart(self.position);
        Ok(self.position.into())
    }
}

impl<D: BlockDevice> Sync for CardFile<'_, D> {
    fn sync(&mut self) -> Result<(), Self::Error> {
        self.spill()?;
        self.card.volumes().flush_file(self.raw).map_err(CardError::Card)
    }
}
