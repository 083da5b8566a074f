//! The checks that need nothing but Rust: formatting, lints, tests, documentation.

use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};
use std::path::PathBuf;

/// Workspaces beside the main one.
const OTHER_WORKSPACES: [&str; 3] = ["ci/firmware/Cargo.toml", DEVICE_LOG, FUZZ];
/// The decoder of what devices log.
const DEVICE_LOG: &str = "ci/device-log/Cargo.toml";
const FUZZ: &str = "tests/fuzz/Cargo.toml";

/// Every crate of every workspace is formatted.
pub(crate) fn fmt(root: &Root) -> Result<Done, Stop> {
    component(root, "rustfmt")?;
    root.cargo("fmt --all --check").check()?;
    for manifest in OTHER_WORKSPACES.map(|path| root.path(path)).into_iter().filter(|path| path.is_file()) {
        root.cargo("fmt --all --check --manifest-path").arg(manifest).check()?;
    }
    Ok(Done::default())
}

/// No lint anywhere; the core also by itself, with each set of features: in a workspace the features that
/// others ask for are switched on for all. The firmware is looked at in the step `qemu`.
pub(crate) fn clippy(root: &Root) -> Result<Done, Stop> {
    component(root, "clippy")?;
    linker(root)?;
    for what in [
        "--workspace --all-targets --all-features",
        "--workspace --all-targets",
        "--package aof-nostd",
        "--package aof-nostd --features defmt",
        "--package aof-nostd --features small",
    ] {
        root.cargo("clippy").args(what.split(' ')).args(["--", "-D", "warnings"]).check()?;
    }
    let run = root.cargo("clippy --manifest-path").arg(root.path(DEVICE_LOG));
    let run = run.env("CARGO_TARGET_DIR", root.target().join("device-log"));
    run.args(["--", "-D", "warnings"]).check()?;
    Ok(Done::default())
}

/// Python, and what its module `venv` needs: Debian has that apart.
const PYTHON: [Need; 2] = [
    Need::Program { name: "python3", package: "python3" },
    Need::File { path: "/usr/share/python-wheels", package: "python3-venv" },
];

/// All tests, those in the documentation too.
pub(crate) fn test(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    // Where it cannot be had, the tests of failing system calls say that they did not run.
    let _ = setup::need(root, &[Need::Program { name: "strace", package: "strace" }]);
    // The same of what reads exported Parquet files: the tests install DuckDB below the target directory.
    let _ = setup::need(root, &PYTHON);
    root.cargo("test --workspace --no-fail-fast").check()?;
    // Its tables are others, its results are not.
    root.cargo("test --package aof-nostd --features small --lib --tests").check()?;
    Ok(Done::default())
}

/// The documentation builds without a warning.
pub(crate) fn docs(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    let run = root.cargo("doc --workspace --no-deps --all-features");
    run.env("RUSTDOCFLAGS", "-D warnings").check()?;
    Ok(Done::default())
}

/// The fuzz targets build, without the instrumentation that only an unstable compiler has.
pub(crate) fn fuzz_build(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    let manifest: PathBuf = root.path(FUZZ);
    if !manifest.is_file() {
        done.left_out(format!("{FUZZ} is not there: nothing to build"));
        return Ok(done);
    }
    // libFuzzer is C++.
    setup::need(root, &[Need::Program { name: "c++", package: "g++" }])?;
    let run = root.cargo("build --bins --manifest-path").arg(manifest);
    run.env("RUSTFLAGS", "--cfg fuzzing").env("CARGO_TARGET_DIR", root.target().join("fuzz")).check()?;
    Ok(done)
}

/// rustc links through the C compiler.
fn linker(root: &Root) -> Result<(), Stop> {
    setup::need(root, &[Need::Program { name: "cc", package: "gcc libc6-dev" }])
}

/// Makes sure that a component of the toolchain is there.
fn component(root: &Root, name: &str) -> Result<(), Stop> {
    let (command, package) = match name {
        "rustfmt" => ("cargo-fmt", "rustfmt"),
        _ => ("cargo-clippy", "clippy"),
    };
    let there = || root.run(command).arg("--version").text().is_ok();
    if there() || (root.run("rustup").args(["component", "add", package]).check().is_ok() && there()) {
        return Ok(());
    }
    Err(Stop::NotRun(format!("{command} is missing: run `rustup component add {package}`")))
}
