//! A log on an SD card: from the pins of a microcontroller to a [`Reader`](aof_nostd::Reader) and a
//! [`Writer`](aof_nostd::Writer), with `embedded-hal` and `embedded-sdmmc` in between.
//!
//! ```text
//!   aof_nostd    Reader, Writer         entries
//!   recover      recover                where a log goes on after a power loss
//!   file         CardFile               embedded_io::{Read, Write, Seek} and Sync; one block of buffer
//!   card         Card                   a mounted FAT16 or FAT32
//!   counted      Counted                what the card has to do
//!   slack        Slack                  keeps a full volume within its end
//!   ----------   embedded-sdmmc: VolumeManager, SdCard ------------------------------------------------
//!   socket       Socket                 embedded_hal::spi::SpiDevice: select and power-up
//!   quirk        IdleBit                where embedded-sdmmc and a card do not meet
//!   spi          Ssi                    embedded_hal::spi::SpiBus: the chip's interface
//!   register     Register               the chip's addresses
//! ```
//!
//! For another board, `register`, `spi` and `socket` are replaced by its HAL's; what is above knows any
//! `embedded_sdmmc::BlockDevice`.
//!
//! The board is the Stellaris LM3S6965 evaluation board: a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM,
//! and a card's socket on its SPI bus, which QEMU emulates (`lm3s6965evb`).

#![no_std]

mod card;
mod counted;
mod error;
mod failure;
mod file;
mod quirk;
mod recover;
mod register;
mod slack;
pub mod socket;
pub mod spi;
mod survey;

pub use self::card::{Card, NoClock};
pub use self::counted::{Counted, Counts};
pub use self::error::CardError;
pub use self::failure::CardFailure;
pub use self::file::CardFile;
pub use self::recover::{KeptName, READ_SIZE, RecoverError, Recovered, TornTail, recover};
pub use self::slack::Slack;
pub use self::survey::survey;

use self::socket::SocketCard;

/// Mounts the card in the socket.
///
/// # Errors
///
/// [`CardFailure::NoCard`] or [`CardFailure::Card`].
pub fn mount() -> Result<Card<SocketCard>, CardFailure> {
    Ok(Card::mount(socket::card()?)?)
}
