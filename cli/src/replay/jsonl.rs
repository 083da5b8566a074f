//! JSON lines as a sink: what would be sent, one entry a line.

use super::admission::Step;
use super::sink::{Outcome, Outgoing, Sink};
use aof_nostd::wire::Release;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Writes each entry that is replayed as a JSON object on a line of its own. Bodies are not decoded.
#[derive(Debug)]
pub struct JsonLines<W>(W);

/// A line. Numbers of 128 bits are strings, as JSON has none.
#[derive(Serialize)]
struct Line<'a> {
    file: String,
    offset: u64,
    op: u64,
    /// `request` or `pulse`.
    kind: &'static str,
    operation: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
    timestamp: u64,
    release: String,
    client: String,
    events: u32,
    body_size: usize,
    checksum: String,
    checksum_body: String,
}

/// The output cannot be written.
#[derive(Debug)]
pub struct WriteError(pub io::Error);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write: {}", super::network::reason(&self.0))
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl<W: Write> JsonLines<W> {
    /// Lines to this output, which had better be buffered.
    pub const fn new(output: W) -> Self {
        Self(output)
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.0
    }
}

impl<W: Write> Sink for JsonLines<W> {
    type Error = WriteError;

    fn send(&mut self, outgoing: Outgoing) -> Result<(), WriteError> {
        let header = &outgoing.entry.header;
        let (kind, events) = match outgoing.step {
            Step::Request { events, .. } => ("request", events),
            _ => ("pulse", 0),
        };
        // A request's client is the session's: the release.
        let release = Release(header.release.get());
        let line = Line {
            file: outgoing.entry.place.file.display().to_string(),
            offset: outgoing.entry.place.offset,
            op: header.op.get(),
            kind,
            operation: header.operation,
            operation_name: header.operation().name(),
            timestamp: header.timestamp.get(),
            release: release.to_string(),
            client: header.client.get().to_string(),
            events,
            body_size: outgoing.entry.body.len(),
            checksum: header.checksum.to_string(),
            checksum_body: header.checksum_body.to_string(),
        };
        serde_json::to_writer(&mut self.0, &line).map_err(|error| WriteError(error.into()))?;
        self.0.write_all(b"\n").map_err(WriteError)
    }

    fn wait(&mut self, _patience: Duration) -> Result<Option<Outcome>, WriteError> {
        Ok(Some(Outcome::default()))
    }
}
