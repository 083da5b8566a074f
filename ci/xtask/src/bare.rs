//! The core, and the library for C over it, build where there is no operating system.

use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::target::{Libraries, Target};
use std::fs;
use std::path::Path;

/// Without compare-and-swap, with it, another 32-bit architecture, a 64-bit one.
const TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "riscv32imac-unknown-none-elf", "aarch64-unknown-none"];

/// What is built here is not run: optimising it takes longer than all else.
const QUICK: [&str; 4] =
    ["--config", "profile.dev.package.aof-nostd.opt-level=0", "--config", "profile.dev.opt-level=0"];

/// Feature sets of the core.
const FEATURES: [&str; 5] =
    ["", "--features async", "--features defmt", "--features nor-flash", "--features small"];

/// Builds the core for each target with each set of features, and the library for C, without a warning: there, code for other
/// CPUs is left out. That neither `std` nor an allocator is used:
///
/// - these targets have no `std`, and where libraries are built from source nothing but `core`;
/// - the core's sources bring neither in;
/// - the firmware of the step `qemu` links without an allocator.
pub(crate) fn targets(root: &Root) -> Result<Done, Stop> {
    no_std(&root.path("aof-nostd/src"))?;
    for name in TARGETS {
        let target = Target::set_up(root, name)?;
        println!("{name}: {}", target.compiler());
        for features in FEATURES {
            let run = target.cargo(root, "rustc --package aof-nostd --lib", Libraries::Core);
            run.args(QUICK).args(features.split_whitespace()).args(["--", "-D", "warnings"]).check()?;
        }
        let run = target.cargo(root, "rustc --package aof-c --lib", Libraries::Core);
        run.args(QUICK).args(["--", "-D", "warnings"]).check()?;
    }
    Ok(Done::default())
}

/// The crate is `no_std` whatever its features, and no source brings in `std` or `alloc`.
fn no_std(sources: &Path) -> Result<(), Stop> {
    let root = sources.join("lib.rs");
    if !read(&root)?.lines().any(|line| line == "#![no_std]") {
        return Stop::failed(format!("{}: has to say `#![no_std]`, without a condition", root.display()));
    }
    for path in rust_files(sources)? {
        let text = read(&path)?;
        // Tests run on a desktop.
        let shipped = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let used =
            shipped.enumerate().find(|(_, line)| line.contains("extern crate")).map(|(index, _)| index);
        if let Some(index) = used {
            return Stop::failed(format!(
                "{}:{}: the core does without `std` and `alloc`: take the line out",
                path.display(),
                index + 1
            ));
        }
    }
    Ok(())
}

fn rust_files(directory: &Path) -> Result<Vec<std::path::PathBuf>, Stop> {
    let failed = |error| Stop::Failed(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for item in fs::read_dir(directory).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))
}
