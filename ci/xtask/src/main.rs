//! `cargo xtask ci [STEP...]`: every check of this repository by name; all of them without a step.
//!
//! Without a step, those for devices (`targets`, `figures`, `bigendian`, `qemu`) run beside the others.
//!
//! A step passes, fails, or could not run. What could not run is said loudly, and fails the whole run if
//! `AOF_CI_STRICT=1` is set. A part that cannot be set up everywhere (an old toolchain) may be left out of
//! a step that passes; the table at the end says so.
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
mod big_endian;
mod c;
mod figures;
mod fuzz;
mod host;
mod machine;
mod msrv;
mod outcome;
mod qemu;
mod run;
mod setup;
mod target;

use crate::outcome::{Done, Outcome, Stop};
use crate::run::Root;
use std::env;
use std::fs::{self, File};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h" | "help")) {
        println!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(("ci", names)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) else {
        return usage("there is one command: ci");
    };
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
    // Half of all is waiting for one process: the steps for devices run beside the others.
    let beside = if names.is_empty() { Beside::start(&root, &DEVICES) } else { None };
    let strict = env::var_os("AOF_CI_STRICT").is_some_and(|value| value == "1");
    let is_chosen = |step: &&Step| match (names.is_empty(), &beside) {
        (true, Some(beside)) => !beside.names.contains(&step.name),
        (true, None) => true,
        (false, _) => names.contains(&step.name.to_owned()),
    };
    let results: Vec<_> = STEPS.iter().filter(is_chosen).map(|step| carry_out(step, &root, strict)).collect();
    let others = beside.map_or(ExitCode::SUCCESS, Beside::end);
    let own = table(&results);
    if others == ExitCode::SUCCESS { own } else { others }
}

/// Steps that run beside the others, in the order that needs what the others build last.
const DEVICES: [&str; 4] = ["targets", "figures", "bigendian", "qemu"];

/// This program once more, with some of the steps; its output is kept until the others are done.
struct Beside {
    names: &'static [&'static str],
    child: Child,
    log: PathBuf,
}

impl Beside {
    /// Nothing where there is one core, or it cannot be started: then they run in turn.
    fn start(root: &Root, names: &'static [&'static str]) -> Option<Self> {
        if thread::available_parallelism().map_or(1, NonZero::get) < 2 {
            return None;
        }
        let log = root.target().join("ci-devices.log");
        let _ = fs::create_dir_all(root.target());
        let output = File::create(&log).ok()?;
        let mut command = Command::new(env::current_exe().ok()?);
        command.arg("ci").args(names).stdin(Stdio::null()).stderr(output.try_clone().ok()?).stdout(output);
        let child = command.spawn().ok()?;
        println!(
            "beside these: {}; their output comes at the end, and stands in {}",
            names.join(", "),
            log.display()
        );
        Some(Self { names, child, log })
    }

    fn end(mut self) -> ExitCode {
        println!("\n==== beside these: waiting for {}", self.names.join(", "));
        let ended = self.child.wait();
        print!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        match ended {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            _ => {
                println!("==== one of the steps {} failed: see above", self.names.join(", "));
                ExitCode::FAILURE
            }
        }
    }
}

fn help() -> String {
    let steps = STEPS.iter().map(|step| format!("\n  {:<12} {}", step.name, step.what));
    format!("Usage: cargo xtask ci [STEP...]\n{}", steps.collect::<String>())
}

fn usage(message: &str) -> ExitCode {
    eprintln!("xtask: {message}\n\n{}", help());
    ExitCode::from(2)
}

/// What became of a step.
struct Ran {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
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

/// Prints all results; the last line counts them.
fn table(results: &[Ran]) -> ExitCode {
    println!("\n{:<12} {:<8} {:>6}", "step", "result", "time");
    for ran in results {
        println!("{:<12} {:<8} {:>4} s", ran.name, ran.outcome.word(), ran.time.as_secs());
        for line in ran.outcome.lines() {
            println!("{:<12} {line}", "");
        }
    }
    let count = |word| results.iter().filter(|ran| ran.outcome.word() == word).count();
    let (passed, failed, skipped) = (count("passed"), count("FAILED"), count("NOT RUN"));
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
