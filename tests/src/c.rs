//! C programs with the library `aof-c`: compiled as strictly as C goes, and run with sanitizers.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What no C source of this repository may cause.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];

/// What finds undefined behaviour while a program runs.
const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// The system's libraries that Rust's standard library asks for.
const SYSTEM: [&str; 4] = ["-lgcc_s", "-lpthread", "-ldl", "-lm"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources of the C firmware.
#[must_use]
pub fn firmware() -> PathBuf {
    repository().join("ci/firmware/c")
}

/// Compiles sources by `compiler`, with the header at hand.
#[track_caller]
pub fn compile(compiler: &str, standard: &str, sources: &[&Path], output: &Path, more: &[&str]) {
    let mut command = Command::new(compiler);
    command.arg(format!("-std={standard}")).args(STRICT).arg("-I");
    command.arg(repository().join("aof-nostd/c/include"));
    command.args(sources).arg("-o").arg(output).args(more);
    check(&mut command);
}

/// A C program over the library, with sanitizers and `more` arguments, in `directory`. The library is built
/// below `target`.
#[must_use]
#[track_caller]
pub fn program(target: &Path, sources: &[&Path], directory: &Path, more: &[&str]) -> PathBuf {
    let program = directory.join("program");
    let library = library(target);
    let posix = ["-D_POSIX_C_SOURCE=200809L"];
    let more = SANITIZERS.iter().chain(&posix).chain(more).copied();
    let more: Vec<&str> = more.chain(library.to_str()).chain(SYSTEM).collect();
    compile("cc", "c99", sources, &program, &more);
    program
}

/// Builds the library for C.
#[track_caller]
fn library(target: &Path) -> PathBuf {
    let target = target.join("aof-c");
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.current_dir(repository()).args(["rustc", "--quiet", "--package", "aof-c", "--lib"]);
    check(command.args(["--crate-type", "staticlib", "--target-dir"]).arg(&target));
    target.join("debug/libaof_c.a")
}

/// Runs a program to its end.
#[must_use]
#[track_caller]
pub fn run<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// All that it printed.
#[must_use]
pub fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[track_caller]
fn check(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}: is it installed?"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output));
}
