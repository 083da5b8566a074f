//! `aof inspect`: what logs hold, at a glance.
//!
//! ```text
//! file --scan--> survey (what verify tells) + stats (counted on the way) --+
//! file --scan--> survey + stats ------------------------------------------+--> together --> verdict
//!                                                                                  |
//!                                                            terminal, --json, --html
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`args`] | the command line |
//! | [`stats`], [`rate`] | what the workers of a scan count, in bounded memory |
//! | [`contradictions`] | counted in a forked log, by reading it once more |
//! | [`ranges`], [`together`] | which ops each log holds, what they lack, and where they part |
//! | [`merged`] | damaged logs, without what is content of their bodies |
//! | [`report`], [`verdict`] | all of it, and what it means |
//! | [`terminal`], [`chart`] | for a person at a terminal |
//! | [`json`] | for programs |
//! | [`html`] | a page for a browser |

pub mod args;
pub mod chart;
pub mod contradictions;
pub mod html;
pub mod json;
pub mod merged;
pub mod ranges;
pub mod rate;
pub mod report;
pub mod stats;
pub mod terminal;
pub mod together;
pub mod verdict;

use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, Needed};
use crate::output;
use aof_std::NewFile;
use args::InspectArgs;
use report::Report;
use std::io::Write as _;
use std::path::Path;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. A page is written whole or not at all.
pub fn run(args: &InspectArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    if let Some(html) = &args.html {
        destination::check(html, &args.files, args.force)?;
    }
    let report = Report::read(&args.files, args.limits.message_size_max)?;
    if let Some(html) = &args.html {
        write_page(html, &report, args.force)?;
    }
    let text = if args.json {
        json::line(&report, args.html.as_deref())
    } else {
        terminal::text(&report, args.html.as_deref(), &terminal::Screen::of(args.color))
    };
    let printed = output::print(&mut output::stdout(), &text);
    match &args.html {
        Some(html) => output::unreported(printed, html)?,
        None => printed?,
    }
    Ok(report.exit())
}

fn write_page(path: &Path, report: &Report, replace: bool) -> Result<(), Failure> {
    let page = html::page(report);
    let failed = |error| Failure::write(path, error).needing(Needed::Bytes(page.len() as u64));
    let mut file = NewFile::create(path).map_err(failed)?;
    file.write_all(page.as_bytes()).map_err(failed)?;
    destination::commit(file, path, replace)
}
