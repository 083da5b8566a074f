//! The checks that need nothing but Rust: formatting, lints, tests, documentation.

use crate::fuzz;
use crate::msrv::PUBLISHED;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};
use std::env;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Workspaces beside the main one.
const OTHER_WORKSPACES: [&str; 4] =
    ["ci/firmware/Cargo.toml", DEVICE_LOG, fuzz::MANIFEST, "tests/append/Cargo.toml"];
/// The one that has many dependencies.
pub(crate) const COMMAND: &str = "aof-cli";
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
        "--package aof-nostd",
        "--package aof-nostd --features async",
        "--package aof-nostd --features async,defmt",
        "--package aof-nostd --features defmt",
        "--package aof-nostd --features small",
        "--package aof-c --no-default-features --features tigerbeetle",
        "--package aof-c --no-default-features --features crc,small",
        "--package aof-nostd --features nor-flash",
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
    // The header for C is compiled as C++, too.
    setup::need(root, &[Need::Program { name: "c++", package: "g++" }])?;
    // Where it cannot be had, the tests of failing system calls say that they did not run.
    let _ = setup::need(root, &[Need::Program { name: "strace", package: "strace" }]);
    // The same for what reads man pages, completions and the pages of `inspect`.
    for name in ["groff", "mandoc", "zsh", "fish", "chromium"] {
        let _ = setup::need(root, &[Need::Program { name, package: name }]);
    }
    // The same of what reads exported Parquet files: the tests install DuckDB below the target directory.
    let _ = setup::need(root, &PYTHON);
    // Many tests wait, for a timeout or another process: more of them at a time than there are cores.
    let threads = std::thread::available_parallelism().map_or(2, NonZero::get) * 2;
    let run = root.cargo("test --workspace --no-fail-fast");
    run.env("RUST_TEST_THREADS", threads.to_string()).check()?;
    // Its tables are others, its results are not. Power cuts on flash do not ask for them.
    let run = root.cargo("test --package aof-nostd --features small --lib --tests --");
    run.args(["--skip", "nor::cuts"]).check()?;
    Ok(Done::default())
}

/// Simulated power cuts, more than a million: every small workload on devices, and long ones from a fixed
/// seed on devices and files. What was counted is printed.
pub(crate) fn crash(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    // The profile of the tests: building another one takes longer than it gains.
    let crash = tool(root, "crash")?;
    for what in ["device --crashes 100000", "files --crashes 40000"] {
        root.run(&crash).args(what.split(' ')).check()?;
    }
    Ok(Done::default())
}

/// The documentation builds without a warning; that of the published crates as docs.rs builds it.
pub(crate) fn docs(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    let run = root.cargo("doc --workspace --no-deps --all-features");
    run.env("RUSTDOCFLAGS", "-D warnings").check()?;
    let published = PUBLISHED.iter().filter(|name| **name != COMMAND).flat_map(|name| ["--package", name]);
    // docs.rs has a nightly compiler, for the labels of what needs a feature. (The command has no features, and
    // would be checked once more with all that it depends on.)
    let run = root.cargo("doc --no-deps --all-features").args(published).env("RUSTC_BOOTSTRAP", "1");
    let run = run.env("CARGO_TARGET_DIR", root.target().join("docs-rs"));
    run.env("RUSTDOCFLAGS", "--cfg docsrs -D warnings").check()?;
    Ok(Done::default())
}

/// The published crates package without a complaint, and the libraries build from what is packaged. (The command
/// would be compiled a third time, with all that it depends on.)
pub(crate) fn package(root: &Root) -> Result<Done, Stop> {
    linker(root)?;
    let directory = root.target().join("package-check");
    // A package that changed without a new version would be taken from the last run.
    let unpacked = unpacked(&directory_of_cargo());
    for path in [&directory].into_iter().chain(&unpacked).filter(|path| path.exists()) {
        fs::remove_dir_all(path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?;
    }
    let (libraries, all) = (PUBLISHED.iter().filter(|name| **name != COMMAND), PUBLISHED.iter());
    for (option, names) in [("", libraries.collect::<Vec<_>>()), ("--no-verify", all.collect())] {
        // A change that is not committed yet is checked too.
        let run = root.cargo(&format!("package --allow-dirty --all-features {option}"));
        let run = run.args(names.into_iter().flat_map(|name| ["--package", name]));
        let told = run.env("CARGO_TARGET_DIR", &directory).stderr()?;
        // Tests stand beside the crates: they need the recorded logs, and the test kit.
        let is_expected = |line: &str| line.contains("ignoring test `") && line.contains("is not included");
        if let Some(warning) = told.lines().find(|line| line.starts_with("warning") && !is_expected(line)) {
            return Stop::failed(format!("cargo package: {warning}"));
        }
    }
    Ok(Done::default())
}

fn directory_of_cargo() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// Where cargo has unpacked packages of this workspace: from registries without a host, which it makes to check them.
fn unpacked(cargo: &Path) -> Vec<PathBuf> {
    let entries = |path: PathBuf| path.read_dir().into_iter().flatten().flatten();
    let registries =
        entries(cargo.join("registry/src")).filter(|it| it.file_name().to_string_lossy().starts_with('-'));
    let packages = registries.flat_map(|registry| entries(registry.path()));
    let is_ours = |name: &str| PUBLISHED.iter().any(|ours| name.starts_with(&format!("{ours}-0")));
    packages.filter(|it| is_ours(&it.file_name().to_string_lossy())).map(|it| it.path()).collect()
}

/// A program of the workspace, as the step `test` has built it: asked for by itself, cargo would build it, and all
/// that it depends on, with fewer features once more.
pub(crate) fn tool(root: &Root, name: &str) -> Result<PathBuf, Stop> {
    root.cargo("build --quiet --workspace --bins --examples").check()?;
    Ok(root.target().join("debug").join(name))
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
