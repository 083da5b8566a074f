//! `aof merge`: the logs of a cluster's replicas into one unbroken chain.
//!
//! ```text
//! inputs --scan--> index (what each input holds) --> plan (the chain, or why there is none) --> write
//! ```
//!
//! [`index`] knows files and memory, [`plan`] knows chains and is a pure function of the index,
//! [`notes`] knows what is lost all the same, [`mod@write`] how the output appears whole or not at all,
//! [`report`] tells.

pub mod index;
pub mod notes;
pub mod plan;
pub mod report;
pub mod write;

use crate::args::MergeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::destination;
use index::Index;
use plan::{Plan, Root};
use report::Report;

/// Runs the command.
///
/// # Errors
///
/// See [`Failure`]. The inputs are untouched, and the output is as it was.
pub fn run(args: &MergeArgs) -> Result<Exit, Failure> {
    output::stop_on_signal(output::GRACE_CLEAN_UP);
    destination::check(&args.output, &args.files, args.force)?;
    let index = Index::read(&args.files, args.limits.message_size_max)?;
    if let Some(text) = index.too_large(args.limits.message_size_max) {
        output::note(&text);
    }
    let root = args.root.map_or(Root::LowestOp, Root::ChildOf);
    let plan = Plan::of(&index, root);

    let mut report = Report::new(args, &index, &plan, root);
    let whole = plan.obstacle.is_none() && index.conflict().is_none();
    let wanted = whole || (args.partial && index.conflict().is_none());
    if wanted && !plan.chain.is_empty() {
        let file = destination::create(&args.output, &args.files)?;
        report.written = Some(write::write(file, args, &index, &plan)?);
    }
    report.print(args.json)?;
    if report.written.is_some() {
        return Ok(Exit::Sound);
    }
    output::note(&format!("nothing was written: {}", report.refusal()));
    Ok(Exit::Damage)
}
