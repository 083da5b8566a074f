//! One entry as one line: text, or JSON. Written by hand, since a large log is a million lines.

use aof_nostd::Header;
use std::io::Write;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `name=value name=value`
    Text,
    /// `{"name":value,"name":value}`; 128-bit numbers and checksums are strings.
    Json,
}

/// Writes lines behind each other into a buffer.
#[derive(Debug)]
pub struct Lines {
    style: Style,
    /// The lines.
    pub bytes: Vec<u8>,
    first: bool,
}

impl Lines {
    /// An empty buffer.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, bytes: Vec::new(), first: true }
    }

    /// The line of an entry at `offset`.
    pub fn entry(&mut self, offset: u64, header: &Header) {
        self.begin();
        self.number("offset", offset);
        self.hex("checksum", header.checksum.get());
        self.hex("checksum_body", header.checksum_body.get());
        self.wide("cluster", header.cluster.get());
        self.number("size", header.size.get());
        self.number("epoch", header.epoch.get());
        self.number("view", header.view.get());
        self.release(header);
        self.number("protocol", header.protocol.get());
        self.word("command", "prepare");
        self.number("replica", header.replica);
        self.hex("parent", header.parent.get());
        self.hex("request_checksum", header.request_checksum.get());
        self.hex("checkpoint_id", header.checkpoint_id.get());
        self.wide("client", header.client.get());
        self.number("op", header.op.get());
        self.number("commit", header.commit.get());
        self.number("timestamp", header.timestamp.get());
        self.number("request", header.request.get());
        self.operation(header);
        self.end();
    }

    fn begin(&mut self) {
        self.first = true;
        if self.style == Style::Json {
            self.bytes.push(b'{');
        }
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(if self.style == Style::Json { b"}\n" } else { b"\n" });
    }

    /// A field's name, and what stands between it and its value.
    fn name(&mut self, name: &str) {
        let (between, before, after): (&[u8], &[u8], &[u8]) = match self.style {
            Style::Text => (b" ", b"", b"="),
            Style::Json => (b",", b"\"", b"\":"),
        };
        if !self.first {
            self.bytes.extend_from_slice(between);
        }
        self.first = false;
        self.bytes.extend_from_slice(before);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(after);
    }

    fn quote(&mut self) {
        if self.style == Style::Json {
            self.bytes.push(b'"');
        }
    }

    fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.name(name);
        self.digits(value.into());
    }

    fn digits(&mut self, value: impl itoa::Integer) {
        self.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn wide(&mut self, name: &str, value: u128) {
        self.name(name);
        self.quote();
        self.digits(value);
        self.quote();
    }

    fn word(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quote();
        self.bytes.extend_from_slice(value.as_bytes());
        self.quote();
    }

    fn hex(&mut self, name: &str, value: u128) {
        self.name(name);
        self.quote();
        self.bytes.extend_from_slice(&hex(value));
        self.quote();
    }

    fn release(&mut self, header: &Header) {
        let release = header.release();
        self.name("release");
        self.quote();
        self.digits(release.major());
        self.bytes.push(b'.');
        self.digits(release.minor());
        self.bytes.push(b'.');
        self.digits(release.patch());
        self.quote();
    }

    /// `operation=name(number)`; in JSON the number, and the name as a field of its own.
    fn operation(&mut self, header: &Header) {
        let name = header.operation().name();
        match self.style {
            Style::Text => {
                self.word("operation", name.unwrap_or("unknown"));
                self.bytes.push(b'(');
                self.digits(header.operation);
                self.bytes.push(b')');
            }
            Style::Json => {
                self.number("operation", header.operation);
                if let Some(name) = name {
                    self.word("operation_name", name);
                }
            }
        }
    }

    /// A line that is no entry: damage, or a break of the chain.
    pub fn finding(&mut self, finding: &crate::survey::Finding) {
        match self.style {
            Style::Text => {
                let _ = writeln!(self.bytes, "# {finding}"); // a Vec takes everything
            }
            Style::Json => {
                let _ = serde_json::to_writer(&mut self.bytes, finding);
                self.bytes.push(b'\n');
            }
        }
    }
}

/// 32 lower-case digits.
fn hex(value: u128) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(value.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut header = Header::new();
        header.release = 0xffff_0000.into();
        header.cluster = u128::MAX.into();
        header.operation = 147;
        header.checksum = aof_nostd::Checksum::new(0xab);
        header
    }

    #[test]
    fn text_has_every_field_by_name() {
        let mut lines = Lines::new(Style::Text);
        lines.entry(5, &header());
        let text = String::from_utf8(lines.bytes).unwrap();
        assert!(text.starts_with("offset=5 checksum=000000000000000000000000000000ab "), "{text}");
        assert!(text.contains(" cluster=340282366920938463463374607431768211455 "), "{text}");
        assert!(text.contains(" release=65535.0.0 "), "{text}");
        assert!(text.ends_with(" operation=create_transfers(147)\n"), "{text}");
    }

    #[test]
    fn json_is_json() {
        let mut lines = Lines::new(Style::Json);
        lines.entry(5, &header());
        let value: serde_json::Value = serde_json::from_slice(&lines.bytes).unwrap();
        assert_eq!(value["op"], 1);
        assert_eq!(value["release"], "65535.0.0");
        assert_eq!(value["operation_name"], "create_transfers");
        assert_eq!(value["cluster"], "340282366920938463463374607431768211455");
        assert_eq!(value.as_object().unwrap().len(), 21);
    }

    #[test]
    fn hex_has_leading_zeros() {
        assert_eq!(&hex(0x1f), b"0000000000000000000000000000001f");
        assert_eq!(&hex(u128::MAX), b"ffffffffffffffffffffffffffffffff");
    }
}
