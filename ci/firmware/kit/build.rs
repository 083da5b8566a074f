//! Sets how much is logged, unless `DEFMT_LOG` says so: by default defmt keeps errors only.

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=DEFMT_LOG");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("DEFMT_LOG").is_none() {
        println!("cargo:rustc-env=DEFMT_LOG=info");
    }
}
