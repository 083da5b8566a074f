//! What hostile files cost, beside a sound file of the same size: a table of seconds of CPU.
//!
//! ```text
//! cargo run --release -p aof-hostile --example hostile -- 1 2 4 > /dev/null
//! ```
//!
//! The numbers are sizes in MiB; after them may stand a part of a kind's name. The table goes to standard
//! error, since what `debug` prints goes to standard output. `open` is what a replica does at its start.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a tool for developers")]

use aof_cli::args::{DebugArgs, Limits};
use aof_cli::merge::index::Index;
use aof_cli::merge::notes::notes;
use aof_cli::merge::plan::{Plan, Root};
use aof_cli::merge::work::Work;
use aof_cli::survey::Survey;
use aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT as LIMIT;
use aof_nostd::{AnyProfile, Profile};
use aof_std::{OpenError, OpenOptions};
use aof_tests::dear::KINDS;
use std::path::Path;

/// A command, and how it reads a file.
type Command = (&'static str, fn(&Path));

/// The commands, and how each reads a file.
const COMMANDS: [Command; 4] = [("verify", verify), ("debug", debug), ("merge", merge), ("open", open)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 2, 4];
    }
    let wanted = arguments.iter().find(|text| text.parse::<usize>().is_err());
    let directory = tempfile::tempdir().unwrap();
    eprintln!(
        "{:<22} {:>4}  seconds of CPU, and how many times those of a sound file of that size",
        "kind", "MiB"
    );
    eprint!("{:<22} {:>4}", "", "");
    for (name, _) in COMMANDS {
        eprint!(" {name:>9}        ");
    }
    eprintln!();
    for profile in AnyProfile::all(aof_std::backend()) {
        eprintln!("{}", profile.name());
        measure(profile, &sizes, wanted.map(String::as_str), directory.path());
    }
}

/// The kinds in one profile.
fn measure(profile: AnyProfile, sizes: &[usize], wanted: Option<&str>, directory: &Path) {
    let mut sound = vec![[0.0; COMMANDS.len()]; sizes.len()];
    for (number, (name, make)) in KINDS.into_iter().enumerate() {
        if number > 0 && wanted.is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        for (size, sound) in sizes.iter().zip(&mut sound) {
            let path = directory.join("log");
            std::fs::write(&path, make(profile, size << 20, LIMIT)).unwrap();
            // In one piece: what a command reports goes to standard error too.
            let mut row = format!("{name:<22} {size:>4}");
            for ((_, run), sound) in COMMANDS.iter().zip(sound.iter_mut()) {
                let seconds = time(*run, &path);
                if number == 0 {
                    *sound = seconds;
                }
                row += &format!(" {seconds:>9.4} {:>6.1}x", seconds / *sound);
            }
            eprintln!("{row}");
        }
    }
}

/// The best of up to five times, while they are short.
fn time(run: fn(&Path), path: &Path) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = cpu_seconds();
        run(path);
        best = best.min(cpu_seconds() - start);
        if best > 0.2 {
            break;
        }
    }
    best
}

/// What this process has had of all cores: other processes take none of it away.
#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64()
}

fn verify(path: &Path) {
    Survey::of(path, LIMIT).unwrap();
}

fn debug(path: &Path) {
    let limits = Limits { message_size_max: LIMIT };
    aof_cli::debug::run(&DebugArgs { file: path.to_path_buf(), all: true, json: false, limits }).unwrap();
}

fn merge(path: &Path) {
    let paths = [path.to_path_buf(), path.to_path_buf()];
    let index = Index::read(&paths, LIMIT, &Work::temporary()).unwrap();
    let plan = Plan::of(&index, Root::LowestOp).unwrap();
    std::hint::black_box(notes(&index, &plan, Root::LowestOp).unwrap());
}

fn open(path: &Path) {
    match OpenOptions::new().open(path) {
        Ok(_) | Err(OpenError::NotALog | OpenError::NotTorn { .. }) => {}
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
