//! [`job::recover`](aof_firmware_figures::job::recover), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(
    aof_firmware_figures::job::recover,
    TigerBeetle::default(),
    "torn-tigerbeetle.aof"
);
