//! An entry for people.

use super::args::ShowArgs;
use super::body::{Body, columns, flags, hex_dump};
use super::find::{Found, Places, Wanted};
use super::is_root;
use crate::export::events::{EventBlock, EventTable};
use crate::export::table::{Block, Table, Value};
use crate::failure::shown;
use crate::human;
use aof_nostd::Header;
use std::fmt::Write;

/// Events shown, unless all are asked for.
const EVENTS_SHOWN: usize = 100;

/// Bytes of a body shown, unless all are asked for.
const BYTES_SHOWN: usize = 1024;

/// Places of a kind shown.
const PLACES_SHOWN: usize = 10;

/// An entry.
#[must_use]
pub fn entry(args: &ShowArgs, wanted: Wanted, found: &Found, body: &[u8]) -> String {
    let header = &found.header;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "op {} in {}: byte {}, {} bytes",
        header.op,
        shown(&args.file),
        found.offset,
        header.size_disk()
    );
    if let Wanted::At(at) = wanted {
        let before = match at.saturating_sub(header.timestamp.get()) {
            0 => "at that time".to_owned(),
            before => format!("{} before it", human::duration(before)),
        };
        let _ = writeln!(text, "the last entry up to {}, {before}", human::time(at));
    }
    fields(&mut text, header);
    chain(&mut text, found);
    whole_body(&mut text, args, header, body);
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<18}{value}");
}

fn fields(text: &mut String, header: &Header) {
    text.push_str("\nheader\n");
    let hex = [
        ("checksum", header.checksum),
        ("checksum_body", header.checksum_body),
        ("parent", header.parent),
        ("request_checksum", header.request_checksum),
        ("checkpoint_id", header.checkpoint_id),
    ];
    for (name, value) in hex {
        line(text, name, &value.to_string());
    }
    line(text, "cluster", &header.cluster.to_string());
    line(text, "size", &format!("{} (header 256, body {})", header.size, header.body_size()));
    line(text, "epoch", &header.epoch.to_string());
    line(text, "view", &header.view.to_string());
    line(text, "release", &header.release().to_string());
    line(text, "protocol", &header.protocol.to_string());
    line(text, "command", "prepare");
    line(text, "replica", &header.replica.to_string());
    line(text, "client", &header.client.to_string());
    line(text, "op", &header.op.to_string());
    line(text, "commit", &header.commit.to_string());
    let timestamp = header.timestamp.get();
    line(text, "timestamp", &format!("{timestamp} ({})", human::time(timestamp)));
    line(text, "request", &header.request.to_string());
    line(text, "operation", &header.operation().to_string());
}

fn chain(text: &mut String, found: &Found) {
    text.push_str("\nchain\n");
    let (op, parent) = (found.header.op.get(), found.header.parent);
    let value = match (found.parents.listed.first(), is_root(found)) {
        (Some(place), _) => format!("op {} at {}", place.op, offsets(&found.parents)),
        (None, true) => "none: the log begins here".into(),
        (None, false) => format!("op {}, checksum {parent}: not in this file", op.saturating_sub(1)),
    };
    line(text, "parent", &value);
    let mut children: Vec<_> = found.children.listed.iter().map(|place| place.checksum).collect();
    children.sort();
    children.dedup();
    for checksum in &children {
        let mut places = found.children.clone();
        places.listed.retain(|place| place.checksum == *checksum);
        if children.len() > 1 {
            places.count = places.listed.len() as u64;
        }
        let child = places.listed.first().map_or(0, |place| place.op);
        let fork = if children.len() > 1 { format!(", checksum {checksum} (a fork)") } else { String::new() };
        line(text, "child", &format!("op {child} at {}{fork}", offsets(&places)));
    }
    if children.is_empty() {
        line(text, "child", "not in this file");
    }
    let copies = match found.copies.count {
        0 | 1 => "none in this file".into(),
        count => {
            let mut others = found.copies.clone();
            others.listed.retain(|place| place.offset != found.offset);
            others.count = count - 1;
            format!("{} more at {}", others.count, offsets(&others))
        }
    };
    line(text, "copies", &copies);
}

/// `byte 5`, `bytes 5, 7`.
fn offsets(places: &Places) -> String {
    let shown = places.listed.iter().take(PLACES_SHOWN).map(|place| place.offset.to_string());
    let shown: Vec<String> = shown.collect();
    let more = match places.count.saturating_sub(shown.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if places.count == 1 { "byte" } else { "bytes" };
    format!("{noun} {}{more}", shown.join(", "))
}

fn whole_body(text: &mut String, args: &ShowArgs, header: &Header, bytes: &[u8]) {
    match Body::new(header, bytes) {
        Body::Empty => text.push_str("\nbody: none\n"),
        Body::Events { form, batches, trailer_size, block } => {
            let noun = form.kind.name();
            let packed = if form.is_batched {
                let counts: Vec<String> = batches.iter().take(EVENTS_SHOWN).map(usize::to_string).collect();
                let more = if batches.len() > EVENTS_SHOWN { ", ..." } else { "" };
                let counts = counts.join(", ");
                format!(
                    "in {}: {counts}{more}; trailer {trailer_size} bytes",
                    human::noun(batches.len() as u64, "batch", "batches")
                )
            } else {
                "plain".into()
            };
            let _ = writeln!(
                text,
                "\nbody: {} bytes, {}, {packed}",
                bytes.len(),
                human::noun(block.count() as u64, noun, &format!("{noun}s"))
            );
            events(text, args, &block);
        }
        Body::Bytes { bytes, error } => {
            let error = error.map(|error| format!(": no events: {error}")).unwrap_or_default();
            let shown = if args.all { bytes } else { bytes.get(..BYTES_SHOWN).unwrap_or(bytes) };
            let _ = writeln!(text, "\nbody: {} bytes{error}", bytes.len());
            text.push_str(&hex_dump(shown));
            if shown.len() < bytes.len() {
                let _ = writeln!(text, "  and {} more bytes: --all shows them", bytes.len() - shown.len());
            }
        }
    }
}

fn events(text: &mut String, args: &ShowArgs, block: &EventBlock) {
    let shown = if args.all { usize::MAX } else { EVENTS_SHOWN };
    for row in EventTable::rows(block).take(shown) {
        let (index, batch) = (row.index, row.batch);
        let at = human::time(row.timestamp);
        let _ = writeln!(text, "\n  event {index}, batch {batch}, time {} ({at})", row.timestamp);
        for column in columns() {
            let value = match (column.get)(row) {
                Value::Null => continue,
                Value::Number(number) if column.name == "flags" && number != 0 => {
                    format!("{number} ({})", flags(row))
                }
                Value::Number(number) => number.to_string(),
                Value::Wide(number) => number.to_string(),
                Value::Text(text) => text.into_owned(),
                Value::Time(ns) => human::time(ns),
            };
            let _ = writeln!(text, "    {:<19}{value}", column.name);
        }
    }
    if block.count() > shown {
        let _ = writeln!(text, "\n  and {} more events: --all shows them", block.count() - shown);
    }
}
