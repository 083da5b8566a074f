//! Where the last entries of a file begin, found from its end.
//!
//! Entries can be read only forwards. So a window at the file's end is read, then a larger one, until it has
//! enough of them:
//!
//! ```text
//!                from        trusted                        end
//!   -------------|-----------|------------------------------|
//!                 one entry    entries that count
//! ```
//!
//! What is found behind `from` may lie inside the body of an entry that began before it (somebody stored a log
//! in a log). No body is longer than the size limit: what stands at `trusted` or behind it is the log's own.
//!
//! Time: the windows grow fourfold, so at most about the file once and a half. Memory: none, since a window is
//! read once to count and once more to stop in the right place.

use super::file::{Now, Told};
use crate::source::into_io;
use aof_nostd::Event;
use aof_nostd::wire::MAGIC_SIZE;
use std::io;

/// Bytes of the first window, beside the one entry that is not trusted.
const WINDOW_SIZE: u64 = 64 << 10;

/// Where entries begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) position: u64,
    /// The entry before.
    pub(super) before: Option<Told>,
}

/// Where the last `count` entries begin: behind the last one for none, and at the file's beginning where there
/// are fewer.
pub(super) fn last_entries(reader: &mut Now<'_>, count: u64) -> io::Result<Begin> {
    let entry_size_max = MAGIC_SIZE as u64 + u64::from(reader.message_size_max());
    let end = reader.end();
    let mut size = WINDOW_SIZE.saturating_add(count.saturating_mul(512)).min(end);
    loop {
        let from = end.saturating_sub(size.saturating_add(entry_size_max));
        let (first, trusted) = match from {
            0 => (Some(0), 0),
            _ => (reader.search(from, end).map_err(into_io)?, from.saturating_add(entry_size_max)),
        };
        if let Some(first) = first {
            let (entries, _) = walk(reader, first, trusted, u64::MAX)?;
            if entries >= count.max(1) || from == 0 {
                return Ok(walk(reader, first, trusted, entries.saturating_sub(count))?.1);
            }
        }
        size = size.saturating_mul(4);
    }
}

/// Passes `pass` entries that stand at `trusted` or behind it, from the boundary `first` on. Gives how many it
/// passed, and the place behind them.
fn walk(reader: &mut Now<'_>, first: u64, trusted: u64, pass: u64) -> io::Result<(u64, Begin)> {
    reader.set_position(first);
    reader.set_last_checksum(None);
    let mut begin = Begin { position: first, before: None };
    let mut passed = 0;
    let end = reader.end();
    while begin.position < trusted || passed < pass {
        match reader.next_event().map_err(into_io)? {
            Some(Event::Entry(located)) => {
                passed += u64::from(located.offset >= trusted);
                let told = Told::new(&located);
                begin = Begin { position: told.end, before: Some(told) };
            }
            // Behind the last whole entry: what is there is looked at by the follower.
            Some(Event::Damage(_, next)) if next >= end => break,
            Some(Event::Damage(_, next)) => begin = Begin { position: next, before: begin.before },
            None => break,
        }
    }
    Ok((passed, begin))
}
