//! `cargo xtask dist`: the command as people install it, in `target/dist`:
//!
//! | file | what it is |
//! |---|---|
//! | `aof-VERSION-x86_64-linux.tar.gz` | the static program, man pages, completions, licences |
//! | `aof_VERSION_amd64.deb` | the same as a Debian package that depends on nothing |
//! | `SHA256SUMS` | for `sha256sum --check` |
//!
//! The program is linked with musl, so it runs on every Linux of that CPU. Each file is made from the same staged
//! tree, with the time of the last commit: the same commit gives the same bytes with the same compiler. Before this
//! ends well, the program has verified a log in a root directory that holds nothing else, and dpkg has installed the
//! package into an empty one.

mod notices;
mod stage;
mod tried;

use self::stage::Stage;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};
use crate::target::{Libraries, Target};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const TARGET: &str = "x86_64-unknown-linux-musl";
/// Linking with musl, and what its licence is.
const MUSL: [Need; 2] = [
    Need::Program { name: "musl-gcc", package: "musl-tools" },
    Need::File { path: stage::MUSL_LICENCE, package: "musl" },
];

/// Makes all files, and tries them.
pub(crate) fn dist(root: &Root) -> Result<Done, Stop> {
    setup::need(root, &MUSL)?;
    let target = Target::set_up(root, TARGET)?;
    if !target.has_clippy() {
        return Err(Stop::NotRun(format!(
            "{TARGET}: only rustup has its libraries: `rustup target add {TARGET}`"
        )));
    }
    let build = target.cargo(root, "build --release --locked --package aof-cli --bin aof", Libraries::Std);
    build.env(&target.variable("RUSTFLAGS"), remapped(root)).check()?;
    let program = root.target().join("other").join(TARGET).join("release/aof");

    let directory = root.target().join("dist");
    let scratch = root.target().join("dist-scratch");
    for path in [&directory, &scratch] {
        empty(path)?;
    }
    let stage = Stage::new(root, &program, &scratch)?;
    let made = [stage.archive(root, &directory)?, stage.package(root, &directory)?];
    let names = made.iter().filter_map(|path| path.file_name());
    let sums = root.run("sha256sum").args(names).directory(&directory).text()?;
    write(&directory.join("SHA256SUMS"), &sums)?;

    let mut done = Done::default();
    tried::alone(root, &program, &scratch, &mut done)?;
    tried::installed(root, &made[1], &scratch)?;
    println!("in {}:\n{sums}", directory.display());
    Ok(done)
}

/// Flags that leave this machine's directories out of the program.
fn remapped(root: &Root) -> String {
    let home = env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from);
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let flag = |path: &Path, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    [flag(&root.path("."), "aof"), flag(&cargo, "cargo")].join(" ")
}

/// Makes a directory that is empty.
fn empty(path: &Path) -> Result<(), Stop> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| failed(path, &error))?;
    }
    make(path)
}

fn make(path: &Path) -> Result<(), Stop> {
    fs::create_dir_all(path).map_err(|error| failed(path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Stop> {
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Stop> {
    fs::copy(from, to).map_err(|error| failed(from, &error)).map(drop)
}

fn read(path: &Path) -> Result<String, Stop> {
    let bytes = fs::read(path).map_err(|error| failed(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn failed(path: &Path, error: &std::io::Error) -> Stop {
    Stop::Failed(format!("{}: {error}", path.display()))
}

/// The path as an argument.
fn joined(directory: &Path, name: &str) -> PathBuf {
    directory.join(name)
}
