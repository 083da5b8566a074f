//! Hands the linker the memory map of the board.

use std::path::PathBuf;
use std::{env, error::Error, fs};

/// The memory map; the linker script of cortex-m-rt includes it as `memory.x`.
const MAP: &str = "memory/lm3s6965evb.x";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(MAP, out.join("memory.x")).map_err(|error| format!("{MAP}: {error}"))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={MAP}");
    Ok(())
}
