//! The bus of the card: the chip's synchronous serial interface (SSI0, an Arm PL022) as
//! [`embedded_hal::spi::SpiBus`].
//!
//! ```text
//!   write --> | 8 deep | --> MOSI        each byte sent brings one back: never more than 8 are under way,
//!   read  <-- | 8 deep | <-- MISO        so neither queue can overflow
//! ```
//!
//! SPI mode 0, most significant bit first, 8 bits a word. The clock is the chip's internal oscillator
//! (12 MHz give or take 30 %, as it runs after a reset), divided.

use crate::quirk::NOTHING;
use crate::register::{Register, ssi_status};
use core::fmt;
use embedded_hal::spi::{self, ErrorKind, SpiBus};

/// Words that are under way at most.
const QUEUE: usize = 8;

/// Looks at the status register for one word before it counts as lost. A word at the slowest clock takes
/// about 300 instructions.
const PATIENCE: u32 = 100_000;

/// How fast a card is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Below the 400 kHz that every card understands after power-up: 12 MHz / 40, 390 kHz at most.
    PowerUp,
    /// 12 MHz / 2: 6 MHz.
    Fast,
}

/// SSI0.
#[derive(Debug)]
pub struct Ssi {
    clocked: u64,
}

/// A word was sent and none came back: the interface has no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck;

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the SPI interface is stuck: is its clock gate open?")
    }
}

impl core::error::Error for Stuck {}

impl spi::Error for Stuck {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Ssi {
    /// Gives SSI0 its clock and pins, and enables it.
    pub fn enable(clock: Clock) -> Self {
        Register::ClockGates1.set(1 << 4);
        Register::ClockGates2.set(1 << 0);
        let pins = 1 << 2 | 1 << 4 | 1 << 5;
        Register::PortAAlternate.set(pins);
        Register::PortADigital.set(pins);
        // A card drives its line only while it answers; in between it has to read as ones.
        Register::PortAPullUp.set(1 << 4);
        let mut ssi = Self { clocked: 0 };
        ssi.set_clock(clock);
        ssi
    }

    /// Changes the clock.
    pub fn set_clock(&mut self, clock: Clock) {
        Register::SsiControl1.write(0); // disabled while it changes
        Register::SsiPrescale.write(match clock {
            Clock::PowerUp => 40,
            Clock::Fast => 2,
        });
        Register::SsiControl0.write(0x07); // mode 0, 8 bits
        Register::SsiControl1.write(0x02); // master, enabled
    }

    /// Words that went over the bus: times 8, the clock cycles that it took.
    pub const fn clocked(&self) -> u64 {
        self.clocked
    }

    /// Sends `size` words, and takes as many.
    fn exchange(
        &mut self,
        size: usize,
        mut sent: impl FnMut(usize) -> u8,
        mut received: impl FnMut(usize, u8),
    ) -> Result<(), Stuck> {
        let (mut next, mut back, mut patience) = (0, 0, PATIENCE);
        while back < size {
            while next < size && next - back < QUEUE {
                Register::SsiData.write(sent(next).into());
                next += 1;
            }
            if Register::SsiStatus.read() & ssi_status::RECEIVED != 0 {
                let [word, ..] = Register::SsiData.read().to_le_bytes();
                received(back, word);
                back += 1;
                patience = PATIENCE;
            } else {
                patience = patience.checked_sub(1).ok_or(Stuck)?;
            }
        }
        self.clocked += size as u64;
        Ok(())
    }
}

impl spi::ErrorType for Ssi {
    type Error = Stuck;
}

impl SpiBus for Ssi {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Stuck> {
        self.transfer(words, &[])
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Stuck> {
        self.transfer(&mut [], words)
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Stuck> {
        self.exchange(
            read.len().max(write.len()),
            |index| write.get(index).copied().unwrap_or(NOTHING),
            |index, word| {
                if let Some(slot) = read.get_mut(index) {
                    *slot = word;
                }
            },
        )
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Stuck> {
        // Each chunk fits the queue: what is sent is in a copy, what comes back replaces it.
        for chunk in words.chunks_mut(QUEUE) {
            let mut copy = [NOTHING; QUEUE];
            copy.iter_mut().zip(chunk.iter()).for_each(|(slot, word)| *slot = *word);
            self.exchange(
                chunk.len(),
                |index| copy.get(index).copied().unwrap_or(NOTHING),
                |index, word| {
                    if let Some(slot) = chunk.get_mut(index) {
                        *slot = word;
                    }
                },
            )?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stuck> {
        let mut patience = PATIENCE;
        while Register::SsiStatus.read() & ssi_status::BUSY != 0 {
            patience = patience.checked_sub(1).ok_or(Stuck)?;
        }
        Ok(())
    }
}
