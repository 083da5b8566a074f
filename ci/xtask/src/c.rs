//! Firmware in C: the library for it, the compiler, the linker.
//!
//! ```text
//! aof-nostd/c --cargo rustc, profile `size`--> libaof_c.a --+
//! ci/firmware/c/*.c --clang, C99, no warning--> *.o --------+--lld, board.ld--> program
//! ```

use crate::outcome::{Done, Stop};
use crate::run::{Root, Run};
use crate::setup::{self, Need};
use crate::target::{self, Libraries, Target};
use std::fs;
use std::path::{Path, PathBuf};

/// What the programs are compiled for, as Rust calls it, and Clang.
pub(crate) const TARGET: &str = "thumbv7m-none-eabi";
const CLANG: [&str; 2] = ["--target=thumbv7m-none-eabi", "-mcpu=cortex-m3"];

/// No warning, no library, each function by itself, so that the linker can leave it out.
const FLAGS: [&str; 11] = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Oz",
    "-ffreestanding",
    "-fno-builtin",
    "-ffunction-sections",
    "-fdata-sections",
    "-c",
];

/// The sources, and where their header is.
const SOURCES: &str = "ci/firmware/c";
const INCLUDE: &str = "aof-nostd/c/include";

/// Clang: the lighter one of the two packages for bare Arm, half of `gcc-arm-none-eabi`.
const COMPILER: Need = Need::Program { name: "clang", package: "clang" };

/// What builds programs in C.
pub(crate) struct Toolchain<'a> {
    root: &'a Root,
    target: Target,
    linker: PathBuf,
}

impl<'a> Toolchain<'a> {
    /// Finds or installs all of it.
    pub(crate) fn set_up(root: &'a Root, done: &mut Done) -> Result<Self, Stop> {
        setup::need(root, &[COMPILER])?;
        let target = Target::set_up(root, TARGET)?;
        if !target.has_clippy() {
            done.left_out(format!("clippy on the library for C: it needs `rustup target add {TARGET}`"));
        }
        let linker = target::linker(root)?;
        Ok(Self { root, target, linker })
    }

    /// The Rust compiler's version, and where its libraries come from.
    pub(crate) fn version(&self) -> Result<String, Stop> {
        self.target.version(self.root)
    }

    /// Builds the library for the target, with these features and no others.
    pub(crate) fn library(&self, features: &str) -> Result<PathBuf, Stop> {
        let features = format!("--no-default-features --features panic-handler,{features}");
        if self.target.has_clippy() {
            let clippy = format!("clippy --quiet --package aof-c --lib --profile size {features}");
            let run = self.target.cargo(self.root, &clippy, Libraries::Core);
            run.args(["--", "-D", "warnings"]).check()?;
        }
        // By `cargo rustc`: of a library of several kinds cargo optimises none as a whole.
        let rustc =
            format!("rustc --quiet --package aof-c --lib --crate-type staticlib --profile size {features}");
        self.target.cargo(self.root, &rustc, Libraries::Core).check()?;
        Ok(self.target.profile_directory(self.root, "size").join("libaof_c.a"))
    }

    /// Compiles the sources, with these definitions, and links them with the library to `program`. What is
    /// linked but not called is left out.
    pub(crate) fn program(
        &self,
        sources: &[&str],
        definitions: &[&str],
        library: &Path,
        program: &Path,
    ) -> Result<(), Stop> {
        let directory = program.with_extension("objects");
        fs::create_dir_all(&directory)
            .map_err(|error| Stop::Failed(format!("{}: {error}", directory.display())))?;
        let mut objects = Vec::new();
        for source in sources {
            let object = directory.join(source).with_extension("o");
            let run = self.root.run("clang").args(CLANG).args(FLAGS);
            let run = run.args(definitions.iter().map(|definition| format!("-D{definition}")));
            let run = run.arg("-I").arg(self.root.path(INCLUDE));
            run.arg(self.root.path(SOURCES).join(source)).arg("-o").arg(&object).check()?;
            objects.push(object);
        }
        let script = self.root.path(SOURCES).join("board.ld");
        let run = self.lld().args(["--gc-sections", "--emit-relocs", "--script"]).arg(script);
        run.args(objects).arg(library).arg("-o").arg(program).check()
    }

    fn lld(&self) -> Run {
        let run = self.root.run(&self.linker);
        // The one that comes with Rust is several linkers in one.
        let is_rust = self.linker.file_name().is_some_and(|name| name == "rust-lld");
        if is_rust { run.args(["-flavor", "gnu"]) } else { run }
    }
}
