//! What a table is: rows, and columns with names and types, that every format writes in its own way.
//!
//! | type | JSON lines | CSV | Parquet |
//! |---|---|---|---|
//! | [`Type::U8`] to [`Type::U64`] | number | digits | INT32, INT64: unsigned integer of 8 to 64 bits |
//! | [`Type::U128`] | string of digits | digits | FIXED_LEN_BYTE_ARRAY(16), big-endian |
//! | [`Type::Decimal`] | string of digits | digits | the same as DECIMAL(38,0); null above 10^38 - 1 |
//! | [`Type::Hex`] | string of 32 hex digits | 32 hex digits | FIXED_LEN_BYTE_ARRAY(16), big-endian |
//! | [`Type::Text`] | string | text | BYTE_ARRAY: string |
//!
//! What is not there is `null`, nothing, and null.

use std::borrow::Cow;
use std::fmt;

/// A kind of rows.
pub trait Table: Send + Sync + Sized + 'static {
    /// Rows that are written together.
    type Block: Block;
    /// One row of a block.
    type Row<'a>: Copy;
    /// The columns, in order.
    const COLUMNS: &'static [Column<Self>];

    /// The rows of a block, in order.
    fn rows(block: &Self::Block) -> impl Iterator<Item = Self::Row<'_>>;
}

/// Rows that are written together.
pub trait Block: Default + Send {
    /// How many rows.
    fn count(&self) -> usize;

    /// The lowest and the highest op that they come from.
    fn ops(&self) -> Option<(u64, u64)>;

    /// Forgets all rows, and keeps the memory.
    fn clear(&mut self);
}

/// A column of a table.
pub struct Column<T: Table> {
    /// Its name, in every format: lower-case letters, digits and `_`.
    pub name: &'static str,
    /// What its values are.
    pub kind: Type,
    /// Whether a row may have no value.
    pub is_optional: bool,
    /// Whether rows that follow each other mostly have the same value.
    pub repeats: bool,
    /// Whether Parquet alone has it, since another column tells the same in the other formats.
    pub is_parquet_only: bool,
    /// The value of a row.
    pub get: for<'a> fn(T::Row<'a>) -> Value,
}

impl<T: Table> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T: Table> Column<T> {
    /// A column that has a value in every row, unlike that of the row before.
    pub const fn new(name: &'static str, kind: Type, get: for<'a> fn(T::Row<'a>) -> Value) -> Self {
        Self { name, kind, is_optional: false, repeats: false, is_parquet_only: false, get }
    }

    /// The same, where rows may have no value.
    pub const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The same, where neighbours have the same value.
    pub const fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// The same, in Parquet only.
    pub const fn in_parquet_only(self) -> Self {
        Self { is_parquet_only: true, ..self }
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A number of 8 bits.
    U8,
    /// A number of 16 bits.
    U16,
    /// A number of 32 bits.
    U32,
    /// A number of 64 bits.
    U64,
    /// A number of 128 bits that names something.
    U128,
    /// A number of 128 bits that is added up.
    Decimal,
    /// 128 bits that are no number: a checksum.
    Hex,
    /// Text.
    Text,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    Null,
    /// A number of up to 64 bits.
    Number(u64),
    /// A number of 128 bits, or as many bits.
    Wide(u128),
    /// Text.
    Text(Cow<'static, str>),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Number(value.into())
    }
}

impl From<u8> for Value {
    fn from(value: u8) -> Self {
        Self::Number(value.into())
    }
}

impl From<u128> for Value {
    fn from(value: u128) -> Self {
        Self::Wide(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(value.into())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
