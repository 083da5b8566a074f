//! A log raw on NOR flash: [`NorRegion`] makes of some erase blocks of a flash a device that takes bytes.
//!
//! ```text
//!   a region   | log                                            | journal               | copy |
//!   blocks     | 0    | 1    | 2    | 3    | ...                |       |       |       |      |
//!   bytes      | entry | entry | entry | entry |ffffffffffffffff| records               | of a block
//!                                              ^ end
//! ```
//!
//! The log's bytes are those of the format, from the region's first byte on: a dump of the log's blocks is a
//! log. What the flash asks for that a file or a disk does not:
//!
//! **A unit is programmed once, and an entry rarely ends with one.** What a sync finds in a partly filled unit
//! goes into a record of the *journal*, with its place and a checksum. The unit itself is programmed when the
//! entries behind have filled it. Where a sync ends with a whole unit, nothing is recorded: bodies whose size
//! is a multiple of 16 fill units of 1 to 16 bytes.
//!
//! **Erased bytes are 0xff, and a body may end with 0xff.** Nothing asks what an entry ends with. Free space
//! is what was not entered since the erase, by the journal: a block is recorded as *entered* before its first
//! unit is programmed, whatever is programmed. [`Recovery`](crate::Recovery) is told by
//! [`on_flash`](crate::Recovery::on_flash) that free space reads as [`ERASED`] here.
//!
//! **A unit that was cut short reads as anything, and differently the next time**: also as right, also as
//! erased. The opening reads what may be such a unit once, and keeps it: all that can be unstable is what one
//! call programmed, the buffer's size at most. From then on a reader is given the same bytes each time, and
//! [`cut`](NorRegion::cut) puts these bytes, and not the flash's, in the place of the unstable ones. Behind
//! them nothing is believed to be erased: all blocks entered behind the log's end are erased again.
//!
//! **An erase takes long, and what is cut short of it reads as anything.** [`format`](NorRegion::format)
//! erases the whole region, once. So no append waits for an erase, but for the journal's: one each time that
//! the records of a block are used up. What an erase of the log may leave is never read: see
//! [`cut`](NorRegion::cut).
//!
//! # Using it
//!
//! ```text
//!   format, once                     then      append, sync ...
//!   open    Recovery::find    cut    then      append, sync ...        after every restart
//! ```
//!
//! [`cut`](NorRegion::cut) takes the place of [`Tail::clean`](crate::Tail::clean), which would write zeros. It
//! believes the end that it is given. (In another profile than the log's none is found: the recovery refuses.) Who
//! only reads needs none of it, and writes nothing. When the log is full ([`NorError::Full`]) and copied
//! elsewhere, the region is formatted again. `Write` appends wherever the position is.
//!
//! # Power cuts
//!
//! Whatever call is cut, the next opening finds what it found before, or what the call was to make of it: also if
//! the recovery from a cut is cut, and the one from that. What is assumed of the flash is what `embedded-storage`
//! says of it: a unit whose programming was cut holds anything, and so does a block whose erase was cut; all others
//! are as they were; what returned is durable.
//!
//! # Cost
//!
//! Memory: the buffer, N bytes, and about 90; twice N on the stack. N is a multiple of the write unit: one will
//! do; a page of it (256 bytes on SPI flash) is programmed in one call and faster. It may grow from one
//! firmware to the next, and shrink only where the region is formatted.
//!
//! Wear, in erases: a session that appends takes one of the log's last block, of one journal block, and of the
//! copy. Beside that a journal's block is erased once for as many records as it has room for, less two; one is
//! written for each sync that leaves a partly filled unit, and one for each block entered.

mod bytes;
mod cut;
mod error;
mod geometry;
mod journal;

pub use self::error::{GeometryError, NorError};
pub use self::geometry::BLOCKS_MIN;
use self::geometry::Place;
use self::journal::{Journal, State};
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;

/// What an erased byte reads as.
pub const ERASED: u8 = 0xff;

/// What may be done with a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Phase {
    /// Read: where the log ends is not settled.
    Found,
    /// Read and appended to.
    Open,
    /// Nothing.
    Failed,
}

