//! What a table is: rows, and columns with names and types, that every format writes in its own way.
//!
//! | type | JSON lines | CSV | Parquet |
//! |---|---|---|---|
//! | [`Type::U8`] to [`Type::U64`] | number | digits | INT32, INT64: unsigned integer of 8 to 64 bits |
//! | [`Type::U128`] | string of digits | digits | FIXED_LEN_BYTE_ARRAY(16), big-endian |
//! | [`Type::Decimal`] | string of digits | digits | the same as DECIMAL(38,0) |
//! | [`Type::Hex`] | string of 32 hex digits | 32 hex digits | FIXED_LEN_BYTE_ARRAY(16), big-endian |
//! | [`Type::Text`] | string | text | BYTE_ARRAY: string |
//!
//! What is not there is `null`, nothing, and null.

use crate::human;
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
    /// Whether a value is mostly that of the row before, and one.
    pub is_sequence: bool,
    /// Whether values mostly grow from row to row, though they have 128 bits.
    pub is_ordered: bool,
    /// Whether Parquet alone has it, since another column tells the same in the other formats.
    pub is_parquet_only: bool,
    /// Whether Parquet alone lacks it, for the same reason.
    pub is_text_only: bool,
    /// The value of a row.
    pub get: for<'a> fn(T::Row<'a>) -> Value,
    /// The values of some rows: the same as of each one, in a loop of its own that the compiler sees through.
    pub fill: for<'a, 'b> fn(&'b [T::Row<'a>], &'b mut Values),
}

/// A column whose value is an expression of its row.
macro_rules! column {
    ($name:literal, $kind:ident, |$row:ident: $type:ty| $value:expr) => {
        $crate::export::table::Column::new(
            $name,
            $crate::export::table::Type::$kind,
            |$row: $type| $crate::export::table::Value::from($value),
            |rows: &[$type], values| {
                for $row in rows {
                    let $row: $type = *$row;
                    values.push($crate::export::table::Value::from($value));
                }
            },
        )
    };
}
pub(crate) use column;

impl<T: Table> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T: Table> Column<T> {
    /// A column that has a value in every row, unlike that of the row before.
    pub const fn new(
        name: &'static str,
        kind: Type,
        get: for<'a> fn(T::Row<'a>) -> Value,
        fill: for<'a, 'b> fn(&'b [T::Row<'a>], &'b mut Values),
    ) -> Self {
        Self {
            name,
            kind,
            is_optional: false,
            repeats: false,
            is_sequence: false,
            is_ordered: false,
            is_parquet_only: false,
            is_text_only: false,
            get,
            fill,
        }
    }

    /// The same, where rows may have no value.
    pub const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The same, where neighbours have the same value.
    pub const fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// The same, where a value is mostly that of the row before, and one.
    pub const fn sequence(self) -> Self {
        Self { is_sequence: true, ..self }
    }

    /// The same, where values mostly grow.
    pub const fn ordered(self) -> Self {
        Self { is_ordered: true, ..self }
    }

    /// The same, in Parquet only.
    pub const fn in_parquet_only(self) -> Self {
        Self { is_parquet_only: true, ..self }
    }

    /// The same, in all formats but Parquet.
    pub const fn in_text_only(self) -> Self {
        Self { is_text_only: true, ..self }
    }
}

/// The largest number that [`Type::Decimal`] holds in Parquet: 38 digits.
pub const DECIMAL_MAX: u128 = 10_u128.pow(38) - 1;

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
    /// A time, ns since 1970, that is printed by RFC 3339: text too.
    Time(u64),
}

/// A time as text.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub u64);

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time.0)
    }
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

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// The values of one column of some rows. The memory is used again.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Of each row, 1 where it has a value and 0 where it has none.
    pub levels: Vec<i16>,
    /// The values, if they are numbers of up to 64 bits.
    pub numbers: Vec<u64>,
    /// The values, if they have 128 bits.
    pub wide: Vec<u128>,
    /// The values, if they are text.
    pub texts: Vec<Cow<'static, str>>,
}

impl Values {
    /// Adds the value of a row.
    #[inline(always)]
    pub fn push(&mut self, value: Value) {
        self.levels.push(i16::from(!matches!(value, Value::Null)));
        match value {
            Value::Null => {}
            Value::Number(number) => self.numbers.push(number),
            Value::Wide(number) => self.wide.push(number),
            Value::Text(text) => self.texts.push(text),
            Value::Time(ns) => self.texts.push(human::time(ns).into()),
        }
    }

    /// Forgets all values, and keeps the memory.
    pub fn clear(&mut self) {
        self.levels.clear();
        self.numbers.clear();
        self.wide.clear();
        self.texts.clear();
    }
}
