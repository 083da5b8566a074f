//! [`nor::run`](aof_firmware_figures::nor::run), measured for the profile `tigerbeetle`.

#![no_std]
#![no_main]

use aof_nostd::TigerBeetle;

aof_firmware_figures::program!(aof_firmware_figures::nor::run, TigerBeetle::default(), "nor-tigerbeetle.img");
