//! [`asynch::verify`](aof_firmware_figures::asynch::verify), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(
    aof_firmware_figures::asynch::verify,
    TigerBeetle::default(),
    "damaged-tigerbeetle.aof"
);
