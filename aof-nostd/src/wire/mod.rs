//! The bytes of an entry, viewed in place: no copy, no alignment, any byte order of the machine.
//!
//! ```text
//! entry    offset  size          field
//!               0    16          magic
//!              16   256          prepare header, see [`Header`]
//!             272   size - 256   body
//! ```
//!
//! Entries follow each other without padding and a file has no header of its own, so an entry can
//! start at any byte. All integers are little-endian. [`Header`] and [`Entry`] have alignment 1 and are
//! views of any byte slice.
//!
//! This layer knows layout and frame rules. Checksums are joined to it by [`Checker`](crate::Checker).
//!
//! Facts: files written by TigerBeetle 0.16.21 to 0.17, described in `docs/format.md`.

mod entry;
mod fields;
mod header;
mod operation;

pub use self::entry::{Entry, EntryHead, HEAD_SIZE, MAGIC_SIZE};
pub(crate) use self::entry::{HEAD_SIZE_U32, HEADER_SIZE_U32, MAGIC_SIZE_U32};
pub use self::fields::{Op, Release, View};
pub use self::header::{COMMAND_PREPARE, HEADER_SIZE, Header, HeaderRule, MESSAGE_SIZE_MAX_DEFAULT};
pub use self::operation::Operation;
