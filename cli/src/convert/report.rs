//! What a conversion found and did, in words and as JSON.

use super::{in_the_way, notes};
use crate::args::ConvertArgs;
use crate::data_checksum;
use crate::failure::{Failure, shown};
use crate::output;
use crate::survey::Survey;
use aof_nostd::Profile;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What a conversion found and did.
#[derive(Debug)]
pub struct Report<'a> {
    args: &'a ConvertArgs,
    input: &'a Survey,
    /// Why nothing was written, and what would help.
    pub reason: Option<String>,
    /// What was written, as it was read back.
    pub written: Option<Survey>,
}

impl<'a> Report<'a> {
    /// A report of an input that is not converted yet.
    #[must_use]
    pub const fn new(args: &'a ConvertArgs, input: &'a Survey) -> Self {
        Self { args, input, reason: None, written: None }
    }

    /// Prints the report on standard output.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub fn print(&self) -> Result<(), Failure> {
        let text = if self.args.json { format!("{}\n", self.json()) } else { self.human() };
        output::print(&mut output::stdout(), &text)
    }

    fn notes(&self) -> Vec<String> {
        if self.written.is_some() { notes(self.args, self.input) } else { Vec::new() }
    }

    fn human(&self) -> String {
        let Some(written) = &self.written else { return String::new() };
        let mut text = format!("wrote {}, read back and compared\n", shown(&self.args.output));
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<20} {value}");
        };
        let from = self.input.profile.unwrap_or("none");
        line("profile", &format!("{}, from {from}", self.args.profile.profile().name()));
        line("bytes", &written.bytes.to_string());
        line("entries", &written.entries.to_string());
        if let (Some(first), Some(last)) = (written.first_op, written.last_op) {
            line("ops", &format!("{first} to {last}"));
        }
        if let (Some(first), Some(last)) = (&written.first_checksum, &written.last_checksum) {
            line("first checksum", first);
            line("last checksum", last);
        }
        line(
            "data checksum chain",
            data_checksum::shown(&written.data_checksum_chain, written.replayed_entries),
        );
        if self.input.replayed_entries > 0 {
            line("  of the input", &format!("{} (of its own checksums)", self.input.data_checksum_chain));
        }
        for note in self.notes() {
            let _ = writeln!(text, "NOTE: {note}");
        }
        text
    }

    fn json(&self) -> Value {
        let written = self.written.as_ref();
        let bytes = written.map(|written| written.bytes);
        json!({
            "file": self.input.file,
            "output": self.args.output.display().to_string(),
            "written": written.is_some(),
            "reason": self.reason,
            "from": self.input.profile,
            "to": self.args.profile.profile().name(),
            "bytes": bytes,
            "entries": self.input.entries,
            "first_op": self.input.first_op,
            "last_op": self.input.last_op,
            "first_checksum": written.map(|written| written.first_checksum.as_ref()),
            "last_checksum": written.map(|written| written.last_checksum.as_ref()),
            "data_checksum_chain": written.map(|written| written.data_checksum_chain.as_str()),
            "input_data_checksum_chain": self.input.data_checksum_chain,
            "replayed_entries": self.input.replayed_entries,
            "findings": in_the_way(self.input).collect::<Vec<_>>(),
            "notes": self.notes(),
        })
    }
}
