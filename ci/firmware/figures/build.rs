//! Hands the linker the memory map of the target's board, and writes the logs that the programs are
//! measured with.

#![allow(clippy::indexing_slicing, reason = "a build script may stop at a surprise")]

use aof_nostd::storage::Cursor;
use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Crc, Draft, Profile, TigerBeetle, Writer};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

/// Target, memory map in `memory/`, linker script of the runtime crate.
const TARGETS: [(&str, &str, &str); 3] = [
    ("thumbv6m-none-eabi", "microbit.x", "link.x"),
    ("thumbv7m-none-eabi", "mps2-an385.x", "link.x"),
    ("riscv32imac-unknown-none-elf", "virt.x", "link.x"),
];

/// Bodies of the logs' entries, bytes: none, a few, more than the programs' buffer.
const BODY_SIZES: [usize; 5] = [0, 33, 1500, 240, 100];

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let (_, map, script) = TARGETS
        .iter()
        .find(|row| row.0 == target)
        .ok_or_else(|| format!("no memory map for the target {target}: add a row to TARGETS in build.rs"))?;
    let map = Path::new("memory").join(map);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(&map, out.join("memory.x")).map_err(|error| format!("{}: {error}", map.display()))?;
    write_logs(&out, TigerBeetle::default())?;
    write_logs(&out, Crc)?;
    println!("cargo:rustc-link-search={}", out.display());
    if target.starts_with("riscv") {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-T{script}");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    // So that a check can tell who calls a function that should not be there.
    println!("cargo:rustc-link-arg-bins=--emit-relocs");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory");
    Ok(())
}

/// Two logs of five entries. Of `torn-P.aof` the last entry is torn. Of `damaged-P.aof` a bit of the third
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
    log[third_body + 700] ^= 1;
    fs::write(directory.join(format!("damaged-{}.aof", profile.name())), &log)?;
    Ok(())
}
