//! The program `crash`: simulated power cuts by the million. See the library [`aof_crash`].
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use aof_crash::device::exhaustive::Depth;
use aof_crash::options::Options;
use aof_crash::report::Failure;
use aof_crash::{device, files, run};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Simulates power cuts and checks that nothing acknowledged is lost.
///
/// Exit codes: 0 all promises kept (with --mutant: the broken version was caught), 1 not, 2 wrong usage.
#[derive(Parser)]
#[command(name = "crash", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The core on a simulated device: blocks or bytes
    Device(Options<device::mutant::Mutant>),
    /// Log files on a simulated file system
    Files(Options<files::mutant::Mutant>),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tell_the_case_of_a_panic();
    let print = &mut |text: &str| print!("{text}");
    let result = match arguments.command {
        Command::Device(options) => options.run(
            "device",
            |cases, workload, mutant| device::outcome(cases, workload, Depth::WHOLE, mutant),
            print,
        ),
        Command::Files(options) => options.run("files", files::outcome, print),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { case, what, .. }) => {
            eprintln!("crash: case {case} failed: {what}");
            ExitCode::FAILURE
        }
    }
}

/// A panic is a failure too, and what it prints has to tell how to see it again.
fn tell_the_case_of_a_panic() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let Some(case) = run::current_case() {
            eprintln!(
                "crash: a panic in case {case}: to repeat: the same command with --seed {case} --cases 1"
            );
        }
        hook(info);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }
}
