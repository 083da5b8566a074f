//! The table of entries: a row for each, its header alone.

use super::table::{Block, Column, Table, Time, column};
use aof_nostd::wire::Header;
use std::path::Path;
use std::sync::Arc;

/// The table of entries.
#[derive(Clone, Copy, Debug)]
pub struct EntryTable;

/// An entry's header, and where it stands.
#[derive(Clone, Debug)]
pub struct EntryRow {
    file: Arc<Path>,
    offset: u64,
    header: Header,
}

/// Rows of entries.
#[derive(Clone, Debug, Default)]
pub struct EntryBlock(Vec<EntryRow>);

impl EntryBlock {
    /// Adds an entry.
    pub fn push(&mut self, file: &Arc<Path>, offset: u64, header: &Header) {
        self.0.push(EntryRow { file: Arc::clone(file), offset, header: *header });
    }
}

impl Block for EntryBlock {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ops(&self) -> Option<(u64, u64)> {
        let ops = || self.0.iter().map(|row| row.header.op.get());
        ops().min().zip(ops().max())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Table for EntryTable {
    type Block = EntryBlock;
    type Row<'a> = &'a EntryRow;

    const COLUMNS: &'static [Column<Self>] = &[
        column!("op", U64, |row: &EntryRow| row.header.op.get()).sequence(),
        column!("timestamp", U64, |row: &EntryRow| row.header.timestamp.get()),
        column!("time", Text, |row: &EntryRow| Time(row.header.timestamp.get())).in_text_only(),
        column!("operation", U8, |row: &EntryRow| row.header.operation).repeating(),
        column!("operation_name", Text, |row: &EntryRow| row.header.operation().name())
            .optional()
            .repeating(),
        column!("client", U128, |row: &EntryRow| row.header.client.get()).repeating(),
        column!("request", U32, |row: &EntryRow| row.header.request.get()),
        column!("cluster", U128, |row: &EntryRow| row.header.cluster.get()).repeating(),
        column!("view", U32, |row: &EntryRow| row.header.view.get()).repeating(),
        column!("release", Text, |row: &EntryRow| row.header.release().to_string()).repeating(),
        column!("replica", U8, |row: &EntryRow| row.header.replica).repeating(),
        column!("commit", U64, |row: &EntryRow| row.header.commit.get()).sequence(),
        column!("checksum", Hex, |row: &EntryRow| row.header.checksum.get()),
        column!("parent", Hex, |row: &EntryRow| row.header.parent.get()),
        column!("checksum_body", Hex, |row: &EntryRow| row.header.checksum_body.get()),
        column!("request_checksum", Hex, |row: &EntryRow| row.header.request_checksum.get()),
        column!("checkpoint_id", Hex, |row: &EntryRow| row.header.checkpoint_id.get()).repeating(),
        column!("size", U32, |row: &EntryRow| row.header.size.get()),
        column!("file", Text, |row: &EntryRow| row.file.to_string_lossy().into_owned()).repeating(),
        column!("offset", U64, |row: &EntryRow| row.offset),
    ];

    fn rows(block: &EntryBlock) -> impl Iterator<Item = &EntryRow> {
        block.0.iter()
    }
}
