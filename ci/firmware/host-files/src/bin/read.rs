//! `read FILE`: verifies a log of the host, and goes on behind damage.

#![no_std]
#![no_main]

use aof_firmware_host_files::survey;
use aof_firmware_kit::{Arguments, Failure, HostFile, Report};

aof_firmware_kit::program!(read);

fn read(arguments: &Arguments) -> Result<Report, Failure> {
    survey(HostFile::open(arguments.next("FILE")?)?)
}
