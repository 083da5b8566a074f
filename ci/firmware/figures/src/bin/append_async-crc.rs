//! [`asynch::append`](aof_firmware_figures::asynch::append), measured for the profile `crc`.

#![no_std]
#![no_main]

use aof_nostd::Crc;

aof_firmware_figures::program!(aof_firmware_figures::asynch::append, Crc, "damaged-crc.aof");
