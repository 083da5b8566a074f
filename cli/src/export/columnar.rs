//! Rows as Parquet: a row group for each block, by the low-level writer of the crate `parquet`.
//!
//! A row group's columns are encoded and compressed in memory, by any thread; the file takes them in order.
//! Types are those that DuckDB and Spark both read without loss, see `docs/export.md`. A decimal of 38
//! digits, the largest that they have, does not hold every amount: where one does not fit it is null, and
//! the column beside it, null elsewhere, has all 128 bits.
//!
//! Columns whose neighbours are mostly the same get a dictionary, and numbers that go up by one are kept as
//! differences. The others get neither: looking for repeats takes longer than all else. Likewise a row group
//! tells the lowest and highest of numbers up to 64 bits and of text, and of wider numbers only where they
//! mostly grow: elsewhere nothing could be passed over by it. Pages are compressed by Zstandard at its first
//! level. Those of wide numbers without a dictionary are made in the module `wide`.

use super::table::{Column, DECIMAL_MAX, Table, Type, Values};
use super::wide::WideColumn;
use bytes::Bytes;
use parquet::basic::{
    Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel,
};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, SchemaDescPtr, SchemaDescriptor, Type as Schema};
use std::borrow::Cow;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;
use zstd::bulk::Compressor;

/// How a table is encoded.
#[derive(Debug)]
pub struct Encoder<T> {
    schema: SchemaDescPtr,
    properties: Arc<WriterProperties>,
    level: ZstdLevel,
    table: PhantomData<T>,
}

/// A block, encoded.
#[derive(Debug)]
pub struct RowGroup(Vec<(Bytes, ColumnCloseResult)>);

/// The columns that Parquet has.
fn parquet_columns<T: Table>() -> impl Iterator<Item = &'static Column<T>> {
    T::COLUMNS.iter().filter(|column| !column.is_text_only)
}

/// As many as [`DECIMAL_MAX`] has.
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
        let fields = parquet_columns::<T>().map(field).collect::<Result<Vec<_>>>()?;
        let root = Schema::group_type_builder("schema").with_fields(fields).build()?;
        let level = ZstdLevel::try_new(1)?;
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("aof version ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_dictionary_enabled(false);
        for column in parquet_columns::<T>().filter(|column| column.repeats) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name), true);
        }
        for column in parquet_columns::<T>().filter(|column| column.is_sequence) {
            let delta = Encoding::DELTA_BINARY_PACKED;
            properties = properties.set_column_encoding(ColumnPath::from(column.name), delta);
        }
        for column in parquet_columns::<T>().filter(|column| is_wide(column) && !column.is_ordered) {
            let none = EnabledStatistics::None;
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column.name), none);
        }
        Ok(Self {
            schema: Arc::new(SchemaDescriptor::new(Arc::new(root))),
            properties: Arc::new(properties.build()),
            level,
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
    /// All columns of some rows at a time, so that rows and values stay in a core's cache.
    ///
    /// # Errors
    ///
    /// The crate's.
    pub fn encode(&self, block: &T::Block) -> Result<RowGroup> {
        let columns = self.schema.columns();
        let mut encoded: Vec<_> = columns.iter().map(|_| TrackedWrite::new(Vec::new())).collect();
        let outputs = columns.iter().zip(&mut encoded);
        let writer = |(column, (schema, encoded))| self.writer(column, schema, encoded);
        let mut writers: Vec<Writer<'_>> = parquet_columns::<T>().zip(outputs).map(writer).collect();
        let mut rows = T::rows(block);
        let mut some = Vec::with_capacity(ROWS);
        let mut buffers = Buffers::default();
        let mut compressor = Compressor::new(self.level.compression_level())?;
        loop {
            some.extend(rows.by_ref().take(ROWS));
            if some.is_empty() {
                break;
            }
            for (column, writer) in parquet_columns::<T>().zip(&mut writers) {
                buffers.write(column, &some, writer, &mut compressor)?;
            }
            some.clear();
        }
        let close = |writer| match writer {
            Writer::Wide(writer) => WideColumn::close(*writer, &mut compressor),
            Writer::Other(writer) => writer.close(),
        };
        let closed = writers.into_iter().map(close).collect::<Result<Vec<_>>>()?;
        let chunk =
            |(encoded, closed): (TrackedWrite<Vec<u8>>, _)| Ok((encoded.into_inner()?.into(), closed));
        encoded.into_iter().zip(closed).map(chunk).collect::<Result<_>>().map(RowGroup)
    }
}

impl<T: Table> Encoder<T> {
    fn writer<'a>(
        &self,
        column: &Column<T>,
        schema: &ColumnDescPtr,
        encoded: &'a mut TrackedWrite<Vec<u8>>,
    ) -> Writer<'a> {
        let schema = Arc::clone(schema);
        if is_wide(column) && !column.repeats {
            return Writer::Wide(Box::new(WideColumn::new(schema, encoded, self.level, column.is_ordered)));
        }
        let pages = Box::new(SerializedPageWriter::new(encoded));
        Writer::Other(Box::new(get_column_writer(schema, Arc::clone(&self.properties), pages)))
    }
}

