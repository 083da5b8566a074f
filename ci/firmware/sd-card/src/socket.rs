//! The card's socket: chip select, power-up, clock. What [`embedded_sdmmc::SdCard`] needs and leaves to its
//! user.
//!
//! ```text
//!   socket      select high   74 clocks or more, at most 400 kHz: the card wakes up
//!   SdCard      select low    CMD0 ... CMD58: the card is in SPI mode and says what it is
//!   socket                    the clock goes up
//! ```

use crate::quirk::{IdleBit, NOTHING, is_data_token};
use crate::register::Register;
use crate::spi::{Clock, Ssi, Stuck};
use core::hint;
use embedded_hal::delay::DelayNs;
use embedded_hal::spi::{self, Operation, SpiBus, SpiDevice};
use embedded_sdmmc::sdcard::spi::AcquireOpts;
use embedded_sdmmc::{SdCard, SdCardError};

/// Words of eight clocks for a card to wake up: it needs 74 clocks.
const WAKE_UP: [u8; 10] = [NOTHING; 10];

/// A card in the socket of the evaluation board.
pub type SocketCard = SdCard<Socket, Spin>;

/// The card's side of the bus, selected for good once the card is awake.
///
/// An `SpiDevice` lets go of its device after each transaction, and `SdCard` makes one of every few bytes. A
/// card may take a select that rises in the middle of a command for the command's end. Nothing else is on
/// this bus with the select low (the board's display listens while it is high, which it is not any more), so
/// the select just stays where it is: the same bytes, in one transaction without end.
#[derive(Debug)]
pub struct Socket {
    bus: Ssi,
    idle_bit: IdleBit,
}

impl Socket {
    /// Powers the socket's bus up, and wakes the card.
    fn wake_up() -> Result<Self, Stuck> {
        let mut bus = Ssi::enable(Clock::PowerUp);
        Register::ClockGates2.set(1 << 3);
        Register::PortDDirection.set(1 << 0);
        Register::PortDDigital.set(1 << 0);
        Register::PortDPin0.write(1); // not selected
        bus.write(&WAKE_UP)?;
        bus.flush()?;
        Register::PortDPin0.write(0); // selected
        Ok(Self { bus, idle_bit: IdleBit::default() })
    }

    /// Words that went over the bus.
    pub const fn clocked(&self) -> u64 {
        self.bus.clocked()
    }
}

/// Finds the card in the socket and makes it ready, with its own checksums (CRC-16) over all that goes over
/// the bus.
///
/// # Errors
///
/// There is no card, or it does not answer as one.
pub fn card() -> Result<SocketCard, SdCardError> {
    let socket = Socket::wake_up().map_err(|_| SdCardError::Transport)?;
    let options = AcquireOpts { use_crc: true, ..AcquireOpts::default() };
    let card = SdCard::new_with_options(socket, Spin, options);
    // Asking for its size is what makes `SdCard` greet the card.
    card.num_bytes()?;
    card.spi(|socket| socket.bus.set_clock(Clock::Fast));
    Ok(card)
}

impl spi::ErrorType for Socket {
    type Error = Stuck;
}

impl SpiDevice for Socket {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Stuck> {
        for operation in operations {
            match operation {
                Operation::Read(words) => self.bus.read(words)?,
                Operation::Write(words) => {
                    self.idle_bit.sent(words);
                    self.bus.write(words)?;
                }
                Operation::Transfer(read, write) => {
                    if is_data_token(write) {
                        self.bus.write(&[NOTHING])?;
                    }
                    self.bus.transfer(read, write)?;
                    self.idle_bit.received(read);
                }
                Operation::TransferInPlace(words) => self.bus.transfer_in_place(words)?,
                Operation::DelayNs(ns) => {
                    self.bus.flush()?;
                    Spin.delay_ns(*ns);
                }
            }
        }
        self.bus.flush()
    }
}

/// Waits by counting: at least as long as asked for, since no chip of this family runs above 50 MHz and no
/// turn of the loop takes less than one clock of 20 ns.
#[derive(Clone, Copy, Debug)]
pub struct Spin;

impl DelayNs for Spin {
    fn delay_ns(&mut self, ns: u32) {
        for _ in 0..ns.div_ceil(20) {
            hint::spin_loop();
        }
    }
}
