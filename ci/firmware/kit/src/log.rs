//! What a program logs: values by defmt, which the host puts into words.
//!
//! ```text
//! device                                    host
//! "{}: {}", offset, relation  --defmt-->    "byte {=u64} (op {=u64}): {}" from the program's ELF file
//!   a few bytes a line                      byte 997024 (op 960): Gap { first: Op(823), last: Op(959) }
//! ```
//!
//! No text is on the device: a line is the number of its format and the values. Types of the core format
//! themselves (its feature `defmt`). Without the feature `defmt` of this crate these functions do nothing.

#[cfg(feature = "defmt")]
mod transport;

#[cfg(feature = "defmt")]
pub(crate) use self::transport::open;

use aof_nostd::chain::Relation;
use aof_nostd::{Damage, Header, Op};

#[cfg(feature = "defmt")]
macro_rules! log {
    ($level:ident, $format:literal $(, $value:expr)*) => { defmt::$level!($format $(, $value)*) };
}

#[cfg(not(feature = "defmt"))]
macro_rules! log {
    ($level:ident, $format:literal $(, $value:expr)*) => {{ $(let _ = $value;)* }};
}

#[cfg(not(feature = "defmt"))]
pub(crate) const fn open() {}

/// An entry was read or written.
pub(crate) fn entry(header: &Header) {
    log!(info, "entry {}", header);
}

/// Damage, and where reading goes on behind it.
pub fn damage(damage: &Damage, until: u64) {
    log!(error, "{}, on at byte {=u64}", damage, until);
}

/// The entry at `offset` does not continue the one before it.
pub(crate) fn relation(offset: u64, op: Op, relation: Relation) {
    log!(warn, "byte {=u64} (op {=u64}): {}", offset, op.0, relation);
}

/// The log was looked at before entries are appended: what is kept, what is cut off.
pub fn recovered(last: Op, kept: u64, torn: u64) {
    log!(
        info,
        "recovered up to op {=u64}: {=u64} bytes kept, {=u64} bytes of a torn tail cut off",
        last.0,
        kept,
        torn
    );
}

/// A checkpoint covers all entries up to this one.
pub fn checkpoint(last: Op) {
    log!(info, "checkpoint op {=u64}", last.0);
}
