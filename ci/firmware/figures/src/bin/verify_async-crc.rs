//! [`asynch::verify`](aof_firmware_figures::asynch::verify), measured for the profile `crc`.

#![no_std]
#![no_main]

use aof_nostd::Crc;

aof_firmware_figures::program!(aof_firmware_figures::asynch::verify, Crc, "damaged-crc.aof");
