//! An entry for programs: one object, a line.

use super::args::ShowArgs;
use super::body::{Body, columns, flags};
use super::doubt::Doubt;
use super::find::{Found, Places};
use crate::export::events::{EventRow, EventTable};
use crate::export::table::Table;
use crate::export::text::json_value;
use crate::line::{Lines, Style};
use aof_nostd::Header;
use serde_json::{Map, Value, json};

/// An entry.
#[must_use]
pub fn entry(args: &ShowArgs, found: &Found, doubt: &Doubt, bytes: &[u8]) -> Vec<u8> {
    let header = &found.header;
    // The fields are those of `aof debug --json`.
    let mut lines = Lines::new(Style::Json, Vec::new());
    lines.entry(found.offset, header);
    let mut object: Map<String, Value> = serde_json::from_slice(&lines.bytes).unwrap_or_default();
    object.insert("file".into(), json!(args.file.to_string_lossy()));
    object.insert("copies".into(), offsets(&found.copies));
    object.insert("copies_count".into(), json!(found.copies.count));
    object.insert("parent_offsets".into(), offsets(&found.parents));
    object.insert("children".into(), places(&found.children));
    object.insert("missing_behind".into(), json!(doubt.missing.first()));
    object.insert("missing_ops".into(), json!(doubt.missing));
    object.insert("damaged_behind".into(), json!(doubt.damaged > 0));
    object.insert("body".into(), body(header, bytes));
    let mut line = serde_json::to_vec(&object).unwrap_or_default();
    line.push(b'\n');
    line
}

fn offsets(places: &Places) -> Value {
    places.listed.iter().map(|place| place.offset).collect::<Vec<_>>().into()
}

fn places(places: &Places) -> Value {
    let place = |place: &super::find::Place| json!({"op": place.op, "offset": place.offset, "checksum": place.checksum.to_string()});
    places.listed.iter().map(place).collect::<Vec<_>>().into()
}

fn body(header: &Header, bytes: &[u8]) -> Value {
    let size = bytes.len();
    match Body::new(header, bytes) {
        Body::Empty => json!({"kind": "empty", "size": 0}),
        Body::Events { form, batches, trailer_size, block } => json!({
            "kind": "events",
            "size": size,
            "event": form.kind.name(),
            "layout": if form.is_batched { "multi-batch" } else { "plain" },
            "batches": batches,
            "trailer_size": trailer_size,
            "events": EventTable::rows(&block).map(event).collect::<Vec<_>>(),
        }),
        Body::Bytes { bytes, error } => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"kind": "bytes", "size": size, "error": error.map(|error| error.to_string()), "hex": hex})
        }
    }
}

/// An event: the columns of an export that are its own, and the names of its flags.
fn event(row: EventRow<'_>) -> Value {
    let mut object = Map::new();
    object.insert("event_index".into(), row.index.into());
    object.insert("batch_index".into(), row.batch.into());
    object.insert("event_timestamp".into(), row.timestamp.into());
    for column in columns() {
        let mut bytes = Vec::new();
        json_value(&mut bytes, column.kind, &(column.get)(row));
        match serde_json::from_slice(&bytes) {
            Ok(Value::Null) | Err(_) => continue,
            Ok(value) => object.insert(column.name.into(), value),
        };
    }
    let flags = flags(row);
    let flags: Vec<&str> = flags.split('|').filter(|name| !name.is_empty()).collect();
    object.insert("flag_names".into(), flags.into());
    object.into()
}
