//! `cargo xtask ci [STEP...]`: every check of this repository by name; all of them without a step.
//! `cargo xtask dist`: the command as people install it; see [`dist`].
//!
//! Without a step, those for devices (`targets`, `figures`, `bigendian`, `qemu`) run beside the others.
//!
//! A step passes, fails, or could not run. What could not run is said loudly, and fails the whole run if
//! `AOF_CI_STRICT=1` is set. A part that cannot be set up everywhere (an old toolchain) may be left out of
//! a step that passes. Every run ends with one table of all its steps, and a line that counts them.
//!
//! What a step needs it sets up: through `ci/setup` where that can work (as root, with apt), otherwise it
//! tells what to install.
//!
//! | variable | meaning |
//! |---|---|
//! | `AOF_CI_STRICT=1` | a step that could not run is a failure |
//! | `AOF_CI_COMPILER` | `rustup` or `debian`: where the libraries of other targets come from; see [`target`] |
//! | `AOF_CI_SETUP=0` | install nothing, only tell what is missing |
//! | `AOF_CI_KILLS`, `AOF_CI_FAULTS`, `AOF_CI_SEED` | more real faults in the step `test`; see `tests/faults/environment.rs` |
//! | `AOF_CI_FIGURES=write` | record what the step `figures` measures, instead of comparing; see [`figures`] |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal, and its log")]

mod bare;
mod beside;
mod big_endian;
mod c;
mod dist;
mod figures;
mod fuzz;
mod host;
mod machine;
mod msrv;
mod outcome;
mod qemu;
mod results;
mod run;
mod setup;
mod target;

use crate::beside::Beside;
use crate::outcome::{Done, Outcome, Stop};
use crate::results::Ran;
use crate::run::Root;
use std::env;
use std::process::ExitCode;
use std::time::Instant;

/// A check by name.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Root) -> Result<Done, Stop>,
}

/// All checks, cheap ones first.
const STEPS: [Step; 12] = [
    Step { name: "fmt", what: "every file is formatted", run: host::fmt },
    Step { name: "msrv", what: "crates and dependencies keep to the stated Rust version", run: msrv::msrv },
    Step { name: "clippy", what: "no lint, with and without features", run: host::clippy },
    Step { name: "test", what: "all tests, those in the docs too", run: host::test },
    Step { name: "crash", what: "nothing acknowledged is lost in a million power cuts", run: host::crash },
    Step { name: "docs", what: "the documentation builds, no link is broken", run: host::docs },
    Step { name: "package", what: "the crates are fit to publish", run: host::package },
    Step { name: "fuzz", what: "the fuzz targets build, and find nothing in a short run", run: fuzz::fuzz },
    Step { name: "targets", what: "the core builds for bare targets", run: bare::targets },
    Step {
        name: "figures",
        what: "what the core costs on devices has not grown, and nothing in it panics",
        run: figures::figures,
    },
    Step {
        name: "bigendian",
        what: "the core's tests pass on a big-endian CPU",
        run: big_endian::big_endian,
    },
    Step { name: "qemu", what: "a microcontroller and the command agree on the same logs", run: qemu::qemu },
];

/// The other command.
const DIST: Step =
    Step { name: "dist", what: "the command as people install it, in target/dist", run: dist::dist };

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h" | "help")) {
        println!("{}", help());
        return ExitCode::SUCCESS;
    }
    let names = match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("ci", names)) => names,
        Some(("dist", [])) => &[],
        _ => return usage("there are two commands: ci and dist"),
    };
    let is_dist = arguments.first().is_some_and(|first| first == "dist");
    let unknown = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name));
    if let Some(name) = unknown {
        return usage(&format!("there is no step {name}"));
    }
    let root = match Root::find() {
        Ok(root) => root,
        Err(message) => {
            eprintln!("xtask: {message}");
            return ExitCode::FAILURE;
        }
    };
    let results = if is_dist { vec![carry_out(&DIST, &root, true)] } else { carry_out_all(&root, names) };
    if !beside::is_part() {
        print!("{}", results::table(&results));
    }
    if results::is_green(&results) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Steps that run beside the others, in the order that needs what the others build last.
const DEVICES: [&str; 4] = ["targets", "figures", "bigendian", "qemu"];

fn help() -> String {
    let steps = STEPS.iter().map(|step| format!("\n  {:<12} {}", step.name, step.what));
    format!(
        "Usage: cargo xtask ci [STEP...]\n       cargo xtask dist\n\nSteps of ci:{}\n\ndist: {}",
        steps.collect::<String>(),
        DIST.what
    )
}

fn usage(message: &str) -> ExitCode {
    eprintln!("xtask: {message}\n\n{}", help());
    ExitCode::from(2)
}

/// Carries out the steps of these names, or all of them; returns their results in the order of [`STEPS`].
fn carry_out_all(root: &Root, names: &[String]) -> Vec<Ran> {
    let strict = env::var_os("AOF_CI_STRICT").is_some_and(|value| value == "1");
    let beside = if names.is_empty() { Beside::start(root, &DEVICES) } else { None };
    let is_chosen = |step: &&Step| match &beside {
        Some(beside) => !beside.has(step.name),
        None => names.is_empty() || names.iter().any(|name| name == step.name),
    };
    let carry_out = |step| {
        let ran = carry_out(step, root, strict);
        beside::pass_on(&ran);
        ran
    };
    let mut results: Vec<_> = STEPS.iter().filter(is_chosen).map(carry_out).collect();
    results.extend(beside.map(Beside::end).unwrap_or_default());
    results
}

fn carry_out(step: &Step, root: &Root, strict: bool) -> Ran {
    println!("\n==== {}: {}", step.name, step.what);
    let start = Instant::now();
    let outcome = Outcome::of((step.run)(root), strict);
    let time = start.elapsed();
    println!("==== {}: {} after {} s", step.name, outcome.word(), time.as_secs());
    for line in outcome.lines() {
        println!("     {line}");
    }
    Ran { name: step.name, outcome, time }
}
