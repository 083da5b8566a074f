//! Hands the linker the board's memory map, which is that of the programs over files of the host.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::var("TARGET")?;
    if target != "thumbv7m-none-eabi" {
        return Err(format!("no memory map for the target {target}: this program is for mps2-an385").into());
    }
    let map = Path::new("../host-files/memory/mps2-an385.x");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(map, out.join("memory.x")).map_err(|error| format!("{}: {error}", map.display()))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x"); // where the log's texts stay, out of the image
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", map.display());
    Ok(())
}
