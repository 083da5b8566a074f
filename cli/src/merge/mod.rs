//! `aof merge`: the logs of a cluster's replicas into one unbroken chain.
//!
//! ```text
//! inputs --scan--> index (what each input holds) --> plan (the chain, or why there is none) --> write
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`index`] | what the inputs hold |
//! | `read`, [`input`] | how it gets there: stretches, runs, damage; the files |
//! | `region` | where damage ends, and what proves it |
//! | `membership`, `known` | which entries belong to the log, and which are content of bodies |
//! | `order`, `sort` | all entries by op |
//! | `judge`, [`plan`] | the rules of the chain |
//! | [`chain`] | the chain, as pieces of inputs |
//! | [`notes`] | what is lost all the same |
//! | [`mod@write`] | how the output appears whole or not at all |
//! | [`report`] | how all this is told |
//! | [`work`], `spool` | how much memory there is, and where the rest goes |
//!
//! Memory does not grow with the entries; a slow and obvious merge that holds them all is what the tests
//! compare with.

mod beyond;
pub mod chain;
mod content;
pub mod index;
pub mod input;
mod judge;
mod known;
mod membership;
pub mod notes;
mod order;
pub mod plan;
mod profile;
mod read;
pub(crate) mod region;
pub mod report;
mod sort;
mod spool;
pub mod work;
pub mod write;

use crate::args::MergeArgs;
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, Needed};
use crate::output;
use index::Index;
use plan::{Plan, Root};
use report::Report;
use work::Work;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The inputs are untouched, and the output is as it was.
pub fn run(args: &MergeArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    destination::check(&args.output, &args.files, args.force)?;
    let size_max = args.limits.message_size_max;
    let index = Index::read(&args.files, size_max, &Work::beside(&args.output))?;
    if let Some(text) = index.too_large(size_max)? {
        output::note(&text);
    }
    let root = args.root.map_or(Root::LowestOp, Root::ChildOf);
    let plan = Plan::of(&index, root)?;

    let mut report = Report::new(args, &index, &plan, root)?;
    let whole = plan.obstacle.is_none() && index.conflict().is_none();
    let wanted = whole || (args.partial && index.conflict().is_none());
    if wanted && plan.chain.first().is_some() {
        let file = destination::create(&args.output, &args.files)?;
        let needed = Needed::Bytes(plan.chain.bytes());
        let written = write::write(file, args, &index, &plan.chain);
        report.written = Some(written.map_err(|failure| failure.needing(needed))?);
    }
    let printed = report.print(args.json);
    if report.written.is_some() {
        output::unreported(printed, &args.output)?;
        return Ok(Exit::Sound);
    }
    printed?;
    output::note(&format!("nothing was written: {}", report.refusal()?));
    Ok(Exit::Damage)
}
