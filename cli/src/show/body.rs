//! A body, decoded where its operation is known: [`Body`].

use crate::export::events::{EventBlock, EventRow, EventTable};
use crate::export::table::{Column, Table};
use aof_nostd::Header;
use aof_nostd::message::{EventForm, Events, EventsError};
use std::fmt::Write;

/// What a body is.
#[derive(Debug)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// Accounts or transfers.
    Events {
        /// How they are packed.
        form: EventForm,
        /// The number of events of each batch.
        batches: Vec<usize>,
        /// Bytes behind the events.
        trailer_size: usize,
        /// The events.
        block: EventBlock,
    },
    /// Anything else.
    Bytes {
        /// The body.
        bytes: &'a [u8],
        /// Why it is no sequence of events, where it should be one.
        error: Option<EventsError>,
    },
}

impl<'a> Body<'a> {
    /// Looks at a body.
    #[must_use]
    pub fn new(header: &Header, bytes: &'a [u8]) -> Self {
        match Events::of(header.operation(), bytes) {
            Ok(Some(events)) => {
                let mut block = EventBlock::default();
                block.push(header, &events, |_| true);
                Self::Events {
                    form: events.form(),
                    batches: events.batches().map(<[_]>::len).collect(),
                    trailer_size: bytes.len().saturating_sub(events.count() * aof_nostd::message::EVENT_SIZE),
                    block,
                }
            }
            _ if bytes.is_empty() => Self::Empty,
            Ok(None) => Self::Bytes { bytes, error: None },
            Err(error) => Self::Bytes { bytes, error: Some(error) },
        }
    }
}

/// The columns of an export that tell of the event alone.
pub fn columns() -> impl Iterator<Item = &'static Column<EventTable>> {
    let is_first = |column: &&Column<EventTable>| column.name == crate::export::events::FIRST_OF_EVENT;
    let first = EventTable::COLUMNS.iter().position(|column| is_first(&column)).unwrap_or(0);
    EventTable::COLUMNS.iter().skip(first).filter(|column| !column.is_parquet_only)
}

/// An event's flags by name.
#[must_use]
pub fn flags(row: EventRow<'_>) -> String {
    match row.event {
        aof_nostd::message::Event::Account(account) => account.flags().to_string(),
        aof_nostd::message::Event::Transfer(transfer) => transfer.flags().to_string(),
    }
}

/// Bytes as lines: place, sixteen bytes, and what of them is text.
#[must_use]
pub fn hex_dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in bytes.chunks(LINE_SIZE).enumerate() {
        let _ = write!(text, "  {:08x} ", line * LINE_SIZE);
        for at in 0..LINE_SIZE {
            let gap = if at == LINE_SIZE / 2 { " " } else { "" };
            let _ = match bytes.get(at) {
                Some(byte) => write!(text, "{gap} {byte:02x}"),
                None => write!(text, "{gap}   "),
            };
        }
        let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        let _ = writeln!(text, "  |{}|", bytes.iter().map(shown).collect::<String>());
    }
    text
}

const LINE_SIZE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_shows_place_bytes_and_text() {
        let bytes: Vec<u8> = (0x20..0x34).chain([0, 0xff]).collect();
        assert_eq!(
            hex_dump(&bytes),
            "  00000000  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f  | !\"#$%&'()*+,-./|\n  \
             00000010  30 31 32 33 00 ff                                 |0123..|\n"
        );
    }
}
