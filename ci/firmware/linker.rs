//! For build scripts: hands the linker the memory map of the target's board, and what the runtime crate and the
//! features ask for.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

/// Target, memory map, linker script of the runtime crate that includes it as `memory.x`.
pub(crate) type Row = (&'static str, &'static str, &'static str);

/// Takes the target's memory map from `directory`; gives the directory for what a build script makes.
pub(crate) fn link(directory: &str, targets: &[Row]) -> Result<PathBuf, Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let (_, map, script) = targets
        .iter()
        .find(|row| row.0 == target)
        .ok_or_else(|| format!("no memory map for the target {target}: see the rows in build.rs"))?;
    let map = Path::new(directory).join(map);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(&map, out.join("memory.x")).map_err(|error| format!("{}: {error}", map.display()))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-T{script}");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x"); // where the log's texts stay, out of the image
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../linker.rs");
    println!("cargo:rerun-if-changed={}", map.display());
    Ok(out)
}
