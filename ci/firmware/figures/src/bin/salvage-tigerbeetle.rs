//! [`job::salvage`](aof_firmware_figures::job::salvage), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(
    aof_firmware_figures::job::salvage,
    TigerBeetle::default(),
    "damaged-tigerbeetle.aof"
);
