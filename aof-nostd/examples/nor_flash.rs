//! A log raw on NOR flash, here in RAM: formatted once, and gone on with after each restart, one of them in the
//! middle of an entry. `cargo run -p aof-nostd --example nor_flash --features nor-flash`
//!
//! On a device `Ram` is the driver of the chip; the rest stays as it is.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use aof_nostd::storage::nor::{NorError, NorRegion};
use aof_nostd::{Crc, Draft, Recovery, TailError, WriteError, Writer};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use std::error::Error;

/// What the chip erases at once, in bytes.
const ERASE_SIZE: usize = 4096;
/// Where the log is on the chip: 16 erase blocks, 12 of them for the log.
const REGION: core::ops::Range<u32> = 0..16 * 4096;
/// What is programmed in one call: a page of the chip; a unit of it, 8 bytes here, would do.
const BUFFER_SIZE: usize = 256;

/// A flash that forgets nothing, and loses its power after so many units.
struct Ram {
    bytes: Vec<u8>,
    fuel: u32,
}

impl ErrorType for Ram {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Ram {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let found = self.bytes.get(offset as usize..).and_then(|bytes_on| bytes_on.get(..bytes.len()));
        bytes.copy_from_slice(found.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Ram {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let range = from as usize..to as usize;
        self.bytes.get_mut(range).ok_or(NorFlashErrorKind::OutOfBounds)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        for (index, unit) in bytes.chunks(Self::WRITE_SIZE).enumerate() {
            self.fuel = self.fuel.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
            let at = offset as usize + index * Self::WRITE_SIZE;
            let target = self.bytes.get_mut(at..at + unit.len()).ok_or(NorFlashErrorKind::OutOfBounds)?;
            target.copy_from_slice(unit);
        }
        Ok(())
    }
}

type Failure = NorError<NorFlashErrorKind>;

/// What a device does when it is switched on: finds the log's end, cuts off what a power cut left behind it, and
/// appends until the power goes.
fn start(flash: &mut Ram) -> Result<(), Box<dyn Error>> {
    let mut region = match NorRegion::<_, BUFFER_SIZE>::open(&mut *flash, REGION) {
        // A new chip, or one that held something else. A product asks somebody before it formats.
        Err(NorError::Unformatted) => {
            println!("formatted: {} bytes for the log", REGION.len() - 4 * ERASE_SIZE);
            NorRegion::format(flash, REGION)?
        }
        opened => opened?,
    };
    let found: Result<_, TailError<Failure>> = Recovery::new(Crc).on_flash().find(&mut region, [0; 512]);
    let tail = found?;
    let torn = tail.torn.map_or(0, |torn| torn.end - torn.start);
    println!("{} entries in {} bytes, {torn} bytes torn", tail.entries, tail.end);
    region.cut(tail.end)?;

    let mut writer = Writer::new(region, Crc);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    for celsius in 20..24 {
        let reading = format!("temperature {celsius}");
        match writer.append_new(&Draft::default(), reading.as_bytes()) {
            Err(WriteError::Device(NorError::Flash(_))) => {
                println!("the power goes");
                return Ok(());
            }
            done => done?,
        };
        // From here on the reading is there after whatever power cut.
        writer.checkpoint(|| ())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut flash = Ram { bytes: vec![0; REGION.len()], fuel: 120 };
    for _ in 0..3 {
        start(&mut flash)?;
        flash.fuel = u32::MAX;
    }
    Ok(())
}
