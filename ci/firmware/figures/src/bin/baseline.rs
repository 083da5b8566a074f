//! What every firmware has: the runtime, a buffer and an empty job.

#![no_std]
#![no_main]

aof_firmware_figures::program!(aof_firmware_figures::job::nothing, (), "damaged-crc.aof");
