//! The two devices over a [`Medium`]: one takes bytes, as a file or a flash region does, one whole sectors,
//! as a disk does; and [`Device`], either of them as the core gets it.

use super::medium::Medium;
use super::mutant::Wrapped;
use super::world::{Kind, World};
use aof_nostd::storage::{BLOCK_SIZE, Block, BlockDevice, BlockError, Blocks, Sync};
use embedded_io::{Error, ErrorKind, ErrorType, Read, Seek, SeekFrom, Write};

/// A medium as a device that takes bytes.
#[derive(Debug)]
pub struct Bytes<'m> {
    medium: &'m mut Medium,
    position: u64,
}

impl<'m> Bytes<'m> {
    /// Positioned at the first byte.
    pub const fn new(medium: &'m mut Medium) -> Self {
        Self { medium, position: 0 }
    }

    /// The bytes from the position on, `size` at most.
    fn extent(&self, size: usize) -> (usize, usize) {
        let at = usize::try_from(self.position).unwrap_or(usize::MAX).min(self.medium.capacity());
        (at, size.min(self.medium.capacity() - at))
    }
}

impl ErrorType for Bytes<'_> {
    type Error = ErrorKind;
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.medium.call(true)?;
        let (at, size) = self.extent(buffer.len());
        let size = self.medium.moved(size);
        self.medium.read(at, &mut buffer[..size])?;
        self.position += size as u64;
        Ok(size)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.medium.call(true)?;
        let (at, size) = self.extent(bytes.len());
        if size == 0 && !bytes.is_empty() && self.medium.faults().full_is_an_error {
            return Err(ErrorKind::OutOfMemory);
        }
        let size = self.medium.moved(size);
        if size > 0 {
            self.medium.write(at, &bytes[..size], usize::MAX)?;
        }
        self.position += size as u64;
        Ok(size)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.medium.call(true)?;
        if self.medium.faults().no_flush { self.medium.refuse() } else { Ok(()) }
    }
}

impl Seek for Bytes<'_> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        self.medium.call(true)?;
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => (self.medium.capacity() as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Sync for Bytes<'_> {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        self.medium.sync()
    }
}

/// A medium as a disk of sectors.
#[derive(Debug)]
pub struct Disk<'m>(&'m mut Medium);

impl<'m> Disk<'m> {
    /// All sectors of the medium.
    pub const fn new(medium: &'m mut Medium) -> Self {
        Self(medium)
    }

    fn at(first: u64) -> Result<usize, ErrorKind> {
        let first = usize::try_from(first).ok().and_then(|first| first.checked_mul(BLOCK_SIZE));
        first.ok_or(ErrorKind::InvalidInput)
    }
}

impl BlockDevice for Disk<'_> {
    type Error = ErrorKind;

    fn block_count(&self) -> u64 {
        (self.0.capacity() / BLOCK_SIZE) as u64
    }

    fn read(&mut self, first: u64, blocks: &mut [Block]) -> Result<(), ErrorKind> {
        self.0.call(false)?;
        self.0.read(Self::at(first)?, blocks.as_flattened_mut())
    }

    fn write(&mut self, first: u64, blocks: &[Block]) -> Result<(), ErrorKind> {
        self.0.call(false)?;
        let at = Self::at(first)?;
        if at + blocks.as_flattened().len() > self.0.capacity() {
            return Err(ErrorKind::InvalidInput);
        }
        self.0.write(at, blocks.as_flattened(), BLOCK_SIZE)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.sync()
    }
}

/// What gives the medium behind it.
pub trait HasMedium {
    /// The medium.
    fn medium(&self) -> &Medium;
}

impl HasMedium for Bytes<'_> {
    fn medium(&self) -> &Medium {
        self.medium
    }
}

impl HasMedium for Disk<'_> {
    fn medium(&self) -> &Medium {
        self.0
    }
}

/// A device as the core gets it: bytes, or sectors behind a cache of one, two or four of them.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack, as on a device")]
pub enum Device<'m> {
    /// Takes bytes.
    Bytes(Wrapped<Bytes<'m>>),
    /// A cache of one sector.
    One(Blocks<Wrapped<Disk<'m>>, 1>),
    /// Of two.
    Two(Blocks<Wrapped<Disk<'m>>, 2>),
    /// Of four.
    Four(Blocks<Wrapped<Disk<'m>>, 4>),
}

macro_rules! each {
    ($self:ident, $device:ident => $call:expr) => {
        match $self {
            Device::Bytes($device) => $call,
            Device::One($device) => $call.map_err(kind),
            Device::Two($device) => $call.map_err(kind),
            Device::Four($device) => $call.map_err(kind),
        }
    };
}

fn kind(error: BlockError<ErrorKind>) -> ErrorKind {
    error.kind()
}

impl<'m> Device<'m> {
    /// The device of `world` over `medium`, nothing cached.
    pub fn new(world: &World, medium: &'m mut Medium) -> Self {
        match world.kind {
            Kind::Bytes => Self::Bytes(Wrapped::new(Bytes::new(medium), world.mutant)),
            Kind::Sectors { cached } => {
                let disk = Wrapped::new(Disk::new(medium), world.mutant);
                match cached {
                    1 => Self::One(Blocks::new(disk)),
                    2 => Self::Two(Blocks::new(disk)),
                    _ => Self::Four(Blocks::new(disk)),
                }
            }
        }
    }

    /// The medium.
    #[must_use]
    pub fn medium(&self) -> &Medium {
        match self {
            Self::Bytes(device) => device.medium(),
            Self::One(device) => device.device().medium(),
            Self::Two(device) => device.device().medium(),
            Self::Four(device) => device.device().medium(),
        }
    }
}

impl ErrorType for Device<'_> {
    type Error = ErrorKind;
}

impl Read for Device<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        each!(self, device => device.read(buffer))
    }
}

impl Write for Device<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        each!(self, device => device.write(bytes))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        each!(self, device => device.flush())
    }
}

impl Seek for Device<'_> {
    fn seek(&mut self, target: SeekFrom) -> Result<u64, ErrorKind> {
        each!(self, device => device.seek(target))
    }
}

impl Sync for Device<'_> {
    fn sync(&mut self) -> Result<(), ErrorKind> {
        each!(self, device => device.sync())
    }
}
