//! The command line. Help and completions are made from these definitions, so they cannot disagree.

use crate::export::args::ExportArgs;
use crate::follow::args::FollowArgs;
use crate::generate::args::GenerateArgs;
use crate::inspect::args::InspectArgs;
use crate::man::ManArgs;
use crate::replay::addresses::Addresses;
use crate::replay::admission::Pulses;
use crate::show::args::ShowArgs;
use crate::verify::range::FileRange;
use crate::{size, time};
use aof_nostd::Checksum;
use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Inspect, verify, merge, repair and replay append-only files (AOF) of TigerBeetle replicas and of devices.
#[derive(Debug, Parser)]
#[command(
    name = "aof",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 sound, or done; 1 it ran, and found damage or could not do all that was asked; \
                  2 wrong usage, or an input cannot be read; 130 stopped by a signal."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The sub-commands. What each is about stands in an attribute: a comment here would hide the long text that its
/// arguments have.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "the attributes tell")]
pub enum Command {
    #[command(about = "Check every byte of logs, going on behind damage")]
    Verify(VerifyArgs),
    #[command(about = "Put together the verdicts over the ranges of a log")]
    Stitch(StitchArgs),
    #[command(about = "Show what logs hold, alone and together")]
    Inspect(InspectArgs),
    #[command(about = "Print entries, one a line, and the data checksum")]
    Debug(DebugArgs),
    #[command(about = "Print entries as they are written")]
    Follow(FollowArgs),
    #[command(about = "Show one entry whole: header, neighbours, copies, body")]
    Show(ShowArgs),
    #[command(about = "Export events or entries as JSON lines, CSV or Parquet")]
    Export(ExportArgs),
    #[command(about = "Merge the logs of a cluster's replicas into one unbroken chain")]
    Merge(MergeArgs),
    #[command(about = "Cut a torn tail, after keeping its bytes beside the log")]
    Repair(RepairArgs),
    #[command(about = "Seal a log anew in the other profile")]
    Convert(ConvertArgs),
    #[command(about = "Replay logs into a cluster")]
    Recover(RecoverArgs),
    #[command(about = "Make logs to test and to measure with")]
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  aof completions bash > /etc/bash_completion.d/aof")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    #[command(about = "Print a man page, or write all of them")]
    Man(ManArgs),
}

