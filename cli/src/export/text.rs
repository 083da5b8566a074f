//! Rows as text: JSON lines, and CSV by RFC 4180.

use super::table::{Block, Column, Table, Type, Value};
use crate::human;

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// An object a line.
    Jsonl,
    /// Names in the first line, then a line for each row.
    Csv,
}

impl Text {
    /// What stands before the first row.
    #[must_use]
    pub fn head<T: Table>(self) -> Vec<u8> {
        match self {
            Self::Jsonl => Vec::new(),
            Self::Csv => {
                let names: Vec<&str> = columns::<T>().map(|column| column.name).collect();
                format!("{}\r\n", names.join(",")).into_bytes()
            }
        }
    }

    /// The rows of a block.
    #[must_use]
    pub fn encode<T: Table>(self, block: &T::Block) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(block.count() * ROW_SIZE);
        for row in T::rows(block) {
            match self {
                Self::Jsonl => json::<T>(&mut bytes, row),
                Self::Csv => csv::<T>(&mut bytes, row),
            }
        }
        bytes
    }
}

/// About what a row of text takes.
const ROW_SIZE: usize = 600;

fn columns<T: Table>() -> impl Iterator<Item = &'static Column<T>> {
    T::COLUMNS.iter().filter(|column| !column.is_parquet_only)
}

fn json<T: Table>(bytes: &mut Vec<u8>, row: T::Row<'_>) {
    let mut between = b'{';
    for column in columns::<T>() {
        bytes.extend_from_slice(&[between, b'"']);
        bytes.extend_from_slice(column.name.as_bytes());
        bytes.extend_from_slice(b"\":");
        json_value(bytes, column.kind, &(column.get)(row));
        between = b',';
    }
    bytes.extend_from_slice(b"}\n");
}

/// A value as JSON: numbers of 128 bits are strings, as JSON's readers have none.
pub fn json_value(bytes: &mut Vec<u8>, kind: Type, value: &Value) {
    match value {
        Value::Null => bytes.extend_from_slice(b"null"),
        Value::Number(number) => digits(bytes, *number),
        Value::Wide(number) => {
            bytes.push(b'"');
            wide(bytes, kind, *number);
            bytes.push(b'"');
        }
        Value::Time(ns) => {
            bytes.push(b'"');
            bytes.extend_from_slice(&human::time_bytes(*ns));
            bytes.push(b'"');
        }
        Value::Text(text) => {
            let before = bytes.len();
            if serde_json::to_writer(&mut *bytes, text).is_err() {
                bytes.truncate(before); // a Vec takes everything, and text is always JSON
            }
        }
    }
}

fn csv<T: Table>(bytes: &mut Vec<u8>, row: T::Row<'_>) {
    let mut is_first = true;
    for column in columns::<T>() {
        if !is_first {
            bytes.push(b',');
        }
        is_first = false;
        match (column.get)(row) {
            Value::Null => {}
            Value::Number(number) => digits(bytes, number),
            Value::Wide(number) => wide(bytes, column.kind, number),
            Value::Time(ns) => bytes.extend_from_slice(&human::time_bytes(ns)),
            Value::Text(text) if text.contains(['"', ',', '\r', '\n']) => {
                bytes.push(b'"');
                bytes.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                bytes.push(b'"');
            }
            Value::Text(text) => bytes.extend_from_slice(text.as_bytes()),
        }
    }
    bytes.extend_from_slice(b"\r\n");
}

fn digits(bytes: &mut Vec<u8>, number: impl itoa::Integer) {
    bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn wide(bytes: &mut Vec<u8>, kind: Type, number: u128) {
    match kind {
        Type::Hex => bytes.extend_from_slice(format!("{number:032x}").as_bytes()),
        _ => digits(bytes, number),
    }
}
