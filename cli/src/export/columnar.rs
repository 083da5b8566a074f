//! Rows as Parquet: a row group for each block, by the low-level writer of the crate `parquet`.
//!
//! A row group's columns are encoded and compressed in memory, by any thread; the file takes them in order.
//! Types are those that DuckDB and Spark both read without loss, see `docs/export.md`. A decimal of 38
//! digits, the largest that they have, does not hold every amount: where one does not fit it is null, and
//! the column beside it has all 128 bits.
//!
//! Columns whose neighbours are mostly the same get a dictionary, the others do not: looking for repeats
//! takes longer than all else. Zstandard at its first level makes files about half as large as Snappy.

use super::table::{Block, Column, Table, Type, Value};
use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, SchemaDescPtr, SchemaDescriptor, Type as Schema};
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;

/// How a table is encoded.
#[derive(Debug)]
pub struct Encoder<T> {
    schema: SchemaDescPtr,
    properties: Arc<WriterProperties>,
    table: PhantomData<T>,
}

/// A block, encoded.
#[derive(Debug)]
pub struct RowGroup(Vec<(Bytes, ColumnCloseResult)>);

/// The largest decimal of 38 digits.
const DECIMAL_MAX: u128 = 10_u128.pow(DECIMAL_DIGITS.unsigned_abs()) - 1;
const DECIMAL_DIGITS: i32 = 38;

/// Bytes of a number of 128 bits.
const WIDE_SIZE: usize = 16;
const WIDE_LENGTH: i32 = 16;
const _: () = assert!(WIDE_LENGTH as usize == WIDE_SIZE);

impl<T: Table> Encoder<T> {
    /// The encoder of a table.
    ///
    /// # Errors
    ///
    /// The crate's, for a schema that is none.
    pub fn new() -> Result<Self> {
        let fields = T::COLUMNS.iter().map(field).collect::<Result<Vec<_>>>()?;
        let root = Schema::group_type_builder("schema").with_fields(fields).build()?;
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("aof version ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_dictionary_enabled(false);
        for column in T::COLUMNS.iter().filter(|column| column.repeats) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name), true);
        }
        Ok(Self {
            schema: Arc::new(SchemaDescriptor::new(Arc::new(root))),
            properties: Arc::new(properties.build()),
            table: PhantomData,
        })
    }

    /// Begins a file.
    ///
    /// # Errors
    ///
    /// The output's.
    pub fn begin<W: Write + Send>(&self, output: W) -> Result<SerializedFileWriter<W>> {
        SerializedFileWriter::new(output, self.schema.root_schema_ptr(), Arc::clone(&self.properties))
    }

    /// Encodes a block.
    ///
    /// # Errors
    ///
    /// The crate's.
    pub fn encode(&self, block: &T::Block) -> Result<RowGroup> {
        let columns = T::COLUMNS.iter().zip(self.schema.columns());
        columns
            .map(|(column, schema)| self.column(column, schema, block))
            .collect::<Result<_>>()
            .map(RowGroup)
    }

    fn column(
        &self,
        column: &Column<T>,
        schema: &ColumnDescPtr,
        block: &T::Block,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let mut encoded = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut encoded));
        let values = T::rows(block).map(column.get);
        let count = block.count();
        let closed = match get_column_writer(Arc::clone(schema), Arc::clone(&self.properties), pages) {
            ColumnWriter::Int32ColumnWriter(writer) => {
                let values = values.map(|value| match value {
                    // Unsigned: the same 32 bits.
                    Value::Number(number) => Some(u32::try_from(number).unwrap_or(u32::MAX).cast_signed()),
                    _ => None,
                });
                write(writer, column.is_optional, count, values)
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                let values = values.map(|value| match value {
                    Value::Number(number) => Some(number.cast_signed()),
                    _ => None,
                });
                write(writer, column.is_optional, count, values)
            }
            ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
                let values = wide(column.kind, count, values);
                write(writer, column.is_optional, count, values.into_iter())
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => texts(writer, column.is_optional, count, values),
            _ => Err(ParquetError::General(format!("column {} has no such type", column.name))),
        }?;
        Ok((Bytes::from(encoded.into_inner()?), closed))
    }
}