/// Arguments of `aof verify`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check every byte of logs, going on behind damage.\n\nA file is sound if every byte belongs to a \
                  valid entry and there is no fork. Replicas go back in their logs after a restart (a backtrack) and \
                  jump ahead after a state sync (a gap): these are told, and fail only under --strict.",
    after_help = "Examples:\n  aof verify r0.aof r1.aof r2.aof\n  aof verify --json *.aof | jq 'select(.sound | not)'\n  \
                  aof verify --range 1/8 --part 1.part replica.aof"
)]
pub struct VerifyArgs {
    /// The logs, or folders of logs
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// One JSON object a file, one a line
    #[arg(long)]
    pub json: bool,
    /// Let backtracks and gaps fail too
    #[arg(long)]
    pub strict: bool,
    /// Only what starts in these bytes of one file: FROM..UNTIL, in bytes or with KiB, MiB, GiB; or K/N, the Kth
    /// of N equal pieces
    #[arg(long, value_name = "RANGE")]
    pub range: Option<FileRange>,
    /// Begin at the range's first byte: an entry ends, or damage, where it begins
    #[arg(long, requires = "range")]
    pub at_boundary: bool,
    /// Write what the range holds into this file, for aof stitch
    #[arg(long, value_name = "OUT", value_hint = ValueHint::FilePath, requires = "range")]
    pub part: Option<PathBuf>,
    /// Replace a part that exists
    #[arg(long, requires = "part")]
    pub force: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// Arguments of `aof stitch`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Put together what 'aof verify --range RANGE --part OUT FILE' wrote, in any order: the verdict over the \
                  whole file, the same as that of 'aof verify FILE'. The ranges may be read by several machines, which \
                  see the same file.\n\nParts of several files, the rotated pieces of one log, give the verdict over all \
                  of them behind each other, in the order of the first part of each.",
    after_help = "Examples:\n  aof verify --range 1/2 --part 1.part replica.aof\n  aof verify --range 2/2 --part 2.part \
                  replica.aof\n  aof stitch 1.part 2.part"
)]
pub struct StitchArgs {
    /// The parts
    #[arg(required = true, value_name = "PART", value_hint = ValueHint::FilePath)]
    pub parts: Vec<PathBuf>,
    /// One JSON object, as of aof verify
    #[arg(long)]
    pub json: bool,
    /// Let backtracks and gaps fail too
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `aof debug`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print entries, one a line, with all fields of their headers, and the data checksum.\n\nBy default \
                  the entries that a replay sends (operations 128, 129, 130, 138, 139, 146, 147), as the reference \
                  tool does. Damage and breaks of the chain are told in their place.",
    after_help = "Examples:\n  aof debug replica.aof | tail -1\n  aof debug --all --json replica.aof | jq 'select(.op == 804)'"
)]
pub struct DebugArgs {
    /// The log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Print every entry, not only those that a replay sends
    #[arg(long)]
    pub all: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// Arguments of `aof merge`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Merge the logs of a cluster's replicas into one file that is one unbroken chain: every valid entry \
                  that any input holds and the chain reaches, once, in order.\n\nInputs may be damaged, go back, and \
                  have gaps, as long as another input fills them; their order does not matter. If the chain cannot \
                  be whole, nothing is written, and the report says which ops are missing or forked, where, and what \
                  would help. The output appears whole or not at all, after it was read back and verified.",
    after_help = "Examples:\n  aof merge --output whole.aof r0.aof r1.aof r2.aof\n  aof merge --partial --output start.aof r2.aof"
)]
pub struct MergeArgs {
    /// The logs, or folders of logs, in any order
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The file to write
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Begin with the child of this checksum, not with the lowest op
    #[arg(long, value_name = "CHECKSUM", value_parser = parse_checksum)]
    pub root: Option<Checksum>,
    /// Write the chain up to the first gap or fork
    #[arg(long)]
    pub partial: bool,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// Arguments of `aof repair`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make a log writable again after a crash: what stands behind its last whole entry, and can be what a \
                  crash left, is put into FILE.torn-at-OFFSET, durably, and then cut off.\n\nNothing else is changed. \
                  Damage with entries behind it stays and is told: what stood there is in another replica's log, and \
                  'aof merge' brings it back. A fork stays and is reported too: a repair does not choose. The log must not be open in another process.",
    after_help = "Examples:\n  aof repair --dry-run replica.aof\n  aof repair replica.aof\n\nExit codes: 0 repaired, or \
                  nothing to repair; 1 damage, a fork, or a tail, is left; 2 wrong usage, not a log, a live writer, or a file \
                  that cannot be read."
)]
pub struct RepairArgs {
    /// The log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Tell what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// FILE is no image of a device: cut the zeros that end it, however many
    #[arg(long)]
    pub cut_zeros: bool,
    /// The log's entries hold logs: whole entries in the body of a torn last one are cut with it
    #[arg(long)]
    pub cut_entries: bool,
    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// Arguments of `aof convert`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Seal every entry of a log anew in the other profile: the same entries in the same order with the same \
                  fields, other magics and checksums, and each parent the new checksum of the same entry.\n\nThe log \
                  must be sound and without gaps; it may go back. What the checksums cannot follow is left as it is: \
                  request_checksum, checkpoint_id, and the parent of the first entry. The output appears whole or not \
                  at all, after it was read back and compared.",
    after_help = "Examples:\n  aof convert --profile tigerbeetle device.aof --output desktop.aof\n  aof convert --profile \
                  crc --output small.aof whole.aof"
)]
pub struct ConvertArgs {
    /// The log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The profile of the output
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub profile: ProfileName,
    /// The file to write
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Convert a log that begins later than op 1: the parent of its first entry stays as it is
    #[arg(long)]
    pub keep_first_parent: bool,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// A profile, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// AEGIS-128L, as replicas write
    #[value(alias = "aegis128l")]
    Tigerbeetle,
    /// CRC-64/XZ, as devices without AES instructions write
    Crc,
}

