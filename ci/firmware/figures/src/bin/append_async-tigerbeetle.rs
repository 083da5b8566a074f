//! [`asynch::append`](aof_firmware_figures::asynch::append), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(
    aof_firmware_figures::asynch::append,
    TigerBeetle::default(),
    "damaged-tigerbeetle.aof"
);
