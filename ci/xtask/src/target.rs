//! Compiling for other targets: which compiler has their libraries, and how it is called.
//!
//! | compiler | libraries of the target | how |
//! |---|---|---|
//! | rustup's | prebuilt, from `rustup target add` | as usual |
//! | Debian's (`rustc-web`) | built from the source in `rust-web-src` | `-Zbuild-std`, an unstable option that `RUSTC_BOOTSTRAP` opens |
//!
//! The first is taken where it is to be had. The second works where only packages can be installed; it
//! takes a minute more per target. `AOF_CI_COMPILER=debian` or `=rustup` picks one.

use crate::outcome::Stop;
use crate::run::{Root, Run};
use crate::setup::{self, Need};
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a download of a target's libraries may take.
const DOWNLOAD_MAX: Duration = Duration::from_secs(180);

/// Debian's compiler, and the source of its libraries.
const RUSTC: &str = "/usr/bin/rustc";
const RUSTDOC: &str = "/usr/bin/rustdoc";
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library/Cargo.toml";

/// Which libraries are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Libraries {
    /// `core` alone: nothing else is there to be used.
    Core,
    /// All of `std`, for tests.
    Std,
}

/// A target with the compiler for it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    compiler: Compiler,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compiler {
    Rustup,
    Debian,
}

impl Target {
    /// Finds, or installs, a compiler for the target `name`.
    pub(crate) fn set_up(root: &Root, name: &'static str) -> Result<Self, Stop> {
        let wanted = env::var("AOF_CI_COMPILER").unwrap_or_default();
        let compiler = match wanted.as_str() {
            "debian" => debian(root)?,
            "rustup" | "" if rustup(root, name) => Compiler::Rustup,
            "" => debian(root)?,
            "rustup" => {
                return Err(Stop::NotRun(format!(
                    "{name}: `rustup target add {name}` failed, and AOF_CI_COMPILER=rustup forbids another way"
                )));
            }
            other => return Stop::failed(format!("AOF_CI_COMPILER={other}: set it to rustup or debian")),
        };
        Ok(Self { name, compiler })
    }

    /// Whether clippy, which is rustup's, can look at code for the target.
    pub(crate) fn has_clippy(&self) -> bool {
        self.compiler == Compiler::Rustup
    }

    /// The compiler, for messages.
    pub(crate) fn compiler(&self) -> &'static str {
        match self.compiler {
            Compiler::Rustup => "rustup's compiler, prebuilt libraries",
            Compiler::Debian => "Debian's compiler, libraries built from source",
        }
    }

    /// The compiler's version and where its libraries come from, as in `1.95.0-prebuilt`.
    pub(crate) fn version(&self, root: &Root) -> Result<String, Stop> {
        let (rustc, libraries) = match self.compiler {
            Compiler::Rustup => ("rustc", "prebuilt"),
            Compiler::Debian => (RUSTC, "built"),
        };
        let text = root.run(rustc).arg("--version").text()?;
        Ok(format!("{}-{libraries}", text.split(' ').nth(1).unwrap_or("unknown")))
    }

    /// Runs `cargo COMMAND` for the target, in a target directory of its own.
    pub(crate) fn cargo(&self, root: &Root, command: &str, libraries: Libraries) -> Run {
        let directory = root.target().join(match libraries {
            Libraries::Core => "bare",
            Libraries::Std => "other",
        });
        let run = root.cargo(command).args(["--target", self.name]).env("CARGO_TARGET_DIR", directory);
        match (self.compiler, libraries) {
            (Compiler::Rustup, _) => run,
            (Compiler::Debian, Libraries::Core) => bootstrap(run).arg("-Zbuild-std=core"),
            (Compiler::Debian, Libraries::Std) => bootstrap(run).arg("-Zbuild-std"),
        }
    }

    /// The same, and links with LLVM's linker.
    pub(crate) fn cargo_linking(&self, root: &Root, command: &str) -> Result<Run, Stop> {
        let run = self.cargo(root, command, Libraries::Core);
        Ok(match self.compiler {
            Compiler::Rustup => run,
            Compiler::Debian => run.env(&self.variable("LINKER"), linker(root)?),
        })
    }

    /// The name of cargo's variable for a setting of the target.
    pub(crate) fn variable(&self, setting: &str) -> String {
        format!("CARGO_TARGET_{}_{setting}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Where `cargo` puts what it builds with the release profile.
    pub(crate) fn release_directory(&self, root: &Root) -> PathBuf {
        self.profile_directory(root, "release")
    }

    /// Where `cargo` puts what it builds with a profile.
    pub(crate) fn profile_directory(&self, root: &Root, profile: &str) -> PathBuf {
        root.target().join("bare").join(self.name).join(profile)
    }
}

fn bootstrap(run: Run) -> Run {
    run.env("RUSTC", RUSTC).env("RUSTDOC", RUSTDOC).env("RUSTC_BOOTSTRAP", "1")
}

/// Whether rustup's active toolchain has the target, or gets it.
fn rustup(root: &Root, name: &str) -> bool {
    let installed =
        sysroot(root).is_ok_and(|sysroot| sysroot.join("lib/rustlib").join(name).join("lib").is_dir());
    if installed || setup::program("rustup").is_none() {
        return installed;
    }
    println!("$ rustup target add {name}");
    root.run("rustup").args(["target", "add", name]).succeeds(DOWNLOAD_MAX)
}

/// Debian's compiler, once it is there.
fn debian(root: &Root) -> Result<Compiler, Stop> {
    setup::need(
        root,
        &[
            Need::File { path: RUSTC, package: "rustc-web" },
            Need::File { path: SOURCE, package: "rust-web-src" },
        ],
    )?;
    Ok(Compiler::Debian)
}

/// The linker that comes with rustup's toolchain, or Debian's.
pub(crate) fn linker(root: &Root) -> Result<PathBuf, Stop> {
    let libraries = sysroot(root)?.join("lib/rustlib");
    let hosts = libraries.read_dir().into_iter().flatten().flatten();
    let linkers = hosts.map(|host| host.path().join("bin/rust-lld"));
    if let Some(linker) = linkers.into_iter().find(|path| path.is_file()) {
        return Ok(linker);
    }
    setup::need(root, &[Need::Program { name: "ld.lld", package: "lld" }])?;
    Ok("ld.lld".into())
}

fn sysroot(root: &Root) -> Result<PathBuf, Stop> {
    let text = root.run("rustc").args(["--print", "sysroot"]).text()?;
    Ok(Path::new(text.trim()).to_owned())
}
