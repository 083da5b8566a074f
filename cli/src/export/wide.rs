//! Columns of 128-bit values as pages of Parquet: [`WideColumn`].
//!
//! The crate's writer takes an object for each value, which shares a piece of memory and counts who does; with five such
//! columns of an event that was a fifth of an export's time. In the file a value is its 16 bytes, big-endian (the
//! encoding PLAIN), so these pages are made here, and the crate puts them into the file:
//!
//! ```text
//! page     | size of levels u32 | levels | value | value | ..     compressed
//!            of an optional column only
//! levels   a bit a row, 1 where it has a value:
//!          | varint count * 2 | bit u8 | ..           as runs; or, where that is shorter,
//!          | varint groups * 2 + 1 | u8 | u8 | ..     as groups of eight rows, the first row's bit lowest
//! ```
//!
//! Facts: "Encodings" of the format's documentation (apache/parquet-format), data pages of version 1.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// Rows of a page: after how many the crate's writer ends one.
const PAGE_ROWS: u32 = 20_000;

/// A column of a row group, as it is written.
pub(super) struct WideColumn<'a> {
    schema: ColumnDescPtr,
    output: SerializedPageWriter<'a, Vec<u8>>,
    level: ZstdLevel,
    page: PageRows,
    /// The lowest and the highest value, where they are asked for.
    bounds: Option<Option<(u128, u128)>>,
    index: OffsetIndexBuilder,
    pages: i32,
    first_page: Option<i64>,
    rows: u64,
    values: u64,
    size: i64,
    uncompressed_size: i64,
}

/// The rows of a page that is not full.
#[derive(Default)]
struct PageRows {
    /// The values, as they stand in the file.
    values: Vec<u8>,
    /// Runs of rows that have a value, or have none.
    runs: Vec<(bool, u32)>,
    rows: u32,
}

impl<'a> WideColumn<'a> {
    /// A column without rows, whose pages go to `output`.
    pub(super) fn new(
        schema: ColumnDescPtr,
        output: &'a mut TrackedWrite<Vec<u8>>,
        level: ZstdLevel,
        has_bounds: bool,
    ) -> Self {
        Self {
            schema,
            output: SerializedPageWriter::new(output),
            level,
            page: PageRows::default(),
            bounds: has_bounds.then_some(None),
            index: OffsetIndexBuilder::new(),
            pages: 0,
            first_page: None,
            rows: 0,
            values: 0,
            size: 0,
            uncompressed_size: 0,
        }
    }

    /// Adds rows. `levels` tell which of them have one of the `values`, if not all have.
    ///
    /// # Errors
    ///
    /// The crate's, and that of the compression.
    pub(super) fn write(
        &mut self,
        values: &[u128],
        levels: Option<&[i16]>,
        compressor: &mut Compressor<'_>,
    ) -> Result<()> {
        self.page.push(values, levels);
        self.values += values.len() as u64;
        if let (Some(bounds), Some(lowest), Some(highest)) =
            (&mut self.bounds, values.iter().min(), values.iter().max())
        {
            let (low, high) = bounds.unwrap_or((*lowest, *highest));
            *bounds = Some((low.min(*lowest), high.max(*highest)));
        }
        if self.page.rows >= PAGE_ROWS { self.end_page(compressor) } else { Ok(()) }
    }

    fn is_optional(&self) -> bool {
        self.schema.max_def_level() > 0
    }

