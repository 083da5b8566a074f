//! [`nor::run`](aof_firmware_figures::nor::run), measured for the profile `crc`.

#![no_std]
#![no_main]

use aof_nostd::Crc;

aof_firmware_figures::program!(aof_firmware_figures::nor::run, Crc, "nor-crc.img");