/// A region of NOR flash as a device that takes bytes, with a buffer of `N` bytes. See the [module](self).
///
/// The first error of a write, a sync or a cut is for good: part of it may be on the flash. Open the region
/// anew, and look at its tail.
///
/// ```
/// use aof_nostd::{Crc, Draft, Recovery, Writer, storage::nor::{NorError, NorRegion}};
/// # use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
/// # /// Flash in RAM.
/// # struct Flash([u8; 8192]);
/// # impl ErrorType for Flash { type Error = NorFlashErrorKind; }
/// # impl ReadNorFlash for Flash {
/// #     const READ_SIZE: usize = 1;
/// #     fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
/// #         bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
/// #         Ok(())
/// #     }
/// #     fn capacity(&self) -> usize { self.0.len() }
/// # }
/// # impl NorFlash for Flash {
/// #     const WRITE_SIZE: usize = 8;
/// #     const ERASE_SIZE: usize = 1024;
/// #     fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
/// #         self.0[from as usize..to as usize].fill(0xff);
/// #         Ok(())
/// #     }
/// #     fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
/// #         self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
/// #         Ok(())
/// #     }
/// # }
/// let mut flash = Flash([0; 8192]); // yours is a chip's driver
/// for start in 0..3 {
///     let region = match NorRegion::<_, 64>::open(&mut flash, 0..8192) {
///         Err(NorError::Unformatted) => NorRegion::format(&mut flash, 0..8192), // or ask somebody first
///         found => found,
///     };
///     let mut region = region?;
///     let tail = Recovery::new(Crc).on_flash().find(&mut region, [0; 512])?;
///     assert_eq!(tail.entries, start);
///     region.cut(tail.end)?;
///     let mut writer = Writer::new(region, Crc);
///     if let Some(last) = tail.last {
///         writer = writer.continue_after(last);
///     }
///     writer.append_new(&Draft::default(), b"one more start")?;
///     writer.checkpoint(|| { /* durable */ })?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NorRegion<F, const N: usize> {
    flash: F,
    place: Place,
    phase: Phase,
    /// The next byte read.
    position: u64,
    /// Where the buffer's first byte is in the log; a unit begins there.
    base: u32,
    /// Bytes in the buffer that are the log's.
    len: usize,
    /// The first of them, as many as the newest record holds.
    synced: usize,
    state: State,
    journal: Journal,
    buffer: [u8; N],
}

impl<F: NorFlash, const N: usize> NorRegion<F, N> {
    fn new(flash: F, region: &Range<u32>) -> Result<Self, NorError<F::Error>> {
        let place = Self::place(&flash, region).map_err(NorError::Geometry)?;
        Ok(Self {
            flash,
            place,
            phase: Phase::Found,
            position: 0,
            base: 0,
            len: 0,
            synced: 0,
            state: State::default(),
            journal: Journal::new(),
            buffer: [ERASED; N],
        })
    }

    /// Erases the `region` of `flash`, whatever it holds, and makes it an empty log, ready to be appended to.
    ///
    /// It takes as long as its blocks take to be erased. After a power cut the region is as it was, or empty,
    /// or, if it never was formatted, not yet so: [`open`](Self::open) tells, and the next
    /// [`cut`](Self::cut) erases the rest.
    ///
    /// # Errors
    ///
    /// [`NorError::Geometry`], [`NorError::Flash`].
    pub fn format(flash: F, region: Range<u32>) -> Result<Self, NorError<F::Error>> {
        let mut log = Self::new(flash, &region)?;
        if !log.load().map_err(NorError::Flash)? {
            // What looks like no journal now may look like one another time.
            log.clear_journal()?;
        }
        // As a cut at the very beginning, with all blocks entered.
        log.state.entered = log.place.blocks;
        log.state.block = Some(0);
        log.state.kept = 0; // nothing is kept
        log.renew()?;
        log.put_back()?;
        log.phase = Phase::Open;
        Ok(log)
    }

    /// Looks at the `region` of `flash` as a power cut may have left it. Writes nothing.
    ///
    /// What follows is to find the log's end, and to [`cut`](Self::cut) there. Give it `&mut flash`, to have it
    /// back where it fails.
    ///
    /// # Errors
    ///
    /// [`NorError::Unformatted`] where [`format`](Self::format) did not end, or for another region;
    /// [`NorError::Geometry`], [`NorError::Buffer`], [`NorError::Flash`].
    pub fn open(flash: F, region: Range<u32>) -> Result<Self, NorError<F::Error>> {
        let mut log = Self::new(flash, &region)?;
        if !log.load().map_err(NorError::Flash)? {
            return Err(NorError::Unformatted);
        }
        if log.state.program > Self::BUFFER {
            return Err(NorError::Buffer { needed: log.state.program });
        }
        log.enter_found().map_err(NorError::Flash)?;
        log.freeze().map_err(NorError::Flash)?;
        Ok(log)
    }

    /// Bytes that the log can have.
    pub const fn log_size_max(&self) -> u32 {
        self.capacity()
    }

    /// Bytes that can still be appended. Before [`cut`](Self::cut) a torn tail counts as the log's.
    pub fn room(&self) -> u32 {
        self.capacity() - self.end()
    }

    /// The flash.
    pub const fn flash(&self) -> &F {
        &self.flash
    }

    /// The flash back. It lacks what was not synced.
    pub fn into_flash(self) -> F {
        self.flash
    }
}
