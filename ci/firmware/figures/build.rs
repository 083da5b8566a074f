//! The memory maps of the boards, and the logs that the programs are measured with.

#![allow(clippy::indexing_slicing, reason = "a build script may stop at a surprise")]

use aof_nostd::storage::nor::NorRegion;
use aof_nostd::storage::{Cursor, Sync};
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Crc, Draft, Profile, TigerBeetle, Writer};
use chip::Chip;
use embedded_io::Write;
use std::path::Path;
use std::{env, error::Error, fs};

#[path = "src/chip.rs"]
mod chip;
#[path = "../linker.rs"]
mod linker;

/// Bytes of the flash that holds `torn-P.aof`: 13 erase blocks for a log that has an entry's room left, and four.
const CHIP_SIZE: u16 = 17 * 256;

/// The boards of `BOARDS` in `ci/xtask/src/figures/mod.rs`.
const TARGETS: [linker::Row; 3] = [
    ("thumbv6m-none-eabi", "microbit.x", "link.x"),
    ("thumbv7m-none-eabi", "mps2-an385.x", "link.x"),
    ("riscv32imac-unknown-none-elf", "virt.x", "link.x"),
];

/// Bodies of the logs' entries, bytes: none, a few, more than the programs' buffer.
const BODY_SIZES: [usize; 5] = [0, 33, 1500, 240, 100];

fn main() -> Result<(), Box<dyn Error>> {
    if env::var("TARGET")?.starts_with("riscv") {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x"); // before the runtime's script, which does not include it
    }
    let out = linker::link("memory", &TARGETS)?;
    write_logs(&out, TigerBeetle::default())?;
    write_logs(&out, Crc)?;
    // So that a check can tell who calls a function that should not be there.
    println!("cargo:rustc-link-arg-bins=--emit-relocs");
    println!("cargo:rerun-if-changed=src/chip.rs");
    Ok(())
}

/// Two logs of five entries. Of `torn-P.aof` the last entry is torn; `nor-P.img` is a NOR flash with the same log.
/// Of `damaged-P.aof` a bit of the third
/// one's body is flipped too: two entries are whole before it, and one behind.
fn write_logs(directory: &Path, profile: impl Profile) -> Result<(), Box<dyn Error>> {
    let mut writer = Writer::new(Cursor::new([0; 4096]), profile);
    let mut third_body = 0;
    for (timestamp_ns, size) in (1..).zip(BODY_SIZES) {
        if timestamp_ns == 3 {
            third_body = usize::try_from(writer.size())? + HEAD_SIZE;
        }
        writer.append_new(&Draft { timestamp_ns, ..Draft::default() }, &[0x5a; 1500][..size])?;
    }
    let size = usize::try_from(writer.size())? - 50;
    let mut log = writer.into_device().into_inner()[..size].to_vec();
    fs::write(directory.join(format!("torn-{}.aof", profile.name())), &log)?;
    let mut chip = [0; CHIP_SIZE as usize];
    let mut region = NorRegion::<_, { chip::BUFFER_SIZE }>::format(Chip(&mut chip), 0..CHIP_SIZE.into())?;
    region.write_all(&log)?;
    region.sync()?;
    fs::write(directory.join(format!("nor-{}.img", profile.name())), chip)?;
    log[third_body + 700] ^= 1;
    fs::write(directory.join(format!("damaged-{}.aof", profile.name())), &log)?;
    Ok(())
}
