//! One entry as one line: text, or JSON. Written by hand, since a large log is a million lines.

use crate::human;
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
}

impl Lines {
    /// Lines behind those in `bytes`.
    #[must_use]
    pub fn new(style: Style, bytes: Vec<u8>) -> Self {
        Self { style, bytes }
    }

    /// The line of an entry at `offset`.
    pub fn entry(&mut self, offset: u64, header: &Header) {
        match self.style {
            Style::Text => self.write::<false>(offset, header),
            Style::Json => self.write::<true>(offset, header),
        }
    }

    fn write<const JSON: bool>(&mut self, offset: u64, header: &Header) {
        let mut line = Line { bytes: [0; LINE_SIZE_MAX], size: 0 };
        line.put(if JSON { "{\"offset\":" } else { "offset=" });
        line.digits(offset);
        line.hex(label::<JSON>(",\"checksum\":\"", " checksum="), header.checksum.get());
        line.hex(label::<JSON>("\",\"checksum_body\":\"", " checksum_body="), header.checksum_body.get());
        line.number(label::<JSON>("\",\"cluster\":\"", " cluster="), header.cluster.get());
        line.number(label::<JSON>("\",\"size\":", " size="), header.size.get());
        line.number(label::<JSON>(",\"epoch\":", " epoch="), header.epoch.get());
        line.number(label::<JSON>(",\"view\":", " view="), header.view.get());
        let release = header.release();
        line.number(label::<JSON>(",\"release\":\"", " release="), release.major());
        line.number(".", release.minor());
        line.number(".", release.patch());
        line.number(label::<JSON>("\",\"protocol\":", " protocol="), header.protocol.get());
        line.put(label::<JSON>(",\"command\":\"prepare\"", " command=prepare"));
        line.number(label::<JSON>(",\"replica\":", " replica="), header.replica);
        line.hex(label::<JSON>(",\"parent\":\"", " parent="), header.parent.get());
        let request = label::<JSON>("\",\"request_checksum\":\"", " request_checksum=");
        line.hex(request, header.request_checksum.get());
        line.hex(label::<JSON>("\",\"checkpoint_id\":\"", " checkpoint_id="), header.checkpoint_id.get());
        line.number(label::<JSON>("\",\"client\":\"", " client="), header.client.get());
        line.number(label::<JSON>("\",\"op\":", " op="), header.op.get());
        line.number(label::<JSON>(",\"commit\":", " commit="), header.commit.get());
        line.number(label::<JSON>(",\"timestamp\":", " timestamp="), header.timestamp.get());
        line.put(label::<JSON>(",\"time\":\"", " time="));
        line.bytes(&human::time_bytes(header.timestamp.get()));
        line.number(label::<JSON>("\",\"request\":", " request="), header.request.get());
        let name = header.operation().name();
        if JSON {
            line.number(",\"operation\":", header.operation);
            if let Some(name) = name {
                line.put(",\"operation_name\":\"");
                line.put(name);
                line.put("\"");
            }
            line.put("}\n");
        } else {
            line.put(" operation=");
            line.put(name.unwrap_or("unknown"));
            line.number("(", header.operation);
            line.put(")\n");
        }
        self.bytes.extend_from_slice(line.bytes.get(..line.size).unwrap_or(&[]));
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

/// No line is longer: a test fills every field to its brim.
const LINE_SIZE_MAX: usize = 1088;

/// What stands before a value: chosen by the compiler, so that writing it is a move or two.
#[inline(always)]
const fn label<const JSON: bool>(json: &'static str, text: &'static str) -> &'static str {
    if JSON { json } else { text }
}

/// A line in the making.
struct Line {
    bytes: [u8; LINE_SIZE_MAX],
    size: usize,
}

impl Line {
    #[inline(always)]
    fn put(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(target) = self.bytes.get_mut(self.size..self.size + bytes.len()) {
            target.copy_from_slice(bytes);
            self.size += bytes.len();
        }
    }

    fn digits(&mut self, value: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(value));
    }

    #[inline(always)]
    fn number(&mut self, label: &'static str, value: impl itoa::Integer) {
        self.put(label);
        self.digits(value);
    }

    /// 32 lower-case digits.
    #[inline(always)]
    fn hex(&mut self, label: &'static str, value: u128) {
        self.put(label);
        if let Some(target) = self.bytes.get_mut(self.size..self.size + 32) {
            for (pair, byte) in target.chunks_exact_mut(2).zip(value.to_be_bytes()) {
                pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
            self.size += 32;
        }
    }
}

/// A digit below 16: without a table, so that the compiler does 16 at once.
const fn digit(value: u8) -> u8 {
    value + b'0' + (b'a' - b'0' - 10) * (value > 9) as u8
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
        let mut lines = Lines::new(Style::Text, Vec::new());
        lines.entry(5, &header());
        let text = String::from_utf8(lines.bytes).unwrap();
        assert!(text.starts_with("offset=5 checksum=000000000000000000000000000000ab "), "{text}");
        assert!(text.contains(" cluster=340282366920938463463374607431768211455 "), "{text}");
        assert!(text.contains(" release=65535.0.0 "), "{text}");
        assert!(text.ends_with(" operation=create_transfers(147)\n"), "{text}");
    }

    #[test]
    fn json_is_json() {
        let mut lines = Lines::new(Style::Json, Vec::new());
        lines.entry(5, &header());
        let value: serde_json::Value = serde_json::from_slice(&lines.bytes).unwrap();
        assert_eq!(value["op"], 1);
        assert_eq!(value["release"], "65535.0.0");
        assert_eq!(value["time"], "1970-01-01T00:00:00.000000000Z");
        assert_eq!(value["operation_name"], "create_transfers");
        assert_eq!(value["cluster"], "340282366920938463463374607431768211455");
        assert_eq!(value.as_object().unwrap().len(), 22);
    }

    #[test]
    fn longest_line_fits_and_hex_has_leading_zeros() {
        let mut header = header();
        let full = aof_nostd::Checksum::new(u128::MAX);
        header.checksum = full;
        header.checksum_body = full;
        header.parent = full;
        header.request_checksum = full;
        header.checkpoint_id = full;
        header.client = u128::MAX.into();
        header.protocol = u16::MAX.into();
        header.replica = u8::MAX;
        header.release = u32::MAX.into();
        for field in [&mut header.size, &mut header.epoch, &mut header.view, &mut header.request] {
            *field = u32::MAX.into();
        }
        for field in [&mut header.op, &mut header.commit, &mut header.timestamp] {
            *field = u64::MAX.into();
        }
        for operation in 0..=255 {
            header.operation = operation;
            for style in [Style::Text, Style::Json] {
                let mut lines = Lines::new(style, Vec::new());
                lines.entry(u64::MAX, &header);
                let text = String::from_utf8(lines.bytes).unwrap();
                assert!(text.ends_with('\n') && text.len() < LINE_SIZE_MAX - 40, "{text}");
                assert!(text.contains("ffffffffffffffffffffffffffffffff"), "{text}");
            }
        }
        let mut line = Line { bytes: [0; LINE_SIZE_MAX], size: 0 };
        line.hex("", 0x9a_bcde);
        assert_eq!(&line.bytes[..32], b"000000000000000000000000009abcde");
    }
}
