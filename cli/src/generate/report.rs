//! What was made, in words and as JSON: the history, and each file with what a reader has to find in it.

use super::args::GenerateArgs;
use super::place::PlannedFile;
use super::plan::{self, Plan};
use super::write::Ends;
use crate::failure::{Failure, shown};
use crate::human::ranges;
use crate::output;
use aof_nostd::Profile;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// What was made.
#[derive(Debug)]
pub struct Report<'a> {
    /// The options.
    pub args: &'a GenerateArgs,
    /// The files.
    pub plan: &'a Plan,
    /// The history's ends.
    pub ends: Ends,
}

impl Report<'_> {
    /// Prints the report on standard output.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print(&self) -> Result<(), Failure> {
        let text = if self.args.json { format!("{}\n", self.json()) } else { self.human() };
        output::print(&mut output::stdout(), &text)
    }

    fn path(&self, file: &PlannedFile) -> PathBuf {
        if plan::is_one_file(&self.args.faults) {
            self.args.output.clone()
        } else {
            self.args.output.join(&file.name)
        }
    }

    /// Whether the files together hold the whole history, and no other.
    fn is_whole(&self) -> bool {
        self.plan.lost.is_empty() && self.plan.forked.is_empty()
    }

    fn human(&self) -> String {
        let content = &self.args.content;
        let mut text = format!("wrote {}\n", shown(&self.args.output));
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<20} {value}");
        };
        line("profile", content.profile.profile().name());
        line("seed", &content.seed.to_string());
        line("bytes", &self.plan.bytes().to_string());
        line("ops", &format!("1 to {}", content.entries));
        line("first checksum", &self.ends.first.checksum.to_string());
        line("last checksum", &self.ends.last.checksum.to_string());
        let several = !plan::is_one_file(&self.args.faults);
        if !self.plan.lost.is_empty() {
            line(if several { "in no file" } else { "missing ops" }, &ranges(&self.plan.lost));
        }
        if !self.plan.forked.is_empty() {
            let forked: Vec<_> = self.plan.forked.iter().map(|op| (*op, *op)).collect();
            line("twice, with a fork", &ranges(&forked));
        }
        if several {
            let whole =
                if self.is_whole() { "every op, once: aof merge makes one log of them" } else { "not whole" };
            line("together", whole);
        }
        for file in &self.plan.files {
            if several {
                let _ = writeln!(
                    text,
                    "{}: {} bytes, {} entries",
                    shown(&self.path(file)),
                    file.size,
                    file.entries
                );
            }
            for finding in &file.findings {
                let _ = writeln!(text, "  {finding}");
            }
        }
        text
    }

    fn json(&self) -> Value {
        let content = &self.args.content;
        let files: Vec<Value> = self
            .plan
            .files
            .iter()
            .map(|file| {
                json!({
                    "file": self.path(file).display().to_string(),
                    "replica": file.replica,
                    "bytes": file.size,
                    "entries": file.entries,
                    "findings": file.findings,
                })
            })
            .collect();
        json!({
            "output": self.args.output.display().to_string(),
            "profile": content.profile.profile().name(),
            "cluster": content.cluster.to_string(),
            "seed": content.seed,
            "bytes": self.plan.bytes(),
            "first_op": 1,
            "last_op": content.entries,
            "first_checksum": self.ends.first.checksum.to_string(),
            "last_checksum": self.ends.last.checksum.to_string(),
            "files": files,
            "lost_ops": self.plan.lost,
            "forked_ops": self.plan.forked,
            "whole": self.is_whole(),
        })
    }
}
