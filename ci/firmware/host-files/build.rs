//! Hands the linker the memory map of the target's board. One row per target; the boards are those of
//! `BOARDS` in `ci/xtask/src/qemu/boards.rs`.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

/// Target, memory map in `memory/`, linker script of the runtime crate that includes it as `memory.x`.
const TARGETS: [(&str, &str, &str); 3] = [
    ("thumbv6m-none-eabi", "microbit.x", "link.x"),
    ("thumbv7m-none-eabi", "mps2-an385.x", "link.x"),
    ("riscv32imac-unknown-none-elf", "virt-riscv32.x", "link.x"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let (_, map, script) = TARGETS
        .iter()
        .find(|row| row.0 == target)
        .ok_or_else(|| format!("no memory map for the target {target}: add a row to TARGETS in build.rs"))?;
    let map = Path::new("memory").join(map);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(&map, out.join("memory.x")).map_err(|error| format!("{}: {error}", map.display()))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-T{script}");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x"); // where the log's texts stay, out of the image
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", map.display());
    Ok(())
}
