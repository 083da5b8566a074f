//! `aof man`: the manual, made from the definition of the command line.
//!
//! One page for the command and one for each of its commands: `aof.1`, `aof-verify.1` ... What a page says about
//! options is what `--help` says. The blocks behind the help (examples, exit codes) become sections; what holds
//! for every command stands on every page.

use crate::args::Args;
use crate::destination;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use aof_std::NewFile;
use clap::{Command, CommandFactory, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// When the command line was as the pages say, for their foot: changed with each release.
const DATE: &str = "2026-11-21";

/// Arguments of `aof man`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print a man page, or write all of them into a directory: aof.1, and one for each command.",
    after_help = "Examples:\n  aof man verify | man -l -\n  aof man --output /usr/local/share/man/man1"
)]
pub struct ManArgs {
    /// The command whose page is printed; the page of aof itself unless given
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub command: Option<String>,
    /// Write all pages into this directory; it is created if it is not there
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Usage`] for a command that there is not, [`Failure::Write`] or [`Failure::Stdout`].
pub fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let pages = pages();
    if let Some(directory) = &args.output {
        create(directory)?;
        for command in &pages {
            let path = directory.join(format!("{}.1", name(command)));
            let failed = |error| Failure::write(&path, error);
            let mut file = NewFile::create(&path).map_err(failed)?;
            file.write_all(&page(command, &pages)).map_err(failed)?;
            destination::commit(file, &path, true)?;
        }
        return Ok(Exit::Sound);
    }
    let wanted = args.command.as_deref().unwrap_or("aof");
    let Some(command) = pages.iter().find(|command| command.get_name() == wanted) else {
        let names: Vec<_> = pages.iter().map(Command::get_name).collect();
        return Err(Failure::Usage(format!(
            "there is no page of that command; there are: {}",
            names.join(", ")
        )));
    };
    let mut stdout = output::stdout();
    output::write(&mut stdout, &page(command, &pages))?;
    output::finish(stdout)?;
    Ok(Exit::Sound)
}

/// The directory for the pages, if it is not there.
fn create(directory: &Path) -> Result<(), Failure> {
    match fs::create_dir(directory) {
        Err(_) if directory.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::write(directory, io::ErrorKind::NotADirectory.into()))
        }
        result => result.map_err(|error| Failure::write(directory, error)),
    }
}

/// The command and its commands.
fn pages() -> Vec<Command> {
    let mut aof = Args::command().disable_help_subcommand(true);
    aof.build();
    let commands: Vec<_> = aof.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    std::iter::once(aof).chain(commands).collect()
}

/// `aof`, or `aof-verify`.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The page of one command.
fn page(command: &Command, pages: &[Command]) -> Vec<u8> {
    let mut page = Vec::new();
    // A Vec takes everything.
    let _ = render(command, pages, &mut page);
    without_needless_breaks(&page)
}

/// Drops `.br` beside an empty line, which breaks the line by itself: some formatters warn of it.
fn without_needless_breaks(page: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = page.split_inclusive(|byte| *byte == b'\n').collect();
    let is_empty = |at: Option<usize>| at.and_then(|at| lines.get(at)) == Some(&b"\n".as_slice());
    let is_needed = |at: usize, line: &[u8]| {
        line != b".br\n" || !(is_empty(at.checked_sub(1)) || is_empty(at.checked_add(1)))
    };
    let kept = lines.iter().enumerate().filter(|(at, line)| is_needed(*at, line));
    kept.flat_map(|(_, line)| line.iter().copied()).collect()
}

fn render(command: &Command, pages: &[Command], page: &mut Vec<u8>) -> io::Result<()> {
    // The blocks behind the help have sections of their own.
    let bare = command.clone().after_help("").after_long_help("");
    // What the short help leaves out is on the page, and the synopsis is the usage that the help prints.
    let bare = bare.mut_args(|arg| arg.hide_short_help(false));
    let usage = command.clone().render_usage().to_string();
    let bare = bare.override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
    let source = format!("aof {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(bare).title(name(command).to_uppercase()).source(source);
    let man = man.date(DATE).manual("User Commands");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, rest): (Vec<_>, Vec<_>) =
        help.split("\n\n").partition(|block| block.starts_with("Example"));
    let (_, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|block| block.starts_with("Exit codes"));
    let mut roff = Roff::new();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("EX", []);
        for line in examples.iter().flat_map(|block| block.lines().skip(1)) {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("EE", []);
    }
    for (at, block) in rest.iter().filter(|block| !block.is_empty()).enumerate() {
        roff.control(if at == 0 { "SH" } else { "PP" }, (at == 0).then_some("NOTES"));
        roff.text([roman(block.replace('\n', " "))]);
    }
    exit_status(command, &help, &mut roff);
    roff.control("SH", ["ENVIRONMENT"]);
    roff.control("TP", []);
    roff.text([bold("NO_COLOR")]);
    roff.text([roman("If it is set and not empty, nothing is printed in colour.")]);
    see_also(command, pages, &mut roff);
    roff.to_writer(page)?;
    page.flush()
}

/// What this command's codes mean, where it says so itself; else what they mean everywhere.
fn exit_status(command: &Command, help: &str, roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    let own = help.split("\n\n").find_map(|block| block.strip_prefix("Exit codes: "));
    if let Some(own) = own.filter(|_| !command.has_subcommands()) {
        roff.text([roman(own.replace('\n', " "))]);
        roff.control("PP", []);
        roff.text([roman("For every command:")]);
    }
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold(exit.code().to_string())]);
        roff.text([roman(exit.meaning())]);
    }
}

/// The other pages.
fn see_also(command: &Command, pages: &[Command], roff: &mut Roff) {
    roff.control("SH", ["SEE ALSO"]);
    let others: Vec<_> = pages.iter().map(name).filter(|other| *other != name(command)).collect();
    let mut line = Vec::new();
    for (at, other) in others.iter().enumerate() {
        line.extend([bold(other.as_str()), roman(if at + 1 == others.len() { "(1)" } else { "(1), " })]);
    }
    roff.text(line);
}
