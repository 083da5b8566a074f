//! The arguments of `aof inspect`.

use crate::args::Limits;
use clap::{ValueEnum, ValueHint};
use std::path::PathBuf;

/// Arguments of `aof inspect`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what logs hold: entries, ops, times, views, releases, clients, operations, sizes, rate, \
                  damage. With several logs of a cluster also which holds which ops, what they lack together, and \
                  who could fill it.\n\nA report: it ends with 0 if every log is sound, and with 1 if one is \
                  damaged or forked, as 'aof verify' does, or if they contradict each other. Ops that are missing \
                  are no fault. It ends with 2 if a log cannot be read, and the verdict tells of it.",
    after_help = "Examples:\n  aof inspect r0.aof r1.aof r2.aof\n  aof inspect --html report.html *.aof\n  \
                  aof inspect --json *.aof | jq '.union.missing_ops'\n\nEnvironment:\n  COLUMNS   how wide the report is, \
                  from 40 to 160 characters; else as the terminal, or 80\n  NO_COLOR  no colour, unless --color \
                  always\n  LC_ALL, LC_CTYPE, LANG: blocks in charts where one tells UTF-8, else ASCII"
)]
pub struct InspectArgs {
    /// The logs, or folders of logs
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Write a page for a browser too: one file, which needs no network
    #[arg(long, value_name = "REPORT", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Replace a page that exists
    #[arg(long, requires = "html")]
    pub force: bool,
    /// When to colour; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Wherever the output goes
    Always,
    /// Not at all
    Never,
}
