//! A card with a FAT file system: mounting, and opening its files.

use crate::counted::{Counted, Counts};
use crate::error::CardError;
use crate::file::CardFile;
use crate::slack::Slack;
use embedded_sdmmc::filesystem::ToShortFileName;
use embedded_sdmmc::{
    Block, BlockDevice, DirEntry, Error, Mode, RawDirectory, RawFile, ShortFileName, TimeSource, Timestamp,
    VolumeIdx, VolumeManager,
};

/// Files that may be open at once: a log, and the file that a torn tail is kept in.
const FILES_MAX: usize = 2;

/// Where a directory entry keeps the file's size, a little-endian `u32`.
const SIZE_OFFSET: usize = 28;

type Volumes<D> = VolumeManager<Counted<Slack<D>>, NoClock, 1, FILES_MAX, 1>;

/// The first volume of a card, mounted; all files are in its root directory.
///
/// 840 bytes on this board, among them the only buffer of `embedded-sdmmc`: one block.
pub struct Card<D: BlockDevice> {
    volumes: Volumes<D>,
    root: RawDirectory,
}

impl<D: BlockDevice> Card<D> {
    /// Mounts the first partition of `device`.
    ///
    /// # Errors
    ///
    /// [`CardError::Mount`].
    pub fn mount(device: D) -> Result<Self, CardError<D::Error>> {
        let volumes = Volumes::new_with_limits(Counted::new(Slack::new(device)?), NoClock, 1);
        let root = volumes
            .open_raw_volume(VolumeIdx(0))
            .and_then(|volume| volumes.open_root_dir(volume))
            .map_err(CardError::Mount)?;
        Ok(Self { volumes, root })
    }

    /// Opens the file `name` for reading.
    ///
    /// # Errors
    ///
    /// [`CardError::Open`].
    pub fn open(&self, name: &str) -> Result<CardFile<'_, D>, CardError<D::Error>> {
        let name = short(name)?;
        CardFile::open(self, name, Mode::ReadOnly)
    }

    /// Opens the file `name` for reading and writing, at its end; makes an empty one if there is none.
    ///
    /// # Errors
    ///
    /// [`CardError::Open`].
    pub fn open_to_append(&self, name: &str) -> Result<CardFile<'_, D>, CardError<D::Error>> {
        let name = short(name)?;
        // `Mode::ReadWriteCreateOrAppend` takes *every* error of the search for "there is no such file", and
        // would make a second file of the same name after a block that could not be read.
        let mode = if self.contains(&name)? { Mode::ReadWriteAppend } else { Mode::ReadWriteCreate };
        CardFile::open(self, name, mode)
    }

    /// Makes the file `name`; `None` if there is one.
    ///
    /// # Errors
    ///
    /// [`CardError::Open`].
    pub fn create(&self, name: &str) -> Result<Option<CardFile<'_, D>>, CardError<D::Error>> {
        let name = short(name)?;
        if self.contains(&name)? {
            return Ok(None);
        }
        CardFile::open(self, name, Mode::ReadWriteCreate).map(Some)
    }

    /// What the card had to do so far.
    pub fn counts(&self) -> Counts {
        self.volumes.device(|device| device.counts())
    }

    /// Looks at the card's driver.
    pub fn device<R>(&self, look: impl FnOnce(&D) -> R) -> R {
        self.volumes.device(|device| look(device.device().device()))
    }

    fn contains(&self, name: &ShortFileName) -> Result<bool, CardError<D::Error>> {
        match self.volumes.find_directory_entry(self.root, name) {
            Ok(_) => Ok(true),
            Err(Error::NotFound) => Ok(false),
            Err(error) => Err(CardError::Open(error)),
        }
    }

    pub(crate) const fn volumes(&self) -> &Volumes<D> {
        &self.volumes
    }

    pub(crate) fn open_raw(&self, name: &ShortFileName, mode: Mode) -> Result<RawFile, CardError<D::Error>> {
        self.volumes.open_file_in_dir(self.root, name, mode).map_err(CardError::Open)
    }

    /// Makes the closed file `name` shorter, by one write of the block that its directory entry is in. Its
    /// clusters stay its own, and are written again when it grows.
    pub(crate) fn shorten(&self, name: &ShortFileName, size: u32) -> Result<(), CardError<D::Error>> {
        let entry: DirEntry = self.volumes.find_directory_entry(self.root, name).map_err(CardError::Open)?;
        if size > entry.size {
            return Err(CardError::Seek { size: entry.size });
        }
        let at = usize::try_from(entry.entry_offset).unwrap_or(usize::MAX).saturating_add(SIZE_OFFSET);
        self.volumes
            .device(|device| {
                let mut blocks = [Block::new()];
                device.read(&mut blocks, entry.entry_block)?;
                let [block] = &mut blocks;
                for (slot, byte) in block.iter_mut().skip(at).zip(size.to_le_bytes()) {
                    *slot = byte;
                }
                device.write(&blocks, entry.entry_block)
            })
            .map_err(|error| CardError::Card(Error::DeviceError(error)))
    }
}

fn short<E: core::error::Error>(name: &str) -> Result<ShortFileName, CardError<E>> {
    name.to_short_filename().map_err(|error| CardError::Open(Error::FilenameError(error)))
}

/// The board has no clock: files are from the first day that FAT knows.
#[derive(Clone, Copy, Debug)]
pub struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0x21, 0) // 1980-01-01
    }
}
