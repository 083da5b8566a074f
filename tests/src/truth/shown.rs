//! A case for people.

use super::{Case, Log, Placed};
use std::fmt;

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, truth, logs } = self;
        let covered = self.covered();
        let anchored = covered.as_ref().is_some_and(|covered| self.is_anchored(covered));
        let anchored = if anchored { ", all anchored" } else { "" };
        writeln!(f, "case {number}, covered {covered:?}{anchored}")?;
        for (entry, truly) in truth.entries.iter().enumerate() {
            write!(f, "  op {}: {} bytes", truly.op(), truly.bytes.len())?;
            for plant in &truly.plants {
                write!(f, ", {} at {:?}", plant.what, plant.range)?;
            }
            writeln!(f, "{}", if self.is_intact(entry) { "" } else { " (intact nowhere)" })?;
        }
        for (name, log) in logs.iter().enumerate() {
            writeln!(f, "  r{name}: {} bytes; {}", log.bytes.len(), log.harms.join("; "))?;
            for placed in &log.placed {
                let op = truth.entries[placed.entry].op();
                writeln!(f, "    {:6} op {op} {}", placed.at, self.state(log, placed))?;
            }
        }
        Ok(())
    }
}

impl Case {
    fn state(&self, log: &Log, placed: &Placed) -> String {
        let whole = self.truth.entries[placed.entry].bytes.len();
        let torn = if placed.kept < whole { format!(" torn at {}", placed.kept) } else { String::new() };
        if log.is_intact(&self.truth, placed) {
            "intact".into()
        } else if log.has_head(&self.truth, placed) {
            format!("head intact{torn}")
        } else {
            format!("HEAD LOST{torn}")
        }
    }
}
