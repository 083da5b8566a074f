//! Hands the linker the memory map of QEMU's board `virt`.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rustc-link-arg-bins=-T{}/virt.x", env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=virt.x");
    Ok(())
}
