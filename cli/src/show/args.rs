//! The arguments of `aof show`.

use crate::args::{Limits, parse_checksum};
use crate::time;
use aof_nostd::Checksum;
use clap::ValueHint;
use std::path::PathBuf;

/// Arguments of `aof show`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show one entry whole: its header by field, its neighbours in the chain, other copies of it in the \
                  file, and its body: accounts and transfers by field, anything else as bytes.\n\nWhere several \
                  entries have one op, all are shown.",
    after_help = "Examples:\n  aof show replica.aof --op 804\n  aof show replica.aof --at '2026-11-21 14:03'\n  \
                  aof show --json replica.aof --op 804 | jq '.body.events[].amount'"
)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct ShowArgs {
    /// The log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The entries with this op
    #[arg(long, value_name = "N", group = "which")]
    pub op: Option<u64>,
    /// The entry with this checksum, 32 hexadecimal digits
    #[arg(long, value_name = "C", value_parser = parse_checksum, group = "which")]
    pub checksum: Option<Checksum>,
    /// The entry that this byte of the file belongs to
    #[arg(long, value_name = "BYTE", group = "which")]
    pub offset: Option<u64>,
    /// The last entry up to this time: 2026-11-21, "2026-11-21 14:03:00.5" (UTC), RFC 3339, @SECONDS or nanoseconds
    #[arg(long, value_name = "TIME", value_parser = time::parse, group = "which")]
    pub at: Option<u64>,
    /// The whole body, however long it is
    #[arg(long)]
    pub all: bool,
    /// One JSON object an entry, with the whole body
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}
