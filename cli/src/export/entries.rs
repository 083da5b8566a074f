//! The table of entries: a row for each, its header alone.

use super::table::{Block, Column, Table, Type, Value};
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
        Column::new("op", Type::U64, |row: &EntryRow| row.header.op.get().into()),
        Column::new("timestamp", Type::U64, |row: &EntryRow| row.header.timestamp.get().into()),
        Column::new("operation", Type::U8, |row: &EntryRow| row.header.operation.into()).repeating(),
        Column::new("operation_name", Type::Text, |row: &EntryRow| row.header.operation().name().into())
            .optional()
            .repeating(),
        Column::new("client", Type::U128, |row: &EntryRow| row.header.client.get().into()).repeating(),
        Column::new("request", Type::U32, |row: &EntryRow| row.header.request.get().into()),
        Column::new("cluster", Type::U128, |row: &EntryRow| row.header.cluster.get().into()).repeating(),
        Column::new("view", Type::U32, |row: &EntryRow| row.header.view.get().into()).repeating(),
        Column::new("release", Type::Text, |row: &EntryRow| {
            Value::Text(row.header.release().to_string().into())
        })
        .repeating(),
        Column::new("replica", Type::U8, |row: &EntryRow| row.header.replica.into()).repeating(),
        Column::new("commit", Type::U64, |row: &EntryRow| row.header.commit.get().into()),
        Column::new("checksum", Type::Hex, |row: &EntryRow| row.header.checksum.get().into()),
        Column::new("parent", Type::Hex, |row: &EntryRow| row.header.parent.get().into()),
        Column::new("checksum_body", Type::Hex, |row: &EntryRow| row.header.checksum_body.get().into()),
        Column::new("request_checksum", Type::Hex, |row: &EntryRow| row.header.request_checksum.get().into()),
        Column::new("checkpoint_id", Type::Hex, |row: &EntryRow| row.header.checkpoint_id.get().into())
            .repeating(),
        Column::new("size", Type::U32, |row: &EntryRow| row.header.size.get().into()),
        Column::new("file", Type::Text, |row: &EntryRow| {
            Value::Text(row.file.to_string_lossy().into_owned().into())
        })
        .repeating(),
        Column::new("offset", Type::U64, |row: &EntryRow| row.offset.into()),
    ];

    fn rows(block: &EntryBlock) -> impl Iterator<Item = &EntryRow> {
        block.0.iter()
    }
}
