//! What a log holds whose first entries may lie in the body of a damaged one: [`outside`].
//!
//! A survey takes the cluster of the first entry for the log's own. Where damage stands before that entry, it may be
//! one that somebody has put into a body, and the log's own entries are then those "of another cluster". Such a
//! log is read once more, as `merge` reads it, which tells them apart.

use crate::failure::Failure;
use crate::merge::index::Index;
use crate::merge::work::Work;
use crate::survey::Survey;
use crate::survey::fingerprints::Fingerprints;
use aof_nostd::Op;
use aof_nostd::chain::{ChainLink, History};
use aof_std::Runs;
use std::path::PathBuf;

/// The facts and the entries of a log without what lies in a damaged body, where `survey` may have been deceived
/// by that and there is something else.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Work`], [`Failure::Interrupted`].
pub fn outside(
    survey: &Survey,
    path: &PathBuf,
    message_size_max: u32,
) -> Result<Option<(Survey, Runs, Fingerprints)>, Failure> {
    let begins_damaged = survey.findings.first().is_some_and(|first| first.offset == 0 && first.is_fault());
    if !begins_damaged || !survey.is_forked() {
        return Ok(None);
    }
    let index = Index::read(std::slice::from_ref(path), message_size_max, &Work::temporary())?;
    let Some(cluster) = cluster(&index) else { return Ok(None) };
    let (mut runs, mut fingerprints) = (Runs::default(), Fingerprints::default());
    index.each(|record| {
        // Within one log two entries of an op were compared by its survey.
        fingerprints.take(record.op, &[record.fingerprint], |_, _| ());
        runs.insert(ChainLink { op: Op(record.op), checksum: record.checksum, parent: record.parent });
    })?;
    let survey = Survey {
        cluster: Some(cluster.to_string()),
        distinct_ops: runs.ops(),
        first_op: runs.first_op().map(|op| op.0),
        last_op: runs.last_op().map(|op| op.0),
        missing_ops: runs.missing().into_iter().map(|(first, last)| (first.0, last.0)).collect(),
        ..survey.clone()
    };
    Ok(Some((survey, runs, fingerprints)))
}

/// The one cluster of a log's entries.
fn cluster(index: &Index) -> Option<u128> {
    let mut clusters = index.inputs.iter().flat_map(|input| &input.clusters).map(|&(_, cluster)| cluster);
    let first = clusters.next()?;
    clusters.all(|cluster| cluster == first).then_some(first)
}
