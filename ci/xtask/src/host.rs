//! The checks that need nothing but Rust: formatting, lints, tests, documentation.

use crate::fuzz;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};

/// Workspaces beside the main one.
const OTHER_WORKSPACES: [&str; 3] = ["ci/firmware/Cargo.toml", DEVICE_LOG, fuzz::MANIFEST];
/// The decoder of what devices log.
const DEVICE_LOG: &str = "ci/device-log/Cargo.toml";

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
        "--package aof-nostd --features async",
        "--package aof-nostd --features async,defmt",
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
    // The same for what reads man pages and completions.
    for name in ["groff", "mandoc", "zsh", "fish"] {
        let _ = setup::need(root, &[Need::Program { name, package: name }]);
    }
    // The same of what reads exported Parquet files: the tests install DuckDB below the target directory.
    let _ = setup::need(root, &PYTHON);
    root.cargo("test --workspace --no-fail-fast").check()?;
    // Its tables are others, its results are not.
    root.cargo("test --package aof-nostd --features small --lib --tests").check()?;
    Ok(Done::default())
}

/// Simulated power cuts, more than a million: every small workload on devices, and long ones from a fixed
/// seed on devices and files. What was counted is printed.
pub(crate) fn crash(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    // The profile of the tests: building another one takes longer than it gains.
    for what in ["device --crashes 150000", "files --crashes 40000"] {
        root.cargo("run --quiet --package aof-crash --").args(what.split(' ')).check()?;
    }
    Ok(Done::default())
}

/// The documentation builds without a warning.
pub(crate) fn docs(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    let run = root.cargo("doc --workspace --no-deps --all-features");
    run.env("RUSTDOCFLAGS", "-D warnings").check()?;
    Ok(Done::default())
}

/// rustc links through the C compiler.
pub(crate) fn linker(root: &Root) -> Result<(), Stop> {
    setup::need(root, &[Need::Program { name: "cc", package: "gcc libc6-dev" }])
}

/// What the compiler calls this machine.
pub(crate) fn triple(root: &Root) -> Result<String, Stop> {
    let text = root.run("rustc").arg("-vV").text()?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple.map(str::to_owned).ok_or_else(|| Stop::Failed("rustc -vV: there is no line \"host: \"".into()))
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