/// What a column is written by.
enum Writer<'a> {
    Wide(Box<WideColumn<'a>>),
    Other(Box<ColumnWriter<'a>>),
}

/// Rows that are encoded at a time.
const ROWS: usize = 1024;

/// Values in the form that a column's writer takes. The memory is used again.
#[derive(Debug, Default)]
struct Buffers {
    values: Values,
    int32: Vec<i32>,
    int64: Vec<i64>,
    wide: Vec<FixedLenByteArray>,
    texts: Vec<ByteArray>,
}

impl Buffers {
    fn write<T: Table>(
        &mut self,
        column: &Column<T>,
        rows: &[T::Row<'_>],
        writer: &mut Writer<'_>,
        compressor: &mut Compressor<'_>,
    ) -> Result<()> {
        let Self { values, int32, int64, wide, texts } = self;
        values.clear();
        (column.fill)(rows, values);
        if column.kind == Type::Decimal {
            leave_out_wide(values);
        }
        let levels = is_optional(column).then_some(values.levels.as_slice());
        let writer = match writer {
            Writer::Wide(writer) => return writer.write(&values.wide, levels, compressor),
            Writer::Other(writer) => writer.as_mut(),
        };
        match writer {
            // Unsigned: the same bits.
            ColumnWriter::Int32ColumnWriter(writer) => {
                let low = |number: &u64| u32::try_from(*number).unwrap_or(u32::MAX).cast_signed();
                write(writer, levels, int32, values.numbers.iter().map(low))
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                write(writer, levels, int64, values.numbers.iter().map(|number| number.cast_signed()))
            }
            ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
                write(writer, levels, wide, big_endian(&values.wide))
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let bytes = |text| match text {
                    Cow::Borrowed(text) => Bytes::from_static(str::as_bytes(text)).into(),
                    Cow::Owned(text) => text.into_bytes().into(),
                };
                write(writer, levels, texts, values.texts.drain(..).map(bytes))
            }
            _ => Err(ParquetError::General(format!("column {} has no such type", column.name))),
        }
    }
}

/// Makes nulls of numbers that do not fit a decimal.
fn leave_out_wide(values: &mut Values) {
    if values.wide.iter().all(|number| *number <= DECIMAL_MAX) {
        return;
    }
    let mut numbers = values.wide.iter();
    for level in values.levels.iter_mut().filter(|level| **level != 0) {
        *level = i16::from(numbers.next().is_some_and(|number| *number <= DECIMAL_MAX));
    }
    values.wide.retain(|number| *number <= DECIMAL_MAX);
}

/// Numbers as big-endian bytes, which share one piece of memory: to get a piece for each would take longer
/// than to encode it.
fn big_endian(numbers: &[u128]) -> impl Iterator<Item = FixedLenByteArray> {
    const ZERO: Bytes = Bytes::from_static(&[0; WIDE_SIZE]);
    let bytes: Vec<[u8; WIDE_SIZE]> = numbers.iter().map(|number| number.to_be_bytes()).collect();
    let mut rest = Bytes::from(bytes.into_flattened());
    numbers.iter().map(move |number| {
        let bytes = rest.split_to(WIDE_SIZE.min(rest.len()));
        FixedLenByteArray::from(ByteArray::from(if *number == 0 { ZERO } else { bytes }))
    })
}

/// Writes a column's values; `levels` tell which rows have one.
fn write<D: DataType>(
    writer: &mut ColumnWriterImpl<'_, D>,
    levels: Option<&[i16]>,
    buffer: &mut Vec<D::T>,
    values: impl Iterator<Item = D::T>,
) -> Result<()> {
    buffer.clear();
    buffer.extend(values);
    writer.write_batch(buffer, levels, None).map(drop)
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

/// Whether the values are bytes of a fixed length.
fn is_wide<T: Table>(column: &Column<T>) -> bool {
    matches!(column.kind, Type::U128 | Type::Decimal | Type::Hex)
}

/// Whether a row may have no value: where it has none, and where a decimal does not fit.
fn is_optional<T: Table>(column: &Column<T>) -> bool {
    column.is_optional || column.kind == Type::Decimal
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
    let repetition = if is_optional(column) { Repetition::OPTIONAL } else { Repetition::REQUIRED };
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
