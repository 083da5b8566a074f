//! [`job::verify`](aof_firmware_figures::job::verify), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(
    aof_firmware_figures::job::verify,
    TigerBeetle::default(),
    "damaged-tigerbeetle.aof"
);
