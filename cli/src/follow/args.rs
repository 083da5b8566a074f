//! The arguments of `aof follow`.

use crate::args::Limits;
use aof_std::follow::Start;
use clap::ValueHint;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `aof follow`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print each entry of a log as it is written: one line an entry, every entry, the lines of \
                  'aof debug --all'.\n\nAn entry is printed when it is whole. A torn tail is waited for: its rest may \
                  come, or its writer cuts it and goes on. It is damage once another entry stands behind it. When the \
                  file is moved away, it is read to its end, and then the new one that is begun in its place; the chain \
                  is checked across. A file that is not there yet is waited for.\n\nEnds at SIGINT and SIGTERM (130), \
                  and when nobody reads its output any more (0).",
    after_help = "Examples:\n  aof follow replica.aof\n  aof follow --json --from-op 804 replica.aof | jq \
                  'select(.operation == 147)'"
)]
pub struct FollowArgs {
    /// The log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Begin with the file's first entry
    #[arg(long, conflicts_with_all = ["from_op", "entries"])]
    pub from_start: bool,
    /// Begin with the first entry that has this op or a higher one
    #[arg(long, value_name = "OP", conflicts_with = "entries")]
    pub from_op: Option<u64>,
    /// Begin so many entries before the file's end [default: 10]
    #[arg(long, short = 'n', value_name = "N")]
    pub entries: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Look at least this often, for file systems that tell nothing of changes elsewhere (NFS)
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=86_400),
    )]
    pub poll: u32,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: Limits,
}

impl FollowArgs {
    /// Where to begin in a file that is there.
    #[must_use]
    pub fn start(&self) -> Start {
        match (self.from_start, self.from_op, self.entries) {
            (true, _, _) => Start::Beginning,
            (_, Some(op), _) => Start::Op(op),
            (_, _, entries) => Start::Last(entries.unwrap_or(10)),
        }
    }

    /// The longest time between two looks.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.poll.into())
    }
}
