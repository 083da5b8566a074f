//! Three devices as replicas: each writes a piece of one chain, and the desktop merges the three logs.
//!
//! ```text
//! ops      1 ............. 24
//!                   17 ................... 48
//!                                   41 ............. 60
//! merged   1 .................................... 60
//! ```

use super::super::read;
use super::{Device, desktop};
use crate::outcome::Stop;

/// First and last op of each device's log.
const PIECES: [(&str, &str); 3] = [("1", "24"), ("17", "48"), ("41", "60")];

/// The last op of all.
const LAST: u64 = 60;

/// Has each device write its piece, and merges. Gives what is not as expected.
pub(super) fn differences(devices: &[Device<'_>]) -> Result<String, Stop> {
    let Some(first) = devices.first() else { return Ok(String::new()) };
    let mut differences = String::new();
    for profile in ["tigerbeetle", "crc"] {
        let name = format!("replica-{profile}.aof");
        for (device, (first, last)) in devices.iter().zip(PIECES) {
            device.report("write", &[&name, profile, first, last])?;
        }
        let merged = first.logs.join(format!("replicas-{profile}.aof"));
        let expected = first.logs.join(format!("replicas-{profile}-expected.aof"));
        desktop::chain(&expected, profile, LAST)?;
        // In another order than they follow each other.
        let logs = devices.iter().rev().map(|device| device.logs.join(&name));
        let run = first.desktop.aof(&first.logs).args(["merge", "--output"]).arg(&merged).args(logs);
        print!("{}", run.text()?);
        let is_whole = read(&merged)? == read(&expected)?;
        let verdict = if is_whole { "merged: the whole chain" } else { "DIFFERS" };
        first.desktop.table.row("all three", "write", &name, verdict);
        if !is_whole {
            differences += &format!("{} and {} are not equal\n", merged.display(), expected.display());
        }
    }
    Ok(differences)
}
