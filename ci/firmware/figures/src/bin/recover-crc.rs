//! [`job::recover`](aof_firmware_figures::job::recover), measured for the profile `crc`.

#![no_std]
#![no_main]

use aof_nostd::Crc;

aof_firmware_figures::program!(aof_firmware_figures::job::recover, Crc, "torn-crc.aof");
