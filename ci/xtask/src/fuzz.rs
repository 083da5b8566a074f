//! Fuzzing, a little: every target builds, and runs its corpus and so many new inputs, the same each time.
//!
//! The stable compiler can count coverage, by flags that only `cargo fuzz` uses otherwise; the address
//! sanitizer needs a nightly one. So this runs everywhere, and an hour with the sanitizer is for developers:
//! `cargo +nightly fuzz run TARGET` in `tests`.

use crate::host;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup::{self, Need};
use std::path::PathBuf;

/// The targets' workspace, and its manifest.
pub(crate) const MANIFEST: &str = "tests/fuzz/Cargo.toml";

/// The targets, and how many inputs each runs, those of its corpus among them: a few seconds each.
const RUNS: [(&str, u32); 8] = [
    ("slice", 2_000),
    ("reader", 2_000),
    ("writer", 4_000),
    ("verify", 1_500),
    ("merge", 3_000),
    ("tail", 2_000),
    ("convert", 2_000),
    ("client", 10_000),
];

/// What makes a program count where it has been. `cfg(fuzzing)` is how the targets know.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Every target builds, and finds nothing in a fixed number of inputs.
pub(crate) fn fuzz(root: &Root) -> Result<Done, Stop> {
    let manifest: PathBuf = root.path(MANIFEST);
    // libFuzzer is C++.
    setup::need(root, &[Need::Program { name: "c++", package: "g++" }])?;
    host::linker(root)?;
    let target = root.target().join("fuzz");
    let triple = host::triple(root)?;
    // With a target named, what runs while building is built without the flags.
    // Less optimised than by `cargo fuzz`: what is run here takes seconds, and the compiler minutes.
    let run = root
        .cargo("build --release --config profile.release.opt-level=1 --bins --target")
        .arg(&triple)
        .arg("--manifest-path")
        .arg(manifest);
    run.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target).check()?;
    let corpora = host::tool(root, "examples/corpus")?;
    for (name, runs) in RUNS {
        let corpus = target.join("corpus").join(name);
        // Anew each time: what an earlier run found would change what this one tries.
        let _ = std::fs::remove_dir_all(&corpus);
        root.run(&corpora).args(["unpack", name]).arg(&corpus).check()?;
        let run = root.run(target.join(&triple).join("release").join(name));
        let run =
            run.args(["-seed=1", "-max_len=3000", "-timeout=60", "-verbosity=0", "-print_final_stats=1"]);
        let artifacts = format!("-artifact_prefix={}/{name}-", target.display());
        run.arg(format!("-runs={runs}")).arg(artifacts).arg(corpus).check()?;
    }
    Ok(Done::default())
}
