//! `card-read LOG`: reads a log on the card whole, in a buffer of 1 KiB, and goes on behind damage.

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Report};
use aof_firmware_sd_card::{CardFailure, mount, survey};

aof_firmware_kit::program!(read);

fn read(arguments: &Arguments) -> Result<Report, CardFailure> {
    let card = mount()?;
    survey(card.open(arguments.next("LOG")?)?)
}