/// Arguments of `aof recover`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Replay logs into a new cluster: every operation that changed state, with its original timestamp, \
                  one after another.\n\nThe replicas are formatted anew and started with --experimental \
                  --aof-recovery. Several logs are merged on the way, as 'aof merge' does. The whole chain is checked \
                  before anything is sent. Progress is kept beside the log, so that the same command goes on where it \
                  was stopped. Afterwards restart the replicas without --aof-recovery.",
    after_help = "Examples:\n  aof recover --cluster 0 --addresses 3001,3002,3003 r0.aof r1.aof r2.aof\n  \
                  aof recover --cluster 0 --dry-run --until 2026-11-21T14:03:00Z whole.aof"
)]
pub struct RecoverArgs {
    /// The logs, or folders of logs, in any order
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The cluster's id
    #[arg(long, value_name = "ID", value_parser = parse_cluster)]
    pub cluster: u128,
    /// The addresses of all replicas, in the cluster's order: ports, IP addresses, or both
    #[arg(long, value_name = "A,B,C", required_unless_present_any = ["dry_run", "to"])]
    pub addresses: Option<Addresses>,
    /// Where to: the cluster, or JSON lines of what would be sent
    #[arg(long, value_enum, default_value_t, value_name = "SINK", hide_default_value = true)]
    pub to: To,
    /// What to do with pulses, which expire pending transfers
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub pulses: Pulses,
    /// Stop behind this op of the log
    #[arg(long, value_name = "OP")]
    pub until_op: Option<u64>,
    /// Stop behind this time (UTC): 2026-11-21, "2026-11-21 14:03:00.5", RFC 3339 with an offset, @SECONDS or
    /// nanoseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub until: Option<u64>,
    /// Check all, send nothing, and report what would be sent; with --addresses also what the cluster would take
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for an answer of the cluster [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub timeout: Option<u32>,
    /// Where to keep progress, instead of beside one of the logs (FILE.progress)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,
    /// Go on at this op without a progress file; the cluster is asked whether it fits
    #[arg(long, value_name = "OP")]
    pub from_op: Option<u64>,
    /// Send while reading, without checking the whole log before
    #[arg(long)]
    pub no_preflight: bool,
    /// Begin with the child of this checksum, not with the lowest op
    #[arg(long, value_name = "CHECKSUM", value_parser = parse_checksum)]
    pub root: Option<Checksum>,
    /// Replay a chain that has no beginning, or has no end: up to the first gap or fork
    #[arg(long)]
    pub partial: bool,
    /// Events as JSON, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

/// [`RecoverArgs::timeout`] unless told otherwise, s.
const TIMEOUT_DEFAULT: u32 = 30;

impl RecoverArgs {
    /// How long to wait for an answer of the cluster.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.unwrap_or(TIMEOUT_DEFAULT).into())
    }
}

/// Where a replay goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// The cluster at --addresses
    #[default]
    Cluster,
    /// Standard output, one JSON object a line
    Jsonl,
}

/// A cluster's id.
pub(crate) fn parse_cluster(text: &str) -> Result<u128, String> {
    text.parse().map_err(|_| "a cluster's id is a whole number, from 0 to 2^128 - 1".to_owned())
}

/// A checksum as all commands print it. With fewer digits it would be another one, with zeros before them.
pub(crate) fn parse_checksum(text: &str) -> Result<Checksum, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text).chars().count();
    match text.parse() {
        Ok(checksum) if digits == 32 => Ok(checksum),
        Ok(_) => Err(format!("a checksum has 32 hexadecimal digits, and this has {digits}")),
        Err(_) => Err("a checksum has 32 hexadecimal digits".into()),
    }
}

/// Limits of what is read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Limits {
    /// The cluster's largest message, header and body: bytes, or with KiB, MiB
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "1MiB",
        value_parser = size::parse_message,
        hide_short_help = true,
    )]
    pub message_size_max: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn default_size_limit_is_that_of_the_format() {
        let parsed = size::parse_message("1MiB");
        assert_eq!(parsed, Ok(aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT));
    }

    #[test]
    fn help_of_every_command_has_its_long_text() {
        for command in Args::command().get_subcommands().filter(|command| command.get_name() != "completions")
        {
            let (about, long) = (command.get_about(), command.get_long_about());
            let name = command.get_name();
            assert!(about.is_some_and(|about| !about.to_string().starts_with("Arguments")), "{name}");
            let (about, long) = (about.map(ToString::to_string), long.map(ToString::to_string));
            assert!(long.is_some_and(|long| long.len() > about.map_or(0, |about| about.len())), "{name}");
        }
    }

    #[test]
    fn checksum_is_parsed_or_refused() {
        let parse = |root| Args::try_parse_from(["aof", "merge", "-o", "out", "--root", root, "in"]);
        assert!(parse("b68a0bdf32120df82f3802d9391a915f").is_ok());
        assert!(parse("xyz").is_err());
        assert!(parse("0xb68a0bdf32120df82f3802d9391a915f").is_ok());
        let told = parse("b68a").unwrap_err().to_string();
        assert!(told.contains("a checksum has 32 hexadecimal digits, and this has 4"), "{told}");
    }
}