impl RowGroup {
    /// Writes the row group behind those that the file has.
    ///
    /// # Errors
    ///
    /// The output's.
    pub fn append_to<W: Write + Send>(self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let mut group = file.next_row_group()?;
        for (bytes, closed) in self.0 {
            group.append_column(&bytes, closed)?;
        }
        group.close().map(drop)
    }
}

/// A column's type.
fn field<T: Table>(column: &Column<T>) -> Result<Arc<Schema>> {
    let unsigned = |bit_width| Some(LogicalType::integer(bit_width, false));
    let (physical, logical) = match column.kind {
        Type::U8 => (Physical::INT32, unsigned(8)),
        Type::U16 => (Physical::INT32, unsigned(16)),
        Type::U32 => (Physical::INT32, unsigned(32)),
        Type::U64 => (Physical::INT64, unsigned(64)),
        Type::U128 | Type::Hex => (Physical::FIXED_LEN_BYTE_ARRAY, None),
        Type::Decimal => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(0, DECIMAL_DIGITS))),
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    // A decimal may not fit.
    let is_optional = column.is_optional || column.kind == Type::Decimal;
    let repetition = if is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let mut builder = Schema::primitive_type_builder(column.name, physical)
        .with_repetition(repetition)
        .with_converted_type(ConvertedType::NONE)
        .with_logical_type(logical);
    if physical == Physical::FIXED_LEN_BYTE_ARRAY {
        builder = builder.with_length(WIDE_LENGTH);
    }
    if column.kind == Type::Decimal {
        builder = builder.with_precision(DECIMAL_DIGITS).with_scale(0);
    }
    builder.build().map(Arc::new)
}

/// Writes a column's values; what is `None` is null.
fn write<D: DataType>(
    mut writer: ColumnWriterImpl<'_, D>,
    is_optional: bool,
    count: usize,
    values: impl Iterator<Item = Option<D::T>>,
) -> Result<ColumnCloseResult> {
    let mut there = Vec::with_capacity(count);
    if !is_optional {
        there.extend(values.flatten());
        writer.write_batch(&there, None, None)?;
        return writer.close();
    }
    let mut levels = Vec::with_capacity(count);
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    writer.write_batch(&there, Some(&levels), None)?;
    writer.close()
}

/// Numbers of 128 bits as big-endian bytes, which share one piece of memory.
fn wide(kind: Type, count: usize, values: impl Iterator<Item = Value>) -> Vec<Option<FixedLenByteArray>> {
    let mut bytes = Vec::with_capacity(count * WIDE_SIZE);
    let mut is_there = Vec::with_capacity(count);
    for value in values {
        let number = match value {
            Value::Wide(number) if kind != Type::Decimal || number <= DECIMAL_MAX => Some(number),
            _ => None,
        };
        is_there.push(number.is_some());
        bytes.extend_from_slice(&number.unwrap_or(0).to_be_bytes());
    }
    let mut rest = Bytes::from(bytes);
    let mut next = |is_there: bool| {
        let bytes = rest.split_to(WIDE_SIZE.min(rest.len()));
        is_there.then(|| FixedLenByteArray::from(ByteArray::from(bytes)))
    };
    is_there.into_iter().map(&mut next).collect()
}

fn texts(
    writer: ColumnWriterImpl<'_, ByteArrayType>,
    is_optional: bool,
    count: usize,
    values: impl Iterator<Item = Value>,
) -> Result<ColumnCloseResult> {
    let mut last = ByteArray::from("");
    let values = values.map(|value| match value {
        Value::Text(text) => {
            if last.data() != text.as_bytes() {
                last = ByteArray::from(text.as_ref());
            }
            Some(last.clone())
        }
        _ => None,
    });
    write(writer, is_optional, count, values)
}
