//! What a device wrote, read by the command: `debug` finds the same data checksum chain, and `merge` makes
//! the same bytes of it.

use super::{Desktop, read};
use crate::outcome::Stop;
use std::path::Path;

/// What is wrong with the sound log `name`, of which a device printed `report`; nothing if all agree.
pub(super) fn differences(
    desktop: &Desktop<'_>,
    directory: &Path,
    name: &str,
    report: &str,
) -> Result<String, Stop> {
    let mut differences = String::new();
    let debug = desktop.aof(directory).args(["debug", name]).text()?;
    let chain = debug.lines().last().and_then(|line| line.strip_prefix("Data checksum chain: "));
    let printed = report.lines().find_map(|line| line.strip_prefix("data_checksum_chain "));
    if chain.is_none() || chain != printed {
        differences += &format!("  aof debug: data checksum chain {chain:?}\n  device:    {printed:?}\n");
    }
    Ok(differences + &merged(desktop, directory, name)?)
}

/// What is wrong with what `merge` makes of the sound log `name`.
pub(super) fn merged(desktop: &Desktop<'_>, directory: &Path, name: &str) -> Result<String, Stop> {
    let mut differences = String::new();
    let merged = format!("{name}.merged");
    let output = ["merge", "--force", "--output", &merged, name];
    desktop.aof(directory).args(output).text()?;
    if read(&directory.join(&merged))? != read(&directory.join(name))? {
        differences += &format!("  aof merge: {merged} has other bytes than {name}\n");
    }
    Ok(differences)
}
