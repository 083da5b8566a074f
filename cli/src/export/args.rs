//! The arguments of `aof export`.

use crate::args::Limits;
use crate::time;
use aof_nostd::wire::Operation;
use clap::{ValueEnum, ValueHint};
use std::path::PathBuf;

/// Arguments of `aof export`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the accounts and transfers that logs hold, one row an event, in the format of another \
                  program; or the headers of all entries, by --what entries.\n\nEach op is exported once, however \
                  often a file goes back. Several logs are merged, as 'aof merge' does, and on behind a gap. What is \
                  damaged is told and left out (exit code 1). Ops that are missing without damage, as after a state \
                  sync, are told (exit code 0): the log is sound. A file appears whole or not at all. The columns and their types are \
                  described in docs/export.md.",
    after_help = "Examples:\n  aof export --format parquet --output transfers.parquet --operation create_transfers \
                  replica.aof\n  aof export --format jsonl --output - --account 42 r0.aof r1.aof | jq .amount\n  \
                  aof export --what entries --format csv --output entries.csv device.aof\n\nExit codes: \
                  0 done, ops may be missing by a gap, which is told; 1 damage or a fork took rows; 2 wrong usage, or \
                  an input cannot be read."
)]
pub struct ExportArgs {
    /// The logs, or folders of logs, in any order
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The file to write; - for standard output; with --rows-per-file a directory
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub output: PathBuf,
    /// The format; 'entries' is short for --what entries --format jsonl
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: FormatArg,
    /// What the rows are
    #[arg(long, value_enum, value_name = "WHAT")]
    pub what: Option<What>,
    /// Begin with this op
    #[arg(long, value_name = "OP")]
    pub from_op: Option<u64>,
    /// Stop behind this op
    #[arg(long, value_name = "OP")]
    pub until_op: Option<u64>,
    /// Leave out entries before this time: 2026-11-21, "2026-11-21 14:03:00.5" (UTC), RFC 3339, @SECONDS or
    /// nanoseconds
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub from: Option<u64>,
    /// Leave out entries after this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub until: Option<u64>,
    /// Only these operations: names, or numbers. create_accounts and create_transfers mean their older
    /// forms too
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_operation)]
    pub operation: Vec<Operations>,
    /// Only events of these ledgers
    #[arg(long, value_name = "LEDGER", value_delimiter = ',')]
    pub ledger: Vec<u32>,
    /// Only these accounts, and transfers from or to them: decimal, or 0x and hexadecimal
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = parse_id)]
    pub account: Vec<u128>,
    /// Write a directory of files named by their ops, with about so many rows each
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub rows_per_file: Option<u64>,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// A format, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// JSON, one object a line
    Jsonl,
    /// Comma-separated values, names in the first line
    Csv,
    /// Apache Parquet
    Parquet,
    /// Headers as JSON lines
    Entries,
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, one object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Accounts and transfers
    Events,
    /// The headers of entries
    Entries,
}

/// The operations that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations(pub Vec<Operation>);

impl ExportArgs {
    /// The format and what the rows are; `None` where both were told and do not go together.
    #[must_use]
    pub fn format(&self) -> Option<(Format, What)> {
        let format = match self.format {
            FormatArg::Jsonl => Format::Jsonl,
            FormatArg::Csv => Format::Csv,
            FormatArg::Parquet => Format::Parquet,
            FormatArg::Entries if self.what == Some(What::Events) => return None,
            FormatArg::Entries => return Some((Format::Jsonl, What::Entries)),
        };
        Some((format, self.what.unwrap_or(What::Events)))
    }
}

impl Format {
    /// How the names of files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

fn parse_operation(text: &str) -> Result<Operations, String> {
    if let Ok(number) = text.parse::<u8>() {
        return Ok(Operations(vec![Operation(number)]));
    }
    let stem = matches!(text, "create_accounts" | "create_transfers");
    let is_meant = |name: &str| name == text || stem && name.starts_with(text);
    let all = (0..=u8::MAX).map(Operation);
    let found: Vec<_> = all.filter(|operation| operation.name().is_some_and(is_meant)).collect();
    if found.is_empty() {
        return Err("no operation: a name such as create_transfers, or a number from 0 to 255".into());
    }
    Ok(Operations(found))
}

fn parse_id(text: &str) -> Result<u128, String> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u128::from_str_radix(hex, 16),
        None => text.parse(),
    };
    number.map_err(|_| "an id is a whole number below 2^128: decimal, or 0x and hexadecimal".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_operations_that_create_mean_all_forms_and_others_one() {
        let numbers = |text: &str| -> Vec<u8> {
            parse_operation(text).unwrap().0.iter().map(|operation| operation.0).collect()
        };
        assert_eq!(numbers("create_accounts"), [129, 138, 146]);
        assert_eq!(numbers("create_transfers"), [130, 139, 147]);
        assert_eq!(numbers("create_transfers_sparse"), [139]);
        assert_eq!(numbers("pulse"), [4]);
        assert_eq!(numbers("147"), [147]);
        for text in ["", "create", "256", "-1"] {
            assert!(parse_operation(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_decimal_or_hexadecimal() {
        assert_eq!(parse_id("340282366920938463463374607431768211455"), Ok(u128::MAX));
        assert_eq!(parse_id("0xff"), Ok(255));
        for text in ["", "0x", "-1", "ff", "340282366920938463463374607431768211456"] {
            assert!(parse_id(text).is_err(), "{text}");
        }
    }
}
