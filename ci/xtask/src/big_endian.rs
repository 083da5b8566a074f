//! The core's tests on a CPU that puts the high byte first: s390x, emulated.

use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};
use crate::target::{Libraries, Target};

const TARGET: &str = "s390x-unknown-linux-gnu";
const LINKER: &str = "s390x-linux-gnu-gcc";
/// Where Debian puts the target's C library.
const LIBRARIES: &str = "/usr/s390x-linux-gnu";

/// Power cuts on flash by the ten thousand, which take minutes there: some of them run, and all elsewhere.
const SKIPPED: [&str; 4] =
    ["--skip", "nor::cuts::every_cut_of_units", "--skip", "nor::cuts::lives_by_chance"];

/// Runs the core's unit and integration tests for s390x under `qemu-s390x`.
pub(crate) fn big_endian(root: &Root) -> Result<Done, Stop> {
    setup::need(
        root,
        &[
            Need::Program { name: "qemu-s390x", package: "qemu-user" },
            Need::Program { name: LINKER, package: "gcc-s390x-linux-gnu" },
            Need::File { path: LIBRARIES, package: "libc6-dev-s390x-cross" },
        ],
    )?;
    let target = Target::set_up(root, TARGET)?;
    println!("{TARGET}: {}", target.compiler());
    target
        .cargo(root, "test --package aof-nostd --lib --tests", Libraries::Std)
        .env(&target.variable("LINKER"), LINKER)
        .env(&target.variable("RUNNER"), format!("qemu-s390x -L {LIBRARIES}"))
        .arg("--")
        .args(SKIPPED)
        .check()?;
    Ok(Done::default())
}
