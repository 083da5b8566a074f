//! The command `aof`: verify, debug, merge, repair, convert and replay append-only files.
//!
//! | module | what it is |
//! |---|---|
//! | [`args`] | the command line: help and completions come from it |
//! | [`exit`] | exit codes |
//! | [`failure`] | why a command could not do its work: what, where, what to do |
//! | [`verify`], [`stitch`], [`debug`], [`mod@follow`], [`show`], [`merge`], [`mod@repair`], [`mod@convert`], [`recover`] | the commands, one module each |
//! | [`mod@inspect`] | the command that shows logs: to a person, a program, a browser |
//! | [`export`] | the command that gives what logs hold to other programs |
//! | [`generate`] | the command that makes logs, and the function that does so in memory |
//! | [`man`] | man pages, from the command line's definition |
//! | [`survey`] | one file's facts and findings |
//! | [`fingerprint`] | whether two entries with one checksum are the same, to the byte |
//! | [`data_checksum`] | the reference's digest of what a replay sends |
//! | [`replay`] | entries sent again: client, sinks, progress |
//! | [`destination`] | an output that appears whole or not at all |
//! | [`human`] | sizes, times and counts for people |
//! | [`size`], [`time`] | sizes and times as people type them |
//! | [`inputs`] | the logs that a command line names |
//! | [`limit`] | entries above the size limit |
//! | [`looks_like`] | what a file is that is not a log |
//! | [`output`] | standard output, progress, signals |
//! | [`process`] | limits of the process |
//! | [`reading`] | logs that are read, and sectors of them that cannot be |

pub mod args;
pub mod convert;
pub mod data_checksum;
pub mod debug;
pub mod destination;
pub mod exit;
pub mod export;
pub mod failure;
pub mod fingerprint;
pub mod follow;
pub mod generate;
pub mod human;
pub mod inputs;
pub mod inspect;
pub mod limit;
pub mod line;
pub mod looks_like;
pub mod man;
pub mod merge;
pub mod output;
pub mod process;
pub mod reading;
pub mod recover;
pub mod repair;
pub mod replay;
pub mod shell;
pub mod show;
pub mod size;
pub mod stitch;
pub mod survey;
pub mod time;
pub mod verify;

use crate::args::{Args, Command};
use crate::exit::Exit;
use crate::failure::{Failure, shown};
use clap::{CommandFactory, Parser};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Parses the command line and runs it; all errors end here.
#[must_use]
pub fn run() -> ExitCode {
    process::prepare();
    let result = parse().command.with_inputs().and_then(|command| {
        let logs = command.logs();
        let result = run_command(command);
        // After the command: what it reads it has opened once, and the log may have been moved since.
        looks_like::tell_archives(logs.iter().map(PathBuf::as_path));
        result
    });
    let exit = result.unwrap_or_else(|failure| output::report(&failure));
    reading::tell();
    for directory in aof_std::sync::unsynced_directories() {
        output::note(&format!(
            "the file system cannot sync the directory {}: whether names in it outlive a power cut is up to it",
            shown(&directory)
        ));
    }
    exit.into()
}

fn run_command(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Verify(args) => verify::run(&args),
        Command::Stitch(args) => stitch::run(&args),
        Command::Debug(args) => debug::run(&args),
        Command::Follow(args) => follow::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Completions { shell } => completions(shell),
        Command::Man(args) => man::run(&args),
    }
}

impl Command {
    /// The same with the logs of folders instead of folders.
    fn with_inputs(mut self) -> Result<Self, Failure> {
        let (files, output) = match &mut self {
            Self::Verify(args) => (&mut args.files, None),
            Self::Inspect(args) => (&mut args.files, args.html.as_deref()),
            Self::Export(args) => (&mut args.files, Some(args.output.as_path())),
            Self::Merge(args) => (&mut args.files, Some(args.output.as_path())),
            Self::Recover(args) => (&mut args.files, None),
            _ => return Ok(self),
        };
        *files = inputs::expand(files, output)?;
        Ok(self)
    }

    /// The logs that it reads.
    fn logs(&self) -> Vec<PathBuf> {
        match self {
            Self::Verify(args) => args.files.clone(),
            Self::Inspect(args) => args.files.clone(),
            Self::Export(args) => args.files.clone(),
            Self::Merge(args) => args.files.clone(),
            Self::Recover(args) => args.files.clone(),
            Self::Debug(args) => vec![args.file.clone()],
            Self::Show(args) => vec![args.file.clone()],
            Self::Repair(args) => vec![args.file.clone()],
            Self::Convert(args) => vec![args.file.clone()],
            _ => Vec::new(),
        }
    }
}

/// Parses the command line. What a terminal obeys in it is shown escaped in the parser's own errors.
fn parse() -> Args {
    Args::try_parse().unwrap_or_else(|error| {
        let escaped = std::env::args_os().map(|arg| shown(Path::new(&arg)).to_string());
        Args::try_parse_from(escaped).err().unwrap_or(error).exit()
    })
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "aof", &mut script);
    let mut stdout = output::stdout();
    output::write(&mut stdout, &script)?;
    output::finish(stdout)?;
    Ok(Exit::Sound)
}