    fn end_page(&mut self, compressor: &mut Compressor<'_>) -> Result<()> {
        let rows = self.page.rows;
        let plain = self.page.take(self.is_optional());
        let compressed = compressor.compress(&plain)?;
        let page = Page::DataPage {
            buf: Bytes::from(compressed),
            num_values: rows,
            encoding: Encoding::PLAIN,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = self.output.write_page(CompressedPage::new(page, plain.len()))?;
        self.page.reuse(plain);
        let offset = i64::try_from(written.offset).unwrap_or(i64::MAX);
        let size = i32::try_from(written.compressed_size).unwrap_or(i32::MAX);
        self.index.append_row_count(rows.into());
        self.index.append_offset_and_size(offset, size);
        self.first_page.get_or_insert(offset);
        self.pages += 1;
        self.rows += u64::from(rows);
        self.size += i64::from(size);
        self.uncompressed_size += i64::try_from(written.uncompressed_size).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Ends the column.
    ///
    /// # Errors
    ///
    /// As of [`write`](Self::write).
    pub(super) fn close(mut self, compressor: &mut Compressor<'_>) -> Result<ColumnCloseResult> {
        if self.page.rows > 0 {
            self.end_page(compressor)?;
        }
        self.output.close()?;
        let of_pages = PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: Encoding::PLAIN,
            count: self.pages,
        };
        let mut metadata = ColumnChunkMetaData::builder(self.schema)
            .set_compression(Compression::ZSTD(self.level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_page_encoding_stats(vec![of_pages])
            .set_total_compressed_size(self.size)
            .set_total_uncompressed_size(self.uncompressed_size)
            .set_num_values(i64::try_from(self.rows).unwrap_or(i64::MAX))
            .set_data_page_offset(self.first_page.unwrap_or(0));
        if let Some(bounds) = self.bounds {
            let bytes =
                |number: u128| FixedLenByteArray::from(ByteArray::from(number.to_be_bytes().to_vec()));
            let (low, high) = bounds.map(|(low, high)| (bytes(low), bytes(high))).unzip();
            let nulls = self.rows.saturating_sub(self.values);
            let bounds = ValueStatistics::new(low, high, None, Some(nulls), false);
            metadata = metadata.set_statistics(Statistics::FixedLenByteArray(bounds));
        }
        Ok(ColumnCloseResult {
            bytes_written: u64::try_from(self.size).unwrap_or(0),
            rows_written: self.rows,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.index.build()),
        })
    }
}

impl PageRows {
    fn push(&mut self, values: &[u128], levels: Option<&[i16]>) {
        let rows = levels.map_or(values.len(), <[i16]>::len);
        self.rows = self.rows.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
        self.values.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        for level in levels.unwrap_or_default() {
            let is_there = *level != 0;
            match self.runs.last_mut() {
                Some((of_run, count)) if *of_run == is_there => *count += 1,
                _ => self.runs.push((is_there, 1)),
            }
        }
    }

    /// The page's bytes; there are no rows behind that.
    fn take(&mut self, is_optional: bool) -> Vec<u8> {
        let values = std::mem::take(&mut self.values);
        let bytes = if is_optional {
            let levels = levels(&self.runs, self.rows);
            let size = u32::try_from(levels.len()).unwrap_or(u32::MAX).to_le_bytes();
            [size.as_slice(), &levels, &values].concat()
        } else {
            values
        };
        self.runs.clear();
        self.rows = 0;
        bytes
    }

    /// Takes memory for the next rows.
    fn reuse(&mut self, mut memory: Vec<u8>) {
        memory.clear();
        self.values = memory;
    }
}

/// The levels of a page's rows.
fn levels(runs: &[(bool, u32)], rows: u32) -> Vec<u8> {
    let mut as_runs = Vec::new();
    for (is_there, count) in runs {
        varint(&mut as_runs, u64::from(*count) << 1);
        as_runs.push((*is_there).into());
    }
    let groups = rows.div_ceil(8);
    if as_runs.len() <= groups as usize {
        return as_runs;
    }
    let mut as_bits = Vec::new();
    varint(&mut as_bits, (u64::from(groups) << 1) | 1);
    let bits: Vec<bool> =
        runs.iter().flat_map(|(is_there, count)| std::iter::repeat_n(*is_there, *count as usize)).collect();
    let group = |bits: &[bool]| (0..).zip(bits).fold(0_u8, |group, (at, bit)| group | (u8::from(*bit) << at));
    as_bits.extend(bits.chunks(8).map(group));
    as_bits
}

/// A number by seven bits a byte, the lowest first.
fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_the_shorter_of_runs_and_bits() {
        assert_eq!(levels(&[(true, 20_480)], 20_480), [0x80, 0xc0, 2, 1]);
        assert_eq!(levels(&[(true, 3), (false, 300)], 303), [6, 1, 0xd8, 4, 0]);
        let alternating: Vec<_> = (0..20).map(|row| (row % 2 == 0, 1)).collect();
        assert_eq!(levels(&alternating, 20), [7, 0x55, 0x55, 5]);
    }

    #[test]
    fn page_of_an_optional_column_begins_with_its_levels() {
        let mut page = PageRows::default();
        page.push(&[1], Some(&[0, 1]));
        page.push(&[], Some(&[0]));
        let mut expected = vec![6, 0, 0, 0, 2, 0, 2, 1, 2, 0];
        expected.extend(1_u128.to_be_bytes());
        assert_eq!((page.rows, page.runs.len()), (3, 3));
        // Three runs of two bytes are longer than a group of bits.
        expected.splice(0..10, [2, 0, 0, 0, 3, 0b10]);
        assert_eq!(page.take(true), expected);
        assert_eq!((page.rows, page.runs.len()), (0, 0));
        page.push(&[2, 3], None);
        assert_eq!(page.take(false), [2_u128.to_be_bytes(), 3_u128.to_be_bytes()].concat());
    }
}
