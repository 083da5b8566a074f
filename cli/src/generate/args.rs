//! The arguments of `aof generate`.

use super::mix::{Counts, Operations, Sizes};
use crate::args::{Limits, ProfileName};
use crate::time;
use clap::{ValueHint, value_parser};
use std::path::PathBuf;

/// Arguments of `aof generate`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make logs to test and to measure with: one history, as one replica or several write it, with faults \
                  put in on request.\n\nThe same options give the same bytes, on every machine. What is put in is told \
                  with its place, as 'aof verify' has to find it. With two replicas and more, what one log lacks \
                  stands in another: merged, they are the whole history, unless --lost-ranges or --forks say \
                  otherwise. Outputs appear whole or not at all.",
    after_help = "Examples:\n  aof generate --output small.aof --entries 100000 --body 256\n  aof generate --output \
                  transfers.aof --events 1..8189 --accounts 100000\n  aof generate --output crashed --replicas 3 \
                  --backtracks 2 --gaps 1 --damage 4 --torn-tail\n\nSizes and counts may be ranges; they and operations \
                  may be several with commas between them, each with a weight behind a colon: --body \
                  0:90,128..4096:9,1048320:1."
)]
pub struct GenerateArgs {
    /// The log to write; a directory for the logs of several replicas, or several pieces
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub output: PathBuf,
    /// Replace a file that exists. A directory is never replaced, unless it is empty
    #[arg(long)]
    pub force: bool,
    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub content: ContentArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub faults: FaultArgs,
}

/// What the history is.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The history")]
pub struct ContentArgs {
    /// How many entries: ops 1 to COUNT
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    pub entries: u64,
    /// Random bytes as bodies, so many each
    #[arg(long, value_name = "SIZES", conflicts_with_all = ["events", "accounts"])]
    pub body: Option<Sizes>,
    /// Bodies that 'aof export' reads, with so many events each: accounts, transfers, or ids looked up
    /// [default: 1]
    #[arg(long, value_name = "COUNTS")]
    pub events: Option<Counts>,
    /// Which operations
    #[arg(long, value_name = "NAMES", default_value = "create_transfers")]
    pub operations: Operations,
    /// How many accounts are created first, for transfers among them [default: 1000]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u64).range(2..))]
    pub accounts: Option<u64>,
    /// How many clients ask, in turn
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub clients: u64,
    /// The cluster's id
    #[arg(long, value_name = "ID", default_value_t = 0, value_parser = crate::args::parse_cluster)]
    pub cluster: u128,
    /// The profile
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = ProfileName::Tigerbeetle)]
    pub profile: ProfileName,
    /// Another seed, other bodies, and faults at other places
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// The time of op 1, as 'aof recover --until' takes it
    #[arg(long, value_name = "TIME", default_value = "2026-01-01", value_parser = time::parse)]
    pub start: u64,
    /// Entries a second of the cluster's time
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: u64,
    /// How often the view changes, and the primary with it
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub view_changes: u32,
}

/// Who wrote it down, and what went wrong.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Replicas and faults")]
pub struct FaultArgs {
    /// How many replicas, each with a log: OUT/r0.aof, OUT/r1.aof ...
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u8).range(1..=6))]
    pub replicas: u8,
    /// Into how many files each log was rotated: OUT/r0-00.aof, OUT/r0-01.aof ...
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u8).range(1..=64))]
    pub pieces: u8,
    /// How often each log goes back, by 1,024 ops at most, as after a restart
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub backtracks: u32,
    /// How many ranges of ops each log lacks, as after a state sync
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub gaps: u32,
    /// How many places of each log are damaged: bits flipped, sectors zeroed, entries cut short
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub damage: u32,
    /// How many ops one of the logs has twice, first with an entry of another history
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub forks: u32,
    /// How many ranges of ops no log has
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub lost_ranges: u32,
    /// Cut the last entry short; with several replicas in all logs but the first
    #[arg(long)]
    pub torn_tail: bool,
    /// Bring the entries of each log out of order, by more than the 1,024 ops of a journal
    #[arg(long)]
    pub shuffle: bool,
}

impl Default for ContentArgs {
    fn default() -> Self {
        Self {
            entries: 10_000,
            body: None,
            events: None,
            operations: Operations(super::mix::Mix::one(aof_nostd::Operation::CREATE_TRANSFERS)),
            accounts: None,
            clients: 1,
            cluster: 0,
            profile: ProfileName::Tigerbeetle,
            seed: 0,
            start: 1_767_225_600_000_000_000,
            rate: 1_000,
            view_changes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn parsed(arguments: &[&str]) -> Result<GenerateArgs, clap::Error> {
        let arguments = ["aof", "generate", "--output", "out"].iter().chain(arguments);
        Args::try_parse_from(arguments).map(|args| match args.command {
            Command::Generate(args) => args,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn defaults_of_the_library_are_those_of_the_command() {
        let args = parsed(&[]).unwrap();
        assert_eq!(format!("{:?}", args.content), format!("{:?}", ContentArgs::default()));
        let faults = FaultArgs { replicas: 1, pieces: 1, ..FaultArgs::default() };
        assert_eq!(format!("{:?}", args.faults), format!("{faults:?}"));
    }

    #[test]
    fn bodies_are_of_one_kind() {
        assert!(parsed(&["--body", "256", "--events", "3"]).is_err());
        assert!(parsed(&["--body", "256", "--accounts", "3"]).is_err());
        assert!(parsed(&["--body", "0:9,1MiB"]).is_ok());
        assert!(parsed(&["--replicas", "7"]).is_err());
        assert!(parsed(&["--entries", "0"]).is_err());
    }
}
